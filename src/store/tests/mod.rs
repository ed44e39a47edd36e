//! Tests of the store as a whole: what it keeps, what it refuses, and what is left after the power fails.
//!
//! Come here to see which promises are held by which file: `accepting` (records, request ids, limits, scopes),
//! `judging` (findings with alerts and trail), `grouping` (one transaction for many), `opening` (formats, identities), `migrating` (older files), `power_cuts`, and
//! `recovering` (full and failing disks). What people do with alerts is tested in `alerts`. `disk` is the failing disk, `plain` the model it is all compared with.

mod accepting;
mod changes;
mod damaging;
mod disk;
mod grouping;
mod judging;
mod migrating;
mod opening;
mod plain;
mod power_cuts;
mod recovering;
mod samples;
