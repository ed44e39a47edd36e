//! `onward watch`: follows the alerts of a running service and remembers how far it came.
//!
//! Come here for how an alert is printed and where the cursor is kept. Resuming and waiting are the client's, in `api`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueHint;

use super::arguments::ServerArguments;
use super::calls;
use super::exit::{Failure, Outcome};
use super::summary::{grouped, plain, score};
use crate::model::AlertEvent;

/// How long nothing must have come before `--until-idle` ends: the shortest that a service offers.
const SILENCE: Duration = Duration::from_secs(1);

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
    /// Go on after what the service remembers under this name, and tell it after each alert printed
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "cursor_file"])]
    pub(super) subscription: Option<String>,
    /// How to print an alert
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: AlertFormat,
    /// Stop when everything sent so far is judged and told, instead of waiting for more
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

/// Prints alerts until told to stop.
pub(super) fn run(arguments: &WatchArguments) -> Result<Outcome, Failure> {
    let cursor = match &arguments.cursor_file {
        Some(path) => read_cursor(path)?,
        None => arguments.from.clone(),
    };
    calls::runtime()?.block_on(async {
        tokio::select! {
            followed = follow(arguments, cursor) => followed,
            () = calls::interrupted() => Ok(()),
        }
    })?;
    Ok(Outcome::Done)
}

async fn follow(arguments: &WatchArguments, cursor: Option<String>) -> Result<(), Failure> {
    let failed = |error| calls::failed(&arguments.server.server, error);
    let client = calls::connect(&arguments.server).await?;
    if arguments.until_idle {
        client.wait_until_screened().await.map_err(failed)?;
    }
    let mut watch = client.watch(cursor);
    if let Some(name) = &arguments.subscription {
        watch = watch.with_subscription(name);
    }
    if arguments.until_idle {
        watch = watch.with_checkpoints_after(SILENCE);
    }
    loop {
        let message = watch.next().await.map_err(failed)?;
        if let Some(event) = &message.event {
            let line = match arguments.format {
                AlertFormat::Text => text_line(event),
                AlertFormat::Jsonl => json_line(event, &message.cursor),
            };
            // Printed whole before the cursor moves: whoever is cut off here sees an alert twice rather than never.
            let mut stdout = io::stdout().lock();
            stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::stdout)?;
        }
        if let (Some(name), Some(_)) = (&arguments.subscription, &message.event) {
            client.acknowledge(name, &message.cursor).await.map_err(failed)?;
        }
        if let Some(path) = &arguments.cursor_file {
            keep_cursor(path, &message.cursor).map_err(Failure::io("writing", path))?;
        }
        if message.is_caught_up && arguments.until_idle {
            return Ok(());
        }
    }
}

fn read_cursor(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("reading", path)(error)),
    }
}

/// Whole or not at all, but not forced to the disk: after a power cut a few alerts may come again.
fn keep_cursor(path: &Path, cursor: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    fs::write(&partial, format!("{cursor}\n"))?;
    fs::rename(&partial, path)
}

fn text_line(event: &AlertEvent) -> String {
    let alert = &event.alert;
    format!(
        "alert {} {:<8} {:<6} score {}  {} line {}, {} {}: {}\n",
        alert.id,
        event.kind.as_str(),
        alert.level.as_str(),
        score(alert.score),
        plain(&alert.order.order_id),
        alert.order.line_no,
        grouped(alert.attributed, 3),
        alert.unit.code(),
        plain(&alert.summary)
    )
}

fn json_line(event: &AlertEvent, cursor: &str) -> String {
    let alert = &event.alert;
    let value = serde_json::json!({
        "alert_id": alert.id.to_string(),
        "event": event.kind.as_str(),
        "sequence": event.sequence,
        "at_unix_millis": event.at_millis,
        "state": alert.state.as_str(),
        "revision": alert.revision,
        "order_id": alert.order.order_id,
        "line_no": alert.order.line_no,
        "level": alert.level.as_str(),
        "score": alert.score.to_f64(),
        "priority": alert.priority.to_f64(),
        "attributed_quantity": alert.attributed.to_f64(),
        "unit": alert.unit.code(),
        "kind": alert.kind.as_str(),
        "summary": alert.summary,
        "cursor": cursor,
    });
    format!("{value}\n")
}
