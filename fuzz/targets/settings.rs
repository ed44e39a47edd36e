//! The settings file of the service, and one variable of the environment.
//!
//! What is wrong is told with where it stands. A service whose settings hold listens on this machine only, unless
//! encryption and authentication are both on.

use onward::config::{ConfigFile, Flags, ServeConfig};

use super::texts;

pub fn run(data: &[u8]) {
    let [text, data_variable, listen] = texts(data);
    let file = ConfigFile { name: "onward.toml".to_owned(), text: Ok(text) };
    let environment = |name: &str| match name {
        "ONWARD_DATA" => Some(data_variable.clone()),
        "ONWARD_LISTEN" => Some(listen.clone()),
        _ => None,
    };
    match ServeConfig::gather(&Flags::default(), environment, Some(&file), |_| Ok(())) {
        Ok(config) => {
            let is_guarded = config.principals.is_some() && config.tls.is_some();
            assert!(config.listen.ip().is_loopback() || is_guarded, "open to the network: {}", config.listen);
            assert!(config.metrics_listen.is_none_or(|address| address.ip().is_loopback()), "metrics are open");
            assert!(config.calls_max > 0 && config.connections_max > 0 && !config.data.as_os_str().is_empty());
        }
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a reason");
            assert!(faults.0.iter().all(|fault| !fault.source.is_empty() && !fault.detail.is_empty()));
        }
    }
}
