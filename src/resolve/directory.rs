//! The directory of firms: the register and all mentions seen, and for a mention the firms it may stand for.
//!
//! Come here to see how candidates are found, weighed against each other and against "none known". Answers are a
//! function of the set of what was inserted and is visible, never of its order. What is compared, and how much it
//! counts, is in `compare` and `weights`.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashSet;

use super::asked::{AskedName, AskedNames};
use super::compare::{address_bits, compare_countries, compare_identifiers, evidence, shown, shown_address};
use super::index::{Change, Contribution, Index, Profile, ProfileName, firm_mark};
use super::keys::{address_key, hash, identifier_key, mention_keys, name_keys, phone_key};
use super::names::{legal_form_bits, legal_form_evidence};
use super::statistics::NameStatistics;
use super::watchers::{Bound, Grounds, Worth};
use super::weights as w;
use crate::model::{
    Address, Company, Evidence, EvidenceKind, Identifier, IdentifierKind, MentionForm, NameForm, Probability, Validity,
};
use crate::normalize::{address, identifier, name, phone};

/// Most firms that an answer names.
pub const MAX_CANDIDATES: usize = 8;
/// Most firms that are compared with a mention; those that share the rarest keys come first.
pub const MAX_EXAMINED: usize = 10;

/// Who may use what a mention tells: everybody, or one tenant only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Scope(pub u32);

impl Scope {
    /// Visible to all.
    pub const SHARED: Self = Self(0);
}

/// What an insertion may have changed for mentions that were resolved earlier: [`Watchers`](super::Watchers) tells for
/// which, unless [`Directory::firms_rounded`] changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    /// Who sees the change.
    pub scope: Scope,
    /// Keys of the firms that changed.
    pub entities: Vec<String>,
    /// Blocking keys under which each of them is found now and was not before.
    pub gained_keys: Vec<u64>,
    /// Blocking keys that count for less now, so that whoever shares one may be compared with others.
    pub stepped_keys: Vec<u64>,
}

/// For whom a mention may stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resolution {
    /// The most probable first, then by key. The sum is at most one; the rest is "none known".
    pub candidates: Vec<Candidate>,
}

/// A firm that a mention may stand for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// `KZ:180640012345` where a number is known, else `KZ~skeleton`.
    pub entity: String,
    /// Its share of the mention. Why is told by [`Directory::explain`].
    pub probability: Probability,
}

/// All firms known, by register and by papers.
#[derive(Clone, Default, Debug)]
pub struct Directory {
    shared: Layer,
    pub(super) private: BTreeMap<u32, Layer>,
    pub(super) statistics: NameStatistics,
}

/// A mention in the form in which a directory takes it in. Making it needs no directory, so many are made side by side.
pub struct Introduction {
    fingerprint: u64,
    /// Nothing where neither number nor name says who it is.
    contribution: Option<Contribution>,
}

impl Introduction {
    /// Prepares a mention.
    pub fn of(form: &MentionForm) -> Self {
        let number = form.identifier.clone().filter(is_usable);
        let country = form.country.as_ref().map(|country| country.as_str());
        let key = match &number {
            Some(number) => Some(entity_key(number, country)),
            None if form.name.tokens.is_empty() => None,
            None => Some(named_key(form)),
        };
        let contribution = key.map(|key| Contribution {
            key,
            country: form.country,
            identifier: number,
            company: None,
            names: vec![Arc::clone(&form.name)],
            address: Arc::clone(&form.address),
            phone: form.phone.clone(),
            email_domain: form.email_domain.clone(),
            keys: mention_keys(form),
        });
        Self { fingerprint: fingerprint(form), contribution }
    }
}

/// What was inserted under one scope.
#[derive(Clone, Default, Debug)]
pub(super) struct Layer {
    /// Firms with a number.
    pub known: Index,
    /// Firms known by name only.
    pub named: Index,
    /// Fingerprints of the mentions inserted.
    pub seen: HashSet<u64>,
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a register row; inserting it again changes nothing. Rows without a number that may be valid are left out.
    pub fn insert_company(&mut self, company: &Company) -> Touched {
        let Some(number) = identifier(&company.identifier, company.country).filter(is_usable) else {
            return Touched::default();
        };
        let mut names = vec![Arc::new(name(&company.name))];
        if !company.name_latin.is_empty() {
            names.push(Arc::new(NameForm { legal_form: names[0].legal_form, ..name(&company.name_latin) }));
        }
        let (place, phone) = (Arc::new(address(&company.address)), phone(&company.phone));
        let mut keys = vec![identifier_key(&number)];
        names.iter().for_each(|form| name_keys(form, &mut keys));
        keys.extend(phone.as_deref().map(phone_key));
        keys.extend(address_key(&place));
        self.insert_known(
            Scope::SHARED,
            Contribution {
                key: entity_key(&number, company.country.as_ref().map(|country| country.as_str())),
                country: company.country,
                identifier: Some(number),
                company: Some(Arc::new(company.clone())),
                names,
                address: place,
                phone,
                email_domain: None,
                keys,
            },
        )
    }

    /// Takes in a mention of a paper (shared, or of one tenant's private feed) or of an order; equal ones count once.
    pub fn insert_mention(&mut self, form: &MentionForm, scope: Scope) -> Touched {
        self.insert_introduced(Introduction::of(form), scope)
    }

    /// The same for a mention that was prepared before.
    pub fn insert_introduced(&mut self, introduction: Introduction, scope: Scope) -> Touched {
        if !self.layer_mut(scope).seen.insert(introduction.fingerprint) {
            return Touched::default();
        }
        let Some(contribution) = introduction.contribution else { return Touched::default() };
        if contribution.identifier.is_some() {
            return self.insert_known(scope, contribution);
        }
        let key = contribution.key.clone();
        let change = self.layer_mut(scope).named.insert(contribution);
        told(key, scope, change)
    }

    fn insert_known(&mut self, scope: Scope, contribution: Contribution) -> Touched {
        let key = contribution.key.clone();
        let change = self.layer_mut(scope).known.insert(contribution);
        if scope == Scope::SHARED {
            if change.is_new {
                self.statistics.count_firm();
            }
            change.new_words.iter().for_each(|word| self.statistics.count_word(word));
        }
        told(key, scope, change)
    }

    /// Forgets what only inserting needs; nothing may be inserted from here on.
    pub fn close(&mut self) {
        self.shared.seen = HashSet::default();
        self.private.values_mut().for_each(|layer| layer.seen = HashSet::default());
    }

    pub(super) fn layer(&self, scope: Scope) -> Option<&Layer> {
        if scope == Scope::SHARED { Some(&self.shared) } else { self.private.get(&scope.0) }
    }

    pub(super) fn layer_mut(&mut self, scope: Scope) -> &mut Layer {
        if scope == Scope::SHARED { &mut self.shared } else { self.private.entry(scope.0).or_default() }
    }

    /// The register row of a firm.
    pub fn company(&self, entity_key: &str) -> Option<&Company> {
        self.shared.known.get(entity_key)?.companies.last().map(Arc::as_ref)
    }

    /// A readable name: the registered one, else the words that papers use most.
    pub fn display_name(&self, entity_key: &str) -> String {
        if let Some(company) = self.company(entity_key) {
            return company.name.clone();
        }
        let shared = [&self.shared.known, &self.shared.named].into_iter().find_map(|index| index.get(entity_key));
        match shared.and_then(|profile| profile.telling_names().next()) {
            Some(name) => shown(&name.form),
            // What only private papers know is not told to others: the key itself says no more than the mention.
            None => entity_key.split_once(['~', ':']).map_or(entity_key, |(_, rest)| rest).to_owned(),
        }
    }

    /// Changes when learnt word frequencies do, a function of the set of shared firms only.
    pub fn statistics_epoch(&self) -> u64 {
        self.statistics.epoch()
    }

    /// How many shared firms with a number there are, rounded: it bears on every answer, and changes when they double.
    pub fn firms_rounded(&self) -> u32 {
        self.statistics.firms_rounded() as u32
    }

    /// All firms with a word that became more frequent since this was last called. A mention that bears such a word
    /// hangs on its own firm, by number or by name, which bears it too.
    pub fn take_reweighed(&mut self) -> Touched {
        let mut words = self.statistics.take_stepped();
        words.sort_unstable();
        words.dedup();
        let mut entities = self.bearers(&words, |layer| &layer.known);
        entities.extend(self.bearers(&words, |layer| &layer.named));
        Touched { entities, ..Touched::default() }
    }

    /// The same without telling which, for whoever resolves everything anyway.
    pub fn forget_reweighed(&mut self) {
        self.statistics.take_stepped();
    }

    /// Whether one of these firms, which were compared with a mention, is worth something else to it than when it was
    /// resolved, or the words of the mention weigh something else.
    pub fn answers_otherwise(&self, form: &MentionForm, scope: Scope, grounds: &Grounds, firms: &[&str]) -> bool {
        if self.words_bits(&form.name) != grounds.words_bits() {
            return true;
        }
        let (layers, mut asked) = (self.layers(scope), AskedName::new(&form.name, &self.statistics));
        firms.iter().any(|key| {
            let Some(firm) =
                held(&layers, key, if is_named(key) { |layer| &layer.named } else { |layer| &layer.known })
            else {
                return true;
            };
            let worth = if is_named(key) {
                let is_meant = *key == named_key(form) || self.similar(form, &firm, &mut asked).is_some();
                is_meant.then(|| Worth::named(firm.support().checked_ilog2()))
            } else {
                let weighed = self.weigh(form, firm, &mut asked);
                (weighed.bits >= grounds.top_bits() - w::NEGLIGIBLE_BITS).then(|| weighed.worth())
            };
            worth != grounds.worth(firm_mark(key))
        })
    }

    /// What the words of a name weigh together, those in brackets too.
    fn words_bits(&self, name: &NameForm) -> f64 {
        name.tokens.iter().chain(&name.alias_tokens).map(|word| self.statistics.bits(word)).sum()
    }

    /// Where one layer holds a firm, and whether it is known by name only.
    pub(super) fn index_of(&self, scope: Scope, firm: &str) -> Option<(&Index, bool)> {
        let layer = self.layer(scope)?;
        let is_named = is_named(firm);
        Some((if is_named { &layer.named } else { &layer.known }, is_named))
    }

    /// Keys of the firms that bear one of these words in any layer.
    fn bearers(&self, words: &[String], index: impl Fn(&Layer) -> &Index) -> Vec<String> {
        let layers = std::iter::once(&self.shared).chain(self.private.values());
        let bearers = layers.flat_map(|layer| words.iter().flat_map(|word| index(layer).bearers(word)));
        let bearers: HashSet<&str> = bearers.map(|bearer| bearer.key.as_str()).collect();
        bearers.into_iter().map(str::to_owned).collect()
    }

    /// The learnt word frequencies.
    pub fn statistics(&self) -> &NameStatistics {
        &self.statistics
    }

    /// The firms that a mention may stand for, as far as the scope may see.
    pub fn resolve(&self, form: &MentionForm, scope: Scope) -> Resolution {
        self.resolve_asked(form, scope, &mut AskedName::new(&form.name, &self.statistics)).0
    }

    /// The same for many mentions, which is quicker where those of one name follow each other, with what each answer
    /// hangs on.
    pub fn resolve_all<'m>(
        &self,
        mentions: impl Iterator<Item = (&'m MentionForm, Scope)>,
    ) -> Vec<(Resolution, Grounds)> {
        let mut asked = AskedNames::new(&self.statistics);
        mentions.map(|(form, scope)| self.resolve_asked(form, scope, asked.of(&form.name))).collect()
    }

    fn resolve_asked<'d>(
        &'d self,
        form: &MentionForm,
        scope: Scope,
        asked: &mut AskedName<'d>,
    ) -> (Resolution, Grounds) {
        let keys = mention_keys(form);
        let layers = self.layers(scope);
        let own_number = own_number(form);
        // The firm that bears the mention's own words is told of when one of them counts otherwise, even where it is not
        // compared.
        let own_mark = match &own_number {
            Some(key) => Some((firm_mark(key), Some(Worth::UNKNOWN))),
            None => (!form.name.tokens.is_empty()).then(|| (firm_mark(&named_key(form)), None)),
        };
        let plain = own_number.as_deref().and_then(|key| self.plain_bearer(form, key, &layers, asked));
        let (mut weighed, known): (Vec<Weighed<'_>>, _) = match plain {
            Some(bearer) => (vec![bearer], None),
            None => {
                let (firms, bound) = firms(&layers, &keys, |layer| &layer.known);
                (firms.into_iter().map(|firm| self.weigh(form, firm, asked)).collect(), Some(bound))
            }
        };
        weighed.sort_by(|a, b| b.bits.total_cmp(&a.bits).then_with(|| a.firm.key.cmp(b.firm.key)));
        let none_bits = w::UNKNOWN_SHARE.log2();
        let top_bits = weighed.first().map_or(none_bits, |first| first.bits.max(none_bits));
        let bore = |one: &Weighed<'_>| one.bits >= top_bits - w::NEGLIGIBLE_BITS;
        let mut compared: Vec<(u32, Option<Worth>)> = Vec::with_capacity(2 * MAX_EXAMINED + 2);
        compared.extend(weighed.iter().map(|one| (one.firm.mark(), bore(one).then(|| one.worth()))).chain(own_mark));
        weighed.retain(bore);
        let none_weight = (none_bits - top_bits).exp2();
        let total: f64 = weighed.iter().map(|one| (one.bits - top_bits).exp2()).sum::<f64>() + none_weight;
        let mut candidates: Vec<Candidate> = Vec::with_capacity(4);
        for one in weighed.iter().take(MAX_CANDIDATES - 1) {
            let share = ((one.bits - top_bits).exp2() / total).min(w::SHARE_MAX);
            if share >= w::SHARE_MIN {
                candidates.push(Candidate { entity: one.firm.key.to_owned(), probability: rounded_down(share) });
            }
        }
        let none_share = none_weight / total;
        let mut named = None;
        if none_share >= w::SHARE_MIN && !form.name.tokens.is_empty() {
            let bearer = self.named_bearer(form, &layers, &keys, asked);
            candidates.push(Candidate { entity: bearer.key, probability: rounded_down(none_share * bearer.share) });
            compared.extend(bearer.compared);
            named = Some(bearer.bound);
        }
        candidates.sort_by(|a, b| b.probability.cmp(&a.probability).then_with(|| a.entity.cmp(&b.entity)));
        let words_bits = self.words_bits(&form.name);
        (Resolution { candidates }, Grounds::new(compared.into_iter(), words_bits, top_bits, known, named))
    }

    /// Why a mention may stand for a firm that [`Directory::resolve`] named for it. Nothing when the firm is not known.
    pub fn explain(&self, form: &MentionForm, scope: Scope, entity: &str) -> Vec<Evidence> {
        self.explain_asked(form, scope, entity, &mut AskedName::new(&form.name, &self.statistics))
    }

    /// The same for many answers, which is quicker where those of one name follow each other.
    pub fn explainer(&self) -> Explainer<'_> {
        Explainer { directory: self, asked: AskedNames::new(&self.statistics) }
    }

    fn explain_asked<'d>(
        &'d self,
        form: &MentionForm,
        scope: Scope,
        entity: &str,
        asked: &mut AskedName<'d>,
    ) -> Vec<Evidence> {
        let layers = self.layers(scope);
        if let Some(firm) = held(&layers, entity, |layer| &layer.known) {
            return self.weigh(form, firm, asked).reasons(form);
        }
        let bearer = self.named_bearer(form, &layers, &mention_keys(form), asked);
        let ours = bearer.spelling.unwrap_or_else(|| shown(&form.name));
        let reason = evidence(EvidenceKind::Name, &ours, &shown(&form.name), bearer.bits);
        if bearer.key == entity { vec![reason] } else { Vec::new() }
    }

    /// The firm whose number the mention bears, if its name agrees and it is known from more than this mention: then
    /// nothing else can be meant, and nothing else needs to be compared.
    fn plain_bearer<'a>(
        &'a self,
        form: &MentionForm,
        own_number: &str,
        layers: &[&'a Layer],
        asked: &mut AskedName<'a>,
    ) -> Option<Weighed<'a>> {
        let bearer = self.weigh(form, held(layers, own_number, |layer| &layer.known)?, asked);
        (bearer.name_agrees() && !bearer.is_only_itself).then_some(bearer)
    }

    fn layers(&self, scope: Scope) -> Vec<&Layer> {
        let private = self.layer(scope).filter(|_| scope != Scope::SHARED);
        std::iter::once(&self.shared).chain(private).collect()
    }

    /// Prior and evidence of one firm in bits, without writing anything down yet.
    fn weigh<'a>(&'a self, form: &MentionForm, firm: Firm<'a>, asked: &mut AskedName<'a>) -> Weighed<'a> {
        let mut weighed = Weighed { prior: self.prior_bits(&firm), firm, ..Weighed::default() };
        let firm = &weighed.firm;
        weighed.identifier = form.identifier.as_ref().and_then(|number| {
            firm.profiles().find_map(|profile| compare_identifiers(profile.identifier.as_ref()?, number))
        });
        let same_number = weighed.identifier.as_ref().is_some_and(|found| found.bits.to_f64() >= w::IDENTIFIER_SAME);
        let other_number =
            weighed.identifier.as_ref().is_some_and(|found| found.bits.to_f64() <= w::IDENTIFIER_DIFFERENT);
        weighed.name = best_name(asked, firm, same_number);
        if other_number {
            let loudest = self.population_bits() - w::KNOWN_NAME_SHARE.log2();
            weighed.name = weighed.name.map(|(name, bits)| (name, bits.min(loudest)));
        }
        weighed.legal_form = weighed.name.and_then(|(best, _)| legal_form_bits(best, &form.name));
        weighed.country = firm.profiles().find_map(|profile| compare_countries(profile.country, form.country));
        weighed.address = best_address(form, firm);
        weighed.phone = best_text(firm, &form.phone, |profile| &profile.phones, w::PHONE_SAME, w::PHONE_DIFFERENT);
        weighed.email_domain =
            best_text(firm, &form.email_domain, |profile| &profile.email_domains, w::EMAIL_DOMAIN_SAME, 0.0);
        // A number on a single paper speaks for nothing but a firm that nobody knows yet, or a wrong number.
        weighed.is_only_itself = same_number && !firm.is_registered() && firm.support() <= 1;
        weighed.bits = weighed.sum();
        weighed
    }

    fn prior_bits(&self, firm: &Firm<'_>) -> f64 {
        let doublings = firm.support().checked_ilog2().unwrap_or(0).min(w::SUPPORT_DOUBLINGS_MAX);
        let registered = if firm.is_registered() { w::REGISTERED_BITS } else { 0.0 };
        (1.0 - w::UNKNOWN_SHARE).log2() - self.population_bits()
            + registered
            + w::SUPPORT_PER_DOUBLING * f64::from(doublings)
    }

    /// How many firms there are, in bits.
    fn population_bits(&self) -> f64 {
        (self.statistics.firms_rounded() + w::POPULATION_MIN).log2()
    }

    /// The firm without a number that the mention stands for if it is none of those with one.
    fn named_bearer<'a>(
        &'a self,
        form: &MentionForm,
        layers: &[&'a Layer],
        keys: &[u64],
        asked: &mut AskedName<'a>,
    ) -> NamedBearer {
        let own_key = named_key(form);
        let population = self.population_bits();
        let own_support: u32 =
            layers.iter().filter_map(|layer| layer.named.get(&own_key)).map(Profile::support_rounded).sum();
        let mut best = (own_support.checked_ilog2(), own_key.as_str());
        let (sharing, bound) = firms(layers, keys, |layer| &layer.named);
        let mut compared = vec![(firm_mark(&own_key), Some(Worth::named(best.0)))];
        let mut spelling = None;
        for firm in sharing.iter().filter(|firm| firm.key != own_key) {
            let similar = self.similar(form, firm, asked);
            compared.push((firm.mark(), similar.map(|_| Worth::named(firm.support().checked_ilog2()))));
            let rank = (firm.support().checked_ilog2(), firm.key);
            let is_better = rank.0 > best.0 || rank.0 == best.0 && rank.1 < best.1;
            if let Some(found) = similar.filter(|_| is_better) {
                best = rank;
                spelling = Some(found);
            }
        }
        let bits: f64 = form.name.tokens.iter().map(|token| self.statistics.bits(token)).sum::<f64>() - population;
        let share = (1.0 / (1.0 + (-bits).exp2())).clamp(w::NAME_ONLY_SHARE_MIN, w::SHARE_MAX);
        NamedBearer { key: best.1.to_owned(), spelling: spelling.map(shown), bits, share, compared, bound }
    }

    /// The spelling of a firm known by name only under which it is taken for the same as the mention's.
    fn similar<'a>(&self, form: &MentionForm, firm: &Firm<'a>, asked: &mut AskedName<'a>) -> Option<&'a NameForm> {
        let (found, bits) = best_name(asked, firm, false)?;
        let legal = legal_form_bits(found, &form.name).unwrap_or(0.0);
        let country = firm.profiles().find_map(|profile| compare_countries(profile.country, form.country));
        let place = best_address(form, firm).map_or(0.0, |(_, bits)| bits.min(0.0));
        let above = bits + legal + place + country.map_or(0.0, |found| found.bits.to_f64()) - self.population_bits();
        (above >= w::NAME_ONLY_SIMILAR_BITS).then_some(found)
    }
}

/// Explains many answers, see [`Directory::explainer`].
pub struct Explainer<'d> {
    directory: &'d Directory,
    asked: AskedNames<'d>,
}

impl Explainer<'_> {
    /// See [`Directory::explain`].
    pub fn explain(&mut self, form: &MentionForm, scope: Scope, entity: &str) -> Vec<Evidence> {
        self.directory.explain_asked(form, scope, entity, self.asked.of(&form.name))
    }
}

/// A firm known by name only that a mention may stand for.
struct NamedBearer {
    key: String,
    /// The firm's spelling, where it is another than the mention's.
    spelling: Option<String>,
    /// What the mention's name says against chance.
    bits: f64,
    /// Its share of what is left by the firms with a number.
    share: f64,
    /// Marks of the firms compared, with what each is worth that may be meant.
    compared: Vec<(u32, Option<Worth>)>,
    /// What it takes to be compared.
    bound: Bound,
}

/// A firm as far as one scope sees it: what all know of it and what the tenant alone knows.
#[derive(Clone, Copy, Default)]
struct Firm<'a> {
    key: &'a str,
    shared: Option<&'a Profile>,
    private: Option<&'a Profile>,
    score: u32,
    /// Where the layer that it was found in holds it.
    place: u32,
}

impl<'a> Firm<'a> {
    fn profiles(&self) -> impl Iterator<Item = &'a Profile> + use<'a> {
        self.shared.into_iter().chain(self.private)
    }

    fn mark(&self) -> u32 {
        self.profiles().next().map_or(0, |profile| profile.mark)
    }

    fn is_registered(&self) -> bool {
        self.shared.is_some_and(|profile| !profile.companies.is_empty())
    }

    /// Papers that bear the firm out, as the layers round them: so it changes only when a layer tells of a change.
    fn support(&self) -> u32 {
        self.profiles().map(Profile::support_rounded).sum()
    }

    /// Spellings to compare: those that equal the mention's if there are any, else the most telling.
    fn names(&self, asked: &AskedName<'_>) -> impl Iterator<Item = &'a ProfileName> + use<'_, 'a> {
        let all = || self.profiles().flat_map(Profile::telling_names);
        let equal = self.profiles().find_map(|profile| profile.name_with(&asked.form().tokens, asked.mark()));
        equal.into_iter().chain(all().filter(move |_| equal.is_none()))
    }
}

/// A firm with what speaks for and against it.
#[derive(Default)]
struct Weighed<'a> {
    firm: Firm<'a>,
    prior: f64,
    identifier: Option<Evidence>,
    name: Option<(&'a NameForm, f64)>,
    legal_form: Option<f64>,
    country: Option<Evidence>,
    address: Option<(&'a Address, f64)>,
    phone: Option<(&'a str, f64)>,
    email_domain: Option<(&'a str, f64)>,
    is_only_itself: bool,
    bits: f64,
}

impl Weighed<'_> {
    fn name_agrees(&self) -> bool {
        self.name.is_none_or(|(_, bits)| bits > 0.0)
    }

    fn worth(&self) -> Worth {
        Worth::known(self.bits, self.name_agrees(), self.is_only_itself)
    }

    fn sum(&self) -> f64 {
        if self.is_only_itself {
            return w::UNKNOWN_SHARE.log2();
        }
        let noted = |evidence: &Option<Evidence>| evidence.as_ref().map_or(0.0, |found| found.bits.to_f64());
        self.prior
            + noted(&self.identifier)
            + self.name.map_or(0.0, |(_, bits)| bits)
            + self.legal_form.unwrap_or(0.0)
            + noted(&self.country)
            + self.address.map_or(0.0, |(_, bits)| bits)
            + self.phone.map_or(0.0, |(_, bits)| bits)
            + self.email_domain.map_or(0.0, |(_, bits)| bits)
    }

    fn reasons(&self, form: &MentionForm) -> Vec<Evidence> {
        let mut reasons = Vec::with_capacity(8);
        if self.is_only_itself {
            reasons.extend(
                self.identifier
                    .clone()
                    .map(|found| Evidence { bits: crate::model::Bits::from_f64(self.bits), ..found }),
            );
            return reasons;
        }
        let kind = if self.firm.is_registered() { EvidenceKind::Register } else { EvidenceKind::Prior };
        reasons.push(evidence(kind, self.firm.key, "", self.prior));
        reasons.extend(self.identifier.clone());
        reasons
            .extend(self.name.map(|(name, bits)| evidence(EvidenceKind::Name, &shown(name), &shown(&form.name), bits)));
        if let (Some((name, _)), Some(bits)) = (self.name, self.legal_form) {
            reasons.push(legal_form_evidence(name, &form.name, bits));
        }
        reasons.extend(self.country.clone());
        let theirs = || shown_address(&form.address);
        reasons.extend(
            self.address.map(|(place, bits)| evidence(EvidenceKind::Address, &shown_address(place), &theirs(), bits)),
        );
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        reasons.extend(self.phone.map(|(known, bits)| evidence(EvidenceKind::Phone, known, &text(&form.phone), bits)));
        reasons.extend(
            self.email_domain
                .map(|(known, bits)| evidence(EvidenceKind::EmailDomain, known, &text(&form.email_domain), bits)),
        );
        reasons
    }
}

/// What the layers hold of a firm, if they do.
fn held<'a>(layers: &[&'a Layer], key: &str, index: fn(&Layer) -> &Index) -> Option<Firm<'a>> {
    let [shared, private] = [0, 1].map(|depth| layers.get(depth).and_then(|layer| index(layer).get(key)));
    let key = shared.or(private)?.key.as_str();
    Some(Firm { key, shared, private, ..Firm::default() })
}

/// The firms of the layers that share keys with a mention; those that share the rarest keys, then by key. And what it
/// takes to be among them.
fn firms<'a>(layers: &[&'a Layer], keys: &[u64], index: impl Fn(&'a Layer) -> &'a Index) -> (Vec<Firm<'a>>, Bound) {
    let mut found: Vec<Firm<'a>> = Vec::with_capacity(32);
    let mut least_scores = [0; 2];
    for (depth, layer) in layers.iter().enumerate() {
        let index = index(layer);
        let sharing = index.candidates(keys, MAX_EXAMINED);
        if sharing.len() >= MAX_EXAMINED {
            least_scores[depth] = sharing.iter().map(|(_, score)| *score).min().unwrap_or_default();
        }
        for (place, score) in sharing {
            let profile = index.profile(place);
            let (shared, private) = if depth == 0 { (Some(profile), None) } else { (None, Some(profile)) };
            found.push(Firm { key: &profile.key, shared, private, score, place });
        }
    }
    if layers.len() > 1 {
        found.sort_by(|a, b| a.key.cmp(b.key).then_with(|| b.shared.is_some().cmp(&a.shared.is_some())));
        found.dedup_by(|next, kept| {
            let is_same = next.key == kept.key;
            if is_same {
                kept.private = next.private;
                kept.score += next.score;
            }
            is_same
        });
    }
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.key.cmp(b.key)));
    found.truncate(MAX_EXAMINED);
    let last = found.last().filter(|_| layers.len() == 1 && found.len() == MAX_EXAMINED).map(|firm| firm.place);
    // A firm may be found in one layer only and still be known to the other.
    for firm in &mut found {
        firm.shared = firm.shared.or_else(|| layers.first().and_then(|layer| index(layer).get(firm.key)));
        firm.private = firm.private.or_else(|| layers.get(1).and_then(|layer| index(layer).get(firm.key)));
    }
    (found, Bound::new(least_scores, last))
}

/// The firm's spelling that agrees best with the name asked for, and its bits.
fn best_name<'a>(asked: &mut AskedName<'a>, firm: &Firm<'a>, same_number: bool) -> Option<(&'a NameForm, f64)> {
    if asked.form().tokens.is_empty() {
        return None;
    }
    let floor = if same_number { w::NAME_FLOOR_WITH_IDENTIFIER } else { w::NAME_FLOOR };
    let support = firm.support();
    let mut best: Option<(&'a NameForm, f64)> = None;
    for name in firm.names(asked) {
        let minor = if name.is_registered || same_number { 0.0 } else { minor_bits(name.count, support) };
        let bits = (asked.bits(&name.form) + minor).max(floor);
        if best.is_none_or(|known| bits > known.1) {
            best = Some((&name.form, bits));
        }
    }
    best
}

fn best_address<'a>(form: &MentionForm, firm: &Firm<'a>) -> Option<(&'a Address, f64)> {
    let mut best: Option<(&'a Address, f64)> = None;
    for place in firm.profiles().flat_map(|profile| &profile.addresses) {
        if let Some(bits) = address_bits(place, &form.address).filter(|bits| best.is_none_or(|known| *bits > known.1)) {
            best = Some((place, bits));
            if bits >= w::ADDRESS_SAME {
                // Nothing says more.
                break;
            }
        }
    }
    best
}

fn best_text<'a>(
    firm: &Firm<'a>,
    theirs: &Option<String>,
    list: impl Fn(&'a Profile) -> &'a Vec<String>,
    same: f64,
    different: f64,
) -> Option<(&'a str, f64)> {
    let theirs = theirs.as_ref()?;
    let mut known = firm.profiles().flat_map(list);
    let first = known.next()?;
    let equal = std::iter::once(first).chain(known).find(|text| *text == theirs);
    match equal {
        Some(text) => Some((text, same)),
        None if different == 0.0 => None,
        None => Some((first, different)),
    }
}

fn minor_bits(count: u32, support: u32) -> f64 {
    let halvings = support.checked_ilog2().unwrap_or(0).saturating_sub(count.checked_ilog2().unwrap_or(0));
    (w::MINOR_NAME_PER_HALVING * f64::from(halvings)).max(w::MINOR_NAME_MAX)
}

/// Rounded down, so that shares never add up to more than one.
fn rounded_down(share: f64) -> Probability {
    Probability::from_f64((share * 1e6).floor() / 1e6)
}

/// A number that names an entity: valid, or of a kind without a published check.
fn is_usable(number: &Identifier) -> bool {
    number.validity != Validity::Invalid
}

fn entity_key(number: &Identifier, country: Option<&str>) -> String {
    let country = match number.kind {
        IdentifierKind::KzBin | IdentifierKind::KzIin => "KZ",
        IdentifierKind::RuInnOrganisation
        | IdentifierKind::RuInnPerson
        | IdentifierKind::RuOgrn
        | IdentifierKind::RuOgrnip => "RU",
        IdentifierKind::ByUnp => "BY",
        IdentifierKind::KgInn => "KG",
        IdentifierKind::AmTin => "AM",
        IdentifierKind::UzStir => "UZ",
        IdentifierKind::Lei => "LEI",
        IdentifierKind::Other => country.unwrap_or("??"),
    };
    format!("{country}:{}", number.value)
}

/// The firm whose number the mention bears.
fn own_number(form: &MentionForm) -> Option<String> {
    let number = form.identifier.as_ref().filter(|number| is_usable(number))?;
    Some(entity_key(number, form.country.as_ref().map(|country| country.as_str())))
}

/// Whether a firm is known by its name only, by its key; numbers have no tilde.
fn is_named(key: &str) -> bool {
    key.as_bytes().get(2) == Some(&b'~')
}

fn told(key: String, scope: Scope, change: Change) -> Touched {
    if !change.is_visible {
        return Touched::default();
    }
    Touched { scope, entities: vec![key], gained_keys: change.gained_keys, stepped_keys: change.stepped_keys }
}

fn named_key(form: &MentionForm) -> String {
    format!("{}~{}", form.country.as_ref().map_or("??", |country| country.as_str()), form.name.joined())
}

fn fingerprint(form: &MentionForm) -> u64 {
    match postcard::to_stdvec(form) {
        Ok(bytes) => hash(b"mention", &bytes),
        Err(_) => hash(b"mention", named_key(form).as_bytes()),
    }
}
