//! `onward simulate`: writes a seeded world with its truth.
//!
//! Come here for the options. What happens in such a world is decided in `simulation`.

use std::path::PathBuf;

use clap::ValueHint;

use super::exit::{Failure, Outcome};
use super::progress::Progress;
use super::summary::grouped_count;
use crate::simulation::{CsvWorldWriter, Profile, WorldOptions, generate};

/// Which world.
#[derive(clap::Args, Debug)]
pub(super) struct SimulateArguments {
    /// Folder for orders, shipments, companies and the three files of truth; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// The same seed makes the same world, byte for byte
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many order lines
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    pub(super) orders: u64,
    /// How many shipment lines, more or less
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub(super) shipments: u64,
    /// Kind of world: small, harder, unseen, few_diverters
    #[arg(long, value_name = "KIND", default_value = "small")]
    pub(super) profile: String,
}

/// Writes the world.
pub(super) fn run(arguments: &SimulateArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let profile = Profile::parse(&arguments.profile).map_err(|error| Failure::Usage(error.to_string()))?;
    let options = WorldOptions::new(arguments.seed, arguments.orders, arguments.shipments, profile);
    let writing = || Failure::io("writing into", &arguments.out);
    let mut writer = CsvWorldWriter::create(&arguments.out).map_err(writing())?;
    let summary = generate(&options, &mut writer).map_err(writing())?;
    writer.finish().map_err(writing())?;
    progress.note(&format!(
        "{} order lines, {} shipment lines, {} companies, {} true links",
        grouped_count(summary.order_count),
        grouped_count(summary.shipment_count),
        grouped_count(summary.company_count),
        grouped_count(summary.link_count)
    ));
    Ok(Outcome::Done)
}
