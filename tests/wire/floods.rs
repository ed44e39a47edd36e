//! Attacks on the transport: frames without end, clients that begin and do not finish, one address with too much.
//!
//! Come here for what becomes of an attacker and that an honest client is served meanwhile. How much slower it is served
//! is measured by `benches/floods`. What is on the wire is made in `raw`.

use std::time::Duration;

use onward::api::ServeOptions;
use onward::api::wire::WatchAlertsRequest;
use onward::api::wire::alert_service_client::AlertServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fake::Fake;
use crate::raw::{Attack, END_HEADERS, OPENING, PING, frame, headers};
use crate::setup::{PATIENCE, Server, options, order_key};

/// Places for calls, and how many of them one tenant gets when no other has any.
const CALLS: usize = 40;
const CALLS_OF_ONE: usize = 28;
/// Answers to pings of an attacker before it is cut: 2,000 at once and 200 a second for ten seconds, and what it earns
/// by being answered. Without a limit there are some hundred thousand a second.
const PONGS_MAX: usize = 20_000;

/// A connection on which everything that comes back is read until there is nothing more.
async fn read_to_end(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let (mut all, mut bytes) = (Vec::new(), vec![0; 16 * 1024]);
    // The system may say "reset" instead of "end".
    while let Ok(size @ 1..) = stream.read(&mut bytes).await {
        all.extend(&bytes[..size]);
    }
    all
}

/// Floods until it is cut; what came back.
async fn flood(server: &Server, attack: Attack) -> Vec<u8> {
    let (mut reader, mut writer) = TcpStream::connect(server.address).await.unwrap().into_split();
    let writing = tokio::spawn(async move {
        let mut bytes = [OPENING, &attack.beginning()].concat();
        let mut stream = 1;
        while writer.write_all(&bytes).await.is_ok() {
            bytes = attack.more(&mut stream);
        }
    });
    let answers = tokio::time::timeout(PATIENCE, read_to_end(&mut reader)).await;
    writing.abort();
    answers.unwrap_or_else(|_| panic!("{attack:?} is never cut"))
}

/// How many frames of a kind came back.
fn count(mut bytes: &[u8], kind: u8) -> usize {
    let mut count = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        count += usize::from(head[3] == kind);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    count
}

/// A connection that is opened and answered, once there is a place for it.
async fn open(server: &Server) -> TcpStream {
    let opening = async {
        loop {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            if is_answered(&mut stream, OPENING).await {
                return stream;
            }
        }
    };
    tokio::time::timeout(PATIENCE, opening).await.expect("there must be a place again")
}

/// Whether anything comes back.
async fn is_answered(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.read(&mut [0; 1024]).await.is_ok_and(|size| size > 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flood_is_cut_and_honest_clients_are_served_meanwhile() {
    let connections = Attack::ALL.len() + 1;
    let limits = ServeOptions { connections_per_address_max: connections, calls_max: CALLS, ..options() };
    let server = &*Box::leak(Box::new(Server::start_with(&Fake::new(), limits).await));
    let client = server.client().await;
    let mut floods = JoinSet::new();
    for attack in Attack::ALL {
        floods.spawn(async move { (attack, flood(server, attack).await) });
    }
    let (mut served, key) = (0, order_key(1));
    while !floods.is_empty() {
        tokio::select! {
            Some(ended) = floods.join_next() => {
                let (attack, answers) = ended.unwrap();
                let pongs = count(&answers, PING);
                assert!(pongs <= PONGS_MAX, "{attack:?} was answered {pongs} times");
            }
            answer = client.finding(&key) => {
                answer.unwrap();
                served += 1;
            }
        }
    }
    assert!(served > 100, "an honest client was answered {served} times only");

    // Every connection and every call of the attackers is free again.
    let mut held = Vec::new();
    for _ in 0..connections - 1 {
        held.push(open(server).await);
    }
    let mut watches = Vec::new();
    let watching = async {
        while watches.len() < CALLS_OF_ONE {
            let mut alerts = AlertServiceClient::new(client.channel());
            watches.extend(alerts.watch_alerts(client.request(WatchAlertsRequest::default())).await);
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.expect("there must be places for calls again");
}

#[tokio::test]
async fn who_does_not_finish_what_it_begins_is_cut_and_who_is_silent_is_not() {
    let limits = ServeOptions { opening_max: Duration::from_millis(200), ..options() };
    let server = Server::start_with(&Fake::new(), limits).await;
    let mut silent = open(&server).await;
    let half = &headers(1, END_HEADERS)[..20];
    let continued = [OPENING, &headers(1, 0)].concat();
    for begun in [&[], &OPENING[..10], &OPENING[..24], &[OPENING, half].concat(), &continued] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        tokio::time::timeout(PATIENCE / 4, read_to_end(&mut stream)).await.expect("it must be cut");
    }
    assert!(is_answered(&mut silent, &frame(PING, 0, 0, b"12345678")).await, "an open connection may wait for calls");
    server.client().await.finding(&order_key(1)).await.unwrap();
}

#[tokio::test]
async fn an_address_has_no_more_connections_than_it_may_have() {
    let limits = ServeOptions { connections_per_address_max: 3, ..options() };
    let server = Server::start_with(&Fake::new(), limits).await;
    let client = server.client().await;
    client.finding(&order_key(1)).await.unwrap();
    let first = open(&server).await;
    let _second = open(&server).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert!(!is_answered(&mut third, OPENING).await, "one too many must be closed");
    client.finding(&order_key(1)).await.unwrap();
    drop(first);
    open(&server).await;
}
