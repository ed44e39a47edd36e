//! `onward import`: sends files to a running service, record by record, each with its outcome.
//!
//! Come here for batching and what a person is told. Reading is `intake`, the wire is `api`.

use std::path::PathBuf;

use clap::ValueHint;

use super::arguments::{RecordFiles, ServerArguments};

/// Which files, to which service.
#[derive(clap::Args, Debug)]
pub(super) struct ImportArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) files: RecordFiles,
    /// File for the rows that did not go in (CSV); without it they are only counted
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) rejects: Option<PathBuf>,
}
