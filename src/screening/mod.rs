//! The way of a record behind its acceptance: gather a case, judge it, commit what came of it.
//!
//! `batch` runs it over files, `service` over the store; both call the same `judge` on cases cut the same way.

mod advice;
mod arrivals;
mod backlog;
pub mod batch;
mod buyers;
mod candidates;
mod causes;
mod findings;
mod gather;
mod holdings;
mod index;
mod jobs;
mod judge;
mod kept;
mod moves;
mod policy;
mod pool;
mod probe;
mod record;
mod renewal;
mod replay;
mod service;
mod settle;
mod spellings;
mod weigh;
mod weights;

pub use advice::advise;
pub use candidates::{CandidateWay, candidate_ways};
pub use gather::Cut;
pub use holdings::{Held, Holdings};
pub use jobs::{JOB_CORE_SHARE, JOB_LINES_PER_TURN, Jobs};
pub use judge::{case_hash, judge};
pub use kept::{BlockReader, BlockWriter, ItemsOf, KeptError};
pub use policy::{ENGINE_VERSION, Policy};
pub use probe::{OnwardRecord, PROBE_RECORDS_MAX, Prospect, Screening};
pub use replay::{REPLAY_RECORDS_MAX, Recut};
pub use service::{Screened, Service, ServiceError, ServiceOptions};
pub use settle::Affected;
pub use weights::{WeightRow, Weights, WeightsError};
