//! Following alerts: order, no gap, resuming, checkpoints, cursors that lead nowhere.

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::watch_alerts_response::Content;
use onward::api::wire::{WatchAlertsRequest, WatchAlertsResponse};
use onward::api::{Client, EngineError, ServeOptions};
use prost_types::Duration;
use tokio::net::TcpListener;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::setup::{Server, in_time, is, options, order_key, told};

async fn open(client: &Client, cursor: &str) -> Result<Streaming<WatchAlertsResponse>, Status> {
    let checkpoint_interval = Some(Duration { seconds: 1, nanos: 0 });
    let request = client.request(WatchAlertsRequest {
        cursor: cursor.to_owned(),
        checkpoint_interval,
        ..WatchAlertsRequest::default()
    });
    Ok(AlertServiceClient::new(client.channel()).watch_alerts(request).await?.into_inner())
}

#[tokio::test]
async fn a_watch_resumes_anywhere_without_gap_or_repetition() {
    const EVENTS: u64 = 300;
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let writer = engine.clone();
    let writing = tokio::spawn(async move {
        for number in 0..EVENTS {
            writer.raise("alma", order_key(number as u32));
            writer.raise("other", order_key(0));
            tokio::task::yield_now().await;
        }
    });
    let (mut seen, mut cursor, mut round) = (Vec::new(), String::new(), 0u64);
    let reading = async {
        while seen.len() < EVENTS as usize {
            // Leaves after another number of messages each time, the very first one included.
            let mut stream = open(&client, &cursor).await.unwrap();
            for _ in 0..=(round * 7) % 40 {
                let message = stream.message().await.unwrap().unwrap();
                cursor = message.cursor;
                if let Some(Content::Event(event)) = message.content {
                    seen.push(event.sequence);
                }
                if seen.len() == EVENTS as usize {
                    break;
                }
            }
            round += 1;
        }
    };
    // Checkpoints go on coming where events are left out.
    in_time(reading).await;
    writing.await.unwrap();
    assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_client_keeps_its_place_across_servers() {
    let engine = Fake::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut first = Server::start_on(listener, &engine, options());
    let mut watch = first.client().await.watch(None);
    for number in 0..5 {
        engine.raise("alma", order_key(number));
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(in_time(watch.next_event()).await.unwrap());
    }
    first.stop();
    first.stopped().await;
    engine.raise("alma", order_key(5));
    let second = Server::start_on(TcpListener::bind(address).await.unwrap(), &engine, options());
    for _ in 0..3 {
        seen.push(in_time(watch.next_event()).await.unwrap());
    }
    assert_eq!(seen, engine.state().events["alma"]);
    // Another program goes on from the kept cursor.
    let cursor = watch.cursor().unwrap().to_owned();
    engine.raise("alma", order_key(6));
    let mut other = second.client().await.watch(Some(cursor));
    assert_eq!(other.next_event().await.unwrap().sequence, 7);
}

#[tokio::test]
async fn silence_is_filled_with_checkpoints_that_can_be_resumed_from() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let mut stream = open(&client, "").await.unwrap();
    // One tells where the stream begins, one that nothing happened.
    for _ in 0..2 {
        let message = in_time(stream.message()).await.unwrap().unwrap();
        assert!(matches!(message.content, Some(Content::Checkpoint(_))));
        assert_eq!(message.cursor, "store-a/alma/0");
    }
    engine.raise("alma", order_key(1));
    let message = in_time(stream.message()).await.unwrap().unwrap();
    assert!(matches!(message.content, Some(Content::Event(_))));
    let mut resumed = open(&client, &message.cursor).await.unwrap();
    let message = in_time(resumed.message()).await.unwrap().unwrap();
    assert_eq!(message.cursor, "store-a/alma/1");
}

#[tokio::test]
async fn cursors_that_lead_nowhere_are_named_errors() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    engine.raise("alma", order_key(1));
    let long = "x".repeat(10_000);
    let cases = [
        ("nonsense", Code::InvalidArgument, "CURSOR_MALFORMED"),
        (long.as_str(), Code::InvalidArgument, "CURSOR_MALFORMED"),
        ("store-a/other/0", Code::InvalidArgument, "CURSOR_MALFORMED"),
        ("store-b/alma/0", Code::FailedPrecondition, "CURSOR_OF_OTHER_STORE"),
        ("store-a/alma/2", Code::FailedPrecondition, "CURSOR_AHEAD"),
    ];
    for (cursor, code, reason) in cases {
        let status = open(&client, cursor).await.unwrap_err();
        assert_eq!(told(&status), is(code, reason), "{}", &cursor[..cursor.len().min(20)]);
        let info = status.get_details_error_info().unwrap();
        let oldest = info.metadata.get("oldest_cursor");
        assert_eq!(oldest.map(String::as_str), (code == Code::FailedPrecondition).then_some("store-a/alma/0"));
    }
    let restored = Fake::of_store("store-b");
    let server = Server::start(&restored).await;
    let status = open(&server.client().await, "store-a/alma/1").await.unwrap_err();
    assert_eq!(told(&status), is(Code::FailedPrecondition, "CURSOR_OF_OTHER_STORE"));
}

#[tokio::test]
async fn a_deadline_ends_a_stream_and_says_so() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let mut request = client.request(WatchAlertsRequest::default());
    request.set_timeout(std::time::Duration::from_millis(1_500));
    let mut stream = AlertServiceClient::new(client.channel()).watch_alerts(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = in_time(stream.message()).await.unwrap_err();
    assert_eq!(told(&status), is(Code::DeadlineExceeded, "DEADLINE_PASSED"));
}

#[tokio::test]
async fn watches_beyond_the_limit_are_refused_and_places_come_back() {
    let engine = Fake::new();
    let server = Server::start_with(&engine, ServeOptions { watches_max: 2, ..options() }).await;
    let client = server.client().await;
    let first = open(&client, "").await.unwrap();
    let second = open(&client, "").await.unwrap();
    let status = open(&client, "").await.unwrap_err();
    assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_WATCHES"));
    drop((first, second));
    // The server learns of it a little later.
    let mut again = client.watch(None);
    assert!(again.next().await.unwrap().event.is_none());
}

#[tokio::test]
async fn a_missing_event_is_never_skipped() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    for number in 0..4 {
        engine.raise("alma", order_key(number));
    }
    engine.state().events.get_mut("alma").unwrap().remove(1);
    let mut stream = open(&client, "").await.unwrap();
    let mut sequences = Vec::new();
    let reading = async {
        loop {
            match stream.message().await {
                Ok(Some(message)) => sequences.extend(match message.content {
                    Some(Content::Event(event)) => Some(event.sequence),
                    _ => None,
                }),
                ended => return ended,
            }
        }
    };
    let ended = in_time(reading).await;
    assert_eq!(sequences, [1]);
    assert_eq!(told(&ended.unwrap_err()), is(Code::Internal, "INTERNAL"));
}

#[tokio::test]
async fn a_failing_store_ends_a_watch_and_the_client_comes_back() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let mut stream = open(&client, "").await.unwrap();
    in_time(stream.message()).await.unwrap().unwrap();
    engine.state().stumble = Some(EngineError::Unavailable { cause: "sector 7".to_owned() });
    engine.raise("alma", order_key(1));
    let status = in_time(stream.message()).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unavailable, "STORE_UNAVAILABLE"));
    let mut watch = client.watch(None);
    let healing = tokio::spawn(async move { in_time(watch.next_event()).await });
    engine.state().stumble = None;
    assert_eq!(healing.await.unwrap().unwrap().sequence, 1);
}
