//! The service end to end over loopback: a real server, real clients, and an engine that lives in memory.
//!
//! Come here for what a client may rely on. Whether the engine is right is asked elsewhere.

mod contract;
mod ending;
mod fake;
mod ingest;
mod reading;
mod setup;
mod watching;
