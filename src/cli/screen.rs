//! `onward screen`: files in, findings out, with the same judge as the service.
//!
//! Come here for the order of steps. Reading is `intake`, judging is `screening`, the files' form is `output`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use clap::ValueHint;

use super::arguments::RecordFiles;
use super::exit::{Failure, Outcome};
use super::output::{self, Cell, FindingRows, FindingSheets, Format, Sheet};
use super::progress::Progress;
use super::records::{Reader, reject_row};
use super::state::{KeptRows, State};
use super::summary::{Circumstances, Summary, Told};
use crate::intake::{self, Report};
use crate::model::{CaseOrder, Finding, Record};
use crate::normalize::Rates;
use crate::screening::batch::{Batch, PartyRow, Screening, Stage};
use crate::screening::{Policy, Weights};

/// Which files.
#[derive(clap::Args, Debug)]
pub(super) struct ScreenArguments {
    #[command(flatten)]
    pub(super) files: RecordFiles,
    /// Folder for decisions, links, parties and rejects; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Table of weights to judge by, as `onward calibrate` writes it, instead of the one built in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) weights: Option<PathBuf>,
    /// Exchange rates to compare values by, as in data/exchange_rates.tsv, instead of the approximate ones built in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) exchange_rates: Option<PathBuf>,
    /// Whose orders these are; stands in every finding
    #[arg(long, value_name = "NAME", env = "ONWARD_TENANT", default_value = "default")]
    pub(super) tenant: String,
    /// Folder to go on from and to keep this run in: the next one needs only what is new, and writes everything
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) state: Option<PathBuf>,
}

/// Reads, screens, writes, and tells what came of it.
pub(super) fn run(arguments: &ScreenArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let mut state = arguments.state.as_deref().map(|folder| State::open(folder, arguments.format)).transpose()?;
    let is_first = !state.as_ref().is_some_and(State::is_kept);
    if is_first && (arguments.files.orders.is_empty() || arguments.files.shipments.is_empty()) {
        return Err(Failure::Usage("screening needs --orders and --shipments".to_owned()));
    }
    let policy = policy(arguments)?;
    std::fs::create_dir_all(&arguments.out).map_err(Failure::io("making", &arguments.out))?;
    let begin = || match &mut state {
        Some(state) => state.batch(&arguments.tenant, policy),
        None => Ok(Batch::new(&arguments.tenant, policy)),
    };
    let (batch, report) = read(arguments, begin, progress)?;
    let [shipment_count, company_count] = batch.paper_counts();
    let conflict_count = batch.conflict_count();
    let told = |stage, done, total| progress.at(stage_name(stage), done, total);
    let screening = batch.resolve(&told);
    let rows = state.map_or_else(|| Ok(KeptRows::none()), |state| state.rows(&screening))?;
    let summary = write(arguments, &screening, rows, &report, &told)?;
    progress.finish();
    let rejects = report.rejects.iter().fold(BTreeMap::new(), |mut counts, reject| {
        *counts.entry(reject.reason.as_str().to_owned()).or_insert(0) += 1;
        counts
    });
    let judged_count = screening.judged_anew_count();
    let elapsed = started.elapsed();
    let rejects = &rejects;
    let circumstances = Circumstances { shipment_count, company_count, judged_count, conflict_count, rejects, elapsed };
    // The program is about to end, and the system takes back millions of pieces of memory at once.
    std::mem::forget(screening);
    io::stdout().write_all(summary.text(&circumstances).as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::with_rejects(report.rejected_rows + conflict_count))
}

/// The policy with the tables that were given, or those built in.
fn policy(arguments: &ScreenArguments) -> Result<Policy, Failure> {
    let mut policy = Policy::default();
    if let Some(path) = &arguments.weights {
        policy.weights = Arc::new(table(path, Weights::parse)?);
    }
    if let Some(path) = &arguments.exchange_rates {
        policy.rates = Arc::new(table(path, Rates::parse)?);
    }
    Ok(policy)
}

fn table<T, E: Display>(path: &Path, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::io("reading", path))?;
    parse(&text).map_err(|error| Failure::Unreadable(format!("{}: {error}", path.display())))
}

/// Records handed from reading to indexing at a time.
const RECORDS_PER_CHUNK: usize = 4_096;
/// Chunks that may wait for indexing before reading pauses.
const CHUNKS_WAITING_MAX: usize = 2;

/// Reads on this thread while another one begins a batch, and folds and indexes what was read.
fn read(
    arguments: &ScreenArguments,
    begin: impl FnOnce() -> Result<Batch, Failure> + Send,
    progress: &Progress,
) -> Result<(Batch, Report), Failure> {
    std::thread::scope(|scope| {
        let (chunks, waiting) = sync_channel::<Vec<Record>>(CHUNKS_WAITING_MAX);
        let indexing = scope.spawn(move || {
            let mut batch = begin()?;
            waiting.into_iter().for_each(|chunk| batch.take(chunk));
            Ok(batch)
        });
        let mut chunk = Vec::with_capacity(RECORDS_PER_CHUNK);
        let mut take = |record: Record| {
            chunk.push(record);
            if chunk.len() >= RECORDS_PER_CHUNK {
                // Nobody takes it only when indexing broke off, which joining tells.
                let _ = chunks.send(std::mem::replace(&mut chunk, Vec::with_capacity(RECORDS_PER_CHUNK)));
            }
        };
        let read = read_files(&arguments.files, progress, &mut take);
        let _ = chunks.send(chunk);
        drop(chunks);
        let batch = indexing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((batch, read?))
    })
}

/// Hands on every record.
fn read_files(files: &RecordFiles, progress: &Progress, take: &mut dyn FnMut(Record)) -> Result<Report, Failure> {
    let mut reader = Reader::new(files, progress)?;
    reader.read("companies", &files.companies, intake::read_companies, |company| {
        take(Record::Company(Box::new(company)));
    })?;
    reader.read("shipments", &files.shipments, intake::read_shipments, |line| {
        take(Record::Shipment(Box::new(line)));
    })?;
    reader.read("orders", &files.orders, intake::read_orders, |line| {
        take(Record::Order(Box::new(line)));
    })?;
    Ok(reader.finish())
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Resolving => "resolving firms",
        Stage::Judging => "judging",
    }
}

/// The decisions are published last: where they stand, the other tables of the run stand too, and its end is kept.
fn write(
    arguments: &ScreenArguments,
    screening: &Screening,
    mut kept: KeptRows,
    report: &Report,
    told: &(dyn Fn(Stage, u64, u64) + Sync),
) -> Result<Summary, Failure> {
    let (folder, format) = (&arguments.out, arguments.format);
    let writing = || Failure::io("writing into", folder);
    let mut sheets = FindingSheets::create(folder, format).map_err(writing())?;
    let mut summary = Summary::default();
    let word = |finding: Finding, order: &CaseOrder| {
        Ok::<_, io::Error>((FindingRows::of(&finding, format)?, Told::of(&finding, &order.line)))
    };
    let mut list = kept.list();
    screening.findings(told, word, |outcome| {
        let (rows, told) = kept.take(&mut list, outcome.transpose().map_err(writing())?)?;
        summary.add(told);
        sheets.add(&rows).map_err(writing())
    })?;
    kept.end(list)?;
    let mut parties = Sheet::create(folder, &output::PARTIES, format).map_err(writing())?;
    let mut list = kept.list();
    screening.parties(|outcome| {
        let text =
            |parties: Vec<PartyRow<'_>>| output::rows_text(&output::PARTIES, format, parties.iter().map(party_row));
        let rows = kept.take(&mut list, outcome.map(text).transpose().map_err(writing())?)?;
        parties.rows(&rows).map_err(writing())
    })?;
    kept.end(list)?;
    let mut rejects = Sheet::create(folder, &output::REJECTS, format).map_err(writing())?;
    report.rejects.iter().try_for_each(|reject| reject_row(&mut rejects, reject)).map_err(writing())?;
    parties.publish().map_err(writing())?;
    rejects.publish().map_err(writing())?;
    kept.publish()?;
    sheets.publish().map_err(writing())?;
    Ok(summary)
}

fn party_row<'a>(party: &PartyRow<'a>) -> [Cell<'a>; 7] {
    [
        Cell::text(party.role),
        Cell::text(party.name),
        Cell::text(party.identifier),
        Cell::text(party.country.map_or(String::new(), |country| country.to_string())),
        Cell::text(party.entity),
        Cell::number(party.probability),
        Cell::text(output::evidence(&party.evidence)),
    ]
}
