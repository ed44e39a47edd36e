//! Logs: set up once, by the program.
//!
//! Come here for the format and the filter of logs. Logs go to standard error, and carry methods, codes, counts and
//! times: never names, identifiers or goods. That is kept where events are written, not here.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

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

/// Checks a filter, such as `onward=debug,warn`.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse_filter(filter).map(|_| ())
}

/// Sets logs up for the whole process.
pub fn install(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt().with_env_filter(parse_filter(filter)?).with_writer(std::io::stderr);
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
    use super::check_filter;
    use crate::config::LOG_FILTER_DEFAULT;

    #[test]
    fn filters_are_checked_before_they_are_used() {
        assert_eq!(check_filter(LOG_FILTER_DEFAULT), Ok(()));
        assert_eq!(check_filter("onward::api=debug,warn"), Ok(()));
        assert!(check_filter("onward=loud").is_err());
    }
}
