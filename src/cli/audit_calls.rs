//! `onward audit pack` and `onward audit replay`: the side of internal audit that asks a running service.
//!
//! Come here for how a finding is exported with its evidence, or judged again. Checking a trail offline is `audit`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ValueHint, value_parser};

use super::arguments::ServerArguments;
use super::calls;
use super::exit::{Failure, Outcome};
use super::new_file::NewFile;
use super::summary::grouped_count;
use crate::api::PackError;
use crate::audit::hex;
use crate::model::{OrderKey, Replay, ReplayOutcome};

/// Which finding, of which service.
#[derive(clap::Args, Debug)]
pub(super) struct FindingArguments {
    /// Number of the order
    #[arg(value_name = "ORDER_ID")]
    pub(super) order_id: String,
    /// Line of the order
    #[arg(value_name = "LINE", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(super) line_no: u32,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

/// Which finding to export, and where to.
#[derive(clap::Args, Debug)]
pub(super) struct PackArguments {
    #[command(flatten)]
    pub(super) finding: FindingArguments,
    /// ZIP file to write; one that is there already is never replaced
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: PathBuf,
}

impl FindingArguments {
    fn key(&self) -> OrderKey {
        OrderKey { order_id: self.order_id.clone(), line_no: self.line_no }
    }

    fn absent(&self) -> Failure {
        let Self { order_id, line_no, server } = self;
        Failure::Unreadable(format!("{}: there is no finding on order {order_id}, line {line_no}", server.server))
    }
}

/// Writes everything that bears on a finding as one archive, whole or not at all.
pub(super) fn pack(arguments: &PackArguments) -> Result<Outcome, Failure> {
    let (finding, out) = (&arguments.finding, &arguments.out);
    refuse_existing(out)?;
    let mut file = NewFile::create(out).map_err(Failure::io("writing", out))?;
    let received = calls::runtime()?.block_on(async {
        let client = calls::connect(&finding.server).await?;
        let key = finding.key();
        let receiving =
            async { client.evidence_pack(&key, &mut file).await.map_err(|error| failed(finding, out, error)) };
        calls::unless_interrupted("exporting", receiving).await
    })?;
    let received = received.ok_or_else(|| finding.absent())?;
    // Somebody may have written it in the meantime.
    refuse_existing(out)?;
    file.publish().map_err(Failure::io("writing", out))?;
    let text = format!(
        "Wrote {}: {} bytes, SHA-256 {}\nNote the SHA-256 elsewhere: it shows later that the pack is the one of now.\n",
        out.display(),
        grouped_count(received.bytes),
        hex(&received.sha256),
    );
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

pub(super) fn refuse_existing(out: &Path) -> Result<(), Failure> {
    match out.symlink_metadata() {
        Ok(_) => Err(Failure::Usage(format!("{} is there already and is not replaced", out.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("looking at", out)(error)),
    }
}

fn failed(finding: &FindingArguments, out: &Path, error: PackError) -> Failure {
    let server = &finding.server.server;
    match error {
        PackError::Call(error) => calls::failed(server, error),
        PackError::Write(error) => Failure::io("writing", out)(error),
        PackError::NotWhole => Failure::Io {
            what: format!("talking to {server}"),
            source: io::Error::new(io::ErrorKind::UnexpectedEof, error.to_string()),
        },
    }
}

/// Has a finding judged again and says how it compares; a finding that does not follow from its case is a failure.
pub(super) fn replay(arguments: &FindingArguments) -> Result<Outcome, Failure> {
    let answer = calls::runtime()?.block_on(async {
        let client = calls::connect(&arguments.server).await?;
        let answer = client.replay(&arguments.key()).await;
        answer.map_err(|error| calls::failed(&arguments.server.server, error))
    })?;
    let replay = answer.ok_or_else(|| arguments.absent())?;
    let (text, outcome) = sentence(&replay);
    let text = format!("Order {}, line {}: {text}", arguments.order_id, arguments.line_no);
    let hashes = format!("stored finding {}, its case {}", hex(&replay.stored_hash), hex(&replay.stored_case_hash));
    match outcome {
        Some(outcome) => {
            let text = format!("{text}\n{hashes}\n");
            io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
            Ok(outcome)
        }
        None => {
            let now = replay.case_hash.map_or_else(|| "none".to_owned(), |hash| hex(&hash));
            let judged = replay.judged.map_or_else(|| "none".to_owned(), |(_, hash)| hex(&hash));
            Err(Failure::Unreadable(format!("{text}\n{hashes}\nas judged now {judged}, its case {now}")))
        }
    }
}

/// What an outcome means, and how the command ends; `None` for a fault.
fn sentence(replay: &Replay) -> (&'static str, Option<Outcome>) {
    match replay.outcome {
        ReplayOutcome::SameBytes => ("the same case gives the same bytes.", Some(Outcome::Done)),
        ReplayOutcome::OtherBytes => (
            "FAULT: the same case gives other bytes. What is stored was changed, or the judge is not what it was.",
            None,
        ),
        ReplayOutcome::CaseChanged => (
            "the case has changed since, and waits to be judged: nothing can be said yet. Try again.",
            Some(Outcome::BelowTarget),
        ),
        ReplayOutcome::Overdue => (
            "FAULT: the case is another one and nothing waits to be judged. What is stored was changed, or a judgement was \
             missed.",
            None,
        ),
        ReplayOutcome::CaseTooLarge => {
            ("the case has more records than are judged on demand: nothing is said.", Some(Outcome::BelowTarget))
        }
    }
}
