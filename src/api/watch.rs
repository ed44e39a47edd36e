//! The watch: a tenant's alert events from a place on, as a client takes them.
//!
//! Come here for where a watch begins and how it ends. Its promise is in the comments of the proto file. Events are read
//! from the engine as they are taken: a slow reader costs one small page of memory and delays nobody.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::adapters::Map;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::drain::{Drain, Phase};
use super::engine::{CursorError, Engine};
use super::identity::Tenant;
use super::places::Place;
use super::turns::Turns;
use super::wire::watch_alerts_response::Content;
use super::{errors, read, to_proto, wire};
use crate::clock::{Clock, SystemClock};
use crate::telemetry::metric;

/// Events that are read at a time for one watch.
const EVENTS_PER_READ: usize = 16;
/// Watches that read at the same time.
pub(super) const READS_MAX: usize = 8;
/// How long a client may leave a message untaken before its page is let go.
const STALL: Duration = Duration::from_secs(1);
/// Silence after which a checkpoint is sent, when the request does not say.
const CHECKPOINT_DEFAULT: Duration = Duration::from_secs(15);
/// Shortest silence that a request can ask for.
const CHECKPOINT_MIN: Duration = Duration::from_secs(1);
/// Longest silence that a request can ask for.
const CHECKPOINT_MAX: Duration = Duration::from_secs(300);
/// Longest cursor that is looked at.
const CURSOR_BYTES_MAX: usize = 256;

/// What a watch hands over. In a box, since a channel keeps room for 32 messages, however few it lets in.
pub(super) type Message = Box<Result<wire::WatchAlertsResponse, Status>>;
/// The messages of a watch as the transport takes them.
pub(super) type Messages = Map<ReceiverStream<Message>, fn(Message) -> Result<wire::WatchAlertsResponse, Status>>;

/// The other end of [`Watch::messages`].
pub(super) fn messages(receiver: mpsc::Receiver<Message>) -> Messages {
    ReceiverStream::new(receiver).map(|message| *message)
}

/// How long to be silent before a checkpoint.
pub(super) fn checkpoint_interval(asked: Option<prost_types::Duration>) -> Duration {
    let asked = asked.map_or(CHECKPOINT_DEFAULT, |asked| Duration::try_from(asked).unwrap_or(CHECKPOINT_MIN));
    asked.clamp(CHECKPOINT_MIN, CHECKPOINT_MAX)
}

/// The event after which a watch begins: where a cursor stands, else where a subscription does, else before the first
/// event that is held.
pub(super) async fn start<E: Engine>(
    engine: &E,
    tenant: &Tenant,
    cursor: &str,
    subscription: &str,
) -> Result<u64, Status> {
    if !cursor.is_empty() {
        return place(engine, tenant, cursor).await;
    }
    let (owner, name) = (tenant.clone(), subscription.to_owned());
    let (acked, oldest, newest) = read(engine, move |engine| {
        let acked = if name.is_empty() { None } else { engine.subscription(owner.name(), &name)? };
        let oldest = engine.oldest_alert_sequence(owner.name())?;
        Ok((acked, oldest, engine.newest_alert_sequence(owner.name())?))
    })
    .await?;
    match acked {
        Some(subscription) => within(engine, tenant, subscription.sequence, oldest, newest),
        None => Ok(oldest - 1),
    }
}

/// The event after which a cursor stands, which must be held or be the last one before those that are.
pub(super) async fn place<E: Engine>(engine: &E, tenant: &Tenant, cursor: &str) -> Result<u64, Status> {
    let parsed = match cursor.len() {
        0..=CURSOR_BYTES_MAX => engine.parse_cursor(tenant.name(), cursor),
        _ => Err(CursorError::Malformed),
    };
    if let Err(CursorError::Malformed) = parsed {
        let description = "expected a cursor as the service sent it to this tenant";
        return Err(errors::invalid(wire::ErrorReason::CursorMalformed, "cursor", description));
    }
    let owner = tenant.clone();
    let (oldest, newest) = read(engine, move |engine| {
        let oldest = engine.oldest_alert_sequence(owner.name())?;
        Ok((oldest, engine.newest_alert_sequence(owner.name())?))
    })
    .await?;
    match parsed {
        Ok(sequence) => within(engine, tenant, sequence, oldest, newest),
        Err(_) => {
            let oldest_cursor = engine.cursor(tenant.name(), oldest - 1);
            let description = "the cursor is from another store";
            Err(errors::cursor_refused(wire::ErrorReason::CursorOfOtherStore, description, oldest_cursor))
        }
    }
}

/// A place that can be gone on from, or why not.
fn within<E: Engine>(engine: &E, tenant: &Tenant, sequence: u64, oldest: u64, newest: u64) -> Result<u64, Status> {
    let (reason, description) = if sequence > newest {
        (wire::ErrorReason::CursorAhead, "the cursor stands after the newest event")
    } else if sequence + 1 < oldest {
        (wire::ErrorReason::CursorTooOld, "events after the cursor are not held any more")
    } else {
        return Ok(sequence);
    };
    Err(errors::cursor_refused(reason, description, engine.cursor(tenant.name(), oldest - 1)))
}

/// A place in a tenant's events that moves as the client takes messages.
pub(super) struct Watch<E> {
    pub(super) engine: E,
    pub(super) tenant: Tenant,
    /// The last event that was handed over.
    pub(super) sequence: u64,
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) drain: Drain,
    pub(super) checkpoint_interval: Duration,
    /// A turn at reading, of all watches together.
    pub(super) reads: Turns,
    /// When the client came.
    pub(super) began_at_millis: u64,
    /// Given back when the watch is over.
    pub(super) _place: Place,
}

/// The client left: nobody needs to be told anything.
struct ClientLeft;

/// Why a watch ends.
enum End {
    ClientLeft,
    Failed(Status),
    ServerEnds,
}

impl From<ClientLeft> for End {
    fn from(_: ClientLeft) -> Self {
        Self::ClientLeft
    }
}

impl<E: Engine> Watch<E> {
    /// Sends until the client leaves or the server ends.
    pub(super) async fn run(&mut self) {
        let status = match self.follow().await {
            Ok(never) => match never {},
            Err(End::ClientLeft) => return,
            Err(End::Failed(status)) => status,
            Err(End::ServerEnds) => {
                // A reader that is too slow for this has the cursor of the message before.
                if self.checkpoint().await.is_err() {
                    return;
                }
                errors::shutting_down()
            }
        };
        // A client that is gone need not be told.
        let _ = self.messages.send(Box::new(Err(status))).await;
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, End> {
        let mut changes = self.engine.changes();
        self.checkpoint().await?;
        loop {
            // Marked as seen before reading: a commit in between wakes once too often, never too rarely.
            changes.borrow_and_update();
            while self.send_ready().await? {}
            let drain = self.drain.clone();
            tokio::select! {
                () = drain.reached(Phase::Ending) => return Err(End::ServerEnds),
                () = self.messages.closed() => return Err(End::ClientLeft),
                changed = changes.changed() => {
                    // The engine is gone, and so is the server.
                    changed.map_err(|_| End::ServerEnds)?;
                }
                () = tokio::time::sleep(self.checkpoint_interval) => self.checkpoint().await?,
            }
        }
    }

    /// Sends what there is, up to one page; false when there was nothing.
    async fn send_ready(&mut self) -> Result<bool, End> {
        let (tenant, after) = (self.tenant.clone(), self.sequence);
        // Else a thousand watches would read the same event on as many threads.
        let turn = self.reads.take(&self.tenant).await;
        let events = read(&self.engine, move |engine| engine.alert_events(tenant.name(), after, EVENTS_PER_READ))
            .await
            .map_err(End::Failed)?;
        drop(turn);
        let (has_events, mut stalled) = (!events.is_empty(), false);
        for event in events {
            let Ok(place) = tokio::time::timeout(STALL, self.messages.reserve()).await else {
                // The rest of the page goes, and is read again should the client ever read on.
                stalled = true;
                break;
            };
            drop(place.map_err(|_| ClientLeft)?);
            if self.drain.has_reached(Phase::Ending) {
                return Err(End::ServerEnds);
            }
            if event.sequence != self.sequence + 1 {
                return Err(End::Failed(self.gap().await));
            }
            let content = Content::Event(to_proto::alert_event(&event));
            self.send(event.sequence, content).await?;
            self.note_lag(event.at_millis);
            self.sequence = event.sequence;
        }
        if stalled {
            drop(self.messages.reserve().await.map_err(|_| ClientLeft)?);
        }
        Ok(has_events)
    }

    /// The next event is not there: because those before it are not held any more, or by a fault.
    async fn gap(&self) -> Status {
        let tenant = self.tenant.clone();
        match read(&self.engine, move |engine| engine.oldest_alert_sequence(tenant.name())).await {
            Err(status) => status,
            Ok(oldest) => match within(&self.engine, &self.tenant, self.sequence, oldest, u64::MAX) {
                Err(status) => status,
                Ok(_) => errors::internal("an alert event is missing or there twice"),
            },
        }
    }

    /// From the commit of an event to its handing over. What had happened before the client came tells nothing.
    fn note_lag(&self, at_millis: u64) {
        if at_millis >= self.began_at_millis {
            let lag_millis = SystemClock.unix_millis().saturating_sub(at_millis);
            metrics::histogram!(metric::ALERT_LAG).record(lag_millis as f64 / 1_000.0);
        }
    }

    async fn checkpoint(&self) -> Result<(), ClientLeft> {
        self.send(self.sequence, Content::Checkpoint(wire::Checkpoint {})).await
    }

    async fn send(&self, sequence: u64, content: Content) -> Result<(), ClientLeft> {
        let cursor = self.engine.cursor(self.tenant.name(), sequence);
        let message = wire::WatchAlertsResponse { cursor, content: Some(content) };
        self.messages.send(Box::new(Ok(message))).await.map_err(|_| ClientLeft)
    }
}
