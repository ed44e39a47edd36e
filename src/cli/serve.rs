//! `onward serve`: the service on its store.
//!
//! Come here for how the service is put together and stopped. What it answers is `api`, what it holds is `store`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueHint;
use tokio::net::TcpListener;

use super::calls;
use super::exit::{Failure, Outcome};
use crate::api::{self, ServeOptions};
use crate::clock::{Clock, SystemClock};
use crate::config::{ServeConfig, ServeFlags};
use crate::screening::{Service, ServiceOptions};
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry;

/// Where and how.
#[derive(clap::Args, Debug)]
pub(super) struct ServeArguments {
    /// The store, one file; made when missing
    #[arg(long, value_name = "FILE", env = "ONWARD_DATA", value_hint = ValueHint::FilePath)]
    pub(super) data: PathBuf,
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", env = "ONWARD_LISTEN", default_value = "127.0.0.1:50551")]
    pub(super) listen: String,
    /// Listen beyond this machine although nothing is encrypted and nobody proves who they are
    #[arg(long)]
    pub(super) allow_insecure_remote: bool,
    /// How to write the log, on standard error
    #[arg(long, value_enum, env = "ONWARD_LOG_FORMAT", default_value_t)]
    pub(super) log: LogFormat,
    /// What to log, such as `onward=debug,warn`
    #[arg(long, value_name = "FILTER", env = "ONWARD_LOG")]
    pub(super) log_filter: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Serves until the user or the system says stop.
pub(super) fn run(arguments: &ServeArguments) -> Result<Outcome, Failure> {
    let config = configure(arguments)?;
    telemetry::install(config.log_format, &config.log_filter).map_err(|error| Failure::Bug(error.to_string()))?;
    let service = open(&arguments.data)?;
    let runtime = calls::runtime()?;
    let served = runtime.block_on(serve(&config, service.clone()));
    // Calls that were cut off may still hold the service; the store is closed when the last of them has gone.
    runtime.shutdown_timeout(config.drain_max);
    drop(service);
    served.map(|()| Outcome::Done)
}

/// Opens the store and starts judging what it holds.
pub(super) fn open(data: &Path) -> Result<Service, Failure> {
    let clock = Arc::new(|| SystemClock.unix_millis());
    let store = Store::open(data, StoreOptions::default(), clock).map_err(|error| match error {
        StoreError::NewerFormat { .. } | StoreError::NotAStore { .. } | StoreError::Damaged { .. } => {
            Failure::Unreadable(format!("{}: {error}", data.display()))
        }
        error => Failure::Io { what: format!("opening {}", data.display()), source: io::Error::other(error) },
    })?;
    Service::start(store, ServiceOptions::default()).map_err(|error| Failure::Bug(error.to_string()))
}

fn configure(arguments: &ServeArguments) -> Result<ServeConfig, Failure> {
    let format = match arguments.log {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let flags = ServeFlags {
        listen: Some(arguments.listen.clone()),
        store: Some(arguments.data.clone()),
        allow_insecure_remote: arguments.allow_insecure_remote,
        log_format: Some(format.to_owned()),
        log_filter: arguments.log_filter.clone(),
        ..ServeFlags::default()
    };
    let check_filter = |filter: &str| telemetry::check_filter(filter).map_err(|error| error.to_string());
    let config = ServeConfig::gather(&flags, |name| std::env::var(name).ok(), check_filter);
    config.map_err(|faults| Failure::Usage(faults.to_string()))
}

async fn serve(config: &ServeConfig, service: Service) -> Result<(), Failure> {
    let stop = calls::interrupted();
    let listening = |source| Failure::Io { what: format!("listening on {}", config.listen), source };
    let listener = TcpListener::bind(config.listen).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "Onward listens on http://{address}. Ctrl-C stops it.").map_err(Failure::stdout)?;
    stdout.flush().map_err(Failure::stdout)?;
    drop(stdout);
    let options = ServeOptions {
        connections_max: config.connections_max,
        calls_max: config.calls_max,
        watches_max: config.watches_max,
        drain_max: config.drain_max,
        ..ServeOptions::default()
    };
    let served = api::serve(listener, service, stop, options).await;
    served.map_err(|error| Failure::Io { what: "serving".to_owned(), source: io::Error::other(error) })
}
