//! Floods of frames, on real connections: each is cut within a bound, and an honest client is served meanwhile.
//!
//! What an honest client notices in milliseconds is measured by `examples/floods`.

use std::net::SocketAddr;

use onward::api::ServeOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fake::Fake;
use crate::raw::{Attack, OPENING};
use crate::setup::{PATIENCE, Server, options, order_key};

/// Carries an attack out until the service ends the connection.
async fn carried_out(attack: Attack, address: SocketAddr) -> Attack {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let mut answers = vec![0; 64 * 1024];
    let reading = async { while reader.read(&mut answers).await.is_ok_and(|size| size > 0) {} };
    let flooding = async {
        let mut stream = 1;
        let mut bytes = [OPENING, &attack.beginning()].concat();
        while writer.write_all(&bytes).await.is_ok() {
            bytes = attack.more(&mut stream);
        }
    };
    // Whichever notices first: an end may be seen on one side only.
    tokio::select! {
        () = reading => attack,
        () = flooding => attack,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flood_is_cut_and_an_honest_client_is_served_meanwhile() {
    let server = Server::start(&Fake::new()).await;
    let honest = server.client().await;
    let mut attacks = JoinSet::new();
    for attack in Attack::ALL {
        attacks.spawn(carried_out(attack, server.address));
    }
    let all_cut = async {
        let mut cut = Vec::new();
        while let Some(attack) = attacks.join_next().await {
            cut.push(attack.unwrap());
        }
        cut
    };
    let mut served = 0_u32;
    let serving = async {
        loop {
            // Nobody has sent this order: that is the answer, and it is one.
            let answer = honest.finding(&order_key(7)).await;
            assert!(answer.is_ok(), "call {served}: {answer:?}");
            served += 1;
        }
    };
    let cut = tokio::select! {
        cut = tokio::time::timeout(PATIENCE, all_cut) => cut.expect("some attack goes on and on"),
        () = serving => unreachable!(),
    };
    assert_eq!(cut.len(), Attack::ALL.len());
    assert!(served > 20, "the honest client was answered {served} times");
    let newcomer = server.client().await;
    assert!(newcomer.finding(&order_key(8)).await.is_ok());
}

#[tokio::test]
async fn one_address_does_not_take_the_places_of_all() {
    let limits = ServeOptions { connections_max: 8, connections_per_address_max: 3, ..options() };
    let server = Server::start_with(&Fake::new(), limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(OPENING).await.unwrap();
        // What the service says first: the connection has its place.
        assert!(stream.read_u8().await.is_ok());
        silent.push(stream);
    }
    let mut one_more = TcpStream::connect(server.address).await.unwrap();
    let told = tokio::time::timeout(PATIENCE, one_more.read_u8()).await.unwrap();
    assert!(told.is_err(), "it is closed without a word");
    silent.clear();
    // The places are free once the service has seen the ends; until then it closes as before.
    let answered = async {
        loop {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            if stream.write_all(OPENING).await.is_ok() && stream.read_u8().await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("places come back");
}
