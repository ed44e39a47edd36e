//! What the measurements share.
//!
//! Come here to start a service that something is measured of. What is measured lies in the folders and files beside.

#![expect(clippy::unwrap_used, reason = "a measurement may panic")]

pub mod service;
