//! The command line: reads arguments, runs one command, and turns its outcome into an exit code.
//!
//! Come here to add a command: one file each, one line in `arguments`, one arm in `run`.
//! No command judges anything itself; what it prints or writes comes from the rooms below.

mod arguments;
mod audit;
mod audit_calls;
mod audit_proofs;
mod backtest;
mod backup;
mod calibrate;
mod calls;
mod changes;
mod check;
mod completions;
mod demo;
mod exit;
mod export;
mod handing;
mod import;
mod job;
mod key;
mod known;
mod man;
mod match_names;
mod new_file;
mod output;
mod progress;
mod records;
mod review;
mod screen;
mod sending;
mod serve;
mod simulate;
mod state;
mod story;
mod summary;
mod temporary;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use arguments::{Arguments, Command};
use exit::{Failure, Outcome};
use progress::Progress;

/// Runs the program on the arguments it was started with.
pub fn main() -> ExitCode {
    match catch_unwind(AssertUnwindSafe(|| start(std::env::args_os()))) {
        Ok(code) => code,
        // The panic hook has already printed where and why.
        Err(_) => report(&Failure::Bug("the program stopped itself".to_owned())),
    }
}

fn start(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let strict = arguments.command.is_strict();
    let progress = Progress::new(arguments.quiet);
    match run(arguments.command, &progress) {
        Ok(outcome) => outcome.code(strict),
        // Whoever reads us has seen enough, as in `onward man | head`.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn run(command: Command, progress: &Progress) -> Result<Outcome, Failure> {
    match command {
        Command::Screen(arguments) => screen::run(&arguments, progress),
        Command::Simulate(arguments) => simulate::run(&arguments, progress),
        Command::Match(arguments) => match_names::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments, progress),
        Command::Calibrate(arguments) => calibrate::run(&arguments, progress),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Compact(arguments) => check::compact(&arguments),
        Command::Audit(arguments) => audit::run(&arguments, progress),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Import(arguments) => import::run(&arguments, progress),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Review(arguments) => review::run(&arguments),
        Command::Changes(arguments) => changes::run(&arguments),
        Command::Job(arguments) => job::run(&arguments, progress),
        Command::Export(arguments) => export::run(&arguments, progress),
        Command::Demo(arguments) => demo::run(&arguments, progress),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// Prints help to standard output and misuse to standard error, each with its own exit code.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is the only thing that can go wrong here, and then nobody reads.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(exit::USAGE),
    }
}

fn report(failure: &Failure) -> ExitCode {
    // Standard error may be closed; the exit code still says it.
    let _ = writeln!(io::stderr(), "onward: {failure}");
    ExitCode::from(failure.code())
}
