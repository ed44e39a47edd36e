//! How much of an answer waits to be sent: little, whatever the client offers to take.
//!
//! Come here because the transport buffers up to 400 KiB of each stream whose client says that it has room and then
//! does not read, and its limit cannot be set through the gRPC library. A thousand such clients are no attack worth
//! the name, and would cost the service half a gigabyte.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tonic::codegen::Bytes;

/// Bytes of one answer beyond which nothing more is made until some are sent. One frame more may be on its way.
const UNSENT_BYTES_MAX: usize = 16 * 1024;

/// What was handed to the transport for one answer and is not sent yet.
#[derive(Clone, Default)]
pub(super) struct Unsent(Arc<Counted>);

#[derive(Default)]
struct Counted {
    byte_count: AtomicUsize,
    waiting: Mutex<Option<Waker>>,
}

/// Bytes that count as unsent until the transport drops them.
struct Chunk {
    bytes: Bytes,
    unsent: Unsent,
}

impl Unsent {
    /// Ready when more may be handed over.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        // Once more: what was sent between the two looks has woken nobody.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The same bytes, counted until they are dropped.
    pub(super) fn count(&self, bytes: Bytes) -> Bytes {
        self.0.byte_count.fetch_add(bytes.len(), Ordering::AcqRel);
        Bytes::from_owner(Chunk { bytes, unsent: self.clone() })
    }

    fn has_room(&self) -> bool {
        self.0.byte_count.load(Ordering::Acquire) < UNSENT_BYTES_MAX
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let counted = &self.unsent.0;
        counted.byte_count.fetch_sub(self.bytes.len(), Ordering::AcqRel);
        if let Some(waiting) = counted.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tonic::codegen::Bytes;

    use super::{UNSENT_BYTES_MAX, Unsent};

    #[tokio::test]
    async fn more_is_made_only_when_some_was_sent() {
        let unsent = Unsent::default();
        let first = unsent.count(Bytes::from(vec![1; UNSENT_BYTES_MAX - 1]));
        poll_fn(|context| unsent.poll_room(context)).await;
        let mut second = unsent.count(Bytes::from_static(b"23"));
        let pending = poll_fn(|context| Poll::Ready(unsent.poll_room(context).is_pending())).await;
        assert!(pending, "there is as much on its way as may be");

        let waiting = tokio::spawn({
            let unsent = unsent.clone();
            async move { poll_fn(|context| unsent.poll_room(context)).await }
        });
        tokio::task::yield_now().await;
        // Sent in two parts: what was handed over counts until the last of it has gone.
        assert_eq!(second.split_to(1), "2");
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert_eq!(second, "3");
    }
}
