//! What can be set: one row for each setting, with its three names.
//!
//! Come here to add a setting; a test holds `docs/operating.md` and the command line against the rows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the service listens when nobody says: on this machine only.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50551);

/// A setting of the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// Its name on the command line.
    pub flag: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
}

/// A setting that is a whole number.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) setting: Setting,
    pub(super) default: usize,
    pub(super) min: usize,
    pub(super) max: usize,
}

const fn setting(key: &'static str, flag: &'static str, variable: &'static str) -> Setting {
    Setting { key, flag, variable }
}

const fn number(setting: Setting, default: usize, min: usize, max: usize) -> Number {
    Number { setting, default, min, max }
}

pub(super) const DATA: Setting = setting("data", "--data", "ONWARD_DATA");
pub(super) const LISTEN: Setting = setting("listen", "--listen", "ONWARD_LISTEN");
pub(super) const PRINCIPALS: Setting = setting("principals", "--principals", "ONWARD_PRINCIPALS");
pub(super) const TLS_CERT: Setting = setting("tls_cert", "--tls-cert", "ONWARD_TLS_CERT");
pub(super) const TLS_KEY: Setting = setting("tls_key", "--tls-key", "ONWARD_TLS_KEY");
pub(super) const CLIENT_CA: Setting = setting("client_ca", "--client-ca", "ONWARD_CLIENT_CA");
pub(super) const METRICS_LISTEN: Setting = setting("metrics_listen", "--metrics-listen", "ONWARD_METRICS_LISTEN");
pub(super) const WEB_ORIGINS: Setting = setting("web_origins", "--web-origins", "ONWARD_WEB_ORIGINS");
pub(super) const LOG: Setting = setting("log", "--log", "ONWARD_LOG_FORMAT");
pub(super) const LOG_FILTER: Setting = setting("log_filter", "--log-filter", "ONWARD_LOG");
pub(super) const OTLP_ENDPOINT: Setting = setting("otlp_endpoint", "--otlp-endpoint", "ONWARD_OTLP_ENDPOINT");
pub(super) const TRACE_FILTER: Setting = setting("trace_filter", "--trace-filter", "ONWARD_TRACES");
pub(super) const CONNECTIONS_MAX: Number =
    number(setting("connections_max", "--connections-max", "ONWARD_CONNECTIONS_MAX"), 1_024, 1, 100_000);
/// Where nothing is said, half of all.
pub(super) const CONNECTIONS_PER_ADDRESS_MAX: Number = number(
    setting("connections_per_address_max", "--connections-per-address-max", "ONWARD_CONNECTIONS_PER_ADDRESS_MAX"),
    512,
    1,
    100_000,
);
pub(super) const OPENING_SECONDS: Number =
    number(setting("opening_seconds", "--opening-seconds", "ONWARD_OPENING_SECONDS"), 10, 1, 300);
pub(super) const CALLS_MAX: Number =
    number(setting("calls_max", "--calls-max", "ONWARD_CALLS_MAX"), 2_048, 1, 1_000_000);
pub(super) const REQUESTS_MAX: Number =
    number(setting("requests_max", "--requests-max", "ONWARD_REQUESTS_MAX"), 256, 1, 1_000_000);
pub(super) const BATCHES_MAX: Number =
    number(setting("batches_max", "--batches-max", "ONWARD_BATCHES_MAX"), 64, 1, 10_000);
pub(super) const WATCHES_MAX: Number =
    number(setting("watches_max", "--watches-max", "ONWARD_WATCHES_MAX"), 1_024, 1, 1_000_000);
pub(super) const DRAIN_SECONDS: Number =
    number(setting("drain_seconds", "--drain-seconds", "ONWARD_DRAIN_SECONDS"), 5, 1, 300);

/// Every setting.
pub const SETTINGS: [Setting; 20] = [
    DATA,
    LISTEN,
    PRINCIPALS,
    TLS_CERT,
    TLS_KEY,
    CLIENT_CA,
    METRICS_LISTEN,
    WEB_ORIGINS,
    CONNECTIONS_MAX.setting,
    CONNECTIONS_PER_ADDRESS_MAX.setting,
    OPENING_SECONDS.setting,
    CALLS_MAX.setting,
    REQUESTS_MAX.setting,
    BATCHES_MAX.setting,
    WATCHES_MAX.setting,
    DRAIN_SECONDS.setting,
    LOG,
    LOG_FILTER,
    OTLP_ENDPOINT,
    TRACE_FILTER,
];
