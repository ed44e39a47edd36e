//! The commands on real files and a real service, as a user runs them: the built program, its exit codes, its output.
//!
//! Come here when something must hold across commands: files against service, stopping, coming back.
//! Help and usage are in `cli`, what is computed is tested in the rooms.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const WORLD_ORDERS: &str = "150";
const WORLD_SHIPMENTS: &str = "900";

fn onward(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onward"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ONWARD_")) {
        command.env_remove(name);
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a command that must end well, and gives what it said.
fn said(arguments: &[&str]) -> String {
    let output = onward(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A folder with a world in `world`, and names of files in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with_world(seed: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let world = place.path("world");
        let sizes = ["--orders", WORLD_ORDERS, "--shipments", WORLD_SHIPMENTS];
        said(&[&["simulate", "--out", &world, "--seed", seed], &sizes[..]].concat());
        place
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn screen(&self, out: &str) -> String {
        let files = ["orders", "shipments", "companies"].map(|kind| self.path(&format!("world/{kind}.csv")));
        let [orders, shipments, companies] = &files;
        let out = self.path(out);
        said(&["screen", "--orders", orders, "--shipments", shipments, "--companies", companies, "--out", &out])
    }
}

/// A service that is killed with its owner unless it was stopped.
struct Service {
    child: Child,
    address: String,
    // Held open: the service may still have something to say.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    fn start(data: &str) -> Self {
        let mut child = program(&["serve", "--data", data, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split_whitespace().find(|word| word.starts_with("http://"));
        let Some(address) = address.map(|address| address.trim_end_matches('.').to_owned()) else {
            let mut complaint = String::new();
            child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
            panic!("the service did not start: {line}{complaint}");
        };
        Self { child, address, _stdout: stdout }
    }

    /// Stops it as Ctrl-C does; gives its exit code.
    fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    fn import(&self, place: &Place, kind: &str, more: &[&str]) -> Output {
        let file = place.path(&format!("world/{kind}.csv"));
        let option = format!("--{kind}");
        onward(&[&["import", "--server", &self.address, &option, &file], more].concat())
    }

    fn import_all(&self, place: &Place) {
        for kind in ["orders", "companies", "shipments"] {
            let output = self.import(place, kind, &[]);
            assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
        }
    }

    fn watch(&self, more: &[&str]) -> String {
        said(&[&["watch", "--server", &self.address, "--until-idle", "--format", "jsonl"], more].concat())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already, as it should be, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_world_is_screened_and_compared_with_its_truth() {
    let place = Place::with_world("5");
    let summary = place.screen("found");
    assert!(summary.starts_with("150 order lines, "), "{summary}");
    for table in ["decisions", "links", "parties", "rejects"] {
        assert!(place.read(&format!("found/{table}.csv")).contains(','), "{table}");
    }
    assert_eq!(place.read("found/decisions.csv").lines().count(), 151);

    let (truth, found, picture) = (place.path("world"), place.path("found"), place.path("curves.svg"));
    let compared = ["backtest", "--truth", &truth, "--found", &found];
    let table = said(&[&compared[..], &["--svg", &picture, "--alerts-per-day", "3"]].concat());
    for row in ["Back-test: 150 order lines", "links  ", "party pairs", "recall at 3 alerts a day"] {
        assert!(table.contains(row), "{row} is not in\n{table}");
    }
    assert!(place.read("curves.svg").starts_with("<svg"));
    assert_eq!(onward(&[&compared[..], &["--links-f1-min", "0.5"]].concat()).status.code(), Some(0), "{table}");
    let below = onward(&[&compared[..], &["--links-f1-min", "1"]].concat());
    assert_eq!(below.status.code(), Some(1), "{table}");
    assert!(text(&below.stderr).contains("below the 1 asked for"), "{}", text(&below.stderr));
}

#[test]
fn a_truth_without_lines_and_worlds_is_enough() {
    let place = Place::with_world("6");
    place.screen("found");
    let cut = |name: &str, columns: usize| {
        let mut reader = csv::Reader::from_path(place.path(&format!("world/{name}"))).unwrap();
        let mut rows = vec![reader.headers().unwrap().clone()];
        rows.extend(reader.records().map(Result::unwrap));
        fs::create_dir_all(place.path("old")).unwrap();
        let mut writer = csv::Writer::from_path(place.path(&format!("old/{name}"))).unwrap();
        for row in rows {
            writer.write_record(row.iter().take(columns)).unwrap();
        }
        writer.flush().unwrap();
    };
    // Older worlds name neither lines of orders nor lines of papers.
    cut("truth_links.csv", 5);
    cut("truth_orders.csv", 3);
    let table = said(&["backtest", "--truth", &place.path("old"), "--found", &place.path("found")]);
    assert!(table.contains("links  ") && !table.contains("party pairs"), "{table}");
    assert!(!table.contains("alerts a day"), "nothing has a day: {table}");
}

#[test]
fn what_cannot_be_read_or_written_has_its_own_exit_code() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let (nothing, empty, folder) = (place.path("nothing.csv"), place.path("empty.csv"), place.path("."));
    fs::write(&empty, "").unwrap();
    fs::write(place.path("text"), "not a store").unwrap();
    let (out, old, new) = (place.path("out"), place.path("text"), place.path("empty.csv/new.redb"));
    let cases: [(&[&str], i32); 13] = [
        (&["screen", "--orders", &nothing, "--shipments", &nothing, "--out", &out], 65),
        (&["screen", "--orders", &empty, "--shipments", &empty, "--out", &empty], 74),
        (&["screen", "--orders", &empty, "--shipments", &empty, "--column-map", &nothing, "--out", &out], 65),
        (&["screen", "--shipments", &empty, "--out", &out], 64),
        (&["match", &nothing], 65),
        (&["match", &empty], 65),
        (&["backtest", "--truth", &folder, "--found", &folder], 65),
        (&["backtest", "--truth", &folder, "--found", &folder, "--links-f1-min", "2"], 64),
        (&["audit", "verify", "--data", &nothing], 65),
        (&["audit", "verify", "--data", &old], 65),
        (&["serve", "--data", &old], 65),
        (&["serve", "--data", &new], 74),
        (&["import", "--server", "http://127.0.0.1:1"], 64),
    ];
    for (arguments, code) in cases {
        let output = onward(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("onward: "), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(!Path::new(&nothing).exists(), "looking at a store that is not there makes none");
}

/// The header and some rows of a file of the world, as a file of their own.
fn part(place: &Place, kind: &str, name: &str, from: usize, to: usize) -> String {
    let all = place.read(&format!("world/{kind}.csv"));
    let (header, rows) = all.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().skip(from).take(to - from).collect();
    let path = place.path(name);
    fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    path
}

#[test]
fn a_run_goes_on_from_a_kept_one_and_writes_what_one_run_over_everything_does() {
    let place = Place::with_world("12");
    place.screen("whole");
    let (state, companies) = (place.path("state"), place.path("world/companies.csv"));
    let run =
        |out: &str, more: &[&str]| said(&[&["screen", "--state", &state, "--out", &place.path(out)], more].concat());
    let told = |out: &str| ["decisions", "links", "parties"].map(|table| place.read(&format!("{out}/{table}.csv")));
    let [orders, shipments] = [("orders", 100), ("shipments", 500)].map(|(kind, to)| part(&place, kind, kind, 0, to));
    run("first", &["--orders", &orders, "--shipments", &shipments]);
    // The register comes late, and the papers that are left after it.
    let rest = part(&place, "shipments", "rest", 500, 900);
    let said = run("second", &["--companies", &companies, "--shipments", &rest]);
    assert!(said.contains("100 order lines, 900 shipment lines") && said.contains("Went on"), "{said}");
    let whole = ["orders", "shipments"].map(|kind| place.path(&format!("world/{kind}.csv")));
    run("third", &["--orders", &whole[0], "--shipments", &whole[1]]);
    assert_eq!(told("third"), told("whole"));
    let said = run("fourth", &[]);
    assert!(said.contains("judged anew: 0 order lines"), "{said}");
    assert_eq!(told("fourth"), told("whole"));
    // What is corrected under its old name is not taken, and told of.
    let corrected = part(&place, "orders", "corrected", 0, 1);
    fs::write(&corrected, fs::read_to_string(&corrected).unwrap().replacen(",202", ",201", 1)).unwrap();
    let arguments = ["screen", "--state", &state, "--out", &place.path("fifth"), "--orders", &corrected, "--strict"];
    let output = onward(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("with another content: 1 records."), "{}", text(&output.stdout));
    assert_eq!(told("fifth"), told("whole"));
}

#[test]
fn a_kept_run_that_cannot_be_gone_on_from_is_left_alone() {
    let place = Place::with_world("13");
    let (state, out) = (place.path("state"), place.path("found"));
    let files = ["orders", "shipments"].map(|kind| place.path(&format!("world/{kind}.csv")));
    let weights = place.path("weights.tsv");
    fs::write(&weights, include_str!("../data/weights.tsv").replacen("# version: ", "# version: 0", 1)).unwrap();
    said(&["screen", "--state", &state, "--out", &out, "--orders", &files[0], "--shipments", &files[1]]);
    let (file, decisions) = (place.path("state/screening.state"), place.read("found/decisions.csv"));
    let kept = fs::read(&file).unwrap();
    let refused = |more: &[&str], reason: &str| {
        let before = fs::read(&file).unwrap();
        let output = onward(&[&["screen", "--state", &state, "--out", &out], more].concat());
        assert_eq!(output.status.code(), Some(65), "{more:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(reason), "{reason}: {}", text(&output.stderr));
        assert_eq!(place.read("found/decisions.csv"), decisions);
        assert!(fs::read(&file).unwrap() == before, "the state stays as it was");
    };
    refused(&["--tenant", "another"], "another tenant");
    refused(&["--format", "jsonl"], "--format csv");
    refused(&["--weights", &weights], "other weights");
    let places = [0, 20, kept.len() / 3, kept.len() / 2, kept.len() * 9 / 10, kept.len() - 20];
    for at in places {
        let mut damaged = kept.clone();
        damaged[at] ^= 0x10;
        fs::write(&file, &damaged).unwrap();
        refused(&[], "take it away");
    }
    for length in [0, 7, kept.len() / 2, kept.len() - 1] {
        fs::write(&file, &kept[..length]).unwrap();
        refused(&[], "take it away");
    }
    fs::write(&file, &kept).unwrap();
    said(&["screen", "--state", &state, "--out", &out]);
    assert_eq!(place.read("found/decisions.csv"), decisions);
}

#[test]
fn a_doubled_decision_is_refused_not_chosen_from() {
    let place = Place::with_world("7");
    place.screen("found");
    let mut decisions = place.read("found/decisions.csv");
    let last = decisions.lines().last().unwrap().to_owned();
    decisions.push_str(&last);
    fs::write(place.path("found/decisions.csv"), decisions).unwrap();
    let output = onward(&["backtest", "--truth", &place.path("world"), "--found", &place.path("found")]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("for the second time"), "{}", text(&output.stderr));
}

#[test]
fn files_and_service_find_the_same_and_nothing_is_lost_by_stopping() {
    let place = Place::with_world("8");
    let data = place.path("onward.redb");
    place.screen("screened");
    let service = Service::start(&data);
    service.import_all(&place);
    let exported = |service: &Service, out: &str| {
        said(&["export", "--server", &service.address, "--out", &place.path(out)]);
        ["decisions", "links"].map(|table| place.read(&format!("{out}/{table}.csv")))
    };
    let screened = ["decisions", "links"].map(|table| place.read(&format!("screened/{table}.csv")));
    assert!(exported(&service, "exported") == screened, "screen and export differ");

    let compared = said(&["backtest", "--truth", &place.path("world"), "--found", &place.path("exported")]);
    assert!(compared.contains("links  ") && !compared.contains("party pairs"), "{compared}");

    let again = service.import(&place, "orders", &[]);
    assert_eq!(text(&again.stdout), "orders: 0 new, 150 there before\n");

    let second = onward(&["serve", "--data", &data, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(74));
    assert!(text(&second.stderr).contains("another process has the store open"), "{}", text(&second.stderr));
    let audit = onward(&["audit", "verify", "--data", &data]);
    assert_eq!(audit.status.code(), Some(65), "{}", text(&audit.stderr));

    assert_eq!(service.interrupt(), Some(0));
    let trail = said(&["audit", "verify", "--data", &data]);
    assert!(trail.starts_with("The trail is whole: ") && trail.contains("batch_accepted"), "{trail}");
    let service = Service::start(&data);
    assert!(exported(&service, "after") == screened, "stopping and starting changed findings");
    assert_eq!(service.interrupt(), Some(0));
}

#[test]
fn a_job_screens_what_is_stored_and_what_comes_with_it() {
    let place = Place::with_world("8");
    let service = Service::start(&place.path("onward.redb"));
    service.import_all(&place);
    let job = |arguments: &[&str]| onward(&[&["job", "--server", &service.address], arguments].concat());
    let lines_of = |file: &str| place.read(file).lines().count() - 1;
    let orders = lines_of("world/orders.csv");
    let started = job(&["start", "--request-id", "r1"]);
    assert!(text(&started.stdout).starts_with("job 1: "), "{}", text(&started.stderr));
    let written = job(&["results", "1", "--out", &place.path("stored")]);
    let said = text(&written.stdout);
    assert!(said.starts_with(&format!("job 1: done, {orders} of {orders} lines (100 %)")), "{said}");
    assert_eq!((lines_of("stored/advice.csv"), lines_of("stored/decisions.csv")), (orders, orders));
    let again = job(&["results", "1", "--out", &place.path("stored")]);
    assert_eq!(again.status.code(), Some(64), "nothing is overwritten silently");
    assert!(text(&again.stderr).contains("--replace"), "{}", text(&again.stderr));
    assert_eq!(job(&["results", "1", "--out", &place.path("stored"), "--replace"]).status.code(), Some(0));

    let uploaded = job(&["start", "--orders", &place.path("world/orders.csv")]);
    assert!(text(&uploaded.stdout).starts_with("job 2: "), "{}", text(&uploaded.stderr));
    job(&["results", "2", "--out", &place.path("uploaded"), "--format", "jsonl"]);
    assert_eq!(place.read("uploaded/decisions.jsonl").lines().count(), orders);
    let listed = text(&job(&["list"]).stdout);
    assert!(listed.lines().map(|line| &line[..6]).eq(["job 2:", "job 1:"]), "{listed}");
    assert!(text(&job(&["cancel", "1"]).stdout).starts_with("job 1: done"), "what has ended stays as it is");
    assert!(text(&job(&["cancel", "1"]).stderr).contains("nothing was cancelled"));
    assert_eq!(job(&["show", "7"]).status.code(), Some(65));
    let orders_file = place.read("world/orders.csv");
    fs::write(place.path("empty.csv"), orders_file.lines().next().unwrap()).unwrap();
    let empty = job(&["start", "--orders", &place.path("empty.csv")]);
    assert_eq!(empty.status.code(), Some(65));
    assert!(text(&empty.stderr).contains("no order line"), "{}", text(&empty.stderr));
    assert!(text(&job(&["list"]).stdout).starts_with("job 2:"), "nothing was started");
    assert_eq!(service.interrupt(), Some(0));
}

#[test]
fn a_trail_is_exported_and_held_against_a_noted_head() {
    let place = Place::with_world("9");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import(&place, "companies", &[]);
    assert_eq!(service.interrupt(), Some(0));
    let first = said(&["audit", "verify", "--data", &data]);
    let head = |text: &str| text.lines().find_map(|line| line.strip_prefix("Head: ")).unwrap().to_owned();
    let noted = head(&first);
    let older = place.path("older.redb");
    fs::copy(&data, &older).unwrap();

    let service = Service::start(&data);
    service.import_all(&place);
    assert_eq!(service.interrupt(), Some(0));
    let grown = said(&["audit", "verify", "--data", &data, "--noted-head", &noted]);
    let newest = head(&grown);
    assert_ne!(newest, noted);
    let cut_short = onward(&["audit", "verify", "--data", &older, "--noted-head", &newest]);
    assert_eq!(cut_short.status.code(), Some(65));
    assert!(text(&cut_short.stderr).contains("before the noted entry"), "{}", text(&cut_short.stderr));
    let (number, hash) = noted.split_once(':').unwrap();
    let other = format!("{number}:{}", hash.chars().rev().collect::<String>());
    assert_eq!(onward(&["audit", "verify", "--data", &data, "--noted-head", &other]).status.code(), Some(65));

    said(&["audit", "export", "--data", &data, "--out", &place.path("trail.jsonl")]);
    let rows: Vec<serde_json::Value> =
        place.read("trail.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = rows.last().unwrap();
    assert_eq!(format!("{}:{}", last["sequence"], last["hash"].as_str().unwrap()), newest);
    assert!(rows.windows(2).all(|pair| pair[0]["hash"] == pair[1]["previous"]));
}

/// Whether `python3` is at hand; where it is not, what needs it is left out, aloud.
fn has_python() -> bool {
    let is_there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("ONWARD_FOREIGN").is_none(), "python3 is not at hand");
        // Past the capture of the test runner: who reads the log must see it.
        let mut log = std::io::stderr();
        writeln!(log, "LEFT OUT: python3 is not at hand").unwrap();
    }
    is_there
}

#[test]
fn the_example_of_the_document_is_checked_by_the_program_for_strangers() {
    if !has_python() {
        return;
    }
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let document = include_str!("../docs/auditing.md");
    let proof = document.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let command = document.lines().find(|line| line.starts_with("python3 ")).unwrap();
    let check = |proof: &str| {
        fs::write(place.path("proof.jsonl"), proof).unwrap();
        let command = command.replace("proof.jsonl", &place.path("proof.jsonl"));
        Command::new("sh").current_dir(env!("CARGO_MANIFEST_DIR")).args(["-c", &command]).output().unwrap()
    };
    let output = check(proof);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("1 entries are part of the trail with the tree 3:396e"));
    for (from, to) in
        [("order/A-1001/1", "order/A-1001/2"), ("x\":1,", "x\":0,"), ("[\"2", "[\"3"), ("hash\":\"3", "hash\":\"4")]
    {
        assert!(proof.contains(from), "{from}");
        assert!(!check(&proof.replace(from, to)).status.success(), "{from} to {to}");
    }
}

/// The value of a line that begins with a word.
fn after<'a>(word: &str, text: &'a str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no {word} in {text}"))
}

#[test]
fn what_was_kept_of_a_trail_is_held_against_service_and_store() {
    let place = Place::with_world("9");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import(&place, "companies", &[]);
    let audit = |service: &Service, arguments: &[&str]| {
        onward(&[&["audit"], arguments, &["--server", &service.address]].concat())
    };
    let printed = text(&audit(&service, &["checkpoint"]).stdout);
    let (tree, head) = (after("Tree: ", &printed).to_owned(), after("Head: ", &printed).to_owned());
    service.import_all(&place);
    assert_eq!(service.import(&place, "orders", &["--wait"]).status.code(), Some(0), "all is judged");
    let continued = audit(&service, &["verify", "--kept-tree", &tree]);
    assert_eq!(continued.status.code(), Some(0), "{}", text(&continued.stderr));
    let size = tree.split(':').next().unwrap();
    let begins = format!("The trail still begins with the {size} entries of the kept tree; ");
    assert!(text(&continued.stdout).starts_with(&begins), "{}", text(&continued.stdout));
    let newest = after("Tree: ", &text(&continued.stdout)).to_owned();
    assert_ne!(newest, tree);

    let first = head.split(':').next().unwrap();
    let proof = place.path("proof.jsonl");
    let proven = audit(&service, &["proof", first, "--tree-size", size, "--out", &proof]);
    assert_eq!(proven.status.code(), Some(0), "{}", text(&proven.stderr));
    assert_eq!(after("Tree: ", &text(&proven.stdout)), tree);
    let written: serde_json::Value = serde_json::from_str(place.read("proof.jsonl").trim_end()).unwrap();
    assert_eq!(format!("{}:{}", written["tree_size"], written["root_hash"].as_str().unwrap()), tree);
    assert_eq!(after("Tree: ", &text(&audit(&service, &["proof", first]).stdout)), newest);
    assert_eq!(audit(&service, &["proof", first, "--out", &proof]).status.code(), Some(64), "it would be overwritten");

    let (_, hash) = tree.split_once(':').unwrap();
    let other = format!("{size}:{}", hash.chars().rev().collect::<String>());
    let longer = format!("999999:{hash}");
    let not_there: [(&[&str], i32, &str); 6] = [
        (&["proof", "999999"], 65, "there is no audit entry 999999 of the tenant\n"),
        (&["proof", "0"], 64, "0 is not in 1.."),
        (&["verify", "--kept-tree", &other], 65, "the trail is broken: it does not go on from the kept tree"),
        (&["verify", "--kept-tree", &longer], 65, "the trail is broken: the tenant has fewer entries"),
        (&["verify", "--kept-tree", &format!("0:{hash}")], 64, "says nothing"),
        (&["verify"], 64, "--data"),
    ];
    for (arguments, code, words) in not_there {
        let output = audit(&service, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }

    // Whoever has the store needs no service, and believes nothing that it says of trees.
    assert_eq!(service.interrupt(), Some(0));
    let offline = |kept: &str, more: &[&str]| {
        onward(&[&["audit", "verify", "--data", &data, "--kept-tree", kept], more].concat())
    };
    let said = text(&offline(&tree, &["--noted-head", &head]).stdout);
    assert!(
        said.contains("The trail of default still begins with") && said.ends_with(&format!("Tree: {newest}\n")),
        "{said}"
    );
    for (kept, more, words) in [
        (&other, &[][..], "are not those of the kept tree"),
        (&longer, &[][..], "fewer than the kept tree with 999,999"),
        (&tree, &["--tenant", "nobody"][..], "nobody has 0 entries"),
    ] {
        let output = offline(kept, more);
        assert_eq!(output.status.code(), Some(65), "{kept}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn a_copy_of_a_file_that_is_being_written_is_named_what_it_is() {
    let place = Place::with_world("12");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import(&place, "companies", &[]);
    let copy = place.path("copy.redb");
    fs::copy(&data, &copy).unwrap();
    // What came while the copy was made: its second half is of another moment.
    service.import_all(&place);
    let whole = fs::read(&data).unwrap();
    let mut torn = fs::read(&copy).unwrap();
    let half = torn.len() / 2;
    torn.truncate(half);
    torn.extend_from_slice(&whole[half..]);
    fs::write(&copy, torn).unwrap();
    let output = onward(&["audit", "verify", "--data", &copy]);
    let said = text(&output.stderr);
    assert!(said.contains("this is a copy of a file that a running service is writing"), "{said}");
    assert!(said.contains("Such a copy is no backup"), "{said}");
    assert!([Some(0), Some(65)].contains(&output.status.code()) && !said.contains("panicked"), "{said}");
    assert_eq!(service.interrupt(), Some(0));
}

#[test]
fn a_finding_is_packed_and_judged_again_and_nothing_is_overwritten() {
    let place = Place::with_world("9");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import_all(&place);
    let alert: serde_json::Value = serde_json::from_str(service.watch(&[]).lines().next().unwrap()).unwrap();
    let order = [alert["order_id"].as_str().unwrap().to_owned(), alert["line_no"].to_string()];
    let audit = |command: &str, order: &[String], more: &[&str]| {
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        onward(&[&["audit", command], &order[..], &["--server", &service.address], more].concat())
    };
    let again = audit("replay", &order, &[]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let first = format!("Order {}, line {}: the same case gives the same bytes.", order[0], order[1]);
    assert!(text(&again.stdout).starts_with(&first), "{}", text(&again.stdout));
    let line_zero = audit("replay", &[order[0].clone(), "0".to_owned()], &[]);
    assert_eq!(line_zero.status.code(), Some(64), "{}", text(&line_zero.stdout));
    assert!(text(&line_zero.stderr).contains("0 is not in 1.."), "{}", text(&line_zero.stderr));

    let pack = place.path("pack.zip");
    let said_of_pack = audit("pack", &order, &["--out", &pack]);
    assert_eq!(said_of_pack.status.code(), Some(0), "{}", text(&said_of_pack.stderr));
    let written = fs::read(&pack).unwrap();
    let refused = audit("pack", &order, &["--out", &pack]);
    assert_eq!((refused.status.code(), fs::read(&pack).unwrap() == written), (Some(64), true), "it was overwritten");
    let nobody = ["nobody".to_owned(), "1".to_owned()];
    for command in [audit("replay", &nobody, &[]), audit("pack", &nobody, &["--out", &place.path("none.zip")])] {
        assert_eq!(command.status.code(), Some(65));
        assert!(text(&command.stderr).contains("there is no finding"), "{}", text(&command.stderr));
    }
    let left: Vec<_> = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("none.zip")), "{left:?}");

    // An auditor follows the README.
    assert_eq!(service.interrupt(), Some(0));
    let folder = place.path("pack");
    zip::ZipArchive::new(fs::File::open(&pack).unwrap()).unwrap().extract(&folder).unwrap();
    let shell = |line: &str| Command::new("sh").current_dir(&folder).args(["-c", line]).status().unwrap().success();
    assert!(shell("sha256sum --check --quiet SHA256SUMS"));
    let readme = place.read("pack/README.txt");
    let head = readme.split_whitespace().skip_while(|word| *word != "--noted-head").nth(1).unwrap();
    said(&["audit", "verify", "--data", &data, "--noted-head", head]);
    said(&["audit", "export", "--data", &data, "--out", &place.path("pack/trail.jsonl")]);
    let compare = readme.lines().find(|line| line.contains("grep --fixed-strings")).unwrap();
    assert!(shell(compare.trim()), "{compare}");
    let kept = readme.split_whitespace().skip_while(|word| *word != "--kept-tree").nth(1).unwrap();
    said(&["audit", "verify", "--data", &data, "--kept-tree", kept]);
    if has_python() {
        let check = readme.lines().find(|line| line.contains("python3 check_proof.py")).unwrap();
        assert!(shell(check.trim()), "{check}");
        // Another entry, another place, another tree: not proven.
        let proofs = place.read("pack/audit_proofs.jsonl");
        let other = proofs.replacen("case_judged", "alert_closed", 1);
        for (other, tree) in
            [(other, kept), (proofs.replacen("leaf_index\":", "leaf_index\":1", 1), kept), (proofs, "7:00")]
        {
            fs::write(place.path("pack/other.jsonl"), other).unwrap();
            assert!(!shell(&format!("python3 check_proof.py other.jsonl {tree} 2> other.log")));
        }
    }
}

#[test]
fn a_killed_service_leaves_a_whole_trail_that_looking_does_not_change() {
    let place = Place::with_world("12");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import_all(&place);
    // Dropping it is a kill.
    drop(service);
    let before = fs::read(&data).unwrap();
    let output =
        program(&["audit", "verify", "--data", &data]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = output.id();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("The trail is whole: "), "{}", text(&output.stdout));
    let said = text(&output.stderr);
    assert!(said.contains("was killed, or this is a copy of a file that a running service"), "{said}");
    assert!(said.contains("is no backup") && said.contains("repaired copy"), "{said}");
    assert!(fs::read(&data).unwrap() == before, "looking changed the store");
    assert_eq!(temporary_folders(id), Vec::<PathBuf>::new());
    let service = Service::start(&data);
    assert_eq!(text(&service.import(&place, "orders", &[]).stdout), "orders: 0 new, 150 there before\n");
    assert_eq!(service.interrupt(), Some(0));
}

#[test]
fn a_watcher_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let place = Place::with_world("10");
    let service = Service::start(&place.path("onward.redb"));
    let cursor_file = place.path("cursor");
    let watch = || service.watch(&["--cursor-file", &cursor_file]);
    assert_eq!(watch(), "", "nothing was sent yet");
    let mut seen = String::new();
    for kind in ["companies", "orders", "shipments"] {
        assert_eq!(service.import(&place, kind, &[]).status.code(), Some(0));
        seen += &watch();
    }
    assert!(!seen.is_empty());
    assert_eq!(watch(), "", "all was told");
    assert_eq!(service.watch(&[]), seen, "without a cursor everything comes again");
    let sequences: Vec<u64> = seen
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
    let foreign = onward(&["watch", "--server", &service.address, "--until-idle", "--from", "no cursor at all"]);
    assert_eq!(foreign.status.code(), Some(65), "{}", text(&foreign.stderr));
    assert_eq!(service.interrupt(), Some(0));
}

#[test]
fn alerts_are_worked_on_from_the_command_line_and_a_restart_forgets_nothing() {
    let place = Place::with_world("10");
    let data = place.path("onward.redb");
    let service = Service::start(&data);
    service.import_all(&place);
    let all = service.watch(&["--subscription", "desk"]).lines().count();
    assert!(all > 3, "{all} alerts");
    assert_eq!(service.watch(&["--subscription", "desk"]), "", "all was handled");

    let review = |service: &Service, arguments: &[&str]| {
        program(&[&["review", "--server", &service.address], arguments].concat()).output().unwrap()
    };
    let ok = |service: &Service, arguments: &[&str]| {
        let output = review(service, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let open = ok(&service, &["list", "--state", "open"]);
    let id = open.split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(ok(&service, &["settings", "--four-eyes", "true"]), "four eyes: true\n");
    let taken = ok(&service, &["decide", &id, "in-review", "--actor", "ana", "--assignee", "ben"]);
    assert!(taken.contains("in_review") && taken.contains(", ben: "), "{taken}");
    let confirm = ["decide", &id, "confirmed", "--reason", "goods-went-on", "--actor"];
    ok(&service, &[&confirm[..], &["ana"]].concat());
    let alone = review(&service, &[&confirm[..], &["ana"]].concat());
    assert_eq!(alone.status.code(), Some(65));
    assert!(text(&alone.stderr).contains("SECOND_PERSON_NEEDED"), "{}", text(&alone.stderr));
    assert!(ok(&service, &["show", &id]).contains("confirmed is proposed by ana"));
    let stale = review(&service, &[&confirm[..], &["ben", "--etag", "1"]].concat());
    assert!(text(&stale.stderr).contains("ALERT_CHANGED"), "{}", text(&stale.stderr));
    assert!(ok(&service, &[&confirm[..], &["ben"]].concat()).contains("confirmed"));

    assert_eq!(service.interrupt(), Some(0));
    let service = Service::start(&data);
    let story = ok(&service, &["show", &id]);
    let steps =
        ["raised", "reviewed by ana", "state: open -> in_review", "proposed by ana, goods_went_on", "reviewed by ben"];
    for step in steps {
        assert!(story.contains(step), "{step} is not in\n{story}");
    }
    let told = service.watch(&["--subscription", "desk"]);
    assert_eq!(told.lines().count(), 3, "what people did is told: {told}");
    assert_eq!(service.interrupt(), Some(0));
    let trail = said(&["audit", "verify", "--data", &data]);
    assert!(trail.contains("alert_reviewed"), "{trail}");
}

#[test]
fn rows_that_do_not_go_in_come_back_with_their_reason() {
    let place = Place::with_world("11");
    let service = Service::start(&place.path("onward.redb"));
    assert_eq!(service.import(&place, "orders", &["--strict"]).status.code(), Some(0));
    let orders = place.read("world/orders.csv");
    let mut rows: Vec<String> = orders.lines().take(4).map(str::to_owned).collect();
    // The second row is another order under a known key, the third none at all.
    rows[2] = rows[2].replacen(",PCE,", ",KGM,", 1);
    rows[3] = rows[3].replacen(",PCE,", ",armfuls,", 1);
    fs::write(place.path("world/orders.csv"), rows.join("\n")).unwrap();
    let rejects = place.path("rejects.csv");
    let output = service.import(&place, "orders", &["--strict", "--rejects", &rejects]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert_eq!(said, "orders: 0 new, 1 there before, 1 under a key that holds something else\n1 rows were not sent\n");
    let rejects = place.read("rejects.csv");
    for row in ["\norders.csv,3,unit,armfuls,unknown_unit,", "\norders.csv,2,,SO"] {
        assert!(rejects.contains(row), "{row} is not in\n{rejects}");
    }
    assert!(rejects.contains(",conflict,"), "{rejects}");
    assert_eq!(service.interrupt(), Some(0));
}

fn temporary_folders(of: u32) -> Vec<PathBuf> {
    let prefix = format!("onward-{of}-");
    let entries = fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&prefix)).collect()
}

#[test]
fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let child = program(&["demo", "--orders", "60"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let story = text(&output.stdout);
    for part in
        ["A made-up world (seed 1)", "over gRPC", "alerts came", "Suspected: ", "Trail ", "F1 ", "What to type next"]
    {
        assert!(story.contains(part), "{part} is not in\n{story}");
    }
    assert_eq!(temporary_folders(id), Vec::<PathBuf>::new());

    let place = Place { folder: tempfile::tempdir().unwrap() };
    said(&["demo", "--orders", "60", "--keep", &place.path("kept")]);
    for file in ["orders.csv", "truth_links.csv", "onward.redb"] {
        assert!(Path::new(&place.path(&format!("kept/{file}"))).exists(), "{file}");
    }
    said(&["audit", "verify", "--data", &place.path("kept/onward.redb")]);
}

#[test]
fn a_demo_that_is_broken_off_leaves_nothing_behind() {
    let mut child =
        program(&["demo", "--orders", "20000"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let mut line = String::new();
    // Its first line comes when the world is made; the long way through the service is before it.
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("A made-up world"), "{line}");
    assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(temporary_folders(id), Vec::<PathBuf>::new());
}
