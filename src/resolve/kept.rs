//! A directory and its watchers as rows: the form in which a state is kept and from which it is taken up again.
//!
//! Come here when a firm learns something new that must survive. Rows are all that cannot be told from other rows;
//! names and addresses stand in tables beside them, because many firms and mentions share one.

use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::directory::{Directory, Scope};
use super::index::{Profile, ProfileName};
use super::statistics::NameStatistics;
use super::watchers::{Grounds, Watchers};
use crate::model::{Address, Company, Country, Identifier, NameForm};

/// Things that are held once, by the number under which a table has each.
#[derive(Debug)]
pub struct Table<T> {
    list: Vec<Arc<T>>,
    /// By where it lies.
    numbers: HashMap<usize, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { list: Vec::new(), numbers: HashMap::default() }
    }
}

impl<T> Table<T> {
    /// Takes a thing up, unless it is in the table already.
    pub fn add(&mut self, thing: &Arc<T>) {
        let next = self.list.len() as u32;
        if *self.numbers.entry(Arc::as_ptr(thing).addr()).or_insert(next) == next {
            self.list.push(Arc::clone(thing));
        }
    }

    /// Its number; nothing that was added has the greatest.
    pub fn number(&self, thing: &Arc<T>) -> u32 {
        self.numbers.get(&Arc::as_ptr(thing).addr()).copied().unwrap_or(u32::MAX)
    }

    /// All of them in the order of their numbers.
    pub fn list(&self) -> &[Arc<T>] {
        &self.list
    }
}

/// Names and addresses of a kept directory, in the order of their numbers.
pub struct Forms<'f> {
    /// Names.
    pub names: &'f [Arc<NameForm>],
    /// Addresses.
    pub addresses: &'f [Arc<Address>],
}

/// Which firms: as whose, and whether known by name only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FirmsOf {
    /// Who sees them.
    pub scope: u32,
    /// They have no number.
    pub is_named: bool,
}

/// A firm as a row.
#[derive(Debug, Serialize, Deserialize)]
pub struct FirmRow {
    key: String,
    country: Option<Country>,
    identifier: Option<Identifier>,
    companies: Vec<Arc<Company>>,
    /// Name by its number, papers that bear it, whether it is registered.
    names: Vec<(u32, u32, bool)>,
    addresses: Vec<u32>,
    phones: Vec<String>,
    email_domains: Vec<String>,
    support: u32,
    keys: Vec<u64>,
}

impl FirmRow {
    fn of(firm: &Profile, names: &Table<NameForm>, addresses: &Table<Address>) -> Self {
        let name = |name: &ProfileName| (names.number(&name.form), name.count, name.is_registered);
        Self {
            key: firm.key.clone(),
            country: firm.country,
            identifier: firm.identifier.clone(),
            companies: firm.companies.clone(),
            names: firm.names().iter().map(name).collect(),
            addresses: firm.addresses.iter().map(|address| addresses.number(address)).collect(),
            phones: firm.phones.clone(),
            email_domains: firm.email_domains.clone(),
            support: firm.support,
            keys: firm.keys.clone(),
        }
    }

    /// The firm of a row. A number that no table has is left out, which a checksum keeps from happening.
    fn profile(self, forms: &Forms<'_>) -> Profile {
        let name = |(number, count, is_registered): (u32, u32, bool)| {
            let form = Arc::clone(forms.names.get(number as usize)?);
            Some(ProfileName { form, count, is_registered })
        };
        let address = |number: u32| forms.addresses.get(number as usize).map(Arc::clone);
        let mut profile = Profile::named(self.key, self.names.into_iter().filter_map(name).collect());
        profile.country = self.country;
        profile.identifier = self.identifier;
        profile.companies = self.companies;
        profile.addresses = self.addresses.into_iter().filter_map(address).collect();
        profile.phones = self.phones;
        profile.email_domains = self.email_domains;
        profile.support = self.support;
        profile.keys = self.keys;
        profile
    }
}

impl Directory {
    /// All kinds of firms there are.
    pub fn kinds(&self) -> Vec<FirmsOf> {
        let of = |scope: &u32| [false, true].map(|is_named| FirmsOf { scope: *scope, is_named });
        std::iter::once(&0).chain(self.private.keys()).flat_map(of).collect()
    }

    /// How many firms of a kind there are.
    pub fn firm_count(&self, kind: FirmsOf) -> u32 {
        self.firms(kind).len() as u32
    }

    /// A firm of a kind, in the order in which they came.
    pub fn firm_row(
        &self,
        kind: FirmsOf,
        place: u32,
        names: &Table<NameForm>,
        addresses: &Table<Address>,
    ) -> Option<FirmRow> {
        Some(FirmRow::of(self.firms(kind).get(place as usize)?, names, addresses))
    }

    fn firms(&self, kind: FirmsOf) -> &[Profile] {
        self.layer(Scope(kind.scope))
            .map_or(&[], |layer| if kind.is_named { layer.named.profiles() } else { layer.known.profiles() })
    }

    /// Puts names and addresses of all firms into tables.
    pub fn fill(&self, names: &mut Table<NameForm>, addresses: &mut Table<Address>) {
        for firm in self.kinds().into_iter().flat_map(|kind| self.firms(kind)) {
            firm.names().iter().for_each(|name| names.add(&name.form));
            firm.addresses.iter().for_each(|address| addresses.add(address));
        }
    }

    /// Fingerprints of what was inserted under a scope, sorted.
    pub fn seen(&self, scope: u32) -> Vec<u64> {
        let mut seen: Vec<u64> = self.layer(Scope(scope)).into_iter().flat_map(|layer| &layer.seen).copied().collect();
        seen.sort_unstable();
        seen
    }

    /// Takes up a firm again: in the order in which they were told.
    pub fn restore(&mut self, kind: FirmsOf, row: FirmRow, forms: &Forms<'_>) {
        let layer = self.layer_mut(Scope(kind.scope));
        let index = if kind.is_named { &mut layer.named } else { &mut layer.known };
        index.restore(row.profile(forms));
    }

    /// Takes up fingerprints again.
    pub fn restore_seen(&mut self, scope: u32, seen: impl Iterator<Item = u64>) {
        self.layer_mut(Scope(scope)).seen.extend(seen);
    }

    /// Takes up word frequencies again.
    pub fn restore_statistics(&mut self, statistics: NameStatistics) {
        self.statistics = statistics;
    }
}

impl Watchers {
    /// What the answers hung on, by mention.
    pub fn all_grounds(&self) -> &[Grounds] {
        &self.grounds
    }

    /// Mentions by the keys that they share, and by the firms that were compared with them.
    pub fn lists(&self) -> [Vec<(u64, &[u32])>; 2] {
        let by_key = self.by_key.iter().map(|(key, mentions)| (*key, mentions.as_slice())).collect();
        let by_mark = self.by_mark.iter().map(|(mark, mentions)| (u64::from(*mark), mentions.as_slice())).collect();
        [by_key, by_mark]
    }

    /// Takes all of that up again.
    pub fn restored(grounds: Vec<Grounds>, by_key: Vec<(u64, Vec<u32>)>, by_mark: Vec<(u64, Vec<u32>)>) -> Self {
        let by_mark = by_mark.into_iter().map(|(mark, mentions)| (mark as u32, mentions)).collect();
        Self { grounds, by_key: by_key.into_iter().collect(), by_mark }
    }
}
