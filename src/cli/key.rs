//! `onward key new`: makes an API key for a principal, and the line of the principals file that stands for it.
//!
//! Come here for what is shown and what is not. The key is written into a file and never printed: what is printed may
//! end up in a log or in a terminal's memory. What keys are is in `identity`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use super::exit::{Failure, Outcome};
use crate::identity::{HashKey, HashKeyFault, NewKey};
use crate::model::Day;

/// What to do with keys.
#[derive(clap::Args, Debug)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    pub(super) command: KeyCommand,
}

/// What to do with keys.
#[derive(Subcommand, Debug)]
pub(super) enum KeyCommand {
    /// Make a key
    New(NewKeyArguments),
}

/// Where to, until when.
#[derive(clap::Args, Debug)]
pub(super) struct NewKeyArguments {
    /// The secret with which the service hashes keys, named in the principals file; made when missing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) hash_key: PathBuf,
    /// New file for the key, to be handed to its owner
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: PathBuf,
    /// Last day on which the key is good, such as 2027-01-31
    #[arg(long, value_name = "DAY")]
    pub(super) expires: String,
}

/// Makes what was asked for.
pub(super) fn run(arguments: &KeyArguments) -> Result<Outcome, Failure> {
    let KeyCommand::New(new) = &arguments.command;
    let Some(last_day) = Day::parse_iso(&new.expires) else {
        return Err(Failure::Usage(format!("--expires: expected a day such as 2027-01-31, found {:?}", new.expires)));
    };
    let hash_key = HashKey::open_or_create(&new.hash_key).map_err(|fault| failed(fault, &new.hash_key))?;
    let key = NewKey::generate().map_err(|fault| failed(fault, &new.out))?;
    key.write_to(&new.out).map_err(Failure::io("writing the new file", &new.out))?;
    let line = format!("{{ hash = \"{}\", expires = \"{last_day}\" }}", key.hash(&hash_key));
    writeln!(io::stdout(), "{line}").map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

fn failed(fault: HashKeyFault, path: &std::path::Path) -> Failure {
    match fault {
        HashKeyFault::Io(source) => Failure::io("reading or making", path)(source),
        fault => Failure::Unreadable(format!("{}: {fault}", path.display())),
    }
}
