//! How `onward serve` is set up: flags, environment and file, read whole, with all faults told at once.
//!
//! Come here to learn what can be set ([`SETTINGS`]) and what it comes to ([`ServeConfig`]). A flag goes before the
//! environment, the environment before the file, the file before the default. Nothing is opened before everything is
//! understood. What settings do is decided where they are used.
//!
//! TOML is read by the `toml` crate and layered here: the general configuration crates stop at the first fault and
//! forget where a value came from, and both are what an operator needs.

mod gather;
mod settings;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::telemetry::{LogFormat, TraceSettings};

pub use gather::{ConfigFile, Flags};
pub use settings::{LISTEN_DEFAULT, SETTINGS, Setting};

/// Exit code for wrong usage (`EX_USAGE`).
pub const EXIT_USAGE: u8 = 64;

/// Everything that `onward serve` needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServeConfig {
    /// The store file.
    pub data: PathBuf,
    /// Where to listen. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The principals file; `None` asks nobody who they are.
    pub principals: Option<PathBuf>,
    /// How connections are encrypted; `None` not at all.
    pub tls: Option<TlsPaths>,
    /// Where to answer for metrics; `None` nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Origins of the pages that may call by gRPC-Web; none turns it off.
    pub web_origins: Vec<String>,
    /// Most open connections.
    pub connections_max: usize,
    /// Most open connections from one address.
    pub connections_per_address_max: usize,
    /// How long a client may take to open a connection, and for the headers of a call.
    pub opening_max: Duration,
    /// Most open calls.
    pub calls_max: usize,
    /// Most open calls that are no streams.
    pub requests_max: usize,
    /// Most batches that are taken in at a time.
    pub batches_max: usize,
    /// Most open alert watches.
    pub watches_max: usize,
    /// How long stopping may take.
    pub drain_max: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// Where spans are sent; `None` nowhere.
    pub traces: Option<TraceSettings>,
}

/// Files of TLS, all PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsPaths {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority behind the certificates of clients.
    pub client_authority: Option<PathBuf>,
}

/// One setting that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// The flag, the variable, or the file and key that it came from.
    pub source: String,
    /// What was expected, and what is there.
    pub detail: String,
}

/// Everything that is wrong with the settings.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} wrong in the settings:", self.0.len())?;
        for fault in &self.0 {
            write!(formatter, "\n  {}: {}", fault.source, fault.detail.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}
