//! Gathering the settings from where they may stand, and judging them together.
//!
//! Come here for precedence and for what goes with what. A fault does not stop the gathering: the others are told too.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::settings::{self, LISTEN_DEFAULT, Number, SETTINGS, Setting};
use super::{ConfigFault, ConfigFaults, ServeConfig, TlsPaths};
use crate::telemetry::{self, LogFormat, TraceSettings};

/// Flags as they were given: texts, so that all faults can be told together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// Values by the key of their setting.
    pub values: BTreeMap<&'static str, String>,
    /// `--allow-insecure-remote`. A flag and nothing else: a file or an environment that is inherited by accident must
    /// not open the service to the network.
    pub allow_insecure_remote: bool,
}

/// The settings file: its name, and its text or why there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFile {
    /// For messages.
    pub name: String,
    /// TOML.
    pub text: Result<String, String>,
}

/// A value and where it came from.
struct Value {
    text: String,
    source: String,
}

struct Gathering<'a, G> {
    flags: &'a Flags,
    environment: G,
    file: BTreeMap<String, String>,
    file_name: &'a str,
    faults: Vec<ConfigFault>,
}

impl ServeConfig {
    /// Gathers the settings; `environment` gives the value of a variable, and `check_filter` says what is wrong with a
    /// filter of logs or spans.
    ///
    /// # Errors
    /// Everything that is wrong. Exit with [`super::EXIT_USAGE`].
    pub fn gather(
        flags: &Flags,
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&ConfigFile>,
        check_filter: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self, ConfigFaults> {
        let file_name = file.map_or("", |file| file.name.as_str());
        let mut gathering = Gathering { flags, environment, file: BTreeMap::new(), file_name, faults: Vec::new() };
        if let Some(file) = file {
            gathering.read_file(file);
        }
        let data = gathering.data();
        let principals = gathering.path(settings::PRINCIPALS);
        let tls = gathering.tls();
        let connections_max = gathering.number(settings::CONNECTIONS_MAX);
        let half_of_all = Number { default: connections_max.div_ceil(2), ..settings::CONNECTIONS_PER_ADDRESS_MAX };
        let config = Self {
            data,
            listen: gathering.listen(principals.is_some() && tls.is_some()),
            principals,
            tls,
            metrics_listen: gathering.metrics_listen(),
            web_origins: gathering.web_origins(),
            connections_max,
            connections_per_address_max: gathering.number(half_of_all),
            opening_max: Duration::from_secs(gathering.number(settings::OPENING_SECONDS) as u64),
            calls_max: gathering.number(settings::CALLS_MAX),
            requests_max: gathering.number(settings::REQUESTS_MAX),
            batches_max: gathering.number(settings::BATCHES_MAX),
            watches_max: gathering.number(settings::WATCHES_MAX),
            drain_max: Duration::from_secs(gathering.number(settings::DRAIN_SECONDS) as u64),
            log_format: gathering.log_format(),
            log_filter: gathering.filter(settings::LOG_FILTER, telemetry::FILTER_DEFAULT, &check_filter),
            traces: gathering.traces(&check_filter),
        };
        if gathering.faults.is_empty() { Ok(config) } else { Err(ConfigFaults(gathering.faults)) }
    }
}

impl<G: Fn(&str) -> Option<String>> Gathering<'_, G> {
    fn fault(&mut self, source: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(ConfigFault { source: source.into(), detail: detail.into() });
    }

    fn read_file(&mut self, file: &ConfigFile) {
        let text = match &file.text {
            Ok(text) => text,
            Err(error) => return self.fault(&file.name, error),
        };
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => return self.fault(&file.name, error.to_string().trim_end()),
        };
        for (key, value) in table {
            let source = format!("{} {key}", file.name);
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Array(texts)
                    if key == settings::WEB_ORIGINS.key && texts.iter().all(toml::Value::is_str) =>
                {
                    texts.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                _ => {
                    self.fault(source, "expected a text or a whole number");
                    continue;
                }
            };
            if SETTINGS.iter().any(|setting| setting.key == key) {
                self.file.insert(key, text);
            } else {
                self.fault(source, "there is no such setting");
            }
        }
    }

    /// The value that is in force. An empty variable counts as unset.
    fn value(&self, setting: Setting) -> Option<Value> {
        if let Some(text) = self.flags.values.get(setting.key) {
            return Some(Value { text: text.clone(), source: setting.flag.to_owned() });
        }
        if let Some(text) = (self.environment)(setting.variable).filter(|text| !text.is_empty()) {
            return Some(Value { text, source: setting.variable.to_owned() });
        }
        let text = self.file.get(setting.key)?.clone();
        Some(Value { text, source: format!("{} {}", self.file_name, setting.key) })
    }

    fn path(&mut self, setting: Setting) -> Option<PathBuf> {
        let value = self.value(setting)?;
        if value.text.is_empty() {
            self.fault(value.source, "expected a file");
        }
        Some(PathBuf::from(value.text))
    }

    fn data(&mut self) -> PathBuf {
        let path = self.path(settings::DATA);
        path.unwrap_or_else(|| {
            self.fault(settings::DATA.flag, "needed: the file of the store, made when missing");
            PathBuf::new()
        })
    }

    fn tls(&mut self) -> Option<TlsPaths> {
        let (certificate, key) = (self.path(settings::TLS_CERT), self.path(settings::TLS_KEY));
        let client_authority = self.path(settings::CLIENT_CA);
        match (certificate, key) {
            (Some(certificate), Some(key)) => return Some(TlsPaths { certificate, key, client_authority }),
            (Some(_), None) => self.fault(settings::TLS_KEY.flag, "needed where there is a certificate"),
            (None, Some(_)) => self.fault(settings::TLS_CERT.flag, "needed where there is a key"),
            (None, None) if client_authority.is_some() => {
                self.fault(settings::CLIENT_CA.flag, "clients show certificates over TLS only: needs --tls-cert");
            }
            (None, None) => {}
        }
        None
    }

    fn address(&mut self, setting: Setting) -> Option<(SocketAddr, String)> {
        let Value { text, source } = self.value(setting)?;
        match text.parse() {
            Ok(address) => Some((address, source)),
            Err(_) => {
                let example = LISTEN_DEFAULT;
                self.fault(source, format!("expected an address and port such as {example}, found {text:?}"));
                None
            }
        }
    }

    fn listen(&mut self, is_guarded: bool) -> SocketAddr {
        let Some((address, source)) = self.address(settings::LISTEN) else { return LISTEN_DEFAULT };
        if !address.ip().is_loopback() && !is_guarded && !self.flags.allow_insecure_remote {
            self.fault(
                source,
                format!(
                    "{address} can be reached from other machines: that needs TLS (--tls-cert, --tls-key) and \
                     authentication (--principals); listen on loopback, or say --allow-insecure-remote"
                ),
            );
        }
        address
    }

    fn metrics_listen(&mut self) -> Option<SocketAddr> {
        let (address, source) = self.address(settings::METRICS_LISTEN)?;
        if !address.ip().is_loopback() && !self.flags.allow_insecure_remote {
            self.fault(
                source,
                format!("{address} can be reached from other machines, and metrics are neither encrypted nor guarded"),
            );
        }
        Some(address)
    }

    /// Origins as browsers write them (RFC 6454, section 6.2): scheme, host, port where it is not the usual one.
    fn web_origins(&mut self) -> Vec<String> {
        let Some(Value { text, source }) = self.value(settings::WEB_ORIGINS) else { return Vec::new() };
        let origins: Vec<&str> = text.split(',').map(str::trim).collect();
        for origin in &origins {
            if let Some(wrong) = wrong_in_origin(origin) {
                let detail = "expected origins such as https://desk.acme.example, with commas between";
                self.fault(&source, format!("{detail}, found {origin:?}: {wrong}"));
            }
        }
        origins.into_iter().map(str::to_owned).collect()
    }

    fn number(&mut self, number: Number) -> usize {
        let Some(Value { text, source }) = self.value(number.setting) else { return number.default };
        let found = text.parse::<usize>().ok().filter(|found| (number.min..=number.max).contains(found));
        found.unwrap_or_else(|| {
            let (min, max) = (number.min, number.max);
            self.fault(source, format!("expected a whole number from {min} to {max}, found {text:?}"));
            number.default
        })
    }

    fn log_format(&mut self) -> LogFormat {
        let Some(Value { text, source }) = self.value(settings::LOG) else { return LogFormat::default() };
        LogFormat::parse(&text).unwrap_or_else(|| {
            self.fault(source, format!("expected text or json, found {text:?}"));
            LogFormat::default()
        })
    }

    fn filter(&mut self, setting: Setting, default: &str, check: &impl Fn(&str) -> Result<(), String>) -> String {
        let Some(Value { text, source }) = self.value(setting) else { return default.to_owned() };
        if let Err(detail) = check(&text) {
            self.fault(source, detail);
        }
        text
    }

    fn traces(&mut self, check: &impl Fn(&str) -> Result<(), String>) -> Option<TraceSettings> {
        let filter = self.filter(settings::TRACE_FILTER, telemetry::TRACE_FILTER_DEFAULT, check);
        let Value { text: endpoint, source } = self.value(settings::OTLP_ENDPOINT)?;
        let is_address = |text: &str| {
            let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
            host.is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()))
        };
        if !is_address(&endpoint) {
            self.fault(source, format!("expected an address such as http://127.0.0.1:4317, found {endpoint:?}"));
        } else if !telemetry::CAN_EXPORT {
            self.fault(source, "this build sends no spans: it is without the feature `otel`");
        }
        Some(TraceSettings { endpoint, filter })
    }
}

/// What no browser would ever write in an origin: such a line would let nobody in, and say nothing.
fn wrong_in_origin(origin: &str) -> Option<&'static str> {
    let (rest, usual_port) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
        (Some(rest), _) => (rest, "443"),
        (_, Some(rest)) => (rest, "80"),
        (None, None) => return Some("it begins with neither https:// nor http://"),
    };
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let is_name = |host: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_plain))
    };
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = is_address.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    if !is_name(host) && !is_address {
        return Some("after the scheme comes a host in small letters, and no path");
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
    match port {
        Some(port) if port == usual_port => Some("the usual port is left out"),
        Some(port) if !is_port(port) => Some("there is no such port"),
        _ => None,
    }
}
