//! What the commands that talk to a service share: a runtime, a connection, and what a failed call means here.
//!
//! Come here when a failure of the service should end with another exit code. The client itself is in `api`.

use std::io;
use std::path::Path;

use tokio::runtime::Runtime;

use super::arguments::ServerArguments;
use super::exit::Failure;
use crate::api::{Client, ClientError, ClientOptions, Secret};

/// The variable that may hold an API key or a token.
const SECRET_VARIABLE: &str = "ONWARD_API_KEY";

/// Threads that read from disk or wait for a settling. Calls beyond them wait; each thread costs a heap of its own.
const BLOCKING_THREADS_MAX: usize = 64;

/// Runs the asynchronous side of a command.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build();
    built.map_err(|source| Failure::Io { what: "starting threads".to_owned(), source })
}

/// Connects to the service that the user named.
pub(super) async fn connect(server: &ServerArguments) -> Result<Client, Failure> {
    let certificate = match (&server.client_cert, &server.client_key) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
        _ => None,
    };
    let options = ClientOptions {
        tenant: server.tenant.clone(),
        secret: secret(server.api_key_file.as_deref())?,
        authority: server.tls_ca.as_deref().map(read).transpose()?,
        certificate,
    };
    Client::connect_with(&server.server, options).await.map_err(|error| failed(&server.server, error))
}

/// The API key or token, from the file that was named or else from the environment; never from the command line,
/// which every user of the machine can read.
fn secret(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let (text, source) = match file {
        Some(path) => (String::from_utf8_lossy(&read(path)?).into_owned(), path.display().to_string()),
        None => match std::env::var(SECRET_VARIABLE).ok().filter(|text| !text.is_empty()) {
            Some(text) => (text, SECRET_VARIABLE.to_owned()),
            None => return Ok(None),
        },
    };
    let secret = Secret::new(&text);
    secret.map(Some).ok_or_else(|| Failure::Usage(format!("{source} holds no API key and no token")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::io("reading", path))
}

/// A failed call as the failure of a command.
pub(super) fn failed(server: &str, error: ClientError) -> Failure {
    match error {
        ClientError::BadAddress(_)
        | ClientError::BadTenant(_)
        | ClientError::SecretInTheClear(_)
        | ClientError::BadCertificate(_) => Failure::Usage(error.to_string()),
        ClientError::BadBatch(_) => Failure::Bug(error.to_string()),
        // What was sent is wrong, so that sending it again will not help.
        ClientError::Refused { .. } => Failure::Unreadable(format!("{server}: {error}")),
        ClientError::Unreachable(_) | ClientError::NotUnderstood(_) => {
            Failure::Io { what: format!("talking to {server}"), source: io::Error::other(error.to_string()) }
        }
    }
}

/// What the work comes to, unless the user or the system stops the program before; `doing` says what was under way.
pub(super) async fn unless_interrupted<T>(
    doing: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = interrupted() => Err(Failure::Interrupted(doing)),
    }
}

/// Resolves when the user or the system asks the program to stop. Listens from the moment of the call, not only when
/// it is waited for: a signal in between must not end the program the hard way.
pub(super) fn interrupted() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (pressed, told) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        async move {
            match (pressed, told) {
                (Ok(mut pressed), Ok(mut told)) => tokio::select! {
                    _ = pressed.recv() => {}
                    _ = told.recv() => {}
                },
                // Without the signals there is nothing to wait for; the default of the system still ends the program.
                _ => std::future::pending().await,
            }
        }
    }
    #[cfg(not(unix))]
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
