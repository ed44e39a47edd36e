//! Logs and metrics: set up once, by the program.
//!
//! Come here for the format and the filter of logs, and for the names of metrics ([`metric`]). Logs go to standard error, and carry methods, codes, counts and
//! times: never names, identifiers or goods. That is kept where events are written, not here.

pub mod metric;
mod metrics_server;

use std::fmt;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub use metrics_server::{Metrics, MetricsError};

/// What is logged when nobody says.
pub const FILTER_DEFAULT: &str = "onward=info,warn";

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

/// Sets logs up for the whole process.
pub fn install(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    // Colour codes have no place in a file.
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse_filter(filter)?)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|_| TelemetryError::AlreadySetUp)
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
