//! `onward backtest`: how findings compare with what is known to have happened.
//!
//! Come here for the order of steps. Which files are read is in `known`, what precision, recall and calibration mean
//! is in `evaluation`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::exit::{Failure, Outcome};
use super::known::{Found, Known};
use super::new_file::NewFile;
use super::progress::Progress;
use super::summary::grouped_count;
use crate::evaluation::{BacktestInput, BacktestReport};

/// From which probability on something counts as found.
const THRESHOLD: f64 = 0.5;

/// Which findings, which truth.
#[derive(clap::Args, Debug)]
pub(super) struct BacktestArguments {
    /// Folder with truth_links.csv, truth_orders.csv and, where they are known, truth_parties.csv, orders.csv and
    /// shipments.csv
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) truth: PathBuf,
    /// Folder that `onward screen` wrote, as CSV
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) found: PathBuf,
    /// File for a picture: reliability and precision against recall
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) svg: Option<PathBuf>,
    /// How many alerts people can look at in a day
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub(super) alerts_per_day: u32,
    /// Exit with 1 when the links' F1 is below this
    #[arg(long, value_name = "F1")]
    pub(super) links_f1_min: Option<f64>,
}

/// Reads both folders, compares, prints, draws.
pub(super) fn run(arguments: &BacktestArguments, progress: &Progress) -> Result<Outcome, Failure> {
    if arguments.links_f1_min.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
        return Err(Failure::Usage("--links-f1-min is a number between 0 and 1".to_owned()));
    }
    let known = Known::read(&arguments.truth, progress)?;
    let mut found = Found::read(&arguments.found)?;
    let unknown_count = known.take_out_unknown(&mut found);
    if unknown_count > 0 {
        let count = grouped_count(unknown_count);
        progress.note(&format!("{count} order lines are left out: the truth says nothing of them"));
    }
    let report = BacktestReport::of(&BacktestInput {
        orders: known.outcomes(&found),
        found_links: found.links,
        true_links: known.links,
        // Nothing said of identities is not the same as all of them missed.
        party_truth: if found.parties.is_some() { known.parties } else { Vec::new() },
        party_decisions: found.parties.unwrap_or_default(),
        threshold: THRESHOLD,
        alerts_per_day: Some(arguments.alerts_per_day),
    });
    io::stdout().write_all(report.to_table().as_bytes()).map_err(Failure::stdout)?;
    if let Some(path) = &arguments.svg {
        draw(path, &report).map_err(Failure::io("writing", path))?;
    }
    Ok(verdict(arguments.links_f1_min, report.links.f1, &mut io::stderr()))
}

fn draw(path: &Path, report: &BacktestReport) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(report.to_svg().as_bytes())?;
    file.publish()
}

fn verdict(least: Option<f64>, f1: f64, complaints: &mut dyn Write) -> Outcome {
    match least {
        Some(least) if f1 < least => {
            // The exit code says it too; a closed standard error stops nothing.
            let _ = writeln!(complaints, "onward backtest: the links' F1 is {f1:.4}, below the {least} asked for");
            Outcome::BelowTarget
        }
        _ => Outcome::Done,
    }
}
