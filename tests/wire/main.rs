//! The service end to end over loopback: a real server, real clients, and an engine that lives in memory.
//!
//! Come here for what a client may rely on. Whether the engine is right is asked elsewhere.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod auditing;
mod changes;
mod contract;
mod ending;
mod fake;
mod floods;
mod histories;
mod house;
mod identity;
mod ingest;
mod jobs;
mod lists;
mod overload;
mod prospects;
mod raw;
mod reading;
mod reasons;
mod reviewing;
mod setup;
mod strangers;
mod watching;
mod web;
