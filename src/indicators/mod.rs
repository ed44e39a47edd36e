//! The indicators room: the catalogue of red flags, each computed where its data is there.
//!
//! Come here to add a flag or to read what one means. A raised flag is a reason to look deeper, never a finding:
//! what happened to the goods is judged from papers in `flow` and `screening`. Lists of parties are not kept here.

mod assess;
mod buyer;
mod catalogue;
mod folds;
mod movement;
mod orders;
mod series;
mod severity;
#[cfg(test)]
mod tests;

pub use assess::{Assessor, assess};
pub use catalogue::{CatalogueEntry, catalogue};
pub use severity::{GoodsList, PriorityTier, goods_lists, priority_tier, severity};
