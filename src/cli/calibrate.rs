//! `onward calibrate`: estimates the weights of the judgement from simulated worlds, and measures them on others.
//!
//! Come here for the form of the table that is written and of the figures that are printed. The procedure is in
//! `calibration`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueHint;

use super::exit::{Failure, Outcome};
use super::new_file::NewFile;
use super::progress::Progress;
use crate::calibration::{Calibration, CalibrationOptions, Measured, calibrate, measure};
use crate::screening::{Policy, Weights};
use crate::simulation::Profile;

/// From which worlds, and where to.
#[derive(clap::Args, Debug)]
pub(super) struct CalibrateArguments {
    /// File to write the table of weights to; without it only the weights the program has are measured
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: Option<PathBuf>,
    /// Estimate anew and compare with the weights that the program has; exit with 1 when one differs
    #[arg(long, conflicts_with = "out")]
    pub(super) verify: bool,
    /// Worlds of the plain kind to learn from; three times as many of each other kind
    #[arg(long, value_name = "COUNT", default_value_t = CalibrationOptions::default().worlds_per_profile)]
    pub(super) worlds: u64,
    /// Seed of the first of them
    #[arg(long, value_name = "NUMBER", default_value_t = CalibrationOptions::default().seed)]
    pub(super) seed: u64,
    /// Seeds of the worlds to measure on; none of them is learnt from
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "7,8")]
    pub(super) measure: Vec<u64>,
}

/// How far two estimates of a weight may lie apart, in bits: machines disagree in the last digits of logarithms.
const DIFFERENCE_BITS_MAX: f64 = 0.02;

/// Estimates, writes, measures.
pub(super) fn run(arguments: &CalibrateArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let options = CalibrationOptions {
        worlds_per_profile: arguments.worlds,
        seed: arguments.seed,
        ..CalibrationOptions::default()
    };
    let learnt = options.seeds();
    if arguments.out.is_some() && arguments.measure.iter().any(|seed| learnt.contains(seed)) {
        return Err(Failure::Usage("a seed that is learnt from says nothing when measured".to_owned()));
    }
    let mut told = |round, loss_bits| {
        progress.note(&format!("round {round}: {loss_bits:.4} bits a paper left unexplained"));
    };
    if arguments.verify {
        return verify(&calibrate(&options, &mut told));
    }
    let weights = match &arguments.out {
        None => Weights::embedded().clone(),
        Some(path) => {
            let calibration = calibrate(&options, &mut told);
            write(path, &table(&options, &calibration)).map_err(Failure::io("writing", path))?;
            calibration.weights
        }
    };
    let policy = Policy { weights: Arc::new(weights), ..Policy::default() };
    let mut measured = Vec::new();
    for profile in Profile::ALL {
        measured
            .extend(arguments.measure.iter().map(|seed| measure(profile, *seed, options.orders_per_world, &policy)));
    }
    io::stdout().write_all(figures(&measured).as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

/// Names every weight that differs, or says that none does.
fn verify(calibration: &Calibration) -> Result<Outcome, Failure> {
    let pairs = Weights::embedded().bits().iter().zip(calibration.weights.bits());
    let mut text = String::new();
    for (row, (ours, anew)) in Weights::rows().iter().zip(pairs) {
        if (ours - anew).abs() > DIFFERENCE_BITS_MAX {
            let _ = writeln!(text, "{}: {ours} bits in the table, {anew} estimated anew", row.name);
        }
    }
    let outcome = if text.is_empty() { Outcome::Done } else { Outcome::BelowTarget };
    if text.is_empty() {
        let count = Weights::rows().len();
        let _ = writeln!(text, "All {count} weights come out of their procedure again.");
    }
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(outcome)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(text.as_bytes())?;
    file.publish()
}

/// The table as `screening::Weights` reads it.
fn table(options: &CalibrationOptions, calibration: &Calibration) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "# What each comparison of an order line with a paper is worth, in bits.\n\
         # Written by `onward calibrate`, estimated on simulated worlds: {} of the plain kind and three times\n\
         # as many of each other kind, with {} order lines each, seeds from {}.\n\
         # Columns: name, bits assumed before counting, bits estimated, true links that stand behind the estimate.\n\
         # Where few stand behind it, an estimate stays near the assumption. See docs/detection.md.\n\
         # version: {}\n",
        options.worlds_per_profile,
        options.orders_per_world,
        options.seed,
        calibration.weights.version()
    );
    for ((row, bits), links) in Weights::rows().iter().zip(calibration.weights.bits()).zip(&calibration.links) {
        let _ = writeln!(text, "{}\t{}\t{bits}\t{links}", row.name, row.assumed);
    }
    text
}

fn figures(measured: &[Measured]) -> String {
    let mut text = String::from(
        "world          seed  links F1  precision  recall  orders AP  ECE links  by chance  ECE orders  quantity error\n",
    );
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for Measured { profile, seed, report } in measured {
        let _ = writeln!(
            text,
            "{:<13} {seed:>5} {:>9.3} {:>10.3} {:>7.3} {:>10} {:>10} {:>10} {:>11.3} {:>15}",
            profile.as_str(),
            report.links.f1,
            report.links.precision,
            report.links.recall,
            number(report.average_precision),
            number(report.links_calibration_error),
            number(report.links_calibration_error_by_chance),
            report.expected_calibration_error,
            number(report.quantity_error)
        );
    }
    text
}
