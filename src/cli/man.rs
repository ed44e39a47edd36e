//! `onward man`: the manual page, made from the same definitions as `--help`.
//!
//! Come here to change how manual pages are laid out. Their words stand beside the arguments they describe.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;

use super::arguments::Arguments;
use super::exit::{Failure, Outcome};

/// Where to.
#[derive(clap::Args, Debug)]
pub(super) struct ManArguments {
    /// Write one page for each command into this folder, instead of the main page to standard output
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArguments) -> Result<Outcome, Failure> {
    let command = Arguments::command().disable_help_subcommand(true);
    match &arguments.out {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(Failure::io("making the folder", folder))?;
            clap_mangen::generate_to(command, folder).map_err(Failure::io("writing manual pages into", folder))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).manual("Onward manual").render(&mut page).map_err(Failure::stdout)?;
            io::stdout().lock().write_all(&page).map_err(Failure::stdout)?;
        }
    }
    Ok(Outcome::Done)
}
