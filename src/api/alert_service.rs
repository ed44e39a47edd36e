//! `AlertService`: following a tenant's alerts without missing one, and reading them.
//!
//! Come here for the watch. Its promise is in the comments of the proto file. Events are read from the engine as the
//! client takes them: a slow reader costs one small page of memory and delays nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::drain::{Drain, Phase};
use super::engine::{CursorError, Engine};
use super::identity::Tenant;
use super::page::Query;
use super::wire::alert_service_server::AlertService;
use super::wire::watch_alerts_response::Content;
use super::{errors, from_proto, read, to_proto, wire};
use crate::clock::{Clock, SystemClock};
use crate::model::{Alert, AlertId};
use crate::telemetry::metric;

/// Events that are read at a time for one watch.
const EVENTS_PER_READ: usize = 16;
/// Silence after which a checkpoint is sent, when the request does not say.
const CHECKPOINT_DEFAULT: Duration = Duration::from_secs(15);
/// Shortest silence that a request can ask for.
const CHECKPOINT_MIN: Duration = Duration::from_secs(1);
/// Longest silence that a request can ask for.
const CHECKPOINT_MAX: Duration = Duration::from_secs(300);
/// Longest cursor that is looked at.
const CURSOR_BYTES_MAX: usize = 256;

/// Serves alerts from the engine.
pub(super) struct Alerts<E> {
    pub(super) engine: E,
    /// One place for each open watch.
    pub(super) watches: Arc<Semaphore>,
    pub(super) drain: Drain,
}

#[tonic::async_trait]
impl<E: Engine> AlertService for Alerts<E> {
    type WatchAlertsStream = ReceiverStream<Result<wire::WatchAlertsResponse, Status>>;

    async fn watch_alerts(
        &self,
        request: Request<wire::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let checkpoint_interval = checkpoint_interval(request.checkpoint_interval);
        let sequence = start(&self.engine, &tenant, &request.cursor).await?;
        let place = Arc::clone(&self.watches).try_acquire_owned().map_err(|_| {
            errors::exhausted(wire::ErrorReason::TooManyWatches, "too many alert watches are open on this server")
        })?;
        // Room for one message: the next one is made when the client has taken this one.
        let (messages, receiver) = mpsc::channel(1);
        let (engine, drain) = (self.engine.clone(), self.drain.clone());
        let began_at_millis = SystemClock.unix_millis();
        let mut watch =
            Watch { engine, tenant, sequence, messages, drain, checkpoint_interval, began_at_millis, _place: place };
        tokio::spawn(async move { watch.run().await });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_alert(
        &self,
        request: Request<wire::GetAlertRequest>,
    ) -> Result<Response<wire::GetAlertResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let id = AlertId::parse(&request.into_inner().alert_id)
            .ok_or_else(|| errors::invalid_field("alert_id", "expected a decimal number"))?;
        let found = read(&self.engine, move |engine| engine.alert(tenant.name(), id)).await?;
        let alert =
            found.ok_or_else(|| errors::not_found(wire::ErrorReason::AlertNotFound, "there is no such alert"))?;
        Ok(Response::new(wire::GetAlertResponse { alert: Some(to_proto::alert(&alert)) }))
    }

    async fn list_alerts(
        &self,
        request: Request<wire::ListAlertsRequest>,
    ) -> Result<Response<wire::ListAlertsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let state = wire::AlertState::try_from(request.state)
            .map_err(|_| errors::invalid_field("state", "expected a known state"))?;
        let wanted = from_proto::alert_state_from(state);
        let page = Query::new("ListAlerts", &tenant, state.as_str_name(), request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after: Option<&u64>, limit| {
                    engine.alerts(tenant.name(), after.map(|id| AlertId(*id)), limit)
                },
                |alert: &Alert| alert.id.0,
                move |alert| wanted.is_none_or(|wanted| alert.state == wanted),
                to_proto::alert,
            )
            .await?;
        Ok(Response::new(wire::ListAlertsResponse { alerts: page.rows, next_page_token: page.next_page_token }))
    }

    async fn ack_alerts(
        &self,
        request: Request<wire::AckAlertsRequest>,
    ) -> Result<Response<wire::AckAlertsResponse>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("AckAlerts"))
    }

    async fn review_alert(
        &self,
        request: Request<wire::ReviewAlertRequest>,
    ) -> Result<Response<wire::ReviewAlertResponse>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("ReviewAlert"))
    }

    async fn suppress_alert(
        &self,
        request: Request<wire::SuppressAlertRequest>,
    ) -> Result<Response<wire::SuppressAlertResponse>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("SuppressAlert"))
    }
}

fn checkpoint_interval(asked: Option<prost_types::Duration>) -> Duration {
    let asked = asked.map_or(CHECKPOINT_DEFAULT, |asked| Duration::try_from(asked).unwrap_or(CHECKPOINT_MIN));
    asked.clamp(CHECKPOINT_MIN, CHECKPOINT_MAX)
}

/// The event after which a watch begins.
async fn start<E: Engine>(engine: &E, tenant: &Tenant, cursor: &str) -> Result<u64, Status> {
    let place = match cursor {
        "" => Ok(0),
        text if text.len() > CURSOR_BYTES_MAX => Err(CursorError::Malformed),
        text => engine.parse_cursor(tenant.name(), text),
    };
    let refused =
        |reason, description| Err(errors::cursor_refused(reason, description, engine.cursor(tenant.name(), 0)));
    let sequence = match place {
        Ok(sequence) => sequence,
        Err(CursorError::Malformed) => {
            let description = "expected a cursor as the service sent it to this tenant";
            return Err(errors::invalid(wire::ErrorReason::CursorMalformed, "cursor", description));
        }
        Err(CursorError::OtherStore) => {
            return refused(wire::ErrorReason::CursorOfOtherStore, "the cursor is from another store");
        }
    };
    let owner = tenant.clone();
    let newest = read(engine, move |engine| engine.newest_alert_sequence(owner.name())).await?;
    if sequence > newest {
        return refused(wire::ErrorReason::CursorAhead, "the cursor stands after the newest event");
    }
    Ok(sequence)
}

/// A place in a tenant's events that moves as the client takes messages.
struct Watch<E> {
    engine: E,
    tenant: Tenant,
    /// The last event that was handed over.
    sequence: u64,
    messages: mpsc::Sender<Result<wire::WatchAlertsResponse, Status>>,
    drain: Drain,
    checkpoint_interval: Duration,
    began_at_millis: u64,
    _place: OwnedSemaphorePermit,
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
    async fn run(&mut self) {
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
        let _ = self.messages.send(Err(status)).await;
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
        let events = read(&self.engine, move |engine| engine.alert_events(tenant.name(), after, EVENTS_PER_READ))
            .await
            .map_err(End::Failed)?;
        let has_events = !events.is_empty();
        for event in events {
            if self.drain.has_reached(Phase::Ending) {
                return Err(End::ServerEnds);
            }
            if event.sequence != self.sequence + 1 {
                return Err(End::Failed(errors::internal("an alert event is missing or there twice")));
            }
            let content = Content::Event(to_proto::alert_event(&event));
            self.send(event.sequence, content).await?;
            self.note_lag(event.at_millis);
            self.sequence = event.sequence;
        }
        Ok(has_events)
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
        self.messages.send(Ok(message)).await.map_err(|_| ClientLeft)
    }
}
