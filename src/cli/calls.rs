//! What the commands that talk to a service share: a runtime, a connection, and what a failed call means here.
//!
//! Come here when a failure of the service should end with another exit code. The client itself is in `api`.

use std::io;

use tokio::runtime::Runtime;

use super::arguments::ServerArguments;
use super::exit::Failure;
use crate::api::{Client, ClientError};

/// Runs the asynchronous side of a command.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|source| Failure::Io { what: "starting threads".to_owned(), source })
}

/// Connects to the service that the user named.
pub(super) async fn connect(server: &ServerArguments) -> Result<Client, Failure> {
    Client::connect(&server.server, &server.tenant).await.map_err(|error| failed(&server.server, error))
}

/// A failed call as the failure of a command.
pub(super) fn failed(server: &str, error: ClientError) -> Failure {
    match error {
        ClientError::BadAddress(_) | ClientError::BadTenant(_) => Failure::Usage(error.to_string()),
        ClientError::BadBatch(_) => Failure::Bug(error.to_string()),
        // What was sent is wrong, so that sending it again will not help.
        ClientError::Refused { .. } => Failure::Unreadable(format!("{server}: {error}")),
        ClientError::Unreachable(_) | ClientError::NotUnderstood(_) => {
            Failure::Io { what: format!("talking to {server}"), source: io::Error::other(error.to_string()) }
        }
    }
}

/// Resolves when the user or the system asks the program to stop.
pub(super) async fn interrupted() {
    let pressed = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal there is nothing to wait for; the default of the system still ends the program.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut told) => tokio::select! {
                () = pressed => {}
                _ = told.recv() => {}
            },
            Err(_) => pressed.await,
        }
    }
    #[cfg(not(unix))]
    pressed.await;
}
