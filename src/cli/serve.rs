//! `onward serve`: the service on its store.
//!
//! Come here for how the service is put together and stopped. What it answers is `api`, what it holds is `store`.

use std::path::PathBuf;

use clap::ValueHint;

/// Where and how.
#[derive(clap::Args, Debug)]
pub(super) struct ServeArguments {
    /// The store, one file; made when missing
    #[arg(long, value_name = "FILE", env = "ONWARD_DATA", value_hint = ValueHint::FilePath)]
    pub(super) data: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "ONWARD_LISTEN", default_value = "127.0.0.1:50551")]
    pub(super) listen: String,
    /// Listen beyond this machine although nothing is encrypted and nobody proves who they are
    #[arg(long)]
    pub(super) allow_insecure_remote: bool,
    /// How to write the log, on standard error
    #[arg(long, value_enum, env = "ONWARD_LOG_FORMAT", default_value_t)]
    pub(super) log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
