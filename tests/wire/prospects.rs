//! Screening an order before it ships, over the wire: the answer, storing by the same call, and what is refused.

use onward::api::EngineError;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::{self, RecommendedAction, RecordStatus, ScreenOrderRequest};
use onward::model::{Level, OrderLine};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::setup::{Server, finding, is, order, told};

pub fn on_wire(line: &OrderLine) -> wire::OrderLine {
    let party = |party: &onward::model::Party| {
        Some(wire::Party {
            name: party.name.clone(),
            identifier: party.identifier.clone(),
            country: party.country.map(|country| country.to_string()).unwrap_or_default(),
            ..wire::Party::default()
        })
    };
    wire::OrderLine {
        key: Some(wire::OrderKey { order_id: line.key.order_id.clone(), line_no: line.key.line_no }),
        order_date: line.order_date.to_string(),
        buyer: party(&line.buyer),
        description: line.description.clone(),
        quantity: line.quantity.to_string(),
        unit: line.unit.code().to_owned(),
        ..wire::OrderLine::default()
    }
}

async fn screen(server: &Server, request: ScreenOrderRequest) -> Result<wire::ScreenOrderResponse, Status> {
    let client = server.client().await;
    let mut screening = ScreeningServiceClient::new(client.channel());
    Ok(screening.screen_order(client.request(request)).await?.into_inner())
}

fn asked(line: &OrderLine) -> ScreenOrderRequest {
    ScreenOrderRequest { order: Some(on_wire(line)), ..ScreenOrderRequest::default() }
}

/// Screens what is refused for this reason.
pub async fn refused(reason: wire::ErrorReason) -> Status {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    if reason == wire::ErrorReason::OrderConflict {
        engine.put_finding(finding("alma", 3));
        let storing = ScreenOrderRequest { store: true, request_id: "r1".to_owned(), ..asked(&order(3)) };
        screen(&server, storing).await.unwrap();
    }
    let mut other = order(3);
    other.description.push_str(", spare");
    // The fake takes up nothing by itself, so that without a finding it is not ready.
    screen(&server, asked(&other)).await.unwrap_err()
}

#[tokio::test]
async fn an_order_is_screened_and_stored_only_when_asked_to() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    engine.put_finding(finding("alma", 3));
    let answer = screen(&server, asked(&order(3))).await.unwrap();
    assert_eq!((answer.action(), answer.stored), (RecommendedAction::Hold, None));
    assert_eq!((answer.reasons.len(), answer.reasons[0].weight_millibits), (1, -1_200));
    assert!(answer.finding.is_some() && engine.state().orders.is_empty());
    let storing = || ScreenOrderRequest { store: true, request_id: "r1".to_owned(), ..asked(&order(3)) };
    for _ in 0..2 {
        let stored = screen(&server, storing()).await.unwrap().stored.unwrap();
        assert_eq!(stored.status(), RecordStatus::Stored, "the same request gets the same answer");
    }
    assert_eq!(engine.state().orders.len(), 1);
    let again = ScreenOrderRequest { request_id: "r2".to_owned(), ..storing() };
    assert_eq!(screen(&server, again).await.unwrap().stored.unwrap().status(), RecordStatus::Unchanged);
    // The client of this library understands the answer whole.
    let mut calm = finding("alma", 5);
    calm.level = Level::Low;
    engine.put_finding(calm.clone());
    let advice = server.client().await.screen(&order(5)).await.unwrap();
    assert_eq!((advice.action, advice.finding), (onward::model::RecommendedAction::Release, calm));
}

#[tokio::test]
async fn what_cannot_be_screened_is_told_by_reason_and_field() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let status = screen(&server, ScreenOrderRequest::default()).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
    let mut bad = asked(&order(3));
    let line = bad.order.as_mut().unwrap();
    (line.quantity, line.order_date) = ("-3".to_owned(), "yesterday".to_owned());
    let status = screen(&server, bad).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let mut fields: Vec<_> = violations.into_iter().map(|violation| violation.field).collect();
    fields.sort();
    assert_eq!(fields, ["order.order_date", "order.quantity"]);
    for request_id in [String::new(), "x".repeat(129)] {
        let nameless = ScreenOrderRequest { store: true, request_id, ..asked(&order(3)) };
        let status = screen(&server, nameless).await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "request_id");
    }
    // The fake takes up nothing by itself.
    let status = screen(&server, asked(&order(3))).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unavailable, "SCREENING_NOT_READY"));
    assert!(status.get_details_retry_info().is_some());
    engine.put_finding(finding("alma", 3));
    screen(&server, ScreenOrderRequest { store: true, request_id: "r1".to_owned(), ..asked(&order(3)) }).await.unwrap();
    let mut other = order(3);
    other.description.push_str(", spare");
    let status = screen(&server, asked(&other)).await.unwrap_err();
    assert_eq!(told(&status), is(Code::AlreadyExists, "ORDER_CONFLICT"));
    engine.state().stumble = Some(EngineError::Fault { cause: "sector 7".to_owned() });
    let status = screen(&server, asked(&order(3))).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Internal, "INTERNAL"));
}
