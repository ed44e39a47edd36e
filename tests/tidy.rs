//! The house rules as tests: who may import whom, how long a function may be, what no file may contain.
//!
//! Come here when a rule of ARCHITECTURE.md or CONTRIBUTING.md should hold by itself, or when one of them stopped you.
//! Sources are read as text, with comments and strings blanked out; nothing here parses Rust or runs any of it.
//! Each rule is a function over one text, run over the repository by one test and over a bad snippet by another.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/seeded_faults.rs"]
mod seeded_faults;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may import whom. A room that is not named here may not exist; `lib` is the two files at the top of `src/`.
#[rustfmt::skip]
const ROOMS: [(&str, &[&str]); 21] = [
    ("model", &[]),
    ("normalize", &["model"]),
    ("intake", &["model", "normalize"]),
    ("resolve", &["model", "normalize"]),
    ("goods", &["model", "normalize"]),
    ("flow", &["model"]),
    ("indicators", &["model"]),
    ("audit", &["model"]),
    ("store", &["model", "audit", "clock"]),
    ("alerts", &["model", "audit", "store", "clock"]),
    ("screening", &["model", "normalize", "resolve", "goods", "flow", "indicators", "audit", "store", "alerts", "clock"]),
    ("identity", &["model", "clock"]),
    ("api", &["model", "intake", "screening", "store", "alerts", "audit", "indicators", "identity", "config", "clock",
              "telemetry"]),
    ("simulation", &["model", "normalize"]),
    ("evaluation", &["model"]),
    ("calibration", &["model", "screening", "simulation", "evaluation"]),
    ("clock", &["model"]),
    ("config", &["model", "telemetry"]),
    ("telemetry", &["model", "clock"]),
    ("cli", &["model", "normalize", "intake", "resolve", "goods", "flow", "indicators", "audit", "store", "alerts",
              "screening", "identity", "api", "simulation", "evaluation", "calibration", "clock", "config", "telemetry"]),
    ("lib", &[]),
];
/// What the tests inside any room may import besides: worlds to work on, and the way from text to comparable forms.
const ROOMS_FOR_TESTS: [&str; 2] = ["normalize", "simulation"];

/// Crates that one room hides from all others, so that they can be replaced by changing that room.
const CRATE_HOMES: [(&str, &[&str]); 24] = [
    ("redb", &["store"]),
    ("tonic", &["api"]),
    ("tonic_health", &["api"]),
    ("tonic_reflection", &["api"]),
    ("tonic_types", &["api"]),
    ("prost", &["api"]),
    ("prost_reflect", &["api"]),
    ("zip", &["api"]),
    ("rustls", &["api"]),
    ("tokio_rustls", &["api"]),
    ("ring", &["identity"]),
    ("webpki", &["identity"]),
    ("jsonwebtoken", &["identity"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("hyper", &["telemetry"]),
    ("http_body_util", &["telemetry"]),
    ("toml", &["identity", "config"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("tracing_subscriber", &["telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
];

/// Calls that no code outside tests makes, and the rooms that may.
const BANNED: [(&str, &[&str]); 12] = [
    (".unwrap()", &[]),
    (".expect(", &[]),
    ("panic!", &[]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    ("dbg!", &[]),
    ("println!", &["cli"]),
    ("print!", &["cli"]),
    ("eprint!", &["cli"]),
    ("SystemTime::now", &["clock", "cli", "telemetry"]),
    // `api` counts down the deadlines of calls; no time of day and no finding comes of it.
    ("Instant::now", &["clock", "cli", "telemetry", "api"]),
    ("eprintln!", &["cli"]),
];
/// Calls that tests may not make either: a sleep is no synchronisation, an ignored test is no test.
const BANNED_EVERYWHERE: [&str; 2] = ["thread::sleep", "#[ignore"];

/// Exceptions to the rules above: file, what it may do, why. Keep it short.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// Words for unfinished work, written so that this file does not contain them.
const MARKERS: [&str; 4] = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X"), concat!("HA", "CK")];
/// Starts of paths that exist on one machine only, written likewise.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

// ---- the repository as texts -------------------------------------------------------------------------------------

/// One file: its path from the top of the repository, with forward slashes, and its content.
struct File {
    path: String,
    text: String,
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` with one of the extensions, in order; build output, packages of others and hidden folders left out.
fn files(folder: &str, extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    let mut waiting = vec![top().join(folder)];
    while let Some(path) = waiting.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_top = path == top().join(folder);
        if !is_top && (name.starts_with('.') || ["target", "node_modules"].contains(&name.as_str())) {
            continue;
        }
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if extensions.iter().any(|extension| name.ends_with(&format!(".{extension}"))) {
            let path_from_top = path.strip_prefix(top()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path: path_from_top, text: fs::read_to_string(&path).unwrap() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The room that a path under `src/` belongs to; `lib` for the two files at its top.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let first = inside.split('/').next().unwrap_or(inside);
    match first.strip_suffix(".rs").unwrap_or(first) {
        "main" => "lib",
        name => name,
    }
}

fn check(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} fault(s):\n{}", faults.len(), faults.join("\n"));
}

/// Runs one rule over every Rust file of the repository.
fn check_sources(rule: impl Fn(&File) -> Vec<String>) {
    let sources = files("", &["rs"]);
    assert!(sources.len() > 20, "the sources were not found");
    check(sources.iter().flat_map(rule).collect());
}

// ---- reading Rust as text ----------------------------------------------------------------------------------------

/// The text with comments and the insides of strings and characters blanked out; every byte keeps its place.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped_end(bytes, at);
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).unwrap()
}

/// Where the comment, string or character that starts at `at` ends; `at` itself when none starts there.
fn skipped_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_word = at > 0 && is_word(bytes[at - 1]);
    let raw_hashes = |from: usize| rest[from..].iter().take_while(|byte| **byte == b'#').count();
    let raw = match rest {
        [b'r', b'"' | b'#', ..] if !after_word => Some(1),
        [b'b', b'r', b'"' | b'#', ..] if !after_word => Some(2),
        _ => None,
    };
    if let Some(prefix) = raw {
        let hashes = raw_hashes(prefix);
        if rest.get(prefix + hashes) == Some(&b'"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let inside = &rest[prefix + hashes + 1..];
            let length = find(inside, closing.as_bytes()).map_or(inside.len(), |found| found + closing.len());
            return at + prefix + hashes + 1 + length;
        }
    }
    match rest {
        [b'/', b'/', ..] => at + find(rest, b"\n").unwrap_or(rest.len()),
        [b'/', b'*', ..] => at + block_comment_length(rest),
        [b'"', ..] => at + quoted_length(rest, b'"'),
        [b'\'', b'\\', ..] => at + quoted_length(rest, b'\''),
        [b'\'', first, ..] => {
            // A lifetime has no closing quote right after its first letter.
            let width = char_width(*first);
            if rest.get(1 + width) == Some(&b'\'') { at + width + 2 } else { at }
        }
        _ => at,
    }
}

fn char_width(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        match &rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Every place where `wanted` stands and is not the end of a longer word.
fn places<'a>(text: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    let starts_a_word = wanted.bytes().next().is_some_and(is_word);
    text.match_indices(wanted)
        .map(|(at, _)| at)
        .filter(move |at| !starts_a_word || *at == 0 || !is_word(text.as_bytes()[at - 1]))
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (offset, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open + offset;
                }
            }
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

/// Where an item's body is, searching from `start`: the braces, or up to the semicolon when it has none.
fn body(code: &str, start: usize) -> (Option<usize>, usize) {
    let bytes = code.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' => at = closing(code, at),
            b'{' => return (Some(at), closing(code, at)),
            b';' => return (None, at),
            _ => {}
        }
        at += 1;
    }
    (None, bytes.len().saturating_sub(1))
}

/// The items that exist in tests only: from `#[cfg(test)]` to the end of what it stands on.
fn test_items(code: &str) -> Vec<Range<usize>> {
    places(code, "#[cfg(test)]").map(|at| at..body(code, at + "#[cfg(test)]".len()).1 + 1).collect()
}

/// The code without the items that exist in tests only.
fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for range in test_items(code) {
        for byte in bytes[range].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Files that exist in tests only, because their parent declares them by `#[cfg(test)] mod name;`.
fn test_file_prefixes(sources: &[File]) -> Vec<String> {
    let mut prefixes = Vec::new();
    for file in sources {
        let code = blank(&file.text);
        for range in test_items(&code) {
            let item = &code[range];
            let Some(name) = item.trim_end().strip_suffix(';').and_then(|item| item.rsplit("mod ").next()) else {
                continue;
            };
            let own = file.path.strip_suffix(".rs").unwrap_or(&file.path);
            let folder = match own.rsplit_once('/') {
                Some((folder, "mod" | "lib" | "main")) => folder,
                _ => own,
            };
            prefixes.push(format!("{folder}/{}.rs", name.trim()));
            prefixes.push(format!("{folder}/{}/", name.trim()));
        }
    }
    prefixes
}

/// The product's own code: everything under `src/` that also exists outside tests.
fn product_code() -> Vec<File> {
    let sources = files("src", &["rs"]);
    let in_tests = test_file_prefixes(&sources);
    sources
        .into_iter()
        .filter(|file| !in_tests.iter().any(|prefix| file.path.starts_with(prefix.as_str())))
        .map(|file| File { text: without_tests(&blank(&file.text)), path: file.path })
        .collect()
}

// ---- who may import whom -----------------------------------------------------------------------------------------

fn allowed(room: &str) -> Option<&'static [&'static str]> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed)
}

/// First words after `crate::`, also of a group in braces, with their places.
fn imported_rooms(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in places(code, "crate::") {
        let start = at + "crate::".len();
        if code[start..].starts_with('{') {
            let group = &code[start + 1..closing(code, start)];
            let mut depth = 0;
            let mut word_start = true;
            for (offset, byte) in group.bytes().enumerate() {
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    b',' => word_start = depth == 0,
                    _ if byte.is_ascii_whitespace() => {}
                    _ if word_start && depth == 0 => {
                        word_start = false;
                        found.push((at, word(&group[offset..])));
                    }
                    _ => {}
                }
            }
        } else {
            found.push((at, word(&code[start..])));
        }
    }
    found
}

fn word(text: &str) -> String {
    let end = text.bytes().take_while(|byte| is_word(*byte)).count();
    if end == 0 { text.chars().take(1).collect() } else { text[..end].to_owned() }
}

/// Chains of `super::` that climb out of the room, which would go round the table.
fn climbs_out(path: &str, code: &str) -> Vec<usize> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = if matches!(inside, "lib" | "main") { 0 } else { inside.split('/').count() };
    let inline: Vec<Range<usize>> =
        places(code, "mod ").filter_map(|at| body(code, at).0.map(|open| open..closing(code, open))).collect();
    let mut found = Vec::new();
    for at in places(code, "super::").filter(|at| !code[..*at].ends_with("super::")) {
        let climbed = code[at..].split("::").take_while(|part| *part == "super").count();
        let levels = depth + inline.iter().filter(|range| range.contains(&at)).count();
        if climbed >= levels {
            found.push(at);
        }
    }
    found
}

fn import_faults(file: &File, extra: &[&str]) -> Vec<String> {
    let Some(allowed) = allowed(room(&file.path)) else {
        return vec![format!("{}: the room `{}` is not in the import table", file.path, room(&file.path))];
    };
    let code = blank(&file.text);
    let mut faults = Vec::new();
    for (at, name) in imported_rooms(&code) {
        let own = name == room(&file.path);
        if !own && !allowed.contains(&name.as_str()) && !extra.contains(&name.as_str()) {
            let line = line_of(&code, at);
            faults.push(format!("{}:{line}: `{}` may not import `{name}`", file.path, room(&file.path)));
        }
    }
    for at in climbs_out(&file.path, &code) {
        faults.push(format!("{}:{}: `super::` climbs out of the room", file.path, line_of(&code, at)));
    }
    faults
}

fn crate_faults(file: &File) -> Vec<String> {
    let code = blank(&file.text);
    let mut faults = Vec::new();
    for (name, homes) in CRATE_HOMES {
        let path = format!("{name}::");
        if homes.contains(&room(&file.path)) {
            continue;
        }
        for at in places(&code, &path).filter(|at| !code[..*at].ends_with("::")) {
            faults.push(format!("{}:{}: `{name}` lives only in {homes:?}", file.path, line_of(&code, at)));
        }
    }
    faults
}

/// A cycle among the rooms, if there is one.
fn cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut open: BTreeMap<&String, BTreeSet<&String>> =
        graph.iter().map(|(from, to)| (from, to.iter().filter(|to| graph.contains_key(*to)).collect())).collect();
    // Rooms that import nothing any more cannot be in a cycle: take them away until none is left to take.
    while let Some(leaf) = open.iter().find(|(_, to)| to.is_empty()).map(|(from, _)| *from) {
        open.remove(leaf);
        for to in open.values_mut() {
            to.remove(leaf);
        }
    }
    (!open.is_empty()).then(|| open.keys().map(|name| (*name).clone()).collect())
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let product = product_code();
    assert!(product.len() > 20, "the sources were not found");
    check(product.iter().flat_map(|file| import_faults(file, &[])).collect());
    check(files("src", &["rs"]).iter().flat_map(|file| import_faults(file, &ROOMS_FOR_TESTS)).collect());
}

#[test]
fn crates_stay_in_their_rooms() {
    check(product_code().iter().flat_map(crate_faults).collect());
}

#[test]
fn rooms_have_no_cycles() {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in product_code() {
        let from = room(&file.path).to_owned();
        let to = imported_rooms(&file.text).into_iter().map(|(_, name)| name).filter(|name| *name != from);
        graph.entry(from.clone()).or_default().extend(to);
    }
    assert_eq!(cycle(&graph), None);
    let table = ROOMS.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect()));
    assert_eq!(cycle(&table.collect()), None);
}

/// Rows `| room, room | import, import |` of a Markdown table.
fn documented_rooms(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut rooms = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split('|').map(str::trim).collect();
        let [names, imports] = cells[..] else { continue };
        for name in names.split(", ") {
            rooms.insert(name, imports.split(", ").filter(|import| *import != "nothing").collect());
        }
    }
    rooms
}

#[test]
fn the_documents_show_the_import_table() {
    let text = fs::read_to_string(top().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## Who may import whom").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented = documented_rooms(section);
    for (room, imports) in ROOMS.iter().filter(|(room, _)| *room != "lib") {
        let expected = if *room == "cli" { BTreeSet::from(["everything"]) } else { imports.iter().copied().collect() };
        assert_eq!(documented.get(room), Some(&expected), "{room}");
    }
}

#[test]
fn a_bad_import_is_seen() {
    let bad = |path: &str, text: &str| import_faults(&File { path: path.into(), text: text.into() }, &[]).len();
    assert_eq!(bad("src/flow/mod.rs", "use crate::model::Day;"), 0);
    assert_eq!(bad("src/flow/mod.rs", "use crate::store::Store;"), 1);
    assert_eq!(bad("src/flow/paths.rs", "fn a() { let b = crate::store::open(); }"), 1);
    assert_eq!(bad("src/flow/paths.rs", "use crate::{model::{Day, Unit}, store, api::Server};"), 2);
    assert_eq!(bad("src/flow/paths.rs", "use crate::*;"), 1);
    assert_eq!(bad("src/flow/paths.rs", "// crate::store\nconst A: &str = \"crate::store\";"), 0);
    assert_eq!(bad("src/attic/mod.rs", ""), 1);
    assert_eq!(bad("src/flow/mod.rs", "use super::store::Store;"), 1);
    assert_eq!(bad("src/flow/paths.rs", "use super::other; mod tests { use super::super::other; }"), 0);
    assert_eq!(bad("src/flow/paths.rs", "mod tests { use super::super::super::store; }"), 1);
    let crates = |path: &str, text: &str| crate_faults(&File { path: path.into(), text: text.into() }).len();
    assert_eq!((crates("src/store/mod.rs", "use redb::Database;"), crates("src/api/a.rs", "redb::b();")), (0, 1));
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry((*from).into()).or_default().insert((*to).into());
        }
        cycle(&graph).is_some()
    };
    assert!(graph(&[("a", "b"), ("b", "c"), ("c", "a")]) && !graph(&[("a", "b"), ("b", "c"), ("a", "c")]));
}

// ---- size and headers --------------------------------------------------------------------------------------------

fn function_faults(file: &File) -> Vec<String> {
    let code = blank(&file.text);
    let mut faults = Vec::new();
    for at in places(&code, "fn ") {
        let name = word(code[at + 3..].trim_start());
        let (Some(_), end) = body(&code, at) else { continue };
        let lines = line_of(&code, end) - line_of(&code, at) + 1;
        if lines > FUNCTION_LINES_MAX && !is_exception(&file.path, &name) {
            faults.push(format!("{}:{}: `{name}` has {lines} lines", file.path, line_of(&code, at)));
        }
    }
    faults
}

fn is_exception(path: &str, what: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, name, _)| *file == path && *name == what)
}

fn file_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        faults.push(format!("{}: {lines} lines", file.path));
    }
    if !file.text.starts_with("//!") {
        faults.push(format!("{}: does not open with `//!`", file.path));
    }
    faults
}

#[test]
fn functions_are_short() {
    check_sources(function_faults);
}

#[test]
fn files_are_short_and_say_what_they_answer() {
    check_sources(file_faults);
}

#[test]
fn a_long_function_and_a_bare_file_are_seen() {
    let function = |lines: usize| File {
        path: "src/a.rs".into(),
        text: format!("//! A.\npub fn a(b: [u8; 2])\nwhere\n    C: D,\n{{\n{}}}\n", "    b();\n".repeat(lines)),
    };
    assert_eq!(function_faults(&function(FUNCTION_LINES_MAX - 5)).len(), 0);
    assert_eq!(function_faults(&function(FUNCTION_LINES_MAX - 4)).len(), 1);
    assert_eq!(file_faults(&function(3)).len(), 0);
    assert_eq!(file_faults(&function(FILE_LINES_MAX)).len(), 1);
    assert_eq!(file_faults(&File { path: "src/a.rs".into(), text: "use std::fs;\n".into() }).len(), 1);
}

// ---- what no file may contain ------------------------------------------------------------------------------------

fn banned_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for (call, rooms) in BANNED {
        if rooms.contains(&room(&file.path)) || is_exception(&file.path, call) {
            continue;
        }
        let found = places(&file.text, call).map(|at| line_of(&file.text, at));
        faults.extend(found.map(|line| format!("{}:{line}: `{call}`", file.path)));
    }
    faults
}

fn banned_everywhere_faults(file: &File) -> Vec<String> {
    let code = blank(&file.text);
    let found = BANNED_EVERYWHERE.iter().flat_map(|call| places(&code, call));
    found.map(|at| format!("{}:{}: a banned call", file.path, line_of(&code, at))).collect()
}

fn marker_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for marker in MARKERS {
        for at in places(&file.text, marker) {
            let after = file.text.as_bytes().get(at + marker.len()).copied();
            // A text that is nothing but the marker is a value, such as a currency code.
            let is_value = after == Some(b'"') && file.text[..at].ends_with('"');
            if !after.is_some_and(is_word) && !is_value {
                faults.push(format!("{}:{}: leftover `{marker}`", file.path, line_of(&file.text, at)));
            }
        }
    }
    faults
}

fn machine_path_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for start in MACHINE_PATHS {
        for (at, _) in file.text.match_indices(start) {
            let before = at.checked_sub(1).map(|before| file.text.as_bytes()[before]);
            if !before.is_some_and(|byte| is_word(byte) || matches!(byte, b'.' | b'-' | b'/')) {
                faults.push(format!("{}:{}: a path of one machine", file.path, line_of(&file.text, at)));
            }
        }
    }
    faults
}

#[test]
fn product_code_makes_no_banned_call() {
    check(product_code().iter().flat_map(banned_faults).collect());
    check_sources(banned_everywhere_faults);
}

#[test]
fn nothing_is_left_over_and_no_path_is_of_one_machine() {
    let mut texts = files("", &["rs", "md", "toml", "proto", "tsv", "txt", "yml", "yaml", "sh"]);
    let run = top().join(".ci/run");
    texts.push(File { path: ".ci/run".into(), text: fs::read_to_string(run).unwrap() });
    check(texts.iter().flat_map(|file| [marker_faults(file), machine_path_faults(file)].concat()).collect());
}

#[test]
fn a_banned_call_and_a_leftover_are_seen() {
    let product =
        |path: &str, text: &str| banned_faults(&File { path: path.into(), text: without_tests(&blank(text)) }).len();
    assert_eq!(product("src/flow/a.rs", "fn a() { b.unwrap(); c.expect(\"d\"); panic!(); }"), 3);
    assert_eq!(product("src/flow/a.rs", "fn a() { b.unwrap_or(c); } // .unwrap()\n/* panic!() /* */ panic!() */"), 0);
    assert_eq!(product("src/flow/a.rs", "#[cfg(test)]\nmod tests { fn a() { b.unwrap(); } }\nfn c() {}"), 0);
    assert_eq!(product("src/flow/a.rs", "#[cfg(test)]\nmod tests;\nfn c(d: &'static str) { d.unwrap(); }"), 1);
    assert_eq!(product("src/flow/a.rs", "const A: char = '\"'; fn b() { c.unwrap(); } const D: &str = r#\"\"\"#;"), 1);
    assert_eq!((product("src/cli/a.rs", "println!();"), product("src/flow/a.rs", "println!(); eprintln!();")), (0, 2));
    assert_eq!(product("src/store/a.rs", "let a = std::time::Instant::now();"), 1);
    let any = |text: String| File { path: "docs/a.md".into(), text };
    assert_eq!(banned_everywhere_faults(&any("std::thread::sleep(a);\n#[ignore]".into())).len(), 2);
    assert_eq!(marker_faults(&any(format!("// {}: later", MARKERS[0]))).len(), 1);
    assert_eq!(marker_faults(&any(format!("(\"{}\", None), // {}", MARKERS[2], MARKERS[2]))).len(), 1);
    assert_eq!(marker_faults(&any(format!("{}V is an annex, MAS{} no word", MARKERS[2], MARKERS[1]))).len(), 0);
    assert_eq!(machine_path_faults(&any(format!("see {}somebody/a", MACHINE_PATHS[1]))).len(), 1);
    assert_eq!(machine_path_faults(&any(format!("https://example.org{}a", MACHINE_PATHS[1]))).len(), 0);
    let parent = [File { path: "src/flow/mod.rs".into(), text: "#[cfg(test)]\nmod tests;".into() }];
    assert_eq!(test_file_prefixes(&parent), ["src/flow/tests.rs", "src/flow/tests/"]);
}
