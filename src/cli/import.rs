//! `onward import`: sends files to a running service, record by record, each with its outcome.
//!
//! Come here for what a person is told and where refused rows go. Reading is `intake`, the wire is `api`, batches and
//! their rows are `sending`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::arguments::{RecordFiles, ServerArguments};
use super::calls;
use super::exit::{Failure, Outcome};
use super::output::{Cell, Format, REJECTS, Sheet};
use super::progress::Progress;
use super::records::{Reader, reject_row};
use super::sending::{NotTaken, Sending};
use super::summary::grouped_count;
use crate::api::{IngestSummary, RecordKind};
use crate::intake::{self, Report};
use crate::model::Record;

/// Which files, to which service.
#[derive(clap::Args, Debug)]
pub(super) struct ImportArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) files: RecordFiles,
    /// File for the rows that did not go in (CSV); without it they are only counted
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) rejects: Option<PathBuf>,
    /// Return only when everything that was sent is judged
    #[arg(long)]
    pub(super) wait: bool,
}

/// Reads and sends: companies and papers before orders, so that orders are judged once.
pub(super) fn run(arguments: &ImportArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let files = &arguments.files;
    if [&files.orders, &files.shipments, &files.companies].iter().all(|files| files.is_empty()) {
        return Err(Failure::Usage("nothing to send: name --orders, --shipments or --companies".to_owned()));
    }
    let runtime = calls::runtime()?;
    let client = runtime.block_on(calls::connect(&arguments.server))?;
    let failed = |error| calls::failed(&arguments.server.server, error);
    let mut reader = Reader::new(files, progress)?;
    let mut not_taken = Vec::new();
    let mut text = String::new();
    if !files.companies.is_empty() {
        let mut sending = Sending::start(&runtime, &client, RecordKind::Companies);
        reader.read_placed("companies", &files.companies, intake::read_companies, |company, path, row| {
            sending.add(Record::Company(Box::new(company)), path, row);
        })?;
        text += &told("companies", &sending.finish(&mut not_taken).map_err(failed)?);
    }
    if !files.shipments.is_empty() {
        let mut sending = Sending::start(&runtime, &client, RecordKind::Shipments);
        reader.read_placed("shipments", &files.shipments, intake::read_shipments, |line, path, row| {
            sending.add(Record::Shipment(Box::new(line)), path, row);
        })?;
        text += &told("shipments", &sending.finish(&mut not_taken).map_err(failed)?);
    }
    if !files.orders.is_empty() {
        let mut sending = Sending::start(&runtime, &client, RecordKind::Orders);
        reader.read_placed("orders", &files.orders, intake::read_orders, |line, path, row| {
            sending.add(Record::Order(Box::new(line)), path, row);
        })?;
        text += &told("orders", &sending.finish(&mut not_taken).map_err(failed)?);
    }
    let report = reader.finish();
    if arguments.wait {
        runtime.block_on(client.wait_until_screened()).map_err(failed)?;
    }
    if let Some(path) = &arguments.rejects {
        write_rejects(path, &report, &not_taken).map_err(Failure::io("writing", path))?;
    }
    if report.rejected_rows > 0 {
        text += &format!("{} rows were not sent\n", grouped_count(report.rejected_rows));
    }
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::with_rejects(report.rejected_rows + not_taken.len() as u64))
}

fn told(what: &str, summary: &IngestSummary) -> String {
    let count = |count: u64| grouped_count(count);
    let mut text = format!("{what}: {} new, {} there before", count(summary.stored), count(summary.unchanged));
    if summary.conflicts > 0 {
        text += &format!(", {} under a key that holds something else", count(summary.conflicts));
    }
    if summary.rejected + summary.refused_batches > 0 {
        let batches = count(summary.refused_batches);
        text += &format!(", {} refused and {batches} batches as a whole", count(summary.rejected));
    }
    text + "\n"
}

fn write_rejects(path: &Path, report: &Report, not_taken: &[NotTaken]) -> io::Result<()> {
    let mut sheet = Sheet::create_at(path, &REJECTS, Format::Csv)?;
    report.rejects.iter().try_for_each(|reject| reject_row(&mut sheet, reject))?;
    for row in not_taken {
        sheet.row(&[
            Cell::text(row.file.as_str()),
            Cell::number(row.row),
            Cell::text(&row.column),
            Cell::text(&row.value),
            Cell::text(&row.reason),
            Cell::text(&row.detail),
        ])?;
    }
    sheet.publish()
}
