//! The integration tests, in one binary so that the library is linked once.
//!
//! `invariants` holds what DESIGN promises of findings as a whole, `prospects` what is said before an order
//! ships, `replay` what is said when a finding is judged again, `settling` the
//! smallest cases of what must be judged again.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod invariants;
mod prospects;
mod replay;
mod settling;
