//! The goods room: do an order line and a shipment line name the same goods?
//!
//! Come here for the ladder from shared serial numbers down to neighbouring tariff codes. Comparers give graded
//! features, one table gives them their weights. Quantities, prices and weights per piece are compared in `flow`.

mod brands;
mod codes;
mod compare;
mod items;
#[cfg(test)]
mod tests;
mod texts;
mod weights;

pub use brands::Brands;
pub use compare::{GoodsEvidence, bits, compare, may_match, visit};
pub use weights::{Feature, Origin, WEIGHTS_VERSION, weight};
