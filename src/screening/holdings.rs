//! Everything held, in the form in which cases are gathered from it: an in-memory view that a batch run fills from
//! files and the service rebuilds from its store.
//!
//! What it answers is a function of the set of records, never of the order in which they came.
//! It does no I/O and judges nothing; `gather` cuts cases out of it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::goods::Brands;
use crate::model::{
    Amount, ArrivalCoverage, CaseOrder, CaseShipment, Company, Corridor, Day, DocumentKey, DocumentKind, GoodsForm,
    HsCode, MentionForm, OrderKey, OrderLine, Party, Probability, Record, ShipmentLine, ShipmentRole,
};
use crate::normalize::{self, Rates};
use crate::resolve::{Candidate, Directory, Scope, Touched};

use super::policy::Policy;
use super::record::EchoOf;
use super::settle::Unsettled;

/// A mention, whom it may stand for, and the records that carry it.
#[derive(Debug)]
pub(super) struct Mention {
    pub form: Arc<MentionForm>,
    pub scope: u32,
    /// Entities by internal number with their shares, by entity key.
    pub shares: Vec<(u32, Probability)>,
    /// The full answer, for the list of parties.
    pub candidates: Arc<Vec<Candidate>>,
    pub orders: Vec<u32>,
    pub sent: Vec<u32>,
    pub received: Vec<u32>,
}

/// An entity and its records, each list by day.
#[derive(Debug, Default)]
pub(super) struct Entity {
    pub key: String,
    pub orders: Vec<(Day, u32)>,
    pub sent: Vec<(Day, u32)>,
    pub transfers_received: Vec<(Day, u32)>,
    pub arrivals_received: Vec<(Day, u32)>,
}

/// An order line held, with shares left empty until a case is gathered.
#[derive(Debug)]
pub(super) struct HeldOrder {
    pub tenant: u32,
    pub base: CaseOrder,
    pub buyer: u32,
    pub echo: EchoOf,
}

/// A shipment line held, likewise.
#[derive(Debug)]
pub(super) struct HeldShipment {
    /// The only tenant who may see it, or all.
    pub visible_to: Option<u32>,
    pub base: CaseShipment,
    pub consignor: Option<u32>,
    pub consignee: Option<u32>,
}

impl HeldShipment {
    /// Whether a tenant may see it.
    pub(super) fn is_visible_to(&self, tenant: u32) -> bool {
        self.visible_to.is_none_or(|owner| owner == tenant)
    }
}

/// What a tenant's order lines say of one entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

/// Goods as a record spells them.
pub(super) struct GoodsText<'a> {
    hs_code: Option<&'a HsCode>,
    /// Description, brand, part number, GTIN.
    texts: [&'a str; 4],
    serial_numbers: &'a [String],
    lot_numbers: &'a [String],
}

impl GoodsText<'_> {
    /// What the goods are called, unless single pieces are named: those are never spelt alike twice.
    fn spelling(&self) -> Option<String> {
        let is_common = self.serial_numbers.is_empty() && self.lot_numbers.is_empty();
        let [description, brand, part_number, gtin] = self.texts;
        let code = self.hs_code.map_or("", HsCode::digits);
        is_common.then(|| [code, description, brand, part_number, gtin].join("\u{1f}"))
    }

    pub(super) fn fold(&self) -> GoodsForm {
        let [description, brand, part_number, gtin] = self.texts;
        normalize::goods(self.hs_code, description, brand, part_number, gtin, self.serial_numbers, self.lot_numbers)
    }
}

fn goods_of(record: &Record) -> Option<GoodsText<'_>> {
    match record {
        Record::Order(line) => Some(goods_of_order(line)),
        Record::Shipment(line) => Some(goods_of_shipment(line)),
        Record::Company(_) => None,
    }
}

/// Goods of an order line.
pub(super) fn goods_of_order(line: &OrderLine) -> GoodsText<'_> {
    GoodsText {
        hs_code: line.hs_code.as_ref(),
        texts: [&line.description, &line.brand, &line.part_number, &line.gtin],
        serial_numbers: &line.serial_numbers,
        lot_numbers: &line.lot_numbers,
    }
}

fn goods_of_shipment(line: &ShipmentLine) -> GoodsText<'_> {
    GoodsText {
        hs_code: line.hs_code.as_ref(),
        texts: [&line.description, &line.brand, &line.part_number, &line.gtin],
        serial_numbers: &line.serial_numbers,
        lot_numbers: &line.lot_numbers,
    }
}

/// Parties of a record that are resolved: the buyer, and whoever acts in the ostensible destination.
fn parties_of(record: &Record, corridor: Corridor) -> Vec<&Party> {
    match record {
        Record::Order(line) => vec![&line.buyer],
        Record::Shipment(line) => match role(line, corridor) {
            ShipmentRole::Arrival => vec![&line.consignee],
            ShipmentRole::Transfer => vec![&line.consignor, &line.consignee],
            ShipmentRole::Onward => vec![&line.consignor],
        },
        Record::Company(_) => Vec::new(),
    }
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
    pub(super) brands: Brands,
    pub(super) brand_names: BTreeSet<String>,
    pub(super) mentions: Vec<Mention>,
    mention_ids: HashMap<(Arc<MentionForm>, u32), u32>,
    pub(super) entities: Vec<Entity>,
    pub(super) entity_ids: HashMap<String, u32>,
    pub(super) mentions_by_key: HashMap<u64, Vec<u32>>,
    /// How many mentions are filed under their keys.
    pub(super) mentions_keyed: usize,
    pub(super) tenants: Vec<String>,
    pub(super) orders: Vec<HeldOrder>,
    pub(super) order_ids: HashMap<(u32, OrderKey), u32>,
    pub(super) shipments: Vec<HeldShipment>,
    shipment_ids: HashMap<(Option<u32>, DocumentKey), u32>,
    companies: HashMap<(String, String), Company>,
    pub(super) records_by_buyer: HashMap<(u32, u32), BuyerRecord>,
    pub(super) coverage: Vec<ArrivalCoverage>,
    forms: HashMap<Party, Arc<MentionForm>>,
    goods_forms: HashMap<Box<str>, Arc<GoodsForm>>,
    pub(super) arrival_days: Option<(Day, Day)>,
    pub(super) unsettled: Unsettled,
}

impl Holdings {
    /// Nothing held yet.
    pub fn new(policy: Policy, corridor: Corridor) -> Self {
        Self {
            policy,
            corridor,
            directory: Directory::new(),
            brands: Brands::new(std::iter::empty::<&str>()),
            brand_names: BTreeSet::new(),
            mentions: Vec::new(),
            mention_ids: HashMap::new(),
            entities: Vec::new(),
            entity_ids: HashMap::new(),
            mentions_by_key: HashMap::new(),
            mentions_keyed: 0,
            tenants: Vec::new(),
            orders: Vec::new(),
            order_ids: HashMap::new(),
            shipments: Vec::new(),
            shipment_ids: HashMap::new(),
            companies: HashMap::new(),
            records_by_buyer: HashMap::new(),
            coverage: Vec::new(),
            forms: HashMap::new(),
            goods_forms: HashMap::new(),
            arrival_days: None,
            unsettled: Unsettled::default(),
        }
    }

    /// Folds the spellings of many records side by side, so that inserting them one by one finds them folded.
    pub fn prepare(&mut self, records: &[Record]) {
        let parties: HashSet<&Party> = records.iter().flat_map(|record| parties_of(record, self.corridor)).collect();
        let new: Vec<&Party> = parties.into_iter().filter(|party| !self.forms.contains_key(*party)).collect();
        let folded: Vec<(Party, Arc<MentionForm>)> =
            new.into_par_iter().map(|party| (party.clone(), Arc::new(normalize::mention(party)))).collect();
        make_room(&mut self.forms);
        self.forms.extend(folded);
        let spellings: HashMap<String, GoodsText<'_>> = records
            .iter()
            .filter_map(goods_of)
            .filter_map(|text| Some((text.spelling()?, text)))
            .filter(|(spelling, _)| !self.goods_forms.contains_key(spelling.as_str()))
            .collect();
        let folded: Vec<(Box<str>, Arc<GoodsForm>)> = spellings
            .into_par_iter()
            .map(|(spelling, text)| (spelling.into_boxed_str(), Arc::new(text.fold())))
            .collect();
        make_room(&mut self.goods_forms);
        for (spelling, goods) in folded {
            self.learn_brand(&goods);
            self.goods_forms.insert(spelling, goods);
        }
    }

    /// Offers one record; `tenant` is whose it is, or `None` when all may see it. Orders always are somebody's.
    /// It counts in cases after the next [`Holdings::settle`].
    pub fn insert(&mut self, tenant: Option<&str>, record: Record) -> Held {
        let tenant = tenant.map(|tenant| self.tenant_id(tenant));
        match record {
            Record::Order(line) => {
                let tenant = tenant.unwrap_or_else(|| self.tenant_id(""));
                self.insert_order(tenant, *line)
            }
            Record::Shipment(line) => self.insert_shipment(tenant, *line),
            Record::Company(company) => self.insert_company(*company),
        }
    }

    fn insert_company(&mut self, company: Company) -> Held {
        let country = company.country.map_or(String::new(), |country| country.to_string());
        let key = (country, company.identifier.clone());
        if let Some(held) = self.companies.get(&key) {
            return if *held == company { Held::Same } else { Held::Conflict };
        }
        let touched = self.directory.insert_company(&company);
        self.touch(&touched);
        self.unsettled.entities.extend(touched.entities);
        self.companies.insert(key, company);
        Held::New
    }

    fn insert_order(&mut self, tenant: u32, line: OrderLine) -> Held {
        let key = (tenant, line.key.clone());
        if let Some(held) = self.order_ids.get(&key) {
            let held = &self.orders[*held as usize].base.line;
            return if **held == line { Held::Same } else { Held::Conflict };
        }
        let order = self.orders.len() as u32;
        let goods = self.goods_form(&goods_of_order(&line));
        let value_euro = euro(line.value, &line.currency, line.order_date);
        let buyer = self.mention_id(&line.buyer, tenant + 1);
        self.mentions[buyer as usize].orders.push(order);
        self.order_ids.insert(key, order);
        let base = CaseOrder {
            line: Arc::new(line),
            goods,
            buyer: Arc::default(),
            echo: Probability::ZERO,
            value_euro,
            arrival_due: false,
        };
        self.orders.push(HeldOrder { tenant, base, buyer, echo: EchoOf::default() });
        self.unsettled.orders.push(order);
        Held::New
    }

    fn insert_shipment(&mut self, visible_to: Option<u32>, line: ShipmentLine) -> Held {
        let key = (visible_to, line.key.clone());
        if let Some(held) = self.shipment_ids.get(&key) {
            let held = &self.shipments[*held as usize].base.line;
            return if **held == line { Held::Same } else { Held::Conflict };
        }
        let shipment = self.shipments.len() as u32;
        let role = role(&line, self.corridor);
        let scope = visible_to.map_or(0, |tenant| tenant + 1);
        let goods = self.goods_form(&goods_of_shipment(&line));
        let consignor = (role != ShipmentRole::Arrival).then(|| self.mention_id(&line.consignor, scope));
        let consignee = (role != ShipmentRole::Onward).then(|| self.mention_id(&line.consignee, scope));
        if let Some(mention) = consignor {
            self.mentions[mention as usize].sent.push(shipment);
        }
        if let Some(mention) = consignee {
            self.mentions[mention as usize].received.push(shipment);
        }
        self.shipment_ids.insert(key, shipment);
        let value_euro = euro(line.value, &line.currency, line.date);
        let base = CaseShipment {
            line: Arc::new(line),
            role,
            goods,
            consignor: Arc::default(),
            consignee: Arc::default(),
            value_euro,
        };
        self.shipments.push(HeldShipment { visible_to, base, consignor, consignee });
        self.unsettled.shipments.push(shipment);
        Held::New
    }

    fn tenant_id(&mut self, tenant: &str) -> u32 {
        if let Some(id) = self.tenant(tenant) {
            return id;
        }
        self.tenants.push(tenant.to_owned());
        self.coverage.push(ArrivalCoverage::default());
        (self.tenants.len() - 1) as u32
    }

    /// The internal number of a tenant that has records.
    pub(super) fn tenant(&self, tenant: &str) -> Option<u32> {
        self.tenants.iter().position(|held| held == tenant).map(|index| index as u32)
    }

    /// Spellings are remembered from one settling to the next: within a batch they repeat, afterwards they cost memory.
    pub(super) fn forget_spellings(&mut self) {
        self.forms = HashMap::new();
        self.goods_forms = HashMap::new();
    }

    /// Mentions that may now resolve otherwise wait for the next settling.
    fn touch(&mut self, touched: &Touched) {
        // Before the first settling everything is resolved anyway.
        if self.unsettled.epoch.is_some() {
            self.unsettled.name_keys.extend(&touched.name_keys);
        }
    }

    /// The folded form of goods; what is spelt alike is folded once and held once, unless it names single pieces.
    fn goods_form(&mut self, text: &GoodsText<'_>) -> Arc<GoodsForm> {
        let Some(spelling) = text.spelling() else {
            let goods = Arc::new(text.fold());
            self.learn_brand(&goods);
            return goods;
        };
        if let Some(goods) = self.goods_forms.get(spelling.as_str()) {
            return Arc::clone(goods);
        }
        let goods = Arc::new(text.fold());
        self.learn_brand(&goods);
        make_room(&mut self.goods_forms);
        self.goods_forms.insert(spelling.into_boxed_str(), Arc::clone(&goods));
        goods
    }

    fn learn_brand(&mut self, goods: &GoodsForm) {
        if let Some(brand) = &goods.brand
            && !self.brand_names.contains(brand)
        {
            self.brand_names.insert(brand.clone());
            self.unsettled.brands = true;
        }
    }

    /// The mention with this form in this scope: 0 for all, n + 1 for tenant n.
    fn mention_id(&mut self, party: &Party, scope: u32) -> u32 {
        let form = match self.forms.get(party) {
            Some(form) => Arc::clone(form),
            None => {
                let form = Arc::new(normalize::mention(party));
                make_room(&mut self.forms);
                self.forms.insert(party.clone(), Arc::clone(&form));
                form
            }
        };
        if let Some(id) = self.mention_ids.get(&(Arc::clone(&form), scope)) {
            return *id;
        }
        let touched = self.directory.insert_mention(&form, Scope(scope));
        self.touch(&touched);
        let id = self.mentions.len() as u32;
        self.unsettled.mentions.insert(id);
        self.mention_ids.insert((Arc::clone(&form), scope), id);
        self.mentions.push(Mention {
            form,
            scope,
            shares: Vec::new(),
            candidates: Arc::default(),
            orders: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
        });
        id
    }

    /// The likeliest entity of a mention; the entity key decides between equals.
    pub(super) fn best_share(&self, mention: u32) -> Option<(u32, Probability)> {
        let shares = &self.mentions[mention as usize].shares;
        shares.iter().copied().max_by(|left, right| {
            let keys = |share: &(u32, Probability)| &self.entities[share.0 as usize].key;
            left.1.cmp(&right.1).then_with(|| keys(right).cmp(keys(left)))
        })
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

/// Most spellings of parties, and of goods, that are remembered with their folded forms.
const FORMS_REMEMBERED_MAX: usize = 200_000;

/// Forgets all when a memory of spellings is full: what is still in use comes back at once.
fn make_room<K, V>(forms: &mut HashMap<K, V>) {
    if forms.len() >= FORMS_REMEMBERED_MAX {
        forms.clear();
    }
}

/// A value in euro, where it can be told.
pub(super) fn euro(value: Option<Amount>, currency: &str, day: Day) -> Option<Amount> {
    value.filter(|value| value.is_positive()).and_then(|value| Rates::embedded().to_euro(value, currency, day))
}
