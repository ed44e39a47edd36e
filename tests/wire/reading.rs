//! Reading: findings, pages, tenants, limits on calls, faults.

use std::collections::BTreeSet;

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::audit_service_client::AuditServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::shipment_service_client::ShipmentServiceClient;
use onward::api::wire::{self, ListFindingsRequest, ListOrdersRequest};
use onward::api::{Client, ClientError, EngineError, ServeOptions, TENANT_METADATA};
use onward::model::Level;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::fake::{Fake, audit_entry};
use crate::setup::{Server, finding, is, options, order, order_key, told};

fn key(number: u32) -> Option<wire::OrderKey> {
    Some(wire::OrderKey { order_id: order_key(number).order_id, line_no: order_key(number).line_no })
}

#[tokio::test]
async fn findings_cross_the_wire_unchanged() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let findings: Vec<_> = (0..250).map(|number| finding("alma", number)).collect();
    findings.iter().cloned().for_each(|finding| engine.put_finding(finding));
    assert_eq!(client.all_findings(Level::None).await.unwrap(), findings);
    let high: Vec<_> = findings.iter().filter(|finding| finding.level >= Level::Medium).cloned().collect();
    assert_eq!(client.all_findings(Level::Medium).await.unwrap(), high);
    assert_eq!(client.finding(&order_key(17)).await.unwrap().as_ref(), Some(&findings[17]));
    assert_eq!(client.finding(&order_key(999)).await.unwrap(), None);
    let text = client.explain(&order_key(3)).await.unwrap().unwrap();
    for part in ["SO-00003", "3 PCE went on", "through", "здесь ~ there", "+4.2", "new_buyer", "500 candidates"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    client.wait_until_screened().await.unwrap();
}

#[tokio::test]
async fn pages_of_every_size_give_each_row_once() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..23 {
        engine.state().orders.insert(("alma".to_owned(), order_key(number)), order(number));
    }
    let mut service = OrderServiceClient::new(client.channel());
    for page_size in [1, 2, 5, 22, 23, 24, 0, 100_000] {
        let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request = client.request(ListOrdersRequest { page_size, page_token: token });
            let page = service.list_orders(request).await.unwrap().into_inner();
            assert!(page_size == 0 || page.orders.len() <= page_size as usize);
            seen.extend(page.orders.into_iter().filter_map(|order| order.key.map(|key| key.order_id)));
            pages += 1;
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, (0..23).map(|number| order_key(number).order_id).collect::<Vec<_>>());
        let expected = if page_size == 0 { 1 } else { 23usize.div_ceil(page_size as usize) };
        assert_eq!(pages, expected, "page size {page_size}");
    }
}

#[tokio::test]
async fn pages_are_limited_in_bytes_too() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..100 {
        let mut line = order(number);
        line.description = "x".repeat(60 * 1024);
        engine.state().orders.insert(("alma".to_owned(), line.key.clone()), line);
    }
    // Of a client with the usual limit of 4 MiB.
    let mut service = OrderServiceClient::new(client.channel());
    let (mut seen, mut token) = (BTreeSet::new(), String::new());
    loop {
        let request = client.request(ListOrdersRequest { page_size: 1_000, page_token: token });
        let page = service.list_orders(request).await.unwrap().into_inner();
        seen.extend(page.orders.into_iter().filter_map(|order| order.key.map(|key| key.order_id)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 100);
}

#[tokio::test]
async fn page_tokens_are_bound_to_tenant_method_and_query() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..5 {
        engine.put_finding(finding("alma", number));
        engine.put_finding(finding("other", number));
        engine.state().orders.insert(("alma".to_owned(), order_key(number)), order(number));
    }
    let page = client.findings(Level::None, 2, String::new()).await.unwrap();
    let token = page.next_page_token;
    let refused = |answer: Result<_, ClientError>| match answer {
        Err(ClientError::Refused { code, reason, .. }) => (code, reason.unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    let expected = is(Code::InvalidArgument, "PAGE_TOKEN_INVALID");
    let mut changed = token.clone().into_bytes();
    changed[20] = if changed[20] == b'0' { b'1' } else { b'0' };
    let changed = String::from_utf8(changed).unwrap();
    for bad in ["x", "00", &token[2..], &token.to_uppercase(), &changed, &"ab".repeat(5_000)] {
        assert_eq!(refused(client.findings(Level::None, 2, bad.to_owned()).await), expected, "{bad:.20}");
    }
    assert_eq!(refused(client.findings(Level::Low, 2, token.clone()).await), expected);
    let other = server.client_of("other").await;
    assert_eq!(refused(other.findings(Level::None, 2, token.clone()).await), expected);
    let request = client.request(ListOrdersRequest { page_size: 2, page_token: token.clone() });
    let status = OrderServiceClient::new(client.channel()).list_orders(request).await.unwrap_err();
    assert_eq!(told(&status), expected);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "page_token");
    // Another page size is no other query.
    assert_eq!(client.findings(Level::None, 3, token).await.unwrap().findings.len(), 3);
}

#[tokio::test]
async fn absent_and_foreign_are_the_same_bytes() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    engine.state().orders.insert(("alma".to_owned(), order_key(1)), order(1));
    engine.put_finding(finding("alma", 1));
    engine.raise("alma", order_key(1));
    engine.state().audit.push(audit_entry("alma", 1));
    let other = server.client_of("other").await;
    let bytes = |status: Status| (status.code(), status.message().to_owned(), status.details().to_vec());
    let mut orders = OrderServiceClient::new(other.channel());
    let mut screening = ScreeningServiceClient::new(other.channel());
    let mut alerts = AlertServiceClient::new(other.channel());
    let mut outcomes = Vec::new();
    for number in [1, 2] {
        let order = orders.get_order(other.request(wire::GetOrderRequest { key: key(number) })).await.unwrap_err();
        let found = screening.get_finding(other.request(wire::GetFindingRequest { order: key(number) })).await;
        let request = wire::GetAlertRequest { alert_id: number.to_string() };
        let alert = alerts.get_alert(other.request(request)).await.unwrap_err();
        outcomes.push([order, found.unwrap_err(), alert].map(bytes));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].iter().all(|(code, _, _)| *code == Code::NotFound));
    assert!(other.all_findings(Level::None).await.unwrap().is_empty());
    assert!(other.all_alerts().await.unwrap().is_empty());
    let entries = wire::ListEntriesRequest::default();
    let entries = AuditServiceClient::new(other.channel()).list_entries(other.request(entries)).await.unwrap();
    assert!(entries.into_inner().entries.is_empty());
    let owner = server.client().await;
    assert_eq!(owner.all_alerts().await.unwrap().len(), 1);
    let entries = wire::ListEntriesRequest::default();
    let entries = AuditServiceClient::new(owner.channel()).list_entries(owner.request(entries)).await.unwrap();
    assert_eq!(entries.into_inner().entries[0].kind, "batch_accepted");
}

#[tokio::test]
async fn tenants_without_a_name_are_default_and_odd_ones_refused() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    engine.state().orders.insert(("default".to_owned(), order_key(1)), order(1));
    let mut service = OrderServiceClient::new(server.client().await.channel());
    let answer = service.get_order(Request::new(wire::GetOrderRequest { key: key(1) })).await.unwrap();
    assert!(answer.into_inner().order.is_some());
    let mut request = Request::new(wire::GetOrderRequest { key: key(1) });
    request.metadata_mut().insert(TENANT_METADATA, "Not A Tenant".parse().unwrap());
    let status = service.get_order(request).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "TENANT_INVALID"));
    let error = Client::connect(&format!("http://{}", server.address), "Not A Tenant").await.unwrap_err();
    assert!(matches!(error, ClientError::BadTenant(_)), "{error}");
}

#[tokio::test]
async fn bad_requests_name_their_fields() {
    let server = Server::start(&Fake::new()).await;
    let client = server.client().await;
    let mut orders = OrderServiceClient::new(client.channel());
    let mut shipments = ShipmentServiceClient::new(client.channel());
    let mut alerts = AlertServiceClient::new(client.channel());
    let mut screening = ScreeningServiceClient::new(client.channel());
    let long = wire::OrderKey { order_id: "x".repeat(257), line_no: 1 };
    let no_kind = wire::DocumentKey { document_number: "1".to_owned(), ..wire::DocumentKey::default() };
    let newer_kind = wire::DocumentKey { document_kind: 999, ..no_kind.clone() };
    let statuses = [
        (orders.get_order(client.request(wire::GetOrderRequest { key: None })).await.err(), "key"),
        (orders.get_order(client.request(wire::GetOrderRequest { key: Some(long) })).await.err(), "key.order_id"),
        (
            shipments.get_shipment(client.request(wire::GetShipmentRequest { key: Some(no_kind) })).await.err(),
            "key.document_kind",
        ),
        (
            shipments.get_shipment(client.request(wire::GetShipmentRequest { key: Some(newer_kind) })).await.err(),
            "key.document_kind",
        ),
        (
            alerts.get_alert(client.request(wire::GetAlertRequest { alert_id: "1e3".to_owned() })).await.err(),
            "alert_id",
        ),
        (
            alerts
                .list_alerts(client.request(wire::ListAlertsRequest { state: 999, ..Default::default() }))
                .await
                .err(),
            "state",
        ),
        (
            screening
                .list_findings(client.request(ListFindingsRequest { min_level: -1, ..Default::default() }))
                .await
                .err(),
            "min_level",
        ),
    ];
    for (status, field) in statuses {
        let status = status.unwrap();
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
}

#[tokio::test]
async fn alerts_are_listed_by_state() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..7 {
        engine.raise("alma", order_key(number));
    }
    let held: Vec<_> = engine.state().alerts.values().cloned().collect();
    assert_eq!(client.all_alerts().await.unwrap(), held);
    let request = wire::ListAlertsRequest { state: wire::AlertState::Closed.into(), ..Default::default() };
    let closed = AlertServiceClient::new(client.channel()).list_alerts(client.request(request)).await.unwrap();
    let ids: Vec<_> = closed.into_inner().alerts.into_iter().map(|alert| alert.alert_id).collect();
    assert_eq!(ids, ["3", "6"]);
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_but_health_still_answers() {
    let engine = Fake::new();
    let server = Server::start_with(&engine, ServeOptions { calls_max: 1, ..options() }).await;
    let client = server.client().await;
    let mut watch = client.watch(None);
    watch.next().await.unwrap();
    let status = OrderServiceClient::new(client.channel())
        .get_order(client.request(wire::GetOrderRequest { key: key(1) }))
        .await
        .unwrap_err();
    assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_CALLS"));
    assert!(status.get_details_retry_info().is_some());
    let mut health = tonic_health::pb::health_client::HealthClient::new(client.channel());
    assert!(health.check(tonic_health::pb::HealthCheckRequest::default()).await.is_ok());
}

#[tokio::test]
async fn faults_of_the_store_are_told_without_their_cause() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let cause = || "sector 7".to_owned();
    let cases = [
        (EngineError::Unavailable { cause: cause() }, Code::Unavailable, "STORE_UNAVAILABLE"),
        (EngineError::Full, Code::ResourceExhausted, "STORE_FULL"),
        (EngineError::Fault { cause: cause() }, Code::Internal, "INTERNAL"),
    ];
    for (stumble, code, reason) in cases {
        engine.state().stumble = Some(stumble);
        let error = client.finding(&order_key(1)).await.unwrap_err();
        let ClientError::Refused { code: told, reason: given, message } = error else { panic!("{error}") };
        assert_eq!((told, given.as_deref()), (code, Some(reason)));
        assert!(!message.contains("sector"), "{message}");
    }
}
