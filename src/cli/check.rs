//! `onward check` and `onward compact`: care for a store that no service has open.
//!
//! Come here for what is said of a store. What is looked at is the room `store`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;

use super::exit::{Failure, Outcome, without_backtraces};
use super::summary::grouped_count;
use crate::audit::hex;
use crate::store::{self, CheckReport};

/// Which store.
#[derive(clap::Args, Debug)]
pub(super) struct StoreArguments {
    /// The store, which no service has open
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) store: PathBuf,
}

/// Says whether the store is what was written, and changes nothing.
pub(super) fn check(arguments: &StoreArguments) -> Result<Outcome, Failure> {
    let path = &arguments.store;
    // Where a damaged file makes the database break off, the report says so, and more than a backtrace would.
    let checked = without_backtraces(|| store::check(path));
    let report = checked.map_err(|fault| Failure::of_store("checking", path, fault))?;
    if !report.is_whole() {
        return Err(Failure::Unreadable(format!("{}: {}", path.display(), faults(&report))));
    }
    io::stdout().write_all(whole(&report).as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

/// Makes the file as small as it can be.
pub(super) fn compact(arguments: &StoreArguments) -> Result<Outcome, Failure> {
    let path = &arguments.store;
    let (before, after) = store::compact(path).map_err(|fault| Failure::of_store("compacting", path, fault))?;
    let text = format!("{} bytes before, {} bytes after", grouped_count(before), grouped_count(after));
    writeln!(io::stdout(), "{text}").map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

fn whole(report: &CheckReport) -> String {
    let mut text = "The store is whole.\n".to_owned();
    for (table, count) in report.row_counts.iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!("  {table:<26} {:>12}\n", grouped_count(*count)));
    }
    text.push_str(&format!("Head: {}:{}\n", report.head.sequence, hex(&report.head.hash)));
    text.push_str("Note the head elsewhere: only against a noted head does it show that the store is an older one.\n");
    text
}

fn faults(report: &CheckReport) -> String {
    let mut text = format!("{} faults", grouped_count(report.fault_count));
    for fault in &report.faults {
        text.push_str(&format!("\n  {fault}"));
    }
    if report.fault_count > report.faults.len() as u64 {
        text.push_str("\n  and more");
    }
    text
}
