//! The bytes of a connection, with what `frame_meter` says of them carried out: rest, or end.
//!
//! Come here for how long a client may take over what it has begun, and for what a flood of frames meets. The library
//! that speaks HTTP/2 sees nothing of it but a peer that sends slowly, or one that is gone.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::frame_meter::{FrameMeter, Measure};
use crate::telemetry::metric;

/// How long a client may take to open a connection, or to send the headers of a call once it has begun with them.
pub(super) const UNFINISHED_MAX: Duration = Duration::from_secs(10);

/// A stream of bytes whose incoming frames are followed.
pub(super) struct Metered<S> {
    stream: S,
    meter: FrameMeter,
    begun: Instant,
    /// Nothing is read before it is over.
    resting: Option<Pin<Box<Sleep>>>,
    /// The number of what is begun, and until when it must be complete.
    unfinished: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<S> Metered<S> {
    /// For a connection that begins now.
    pub(super) fn new(stream: S) -> Self {
        let meter = FrameMeter::new();
        let unfinished = meter.unfinished().map(|number| (number, Box::pin(sleep(UNFINISHED_MAX))));
        Self { stream, meter, begun: Instant::now(), resting: None, unfinished }
    }

    /// Notes what came in, and what follows from it.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.meter.received(bytes, self.begun.elapsed()) {
            Measure::GoOn => {}
            Measure::Rest(rest) => self.resting = Some(Box::pin(sleep(rest))),
            Measure::End => return Err(ended("frames")),
        }
        let known = self.unfinished.as_ref().map(|(number, _)| *number);
        let now = self.meter.unfinished();
        if now != known {
            self.unfinished = now.map(|number| (number, Box::pin(sleep(UNFINISHED_MAX))));
        }
        Ok(())
    }

    fn ask_whether_late(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some((_, deadline)) = &mut self.unfinished else { return Ok(()) };
        if deadline.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        // A future that is done must not be polled again.
        self.unfinished = None;
        Err(ended("unfinished"))
    }
}

/// The connection is ended by us; `what` there was too much of goes into the metrics.
fn ended(what: &'static str) -> io::Error {
    metrics::counter!(metric::SHED, "what" => what).increment(1);
    io::ErrorKind::ConnectionAborted.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ask_whether_late(context)?;
        if let Some(resting) = &mut self.resting {
            ready!(resting.as_mut().poll(context));
            self.resting = None;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.follow(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, sleep, timeout};

    use super::{Metered, UNFINISHED_MAX};

    const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    /// The head of a block of headers of a hundred bytes, and of a ping.
    const HEADERS: &[u8] = &[0, 0, 100, 1, 4, 0, 0, 0, 1];
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const HOUR: Duration = Duration::from_secs(3_600);

    /// How long the server reads on while a client does something, at most an hour; the clock stands still while something
    /// happens. And how many bytes it read.
    async fn served<F: Future<Output = ()>>(client: impl FnOnce(DuplexStream) -> F) -> (Duration, usize) {
        let (theirs, ours) = duplex(64 * 1024);
        let (begun, mut count, mut buffer) = (Instant::now(), 0, vec![0; 16 * 1024]);
        let mut ours = Metered::new(ours);
        let reading = async {
            while let Ok(size @ 1..) = ours.read(&mut buffer).await {
                count += size;
            }
        };
        tokio::select! {
            _ = timeout(HOUR, reading) => {}
            () = client(theirs) => {}
        }
        (begun.elapsed(), count)
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_does_not_finish_is_cut_and_who_is_done_may_be_silent() {
        let says = |beginning: Vec<u8>| {
            served(|mut client| async move {
                client.write_all(&beginning).await.unwrap();
                sleep(2 * HOUR).await;
            })
        };
        assert_eq!(says(Vec::new()).await.0, UNFINISHED_MAX);
        assert_eq!(says(OPENING[..20].to_vec()).await.0, UNFINISHED_MAX);
        assert_eq!(says([OPENING, HEADERS].concat()).await.0, UNFINISHED_MAX);
        assert_eq!(says(OPENING.to_vec()).await.0, HOUR);
        assert_eq!(says([OPENING, HEADERS, &[0; 100]].concat()).await.0, HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn headers_that_come_byte_by_byte_must_be_there_in_time_all_the_same() {
        let drips = |pause: Duration| {
            served(move |mut client| async move {
                client.write_all(&[OPENING, HEADERS].concat()).await.unwrap();
                for byte in [0; 100] {
                    sleep(pause).await;
                    client.write_all(&[byte]).await.unwrap();
                }
                sleep(2 * HOUR).await;
            })
        };
        assert_eq!(drips(Duration::from_secs(1)).await.0, UNFINISHED_MAX);
        assert_eq!(drips(Duration::from_millis(50)).await.0, HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_read_slowly_and_then_not_at_all() {
        let (lasted, count) = served(|mut client| async move {
            client.write_all(OPENING).await.unwrap();
            while client.write_all(PING).await.is_ok() {}
            sleep(2 * HOUR).await;
        })
        .await;
        assert!(lasted < Duration::from_secs(60), "cut after {lasted:?}");
        assert!(count / PING.len() < 10_000, "{} pings were read", count / PING.len());
    }
}
