//! The integration tests, in one binary so that the library is linked once.
//!
//! `invariants` holds what DESIGN promises of findings as a whole, `changes` why they are judged again, `prospects`
//! what is said before an order ships, `renewing` what a run hands on
//! that goes on from a kept one, `replay` what is said when a finding is judged again, `recovering` what a full
//! disk changes: nothing, `settling` the smallest cases of what must be judged again, `waiting` what of it may wait.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod changes;
mod invariants;
mod prospects;
mod recovering;
mod renewing;
mod replay;
mod settling;
mod waiting;
