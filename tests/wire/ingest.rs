//! Taking records in: outcomes, bad records, bad batches, repetition, back-pressure.

use std::collections::BTreeMap;

use onward::api::wire::company_service_client::CompanyServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::shipment_service_client::ShipmentServiceClient;
use onward::api::wire::{self, BatchStatus, FaultReason, IngestOrdersRequest, IngestOrdersResponse, RecordStatus};
use onward::api::{
    BATCHES_PER_STREAM_MAX, Batch, Client, ClientError, CompanyName, EngineError, IngestSummary, RECORDS_PER_BATCH_MAX,
    RecordKind, ServeOptions,
};
use onward::model::Record;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::setup::{
    PATIENCE, Server, company, document_key, is, options, order, order_key, orders_batch, shipment, told,
};

/// An order line as any client would write it.
pub fn line(number: u32) -> wire::OrderLine {
    let party = wire::Party { name: "LLP Vymysel".to_owned(), country: "KZ".to_owned(), ..wire::Party::default() };
    wire::OrderLine {
        key: Some(wire::OrderKey { order_id: format!("W-{number}"), line_no: 0 }),
        order_date: "2024-01-31".to_owned(),
        buyer: Some(party),
        hs_code: "854231".to_owned(),
        quantity: "10.5".to_owned(),
        unit: "PCE".to_owned(),
        ..wire::OrderLine::default()
    }
}

pub fn request(request_id: &str, orders: Vec<wire::OrderLine>) -> IngestOrdersRequest {
    IngestOrdersRequest { request_id: request_id.to_owned(), orders }
}

/// A stream that the test feeds by hand.
pub struct ByHand {
    pub requests: mpsc::Sender<IngestOrdersRequest>,
    answers: Streaming<IngestOrdersResponse>,
}

impl ByHand {
    pub async fn open(client: &Client) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        let mut service = OrderServiceClient::new(client.channel());
        let answers = service.ingest_orders(client.request(ReceiverStream::new(receiver))).await.unwrap().into_inner();
        Self { requests, answers }
    }

    pub async fn send(&self, request: IngestOrdersRequest) {
        self.requests.send(request).await.unwrap();
    }

    pub async fn answer(&mut self) -> Result<IngestOrdersResponse, Status> {
        let answer = tokio::time::timeout(PATIENCE, self.answers.message()).await.unwrap();
        answer.map(|answer| answer.unwrap())
    }
}

async fn send_all(client: &Client, kind: RecordKind, batches: Vec<Batch>) -> Result<IngestSummary, ClientError> {
    let (sender, receiver) = mpsc::channel(4);
    let feeding = tokio::spawn(async move {
        for batch in batches {
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    });
    let summary = tokio::time::timeout(PATIENCE, client.ingest(kind, receiver, |_| ())).await.unwrap();
    feeding.await.unwrap();
    summary
}

#[tokio::test]
async fn records_of_all_kinds_go_in_and_come_back_as_they_were() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let batch = |name: &str, records: Vec<Record>| vec![Batch { request_id: name.to_owned(), records }];
    let orders = (0..5).map(|number| Record::Order(Box::new(order(number)))).collect();
    let shipments = (0..12).map(|number| Record::Shipment(Box::new(shipment(number)))).collect();
    let companies = (0..3).map(|number| Record::Company(Box::new(company(number)))).collect();
    for (kind, batches, count) in [
        (RecordKind::Orders, batch("o", orders), 5),
        (RecordKind::Shipments, batch("s", shipments), 12),
        (RecordKind::Companies, batch("c", companies), 3),
    ] {
        let summary = send_all(&client, kind, batches).await.unwrap();
        assert_eq!(summary, IngestSummary { batches: 1, stored: count, ..IngestSummary::default() }, "{kind:?}");
    }
    {
        let state = engine.state();
        for number in 0..5 {
            assert_eq!(state.orders[&("alma".to_owned(), order_key(number))], order(number));
        }
        for number in 0..12 {
            assert_eq!(state.shipments[&document_key(number)], shipment(number));
        }
        assert_eq!(state.companies[&CompanyName::of(&company(2))], company(2));
    }
    let key = wire::OrderKey { order_id: order_key(4).order_id, line_no: order_key(4).line_no };
    let answer = OrderServiceClient::new(client.channel())
        .get_order(client.request(wire::GetOrderRequest { key: Some(key.clone()) }))
        .await;
    let got = answer.unwrap().into_inner().order.unwrap();
    assert_eq!((got.key, got.quantity.as_str(), got.unit.as_str()), (Some(key), "621.5", "PCE"));
    assert_eq!((got.end_user, got.no_reexport_clause), (None, Some(true)));
    let listed = ShipmentServiceClient::new(client.channel())
        .list_shipments(client.request(wire::ListShipmentsRequest::default()))
        .await;
    assert_eq!(listed.unwrap().into_inner().shipments.len(), 12);
    let listed = CompanyServiceClient::new(client.channel())
        .list_companies(client.request(wire::ListCompaniesRequest::default()))
        .await;
    assert_eq!(listed.unwrap().into_inner().companies[0].owners, ["Петров П.", "Омаров О."]);
}

#[tokio::test]
async fn a_bad_record_is_its_own_outcome_and_the_stream_goes_on() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let mut stream = ByHand::open(&server.client().await).await;
    let mut bad = line(1);
    (bad.order_date, bad.quantity, bad.unit) = ("31.01.2024".to_owned(), "-3".to_owned(), "armfuls".to_owned());
    let mut without_buyer = line(2);
    without_buyer.buyer = None;
    let mut huge = line(3);
    huge.serial_numbers = vec!["x".repeat(60 * 1024); 4];
    stream.send(request("a", vec![line(0), bad, without_buyer, wire::OrderLine::default(), huge, line(5)])).await;
    let answer = stream.answer().await.unwrap();
    assert_eq!((answer.request_id.as_str(), answer.status()), ("a", BatchStatus::Done));
    let statuses: Vec<_> = answer.outcomes.iter().map(wire::RecordOutcome::status).collect();
    use RecordStatus::{Rejected, Stored};
    assert_eq!(statuses, [Stored, Rejected, Rejected, Rejected, Rejected, Stored]);
    let faults: BTreeMap<_, _> = answer.outcomes[1]
        .faults
        .iter()
        .map(|fault| (fault.field.as_str(), (fault.reason(), fault.value.as_str())))
        .collect();
    assert_eq!(faults["order_date"], (FaultReason::BadDate, "31.01.2024"));
    assert_eq!(faults["quantity"], (FaultReason::NegativeQuantity, "-3"));
    assert_eq!(faults["unit"], (FaultReason::UnknownUnit, "armfuls"));
    let missing =
        |index: usize| answer.outcomes[index].faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>();
    assert!(missing(2).contains(&"buyer_name") && missing(2).contains(&"buyer_country"), "{:?}", missing(2));
    assert!(missing(3).contains(&"order_id"), "{:?}", missing(3));
    assert_eq!(answer.outcomes[4].faults[0].reason(), FaultReason::FieldTooLong);
    // A batch of nothing but bad records does not reach the engine, and the stream still goes on.
    stream.send(request("b", vec![wire::OrderLine::default()])).await;
    assert_eq!(stream.answer().await.unwrap().outcomes[0].status(), Rejected);
    stream.send(request("c", vec![line(9)])).await;
    assert_eq!(stream.answer().await.unwrap().outcomes[0].status(), Stored);
    drop(stream.requests);
    assert!(stream.answers.message().await.unwrap().is_none());
    assert_eq!(engine.state().orders.len(), 3);
}

#[tokio::test]
async fn bad_batches_end_the_stream_with_the_field_that_is_wrong() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let too_many = || (0..=RECORDS_PER_BATCH_MAX as u32).map(line).collect::<Vec<_>>();
    let cases = [
        (request("a", too_many()), "BATCH_TOO_LARGE", "orders"),
        (request("a", Vec::new()), "INVALID_FIELD", "orders"),
        (request("", vec![line(1)]), "INVALID_FIELD", "request_id"),
        (request(&"a".repeat(129), vec![line(1)]), "INVALID_FIELD", "request_id"),
        (request("a\nb", vec![line(1)]), "INVALID_FIELD", "request_id"),
    ];
    for (bad, reason, field) in cases {
        let mut stream = ByHand::open(&client).await;
        engine.set_gate(false);
        stream.send(request("good", vec![line(77)])).await;
        stream.send(bad).await;
        engine.set_gate(true);
        // What was in flight is answered first.
        assert_eq!(stream.answer().await.unwrap().request_id, "good");
        let status = stream.answer().await.unwrap_err();
        assert_eq!(told(&status), is(Code::InvalidArgument, reason));
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
    let mut stream = ByHand::open(&client).await;
    let full = (0..RECORDS_PER_BATCH_MAX as u32).map(line).collect();
    stream.send(request("full", full)).await;
    assert_eq!(stream.answer().await.unwrap().outcomes.len(), RECORDS_PER_BATCH_MAX);
}

#[tokio::test]
async fn a_repeated_batch_gives_the_first_outcomes_and_a_reused_id_is_refused() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let mut stream = ByHand::open(&server.client().await).await;
    let mut other = line(1);
    other.quantity = "11".to_owned();
    let cases = [
        ("a", vec![line(0), line(1)], vec![RecordStatus::Stored, RecordStatus::Stored]),
        ("a", vec![line(0), line(1)], vec![RecordStatus::Stored, RecordStatus::Stored]),
        ("b", vec![line(0), other], vec![RecordStatus::Unchanged, RecordStatus::Conflict]),
    ];
    for (id, orders, expected) in cases {
        stream.send(request(id, orders)).await;
        let answer = stream.answer().await.unwrap();
        let statuses: Vec<_> = answer.outcomes.iter().map(wire::RecordOutcome::status).collect();
        assert_eq!((answer.status(), statuses), (BatchStatus::Done, expected));
    }
    stream.send(request("a", vec![line(2)])).await;
    let answer = stream.answer().await.unwrap();
    assert_eq!((answer.status(), answer.reason()), (BatchStatus::Refused, wire::ErrorReason::RequestIdReused));
    assert!(answer.outcomes.is_empty());
    assert_eq!(engine.state().orders.len(), 2);
}

#[tokio::test]
async fn a_busy_service_says_slow_down_at_once_and_loses_nothing() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let mut stream = ByHand::open(&server.client().await).await;
    engine.set_gate(false);
    let extra = 5;
    for number in 0..(BATCHES_PER_STREAM_MAX + extra) as u32 {
        stream.send(request(&format!("r{number}"), vec![line(number)])).await;
    }
    // Nothing can be stored, so these can only be those beyond the limit.
    for _ in 0..extra {
        let answer = stream.answer().await.unwrap();
        assert_eq!(answer.status(), BatchStatus::SlowDown);
        assert!(answer.retry_after_millis > 0 && answer.outcomes.is_empty());
    }
    engine.set_gate(true);
    for _ in 0..BATCHES_PER_STREAM_MAX {
        assert_eq!(stream.answer().await.unwrap().status(), BatchStatus::Done);
    }
    assert_eq!(engine.state().orders.len(), BATCHES_PER_STREAM_MAX);
}

#[tokio::test]
async fn the_client_slows_down_and_gets_everything_in() {
    let engine = Fake::new();
    let server = Server::start_with(&engine, ServeOptions { batches_max: 1, ..options() }).await;
    let client = server.client().await;
    engine.set_gate(false);
    let opener = engine.clone();
    let mut beside = ByHand::open(&client).await;
    let opening = tokio::spawn(async move {
        opener.accepts_begun(1).await;
        // Nobody gets a place meanwhile, and those who stand in line are turned away in the order of coming.
        for times in 0..4 {
            beside.send(request("beside", vec![line(1_000)])).await;
            assert_eq!(beside.answer().await.unwrap().status(), BatchStatus::SlowDown, "the {times}. time");
        }
        opener.set_gate(true);
    });
    let batches = (0..40).map(|number| orders_batch(&format!("r{number}"), number * 10..number * 10 + 10)).collect();
    let summary = send_all(&client, RecordKind::Orders, batches).await.unwrap();
    opening.await.unwrap();
    assert_eq!((summary.batches, summary.stored, summary.reopened), (40, 400, 0));
    assert!(summary.slowed_down > 0, "{summary:?}");
    assert_eq!(engine.state().orders.len(), 400);
}

#[tokio::test]
async fn the_client_repeats_what_a_stopped_server_left_unanswered() {
    let engine = Fake::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut first = Server::start_on(listener, &engine, options());
    let client = first.client().await;
    engine.set_gate(false);
    let batches = (0..12).map(|number| orders_batch(&format!("r{number}"), number * 5..number * 5 + 5)).collect();
    let sending = tokio::spawn(async move { send_all(&client, RecordKind::Orders, batches).await });
    engine.accepts_begun(4).await;
    // Stops with batches in flight that the engine does not finish in time.
    first.stop();
    first.stopped().await;
    engine.set_gate(true);
    let second = Server::start_on(TcpListener::bind(address).await.unwrap(), &engine, options());
    let summary = sending.await.unwrap().unwrap();
    assert_eq!((summary.batches, summary.stored + summary.unchanged), (12, 60));
    assert!(summary.reopened >= 1, "{summary:?}");
    assert_eq!(engine.state().orders.len(), 60);
    drop(second);
}

#[tokio::test]
async fn a_failing_store_ends_the_stream_and_the_client_says_why() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let cause = || "sector 7".to_owned();
    for (stumble, reason) in [(EngineError::Full, "STORE_FULL"), (EngineError::Fault { cause: cause() }, "INTERNAL")] {
        engine.state().stumble = Some(stumble);
        let error = send_all(&client, RecordKind::Orders, vec![orders_batch("r", 0..1)]).await.unwrap_err();
        let ClientError::Refused { reason: told, message, .. } = error else { panic!("{error}") };
        assert_eq!(told.as_deref(), Some(reason));
        assert!(!message.contains("sector"), "{message}");
    }
    engine.state().stumble = Some(EngineError::Unavailable { cause: cause() });
    let mut stream = ByHand::open(&client).await;
    stream.send(request("a", vec![line(1)])).await;
    let status = stream.answer().await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unavailable, "STORE_UNAVAILABLE"));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn wrong_batches_are_not_sent_at_all() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let of_other_kind = Batch { request_id: "a".to_owned(), records: vec![Record::Company(Box::new(company(1)))] };
    let empty = Batch { request_id: "b".to_owned(), records: Vec::new() };
    for batch in [of_other_kind, empty, orders_batch("c", 0..1_001)] {
        let error = send_all(&client, RecordKind::Orders, vec![batch]).await.unwrap_err();
        assert!(matches!(error, ClientError::BadBatch(_)), "{error}");
    }
    assert_eq!(engine.state().orders.len(), 0);
}

#[tokio::test]
async fn batches_may_be_compressed_but_no_bomb_goes_off() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let mut service = OrderServiceClient::new(client.channel())
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let good = tokio_stream::iter([request("a", (0..100).map(line).collect())]);
    let mut answers = service.ingest_orders(client.request(good)).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().outcomes.len(), 100);
    let mut bomb = line(1);
    bomb.description = " ".repeat(30 * 1024 * 1024);
    let bombs = tokio_stream::iter([request("b", vec![bomb])]);
    let answers = service.ingest_orders(client.request(bombs)).await;
    let status = match answers {
        Ok(answers) => answers.into_inner().message().await.unwrap_err(),
        Err(status) => status,
    };
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted | Code::Internal), "{status}");
    assert_eq!(engine.state().orders.len(), 100);
}
