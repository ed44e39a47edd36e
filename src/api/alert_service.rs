//! `AlertService`: following a tenant's alerts, reading them, and working on them.
//!
//! Come here for which call asks the engine for what. The watch is in `watch`; what a request must say is in
//! `reviewing`; which decision is allowed when is in `alerts`, asked by the store.

use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::drain::Drain;
use super::engine::{Acknowledged, Engine, SubscriptionState};
use super::identity::{Caller, Tenant};
use super::page::Query;
use super::places::Places;
use super::turns::Turns;
use super::watch::{self, Watch};
use super::wire::alert_service_server::AlertService;
use super::{errors, from_proto, read, reviewing, to_proto, wire};
use crate::clock::{Clock, SystemClock};
use crate::identity::Permission;
use crate::model::{Alert, AlertEvent, AlertId, AlertSettings, ReviewAct, ReviewStep, Subscription};

/// Serves alerts from the engine.
pub(super) struct Alerts<E> {
    pub(super) engine: E,
    /// One place for each open watch.
    pub(super) watches: Places,
    /// Turns at reading for watches.
    pub(super) reads: Turns,
    pub(super) drain: Drain,
}

#[tonic::async_trait]
impl<E: Engine> AlertService for Alerts<E> {
    type WatchAlertsStream = watch::Messages;

    async fn watch_alerts(
        &self,
        request: Request<wire::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let checkpoint_interval = watch::checkpoint_interval(request.checkpoint_interval);
        if !request.subscription.is_empty() {
            reviewing::subscription_name(&request.subscription)?;
        }
        // A thread for each of a thousand that come at once would keep its memory for good.
        let turn = self.reads.take(&tenant).await;
        let sequence = watch::start(&self.engine, &tenant, &request.cursor, &request.subscription).await?;
        drop(turn);
        let place = self.watches.take(&tenant).ok_or_else(|| {
            let text = "the tenant has too many alert watches open on this server";
            errors::shed("watches", wire::ErrorReason::TooManyWatches, text)
        })?;
        // Room for one message: the next one is made when the client has taken this one.
        let (messages, receiver) = mpsc::channel(1);
        let (engine, drain, reads) = (self.engine.clone(), self.drain.clone(), self.reads.clone());
        let began_at_millis = SystemClock.unix_millis();
        let mut watch = Watch {
            engine,
            tenant,
            sequence,
            messages,
            drain,
            checkpoint_interval,
            reads,
            began_at_millis,
            _place: place,
        };
        tokio::spawn(async move { watch.run().await });
        Ok(Response::new(watch::messages(receiver)))
    }

    async fn get_alert(
        &self,
        request: Request<wire::GetAlertRequest>,
    ) -> Result<Response<wire::GetAlertResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let id = reviewing::alert_id(&request.into_inner().alert_id)?;
        let found = read(&self.engine, move |engine| engine.alert(tenant.name(), id)).await?;
        let alert = found.ok_or_else(errors::alert_not_found)?;
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

    async fn list_alert_activity(
        &self,
        request: Request<wire::ListAlertActivityRequest>,
    ) -> Result<Response<wire::ListAlertActivityResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let id = reviewing::alert_id(&request.alert_id)?;
        let filter = id.to_string();
        let page = Query::new("ListAlertActivity", &tenant, &filter, request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after: Option<&u64>, limit| {
                    engine.alert_activity(tenant.name(), id, after.copied().unwrap_or(0), limit)
                },
                |event: &AlertEvent| event.sequence,
                |_| true,
                to_proto::alert_event,
            )
            .await?;
        Ok(Response::new(wire::ListAlertActivityResponse { events: page.rows, next_page_token: page.next_page_token }))
    }

    async fn ack_alerts(
        &self,
        request: Request<wire::AckAlertsRequest>,
    ) -> Result<Response<wire::AckAlertsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::AckAlertsRequest { subscription, cursor } = request.into_inner();
        reviewing::subscription_name(&subscription)?;
        let sequence = watch::place(&self.engine, &tenant, &cursor).await?;
        let acknowledged = self.engine.acknowledge(tenant.name(), &subscription, sequence).await;
        match acknowledged.map_err(|error| errors::of_engine(&error))? {
            Acknowledged::Done(subscription) => {
                let subscription = Some(self.beside_events(&tenant, subscription).await?);
                Ok(Response::new(wire::AckAlertsResponse { subscription }))
            }
            Acknowledged::TooMany { limit } => Err(errors::too_many_subscriptions(limit)),
            // Checked just now: only a store that was put back meanwhile can say so.
            Acknowledged::Ahead => Err(errors::cursor_refused(
                wire::ErrorReason::CursorAhead,
                "the cursor stands after the newest event",
                self.engine.cursor(tenant.name(), 0),
            )),
        }
    }

    async fn get_subscription(
        &self,
        request: Request<wire::GetSubscriptionRequest>,
    ) -> Result<Response<wire::GetSubscriptionResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let name = request.into_inner().subscription;
        reviewing::subscription_name(&name)?;
        let owner = tenant.clone();
        let found = read(&self.engine, move |engine| engine.subscription(owner.name(), &name)).await?;
        let found = found.ok_or_else(errors::subscription_not_found)?;
        let subscription = Some(self.beside_events(&tenant, found).await?);
        Ok(Response::new(wire::GetSubscriptionResponse { subscription }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<wire::ListSubscriptionsRequest>,
    ) -> Result<Response<wire::ListSubscriptionsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListSubscriptions", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after: Option<&String>, limit| {
                    let newest_sequence = engine.newest_alert_sequence(tenant.name())?;
                    let rows = engine.subscriptions(tenant.name(), after.map(String::as_str), limit)?;
                    let beside = |subscription: Subscription| SubscriptionState {
                        cursor: engine.cursor(tenant.name(), subscription.sequence),
                        subscription,
                        newest_sequence,
                    };
                    Ok(rows.into_iter().map(beside).collect())
                },
                |state: &SubscriptionState| state.subscription.name.clone(),
                |_| true,
                to_proto::subscription,
            )
            .await?;
        let (subscriptions, next_page_token) = (page.rows, page.next_page_token);
        Ok(Response::new(wire::ListSubscriptionsResponse { subscriptions, next_page_token }))
    }

    async fn delete_subscription(
        &self,
        request: Request<wire::DeleteSubscriptionRequest>,
    ) -> Result<Response<wire::DeleteSubscriptionResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let name = request.into_inner().subscription;
        reviewing::subscription_name(&name)?;
        let forgotten = self.engine.forget_subscription(tenant.name(), &name).await;
        match forgotten.map_err(|error| errors::of_engine(&error))? {
            true => Ok(Response::new(wire::DeleteSubscriptionResponse {})),
            false => Err(errors::subscription_not_found()),
        }
    }

    async fn review_alert(
        &self,
        request: Request<wire::ReviewAlertRequest>,
    ) -> Result<Response<wire::ReviewAlertResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let tenant = caller.tenant.clone();
        let request = request.into_inner();
        let id = reviewing::alert_id(&request.alert_id)?;
        let act = reviewing::decision(&caller, &request)?;
        if !caller.may(Permission::ApproveAlerts) && self.would_approve(&tenant, id, &act).await? {
            return Err(errors::role_missing("ReviewAlert", Permission::ApproveAlerts));
        }
        let alert = Some(self.act(&tenant, id, &request.request_id, act).await?);
        Ok(Response::new(wire::ReviewAlertResponse { alert }))
    }

    async fn suppress_alert(
        &self,
        request: Request<wire::SuppressAlertRequest>,
    ) -> Result<Response<wire::SuppressAlertResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let tenant = caller.tenant.clone();
        let request = request.into_inner();
        let id = reviewing::alert_id(&request.alert_id)?;
        let act = reviewing::silence(&caller, &request)?;
        let alert = Some(self.act(&tenant, id, &request.request_id, act).await?);
        Ok(Response::new(wire::SuppressAlertResponse { alert }))
    }

    async fn get_alert_settings(
        &self,
        request: Request<wire::GetAlertSettingsRequest>,
    ) -> Result<Response<wire::GetAlertSettingsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let AlertSettings { four_eyes } =
            read(&self.engine, move |engine| engine.alert_settings(tenant.name())).await?;
        Ok(Response::new(wire::GetAlertSettingsResponse { settings: Some(wire::AlertSettings { four_eyes }) }))
    }

    async fn update_alert_settings(
        &self,
        request: Request<wire::UpdateAlertSettingsRequest>,
    ) -> Result<Response<wire::UpdateAlertSettingsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let settings = request.into_inner().settings;
        let settings = settings.ok_or_else(|| errors::invalid_field("settings", "is needed"))?;
        let wanted = AlertSettings { four_eyes: settings.four_eyes };
        let set = self.engine.set_alert_settings(tenant.name(), wanted).await;
        set.map_err(|error| errors::of_engine(&error))?;
        Ok(Response::new(wire::UpdateAlertSettingsResponse { settings: Some(settings) }))
    }
}

impl<E: Engine> Alerts<E> {
    async fn act(&self, tenant: &Tenant, id: AlertId, request_id: &str, act: ReviewAct) -> Result<wire::Alert, Status> {
        reviewing::request_id(request_id)?;
        let done = self.engine.review(tenant.name(), id, request_id, act).await;
        match done.map_err(|error| errors::of_engine(&error))? {
            Ok(event) => Ok(to_proto::alert(&event.alert)),
            Err(refusal) => Err(errors::review_refused(refusal)),
        }
    }

    /// Whether an act is the second of two that must agree. An alert that changes meanwhile has another etag, and the act
    /// is refused for that.
    async fn would_approve(&self, tenant: &Tenant, id: AlertId, act: &ReviewAct) -> Result<bool, Status> {
        let ReviewStep::Decide { decision, .. } = act.step else { return Ok(false) };
        let owner = tenant.clone();
        let found = read(&self.engine, move |engine| engine.alert(owner.name(), id)).await?;
        Ok(found.and_then(|alert| alert.proposal).is_some_and(|proposal| proposal.decision == decision))
    }

    async fn beside_events(&self, tenant: &Tenant, subscription: Subscription) -> Result<wire::Subscription, Status> {
        let owner = tenant.clone();
        let newest_sequence = read(&self.engine, move |engine| engine.newest_alert_sequence(owner.name())).await?;
        let cursor = self.engine.cursor(tenant.name(), subscription.sequence);
        Ok(to_proto::subscription(&SubscriptionState { subscription, newest_sequence, cursor }))
    }
}
