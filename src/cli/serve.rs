//! `onward serve`: the service on its store.
//!
//! Come here for how the service is put together and stopped. What it answers is `api`, what it holds is `store`.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use clap::ValueHint;
use tokio::net::TcpListener;

use super::calls;
use super::exit::{Failure, Outcome};
use super::handing;
use crate::api::{self, ServeOptions, ServerTls, TlsFiles};
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigFault, ConfigFaults, ConfigFile, Flags, ServeConfig, TlsPaths};
use crate::identity::Identities;
use crate::model::StoreCondition;
use crate::screening::{Service, ServiceOptions};
use crate::store::{Store, StoreOptions};
use crate::telemetry::{self, Metrics, metric};

/// Where and how. Texts, read together with environment and file in `config`, so that all faults are told at once.
#[derive(clap::Args, Debug)]
pub(super) struct ServeArguments {
    /// File with settings (TOML); flags and environment go before it [env: ONWARD_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// Say whether settings, principals and certificates hold together, and serve nothing
    #[arg(long)]
    pub(super) check: bool,
    /// The store, one file; made when missing [env: ONWARD_DATA]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) data: Option<String>,
    /// Address and port to listen on; port 0 lets the system choose [default: 127.0.0.1:50551] [env: ONWARD_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// Who may call (TOML); without it nobody is asked who they are [env: ONWARD_PRINCIPALS]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) principals: Option<String>,
    /// The service's certificate (PEM), which turns TLS on [env: ONWARD_TLS_CERT]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) tls_cert: Option<String>,
    /// Its key (PEM) [env: ONWARD_TLS_KEY]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) tls_key: Option<String>,
    /// Authority behind the certificates that clients may show (PEM) [env: ONWARD_CLIENT_CA]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) client_ca: Option<String>,
    /// Answer for Prometheus metrics at this loopback address [env: ONWARD_METRICS_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics_listen: Option<String>,
    /// Let pages of these origins call from browsers by gRPC-Web; several with commas [env: ONWARD_WEB_ORIGINS]
    #[arg(long, value_name = "ORIGINS")]
    pub(super) web_origins: Option<String>,
    /// Listen beyond this machine although connections are not encrypted or nobody proves who they are
    #[arg(long)]
    pub(super) allow_insecure_remote: bool,
    /// Most open connections [default: 1024] [env: ONWARD_CONNECTIONS_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) connections_max: Option<String>,
    /// Most open connections from one address [default: half of all] [env: ONWARD_CONNECTIONS_PER_ADDRESS_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) connections_per_address_max: Option<String>,
    /// How long a client may take to open a connection, and for the headers of a call [default: 10] [env: ONWARD_OPENING_SECONDS]
    #[arg(long, value_name = "SECONDS")]
    pub(super) opening_seconds: Option<String>,
    /// Most open calls, streams included [default: 2048] [env: ONWARD_CALLS_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) calls_max: Option<String>,
    /// Most calls with one answer that work or wait for their turn [default: 256] [env: ONWARD_REQUESTS_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) requests_max: Option<String>,
    /// Most batches of records that are taken in at a time [default: 64] [env: ONWARD_BATCHES_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) batches_max: Option<String>,
    /// Most open alert watches [default: 1024] [env: ONWARD_WATCHES_MAX]
    #[arg(long, value_name = "NUMBER")]
    pub(super) watches_max: Option<String>,
    /// How long stopping may take [default: 5] [env: ONWARD_DRAIN_SECONDS]
    #[arg(long, value_name = "SECONDS")]
    pub(super) drain_seconds: Option<String>,
    /// How to write the log, on standard error: text or json [default: text] [env: ONWARD_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log: Option<String>,
    /// What to log, such as `onward=debug,warn` [env: ONWARD_LOG]
    #[arg(long, value_name = "FILTER")]
    pub(super) log_filter: Option<String>,
    /// Collector that spans are sent to, such as http://127.0.0.1:4317; needs a build with `otel` [env: ONWARD_OTLP_ENDPOINT]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) otlp_endpoint: Option<String>,
    /// Which spans to send, such as `onward=debug` [default: onward=info] [env: ONWARD_TRACES]
    #[arg(long, value_name = "FILTER")]
    pub(super) trace_filter: Option<String>,
}

/// What the settings come to, with the files that they name read and found good.
struct Setup {
    config: ServeConfig,
    identities: Option<Identities>,
    tls: Option<ServerTls>,
}

/// Serves until the user or the system says stop.
pub(super) fn run(arguments: &ServeArguments) -> Result<Outcome, Failure> {
    let setup = set_up(arguments)?;
    if arguments.check {
        return writeln!(io::stdout(), "{}", described(&setup)).map(|()| Outcome::Done).map_err(Failure::stdout);
    }
    let config = &setup.config;
    let runtime = calls::runtime()?;
    let entered = runtime.enter();
    let traces = telemetry::install(config.log_format, &config.log_filter, config.traces.as_ref());
    let traces = traces.map_err(|error| Failure::Bug(error.to_string()))?;
    drop(entered);
    let service = open(&config.data)?;
    let served = runtime.block_on(serve(&setup, service.clone()));
    traces.finish();
    // Calls that were cut off may still hold the service; the store is closed when the last of them has gone.
    runtime.shutdown_timeout(config.drain_max);
    drop(service);
    served.map(|()| Outcome::Done)
}

/// Opens the store and starts judging what it holds.
pub(super) fn open(data: &Path) -> Result<Service, Failure> {
    let clock = Arc::new(|| SystemClock.unix_millis());
    let store = Store::open(data, StoreOptions::default(), clock);
    let store = store.map_err(|error| Failure::of_store("opening", data, error))?;
    Service::start(store, ServiceOptions::default()).map_err(|error| Failure::Bug(error.to_string()))
}

/// Gathers the settings and reads the files that they name; tells everything that is wrong at once.
fn set_up(arguments: &ServeArguments) -> Result<Setup, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let file = arguments
        .config
        .clone()
        .or_else(|| environment("ONWARD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    let file = file.map(|path| ConfigFile {
        name: path.display().to_string(),
        text: std::fs::read_to_string(&path).map_err(|error| error.to_string()),
    });
    let check_filter = |filter: &str| telemetry::check_filter(filter).map_err(|error| error.to_string());
    let config = ServeConfig::gather(&arguments.flags(), environment, file.as_ref(), check_filter)
        .map_err(|faults| Failure::Usage(faults.to_string()))?;
    let mut faults = Vec::new();
    let identities = config.principals.as_deref().and_then(|path| {
        let opened = Identities::open(path, Arc::new(SystemClock));
        opened.map_err(|wrong| faults.extend(wrong.0.into_iter().map(|fault| (fault.place, fault.detail)))).ok()
    });
    let tls = config.tls.as_ref().and_then(|paths| {
        let TlsPaths { certificate, key, client_authority } = paths.clone();
        let opened = ServerTls::open(TlsFiles { certificate, key, client_authority });
        opened.map_err(|fault| faults.push(("TLS".to_owned(), fault.to_string()))).ok()
    });
    if faults.is_empty() {
        return Ok(Setup { config, identities, tls });
    }
    let faults = faults.into_iter().map(|(source, detail)| ConfigFault { source, detail }).collect();
    Err(Failure::Usage(ConfigFaults(faults).to_string()))
}

impl ServeArguments {
    fn flags(&self) -> Flags {
        let given = [
            ("data", &self.data),
            ("listen", &self.listen),
            ("principals", &self.principals),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
            ("client_ca", &self.client_ca),
            ("metrics_listen", &self.metrics_listen),
            ("web_origins", &self.web_origins),
            ("connections_max", &self.connections_max),
            ("connections_per_address_max", &self.connections_per_address_max),
            ("opening_seconds", &self.opening_seconds),
            ("calls_max", &self.calls_max),
            ("requests_max", &self.requests_max),
            ("batches_max", &self.batches_max),
            ("watches_max", &self.watches_max),
            ("drain_seconds", &self.drain_seconds),
            ("log", &self.log),
            ("log_filter", &self.log_filter),
            ("otlp_endpoint", &self.otlp_endpoint),
            ("trace_filter", &self.trace_filter),
        ];
        let values = given.into_iter().filter_map(|(key, text)| Some((key, text.clone()?))).collect();
        Flags { values, allow_insecure_remote: self.allow_insecure_remote }
    }
}

/// What was set up, in a line for the operator.
fn described(setup: &Setup) -> String {
    let who = match &setup.identities {
        Some(identities) => format!("{} principals", identities.principal_count()),
        None => "nobody is asked who they are".to_owned(),
    };
    let how = if setup.tls.is_some() { "TLS" } else { "no TLS" };
    format!("The settings hold together: {} on {}, {how}, {who}.", setup.config.data.display(), setup.config.listen)
}

async fn serve(setup: &Setup, service: Service) -> Result<(), Failure> {
    let Setup { config, identities, tls } = setup;
    let (stop, reloading) = (calls::interrupted(), reload_when_told(identities.clone(), tls.clone()));
    let listening = |source| Failure::Io { what: format!("listening on {}", config.listen), source };
    let listener = TcpListener::bind(config.listen).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let backups = handing::hand_out(&config.data, service.store().clone());
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "Onward listens on {scheme}://{address}. Ctrl-C stops it.").map_err(Failure::stdout)?;
    stdout.flush().map_err(Failure::stdout)?;
    drop(stdout);
    match (identities, address.ip().is_loopback()) {
        (Some(_), _) => {}
        (None, true) => tracing::warn!("nobody is asked who they are: every program of this machine may do everything"),
        (None, false) => tracing::warn!("nobody is asked who they are: everyone on the network may do everything"),
    }
    let options = ServeOptions {
        identities: identities.clone(),
        tls: tls.clone(),
        web_origins: config.web_origins.clone(),
        connections_max: config.connections_max,
        connections_per_address_max: config.connections_per_address_max,
        opening_max: config.opening_max,
        calls_max: config.calls_max,
        requests_max: config.requests_max,
        batches_max: config.batches_max,
        watches_max: config.watches_max,
        drain_max: config.drain_max,
        ..ServeOptions::default()
    };
    let metrics = answer_for_metrics(config, service.clone()).await?;
    let served = tokio::select! {
        served = api::serve(listener, service, stop, options) => served,
        never = reloading => match never {},
        never = metrics => match never {},
        never = backups => match never {},
    };
    served.map_err(|error| Failure::Io { what: "serving".to_owned(), source: io::Error::other(error) })
}

/// What answers for metrics, for ever; where nobody wants them, what does nothing for ever.
async fn answer_for_metrics(
    config: &ServeConfig,
    service: Service,
) -> Result<Pin<Box<dyn Future<Output = Infallible>>>, Failure> {
    let Some(address) = config.metrics_listen else { return Ok(Box::pin(std::future::pending())) };
    let listening = |source| Failure::Io { what: format!("listening on {address}"), source };
    let listener = TcpListener::bind(address).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    let metrics = Metrics::install().map_err(|error| Failure::Bug(error.to_string()))?;
    tracing::info!(%address, "metrics at /metrics");
    let data = config.data.clone();
    Ok(Box::pin(metrics.serve(listener, move || measure(&data, &service))))
}

/// What is measured only when somebody asks.
fn measure(data: &Path, service: &Service) {
    if let Ok(metadata) = std::fs::metadata(data) {
        metrics::gauge!(metric::STORE_BYTES).set(metadata.len() as f64);
    }
    let is_writable = *service.store().condition().borrow() == StoreCondition::Writable;
    metrics::gauge!(metric::STORE_WRITABLE).set(f64::from(u8::from(is_writable)));
    let waiting = service.store().read(|snapshot| Ok((snapshot.newest_record_sequence()?, snapshot.judged_through()?)));
    if let Ok((newest, judged)) = waiting {
        metrics::gauge!(metric::RECORDS_WAITING).set(newest.saturating_sub(judged) as f64);
    }
}

/// Reads principals and certificates again at SIGHUP, from the moment of the call. They are read twice a second anyway;
/// the signal, which would end other programs, says so in the log at once.
fn reload_when_told(identities: Option<Identities>, tls: Option<ServerTls>) -> impl Future<Output = Infallible> {
    #[cfg(unix)]
    let told = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
    async move {
        #[cfg(unix)]
        if let Ok(mut told) = told {
            while told.recv().await.is_some() {
                let (identities, tls) = (identities.clone(), tls.clone());
                let reading = move || api::reload(identities.as_ref(), tls.as_ref());
                match tokio::task::spawn_blocking(reading).await {
                    Ok(()) => tracing::info!("files of principals and certificates were read again"),
                    Err(error) => tracing::error!(%error, "files were not read again"),
                }
            }
        }
        drop((identities, tls));
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::arguments::Arguments;
    use crate::config::SETTINGS;

    #[test]
    fn every_setting_is_a_flag_that_names_its_variable() {
        let command = Arguments::command();
        let serve = command.get_subcommands().find(|command| command.get_name() == "serve").unwrap();
        for setting in SETTINGS {
            let flag = setting.flag.trim_start_matches("--");
            let argument = serve.get_arguments().find(|argument| argument.get_long() == Some(flag)).unwrap();
            let help = argument.get_help().unwrap().to_string();
            assert!(help.contains(&format!("[env: {}]", setting.variable)), "{help}");
        }
    }
}
