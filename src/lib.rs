//! Onward tells an exporter which of its orders for Kazakhstan went on to Russia, how much of each, and why.
//!
//! Read the rooms in this order; data flows one way through them: bytes, record, case, finding, alert.
//! `tests/tidy.rs` holds who may import whom.

pub mod model;

pub mod normalize;

pub mod intake;

pub mod goods;
pub mod resolve;

pub mod flow;
pub mod indicators;

pub mod audit;
pub mod store;

pub mod alerts;
pub mod screening;

pub mod identity;

pub mod api;

pub mod simulation;

pub mod evaluation;

pub mod calibration;

pub mod clock;
pub mod config;
pub mod telemetry;

pub mod cli;
