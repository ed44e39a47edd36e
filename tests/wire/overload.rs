//! More than the service can do: who is refused, with what hint, who is not, and that nothing is lost by it.
//!
//! Come here for what a flood of one tenant does to another. The engine is held still, so that everything that is taken
//! on stays; how fast any of it is, is measured by `benches/ingest_load`.

use std::collections::BTreeSet;

use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::{self, BatchStatus, RecordStatus, ScreenOrderRequest};
use onward::api::{Client, ServeOptions};
use onward::model::Level;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::ingest::{ByHand, line, request};
use crate::prospects::on_wire;
use crate::setup::{PATIENCE, Server, finding, is, options, order, order_key, told};

/// Of eight places one tenant has six.
const PLACES: usize = 8;
const OF_ONE_TENANT: usize = 6;
/// Batches that may be turned away without coming again.
const TURNED_AWAY_MAX: u32 = 32;

async fn screen(client: Client) -> Result<wire::ScreenOrderResponse, Status> {
    let request = ScreenOrderRequest { order: Some(on_wire(&order(3))), ..ScreenOrderRequest::default() };
    Ok(ScreeningServiceClient::new(client.channel()).screen_order(client.request(request)).await?.into_inner())
}

/// Lets what is screened go on however a test ends: else its threads would keep it from ending.
struct LetGo<'e>(&'e Fake);

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        self.0.hold_screening(false);
    }
}

async fn next<T: 'static>(calls: &mut JoinSet<T>) -> T {
    tokio::time::timeout(PATIENCE, calls.join_next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_a_tenants_share_are_refused_and_those_of_another_are_not() {
    let engine = Fake::new();
    for tenant in ["alma", "birch"] {
        engine.put_finding(onward::model::Finding { level: Level::High, ..finding(tenant, 3) });
    }
    let server = Server::start_with(&engine, ServeOptions { requests_max: PLACES, ..options() }).await;
    let (alma, birch) = (server.client_of("alma").await, server.client_of("birch").await);
    engine.hold_screening(true);
    let let_go = LetGo(&engine);
    let mut flood = JoinSet::new();
    (0..OF_ONE_TENANT + 5).for_each(|_| drop(flood.spawn(screen(alma.clone()))));
    // Nothing can be judged, so these can only be those beyond the limit.
    for _ in 0..5 {
        let status = next(&mut flood).await.unwrap_err();
        assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_CALLS"));
        assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    }
    let refused = alma.finding(&order_key(3)).await.unwrap_err();
    assert!(refused.to_string().contains("TOO_MANY_CALLS"), "what may wait is counted, whatever it is: {refused}");
    // What another tenant asks for is answered, and what it wants judged waits for no more than its turn.
    assert!(birch.finding(&order_key(3)).await.unwrap().is_some());
    let mut others = JoinSet::new();
    others.spawn(screen(birch.clone()));
    drop(let_go);
    assert!(next(&mut others).await.is_ok());
    for _ in 0..OF_ONE_TENANT {
        assert!(next(&mut flood).await.is_ok(), "what was taken on is done");
    }
    assert!(screen(alma).await.is_ok(), "afterwards everything is taken again");
}

#[tokio::test]
async fn open_calls_and_watches_are_shared_too() {
    let engine = Fake::new();
    let limits = ServeOptions { calls_max: PLACES, watches_max: PLACES, ..options() };
    for (limits, reason) in [
        (ServeOptions { watches_max: 1_000, ..limits.clone() }, "TOO_MANY_CALLS"),
        (ServeOptions { calls_max: 1_000, ..limits }, "TOO_MANY_WATCHES"),
    ] {
        let server = Server::start_with(&engine, limits).await;
        let (alma, birch) = (server.client_of("alma").await, server.client_of("birch").await);
        let mut watches = Vec::new();
        for _ in 0..OF_ONE_TENANT {
            let mut watch = alma.watch(None);
            watch.next().await.unwrap();
            watches.push(watch);
        }
        let request = alma.request(wire::WatchAlertsRequest::default());
        let mut alerts = wire::alert_service_client::AlertServiceClient::new(alma.channel());
        let status = alerts.watch_alerts(request).await.unwrap_err();
        assert_eq!(told(&status), is(Code::ResourceExhausted, reason));
        assert!(status.get_details_retry_info().is_some());
        birch.watch(None).next().await.unwrap();
    }
}

#[tokio::test]
async fn batches_beyond_a_tenants_share_come_later_and_everything_acknowledged_is_stored_once() {
    let engine = Fake::new();
    let server = Server::start_with(&engine, ServeOptions { batches_max: PLACES, ..options() }).await;
    let (alma, birch) = (server.client_of("alma").await, server.client_of("birch").await);
    engine.set_gate(false);
    let mut flood = ByHand::open(&alma).await;
    let batch = |number: u32| request(&format!("r{number}"), vec![line(number)]);
    let (taken, extra) = (OF_ONE_TENANT as u32, 3);
    for number in 0..taken + extra {
        flood.send(batch(number)).await;
    }
    let mut later = BTreeSet::new();
    for _ in 0..extra {
        let answer = flood.answer().await.unwrap();
        assert_eq!(answer.status(), BatchStatus::SlowDown);
        assert!(answer.retry_after_millis > 0);
        later.insert(answer.request_id);
    }
    let mut other = ByHand::open(&birch).await;
    other.send(batch(900)).await;
    engine.accepts_begun(OF_ONE_TENANT + 1).await;
    // Whoever goes on regardless ends its own stream, and no other one.
    let status = regardless(&alma).await;
    assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_BATCHES"));
    assert!(status.get_details_retry_info().is_some());
    engine.set_gate(true);
    assert_eq!(other.answer().await.unwrap().status(), BatchStatus::Done);
    let mut done = BTreeSet::new();
    for number in 0..taken + extra {
        if done.len() as u32 == taken {
            for id in &later {
                flood.send(batch(id[1..].parse().unwrap())).await;
            }
        }
        let answer = flood.answer().await.unwrap();
        assert_eq!(
            (answer.status(), answer.outcomes[0].status()),
            (BatchStatus::Done, RecordStatus::Stored),
            "{number}"
        );
        done.insert(answer.request_id);
    }
    assert_eq!(done.len() as u32, taken + extra);
    let stored = engine.state().orders.keys().filter(|(tenant, _)| tenant == "alma").count();
    assert_eq!(stored as u32, taken + extra, "all that was acknowledged and nothing else");
    let answer =
        OrderServiceClient::new(alma.channel()).list_orders(alma.request(wire::ListOrdersRequest::default())).await;
    assert_eq!(answer.unwrap().into_inner().orders.len() as u32, taken + extra);
}

/// Sends one batch after the other whatever is answered; what that comes to.
async fn regardless(client: &Client) -> Status {
    let mut stream = ByHand::open(client).await;
    for number in 0..=TURNED_AWAY_MAX {
        stream.send(request(&format!("regardless-{number}"), vec![line(1_000 + number)])).await;
    }
    let mut told_off = 0;
    loop {
        match stream.answer().await {
            Ok(answer) => {
                assert_eq!(answer.status(), BatchStatus::SlowDown);
                told_off += 1;
            }
            Err(status) => {
                assert_eq!(told_off, TURNED_AWAY_MAX);
                return status;
            }
        }
    }
}

/// Goes on sending to a server that has its hands full.
pub async fn goes_on_regardless() -> Status {
    let engine = Fake::new();
    let server = Server::start_with(&engine, ServeOptions { batches_max: 1, ..options() }).await;
    let client = server.client().await;
    engine.set_gate(false);
    let first = ByHand::open(&client).await;
    first.send(request("first", vec![line(1)])).await;
    engine.accepts_begun(1).await;
    let status = regardless(&client).await;
    engine.set_gate(true);
    status
}
