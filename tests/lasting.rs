//! Nothing lost, seen from outside: the built program on a disk that has no room.
//!
//! Come here when something must hold for the store of the program as it is installed. What the store promises by
//! itself is tested in `src/store/tests`, what the engine does on a full disk in `suite`.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod installed;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::{IngestOrdersRequest, ListOrdersRequest, OrderKey, OrderLine, Party, WatchAlertsRequest};
use onward::api::{Client, reason_of};
use tonic_types::StatusExt;

use installed::{PATIENCE, Place, Service, onward, program, said, text};

fn order_line(order_id: &str) -> OrderLine {
    OrderLine {
        key: Some(OrderKey { order_id: order_id.to_owned(), line_no: 1 }),
        order_date: "2024-03-01".to_owned(),
        buyer: Some(Party { name: "Primer Trade LLP".to_owned(), country: "KZ".to_owned(), ..Party::default() }),
        // Long, so that a disk is soon full.
        description: "bearings ".repeat(2_000),
        quantity: "10".to_owned(),
        unit: "PCE".to_owned(),
        ..OrderLine::default()
    }
}

/// Sends one order line; the reason why it was refused.
async fn send(client: &Client, order_id: &str) -> Result<(), tonic::Status> {
    let request = IngestOrdersRequest { request_id: order_id.to_owned(), orders: vec![order_line(order_id)] };
    let requests = client.request(tokio_stream::iter([request]));
    let mut answers = OrderServiceClient::new(client.channel()).ingest_orders(requests).await?.into_inner();
    let answer = tokio::time::timeout(PATIENCE, answers.message()).await.unwrap()?.unwrap();
    assert_eq!(answer.outcomes.len(), 1);
    Ok(())
}

async fn held(client: &Client) -> BTreeSet<String> {
    let request = client.request(ListOrdersRequest { page_size: 1_000, page_token: String::new() });
    let page = OrderServiceClient::new(client.channel()).list_orders(request).await.unwrap().into_inner();
    page.orders.into_iter().map(|order| order.key.unwrap().order_id).collect()
}

/// The limit of a file's size stands for the end of a disk: anybody may lower and raise it.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_outlived_without_a_restart() {
    let place = Place::new();
    let data = place.path("onward.redb");
    let serve = program(&["serve", "--data", &data, "--listen", "127.0.0.1:0", "--log", "json"]);
    let mut command = Command::new("sh");
    // 512 bytes each. Without the trap the system ends a program that writes beyond its limit.
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 8192; exec \"$0\" \"$@\""]);
    command.arg(serve.get_program()).args(serve.get_args());
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let service = Service::start_by(command);
    let client = Client::connect(&service.address, "acme").await.unwrap();
    let mut alerts = AlertServiceClient::new(client.channel());
    let mut watch = alerts.watch_alerts(client.request(WatchAlertsRequest::default())).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();

    let mut acknowledged = BTreeSet::new();
    let mut refused = None;
    for number in 0..1_000 {
        let order_id = format!("SO-{number}");
        match send(&client, &order_id).await {
            Ok(()) => drop(acknowledged.insert(order_id)),
            Err(status) => {
                refused = Some((order_id, status));
                break;
            }
        }
    }
    let (refused, status) = refused.unwrap();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
    assert_eq!(reason_of(&status).as_deref(), Some("STORE_FULL"));
    assert!(status.get_details_retry_info().is_some());
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    service.logged("the store is full");
    for _ in 0..3 {
        let status = send(&client, &refused).await.unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("STORE_FULL"));
        assert!(held(&client).await.is_superset(&acknowledged));
    }

    service.limit("--fsize=unlimited");
    service.logged("the store is written to again");
    send(&client, &refused).await.unwrap();
    acknowledged.insert(refused);
    for number in 2_000..2_020 {
        let order_id = format!("SO-{number}");
        send(&client, &order_id).await.unwrap();
        acknowledged.insert(order_id);
    }
    assert_eq!(held(&client).await, acknowledged);
    // The watch from before is still open, and ends in peace with the service.
    service.signal("TERM");
    let last = loop {
        match tokio::time::timeout(PATIENCE, watch.message()).await.unwrap() {
            Ok(message) => assert!(message.is_some()),
            Err(status) => break status,
        }
    };
    assert_eq!(reason_of(&last).as_deref(), Some("SHUTTING_DOWN"));
    assert_eq!(service.terminate().0, Some(0));
}

/// What a command says that fails, and its exit code.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = onward(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    (output.status.code(), text(&output.stderr))
}

/// All that clients can read of a world, as files.
fn exported(service: &Service, place: &Place, name: &str) -> Vec<String> {
    let folder = place.path(name);
    said(&["import", "--server", &service.address, "--tenant", "acme", "--orders", &place.path("none.csv"), "--wait"]);
    said(&["export", "--server", &service.address, "--tenant", "acme", "--out", &folder]);
    let watched =
        said(&["watch", "--server", &service.address, "--tenant", "acme", "--until-idle", "--format", "jsonl"]);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut all: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    all.push(watched);
    all
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_service_that_runs_is_a_store_that_serves_the_same() {
    let place = Place::new();
    let (data, copy, later) = (place.path("onward.redb"), place.path("copy.redb"), place.path("later.redb"));
    let world = place.path("world");
    said(&["simulate", "--out", &world, "--orders", "120", "--shipments", "600"]);
    place.write("none.csv", "order_id,line_no,order_date,buyer_name,buyer_country,quantity,unit,description\n");
    let service = Service::start(&["--data", &data, "--listen", "127.0.0.1:0"]);
    let of_world = |name: &str| format!("{world}/{name}.csv");
    let (orders, shipments, companies) = (of_world("orders"), of_world("shipments"), of_world("companies"));
    let import = ["import", "--server", &service.address, "--tenant", "acme", "--wait", "--orders", &orders];
    said(&[&import[..], &["--shipments", &shipments, "--companies", &companies]].concat());

    // While it is written to: what was acknowledged before is in the copy, and nothing by half.
    let client = Client::connect(&service.address, "other").await.unwrap();
    send(&client, "SO-before").await.unwrap();
    let writing = tokio::spawn({
        let client = client.clone();
        async move {
            for number in 0..60 {
                send(&client, &format!("SO-{number}")).await.unwrap();
            }
        }
    });
    let told = said(&["backup", "--data", &data, "--out", &copy]);
    assert!(told.contains(" rows, "), "{told}");
    writing.await.unwrap();
    let (code, why) = refused(&["backup", "--data", &data, "--out", &copy]);
    assert_eq!(code, Some(74), "{why}");
    assert_eq!(refused(&["check", &data]).0, Some(74));
    assert_eq!(refused(&["compact", &data]).0, Some(74));
    assert!(said(&["check", &copy]).contains("The store is whole."));
    let expected = exported(&service, &place, "expected");
    assert!(expected.iter().all(|file| file.lines().count() > 1), "findings and alerts are compared");
    assert_eq!(service.terminate().0, Some(0));
    assert!(!Path::new(&format!("{data}.rows")).exists());

    said(&["backup", "--data", &data, "--out", &later]);
    assert!(said(&["check", &data]).contains("The store is whole."));
    let told = said(&["compact", &later]);
    assert!(told.contains(" bytes before, "), "{told}");
    for (number, path) in [&copy, &later].into_iter().enumerate() {
        let service = Service::start(&["--data", path, "--listen", "127.0.0.1:0"]);
        assert!(exported(&service, &place, &format!("found-{number}")) == expected, "{path} serves something else");
        let client = Client::connect(&service.address, "other").await.unwrap();
        let held = held(&client).await;
        assert!(held.contains("SO-before"), "{held:?}");
        assert!(number == 0 || held.len() == 61, "{held:?}");
        assert_eq!(service.terminate().0, Some(0));
        assert!(said(&["check", path]).contains("The store is whole."));
    }
}

#[cfg(unix)]
#[test]
fn a_store_of_a_killed_service_is_checked_and_a_damaged_one_is_told() {
    let place = Place::new();
    let data = place.path("onward.redb");
    let mut service = Service::start(&["--data", &data, "--listen", "127.0.0.1:0"]);
    service.crash();
    assert!(Path::new(&format!("{data}.rows")).exists(), "the socket is left by a crash");
    assert!(said(&["check", &data]).contains("The store is whole."));
    let (code, why) = refused(&["backup", "--data", &data, "--out", &place.path("copy.redb")]);
    assert_eq!(code, Some(65), "{why}");
    assert!(why.contains("not closed properly"), "{why}");
    let service = Service::start(&["--data", &data, "--listen", "127.0.0.1:0"]);
    said(&["backup", "--data", &data, "--out", &place.path("copy.redb")]);
    assert_eq!(service.terminate().0, Some(0));

    let mut bytes = fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::write(&data, bytes).unwrap();
    let (code, why) = refused(&["check", &data]);
    assert_eq!(code, Some(65), "{why}");
    assert_eq!(refused(&["check", &place.path("none.csv")]).0, Some(74));
}
