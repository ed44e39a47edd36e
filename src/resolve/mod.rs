//! Who is who: which company a party of a paper stands for, as a distribution with its evidence.
//!
//! Come here to learn why two mentions are taken for one firm. [`Directory`] holds the register and all mentions and
//! answers with probabilities; [`match_names`] and [`compare_forms`] compare two parties without any register.
//! Weights stand in `weights`, apart from what is compared. Folding of spellings is not here but in `normalize`.

mod acronyms;
mod asked;
mod compare;
mod directory;
mod index;
mod joined;
mod kept;
mod keys;
#[cfg(test)]
mod name_counts;
#[cfg(test)]
mod name_tests;
mod names;
mod prepared;
mod similarity;
mod statistics;
#[cfg(test)]
mod tests;
mod watchers;
mod weights;

pub use compare::{Comparison, compare_forms};
pub use directory::{
    Candidate, Directory, Explainer, Introduction, MAX_CANDIDATES, MAX_EXAMINED, Resolution, Scope, Touched,
};
pub use kept::{FirmRow, FirmsOf, Forms, Table};
pub use names::{NameMatch, match_names, match_prepared};
pub use prepared::PreparedName;
pub use statistics::NameStatistics;
pub use watchers::{Changes, Concerned, Grounds, Watchers};
pub use weights::WEIGHTS_VERSION;
