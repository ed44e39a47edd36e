//! How much, when, along which path: attributes onward shipments to order lines and conserves quantities.
//!
//! The room sees numbers only: supplies, papers, and weighted candidate links between them. Who a party is and
//! whether goods are the same was decided before (`resolve`, `goods`); what a finding says comes after (`screening`).
//! It reads no store and no clock, and the same problem gives the same attribution whatever the order of its parts.

mod allocation;
mod bounds;

pub use allocation::{Attributed, Attribution, attribute};

use crate::model::{Amount, Bits, Probability};

/// What one whole paper is, in the smallest shares that are told apart: shares of one paper never add up to more.
/// Papers are shared out in shares because two order lines may count the same paper in different units.
pub const WHOLE_PAPER: i64 = 1_000_000_000_000_000;

/// One order line as a source of goods.
#[derive(Clone, Debug)]
pub struct Supply {
    /// Ordered quantity in the order's own unit.
    pub quantity: Amount,
}

/// One way in which one onward paper may carry goods of one order line.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Index of the order line among the supplies.
    pub supply: u32,
    /// Index of the onward paper among all papers of the problem.
    pub onward: u32,
    /// Papers inside the ostensible destination between them, oldest first, by index.
    pub path: Vec<u32>,
    /// The whole onward paper in the order's unit; `None` when no common unit could be found.
    pub onward_amount: Option<Amount>,
    /// Each whole paper of the path in the order's unit, as far as it is known.
    pub path_amounts: Vec<Option<Amount>>,
    /// Probability that the parties along the path are the same firms.
    pub identity: Probability,
    /// Weight of the link against "goods of another seller", given that the parties are the same.
    pub bits: Bits,
}

/// Everything that competes for the same goods.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// Order lines.
    pub supplies: Vec<Supply>,
    /// How many papers there are; candidates name them by index below this.
    pub paper_count: u32,
    /// Candidate links in canonical order: by supply, onward paper, path.
    pub candidates: Vec<Candidate>,
}

/// The settings of attribution; values live in the policy.
#[derive(Clone, Copy, Debug)]
pub struct FlowPolicy {
    /// Links below this probability take no goods.
    pub link_probability_min: f64,
    /// Links from this probability on make up the most likely attribution.
    pub likely_probability_min: f64,
    /// Weight against a link whose order line is already used up by better links.
    pub exhausted_bits: f64,
    /// How far a paper may exceed an order line and still be read as the same quantity, as a share.
    pub quantity_tolerance: f64,
    /// From this probability on a link counts as settled when bounds are drawn.
    pub settled_probability_min: f64,
    /// Below this probability a link is no part of any consistent story.
    pub possible_probability_min: f64,
}

impl Default for FlowPolicy {
    fn default() -> Self {
        Self {
            link_probability_min: 0.2,
            likely_probability_min: 0.5,
            exhausted_bits: -4.0,
            quantity_tolerance: 0.03,
            settled_probability_min: 0.95,
            possible_probability_min: 0.05,
        }
    }
}
