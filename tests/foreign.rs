//! The whole round from Rust, Python and Node against the built program, with TLS and identities on: send, watch,
//! acknowledge, resume, review.
//!
//! Come here when a client in another language meets something else than a client of ours. What the clients in
//! `examples/` need is made ready by `.ci/foreign`; where it is not there their rounds say LEFT OUT, or fail with
//! `ONWARD_FOREIGN=required`. The runtime has threads besides: a round waits for other programs on its own.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod installed;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::{
    AlertState, ErrorReason, GetAlertRequest, GetSubscriptionRequest, ListAlertActivityRequest, WatchAlertsRequest,
};
use onward::api::{Client, ClientOptions, Secret, reason_word};
use serde_json::Value;

use installed::{Place, Service, said, text};

/// A client that does not end by itself is ended and has failed: an interpreter may hang at its own exit.
const CLIENT_SECONDS_MAX: &str = "120";
/// Of other goods than those that went on.
const HONEST_ORDERS: usize = 400;
const SERIAL_NUMBERS: &str = r#"["NK4471-000181", "NK4471-000182", "NK4471-000183", "NK4471-000184"]"#;

/// A service with identities and TLS, and somebody to send and somebody to decide.
struct Round {
    place: Place,
    service: Service,
}

impl Round {
    fn new() -> Self {
        let place = Place::new();
        place.certify();
        place.admit(&[place.principal("erp", "acme", "ingest"), place.principal("desk", "acme", "analyst")]);
        place.settle("watches_max = 1\n");
        let orders: String = (0..HONEST_ORDERS).map(honest_order).collect();
        place.write("orders.jsonl", &(orders + &order_that_went_on()));
        place.write("shipments.jsonl", &shipment());
        let service = Service::start(&["--config", &place.path("onward.toml")]);
        Self { place, service }
    }

    /// The example of a language as one of the principals.
    fn command(&self, runner: &Runner, key: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", CLIENT_SECONDS_MAX])
            .arg(&runner.program)
            .arg(&runner.script)
            .env(runner.variable.0, &runner.variable.1);
        // By its name: no client may send an address as the name of a server in TLS.
        let server = self.service.address.replace("https://127.0.0.1", "localhost");
        command.args(["--server", &server, "--ca", &self.place.path("ca.pem")]);
        command.args(["--api-key-file", &self.place.path(&format!("{key}.key"))]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it says, and what it notes besides; or why it failed.
    fn run(&self, runner: &Runner, key: &str, arguments: &[&str]) -> Result<(String, String), String> {
        let output = self.command(runner, key, arguments).output().unwrap();
        let notes = text(&output.stderr);
        if output.status.success() { Ok((text(&output.stdout), notes)) } else { Err(notes) }
    }

    /// Watches while another watch has the only place: says what it waits for, and goes on once there is room.
    async fn watch_in_turn(&self, runner: &Runner, arguments: &[&str]) -> Value {
        let client = self.desk().await;
        let request = client.request(WatchAlertsRequest::default());
        let held = AlertServiceClient::new(client.channel()).watch_alerts(request).await.unwrap();
        let mut child = self.command(runner, "desk", arguments).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let mut note = String::new();
        notes.read_line(&mut note).unwrap();
        // The service asks for one second; up to a quarter more keeps clients from coming back all at once.
        assert!(note.contains("TOO_MANY_WATCHES") && note.contains("again in 1."), "{note}");
        drop((held, client));
        let mut rest = String::new();
        notes.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{note}{rest}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Watches two events with a crash of the service between them; `act` makes the second.
    fn watch_through_a_crash(&mut self, runner: &Runner, act: impl Fn(&Self)) -> [Value; 2] {
        let place = self.place.path("cursor-of-second-system");
        let watch = ["watch", "--cursor-file", &place, "--subscription", "second-system", "--events", "2"];
        let mut child = self.command(runner, "desk", &watch).spawn().unwrap();
        let mut seen = BufReader::new(child.stdout.take().unwrap());
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let [mut first, mut second, mut note] = [String::new(), String::new(), String::new()];
        seen.read_line(&mut first).unwrap();
        self.service.crash();
        notes.read_line(&mut note).unwrap();
        assert!(note.contains("; again in "), "{note}");
        let address = self.service.address.trim_start_matches("https://").to_owned();
        self.service = Service::start(&["--config", &self.place.path("onward.toml"), "--listen", &address]);
        act(self);
        seen.read_line(&mut second).unwrap();
        notes.read_to_string(&mut note).unwrap();
        assert!(child.wait().unwrap().success(), "{note}");
        [first, second].map(|line| serde_json::from_str(&line).unwrap())
    }

    async fn desk(&self) -> Client {
        let options = ClientOptions {
            secret: Secret::new(&self.place.read("desk.key")),
            authority: Some(self.place.read("ca.pem").into_bytes()),
            ..ClientOptions::default()
        };
        Client::connect_with(&self.service.address, options).await.unwrap()
    }

    /// What the service holds after a round, asked by a client of ours.
    async fn check(&self, alert_id: &str, comment: &str) {
        let client = self.desk().await;
        let mut alerts = AlertServiceClient::new(client.channel());
        let request = client.request(GetAlertRequest { alert_id: alert_id.to_owned() });
        let alert = alerts.get_alert(request).await.unwrap().into_inner().alert.unwrap();
        assert_eq!(alert.state(), AlertState::InReview);
        assert_eq!(alert.order.unwrap().order_id, "SO-GONE");
        let request = ListAlertActivityRequest { alert_id: alert_id.to_owned(), ..ListAlertActivityRequest::default() };
        let events = alerts.list_alert_activity(client.request(request)).await.unwrap().into_inner().events;
        let act = events.last().and_then(|event| event.act.clone()).unwrap();
        assert_eq!((act.actor.as_str(), act.comment.as_str()), ("desk", comment));
        let request = client.request(GetSubscriptionRequest { subscription: "case-system".to_owned() });
        let subscription = alerts.get_subscription(request).await.unwrap().into_inner().subscription.unwrap();
        assert_eq!((subscription.lag, subscription.acked_sequence), (0, subscription.newest_sequence));
    }
}

fn honest_order(number: usize) -> String {
    format!(
        r#"{{"key": {{"order_id": "SO-{number}", "line_no": 1}}, "order_date": "2024-03-01", "buyer": {{"name": "Alma Bearings LLP", "country": "KZ"}}, "description": "ball bearings", "brand": "Lagerhus", "part_number": "LB-{number}", "hs_code": "84821010", "quantity": "40", "unit": "PCE"}}"#
    ) + "\n"
}

fn order_that_went_on() -> String {
    format!(
        r#"{{"key": {{"order_id": "SO-GONE", "line_no": 1}}, "order_date": "2024-03-01", "buyer": {{"name": "Primer Trade LLP", "country": "KZ"}}, "description": "servo controllers", "brand": "Nordkap", "part_number": "NK4471-88C", "hs_code": "85371010", "serial_numbers": {SERIAL_NUMBERS}, "quantity": "4", "unit": "PCE"}}"#
    ) + "\n"
}

fn shipment() -> String {
    format!(
        r#"{{"key": {{"document_kind": "DOCUMENT_KIND_CMR", "document_number": "CMR-1", "line_no": 1}}, "date": "2024-04-02", "consignor": {{"name": "TOO Primer Trade", "country": "KZ"}}, "consignee": {{"name": "OOO Sever Primer", "country": "RU"}}, "description": "servo controllers", "brand": "Nordkap", "part_number": "NK4471-88C", "hs_code": "85371010", "serial_numbers": {SERIAL_NUMBERS}, "quantity": "4", "unit": "PCE"}}"#
    ) + "\n"
}

/// How an example is run.
struct Runner {
    program: PathBuf,
    script: PathBuf,
    variable: (&'static str, PathBuf),
}

/// Packages and generated code, made ready by `.ci/foreign` beside the built program.
fn prepared() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_onward")).ancestors().nth(2).unwrap().join("foreign")
}

/// The whole round by an example, or a word that it is left out.
async fn round(language: &str, runner: Runner) {
    let ready = runner.variable.1.exists() && Command::new(&runner.program).arg("--version").output().is_ok();
    if !ready {
        assert!(std::env::var_os("ONWARD_FOREIGN").is_none(), "{language} is not ready: run .ci/foreign");
        // Past the capture of the test runner: who reads the log must see it.
        let mut log = std::io::stderr();
        writeln!(log, "LEFT OUT: {language} is not ready; bash .ci/foreign makes it so").unwrap();
        return;
    }
    let round = Round::new();
    let (orders, shipments) = (round.place.path("orders.jsonl"), round.place.path("shipments.jsonl"));
    // More batches at a time than one stream may have: the service asks to slow down.
    let small = ["--records-per-batch", "1", "--in-flight", "256"];
    let ingest = [&["ingest", "--shipments", &shipments, "--orders", &orders], &small[..]].concat();
    let (sent, notes) = round.run(&runner, "erp", &ingest).unwrap();
    assert!(notes.contains("slow down"), "{notes}");
    let counts: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stored = HONEST_ORDERS + 1;
    assert_eq!(
        counts,
        [serde_json::json!({"shipments": {"stored": 1}}), serde_json::json!({"orders": {"stored": stored}})]
    );
    // The same ids again: the first answers, and nothing twice.
    assert_eq!(round.run(&runner, "erp", &ingest).unwrap().0, sent);
    // Batches of another size are others: every record is there already.
    let (again, notes) =
        round.run(&runner, "erp", &["ingest", "--orders", &orders, "--records-per-batch", "150"]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), serde_json::json!({"orders": {"unchanged": stored}}));
    assert_eq!(notes, "");
    let refused = round.run(&runner, "desk", &ingest).unwrap_err();
    assert!(refused.contains("PERMISSION_DENIED: ROLE_MISSING"), "{refused}");

    follow(language, &runner, round).await;
}

fn watch_one<'a>(place: &'a str, subscription: &'a str) -> [&'a str; 7] {
    ["watch", "--cursor-file", place, "--subscription", subscription, "--events", "1"]
}

/// Watching, acknowledging and reviewing, each with what may come between.
async fn follow(language: &str, runner: &Runner, mut round: Round) {
    let place = round.place.path("cursor");
    let event = round.watch_in_turn(runner, &watch_one(&place, "case-system")).await;
    assert_eq!(event["alert"]["order"]["order_id"], "SO-GONE");
    let alert_id = event["alert"]["alert_id"].as_str().unwrap();
    let comment = format!("asked the buyer, by {language}");
    let review = ["review", "--alert", alert_id, "--decision", "in_review", "--comment", &comment];
    let events = round.watch_through_a_crash(runner, |round| {
        assert_eq!(round.run(runner, "desk", &review).unwrap().0, "in_review\n");
    });
    assert_eq!(events.each_ref().map(|event| event["sequence"].as_str()), [Some("1"), Some("2")]);
    // By the cursor alone, and by what was acknowledged alone: the first event is not seen again.
    for (place, subscription) in [(place.as_str(), "new-system"), (&round.place.path("no-cursor"), "case-system")] {
        let (seen, _) = round.run(runner, "desk", &watch_one(place, subscription)).unwrap();
        let event: Value = serde_json::from_str(&seen).unwrap();
        let found = (event["sequence"].as_str(), event["act"]["comment"].as_str());
        assert_eq!(found, (Some("2"), Some(comment.as_str())), "{subscription}");
    }
    round.check(alert_id, &comment).await;
    assert_eq!(round.service.terminate().0, Some(0));
}

#[test]
fn the_retry_table_has_a_row_for_every_reason() {
    let document = include_str!("../docs/integrating.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let reasons: Vec<ErrorReason> = (1..1_000).filter_map(|number| ErrorReason::try_from(number).ok()).collect();
    assert!(reasons.len() > 30);
    for reason in reasons {
        let word = format!("`{}`", reason_word(reason));
        let count = rows.iter().filter(|row| row.split('|').nth(1).unwrap().contains(&word)).count();
        assert_eq!(count, 1, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_round_from_python() {
    let prepared = prepared();
    let runner = Runner {
        program: prepared.join("python/bin/python"),
        script: Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python/client.py"),
        variable: ("PYTHONPATH", prepared.join("generated")),
    };
    round("Python", runner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_round_from_node() {
    let runner = Runner {
        program: PathBuf::from("node"),
        script: Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/node/client.js"),
        variable: ("NODE_PATH", prepared().join("node/node_modules")),
    };
    round("Node", runner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_round_from_rust() {
    let round = Round::new();
    let (ca, address) = (round.place.path("ca.pem"), round.service.address.clone());
    let call = |key: &str, command: &str, more: &[&str]| {
        let key = round.place.path(&format!("{key}.key"));
        let connection = [command, "--server", &address, "--tls-ca", &ca, "--api-key-file", &key];
        said(&[&connection[..], more].concat())
    };
    // The program reads the columns of docs/input.md.
    let columns = "order_id,line_no,order_date,buyer_name,buyer_country,description,brand,part_number,hs_code,\
                   serial_numbers,quantity,unit\n";
    let serial_numbers = SERIAL_NUMBERS.replace(['[', ']', '"', ' '], "").replace(',', ";");
    let goods = format!("servo controllers,Nordkap,NK4471-88C,85371010,{serial_numbers},4,PCE\n");
    round.place.write("orders.csv", &format!("{columns}SO-GONE,1,2024-03-01,Primer Trade LLP,KZ,{goods}"));
    let columns = "document_kind,document_number,line_no,date,consignor_name,consignor_country,consignee_name,\
                   consignee_country,description,brand,part_number,hs_code,serial_numbers,quantity,unit\n";
    let parties = "TOO Primer Trade,KZ,OOO Sever Primer,RU";
    round.place.write("shipments.csv", &format!("{columns}cmr,CMR-1,1,2024-04-02,{parties},{goods}"));
    let (orders, shipments) = (round.place.path("orders.csv"), round.place.path("shipments.csv"));
    call("erp", "import", &["--orders", &orders, "--shipments", &shipments, "--wait"]);
    let watched = ["--subscription", "case-system", "--until-idle"];
    assert!(call("desk", "watch", &watched).contains("SO-GONE"));
    let comment = "asked the buyer, by Rust";
    let decision = ["decide", "1", "in-review", "--actor", "desk", "--comment", comment];
    call("desk", "review", &decision);
    let second = call("desk", "watch", &watched);
    assert!(second.contains("SO-GONE") && !second.contains("raised"), "{second}");
    round.check("1", comment).await;
    assert_eq!(round.service.terminate().0, Some(0));
}
