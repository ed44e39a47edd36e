//! `onward screen`: files in, findings out, with the same judge as the service.
//!
//! Come here for the order of steps. Reading is `intake`, judging is `screening`, the files' form is `output`.

use std::path::PathBuf;

use clap::ValueHint;

use super::arguments::RecordFiles;
use super::output::Format;

/// Which files.
#[derive(clap::Args, Debug)]
pub(super) struct ScreenArguments {
    #[command(flatten)]
    pub(super) files: RecordFiles,
    /// Folder for decisions, links, parties and rejects; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Whose orders these are; stands in every finding
    #[arg(long, value_name = "NAME", env = "ONWARD_TENANT", default_value = "default")]
    pub(super) tenant: String,
}
