//! The service as an operator runs it: settings, keys, certificates, metrics, signals; the built program, from outside.
//!
//! Come here when something must hold for the program as it is installed. What a call may do is tested in `wire`.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod installed;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::watch_alerts_response::Content;
use onward::api::wire::{IngestOrdersRequest, ListOrdersRequest, OrderLine, Party, WatchAlertsRequest};
use onward::api::{Client, reason_of};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use installed::{PATIENCE, Place, Service, onward, program, said, text};

const ORDERS: &str = "order_id,line_no,order_date,buyer_name,buyer_country,quantity,unit,description\n\
                      SO-1,1,2024-03-01,Primer Trade LLP,KZ,10,PCE,bearings\n";

#[test]
fn the_round_with_keys_over_tls() {
    let place = Place::new();
    place.certify();
    let principals = [
        place.principal("erp", "acme", "ingest"),
        place.principal("desk", "acme", "analyst"),
        place.principal("else", "birch", "analyst"),
    ];
    place.admit(&principals);
    place.settle("");
    place.write("orders.csv", ORDERS);
    let service = Service::start(&["--config", &place.path("onward.toml")]);
    assert!(service.address.starts_with("https://127.0.0.1:"), "{}", service.address);
    let (ca, orders, address) = (place.path("ca.pem"), place.path("orders.csv"), service.address.clone());
    let call = |command: &str, key: &str, more: &[&str]| {
        let key = place.path(&format!("{key}.key"));
        onward(&[&[command, "--server", &address, "--tls-ca", &ca, "--api-key-file", &key], more].concat())
    };
    let sent = call("import", "erp", &["--orders", &orders, "--wait"]);
    assert_eq!(text(&sent.stdout), "orders: 1 new, 0 there before\n", "{}", text(&sent.stderr));
    let count = |key: &str| {
        let out = place.path(&format!("of-{key}"));
        let output = call("export", key, &["--out", &out]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        place.read(&format!("of-{key}/decisions.csv")).lines().count() - 1
    };
    assert_eq!((count("desk"), count("else")), (1, 0));
    let watched = call("watch", "desk", &["--until-idle"]);
    assert_eq!(watched.status.code(), Some(0), "{}", text(&watched.stderr));
    // Another role, no key, a key from the environment, another tenant by name.
    let refused = call("import", "desk", &["--orders", &orders]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(text(&refused.stderr).contains("ROLE_MISSING"), "{}", text(&refused.stderr));
    let export = ["export", "--server", &address, "--tls-ca", &ca, "--out", &place.path("none")];
    let refused = onward(&export);
    assert_eq!(refused.status.code(), Some(65));
    assert!(text(&refused.stderr).contains("CREDENTIAL_MISSING"), "{}", text(&refused.stderr));
    let by_environment = program(&export).env("ONWARD_API_KEY", place.read("desk.key")).output().unwrap();
    assert_eq!(by_environment.status.code(), Some(0), "{}", text(&by_environment.stderr));
    let refused = call("export", "desk", &["--out", &place.path("none"), "--tenant", "birch"]);
    assert!(text(&refused.stderr).contains("TENANT_NOT_YOURS"), "{}", text(&refused.stderr));
    // A key is taken away: told by a signal, it counts at once.
    place.admit(&principals[..2]);
    service.signal("HUP");
    service.logged("were read again");
    let key = place.path("else.key");
    let refused = onward(&[&export[..], &["--api-key-file", &key]].concat());
    assert!(text(&refused.stderr).contains("CREDENTIAL_REFUSED"), "{}", text(&refused.stderr));
    let (code, _) = service.terminate();
    assert_eq!(code, Some(0));
}

#[test]
fn secrets_show_nowhere() {
    let place = Place::new();
    place.certify();
    let principal = place.principal("erp", "acme", "ingest");
    place.admit(std::slice::from_ref(&principal));
    place.settle("log_filter = \"trace\"\n");
    let key = place.read("erp.key").trim().to_owned();
    assert!(key.starts_with("onward_") && !principal.contains(&key));
    assert!(!principal.contains(place.read("hash.key").trim()));
    let service = Service::start(&["--config", &place.path("onward.toml")]);
    place.write("orders.csv", ORDERS);
    let (ca, orders, file) = (place.path("ca.pem"), place.path("orders.csv"), place.path("erp.key"));
    let arguments =
        ["import", "--server", &service.address, "--tls-ca", &ca, "--api-key-file", &file, "--orders", &orders];
    let output = onward(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (_, log) = service.terminate();
    // At the finest level the transport may tell what it carries; what is ours must not.
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("\"target\":\"onward")).collect();
    assert!(!ours.is_empty());
    for line in ours {
        assert!(!line.contains(&key) && !line.contains("Primer") && !line.contains("bearings"), "{line}");
    }
    // A key that is already there is not replaced, and a wrong one is not repeated in the complaint.
    let hash_key = place.path("hash.key");
    let again = onward(&["key", "new", "--hash-key", &hash_key, "--out", &file, "--expires", "2099-12-31"]);
    assert_eq!(again.status.code(), Some(74));
    place.write("two.key", "onward_first onward_second");
    let wrong = onward(&["export", "--api-key-file", &place.path("two.key"), "--out", &place.path("out")]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(!text(&wrong.stderr).contains("onward_first"), "{}", text(&wrong.stderr));
}

#[test]
fn settings_are_checked_whole_and_nothing_is_opened() {
    let place = Place::new();
    place.certify();
    place.admit(&[place.principal("erp", "acme", "ingest")]);
    place.settle("calls_max = 7\n");
    let settings = place.path("onward.toml");
    let good = said(&["serve", "--config", &settings, "--check"]);
    assert!(good.starts_with("The settings hold together: ") && good.contains("TLS, 1 principals"), "{good}");
    assert!(!fs::exists(place.path("onward.redb")).unwrap(), "a check makes no store");

    place.settle("calls_max = \"many\"\ncolour = \"red\"\nmetrics_listen = \"0.0.0.0:1\"\n");
    let bad = program(&["serve", "--check", "--drain-seconds", "0"])
        .env("ONWARD_CONFIG", &settings)
        .env("ONWARD_WATCHES_MAX", "-1")
        .output()
        .unwrap();
    assert_eq!(bad.status.code(), Some(64));
    let complaint = text(&bad.stderr);
    for part in
        ["onward.toml colour", "onward.toml calls_max", "metrics_listen", "--drain-seconds", "ONWARD_WATCHES_MAX"]
    {
        assert!(complaint.contains(part), "{part} is not in\n{complaint}");
    }
    // Faults of the files that are named are told together too.
    place.settle("");
    place.admit(&["[[principal]]\nname = \"A\"\ntenant = \"\"\nroles = []\n".to_owned()]);
    place.write("server.key", "no key");
    let bad = onward(&["serve", "--config", &settings]);
    assert_eq!(bad.status.code(), Some(64));
    let complaint = text(&bad.stderr);
    for part in ["name: expected", "tenant: expected", "roles: expected", "server.key: expected a private key"] {
        assert!(complaint.contains(part), "{part} is not in\n{complaint}");
    }
}

#[test]
fn an_open_service_says_so_and_stays_on_its_machine() {
    let place = Place::new();
    let data = place.path("onward.redb");
    let service = Service::start(&["--data", &data, "--listen", "127.0.0.1:0"]);
    assert!(service.address.starts_with("http://127.0.0.1:"));
    service.logged("nobody is asked who they are");
    assert_eq!(service.terminate().0, Some(0));
    let refused = onward(&["serve", "--data", &data, "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("--allow-insecure-remote"), "{}", text(&refused.stderr));
}

/// The metrics page of a service that logs as JSON.
fn metrics_page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn metrics_tell_what_happens_and_nothing_of_whom() {
    let place = Place::new();
    place.write("orders.csv", ORDERS);
    let data = place.path("onward.redb");
    let arguments = ["--data", &data, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log", "json"];
    let service = Service::start(&arguments);
    let line = service.logged("metrics at /metrics");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();
    let orders = place.path("orders.csv");
    said(&["import", "--server", &service.address, "--orders", &orders, "--wait", "--tenant", "acme-secret"]);
    said(&["import", "--server", &service.address, "--orders", &orders, "--tenant", "acme-secret"]);
    let page = metrics_page(address, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for row in [
        "onward_records_total{kind=\"orders\",outcome=\"stored\"} 1\n",
        "onward_records_total{kind=\"orders\",outcome=\"unchanged\"} 1\n",
        "onward_batches_total{answer=\"done\"} 2\n",
        "onward_batches_in_work 0\n",
        "onward_records_waiting 0\n",
        "onward_calls_total{method=\"IngestOrders\",code=\"",
        "onward_calls_open ",
        "onward_call_seconds_bucket{method=\"WaitUntilScreened\"",
        "onward_judge_seconds_count ",
        "onward_commit_seconds_count ",
        "onward_store_bytes ",
        "onward_last_batch_unix_seconds{kind=\"orders\"} ",
    ] {
        assert!(page.contains(row), "{row} is not in\n{page}");
    }
    for secret in ["acme", "Primer", "bearings", "SO-1"] {
        assert!(!page.contains(secret), "{secret} is in\n{page}");
    }
    assert!(metrics_page(address, "/").starts_with("HTTP/1.1 404"));
    assert_eq!(service.terminate().0, Some(0));
}

fn order_line(order_id: &str) -> OrderLine {
    OrderLine {
        key: Some(onward::api::wire::OrderKey { order_id: order_id.to_owned(), line_no: 1 }),
        order_date: "2024-03-01".to_owned(),
        buyer: Some(Party { name: "Primer Trade LLP".to_owned(), country: "KZ".to_owned(), ..Party::default() }),
        description: "bearings".to_owned(),
        quantity: "10".to_owned(),
        unit: "PCE".to_owned(),
        ..OrderLine::default()
    }
}

/// Open watches and calls in flight in one round of stopping, and the connections they share.
const WATCHES: usize = 500;
const CALLS: usize = 200;
const CONNECTIONS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_is_emptied_in_time_and_nothing_acknowledged_is_lost() {
    let place = Place::new();
    let rounds = std::env::var("ONWARD_DRAIN_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let data = place.path("onward.redb");
    let arguments = ["--data", &data, "--listen", "127.0.0.1:0", "--log", "json"];
    for round in 0..rounds {
        let service = Service::start(&arguments);
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(&service.address, "default").await.unwrap());
        }
        let mut watches = Vec::new();
        for number in 0..WATCHES {
            let client = &clients[number % CONNECTIONS];
            let mut alerts = AlertServiceClient::new(client.channel());
            let request = client.request(WatchAlertsRequest::default());
            let mut watch = alerts.watch_alerts(request).await.unwrap().into_inner();
            watch.message().await.unwrap().unwrap();
            watches.push(watch);
        }
        let (mut ingests, started) = (Vec::new(), Arc::new(Semaphore::new(0)));
        for number in 0..CALLS {
            let (client, started) = (clients[number % CONNECTIONS].clone(), Arc::clone(&started));
            ingests.push(tokio::spawn(ingest_until_the_end(client, round, number, started)));
        }
        let all_started = tokio::time::timeout(PATIENCE, started.acquire_many(CALLS as u32)).await;
        drop(all_started.expect("every call gets its first batch acknowledged").unwrap());
        let began = std::time::Instant::now();
        let ending = tokio::task::spawn_blocking(move || service.terminate());
        for mut watch in watches {
            let mut last = None;
            let end = loop {
                match tokio::time::timeout(PATIENCE, watch.message()).await.unwrap() {
                    Ok(message) => last = message.or(last),
                    Err(status) => break status,
                }
            };
            assert_eq!(reason_of(&end).as_deref(), Some("SHUTTING_DOWN"), "{end}");
            let last = last.expect("a checkpoint must come before the end");
            assert!(matches!(last.content, Some(Content::Checkpoint(_))) && !last.cursor.is_empty());
        }
        let mut acknowledged = Vec::new();
        for ingest in ingests {
            acknowledged.extend(ingest.await.unwrap());
        }
        let (code, log) = ending.await.unwrap();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("connections still open"), "{log}");
        // For who measures: `ONWARD_DRAIN_ROUNDS=50 cargo test --test operating full_house -- --nocapture`.
        writeln!(std::io::stderr(), "round {round}: {} acknowledged, out in {:?}", acknowledged.len(), began.elapsed())
            .unwrap();
        let service = Service::start(&arguments);
        let held = all_orders(&Client::connect(&service.address, "default").await.unwrap()).await;
        for order_id in acknowledged {
            assert!(held.contains(&order_id), "{order_id} was acknowledged and is gone");
        }
        assert_eq!(service.terminate().0, Some(0));
    }
}

/// Sends one batch after the other until the stream ends, and tells of the first that was acknowledged; gives all that
/// were.
async fn ingest_until_the_end(client: Client, round: usize, number: usize, started: Arc<Semaphore>) -> Vec<String> {
    let (requests, receiver) = mpsc::channel(1);
    let mut orders = OrderServiceClient::new(client.channel());
    let Ok(answer) = orders.ingest_orders(client.request(ReceiverStream::new(receiver))).await else {
        return Vec::new();
    };
    let (mut answers, mut acknowledged) = (answer.into_inner(), Vec::new());
    let mut order_id = format!("{round}-{number}-0");
    loop {
        let request = IngestOrdersRequest { request_id: order_id.clone(), orders: vec![order_line(&order_id)] };
        if requests.send(request).await.is_err() {
            break;
        }
        match tokio::time::timeout(PATIENCE, answers.message()).await.unwrap() {
            Ok(Some(answer)) if !answer.outcomes.is_empty() => {
                if acknowledged.is_empty() {
                    started.add_permits(1);
                }
                acknowledged.push(order_id);
                order_id = format!("{round}-{number}-{}", acknowledged.len());
            }
            // Told to slow down: the same batch comes again. Others in its place would end the stream before long.
            Ok(Some(answer)) => {
                tokio::time::sleep(Duration::from_millis(answer.retry_after_millis.into())).await;
            }
            Ok(None) | Err(_) => break,
        }
    }
    acknowledged
}

async fn all_orders(client: &Client) -> std::collections::BTreeSet<String> {
    let (mut held, mut page_token) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let request = client.request(ListOrdersRequest { page_size: 1_000, page_token });
        let page = OrderServiceClient::new(client.channel()).list_orders(request).await.unwrap().into_inner();
        held.extend(page.orders.into_iter().map(|order| order.key.unwrap().order_id));
        if page.next_page_token.is_empty() {
            return held;
        }
        page_token = page.next_page_token;
    }
}

#[test]
fn unit_and_image_start_what_the_program_understands() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit = fs::read_to_string(top.join("packaging/onward.service")).unwrap();
    let started = unit.lines().filter_map(|line| line.split_once("/usr/local/bin/onward ")).map(|(_, rest)| rest);
    let mut commands: Vec<Vec<String>> = started.map(|rest| rest.split(' ').map(str::to_owned).collect()).collect();
    let image = fs::read_to_string(top.join("Containerfile")).unwrap();
    let command = image.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    commands.push(serde_json::from_str(command).unwrap());
    assert_eq!(commands.len(), 3);
    for command in commands {
        // With a file that is not there the settings are the only thing wrong.
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = program(&command).env("ONWARD_DATA", "x").output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{command:?}");
        let complaint = text(&output.stderr);
        assert!(complaint.contains("1 wrong in the settings:\n  /etc/onward/onward.toml: "), "{complaint}");
    }
}
