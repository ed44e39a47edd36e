//! Following alerts: from a cursor, across lost connections and restarted servers, without gap or repetition.
//!
//! Come here for how a client keeps its place. Whoever wants to go on after their own restart keeps the cursor of the
//! last message they have handled.

use std::time::Duration;

use tonic::{Status, Streaming};

use super::client::{Client, ClientError, Patience};
use super::from_proto::{self, NotUnderstood};
use super::wire::{self, watch_alerts_response::Content};
use crate::model::AlertEvent;

/// A watch that connects again by itself and goes on where it was.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// Of the last message; `None` stands where the subscription does, else before the first event.
    cursor: Option<String>,
    /// Where to begin without a cursor.
    subscription: String,
    stream: Option<Streaming<wire::WatchAlertsResponse>>,
    /// The next message is the first of its stream: it says where the stream begins and no more.
    is_opening: bool,
    /// Silence after which the server says that all events were sent; `None` leaves it to the server.
    checkpoint_interval: Option<Duration>,
    patience: Patience,
}

/// A message of a watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// Goes on after this message.
    pub cursor: String,
    /// An event; `None` when the message only says that all events before the cursor were sent.
    pub event: Option<AlertEvent>,
    /// There was nothing more to send for a while, see [`Watch::with_checkpoints_after`].
    pub is_caught_up: bool,
}

impl Watch {
    /// A watch that will begin after a cursor.
    pub(super) fn new(client: Client, cursor: Option<String>) -> Self {
        let patience = Patience::default();
        Self {
            client,
            cursor,
            subscription: String::new(),
            stream: None,
            is_opening: true,
            checkpoint_interval: None,
            patience,
        }
    }

    /// Asks the server to say after so much silence that all events were sent; it allows 1 s to 5 min.
    #[must_use]
    pub fn with_checkpoints_after(self, interval: Duration) -> Self {
        Self { checkpoint_interval: Some(interval), ..self }
    }

    /// Begins, where there is no cursor, after what was acknowledged under a name.
    #[must_use]
    pub fn with_subscription(self, name: &str) -> Self {
        Self { subscription: name.to_owned(), ..self }
    }

    /// The next message. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Result<Watched, ClientError> {
        loop {
            let status = match self.message().await {
                Ok(message) => {
                    let watched = self.understood(message)?;
                    self.is_opening = false;
                    // Only now: a message that is not understood must not be skipped.
                    self.cursor = Some(watched.cursor.clone());
                    self.patience.renew();
                    return Ok(watched);
                }
                Err(status) => status,
            };
            self.stream = None;
            self.patience.bear(status).await?;
        }
    }

    /// The next event; messages without one are passed over.
    pub async fn next_event(&mut self) -> Result<AlertEvent, ClientError> {
        loop {
            if let Some(event) = self.next().await?.event {
                return Ok(event);
            }
        }
    }

    /// Goes on after the last message.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    async fn message(&mut self) -> Result<wire::WatchAlertsResponse, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let cursor = self.cursor.clone().unwrap_or_default();
                let checkpoint_interval =
                    self.checkpoint_interval.and_then(|interval| prost_types::Duration::try_from(interval).ok());
                let subscription = self.subscription.clone();
                let request = wire::WatchAlertsRequest { cursor, checkpoint_interval, subscription };
                let request = self.client.request(request);
                self.is_opening = true;
                let stream = self.client.alerts().watch_alerts(request).await?.into_inner();
                self.stream.insert(stream)
            }
        };
        stream.message().await?.ok_or_else(|| Status::unavailable("the stream ended"))
    }

    fn understood(&self, message: wire::WatchAlertsResponse) -> Result<Watched, NotUnderstood> {
        if message.cursor.is_empty() {
            return Err(NotUnderstood("cursor"));
        }
        let event = match message.content {
            Some(Content::Event(event)) => Some(from_proto::alert_event(self.client.tenant(), event)?),
            Some(Content::Checkpoint(_)) => None,
            None => return Err(NotUnderstood("content")),
        };
        let is_caught_up = event.is_none() && !self.is_opening;
        Ok(Watched { cursor: message.cursor, event, is_caught_up })
    }
}
