//! Everything held, in the form in which cases are gathered from it: an in-memory view that a batch run fills from
//! files and the service rebuilds from its store.
//!
//! What it answers is a function of the set of records, never of the order in which they came.
//! It does no I/O and judges nothing; `gather` cuts cases out of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::goods::Brands;
use crate::model::{
    Address, Amount, Company, Corridor, Day, DocumentKey, DocumentKind, GoodsForm, MentionForm, NameForm, OrderKey,
    Probability, Record, ShipmentLine, ShipmentRole,
};
use crate::normalize;
use crate::resolve::{Directory, Introduction, Scope, Touched, Watchers};

use super::buyers::{RecordStep, TenantCounts};
use super::gather::FoundTrails;
use super::policy::Policy;
use super::pool::{CargoRow, GoodsRow, OrderName, OrderRow, PartyId, Pool, ShipmentName, ShipmentRow};
use super::record::EchoOf;
use super::settle::Unsettled;
use super::spellings::Spellings;
use super::weigh::{OrderFacts, PaperFacts, followed_from};

/// A mention, whom it may stand for, and the records that carry it.
#[derive(Debug)]
pub(super) struct Mention {
    pub form: Arc<MentionForm>,
    pub scope: u32,
    /// Entities by internal number with their shares, the greatest first.
    pub shares: Box<[(u32, Probability)]>,
    /// So many of them are followed; the smaller ones are only told in the list of parties.
    pub followed_count: u8,
    pub carried: Vec<Carried>,
}

impl Mention {
    /// The entities that are followed, with their shares.
    pub(super) fn followed(&self) -> &[(u32, Probability)] {
        self.shares.get(..self.followed_count.into()).unwrap_or(&self.shares)
    }
}

/// A record that carries a mention.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Carried {
    /// As the buyer of this order line.
    Order(u32),
    /// As a party of this shipment line.
    Shipment(u32),
}

/// An entity and its records, each list by day.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Entity {
    pub key: String,
    pub orders: Vec<(Day, u32)>,
    pub sent: Vec<(Day, u32)>,
    pub transfers_received: Vec<(Day, u32)>,
    pub arrivals_received: Vec<(Day, u32)>,
}

/// A list of an entity's records.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum List {
    Orders,
    Sent,
    TransfersReceived,
    ArrivalsReceived,
}

impl Entity {
    pub(super) fn list(&self, list: List) -> &[(Day, u32)] {
        match list {
            List::Orders => &self.orders,
            List::Sent => &self.sent,
            List::TransfersReceived => &self.transfers_received,
            List::ArrivalsReceived => &self.arrivals_received,
        }
    }

    pub(super) fn list_mut(&mut self, list: List) -> &mut Vec<(Day, u32)> {
        match list {
            List::Orders => &mut self.orders,
            List::Sent => &mut self.sent,
            List::TransfersReceived => &mut self.transfers_received,
            List::ArrivalsReceived => &mut self.arrivals_received,
        }
    }
}

/// An order line held.
#[derive(Debug)]
pub(super) struct HeldOrder {
    pub tenant: u32,
    pub row: OrderRow,
    pub goods: Arc<GoodsForm>,
    pub value_euro: Option<Amount>,
    pub buyer: u32,
    pub echo: EchoOf,
    /// The entity in whose record it is counted.
    pub counted_for: Option<u32>,
    /// What that record may say of it at most, as ties are weighed; nothing before it was looked at.
    pub record_step: Option<RecordStep>,
}

/// A shipment line held.
#[derive(Debug)]
pub(super) struct HeldShipment {
    /// The only tenant who may see it, or all.
    pub visible_to: Option<u32>,
    pub row: ShipmentRow,
    pub role: ShipmentRole,
    pub goods: Arc<GoodsForm>,
    pub value_euro: Option<Amount>,
    pub consignor: Option<u32>,
    pub consignee: Option<u32>,
}

impl HeldOrder {
    /// What is weighed of it besides its goods.
    pub(super) fn facts(&self) -> OrderFacts {
        self.row.facts(self.value_euro)
    }

    /// The day by which it is filed under its buyer's firms.
    pub(super) fn followed_from(&self) -> Day {
        followed_from(&self.facts())
    }
}

impl HeldShipment {
    /// Whether a tenant may see it.
    pub(super) fn is_visible_to(&self, tenant: u32) -> bool {
        self.visible_to.is_none_or(|owner| owner == tenant)
    }

    /// What is weighed of it besides its goods.
    pub(super) fn facts(&self) -> PaperFacts {
        self.row.facts(self.value_euro)
    }
}

/// What a tenant's order lines say of one entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct BuyerRecord {
    pub first_order_date: Option<Day>,
    pub order_line_count: u32,
    pub echoed_millionths: u64,
}

impl BuyerRecord {
    /// Counts one order line more.
    pub(super) fn add(&mut self, order_date: Day, echo: Probability) {
        self.first_order_date = Some(self.first_order_date.map_or(order_date, |first| first.min(order_date)));
        self.order_line_count += 1;
        self.echoed_millionths += u64::from(echo.millionths());
    }
}

/// A record whose texts are in the pool.
enum Incoming {
    Order { tenant: u32, row: OrderRow, value_euro: Option<Amount> },
    Shipment { visible_to: Option<u32>, row: ShipmentRow, role: ShipmentRole, value_euro: Option<Amount> },
    Company(Box<Company>),
}

impl Incoming {
    /// Parties that are resolved, the buyer and whoever acts in the ostensible destination, with the scope of the
    /// paper: 0 for all, n + 1 for tenant n.
    fn mentioned(&self) -> [Option<(PartyId, u32)>; 2] {
        match self {
            Self::Order { tenant, row, .. } => [Some((row.buyer, tenant + 1)), None],
            Self::Shipment { visible_to, row, role, .. } => {
                let scope = visible_to.map_or(0, |tenant| tenant + 1);
                [
                    (*role != ShipmentRole::Arrival).then_some((row.consignor, scope)),
                    (*role != ShipmentRole::Onward).then_some((row.consignee, scope)),
                ]
            }
            Self::Company(_) => [None, None],
        }
    }

    fn common_goods(&self) -> Option<GoodsRow> {
        match self {
            Self::Order { row, .. } => row.cargo.common_goods(),
            Self::Shipment { row, .. } => row.cargo.common_goods(),
            Self::Company(_) => None,
        }
    }
}

/// Parties folded for the records being inserted.
type NewForms = HashMap<PartyId, NewForm>;

/// A folded party and, until it was, what introduces it to the directory.
struct NewForm {
    form: Arc<MentionForm>,
    introduction: Option<Introduction>,
}

/// What happened to a record offered to the holdings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It is new.
    New,
    /// The same record was there already.
    Same,
    /// Another record of the same name was there already; that one is kept.
    Conflict,
}

/// All records held, resolved and indexed.
#[derive(Debug)]
pub struct Holdings {
    pub(super) policy: Policy,
    pub(super) corridor: Corridor,
    pub(super) directory: Directory,
    pub(super) pool: Pool,
    pub(super) brands: Brands,
    pub(super) brand_names: BTreeSet<String>,
    pub(super) mentions: Vec<Mention>,
    pub(super) names: Spellings<NameForm>,
    pub(super) addresses: Spellings<Address>,
    pub(super) mention_ids: HashMap<(Arc<MentionForm>, u32), u32>,
    /// The mention of a spelling in a scope.
    pub(super) mention_of_party: HashMap<(PartyId, u32), u32>,
    pub(super) entities: Vec<Entity>,
    pub(super) entity_ids: HashMap<String, u32>,
    /// What the mentions' entities hung on when they were found; noted from the second settling on, or from the first
    /// where more are expected: see [`Holdings::expecting_more`].
    pub(super) watchers: Watchers,
    pub(super) expects_more: bool,
    pub(super) tenants: Vec<String>,
    pub(super) orders: Vec<HeldOrder>,
    pub(super) order_ids: HashMap<(u32, OrderName), u32>,
    pub(super) shipments: Vec<HeldShipment>,
    pub(super) shipment_ids: HashMap<(Option<u32>, ShipmentName), u32>,
    pub(super) companies: HashMap<(String, String), Company>,
    pub(super) records_by_buyer: HashMap<(u32, u32), BuyerRecord>,
    pub(super) counts: Vec<TenantCounts>,
    /// Goods that are spelt alike are folded once and held once.
    pub(super) goods_forms: HashMap<GoodsRow, Arc<GoodsForm>>,
    pub(super) arrival_days: Option<(Day, Day)>,
    /// What cuts found of transfers, as long as it holds.
    pub(super) found_trails: FoundTrails,
    pub(super) unsettled: Unsettled,
}

impl Holdings {
    /// Nothing held yet.
    pub fn new(policy: Policy, corridor: Corridor) -> Self {
        Self {
            policy,
            corridor,
            directory: Directory::new(),
            pool: Pool::default(),
            brands: Brands::new(std::iter::empty::<&str>()),
            brand_names: BTreeSet::new(),
            mentions: Vec::new(),
            names: Spellings::default(),
            addresses: Spellings::default(),
            mention_ids: HashMap::new(),
            mention_of_party: HashMap::new(),
            entities: Vec::new(),
            entity_ids: HashMap::new(),
            watchers: Watchers::default(),
            expects_more: false,
            tenants: Vec::new(),
            orders: Vec::new(),
            order_ids: HashMap::new(),
            shipments: Vec::new(),
            shipment_ids: HashMap::new(),
            companies: HashMap::new(),
            records_by_buyer: HashMap::new(),
            counts: Vec::new(),
            goods_forms: HashMap::new(),
            arrival_days: None,
            found_trails: FoundTrails::default(),
            unsettled: Unsettled::default(),
        }
    }

    /// The same, for many settlings: the first one already notes what the later ones need, which a batch run never does.
    pub fn expecting_more(policy: Policy, corridor: Corridor) -> Self {
        Self { expects_more: true, ..Self::new(policy, corridor) }
    }

    /// Offers one record; `tenant` is whose it is, or `None` when all may see it. Orders always are somebody's.
    /// It counts in cases after the next [`Holdings::settle`].
    pub fn insert(&mut self, tenant: Option<&str>, record: Record) -> Held {
        self.insert_all(vec![(tenant, record)]).pop().unwrap_or(Held::Same)
    }

    /// The same for a record that has a place in a log, which is told as the cause of what it changes.
    pub(super) fn insert_logged(&mut self, sequence: u64, tenant: Option<&str>, record: Record) -> Held {
        self.unsettled.news.arriving = Some(sequence);
        let held = self.insert(tenant, record);
        self.unsettled.news.arriving = None;
        held
    }

    /// Offers many records, see [`Holdings::insert`]; their spellings are folded side by side. What became of each
    /// comes back in the same order.
    pub fn insert_all(&mut self, records: Vec<(Option<&str>, Record)>) -> Vec<Held> {
        let incoming: Vec<Incoming> =
            records.into_iter().map(|(owner, record)| self.take_into_pool(owner, record)).collect();
        let mut forms = self.fold_parties(&incoming);
        self.fold_goods(&incoming);
        incoming.into_iter().map(|record| self.insert_one(record, &mut forms)).collect()
    }

    fn take_into_pool(&mut self, owner: Option<&str>, record: Record) -> Incoming {
        let tenant = owner.map(|owner| self.tenant_id(owner));
        match record {
            Record::Order(line) => Incoming::Order {
                tenant: tenant.unwrap_or_else(|| self.tenant_id("")),
                row: self.pool.order_row(&line),
                value_euro: self.euro(line.value, &line.currency, line.order_date),
            },
            Record::Shipment(line) => Incoming::Shipment {
                visible_to: tenant,
                row: self.pool.shipment_row(&line),
                role: role(&line, self.corridor),
                value_euro: self.euro(line.value, &line.currency, line.date),
            },
            Record::Company(company) => Incoming::Company(company),
        }
    }

    /// A value in euro, where it can be told.
    pub(super) fn euro(&self, value: Option<Amount>, currency: &str, day: Day) -> Option<Amount> {
        let value = value.filter(|value| value.is_positive())?;
        self.policy.rates.to_euro(value, currency, day)
    }

    /// Folded forms of the parties that are no mention yet.
    fn fold_parties(&mut self, incoming: &[Incoming]) -> NewForms {
        let mentioned = incoming.iter().flat_map(Incoming::mentioned).flatten();
        let new: HashSet<PartyId> =
            mentioned.filter(|place| !self.mention_of_party.contains_key(place)).map(|(party, _)| party).collect();
        let Self { pool, names, addresses, .. } = self;
        let texts = || new.iter().filter_map(|party| pool.name_and_address(*party));
        names.take_up(texts().map(|(name, _)| name), |text| normalize::name(pool.str(text)));
        addresses.take_up(texts().map(|(_, address)| address), |text| normalize::address(pool.str(text)));
        new.into_par_iter().map(|party| (party, self.fold_party(party))).collect()
    }

    fn fold_party(&self, number: PartyId) -> NewForm {
        let party = self.pool.party_of(number);
        let texts = self.pool.name_and_address(number);
        let folded = texts.and_then(|(name, address)| Some((self.names.of(name)?, self.addresses.of(address)?)));
        let form = match folded {
            Some((name, address)) => normalize::mention_with(&party, name, address),
            None => normalize::mention(&party),
        };
        NewForm { introduction: Some(Introduction::of(&form)), form: Arc::new(form) }
    }

    /// Folds goods that are spelt in a new way. Those that name single pieces are never spelt alike twice and wait.
    fn fold_goods(&mut self, incoming: &[Incoming]) {
        let rows = incoming.iter().filter_map(Incoming::common_goods);
        let new: HashSet<GoodsRow> = rows.filter(|row| !self.goods_forms.contains_key(row)).collect();
        let folded: Vec<(GoodsRow, Arc<GoodsForm>)> =
            new.into_par_iter().map(|row| (row, Arc::new(self.pool.fold_goods(row)))).collect();
        self.goods_forms.extend(folded);
    }

    fn insert_one(&mut self, incoming: Incoming, forms: &mut NewForms) -> Held {
        if let Some(held) = self.known(&incoming) {
            return held;
        }
        let [first, second] =
            incoming.mentioned().map(|place| place.map(|(party, scope)| self.mention_id(party, scope, forms)));
        match incoming {
            Incoming::Order { tenant, row, value_euro } => {
                let order = self.orders.len() as u32;
                let buyer = first.unwrap_or_default();
                self.mentions[buyer as usize].carried.push(Carried::Order(order));
                self.order_ids.insert((tenant, row.name), order);
                let goods = self.goods_form(&row.cargo);
                let (echo, counted_for, record_step) = (EchoOf::default(), None, None);
                self.orders.push(HeldOrder { tenant, row, goods, value_euro, buyer, echo, counted_for, record_step });
                self.unsettled.orders.push(order);
                self.unsettled.news.order(order, tenant);
            }
            Incoming::Shipment { visible_to, row, role, value_euro } => {
                let shipment = self.shipments.len() as u32;
                for mention in first.iter().chain(&second) {
                    self.mentions[*mention as usize].carried.push(Carried::Shipment(shipment));
                }
                self.shipment_ids.insert((visible_to, row.name), shipment);
                let goods = self.goods_form(&row.cargo);
                let (consignor, consignee) = (first, second);
                self.shipments.push(HeldShipment { visible_to, row, role, goods, value_euro, consignor, consignee });
                self.unsettled.shipments.push(shipment);
                self.unsettled.news.paper(shipment, visible_to);
            }
            Incoming::Company(company) => return self.insert_company(*company),
        }
        Held::New
    }

    /// What is held under the name of a line, if anything.
    fn known(&self, incoming: &Incoming) -> Option<Held> {
        let is_same = match incoming {
            Incoming::Order { tenant, row, .. } => {
                let held = self.order_ids.get(&(*tenant, row.name))?;
                self.orders[*held as usize].row == *row
            }
            Incoming::Shipment { visible_to, row, .. } => {
                let held = self.shipment_ids.get(&(*visible_to, row.name))?;
                self.shipments[*held as usize].row == *row
            }
            Incoming::Company(_) => return None,
        };
        Some(if is_same { Held::Same } else { Held::Conflict })
    }

    fn insert_company(&mut self, company: Company) -> Held {
        let key = Self::company_key(&company);
        if let Some(held) = self.companies.get(&key) {
            return if *held == company { Held::Same } else { Held::Conflict };
        }
        let touched = self.directory.insert_company(&company);
        self.unsettled.news.row(&touched.entities);
        self.unsettled.entities.extend(touched.entities.iter().cloned());
        self.touch(touched);
        self.companies.insert(key, company);
        Held::New
    }

    /// What names a register row: country and number.
    pub(super) fn company_key(company: &Company) -> (String, String) {
        let country = company.country.map_or(String::new(), |country| country.to_string());
        (country, company.identifier.clone())
    }

    fn tenant_id(&mut self, tenant: &str) -> u32 {
        if let Some(id) = self.tenant(tenant) {
            return id;
        }
        self.tenants.push(tenant.to_owned());
        self.counts.push(TenantCounts::default());
        (self.tenants.len() - 1) as u32
    }

    /// The internal number of a tenant that has records.
    pub(super) fn tenant(&self, tenant: &str) -> Option<u32> {
        self.tenants.iter().position(|held| held == tenant).map(|index| index as u32)
    }

    /// Mentions that may now resolve otherwise wait for the next settling.
    fn touch(&mut self, touched: Touched) {
        // Before the first settling everything is resolved anyway.
        if self.unsettled.firms_rounded.is_some() {
            self.unsettled.changes.add(touched);
        }
    }

    /// The folded form of goods; what is spelt alike is held once, unless it names single pieces.
    fn goods_form(&mut self, cargo: &CargoRow) -> Arc<GoodsForm> {
        let known = cargo.common_goods().and_then(|row| self.goods_forms.get(&row));
        let goods = known.map_or_else(|| Arc::new(self.pool.fold_cargo(cargo)), Arc::clone);
        self.learn_brand(&goods);
        goods
    }

    fn learn_brand(&mut self, goods: &GoodsForm) {
        if let Some(brand) = &goods.brand
            && !self.brand_names.contains(brand)
        {
            self.brand_names.insert(brand.clone());
            self.unsettled.brands.insert(brand.clone());
            self.unsettled.news.brand(brand);
        }
    }

    /// The mention of a spelling in a scope: 0 for all, n + 1 for tenant n. Spellings that fold alike are one mention.
    fn mention_id(&mut self, party: PartyId, scope: u32, forms: &mut NewForms) -> u32 {
        if let Some(id) = self.mention_of_party.get(&(party, scope)) {
            return *id;
        }
        let new = forms.entry(party).or_insert_with(|| self.fold_party(party));
        let key = (Arc::clone(&new.form), scope);
        let id = match self.mention_ids.get(&key) {
            Some(id) => *id,
            None => self.new_mention(key, new.introduction.take()),
        };
        self.mention_of_party.insert((party, scope), id);
        id
    }

    fn new_mention(&mut self, (form, scope): (Arc<MentionForm>, u32), introduction: Option<Introduction>) -> u32 {
        let introduction = introduction.unwrap_or_else(|| Introduction::of(&form));
        let touched = self.directory.insert_introduced(introduction, Scope(scope));
        self.unsettled.news.naming(&touched.entities, scope);
        self.touch(touched);
        let id = self.mentions.len() as u32;
        self.unsettled.mentions.insert(id);
        self.mention_ids.insert((Arc::clone(&form), scope), id);
        self.mentions.push(Mention { form, scope, shares: Box::default(), followed_count: 0, carried: Vec::new() });
        id
    }

    /// The entities of a mention that are followed, with their shares.
    pub(super) fn followed(&self, mention: u32) -> impl Iterator<Item = (u32, Probability)> + use<'_> {
        self.mentions[mention as usize].followed().iter().copied()
    }

    /// The likeliest entity of a mention; the entity key decides between equals.
    pub(super) fn best_share(&self, mention: u32) -> Option<(u32, Probability)> {
        self.followed(mention).max_by(|left, right| {
            let keys = |share: &(u32, Probability)| &self.entities[share.0 as usize].key;
            left.1.cmp(&right.1).then_with(|| keys(right).cmp(keys(left)))
        })
    }

    /// The order line of a tenant under this name, by its number.
    pub(super) fn held_order(&self, tenant: u32, key: &OrderKey) -> Option<u32> {
        let name = self.pool.known_order_name(key)?;
        self.order_ids.get(&(tenant, name)).copied()
    }

    /// The number of a shipment line that a tenant may see: its own one where it has one, as the store has it.
    pub(super) fn held_shipment(&self, tenant: u32, key: &DocumentKey) -> Option<u32> {
        let name = self.pool.known_shipment_name(key)?;
        [Some(tenant), None].iter().find_map(|visible_to| self.shipment_ids.get(&(*visible_to, name))).copied()
    }

    /// Forgets what only inserting needs; nothing may be inserted from here on.
    pub(super) fn close(&mut self) {
        self.mention_ids = HashMap::new();
        self.mention_of_party = HashMap::new();
        self.names = Spellings::default();
        self.addresses = Spellings::default();
        self.order_ids = HashMap::new();
        self.shipment_ids = HashMap::new();
        self.goods_forms = HashMap::new();
        self.companies = HashMap::new();
        self.directory.close();
    }

    /// Order lines held.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Shipment lines held.
    pub fn shipment_count(&self) -> usize {
        self.shipments.len()
    }
}

/// What a paper is in the corridor. A Russian declaration is onward whoever sends; otherwise the receiver's
/// country decides, and a receiver without a country is taken to be where the sender is.
fn role(line: &ShipmentLine, corridor: Corridor) -> ShipmentRole {
    let Corridor { ostensible, actual } = corridor;
    let from = line.consignor.country;
    let to = line.consignee.country;
    if line.key.kind == DocumentKind::KzImport {
        return ShipmentRole::Arrival;
    }
    if to == Some(actual) || line.key.kind == DocumentKind::RuDeclaration {
        return ShipmentRole::Onward;
    }
    match (from, to) {
        (Some(from), Some(to)) if from != ostensible && to == ostensible => ShipmentRole::Arrival,
        _ => ShipmentRole::Transfer,
    }
}
