//! Working on alerts over the wire, against the real engine: decisions, silences, four eyes, named subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use onward::alerts::{AlertPolicy, rule};
use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::{
    self, AckAlertsRequest, AlertEventKind, AlertState, DeleteSubscriptionRequest, GetAlertRequest,
    GetSubscriptionRequest, ListAlertActivityRequest, ListAlertsRequest, ListSubscriptionsRequest, ReviewAlertRequest,
    ReviewDecision, ReviewReason, SuppressAlertRequest, UpdateAlertSettingsRequest, WatchAlertsRequest,
};
use onward::api::{Client, EngineError};
use onward::screening::{Service, ServiceOptions};
use onward::store::{SUBSCRIPTIONS_MAX, Store, StoreOptions};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::house::{self, House, principal};
use crate::setup::{Server, finding, in_time, is, order_key, told};

const NOW_MILLIS: u64 = 1_700_000_000_000;

/// A served engine on a store in memory, with alerts 1 to 3 of tenant `alma` and one of `other`.
struct Office {
    server: Server,
    service: Service,
    now: Arc<AtomicU64>,
}

impl Office {
    async fn new() -> Self {
        let now = Arc::new(AtomicU64::new(NOW_MILLIS));
        let clock = Arc::clone(&now);
        let store =
            Store::open_in_memory(StoreOptions::default(), Arc::new(move || clock.load(Ordering::SeqCst))).unwrap();
        let service = Service::start(store, ServiceOptions::default()).unwrap();
        let office = Self { server: Server::start(&service).await, service, now };
        // Numbers of level high.
        for number in [3, 7, 11] {
            office.judge("alma", number).await;
        }
        office.judge("other", 3).await;
        office
    }

    async fn judge(&self, tenant: &str, number: u32) {
        let store = self.service.store();
        store.commit_judgements(vec![finding(tenant, number)], None, rule(AlertPolicy::default())).await.unwrap();
    }

    async fn alerts(&self, tenant: &str) -> (Client, AlertServiceClient<Channel>) {
        let client = self.server.client_of(tenant).await;
        let alerts = AlertServiceClient::new(client.channel());
        (client, alerts)
    }
}

fn review(alert_id: &str, etag: &str, actor: &str, decision: ReviewDecision) -> ReviewAlertRequest {
    ReviewAlertRequest {
        alert_id: alert_id.to_owned(),
        etag: etag.to_owned(),
        actor: actor.to_owned(),
        decision: decision.into(),
        reason: ReviewReason::OtherSupply.into(),
        ..ReviewAlertRequest::default()
    }
}

fn at(millis: u64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: millis as i64 / 1000, nanos: (millis % 1000) as i32 * 1_000_000 })
}

fn silence(alert_id: &str, etag: &str, expires_at_millis: u64) -> SuppressAlertRequest {
    SuppressAlertRequest {
        alert_id: alert_id.to_owned(),
        etag: etag.to_owned(),
        reason: "licence 7".to_owned(),
        expire_time: at(expires_at_millis),
        actor: "ana".to_owned(),
        request_id: String::new(),
    }
}

fn metadata(status: &Status, name: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.get(name).cloned()
}

/// Does what is refused for this reason.
pub async fn refused(reason: wire::ErrorReason) -> Status {
    use wire::ErrorReason;
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    match reason {
        ErrorReason::AlertChanged => {
            alerts.review_alert(client.request(review("1", "9", "ana", ReviewDecision::InReview))).await.unwrap_err()
        }
        ErrorReason::TransitionNotAllowed => {
            alerts.review_alert(client.request(review("1", "1", "ana", ReviewDecision::Escalated))).await.unwrap();
            let request = silence("1", "2", NOW_MILLIS + 86_400_000);
            alerts.suppress_alert(client.request(request)).await.unwrap_err()
        }
        ErrorReason::SecondPersonNeeded => {
            let settings = Some(wire::AlertSettings { four_eyes: true });
            alerts.update_alert_settings(client.request(UpdateAlertSettingsRequest { settings })).await.unwrap();
            alerts.review_alert(client.request(review("1", "1", "ana", ReviewDecision::Confirmed))).await.unwrap();
            alerts.review_alert(client.request(review("1", "2", "ana", ReviewDecision::Confirmed))).await.unwrap_err()
        }
        ErrorReason::SubscriptionNotFound => {
            let request = GetSubscriptionRequest { subscription: "nobody".to_owned() };
            alerts.get_subscription(client.request(request)).await.unwrap_err()
        }
        ErrorReason::TooManySubscriptions => {
            let cursor = client.watch(None).next().await.unwrap().cursor;
            for number in 0..SUBSCRIPTIONS_MAX {
                client.acknowledge(&format!("s-{number:03}"), &cursor).await.unwrap();
            }
            let request = AckAlertsRequest { subscription: "one-more".to_owned(), cursor };
            alerts.ack_alerts(client.request(request)).await.unwrap_err()
        }
        other => panic!("{other:?} is not about work on alerts"),
    }
}

#[tokio::test]
async fn the_credential_says_who_acts_and_who_may_approve() {
    let roles = [("ana", "analyst"), ("ben", "analyst"), ("cem", "approver"), ("dan", "admin")];
    let house = House::new(&roles.map(|(name, role)| principal(name, "alma", &format!("\"{role}\""))));
    let office = Office::new().await;
    let server = house.serve(&office.service, house.options()).await;
    let decide = async |name: &str, etag: &str, actor: &str| {
        let client = house::client(&server, name).await;
        let request = client.request(review("1", etag, actor, ReviewDecision::Dismissed));
        AlertServiceClient::new(client.channel()).review_alert(request).await
    };
    for (name, expected) in [("cem", Some("ROLE_MISSING")), ("dan", None)] {
        let client = house::client(&server, name).await;
        let settings = Some(wire::AlertSettings { four_eyes: true });
        let request = client.request(UpdateAlertSettingsRequest { settings });
        let answer = AlertServiceClient::new(client.channel()).update_alert_settings(request).await;
        assert_eq!(answer.err().map(|status| told(&status).1).as_deref(), expected, "{name}");
    }
    let status = decide("ana", "1", "ben").await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"), "nobody acts in another's name");
    let proposed = decide("ana", "1", "").await.unwrap().into_inner().alert.unwrap();
    assert_eq!(proposed.proposal.unwrap().actor, "ana");
    assert_eq!(told(&decide("ben", "2", "ben").await.unwrap_err()), is(Code::PermissionDenied, "ROLE_MISSING"));
    assert_eq!(told(&decide("dan", "2", "dan").await.unwrap_err()), is(Code::PermissionDenied, "ROLE_MISSING"));
    let approved = decide("cem", "2", "cem").await.unwrap().into_inner().alert.unwrap();
    assert_eq!(approved.state(), AlertState::Dismissed);
}

#[tokio::test]
async fn an_alert_is_worked_on_and_its_history_tells_all_of_it() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let first = ReviewAlertRequest {
        assignee: Some("ben".to_owned()),
        comment: "asked the forwarder".to_owned(),
        request_id: "r1".to_owned(),
        ..review("1", "1", "ana", ReviewDecision::InReview)
    };
    let alert = alerts.review_alert(client.request(first.clone())).await.unwrap().into_inner().alert.unwrap();
    assert_eq!((alert.state(), alert.etag.as_str(), alert.assignee.as_str()), (AlertState::InReview, "2", "ben"));
    let dismissed = review("1", "2", "ben", ReviewDecision::Dismissed);
    alerts.review_alert(client.request(dismissed)).await.unwrap();
    // Sent again, the first request gets its first answer, and the alert stays as it is.
    let again = alerts.review_alert(client.request(first.clone())).await.unwrap().into_inner().alert.unwrap();
    assert_eq!(again, alert);
    let other = ReviewAlertRequest { comment: "something else".to_owned(), ..first };
    let status = alerts.review_alert(client.request(other)).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));

    let (mut kinds, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAlertActivityRequest { alert_id: "1".to_owned(), page_size: 2, page_token };
        let page = alerts.list_alert_activity(client.request(request)).await.unwrap().into_inner();
        kinds.extend(page.events.iter().map(|event| {
            let act = event.act.clone().unwrap_or_default();
            (event.kind(), act.actor.clone(), act.comment.clone(), act.reason())
        }));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    let row = |kind, actor: &str, comment: &str, reason| (kind, actor.to_owned(), comment.to_owned(), reason);
    let expected = [
        row(AlertEventKind::Raised, "", "", ReviewReason::Unspecified),
        row(AlertEventKind::Reviewed, "ana", "asked the forwarder", ReviewReason::OtherSupply),
        row(AlertEventKind::Reviewed, "ben", "", ReviewReason::OtherSupply),
    ];
    assert_eq!(kinds, expected);
    let request = ListAlertsRequest { state: AlertState::Dismissed.into(), ..Default::default() };
    let listed = alerts.list_alerts(client.request(request)).await.unwrap().into_inner().alerts;
    assert_eq!(listed.iter().map(|alert| alert.alert_id.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn who_comes_late_or_goes_a_way_that_is_not_there_is_told() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    alerts.review_alert(client.request(review("1", "1", "ana", ReviewDecision::Escalated))).await.unwrap();
    let late = alerts.review_alert(client.request(review("1", "1", "ben", ReviewDecision::Confirmed))).await;
    let late = late.unwrap_err();
    assert_eq!(told(&late), is(Code::Aborted, "ALERT_CHANGED"));
    assert_eq!(metadata(&late, "etag").as_deref(), Some("2"));
    let barred = alerts.suppress_alert(client.request(silence("1", "2", NOW_MILLIS + 1_000))).await.unwrap_err();
    assert_eq!(told(&barred), is(Code::FailedPrecondition, "TRANSITION_NOT_ALLOWED"));
    assert_eq!(metadata(&barred, "from").zip(metadata(&barred, "to")), Some(("escalated".into(), "suppressed".into())));
    for expires_at_millis in [NOW_MILLIS, NOW_MILLIS + 367 * 24 * 3_600_000] {
        let status = alerts.suppress_alert(client.request(silence("2", "1", expires_at_millis))).await.unwrap_err();
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"), "{expires_at_millis}");
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_by_field() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let good = || review("1", "1", "ana", ReviewDecision::Confirmed);
    let long = |bytes: usize| "x".repeat(bytes);
    let cases = [
        ("alert_id", ReviewAlertRequest { alert_id: "one".to_owned(), ..good() }),
        ("etag", ReviewAlertRequest { etag: String::new(), ..good() }),
        ("decision", ReviewAlertRequest { decision: 0, ..good() }),
        ("decision", ReviewAlertRequest { decision: 99, ..good() }),
        ("reason", ReviewAlertRequest { reason: 0, ..good() }),
        ("reason", ReviewAlertRequest { reason: 99, ..good() }),
        ("actor", ReviewAlertRequest { actor: String::new(), ..good() }),
        ("actor", ReviewAlertRequest { actor: long(129), ..good() }),
        ("comment", ReviewAlertRequest { comment: long(4_097), ..good() }),
        ("comment", ReviewAlertRequest { decision: ReviewDecision::Comment.into(), ..good() }),
        ("assignee", ReviewAlertRequest { assignee: Some(long(129)), ..good() }),
        ("request_id", ReviewAlertRequest { request_id: long(129), ..good() }),
    ];
    for (field, request) in cases {
        let status = alerts.review_alert(client.request(request)).await.unwrap_err();
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"), "{field}");
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
    let good = || silence("1", "1", NOW_MILLIS + 1_000);
    let cases = [
        ("reason", SuppressAlertRequest { reason: String::new(), ..good() }),
        ("expire_time", SuppressAlertRequest { expire_time: None, ..good() }),
    ];
    for (field, request) in cases {
        let status = alerts.suppress_alert(client.request(request)).await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
    let request = client.request(UpdateAlertSettingsRequest { settings: None });
    let status = alerts.update_alert_settings(request).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
    // The longest that is allowed goes through.
    let longest = ReviewAlertRequest {
        actor: long(128),
        comment: long(4_096),
        assignee: Some(long(128)),
        request_id: long(128),
        ..review("1", "1", "", ReviewDecision::Confirmed)
    };
    alerts.review_alert(client.request(longest)).await.unwrap();
}

#[tokio::test]
async fn absent_alerts_and_those_of_others_are_the_same_bytes() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("other").await;
    let mut seen = Vec::new();
    // Alert 2 is another tenant's, 999 nobody's.
    for id in ["2", "999"] {
        let statuses = [
            alerts.get_alert(client.request(GetAlertRequest { alert_id: id.to_owned() })).await.unwrap_err(),
            alerts.review_alert(client.request(review(id, "1", "eve", ReviewDecision::Dismissed))).await.unwrap_err(),
            alerts.suppress_alert(client.request(silence(id, "1", NOW_MILLIS + 1_000))).await.unwrap_err(),
        ];
        for status in &statuses {
            assert_eq!(told(status), is(Code::NotFound, "ALERT_NOT_FOUND"));
        }
        let request = ListAlertActivityRequest { alert_id: id.to_owned(), ..Default::default() };
        let listed = alerts.list_alert_activity(client.request(request)).await.unwrap().into_inner();
        let bytes = statuses.map(|status| (status.message().to_owned(), status.details().to_vec()));
        seen.push((bytes, listed));
    }
    assert_eq!(seen[0], seen[1]);
    let (client, mut alerts) = office.alerts("alma").await;
    let untouched = alerts.get_alert(client.request(GetAlertRequest { alert_id: "2".to_owned() })).await.unwrap();
    assert_eq!(untouched.into_inner().alert.unwrap().etag, "1");
}

#[tokio::test]
async fn four_eyes_need_another_person() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let settings = Some(wire::AlertSettings { four_eyes: true });
    alerts.update_alert_settings(client.request(UpdateAlertSettingsRequest { settings })).await.unwrap();
    let held = alerts.get_alert_settings(client.request(wire::GetAlertSettingsRequest {})).await.unwrap();
    assert_eq!(held.into_inner().settings, settings);
    let proposed = alerts.review_alert(client.request(review("1", "1", "ana", ReviewDecision::Dismissed))).await;
    let proposed = proposed.unwrap().into_inner().alert.unwrap();
    let proposal = proposed.proposal.clone().unwrap();
    assert_eq!((proposed.state(), proposal.decision()), (AlertState::Open, ReviewDecision::Dismissed));
    assert_eq!((proposal.actor.as_str(), proposal.reason()), ("ana", ReviewReason::OtherSupply));
    let own = alerts.review_alert(client.request(review("1", "2", "ana", ReviewDecision::Dismissed))).await;
    assert_eq!(told(&own.unwrap_err()), is(Code::FailedPrecondition, "SECOND_PERSON_NEEDED"));
    let done = alerts.review_alert(client.request(review("1", "2", "ben", ReviewDecision::Dismissed))).await;
    let done = done.unwrap().into_inner().alert.unwrap();
    assert_eq!((done.state(), done.proposal), (AlertState::Dismissed, None));
}

#[tokio::test]
async fn a_silence_is_seen_and_ends_with_the_next_commit_after_its_time() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let mut watch = client.watch(None);
    for _ in 0..3 {
        in_time(watch.next_event()).await.unwrap();
    }
    let silent = alerts.suppress_alert(client.request(silence("1", "1", NOW_MILLIS + 1_000))).await.unwrap();
    let silent = silent.into_inner().alert.unwrap();
    let suppression = silent.suppression.clone().unwrap();
    assert_eq!((silent.state(), suppression.reason.as_str()), (AlertState::Suppressed, "licence 7"));
    assert_eq!((suppression.create_time, suppression.expire_time), (at(NOW_MILLIS), at(NOW_MILLIS + 1_000)));
    assert_eq!(in_time(watch.next_event()).await.unwrap().kind, onward::model::AlertEventKind::Suppressed);
    office.now.store(NOW_MILLIS + 1_000, Ordering::SeqCst);
    office.judge("other", 7).await;
    let reopened = in_time(watch.next_event()).await.unwrap();
    assert_eq!(reopened.kind, onward::model::AlertEventKind::Reopened);
    assert!(reopened.changes.iter().any(|change| change.after == "ended: its time is over"), "{:?}", reopened.changes);
}

#[tokio::test]
async fn a_silence_whose_time_ran_out_while_no_service_ran_ends_when_one_starts() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    alerts.suppress_alert(client.request(silence("1", "1", NOW_MILLIS + 1_000))).await.unwrap();
    let Office { mut server, service, now } = office;
    let store = service.store().clone();
    server.stop();
    server.stopped().await;
    drop(service);
    now.store(NOW_MILLIS + 1_000, Ordering::SeqCst);
    let mut commits = store.alert_commits();
    commits.borrow_and_update();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    in_time(commits.changed()).await.unwrap();
    let snapshot = service.store().snapshot().unwrap();
    let alert = snapshot.tenant("alma").unwrap().alert(onward::model::AlertId(1)).unwrap().unwrap();
    assert_eq!(alert.state, onward::model::AlertState::Open);
}

#[tokio::test]
async fn a_subscription_remembers_where_its_client_was() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let named = |name: &str| GetSubscriptionRequest { subscription: name.to_owned() };
    let status = alerts.get_subscription(client.request(named("desk"))).await.unwrap_err();
    assert_eq!(told(&status), is(Code::NotFound, "SUBSCRIPTION_NOT_FOUND"));
    let mut watch = client.watch(None).with_subscription("desk");
    let mut cursors = Vec::new();
    while cursors.len() < 3 {
        let message = watch.next().await.unwrap();
        cursors.extend(message.event.map(|_| message.cursor));
    }
    let state = client.acknowledge("desk", &cursors[1]).await.unwrap();
    assert_eq!((state.subscription.sequence, state.newest_sequence), (2, 3));
    // An older cursor moves nothing back, and the name alone is enough to come back.
    assert_eq!(client.acknowledge("desk", &cursors[0]).await.unwrap().subscription.sequence, 2);
    let mut again = client.watch(None).with_subscription("desk");
    assert_eq!(again.next().await.unwrap().cursor, cursors[1]);
    assert_eq!(again.next_event().await.unwrap().sequence, 3);
    // A cursor goes before the name.
    let mut from_cursor = client.watch(Some(cursors[0].clone())).with_subscription("desk");
    assert_eq!(from_cursor.next_event().await.unwrap().sequence, 2);
    let seen = alerts.get_subscription(client.request(named("desk"))).await.unwrap().into_inner();
    let seen = seen.subscription.unwrap();
    assert_eq!((seen.lag, seen.cursor.as_str()), (1, cursors[1].as_str()));
    assert_eq!((seen.create_time, seen.ack_time), (at(NOW_MILLIS), at(NOW_MILLIS)));
    // Another tenant's subscription of the same name is another one.
    let (other, mut others) = office.alerts("other").await;
    let status = others.get_subscription(other.request(named("desk"))).await.unwrap_err();
    assert_eq!(told(&status), is(Code::NotFound, "SUBSCRIPTION_NOT_FOUND"));
    let delete = || DeleteSubscriptionRequest { subscription: "desk".to_owned() };
    let foreign = others.delete_subscription(other.request(delete())).await.unwrap_err();
    assert_eq!(told(&foreign), is(Code::NotFound, "SUBSCRIPTION_NOT_FOUND"));
    alerts.delete_subscription(client.request(delete())).await.unwrap();
    let mut anew = client.watch(None).with_subscription("desk");
    assert_eq!(anew.next_event().await.unwrap().sequence, 1);
}

#[tokio::test]
async fn subscriptions_are_listed_and_limited() {
    let office = Office::new().await;
    let (client, mut alerts) = office.alerts("alma").await;
    let mut watch = client.watch(None);
    let start = watch.next().await.unwrap().cursor;
    for number in 0..SUBSCRIPTIONS_MAX {
        client.acknowledge(&format!("s-{number:03}"), &start).await.unwrap();
    }
    let request = AckAlertsRequest { subscription: "one-more".to_owned(), cursor: start.clone() };
    let status = alerts.ack_alerts(client.request(request)).await.unwrap_err();
    assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_SUBSCRIPTIONS"));
    assert_eq!(metadata(&status, "limit"), Some(SUBSCRIPTIONS_MAX.to_string()));
    let request = ListSubscriptionsRequest { page_size: 60, page_token: String::new() };
    let first = alerts.list_subscriptions(client.request(request)).await.unwrap().into_inner();
    let request = ListSubscriptionsRequest { page_size: 60, page_token: first.next_page_token.clone() };
    let second = alerts.list_subscriptions(client.request(request)).await.unwrap().into_inner();
    let all: Vec<_> = first.subscriptions.into_iter().chain(second.subscriptions).collect();
    let names: Vec<_> = all.iter().map(|held| held.name.clone()).collect();
    assert_eq!(names, (0..SUBSCRIPTIONS_MAX).map(|number| format!("s-{number:03}")).collect::<Vec<_>>());
    assert!(all.iter().all(|held| (held.lag, held.newest_sequence) == (3, 3)));
    assert!(second.next_page_token.is_empty());
    for name in ["", "Desk", &"x".repeat(65)] {
        let request = AckAlertsRequest { subscription: name.to_owned(), cursor: start.clone() };
        let status = alerts.ack_alerts(client.request(request)).await.unwrap_err();
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"), "{name}");
    }
    let request = WatchAlertsRequest { subscription: "Desk".to_owned(), ..Default::default() };
    let status = alerts.watch_alerts(client.request(request)).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
}

#[tokio::test]
async fn cursors_that_lead_nowhere_acknowledge_nothing() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    engine.raise("alma", order_key(1));
    let cases = [
        ("", Code::InvalidArgument, "CURSOR_MALFORMED"),
        ("store-a/other/0", Code::InvalidArgument, "CURSOR_MALFORMED"),
        ("store-b/alma/0", Code::FailedPrecondition, "CURSOR_OF_OTHER_STORE"),
        ("store-a/alma/2", Code::FailedPrecondition, "CURSOR_AHEAD"),
    ];
    let mut alerts = AlertServiceClient::new(client.channel());
    for (cursor, code, reason) in cases {
        let request = AckAlertsRequest { subscription: "desk".to_owned(), cursor: cursor.to_owned() };
        let status = alerts.ack_alerts(client.request(request)).await.unwrap_err();
        assert_eq!(told(&status), is(code, reason), "{cursor}");
    }
    assert!(engine.state().subscriptions.is_empty());
    engine.state().stumble = Some(EngineError::Unavailable { cause: "sector 7".to_owned() });
    let status = client.acknowledge("desk", "store-a/alma/1").await.unwrap_err();
    assert!(matches!(status, onward::api::ClientError::Refused { code: Code::Unavailable, .. }), "{status}");
}

#[tokio::test]
async fn events_that_are_not_held_any_more_are_never_skipped_in_silence() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..6 {
        engine.raise("alma", order_key(number));
    }
    client.acknowledge("desk", "store-a/alma/1").await.unwrap();
    let mut alerts = AlertServiceClient::new(client.channel());
    let watch = |cursor: &str, subscription: &str| WatchAlertsRequest {
        cursor: cursor.to_owned(),
        subscription: subscription.to_owned(),
        ..Default::default()
    };
    // One reader has got a message of what will go.
    let mut slow = alerts.watch_alerts(client.request(watch("store-a/alma/5", ""))).await.unwrap().into_inner();
    slow.message().await.unwrap();
    slow.message().await.unwrap();
    engine.state().events.get_mut("alma").unwrap().drain(..3);
    for (cursor, subscription) in [("store-a/alma/2", ""), ("", "desk"), ("store-a/alma/0", "desk")] {
        let status = alerts.watch_alerts(client.request(watch(cursor, subscription))).await.unwrap_err();
        assert_eq!(told(&status), is(Code::FailedPrecondition, "CURSOR_TOO_OLD"), "{cursor} {subscription}");
        assert_eq!(metadata(&status, "oldest_cursor").as_deref(), Some("store-a/alma/3"));
    }
    // The oldest cursor goes on, and a client without one begins there and sees where.
    for cursor in ["store-a/alma/3", ""] {
        let mut stream = alerts.watch_alerts(client.request(watch(cursor, ""))).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap().cursor, "store-a/alma/3");
        assert_eq!(stream.message().await.unwrap().unwrap().cursor, "store-a/alma/4");
    }
    engine.raise("alma", order_key(9));
    assert_eq!(slow.message().await.unwrap().unwrap().cursor, "store-a/alma/7");
    // Events go while somebody waits for the next one.
    {
        let mut state = engine.state();
        let events = state.events.get_mut("alma").unwrap();
        let mut later = events.last().unwrap().clone();
        later.sequence += 2;
        *events = vec![later];
    }
    engine.raise("alma", order_key(10));
    let status = slow.message().await.unwrap_err();
    assert_eq!(told(&status), is(Code::FailedPrecondition, "CURSOR_TOO_OLD"));
    assert_eq!(metadata(&status, "oldest_cursor").as_deref(), Some("store-a/alma/8"));
}
