//! Handing out the rows of a store in use, to whoever owns its file: a socket beside the store.
//!
//! Come here for who gets a backup of a service that runs. Not by the calls of the contract: every credential there is
//! of one tenant, and a store has all of them. The socket lies beside the store file, and only its owner and the
//! superuser are served, who could read the file as well. One copy at a time; the service ends it when it stops.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use crate::store::Store;

/// How long either side waits for the other to go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the rows of a store are asked for.
pub(super) fn socket_of(data: &Path) -> PathBuf {
    let mut name = OsString::from(data);
    name.push(".rows");
    PathBuf::from(name)
}

/// The rows of the store that a service has open here.
#[cfg(unix)]
pub(super) fn ask(data: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let stream = std::os::unix::net::UnixStream::connect(socket_of(data))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// No sockets beside files on this system.
#[cfg(not(unix))]
pub(super) fn ask(_data: &Path) -> io::Result<io::Empty> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Hands out rows, for ever, to whoever asks from the moment of the call; where it cannot listen, it says so and does
/// nothing for ever.
#[cfg(unix)]
pub(super) fn hand_out(data: &Path, store: Store) -> Pin<Box<dyn Future<Output = Infallible>>> {
    let (socket, data) = (Socket::listen(data), data.to_owned());
    Box::pin(async move {
        match socket {
            Ok(socket) => socket.serve(&data, &store).await,
            Err(error) => {
                tracing::warn!(%error, "no socket beside the store: it can only be backed up while nothing runs");
                std::future::pending().await
            }
        }
    })
}

/// Does nothing for ever on systems without sockets beside files.
#[cfg(not(unix))]
pub(super) fn hand_out(_data: &Path, _store: Store) -> Pin<Box<dyn Future<Output = Infallible>>> {
    Box::pin(std::future::pending())
}

/// The socket; its file goes with it.
#[cfg(unix)]
struct Socket {
    path: PathBuf,
    listener: tokio::net::UnixListener,
}

#[cfg(unix)]
impl Socket {
    fn listen(data: &Path) -> io::Result<Self> {
        use std::os::unix::fs::FileTypeExt;
        let path = socket_of(data);
        // Left by a service that was killed: who has the store open, as we do, is the only one.
        if std::fs::symlink_metadata(&path).is_ok_and(|there| there.file_type().is_socket()) {
            std::fs::remove_file(&path)?;
        }
        Ok(Self { listener: tokio::net::UnixListener::bind(&path)?, path })
    }

    async fn serve(&self, data: &Path, store: &Store) -> Infallible {
        loop {
            let handed = match self.listener.accept().await {
                Ok((stream, _)) => self.hand(stream, data, store).await,
                Err(error) => Err(error),
            };
            if let Err(error) = handed {
                tracing::warn!(%error, "a copy of the store was not handed out");
                // Where accepting fails, it would fail again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn hand(&self, stream: tokio::net::UnixStream, data: &Path, store: &Store) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let asks = stream.peer_cred()?.uid();
        if asks != 0 && asks != std::fs::metadata(data)?.uid() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // No clone of the store: a copy must not hold it open when the service stops.
        let snapshot = store.snapshot().map_err(io::Error::other)?;
        let writing = tokio::task::spawn_blocking(move || {
            crate::store::write_rows(&snapshot, &mut io::BufWriter::new(stream)).map_err(io::Error::other)
        });
        let row_count = writing.await.map_err(io::Error::other)??;
        tracing::info!(row_count, "a copy of the store was handed out");
        Ok(())
    }
}

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing better can be done about a file that does not go away; the next service removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}
