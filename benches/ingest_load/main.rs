//! The service under load: the built program on a new store, as a child process on loopback, with records of simulated
//! worlds.
//!
//! Come here for the figures in docs/benchmarks.md and docs/reliability.md. `rates` measures durable ingest, `alerts`
//! the way from an acknowledged shipment to an alert at the client, `overload` what happens beyond what the service can
//! carry, `soak` whether memory stays flat. The client runs on the same machine: its share of the processor is told
//! beside that of the service.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and prints its figures")]

mod alerts;
mod feed;
mod lane;
mod overload;
mod rates;
mod soak;

use clap::{Parser, Subcommand};
use onward_benches::service::Place;

#[derive(Parser)]
#[command(about = "Puts load on a service of its own, and measures")]
struct Arguments {
    /// The built program
    #[arg(long, global = true, default_value = "target/release/onward")]
    program: String,
    /// Folder for the store; a new one where the system keeps temporary files when nothing is said
    #[arg(long, global = true)]
    folder: Option<std::path::PathBuf>,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Durable ingest: records a second, and how long a batch waits for its answer
    Rates(rates::Options),
    /// From an acknowledged shipment to the alert at the client
    Alerts(alerts::Options),
    /// One tenant's flood, and what another tenant notices of it
    Overload(overload::Options),
    /// Memory over a long time of everything
    Soak(soak::Options),
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let place = Place { program: arguments.program, folder: arguments.folder };
    match arguments.mode {
        Mode::Rates(options) => rates::run(&place, &options).await,
        Mode::Alerts(options) => alerts::run(&place, &options).await,
        Mode::Overload(options) => overload::run(&place, &options).await,
        Mode::Soak(options) => soak::run(&place, &options).await,
    }
}
