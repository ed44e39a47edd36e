//! `onward backtest`: how findings compare with what is known to have happened.
//!
//! Come here for which files are read. What precision, recall and calibration mean is in `evaluation`.

use std::path::PathBuf;

use clap::ValueHint;

/// Which findings, which truth.
#[derive(clap::Args, Debug)]
pub(super) struct BacktestArguments {
    /// Folder with truth_links.csv, truth_orders.csv and, where there is one, truth_parties.csv
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
