//! Following alerts: from a cursor, across lost connections and restarted servers, without gap or repetition.
//!
//! Come here for how a client keeps its place. Whoever wants to go on after their own restart keeps the cursor of the
//! last message they have handled.

use tonic::{Status, Streaming};

use super::client::{Client, ClientError, Patience};
use super::from_proto::{self, NotUnderstood};
use super::wire::{self, watch_alerts_response::Content};
use crate::model::AlertEvent;

/// A watch that connects again by itself and goes on where it was.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// Of the last message; `None` stands before the first event.
    cursor: Option<String>,
    stream: Option<Streaming<wire::WatchAlertsResponse>>,
    patience: Patience,
}

/// A message of a watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// Goes on after this message.
    pub cursor: String,
    /// An event; `None` when the message only says that all events before the cursor were sent.
    pub event: Option<AlertEvent>,
}

impl Watch {
    /// A watch that will begin after a cursor.
    pub(super) fn new(client: Client, cursor: Option<String>) -> Self {
        Self { client, cursor, stream: None, patience: Patience::default() }
    }

    /// The next message. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Result<Watched, ClientError> {
        loop {
            let status = match self.message().await {
                Ok(message) => {
                    let watched = self.understood(message)?;
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
                let request = self.client.request(wire::WatchAlertsRequest { cursor, checkpoint_interval: None });
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
        Ok(Watched { cursor: message.cursor, event })
    }
}
