//! `onward job`: many order lines screened by a running service, with progress and results as files.
//!
//! Come here for how a job is started, told of and written. What a job does is decided by the service; docs/jobs.md
//! says what to expect.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Subcommand, ValueHint};
use tokio::sync::mpsc;

use super::arguments::{RecordFiles, ServerArguments};
use super::calls;
use super::exit::{Failure, Outcome};
use super::output::{self, ADVICE, Cell, Columns, DECISIONS, FindingRows, FindingSheets, Format, LINKS, Sheet};
use super::progress::Progress;
use super::records::Reader;
use super::summary::{grouped_count, plain};
use crate::api::{Client, REQUEST_ID_BYTES_MAX, is_request_id};
use crate::intake;
use crate::model::{Day, JobId, JobOutcome, JobResult, JobState, ScreeningJob};

/// Lines that may wait to be sent.
const LINES_WAITING_MAX: usize = 1_000;
/// How often a job is asked how far it is while its results come.
const LINES_PER_LOOK: u64 = 500;

/// What to do with which job.
#[derive(clap::Args, Debug)]
pub(super) struct JobArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(subcommand)]
    pub(super) command: JobCommand,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(super) enum JobCommand {
    /// Start a job: over stored order lines, or with the lines of files, which are not stored as orders
    Start(StartArguments),
    /// Show how far a job is
    Show {
        /// Number of the job
        #[arg(value_name = "JOB")]
        job: u64,
    },
    /// List jobs, the newest first
    List,
    /// Cancel a job; the results it has stay
    Cancel {
        /// Number of the job
        #[arg(value_name = "JOB")]
        job: u64,
    },
    /// Write the results of a job to files, waiting for it where it runs
    Results(ResultsArguments),
}

/// Which lines.
#[derive(clap::Args, Debug)]
pub(super) struct StartArguments {
    /// Files of order lines; without any, those that are stored
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) orders: Vec<PathBuf>,
    /// Lines `their name=our name` that rename columns
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "orders")]
    pub(super) column_map: Option<PathBuf>,
    /// First order day of stored lines [otherwise: the oldest]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with = "orders")]
    pub(super) first_day: Option<Day>,
    /// Last order day of stored lines [otherwise: the newest]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with = "orders")]
    pub(super) last_day: Option<Day>,
    /// Names the request: the same again gets the same job [otherwise: a new one each time]
    #[arg(long, value_name = "ID", value_parser = request_id)]
    pub(super) request_id: Option<String>,
}

/// Which results, where to.
#[derive(clap::Args, Debug)]
pub(super) struct ResultsArguments {
    /// Number of the job
    #[arg(value_name = "JOB")]
    pub(super) job: u64,
    /// Folder for advice, decisions and links; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Write anew what stands in the folder already
    #[arg(long)]
    pub(super) replace: bool,
}

/// Does what was asked for and prints the job as it stands.
pub(super) fn run(arguments: &JobArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let server = &arguments.server;
    let failed = |error| calls::failed(&server.server, error);
    if let JobCommand::Start(StartArguments { first_day: Some(first), last_day: Some(last), .. }) = &arguments.command
        && first > last
    {
        return Err(Failure::Usage(format!("--first-day {first} is after --last-day {last}")));
    }
    let runtime = calls::runtime()?;
    let client = runtime.block_on(calls::connect(server))?;
    let text = match &arguments.command {
        JobCommand::Start(start) if !start.orders.is_empty() => {
            let (job, rejected_rows) = upload(&runtime, &client, server, start, progress)?;
            let note = match rejected_rows {
                0 => String::new(),
                rows => format!("{} rows were not sent\n", grouped_count(rows)),
            };
            note + &line(&job)
        }
        JobCommand::Start(start) => {
            let request_id = start.request_id.clone().unwrap_or_else(new_request_id);
            line(&runtime.block_on(client.start_job(&request_id, start.first_day, start.last_day)).map_err(failed)?)
        }
        JobCommand::Show { job } => {
            line(&there(*job, runtime.block_on(client.screening_job(JobId(*job))).map_err(failed)?)?)
        }
        JobCommand::Cancel { job } => {
            let job = there(*job, runtime.block_on(client.cancel_job(JobId(*job))).map_err(failed)?)?;
            if job.state != JobState::Cancelled {
                progress.note("nothing was cancelled: the job had ended before");
            }
            line(&job)
        }
        JobCommand::List => runtime.block_on(client.screening_jobs()).map_err(failed)?.iter().map(line).collect(),
        JobCommand::Results(results) => {
            let writing = write(&client, server, results, progress);
            runtime.block_on(calls::unless_interrupted("reading results", writing))?
        }
    };
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

fn there(job: u64, found: Option<ScreeningJob>) -> Result<ScreeningJob, Failure> {
    found.ok_or_else(|| Failure::Unreadable(format!("there is no screening job {job}")))
}

/// Sends the lines of files while they are read. The job, and how many rows were not sent.
fn upload(
    runtime: &tokio::runtime::Runtime,
    client: &Client,
    server: &ServerArguments,
    start: &StartArguments,
    progress: &Progress,
) -> Result<(ScreeningJob, u64), Failure> {
    let files = RecordFiles {
        orders: start.orders.clone(),
        shipments: Vec::new(),
        companies: Vec::new(),
        column_map: start.column_map.clone(),
        strict: false,
    };
    let request_id = start.request_id.clone().unwrap_or_else(new_request_id);
    let (lines, receiver) = mpsc::channel(LINES_WAITING_MAX);
    let client = client.clone();
    let uploading = runtime.spawn(async move { client.upload_job(&request_id, receiver).await });
    let mut reader = Reader::new(&files, progress)?;
    let read = reader.read("orders", &files.orders, intake::read_orders, |line| {
        // Nobody takes it when the call has ended, which its answer tells.
        let _ = lines.blocking_send(line);
    });
    let read = read.and_then(|count| match count {
        0 => Err(Failure::Unreadable("there is no order line in these files that could be sent".to_owned())),
        _ => Ok(()),
    });
    if let Err(failure) = read {
        // Before the lines end: half a file must not become a job.
        uploading.abort();
        let _ = runtime.block_on(uploading);
        return Err(failure);
    }
    drop(lines);
    let report = reader.finish();
    let uploaded = runtime.block_on(uploading).map_err(|error| Failure::Bug(error.to_string()))?;
    uploaded.map(|job| (job, report.rejected_rows)).map_err(|error| calls::failed(&server.server, error))
}

/// Writes everything a job has found, once it has ended.
async fn write(
    client: &Client,
    server: &ServerArguments,
    arguments: &ResultsArguments,
    progress: &Progress,
) -> Result<String, Failure> {
    let failed = |error| calls::failed(&server.server, error);
    let writing = |error| Failure::io("writing into", &arguments.out)(error);
    let id = JobId(arguments.job);
    let mut job = there(arguments.job, client.screening_job(id).await.map_err(failed)?)?;
    std::fs::create_dir_all(&arguments.out).map_err(Failure::io("making", &arguments.out))?;
    for table in [&ADVICE, &DECISIONS, &LINKS] {
        refuse_to_overwrite(&arguments.out, table, arguments)?;
    }
    let mut sheets = FindingSheets::create(&arguments.out, arguments.format).map_err(writing)?;
    let mut advice = Sheet::create(&arguments.out, &ADVICE, arguments.format).map_err(writing)?;
    let mut results = client.job_results(id, 1);
    while let Some(result) = results.next().await.map_err(failed)? {
        if job.line_count.is_none() || result.line.is_multiple_of(LINES_PER_LOOK) {
            job = there(arguments.job, client.screening_job(id).await.map_err(failed)?)?;
        }
        advice.row(&advice_row(&result)).map_err(writing)?;
        if let JobOutcome::Judged(judged) = &result.outcome {
            let rows = FindingRows::of(&judged.finding, arguments.format).map_err(writing)?;
            sheets.add(&rows).map_err(writing)?;
        }
        progress.at("results", result.line, job.line_count.unwrap_or(0));
    }
    progress.finish();
    sheets.publish().map_err(writing)?;
    // Last: where the advice stands, the other tables stand too.
    advice.publish().map_err(writing)?;
    there(arguments.job, client.screening_job(id).await.map_err(failed)?).map(|job| line(&job))
}

fn refuse_to_overwrite(folder: &Path, table: &Columns, arguments: &ResultsArguments) -> Result<(), Failure> {
    let path = folder.join(format!("{}.{}", table.name, arguments.format.extension()));
    if path.exists() && !arguments.replace {
        return Err(Failure::Usage(format!("{} is there already; --replace writes it anew", path.display())));
    }
    Ok(())
}

/// A row of `advice.*`.
fn advice_row(result: &JobResult) -> [Cell<'_>; 7] {
    let (action, risk, reasons) = match &result.outcome {
        JobOutcome::Judged(advice) => {
            let reasons = advice.reasons.iter().map(|reason| format!("{} ({:+.1})", reason.text, reason.bits.to_f64()));
            let risk = Cell::number(advice.risk);
            (advice.action.as_str(), risk, output::list(reasons))
        }
        JobOutcome::Conflict => ("", Cell::text(""), "another order line of this name is stored".to_owned()),
        JobOutcome::Rejected(faults) => {
            let faults = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.description));
            ("", Cell::text(""), output::list(faults))
        }
    };
    [
        Cell::number(result.line),
        Cell::text(&result.order.order_id),
        Cell::number(result.order.line_no),
        Cell::text(result.outcome.as_str()),
        Cell::text(action),
        risk,
        Cell::text(reasons),
    ]
}

/// A job in a line, for a person.
fn line(job: &ScreeningJob) -> String {
    let mut text = format!("job {}: {}", job.id, job.state.as_str());
    match job.line_count {
        None => text += ", not counted yet",
        Some(count) => {
            let share = job.share().unwrap_or(0.0) * 100.0;
            text +=
                &format!(", {} of {} lines ({share:.0} %)", grouped_count(job.judged_count()), grouped_count(count));
        }
    }
    if job.state == JobState::Running && job.judged_count() > 0 {
        text += &format!(", {:.0} lines a second", job.lines_per_second());
    }
    if let Some(seconds) = job.seconds_left() {
        text += &format!(", {} min {} s left", seconds as u64 / 60, seconds as u64 % 60);
    }
    let counts = job.counts;
    let parts = [
        (counts.release, "release"),
        (counts.review, "review"),
        (counts.hold, "hold"),
        (counts.conflict, "conflict"),
        (counts.rejected, "rejected"),
    ];
    for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
        text += &format!(", {} {word}", grouped_count(count));
    }
    if !job.failure.is_empty() {
        text += &format!(": {}", plain(&job.failure));
    }
    text + "\n"
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse_iso(text).ok_or_else(|| "expected YYYY-MM-DD".to_owned())
}

fn request_id(text: &str) -> Result<String, String> {
    let expected = || format!("expected 1 to {REQUEST_ID_BYTES_MAX} printable ASCII characters");
    is_request_id(text).then(|| text.to_owned()).ok_or_else(expected)
}

fn new_request_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("job-{:x}-{:x}", now.as_nanos(), std::process::id())
}
