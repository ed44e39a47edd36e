//! The rest of a request that nobody wants any more: read and thrown away, within limits.
//!
//! Come here because a call may be answered before its request has come whole: the door refuses it, or a record in the
//! middle of a stream is bad. Dropping the rest resets the stream, and what is already under way then counts against
//! the client: h2 from 0.4.16 on keeps a budget of small DATA frames for each connection, gives back only what is read,
//! and cuts the connection when it is spent. An honest client with an old key lost every call that it had open after
//! some 15,000 refused ones.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

/// How much more a client may send after it was answered. Beyond it the stream is reset.
const REST_BYTES_MAX: usize = 64 * 1024;
/// How long it may take.
const REST_TIME_MAX: Duration = Duration::from_secs(1);

/// A request whose rest is read in the background when it is dropped.
pub(super) fn read_to_its_end(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::new(RequestBody { inner: Some(body) }) }
}

struct RequestBody {
    /// `None` once it has come to its end.
    inner: Option<Body>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(inner).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) else { return };
        // Outside a runtime nothing can be read, and the connection is gone anyway.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(REST_TIME_MAX, throw_away(inner)));
        }
    }
}

async fn throw_away(mut body: Body) {
    let mut byte_count = 0;
    while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        byte_count += frame.data_ref().map_or(0, Bytes::len);
        if byte_count > REST_BYTES_MAX {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use http_body::{Body as HttpBody, Frame};
    use tokio::sync::mpsc;
    use tonic::Status;
    use tonic::body::Body;
    use tonic::codegen::Bytes;

    use super::{REST_BYTES_MAX, REST_TIME_MAX, read_to_its_end};

    /// What a client has sent so far, and what it sends yet.
    struct Sent(mpsc::Receiver<usize>);

    impl HttpBody for Sent {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.poll_recv(context).map(|size| size.map(|size| Ok(Frame::data(vec![0; size].into()))))
        }
    }

    fn dropped_request() -> mpsc::Sender<usize> {
        let (sender, receiver) = mpsc::channel(1);
        drop(read_to_its_end(Body::new(Sent(receiver))));
        sender
    }

    #[tokio::test]
    async fn what_comes_after_the_answer_is_still_read() {
        let sender = dropped_request();
        for _ in 0..REST_BYTES_MAX {
            sender.send(1).await.expect("the rest must be read");
        }
        sender.send(1).await.unwrap();
        sender.closed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_its_request_is_not_waited_for() {
        let sender = dropped_request();
        tokio::time::timeout(REST_TIME_MAX + Duration::from_millis(10), sender.closed()).await.unwrap();
    }
}
