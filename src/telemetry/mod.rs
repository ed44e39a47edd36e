//! Logs, metrics and traces: set up once, by the program.
//!
//! Come here for the format and the filter of logs, for the names of metrics ([`metric`]), and for spans that go to a
//! collector. Logs go to standard error. They and spans carry methods, codes, counts and times: never names, identifiers
//! or goods. That is kept where events are written, not here.

pub mod metric;
mod metrics_server;
mod traces;

use std::fmt;
use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use metrics_server::{Metrics, MetricsError};
pub use traces::{CAN_EXPORT, TraceExport, TraceSettings, go_on_with_trace};

/// What is logged when nobody says.
pub const FILTER_DEFAULT: &str = "onward=info,warn";
/// Which spans are sent when nobody says.
pub const TRACE_FILTER_DEFAULT: &str = "onward=info";

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Why logs could not be set up.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("the log filter is not understood: {0}")]
    BadFilter(String),
    /// There is nothing that sends spans.
    #[error("spans cannot be sent: {0}")]
    NoExport(String),
    /// Logs were set up before.
    #[error("logs are set up already")]
    AlreadySetUp,
}

impl LogFormat {
    /// The word in flags and environment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.as_str() == text)
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Checks a filter, such as `onward=debug,warn`.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse_filter(filter).map(|_| ())
}

/// Sets logs up for the whole process, and spans on their way to a collector where one is named. Called within a
/// runtime, which sends them.
pub fn install(format: LogFormat, filter: &str, traces: Option<&TraceSettings>) -> Result<TraceExport, TelemetryError> {
    let mut layers = vec![log_layer(format).with_filter(parse_filter(filter)?).boxed()];
    let export = add_traces(&mut layers, traces)?;
    tracing_subscriber::registry().with(layers).try_init().map_err(|_| TelemetryError::AlreadySetUp)?;
    Ok(export)
}

fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    // Colour codes have no place in a file.
    let is_terminal = std::io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

type Layers = Vec<Box<dyn Layer<Registry> + Send + Sync>>;

#[cfg(feature = "otel")]
fn add_traces(layers: &mut Layers, settings: Option<&TraceSettings>) -> Result<TraceExport, TelemetryError> {
    let Some(settings) = settings else { return Ok(TraceExport { provider: None }) };
    let (layer, provider) = traces::export::layer(settings)?;
    layers.push(layer.with_filter(parse_filter(&settings.filter)?).boxed());
    Ok(TraceExport { provider: Some(provider) })
}

#[cfg(not(feature = "otel"))]
fn add_traces(_: &mut Layers, settings: Option<&TraceSettings>) -> Result<TraceExport, TelemetryError> {
    match settings {
        None => Ok(TraceExport {}),
        Some(_) => Err(TelemetryError::NoExport("this build is without the feature `otel`".to_owned())),
    }
}

fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder().parse(filter).map_err(|error| TelemetryError::BadFilter(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{FILTER_DEFAULT, LogFormat, check_filter};

    #[test]
    fn filters_and_formats_are_checked_before_they_are_used() {
        assert_eq!(check_filter(FILTER_DEFAULT), Ok(()));
        assert_eq!(check_filter("onward::api=debug,warn"), Ok(()));
        assert!(check_filter("onward=loud").is_err());
        assert_eq!(LogFormat::parse("json"), Some(LogFormat::Json));
        assert_eq!(LogFormat::parse("xml"), None);
    }
}
