//! Connections: how many there may be, in all and from one address, TLS, how a full machine is borne, and how they are
//! closed in the end.
//!
//! Come here because the gRPC library's own loop has no limit on connections and on handshakes, takes one certificate
//! for ever, spins when file descriptors run out, waits for ever for a client that opens a connection and says nothing,
//! and leaves connections behind when its server is dropped. What is too much on one connection is in `frame_meter`.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::addresses::{AddressPlace, Addresses};
use super::drain::{Drain, Phase};
use super::frame_meter::{FrameMeter, Measure, OPENING};
use super::tls::{PeerCertificate, ServerTls};
use crate::telemetry::metric;

/// How long to wait when the machine has no room for a connection: that passes only when something else is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// Most of them.
    pub(super) connections_max: usize,
    /// Most of them from one address.
    pub(super) per_address_max: usize,
    /// How long the TLS handshake may take, then the opening of HTTP/2, and each block of headers.
    pub(super) opening_max: Duration,
}

/// An accepted connection. Gives its places back when it is dropped.
pub(super) struct Connection {
    stream: Box<dyn Bytes>,
    peer: Peer,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    begun: Instant,
    meter: FrameMeter,
    /// Until when nothing is read.
    rest: Option<Pin<Box<Sleep>>>,
    /// What is begun, by its number, and when it must be complete.
    unfinished: Option<(u64, Pin<Box<Sleep>>)>,
    opening_max: Duration,
    places: Places,
}

/// What a connection takes, from its acceptance to its end.
struct Places {
    _of_all: OwnedSemaphorePermit,
    of_address: AddressPlace,
}

/// Where connections come from: a listener, or what stands for one in a test.
trait Knocking: Send + 'static {
    /// Waits for the next connection. Nothing is lost when nobody waits any more.
    fn next(&self) -> impl Future<Output = io::Result<(TcpStream, IpAddr)>> + Send;
}

impl Knocking for TcpListener {
    async fn next(&self) -> io::Result<(TcpStream, IpAddr)> {
        let (stream, address) = self.accept().await?;
        Ok((stream, address.ip()))
    }
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

/// Accepts as many connections as there may be; others wait in the backlog of the system, and one too many from one
/// address is closed. Ends, and closes the listener, when the stream is dropped.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<ServerTls>,
    limits: ConnectionLimits,
    drain: Drain,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(accept_all(listener, tls, limits, drain, sender));
    ReceiverStream::new(receiver)
}

async fn accept_all(
    door: impl Knocking,
    tls: Option<ServerTls>,
    limits: ConnectionLimits,
    drain: Drain,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let addresses = Addresses::new(limits.per_address_max);
    // Beside the loop: a client that dawdles over its handshake keeps nobody waiting.
    let mut handshakes = JoinSet::new();
    loop {
        let ready = tokio::select! {
            accepted = accept(&door, &places, &addresses) => {
                match accepted {
                    Ok(Some((stream, places))) => {
                        handshakes.spawn(establish(stream, places, tls.clone(), limits.opening_max, drain.clone()));
                    }
                    Ok(None) => metrics::counter!(metric::SHED, "what" => "connections_of_address").increment(1),
                    // The client gave up while it waited: the next one is not to blame.
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
                continue;
            }
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
}

/// The next connection with its places, or nothing where its address has too many.
async fn accept(
    door: &impl Knocking,
    places: &Arc<Semaphore>,
    addresses: &Addresses,
) -> io::Result<Option<(TcpStream, Places)>> {
    let of_all = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = door.next().await?;
    let Some(of_address) = addresses.take(address) else { return Ok(None) };
    Ok(Some((stream, Places { _of_all: of_all, of_address })))
}

/// Whether the failure says something of one connection only, and nothing of the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn establish(
    stream: TcpStream,
    places: Places,
    tls: Option<ServerTls>,
    opening_max: Duration,
    drain: Drain,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let (stream, certificate): (Box<dyn Bytes>, _) = match tls {
        None => (Box::new(stream), None),
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.config()).accept(stream);
            let stream = timeout(opening_max, handshake).await;
            let stream = stream.map_err(|_| cut("handshake", io::ErrorKind::TimedOut))??;
            let certificate = tls.peer(stream.get_ref().1.peer_certificates());
            (Box::new(stream), certificate)
        }
    };
    let over = Box::pin(async move { drain.reached(Phase::Over).await });
    metrics::gauge!(metric::CONNECTIONS_OPEN).increment(1.0);
    let mut connection = Connection {
        stream,
        peer: Peer { certificate },
        over,
        begun: Instant::now(),
        meter: FrameMeter::new(places.of_address.room(Instant::now())),
        rest: None,
        unfinished: None,
        opening_max,
        places,
    };
    connection.watch_over_what_is_begun();
    // Who comes back with nothing left rests before anything is read.
    let measure = connection.meter.received(&[], Duration::ZERO);
    connection.take_measure(measure)?;
    Ok(connection)
}

/// Counts a connection that is ended because of what its client did.
fn cut(why: &'static str, kind: io::ErrorKind) -> io::Error {
    metrics::counter!(metric::CONNECTIONS_CUT, "why" => why).increment(1);
    kind.into()
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.places.of_address.leave(self.meter.room(), Instant::now());
        metrics::gauge!(metric::CONNECTIONS_OPEN).decrement(1.0);
    }
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

    /// Gives whatever the client has begun anew its time.
    fn watch_over_what_is_begun(&mut self) {
        match self.meter.unfinished() {
            None => self.unfinished = None,
            Some(number) if self.unfinished.as_ref().is_some_and(|(known, _)| *known == number) => {}
            Some(number) => self.unfinished = Some((number, Box::pin(sleep(self.opening_max)))),
        }
    }

    fn take_measure(&mut self, measure: Measure) -> io::Result<()> {
        match measure {
            Measure::GoOn => {}
            Measure::Rest(rest) => self.rest = Some(Box::pin(sleep(rest))),
            Measure::End => return Err(cut("frames", io::ErrorKind::ConnectionAborted)),
        }
        Ok(())
    }

    /// Ready when the client may be read from.
    fn poll_may_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed_by_us(context)?;
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        if let Some((number, until)) = &mut self.unfinished
            && until.as_mut().poll(context).is_ready()
        {
            let why = if *number == OPENING { "opening" } else { "headers" };
            // A future that is done must not be polled again.
            self.unfinished = None;
            return Poll::Ready(Err(cut(why, io::ErrorKind::TimedOut)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_may_read(context))?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let measure = this.meter.received(&buffer.filled()[before..], this.begun.elapsed());
        this.watch_over_what_is_begun();
        Poll::Ready(this.take_measure(measure))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.meter.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, buffers))?;
        self.meter.sent(written);
        Poll::Ready(Ok(written))
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;
    use tokio::time::{Instant, timeout};

    use super::super::drain::DrainControl;
    use super::{ACCEPT_PAUSE, ConnectionLimits, Knocking, accept_all};

    const LIMITS: ConnectionLimits = ConnectionLimits { connections_max: 8, per_address_max: 2, opening_max: MINUTE };
    const MINUTE: Duration = Duration::from_secs(60);

    /// Fails as often as it is told, and then has a connection.
    struct Stumbling {
        failure: fn() -> io::Error,
        failures: u32,
        attempts: Arc<AtomicU32>,
        behind: TcpListener,
    }

    impl Knocking for Stumbling {
        async fn next(&self) -> io::Result<(TcpStream, IpAddr)> {
            if self.attempts.fetch_add(1, Ordering::SeqCst) < self.failures {
                return Err((self.failure)());
            }
            let (stream, address) = self.behind.accept().await?;
            Ok((stream, address.ip()))
        }
    }

    /// How long it takes until a connection comes through such a door, if it does within a minute, and how often it is
    /// tried meanwhile. The clock stands still while something happens.
    async fn tried(failure: fn() -> io::Error, failures: u32) -> (Option<Duration>, u32) {
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(behind.local_addr().unwrap()).await.unwrap();
        let attempts = Arc::new(AtomicU32::new(0));
        let door = Stumbling { failure, failures, attempts: Arc::clone(&attempts), behind };
        let (sender, mut connections) = mpsc::channel(1);
        let (_control, drain) = DrainControl::new();
        let begun = Instant::now();
        tokio::spawn(accept_all(door, None, LIMITS, drain, sender));
        let came = timeout(MINUTE, connections.recv()).await.ok().map(|connection| connection.unwrap().unwrap());
        (came.map(|_| begun.elapsed()), attempts.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn without_files_it_rests_and_goes_on_when_there_are_some() {
        // EMFILE and ENFILE: files of the process, and of the machine.
        let failures: [fn() -> io::Error; 2] =
            [|| io::Error::from_raw_os_error(24), || io::Error::from_raw_os_error(23)];
        for failure in failures {
            let (came, attempts) = tried(failure, u32::MAX).await;
            let expected = (MINUTE.as_millis() / ACCEPT_PAUSE.as_millis()) as u32;
            assert!(came.is_none() && (2..=expected + 1).contains(&attempts), "{attempts} attempts in a minute");
            let (came, attempts) = tried(failure, 3).await;
            assert_eq!(attempts.min(4), 4);
            assert!(came.unwrap() >= 3 * ACCEPT_PAUSE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_gives_up_holds_nobody_up() {
        let (came, _) = tried(|| io::ErrorKind::ConnectionAborted.into(), 1_000).await;
        assert!(came.unwrap() < ACCEPT_PAUSE);
    }
}
