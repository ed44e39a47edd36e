//! `onward completions`: a script that lets a shell complete commands and options.
//!
//! Come here to support another shell. It knows nothing but the arguments.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::exit::{Failure, Outcome};

/// Which shell.
#[derive(clap::Args, Debug)]
pub(super) struct CompletionsArguments {
    /// Shell to write the script for
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<Outcome, Failure> {
    // The generator panics when its writer fails, so it writes to memory first.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "onward", &mut script);
    io::stdout().lock().write_all(&script).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}
