//! `onward audit`: checks or copies the trail of a store that no service has open.
//!
//! Come here for the offline side of the trail. What an entry is and what makes a trail whole is in `audit`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

/// What to do with which store.
#[derive(clap::Args, Debug)]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    pub(super) command: AuditCommand,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, taken out or put in
    Verify {
        /// The store, or a copy of it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        data: PathBuf,
    },
    /// Write every entry as one JSON object a line
    Export {
        /// The store, or a copy of it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        data: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
}
