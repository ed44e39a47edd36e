//! Runs every flag of the catalogue over one order line of a case.
//!
//! Come here for what the flags can see. [`Assessor`] looks at the whole case once, so that a case of many orders does
//! not cost the square of their number.

use std::collections::{BTreeMap, HashMap};

use super::catalogue::{Flag, catalogue, rules};
use super::folds::{address_key, person_key};
use super::series::{Ordered, Series};
use crate::model::{
    Case, CaseOrder, CaseShipment, Company, Day, DocumentKey, EntityView, HsCode, IndicatorOutcome, IndicatorResult,
    Link, Probability, ShipmentRole, Unit,
};

/// A mention that stands for an entity with at least this probability is taken to be it, in the flags.
const SHARE_MIN: f64 = 0.5;

/// Buyer, subheading and unit: order lines that can be added up.
pub(super) type SeriesKey<'a> = (u32, &'a str, Unit);

/// A case, looked through once for all its orders.
pub struct Assessor<'a> {
    pub(super) case: &'a Case,
    pub(super) series: BTreeMap<SeriesKey<'a>, Series>,
    /// Days of arrivals by receiving entity and heading, ascending.
    pub(super) arrivals: BTreeMap<(u32, &'a str), Vec<Day>>,
    pub(super) shipments: HashMap<&'a DocumentKey, &'a CaseShipment>,
    /// Entities by address and by person of their register rows.
    pub(super) by_address: BTreeMap<String, Vec<u32>>,
    pub(super) by_person: BTreeMap<String, Vec<u32>>,
    /// Some order of the case names an end user, so that the field is in use.
    pub(super) names_end_users: bool,
}

/// What one rule sees.
pub(super) struct View<'a, 'b> {
    pub(super) all: &'b Assessor<'a>,
    pub(super) order: &'b CaseOrder,
    pub(super) links: &'b [Link],
    /// Index of the buyer's entity.
    pub(super) buyer_index: Option<u32>,
    pub(super) buyer: Option<&'a EntityView>,
}

/// One result for every entry of the catalogue, in its order. For many orders of one case use an [`Assessor`].
pub fn assess(order: &CaseOrder, case: &Case, links: &[Link]) -> Vec<IndicatorResult> {
    Assessor::new(case).assess(order, links)
}

impl<'a> Assessor<'a> {
    /// Looks the case through.
    pub fn new(case: &'a Case) -> Self {
        let mut all = Self {
            case,
            series: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            shipments: case.shipments.iter().map(|shipment| (&shipment.line.key, shipment)).collect(),
            by_address: BTreeMap::new(),
            by_person: BTreeMap::new(),
            names_end_users: case.orders.iter().any(|order| !order.line.end_user.name.is_empty()),
        };
        // Lines of one order stand together.
        for (number, lines) in case.orders.chunk_by(|left, right| id_of(left) == id_of(right)).enumerate() {
            lines.iter().for_each(|order| all.add_order(order, number as u32));
        }
        case.shipments.iter().for_each(|shipment| all.add_arrival(shipment));
        for (index, entity) in case.entities.iter().enumerate() {
            if let Some(company) = entity.company.as_deref() {
                all.add_company(index as u32, company);
            }
        }
        all.series.values_mut().for_each(Series::finish);
        all.arrivals.values_mut().for_each(|days| days.sort_unstable());
        all
    }

    /// One result for every entry of the catalogue, in its order.
    pub fn assess(&self, order: &CaseOrder, links: &[Link]) -> Vec<IndicatorResult> {
        let buyer_index = self.main_entity(&order.buyer);
        let buyer = buyer_index.and_then(|index| self.case.entities.get(index as usize));
        let view = View { all: self, order, links, buyer_index, buyer };
        let results = catalogue().iter().zip(rules()).map(|(entry, rule)| {
            let (outcome, detail) = match rule(&view) {
                Flag::Raised(detail) => (IndicatorOutcome::Raised, detail),
                Flag::Clear(detail) => (IndicatorOutcome::Clear, detail),
                Flag::NotComputable(missing) => (IndicatorOutcome::NotComputable, missing.to_owned()),
            };
            IndicatorResult { indicator: entry.id.to_owned(), outcome, detail }
        });
        results.collect()
    }

    fn main_entity(&self, shares: &[crate::model::EntityShare]) -> Option<u32> {
        let minimum = Probability::from_f64(SHARE_MIN);
        shares
            .iter()
            .filter(|share| share.probability >= minimum)
            .max_by_key(|share| (share.probability, std::cmp::Reverse(share.entity)))
            .map(|share| share.entity)
    }

    fn add_order(&mut self, order: &'a CaseOrder, number: u32) {
        if let (Some(buyer), Some(code)) = (self.main_entity(&order.buyer), subheading(order)) {
            let line = &order.line;
            let ordered =
                Ordered { date: line.order_date, order: number, quantity_millionths: line.quantity.millionths() };
            self.series.entry((buyer, code, line.unit)).or_default().push(ordered);
        }
    }

    fn add_arrival(&mut self, shipment: &'a CaseShipment) {
        let heading = shipment.line.hs_code.as_ref().and_then(HsCode::heading);
        if let (ShipmentRole::Arrival, Some(receiver), Some(heading)) =
            (shipment.role, self.main_entity(&shipment.consignee), heading)
        {
            self.arrivals.entry((receiver, heading)).or_default().push(shipment.line.date);
        }
    }

    fn add_company(&mut self, index: u32, company: &Company) {
        if let Some(key) = address_key(&company.address) {
            self.by_address.entry(key).or_default().push(index);
        }
        for person in std::iter::once(&company.director).chain(&company.owners) {
            if let Some(key) = person_key(person) {
                let entities = self.by_person.entry(key).or_default();
                if !entities.contains(&index) {
                    entities.push(index);
                }
            }
        }
    }
}

impl<'a> View<'a, '_> {
    /// The buyer's register row.
    pub(super) fn company(&self) -> Option<&'a Company> {
        self.buyer.and_then(|buyer| buyer.company.as_deref())
    }

    /// The readable name of an entity of the case.
    pub(super) fn name_of(&self, index: u32) -> &'a str {
        self.all
            .case
            .entities
            .get(index as usize)
            .map_or("", |entity| entity.company.as_deref().map_or(entity.key.as_str(), |company| company.name.as_str()))
    }

    /// The series that this order line belongs to.
    pub(super) fn series(&self) -> Option<&Series> {
        let key = (self.buyer_index?, subheading(self.order)?, self.order.line.unit);
        self.all.series.get(&key)
    }

    /// Links that are more likely than not.
    pub(super) fn likely_links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.probability >= Probability::from_f64(0.5))
    }
}

fn id_of(order: &CaseOrder) -> &str {
    &order.line.key.order_id
}

pub(super) fn subheading(order: &CaseOrder) -> Option<&str> {
    order.line.hs_code.as_ref().and_then(HsCode::subheading)
}
