//! `onward export`: the findings of a running service as the same files that `screen` writes.
//!
//! Come here for paging through a service. The files' form is `output`.

use std::path::PathBuf;

use clap::ValueHint;

use super::arguments::ServerArguments;
use super::output::Format;

/// From which service, where to.
#[derive(clap::Args, Debug)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Folder for decisions and links; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}
