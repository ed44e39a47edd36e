//! The case: everything that bears on some of a tenant's order lines and on nothing else.
//!
//! It is the unit of judging, replay, audit and scaling out: judging one needs only itself and the policy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Amount, Company, Country, Day, GoodsForm, OrderLine, Probability, ShipmentLine};

/// From where the goods ostensibly stay to where they are suspected to go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Corridor {
    /// Ostensible destination.
    pub ostensible: Country,
    /// True destination.
    pub actual: Country,
}

impl Default for Corridor {
    fn default() -> Self {
        Self { ostensible: Country::KZ, actual: Country::RU }
    }
}

/// How probable it is that a mention stands for one of the case's entities.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntityShare {
    /// Index into [`Case::entities`].
    pub entity: u32,
    /// Its share of the mention.
    pub probability: Probability,
}

/// What the case knows of one entity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntityView {
    /// Stable name: `KZ:180640012345` by identifier, or `KZ~skeleton` when only a name is known.
    pub key: String,
    /// Its register row, where there is one.
    pub company: Option<Arc<Company>>,
    /// The tenant's first order to this entity, over all goods.
    pub first_order_date: Option<Day>,
    /// How many order lines the tenant has with this entity, over all goods.
    pub order_line_count: u32,
    /// Expected number of those with an onward shipment like them, in millionths: the buyer's record.
    pub echoed_millionths: u64,
}

/// What a shipment line is in this corridor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ShipmentRole {
    /// Into the ostensible destination.
    Arrival,
    /// Inside the ostensible destination.
    Transfer,
    /// Into the true destination.
    Onward,
}

/// One order line of the case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseOrder {
    /// The record as it came.
    pub line: Arc<OrderLine>,
    /// Its goods, folded.
    pub goods: Arc<GoodsForm>,
    /// Whom the buyer stands for; shares add up to at most one, the rest is "none known".
    pub buyer: Arc<Vec<EntityShare>>,
    /// This line's own part of its buyer's record, see [`EntityView::echoed_millionths`].
    pub echo: Probability,
    /// Value in euro at the rate of the order date, where value, currency and rate are known.
    pub value_euro: Option<Amount>,
    /// Enough days have passed, within the days for which arrivals are held, for an arrival to be missed.
    pub arrival_due: bool,
}

/// One shipment line of the case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseShipment {
    /// The record as it came.
    pub line: Arc<ShipmentLine>,
    /// What it is in this corridor.
    pub role: ShipmentRole,
    /// Its goods, folded.
    pub goods: Arc<GoodsForm>,
    /// Whom the consignor stands for; empty for arrivals.
    pub consignor: Arc<Vec<EntityShare>>,
    /// Whom the consignee stands for; empty for onward lines.
    pub consignee: Arc<Vec<EntityShare>>,
    /// Value in euro at the rate of the paper's date, where value, currency and rate are known.
    pub value_euro: Option<Amount>,
}

/// How well the tenant's arrivals are seen at all; quantised, so that one record more rarely changes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ArrivalCoverage {
    /// Share of order lines old enough to have arrived for which an arrival is held, in per cent, in steps of five.
    pub seen_percent: u32,
    /// Whether there are enough order lines to say so.
    pub is_known: bool,
}

/// What a tenant's order lines say together of its trade; quantised, so that one record more rarely changes it.
///
/// Among order lines that have an onward paper like them at all, how many have one that is likely theirs: where honest
/// trade in the same goods is common the share is low, and a likeness says less.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LikenessRecord {
    /// That share in per cent, in steps; a usual one where there are too few order lines to say.
    pub likely_percent: u32,
}

/// What was left out of a case because of a stated limit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CaseLimits {
    /// One sentence for each limit that was reached.
    pub reached: Vec<String>,
}

/// Everything that bears on its order lines.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Whose orders.
    pub tenant: String,
    /// Which corridor.
    pub corridor: Corridor,
    /// Order lines by key.
    pub orders: Vec<CaseOrder>,
    /// Shipment lines by date, then key.
    pub shipments: Vec<CaseShipment>,
    /// Entities by key.
    pub entities: Vec<EntityView>,
    /// Known brands that occur in the case's goods, folded and sorted: another brand in a text counts against.
    pub brands: Vec<String>,
    /// How well arrivals are seen.
    pub coverage: ArrivalCoverage,
    /// How much a likeness says.
    pub likeness: LikenessRecord,
    /// What was left out.
    pub limits: CaseLimits,
}
