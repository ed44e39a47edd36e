//! `onward demo`: the whole way in one go, for somebody who sees Onward for the first time.
//!
//! Come here for the story it tells. It uses the same service and client as everybody else.

use std::path::PathBuf;

use clap::ValueHint;

/// Which world.
#[derive(clap::Args, Debug)]
pub(super) struct DemoArguments {
    /// Another seed makes another world
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many order lines
    #[arg(long, value_name = "COUNT", default_value_t = 400)]
    pub(super) orders: u64,
    /// Keep the world and the store in this folder; otherwise both are gone afterwards
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) keep: Option<PathBuf>,
}
