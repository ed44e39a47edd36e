//! `onward watch`: follows the alerts of a running service and remembers how far it came.
//!
//! Come here for how an alert is printed and where the cursor is kept. Resuming and waiting are the client's, in `api`.

use std::path::PathBuf;

use clap::ValueHint;

use super::arguments::ServerArguments;

/// From where, for how long.
#[derive(clap::Args, Debug)]
pub(super) struct WatchArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Go on after this cursor; without it from the first alert held
    #[arg(long, value_name = "CURSOR", conflicts_with = "cursor_file")]
    pub(super) from: Option<String>,
    /// Keep the cursor in this file: go on after what it holds, and write it after each alert printed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) cursor_file: Option<PathBuf>,
    /// How to print an alert
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: AlertFormat,
    /// Stop when there is nothing more for now, instead of waiting
    #[arg(long)]
    pub(super) until_idle: bool,
}

/// How alerts look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(super) enum AlertFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Jsonl,
}
