//! Stopping: everything that is open ends well, and the server ends whatever is open; and what health says meanwhile.

use onward::api::SERVICES;
use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::watch_alerts_response::Content;
use onward::api::wire::{IngestOrdersRequest, WaitUntilScreenedRequest, WatchAlertsRequest};
use onward::model::StoreCondition;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::fake::Fake;
use crate::setup::{PATIENCE, Server, is, order_key, told};

#[tokio::test]
async fn open_streams_end_with_everything_needed_to_come_back() {
    let engine = Fake::new();
    let mut server = Server::start(&engine).await;
    let client = server.client().await;
    let mut alerts = AlertServiceClient::new(client.channel());
    let mut watch = alerts.watch_alerts(client.request(WatchAlertsRequest::default())).await.unwrap().into_inner();
    watch.message().await.unwrap();
    engine.raise("alma", order_key(1));
    assert_eq!(watch.message().await.unwrap().unwrap().cursor, "store-a/alma/1");
    let mut health = HealthClient::new(client.channel());
    let service = SERVICES[0].to_owned();
    let mut health = health.watch(HealthCheckRequest { service }).await.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status, 1);
    let (requests, receiver) = mpsc::channel::<IngestOrdersRequest>(1);
    let mut orders = OrderServiceClient::new(client.channel());
    let mut ingest = orders.ingest_orders(client.request(ReceiverStream::new(receiver))).await.unwrap().into_inner();

    server.stop();
    let last = watch.message().await.unwrap().unwrap();
    assert!(matches!(last.content, Some(Content::Checkpoint(_))));
    assert_eq!(last.cursor, "store-a/alma/1");
    assert_eq!(told(&watch.message().await.unwrap_err()), is(Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(told(&ingest.message().await.unwrap_err()), is(Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(health.message().await.unwrap().unwrap().status, 2, "health must say that it no longer serves");
    assert_eq!(told(&health.message().await.unwrap_err()), is(Code::Unavailable, "SHUTTING_DOWN"));
    drop(requests);
    server.stopped().await;
}

#[tokio::test]
async fn calls_and_connections_that_never_end_are_ended() {
    let engine = Fake::new();
    let mut server = Server::start(&engine).await;
    let client = server.client().await;
    engine.set_settled(false);
    let (started, mut begun) = mpsc::channel::<()>(1);
    let stuck = tokio::spawn({
        let client = client.clone();
        async move {
            let mut screening = ScreeningServiceClient::new(client.channel());
            // Answered, so the connection is there and the next call is on its way.
            screening.list_findings(client.request(Default::default())).await.unwrap();
            drop(started);
            screening.wait_until_screened(client.request(WaitUntilScreenedRequest {})).await.unwrap_err()
        }
    });
    assert!(begun.recv().await.is_none());
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // A reader that takes nothing, with more to send than all windows hold.
    for number in 0..2_000 {
        engine.raise("alma", order_key(number));
    }
    let mut alerts = AlertServiceClient::new(client.channel());
    let frozen = alerts.watch_alerts(client.request(WatchAlertsRequest::default())).await.unwrap();
    server.stop();
    server.stopped().await;
    let status = stuck.await.unwrap();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let mut rest = Vec::new();
    // The system may say "reset" instead of "end".
    let _ = silent.read_to_end(&mut rest).await;
    drop(frozen);
}

#[tokio::test]
async fn while_nothing_can_be_stored_health_says_so_of_those_who_store() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let mut health = HealthClient::new(server.client().await.channel());
    let watched = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let mut orders = health.watch(watched("onward.v1.OrderService")).await.unwrap().into_inner();
    assert_eq!(orders.message().await.unwrap().unwrap().status, 1);
    for (condition, status) in [(StoreCondition::Full, 2), (StoreCondition::Writable, 1), (StoreCondition::Broken, 2)] {
        engine.set_condition(condition);
        let told = tokio::time::timeout(PATIENCE, orders.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(told.status, status, "{condition:?}");
        for reading in ["", "onward.v1.AlertService", "onward.v1.ScreeningService"] {
            assert_eq!(health.check(watched(reading)).await.unwrap().into_inner().status, 1, "{reading}");
        }
    }
}
