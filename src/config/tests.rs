//! Settings from all three places, good and bad, by table.

use std::path::PathBuf;
use std::time::Duration;

use super::{ConfigFaults, ConfigFile, Flags, LISTEN_DEFAULT, SETTINGS, ServeConfig};
use crate::telemetry::LogFormat;

type Pairs = &'static [(&'static str, &'static str)];

fn flags(pairs: Pairs) -> Flags {
    let values = pairs.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    Flags { values, allow_insecure_remote: false }
}

fn gather(flags: &Flags, environment: Pairs, file: &str) -> Result<ServeConfig, ConfigFaults> {
    let variable =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let check = |filter: &str| if filter.contains("loud") { Err("no such level".to_owned()) } else { Ok(()) };
    let file = ConfigFile { name: "onward.toml".to_owned(), text: Ok(file.to_owned()) };
    ServeConfig::gather(flags, variable, Some(&file), check)
}

fn sources(faults: &ConfigFaults) -> Vec<&str> {
    faults.0.iter().map(|fault| fault.source.as_str()).collect()
}

const DATA: (&str, &str) = ("data", "orders.redb");

#[test]
fn nothing_said_means_loopback_and_nobody_asked() {
    let config = gather(&flags(&[DATA]), &[("ONWARD_LISTEN", "")], "").unwrap();
    assert_eq!((config.listen, config.data), (LISTEN_DEFAULT, PathBuf::from("orders.redb")));
    assert!(config.listen.ip().is_loopback());
    assert_eq!((config.principals, config.tls, config.metrics_listen), (None, None, None));
    assert_eq!((config.drain_max, config.log_format), (Duration::from_secs(5), LogFormat::Text));
}

#[test]
fn flags_go_before_the_environment_and_the_environment_before_the_file() {
    let file = "listen = \"127.0.0.1:3\"\ncalls_max = 9\nwatches_max = \"10\"\nlog = \"json\"\ndata = \"c\"\n";
    let environment: Pairs = &[("ONWARD_LISTEN", "127.0.0.1:2"), ("ONWARD_CALLS_MAX", "8"), ("ONWARD_DATA", "b")];
    let config = gather(&flags(&[("listen", "[::1]:1"), ("data", "a")]), environment, file).unwrap();
    assert_eq!((config.listen.port(), config.calls_max, config.watches_max), (1, 8, 10));
    assert_eq!((config.data, config.log_format), (PathBuf::from("a"), LogFormat::Json));
}

#[test]
fn one_address_may_have_half_of_the_connections_unless_somebody_says_otherwise() {
    let places = |file| gather(&flags(&[DATA]), &[], file).unwrap().connections_per_address_max;
    assert_eq!(["", "connections_max = 7"].map(places), [512, 4]);
    assert_eq!(places("connections_max = 7\nconnections_per_address_max = 7"), 7);
}

#[test]
fn other_machines_need_tls_and_authentication_or_so_many_words() {
    let open = "listen = \"0.0.0.0:7300\"\n";
    let tls = "tls_cert = \"c\"\ntls_key = \"k\"\n";
    let principals = "principals = \"p\"\n";
    let given = flags(&[DATA]);
    for file in [open.to_owned(), format!("{open}{tls}"), format!("{open}{principals}")] {
        let faults = gather(&given, &[("ONWARD_ALLOW_INSECURE_REMOTE", "1")], &file).unwrap_err();
        assert_eq!(sources(&faults), ["onward.toml listen"], "{file}");
        assert!(faults.0[0].detail.contains("--allow-insecure-remote"), "{faults}");
    }
    assert_eq!(gather(&given, &[], &format!("{open}{tls}{principals}")).unwrap().listen.to_string(), "0.0.0.0:7300");
    let in_so_many_words = Flags { allow_insecure_remote: true, ..given.clone() };
    assert!(gather(&in_so_many_words, &[], open).is_ok());
    let faults = gather(&given, &[], "allow_insecure_remote = \"true\"").unwrap_err();
    assert_eq!(sources(&faults), ["onward.toml allow_insecure_remote"]);
    // Metrics are never guarded.
    let metrics = format!("{tls}{principals}metrics_listen = \"0.0.0.0:1\"\n");
    assert_eq!(sources(&gather(&given, &[], &metrics).unwrap_err()), ["onward.toml metrics_listen"]);
    assert!(gather(&given, &[("ONWARD_METRICS_LISTEN", "127.0.0.1:0")], "").unwrap().metrics_listen.is_some());
}

#[test]
fn certificate_and_key_go_together() {
    let cases: [(&str, &[&str]); 4] = [
        ("tls_cert = \"c\"", &["--tls-key"]),
        ("tls_key = \"k\"", &["--tls-cert"]),
        ("client_ca = \"a\"", &["--client-ca"]),
        ("tls_cert = \"\"\ntls_key = \"k\"", &["onward.toml tls_cert"]),
    ];
    for (file, expected) in cases {
        assert_eq!(sources(&gather(&flags(&[DATA]), &[], file).unwrap_err()), expected, "{file}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let given = flags(&[("listen", "localhost"), ("calls_max", "many"), ("log_filter", "onward=loud")]);
    let environment: Pairs = &[("ONWARD_WATCHES_MAX", "-1"), ("ONWARD_CALLS_MAX", "1")];
    let file = "drain_seconds = 0\nlog = \"xml\"\ncolour = \"red\"\nconnections_max = [1]\n";
    let faults = gather(&given, environment, file).unwrap_err();
    let expected = [
        "onward.toml colour",
        "onward.toml connections_max",
        "--data",
        "--listen",
        "--calls-max",
        "ONWARD_WATCHES_MAX",
        "onward.toml drain_seconds",
        "onward.toml log",
        "--log-filter",
    ];
    assert_eq!(sources(&faults), expected);
    assert_eq!(faults.to_string().lines().count(), 1 + expected.len());
}

#[test]
fn a_file_that_cannot_be_read_is_one_of_the_faults() {
    let faults = gather(&flags(&[("calls_max", "0")]), &[("ONWARD_DATA", "a")], "listen =").unwrap_err();
    assert_eq!(sources(&faults), ["onward.toml", "--calls-max"]);
    let file = ConfigFile { name: "missing.toml".to_owned(), text: Err("no such file".to_owned()) };
    let faults = ServeConfig::gather(&flags(&[DATA]), |_| None, Some(&file), |_| Ok(())).unwrap_err();
    assert_eq!(sources(&faults), ["missing.toml"]);
}

#[test]
fn the_handbook_names_every_setting() {
    let handbook = include_str!("../../docs/operating.md");
    for setting in SETTINGS {
        let row = format!("| `{}` | `{}` | `{}` |", setting.key, setting.flag, setting.variable);
        assert!(handbook.contains(&row), "docs/operating.md has no row {row}");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let good = [
        ("https://desk.acme.example", vec!["https://desk.acme.example"]),
        ("http://localhost:8080, http://[::1]:8080", vec!["http://localhost:8080", "http://[::1]:8080"]),
        ("https://desk.example:80,http://[::1]", vec!["https://desk.example:80", "http://[::1]"]),
    ];
    for (text, expected) in good {
        let config = gather(&flags(&[DATA]), &[], &format!("web_origins = \"{text}\"\n")).unwrap();
        assert_eq!(config.web_origins, expected);
    }
    let listed =
        gather(&flags(&[DATA]), &[], "web_origins = [\"https://a.example\", \"https://b.example\"]\n").unwrap();
    assert_eq!(listed.web_origins, ["https://a.example", "https://b.example"]);
    let bad = [
        "",
        "*",
        "null",
        "desk.acme.example",
        "https://desk.acme.example/",
        "https://Desk.example",
        "https://a,,",
        "https://",
        "https://desk..example",
        "https://user@desk.example",
        "https://desk.example:443",
        "http://desk.example:80",
        "https://desk.example:",
        "https://desk.example:0",
        "https://desk.example:065",
        "https://desk.example:70000",
        "https://[::1",
        "https://[::g]",
        "https://::1",
    ];
    for text in bad {
        let faults = gather(&flags(&[DATA]), &[], &format!("web_origins = \"{text}\"\n")).unwrap_err();
        assert!(faults.0.iter().all(|fault| fault.source == "onward.toml web_origins"), "{text}: {faults}");
    }
}
