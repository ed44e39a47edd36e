//! How `onward serve` is set up: flags and environment, read whole, with all faults told at once.
//!
//! Come here to add a setting. A flag goes before the environment, the environment before the default. Nothing is
//! opened before everything is understood. What settings do is decided where they are used.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::telemetry::{self, LogFormat};

/// Exit code for wrong usage (`EX_USAGE`).
pub const EXIT_USAGE: u8 = 64;

/// Where the service listens when nobody says: on this machine only.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50551);

/// Everything that `onward serve` needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServeConfig {
    /// Where to listen. Not loopback only when told so in so many words. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The store file; `None` keeps everything in memory.
    pub store: Option<PathBuf>,
    /// Most open connections.
    pub connections_max: usize,
    /// Most open calls.
    pub calls_max: usize,
    /// Most open alert watches.
    pub watches_max: usize,
    /// How long stopping may take.
    pub drain_max: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// Flags as they were given: texts, so that all faults can be told together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServeFlags {
    /// `--listen`
    pub listen: Option<String>,
    /// `--store`
    pub store: Option<PathBuf>,
    /// `--allow-insecure-remote`
    pub allow_insecure_remote: bool,
    /// `--connections-max`
    pub connections_max: Option<String>,
    /// `--calls-max`
    pub calls_max: Option<String>,
    /// `--watches-max`
    pub watches_max: Option<String>,
    /// `--drain-seconds`
    pub drain_seconds: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
    /// `--log-filter`
    pub log_filter: Option<String>,
}

/// One setting that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// The flag or variable that it came from.
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
            write!(formatter, "\n  {}: {}", fault.source, fault.detail)?;
        }
        Ok(())
    }
}

impl ServeConfig {
    /// Gathers the settings from flags and environment; `environment` gives the value of a variable, and
    /// `check_filter` says what is wrong with a log filter.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the settings. Exit with [`EXIT_USAGE`].
    pub fn gather(
        flags: &ServeFlags,
        environment: impl Fn(&str) -> Option<String>,
        check_filter: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self, ConfigFaults> {
        let mut gathering = Gathering { environment, faults: Vec::new() };
        let config = Self {
            listen: gathering.listen(flags),
            store: gathering.store(flags),
            connections_max: gathering.number(Setting::CONNECTIONS_MAX, flags.connections_max.as_deref()),
            calls_max: gathering.number(Setting::CALLS_MAX, flags.calls_max.as_deref()),
            watches_max: gathering.number(Setting::WATCHES_MAX, flags.watches_max.as_deref()),
            drain_max: Duration::from_secs(
                gathering.number(Setting::DRAIN_SECONDS, flags.drain_seconds.as_deref()) as u64
            ),
            log_format: gathering.log_format(flags),
            log_filter: gathering.log_filter(flags, check_filter),
        };
        if gathering.faults.is_empty() { Ok(config) } else { Err(ConfigFaults(gathering.faults)) }
    }
}

/// A number with its names and range.
#[derive(Clone, Copy)]
struct Setting {
    flag: &'static str,
    variable: &'static str,
    default: usize,
    min: usize,
    max: usize,
}

impl Setting {
    const CONNECTIONS_MAX: Self =
        Self { flag: "--connections-max", variable: "ONWARD_CONNECTIONS_MAX", default: 1_024, min: 1, max: 100_000 };
    const CALLS_MAX: Self =
        Self { flag: "--calls-max", variable: "ONWARD_CALLS_MAX", default: 2_048, min: 1, max: 1_000_000 };
    const WATCHES_MAX: Self =
        Self { flag: "--watches-max", variable: "ONWARD_WATCHES_MAX", default: 1_024, min: 1, max: 1_000_000 };
    const DRAIN_SECONDS: Self =
        Self { flag: "--drain-seconds", variable: "ONWARD_DRAIN_SECONDS", default: 5, min: 1, max: 300 };
}

struct Gathering<G> {
    environment: G,
    faults: Vec<ConfigFault>,
}

impl<G: Fn(&str) -> Option<String>> Gathering<G> {
    /// The value and where it came from. An empty variable counts as unset.
    fn value(&self, flag: &str, variable: &str, given: Option<&str>) -> Option<(String, String)> {
        match given {
            Some(text) => Some((text.to_owned(), flag.to_owned())),
            None => {
                let text = (self.environment)(variable).filter(|text| !text.is_empty())?;
                Some((text, variable.to_owned()))
            }
        }
    }

    fn fault(&mut self, source: String, detail: String) {
        self.faults.push(ConfigFault { source, detail });
    }

    fn listen(&mut self, flags: &ServeFlags) -> SocketAddr {
        let value = self.value("--listen", "ONWARD_LISTEN", flags.listen.as_deref());
        let Some((text, source)) = value else { return LISTEN_DEFAULT };
        let Ok(address) = text.parse::<SocketAddr>() else {
            self.fault(source, format!("expected an address and port such as {LISTEN_DEFAULT}, found {text:?}"));
            return LISTEN_DEFAULT;
        };
        // A flag only: an environment that is inherited by accident must not open the service to the network.
        if !address.ip().is_loopback() && !flags.allow_insecure_remote {
            self.fault(
                source,
                format!(
                    "{address} can be reached from other machines, and the service has neither TLS nor \
                     authentication yet; listen on loopback, or say --allow-insecure-remote"
                ),
            );
        }
        address
    }

    fn store(&self, flags: &ServeFlags) -> Option<PathBuf> {
        let from_environment = || (self.environment)("ONWARD_STORE").filter(|path| !path.is_empty()).map(PathBuf::from);
        flags.store.clone().or_else(from_environment)
    }

    fn number(&mut self, setting: Setting, given: Option<&str>) -> usize {
        let value = self.value(setting.flag, setting.variable, given);
        let Some((text, source)) = value else { return setting.default };
        let number = text.parse::<usize>().ok().filter(|number| (setting.min..=setting.max).contains(number));
        number.unwrap_or_else(|| {
            let (min, max) = (setting.min, setting.max);
            self.fault(source, format!("expected a whole number from {min} to {max}, found {text:?}"));
            setting.default
        })
    }

    fn log_format(&mut self, flags: &ServeFlags) -> LogFormat {
        let value = self.value("--log-format", "ONWARD_LOG_FORMAT", flags.log_format.as_deref());
        let Some((text, source)) = value else { return LogFormat::default() };
        LogFormat::parse(&text).unwrap_or_else(|| {
            self.fault(source, format!("expected text or json, found {text:?}"));
            LogFormat::default()
        })
    }

    fn log_filter(&mut self, flags: &ServeFlags, check: impl Fn(&str) -> Result<(), String>) -> String {
        let value = self.value("--log-filter", "ONWARD_LOG", flags.log_filter.as_deref());
        let Some((text, source)) = value else { return telemetry::FILTER_DEFAULT.to_owned() };
        if let Err(detail) = check(&text) {
            self.fault(source, detail);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{ConfigFaults, LISTEN_DEFAULT, ServeConfig, ServeFlags};
    use crate::telemetry::LogFormat;

    fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn gather(flags: &ServeFlags, environment: impl Fn(&str) -> Option<String>) -> Result<ServeConfig, ConfigFaults> {
        let check = |filter: &str| if filter.contains("loud") { Err("no such level".to_owned()) } else { Ok(()) };
        ServeConfig::gather(flags, environment, check)
    }

    #[test]
    fn nothing_said_means_loopback_and_memory() {
        let config = gather(&ServeFlags::default(), environment(&[("ONWARD_LISTEN", "")])).unwrap();
        assert_eq!((config.listen, config.store), (LISTEN_DEFAULT, None));
        assert!(config.listen.ip().is_loopback());
        assert_eq!((config.drain_max, config.log_format), (Duration::from_secs(5), LogFormat::Text));
    }

    #[test]
    fn flags_go_before_the_environment() {
        let flags =
            ServeFlags { listen: Some("[::1]:1".to_owned()), calls_max: Some("7".to_owned()), ..ServeFlags::default() };
        let variables: &[_] = &[
            ("ONWARD_LISTEN", "127.0.0.1:2"),
            ("ONWARD_CALLS_MAX", "8"),
            ("ONWARD_WATCHES_MAX", "9"),
            ("ONWARD_STORE", "orders.redb"),
            ("ONWARD_LOG_FORMAT", "json"),
        ];
        let config = gather(&flags, environment(variables)).unwrap();
        assert_eq!((config.listen.port(), config.calls_max, config.watches_max), (1, 7, 9));
        assert_eq!((config.store, config.log_format), (Some(PathBuf::from("orders.redb")), LogFormat::Json));
    }

    #[test]
    fn other_machines_only_in_so_many_words() {
        let mut flags = ServeFlags { listen: Some("0.0.0.0:7300".to_owned()), ..ServeFlags::default() };
        let faults = gather(&flags, |_| None).unwrap_err().0;
        assert_eq!((faults.len(), faults[0].source.as_str()), (1, "--listen"));
        assert!(faults[0].detail.contains("--allow-insecure-remote"), "{}", faults[0].detail);
        let inherited = environment(&[("ONWARD_ALLOW_INSECURE_REMOTE", "1"), ("ONWARD_LISTEN", "192.0.2.1:1")]);
        assert_eq!(gather(&ServeFlags::default(), inherited).unwrap_err().0[0].source, "ONWARD_LISTEN");
        flags.allow_insecure_remote = true;
        assert_eq!(gather(&flags, |_| None).unwrap().listen.to_string(), "0.0.0.0:7300");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let flags = ServeFlags {
            listen: Some("localhost".to_owned()),
            calls_max: Some("many".to_owned()),
            drain_seconds: Some("0".to_owned()),
            log_format: Some("xml".to_owned()),
            log_filter: Some("onward=loud".to_owned()),
            ..ServeFlags::default()
        };
        let variables: &[_] = &[("ONWARD_WATCHES_MAX", "-1"), ("ONWARD_CALLS_MAX", "1")];
        let faults = gather(&flags, environment(variables)).unwrap_err();
        let sources: Vec<_> = faults.0.iter().map(|fault| fault.source.as_str()).collect();
        let expected =
            ["--listen", "--calls-max", "ONWARD_WATCHES_MAX", "--drain-seconds", "--log-format", "--log-filter"];
        assert_eq!(sources, expected);
        assert_eq!(faults.to_string().lines().count(), 7);
    }
}
