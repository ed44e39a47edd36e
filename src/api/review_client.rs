//! Working on alerts from a client: decisions, silences, history, subscriptions.
//!
//! Come here to call the service about alerts in the words of the model. Following them is in `watch_client`.

use super::client::{Client, ClientError};
use super::engine::SubscriptionState;
use super::from_proto::{self, NotUnderstood};
use super::{to_proto, wire};
use crate::model::{Alert, AlertEvent, AlertId, AlertSettings, ReviewAct, ReviewStep};

impl Client {
    /// An alert.
    pub async fn alert(&self, id: AlertId) -> Result<Alert, ClientError> {
        let request = self.request(wire::GetAlertRequest { alert_id: id.to_string() });
        let answer = self.alerts().get_alert(request).await?.into_inner();
        self.understood(answer.alert)
    }

    /// Does what a person wants with an alert; the alert after it. With a request id it may be sent again.
    pub async fn review(&self, id: AlertId, request_id: &str, act: ReviewAct) -> Result<Alert, ClientError> {
        let ReviewAct { revision, actor, comment, step } = act;
        let (alert_id, etag, request_id) = (id.to_string(), revision.to_string(), request_id.to_owned());
        let alert = match step {
            ReviewStep::Decide { decision, reason, assignee } => {
                let request = wire::ReviewAlertRequest {
                    alert_id,
                    etag,
                    decision: from_proto::decision_to(decision).into(),
                    comment,
                    actor,
                    reason: reason.map_or(wire::ReviewReason::Unspecified, from_proto::reason_to).into(),
                    assignee,
                    request_id,
                };
                self.alerts().review_alert(self.request(request)).await?.into_inner().alert
            }
            ReviewStep::Suppress { expires_at_millis } => {
                let request = wire::SuppressAlertRequest {
                    alert_id,
                    etag,
                    reason: comment,
                    expire_time: to_proto::timestamp(expires_at_millis),
                    actor,
                    request_id,
                };
                self.alerts().suppress_alert(self.request(request)).await?.into_inner().alert
            }
        };
        self.understood(alert)
    }

    /// Everything that happened to an alert, the oldest first.
    pub async fn alert_activity(&self, id: AlertId) -> Result<Vec<AlertEvent>, ClientError> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListAlertActivityRequest { alert_id: id.to_string(), page_size: 0, page_token };
            let answer = self.alerts().list_alert_activity(self.request(request)).await?.into_inner();
            for event in answer.events {
                all.push(from_proto::alert_event(self.tenant(), event)?);
            }
            if answer.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = answer.next_page_token;
        }
    }

    /// How the tenant wants alerts to be worked on.
    pub async fn alert_settings(&self) -> Result<AlertSettings, ClientError> {
        let request = self.request(wire::GetAlertSettingsRequest {});
        let answer = self.alerts().get_alert_settings(request).await?.into_inner();
        let settings = answer.settings.ok_or(NotUnderstood("settings"))?;
        Ok(AlertSettings { four_eyes: settings.four_eyes })
    }

    /// Sets how the tenant wants alerts to be worked on.
    pub async fn set_alert_settings(&self, settings: AlertSettings) -> Result<(), ClientError> {
        let settings = Some(wire::AlertSettings { four_eyes: settings.four_eyes });
        self.alerts().update_alert_settings(self.request(wire::UpdateAlertSettingsRequest { settings })).await?;
        Ok(())
    }

    /// Remembers under a name that everything up to a cursor was handled.
    pub async fn acknowledge(&self, subscription: &str, cursor: &str) -> Result<SubscriptionState, ClientError> {
        let request = wire::AckAlertsRequest { subscription: subscription.to_owned(), cursor: cursor.to_owned() };
        let answer = self.alerts().ack_alerts(self.request(request)).await?.into_inner();
        Ok(from_proto::subscription(answer.subscription.ok_or(NotUnderstood("subscription"))?)?)
    }

    /// Where a named subscription stands.
    pub async fn subscription(&self, name: &str) -> Result<SubscriptionState, ClientError> {
        let request = self.request(wire::GetSubscriptionRequest { subscription: name.to_owned() });
        let answer = self.alerts().get_subscription(request).await?.into_inner();
        Ok(from_proto::subscription(answer.subscription.ok_or(NotUnderstood("subscription"))?)?)
    }

    fn understood(&self, alert: Option<wire::Alert>) -> Result<Alert, ClientError> {
        Ok(from_proto::alert(self.tenant(), alert.ok_or(NotUnderstood("alert"))?)?)
    }
}
