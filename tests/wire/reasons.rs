//! Every reason of the contract, provoked: a reason that nothing can give, or that is given in another way than its
//! comment says, is no contract.
//!
//! Come here when a reason is added: the match in [`provoke`] does not compile without it.

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::audit_service_client::AuditServiceClient;
use onward::api::wire::company_service_client::CompanyServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::shipment_service_client::ShipmentServiceClient;
use onward::api::wire::{self, DESCRIPTOR_SET, ErrorReason};
use onward::api::{Client, EngineError, ServeOptions, TENANT_METADATA, reason_word};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::house::{House, client, key_of, principal};
use crate::setup::{Server, document_key, options, order_key, told};
use crate::{jobs, overload, prospects, reviewing};

/// How a reason comes to the client.
enum Told {
    /// As the end of a call.
    By(Box<Status>),
    /// Inside an answer, which has a test of its own.
    InAnAnswer,
    /// Only after a wait that has a test of its own, beside the code that waits.
    AfterAWait,
}

async fn open_server(engine: &Fake) -> (Server, Client) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    (server, client)
}

async fn get_order(client: &Client, key: Option<wire::OrderKey>) -> Status {
    let request = client.request(wire::GetOrderRequest { key });
    OrderServiceClient::new(client.channel()).get_order(request).await.unwrap_err()
}

fn some_order() -> Option<wire::OrderKey> {
    let key = order_key(1);
    Some(wire::OrderKey { order_id: key.order_id, line_no: key.line_no })
}

async fn stumbling(stumble: EngineError) -> Status {
    let engine = Fake::new();
    engine.state().stumble = Some(stumble);
    let (_server, client) = open_server(&engine).await;
    get_order(&client, some_order()).await
}

async fn crowded(options: ServeOptions) -> Status {
    let engine = Fake::new();
    let server = Server::start_with(&engine, options).await;
    let client = server.client().await;
    let mut alerts = AlertServiceClient::new(client.channel());
    let _first = alerts.watch_alerts(client.request(wire::WatchAlertsRequest::default())).await.unwrap();
    alerts.watch_alerts(client.request(wire::WatchAlertsRequest::default())).await.unwrap_err()
}

async fn guarded(role: &str, change: impl FnOnce(&mut Request<wire::GetOrderRequest>)) -> Status {
    let house = House::new(&[principal("desk", "alma", role)]);
    let server = house.serve(&Fake::new(), house.options()).await;
    let client = client(&server, "desk").await;
    let mut request = client.request(wire::GetOrderRequest { key: some_order() });
    change(&mut request);
    OrderServiceClient::new(client.channel()).get_order(request).await.unwrap_err()
}

async fn watch(cursor: &str) -> Status {
    let (_server, client) = open_server(&Fake::new()).await;
    let request = client.request(wire::WatchAlertsRequest { cursor: cursor.to_owned(), ..Default::default() });
    AlertServiceClient::new(client.channel()).watch_alerts(request).await.unwrap_err()
}

/// Comes back when the events after its cursor have gone.
async fn too_old() -> Status {
    let engine = Fake::new();
    for number in 1..=3 {
        engine.raise("alma", order_key(number));
    }
    engine.state().events.values_mut().for_each(|events| drop(events.drain(..2)));
    let (_server, client) = open_server(&engine).await;
    let request = wire::WatchAlertsRequest { cursor: "store-a/alma/0".to_owned(), ..Default::default() };
    AlertServiceClient::new(client.channel()).watch_alerts(client.request(request)).await.unwrap_err()
}

async fn too_large_a_batch() -> Status {
    let (_server, client) = open_server(&Fake::new()).await;
    let orders = vec![wire::OrderLine::default(); onward::api::RECORDS_PER_BATCH_MAX + 1];
    let batch = wire::IngestOrdersRequest { request_id: "a".to_owned(), orders };
    let request = client.request(tokio_stream::iter([batch]));
    let mut answers = OrderServiceClient::new(client.channel()).ingest_orders(request).await.unwrap().into_inner();
    answers.message().await.unwrap_err()
}

/// A call that never ends, and what ends it: its deadline, or the server when there is none.
async fn endless(deadline: Option<std::time::Duration>) -> Status {
    let engine = Fake::new();
    let (mut server, client) = open_server(&engine).await;
    let mut request = client.request(wire::WatchAlertsRequest::default());
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let mut stream = AlertServiceClient::new(client.channel()).watch_alerts(request).await.unwrap().into_inner();
    if deadline.is_none() {
        server.stop();
    }
    loop {
        if let Err(status) = stream.message().await {
            return status;
        }
    }
}

/// Asks for something that is not there.
async fn not_found(reason: ErrorReason, client: &Client) -> Status {
    match reason {
        ErrorReason::OrderNotFound => get_order(client, some_order()).await,
        ErrorReason::ShipmentNotFound => {
            let key = document_key(1);

            let key = wire::DocumentKey {
                document_kind: wire::DocumentKind::Cmr.into(),
                document_number: key.number,
                line_no: key.line_no,
                feed: key.feed,
            };
            let request = client.request(wire::GetShipmentRequest { key: Some(key) });
            ShipmentServiceClient::new(client.channel()).get_shipment(request).await.unwrap_err()
        }
        ErrorReason::CompanyNotFound => {
            let key = wire::CompanyKey { identifier: "180640012345".to_owned(), country: "KZ".to_owned() };
            let request = client.request(wire::GetCompanyRequest { key: Some(key) });
            CompanyServiceClient::new(client.channel()).get_company(request).await.unwrap_err()
        }
        ErrorReason::FindingNotFound => {
            let request = client.request(wire::GetFindingRequest { order: some_order() });
            ScreeningServiceClient::new(client.channel()).get_finding(request).await.unwrap_err()
        }
        ErrorReason::AlertNotFound => {
            let request = client.request(wire::GetAlertRequest { alert_id: "999999".to_owned() });
            AlertServiceClient::new(client.channel()).get_alert(request).await.unwrap_err()
        }
        ErrorReason::AuditEntryNotFound => {
            let request = client.request(wire::GetProofRequest { sequence: 999_999, tree_size: 0 });
            AuditServiceClient::new(client.channel()).get_proof(request).await.unwrap_err()
        }
        other => panic!("{other:?} is not about something that is not there"),
    }
}

/// Asks a server for more than it has places for.
async fn too_many(reason: ErrorReason) -> Status {
    match reason {
        ErrorReason::TooManyCalls => crowded(ServeOptions { calls_max: 1, ..options() }).await,
        ErrorReason::TooManyWatches => crowded(ServeOptions { watches_max: 1, ..options() }).await,
        ErrorReason::TooManyBatches => overload::goes_on_regardless().await,
        other => panic!("{other:?} is not about too much of something"),
    }
}

async fn provoke(reason: ErrorReason) -> Told {
    let (_server, client) = open_server(&Fake::new()).await;
    let channel = client.channel();
    let cause = || "sector 7".to_owned();
    let status = match reason {
        ErrorReason::Unspecified | ErrorReason::RequestIdReused => return Told::InAnAnswer,
        ErrorReason::OutcomesNotRead => return Told::AfterAWait,
        ErrorReason::InvalidField => get_order(&client, None).await,
        ErrorReason::BatchTooLarge => too_large_a_batch().await,
        ErrorReason::PageTokenInvalid => {
            let request = wire::ListOrdersRequest { page_token: "ab".to_owned(), page_size: 0 };
            OrderServiceClient::new(channel).list_orders(client.request(request)).await.unwrap_err()
        }
        ErrorReason::CursorMalformed => watch("nonsense").await,
        ErrorReason::CursorOfOtherStore => watch("store-b/alma/0").await,
        ErrorReason::CursorAhead => watch("store-a/alma/7").await,
        ErrorReason::TenantInvalid => {
            let mut request = Request::new(wire::GetOrderRequest { key: some_order() });
            request.metadata_mut().insert(TENANT_METADATA, MetadataValue::from_static("No Name"));
            OrderServiceClient::new(channel).get_order(request).await.unwrap_err()
        }
        ErrorReason::OrderNotFound
        | ErrorReason::ShipmentNotFound
        | ErrorReason::CompanyNotFound
        | ErrorReason::FindingNotFound
        | ErrorReason::AlertNotFound
        | ErrorReason::AuditEntryNotFound => not_found(reason, &client).await,
        ErrorReason::NotImplemented => {
            let mut grpc = tonic::client::Grpc::new(channel);
            grpc.ready().await.unwrap();
            let request = client.request(wire::GetOrderRequest::default());
            let path = "/onward.v1.OrderService/DeleteOrder".parse().unwrap();
            let codec = tonic_prost::ProstCodec::<_, wire::GetOrderResponse>::default();
            grpc.unary(request, path, codec).await.unwrap_err()
        }
        ErrorReason::TooManyCalls | ErrorReason::TooManyBatches | ErrorReason::TooManyWatches => too_many(reason).await,
        ErrorReason::DeadlinePassed => endless(Some(std::time::Duration::from_millis(200))).await,
        ErrorReason::ShuttingDown => endless(None).await,
        ErrorReason::StoreUnavailable => stumbling(EngineError::Unavailable { cause: cause() }).await,
        ErrorReason::StoreFull => stumbling(EngineError::Full).await,
        ErrorReason::Internal => stumbling(EngineError::Fault { cause: cause() }).await,
        ErrorReason::CredentialMissing => {
            guarded(r#""analyst""#, |request| drop(request.metadata_mut().remove("authorization"))).await
        }
        ErrorReason::CredentialRefused => {
            let other = format!("Bearer {}", key_of("nobody"));
            guarded(r#""analyst""#, move |request| {
                request.metadata_mut().insert("authorization", MetadataValue::try_from(other).unwrap());
            })
            .await
        }
        ErrorReason::RoleMissing => guarded(r#""ingest""#, |_| {}).await,
        ErrorReason::AlertChanged
        | ErrorReason::TransitionNotAllowed
        | ErrorReason::SecondPersonNeeded
        | ErrorReason::SubscriptionNotFound
        | ErrorReason::TooManySubscriptions => reviewing::refused(reason).await,
        ErrorReason::JobNotFound | ErrorReason::TooManyJobs => jobs::refused(reason).await,
        ErrorReason::CursorTooOld => too_old().await,
        ErrorReason::ScreeningNotReady | ErrorReason::OrderConflict => prospects::refused(reason).await,
        ErrorReason::TenantNotYours => {
            guarded(r#""analyst""#, |request| {
                request.metadata_mut().insert(TENANT_METADATA, MetadataValue::from_static("birch"));
            })
            .await
        }
    };
    Told::By(Box::new(status))
}

/// Name, code and whether `RetryInfo` comes along, as the comments of the enum say.
fn promised() -> Vec<(String, i32, String)> {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    let file = set.file.iter().find(|file| file.name() == "onward/v1/error_reason.proto").unwrap();
    let info = file.source_code_info.as_ref().unwrap();
    let values = (0..).zip(&file.enum_type[0].value);
    values
        .map(|(index, value): (i32, _)| {
            let place = info.location.iter().find(|place| place.path == [5, 0, 2, index]).unwrap();
            (value.name().to_owned(), value.number(), place.leading_comments().trim_start().replace("\n ", " "))
        })
        .collect()
}

/// The code as a comment begins with it.
fn code_word(code: Code) -> String {
    let name = format!("{code:?}");
    let words = name.char_indices().map(|(index, letter)| match letter.is_uppercase() && index > 0 {
        true => format!("_{letter}"),
        false => letter.to_ascii_uppercase().to_string(),
    });
    words.collect::<String>().to_uppercase()
}

#[tokio::test]
async fn every_reason_is_given_as_its_comment_says() {
    let mut count = 0;
    for (name, number, comment) in promised() {
        let reason = ErrorReason::try_from(number).unwrap();
        assert!(reason == ErrorReason::Unspecified || comment.contains("Example:"), "{name} shows no example");
        let Told::By(status) = provoke(reason).await else { continue };
        let (code, given) = told(&status);
        assert_eq!(given, reason_word(reason), "{status}");
        assert!(comment.starts_with(&format!("{}: ", code_word(code))), "{name}: {code:?}, but {comment:?}");
        let has_retry_info = status.get_details_retry_info().is_some();
        assert_eq!(has_retry_info, comment.contains("`RetryInfo` says"), "{name}: RetryInfo");
        let has_violations = status.get_details_bad_request().is_some_and(|bad| !bad.field_violations.is_empty());
        assert_eq!(has_violations, code == Code::InvalidArgument, "{name}: BadRequest");
        assert!(!format!("{status:?}").contains("sector"), "{name} tells its cause");
        count += 1;
    }
    assert!(count > 20, "only {count} reasons were provoked");
}
