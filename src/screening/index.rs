//! Lists of a case's papers and order lines by entity, and the identity of two mentions. Pure, built anew for each case.

use crate::model::{Case, Day, EntityShare, Probability, ShipmentRole};

use super::record::{between, nearest};

/// Papers by entity, each list by day, then by place in the case.
#[derive(Debug, Default)]
pub(super) struct CaseIndex {
    /// Onward papers and transfers that an entity sent.
    pub sent: Vec<Vec<(Day, u32)>>,
    /// Arrivals that an entity received.
    pub arrived: Vec<Vec<(Day, u32)>>,
}

impl CaseIndex {
    pub(super) fn new(case: &Case) -> Self {
        let mut index =
            Self { sent: vec![Vec::new(); case.entities.len()], arrived: vec![Vec::new(); case.entities.len()] };
        // Shipments of a case are in order of day, so the lists are too.
        for (paper, shipment) in case.shipments.iter().enumerate() {
            let seen = (shipment.line.date, paper as u32);
            let (lists, shares) = match shipment.role {
                ShipmentRole::Arrival => (&mut index.arrived, &shipment.consignee),
                ShipmentRole::Transfer | ShipmentRole::Onward => (&mut index.sent, &shipment.consignor),
            };
            for share in shares.iter() {
                lists[share.entity as usize].push(seen);
            }
        }
        index
    }
}

/// Most that two mentions are taken for the same firm: nobody is certain.
const IDENTITY_MAX: f64 = 0.999;

/// Probability that two mentions stand for the same firm: the shares that they have in common. `share_of`: the share of an
/// entity in the other mention, nought where it is not among them.
pub(super) fn same_firm(
    shares: impl Iterator<Item = (u32, Probability)>,
    share_of: impl Fn(u32) -> f64,
) -> Probability {
    let sum: f64 = shares.map(|(entity, share)| share.to_f64() * share_of(entity)).sum();
    Probability::from_f64(sum.min(IDENTITY_MAX))
}

/// The same for two mentions of a case.
pub(super) fn identity(left: &[EntityShare], right: &[EntityShare]) -> Probability {
    let share_of = |entity: u32| {
        let same = right.iter().find(|other| other.entity == entity);
        same.map_or(0.0, |share| share.probability.to_f64())
    };
    same_firm(left.iter().map(|share| (share.entity, share.probability)), share_of)
}

/// Papers found in the lists of a mention's entities, each once, in the order of the case.
pub(super) struct Papers {
    pub found: Vec<u32>,
    /// How many there are in the window; more than were found where a limit was reached.
    pub count: usize,
}

/// Papers within a window; where there are more than `limit` in a list, those nearest to a day.
pub(super) fn papers_near(
    lists: &[Vec<(Day, u32)>],
    shares: &[EntityShare],
    (from, until): (Day, Day),
    day: Day,
    limit: usize,
) -> Papers {
    let mut papers = Papers { found: Vec::new(), count: 0 };
    for share in shares {
        let list = between(&lists[share.entity as usize], from, until);
        papers.count = papers.count.max(list.len());
        papers.found.extend(nearest(list, day, limit).iter().map(|(_, paper)| *paper));
    }
    papers.found.sort_unstable();
    papers.found.dedup();
    papers
}
