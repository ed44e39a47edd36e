//! Connections: how many there may be, TLS, how a full machine is borne, and how they are closed in the end.
//!
//! Come here because the gRPC library's own loop has no limit on connections and on handshakes, takes one certificate
//! for ever, spins when file descriptors run out, and leaves connections behind when its server is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::drain::{Drain, Phase};
use super::tls::{PeerCertificate, ServerTls};

/// How long to wait after a failed accept: most failures pass only when something else is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a TLS handshake may take. It holds the place of a connection meanwhile.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// An accepted connection. Gives its place back when it is dropped.
pub(super) struct Connection {
    stream: Box<dyn Bytes>,
    peer: Peer,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: OwnedSemaphorePermit,
}

/// Who is at the other end, as far as the connection tells. Comes with every request.
#[derive(Clone)]
pub(super) struct Peer {
    /// What the client showed.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
}

/// Bytes in and out, in the clear or not.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Accepts at most `connections_max` at a time; others wait in the backlog of the system. Ends, and closes the
/// listener, when the stream is dropped.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<ServerTls>,
    connections_max: usize,
    drain: Drain,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(1);
    let places = Arc::new(Semaphore::new(connections_max));
    tokio::spawn(async move {
        // Beside the loop: a client that dawdles over its handshake keeps nobody waiting.
        let mut handshakes = JoinSet::new();
        loop {
            let ready = tokio::select! {
                accepted = accept(&listener, &places) => match accepted {
                    Ok((stream, place)) => {
                        handshakes.spawn(establish(stream, place, tls.clone(), drain.clone()));
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                Some(established) = handshakes.join_next() => established,
                () = sender.closed() => return,
            };
            match ready {
                Ok(Ok(connection)) => {
                    if sender.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                // Whoever knocks without TLS, or with a certificate that nobody stands behind.
                Ok(Err(error)) => tracing::debug!(kind = ?error.kind(), "a handshake failed"),
                Err(error) => tracing::warn!(%error, "a handshake was lost"),
            }
        }
    });
    ReceiverStream::new(receiver)
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn establish(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    tls: Option<ServerTls>,
    drain: Drain,
) -> io::Result<Connection> {
    let (stream, certificate): (Box<dyn Bytes>, _) = match tls {
        None => (Box::new(stream), None),
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.config()).accept(stream);
            let stream = tokio::time::timeout(HANDSHAKE_MAX, handshake).await??;
            let certificate = tls.peer(stream.get_ref().1.peer_certificates());
            (Box::new(stream), certificate)
        }
    };
    let over = Box::pin(async move { drain.reached(Phase::Over).await });
    Ok(Connection { stream, peer: Peer { certificate }, over, _place: place })
}

impl Connection {
    fn closed_by_us(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => {
                // A future that is done must not be polled again.
                self.over = Box::pin(std::future::ready(()));
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.closed_by_us(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}
