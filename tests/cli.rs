//! The program as its users meet it: help, exit codes, generated pages.
//!
//! Come here when something must hold for the built binary. What a command computes is tested in its room.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn onward(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_onward"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const COMMANDS: [&str; 16] = [
    "screen",
    "calibrate",
    "serve",
    "key",
    "import",
    "watch",
    "review",
    "job",
    "export",
    "simulate",
    "match",
    "backtest",
    "demo",
    "audit",
    "completions",
    "man",
];

#[test]
fn help_and_version_are_answers_not_failures() {
    for arguments in [vec!["--help"], vec!["-h"], vec!["--version"], vec!["help"], vec!["audit", "verify", "--help"]] {
        let output = onward(&arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    let all = text(&onward(&["--help"], "").stdout);
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command} ")), "--help does not name {command}");
        let output = onward(&[command, "--help"], "");
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text(&output.stdout).contains(&format!("onward {command}")), "{command} shows no example");
    }
}

#[test]
fn wrong_usage_is_64_and_says_so_on_standard_error() {
    let cases: [&[&str]; 14] = [
        &[],
        &["--no-such-option"],
        &["no-such-command"],
        &["screen"],
        &["screen", "--orders", "a.csv", "--shipments", "b.csv", "--out", "c", "--format", "xls"],
        &["simulate", "--out", "a", "--seed", "first"],
        &["watch", "--from", "a", "--cursor-file", "b"],
        &["watch", "--subscription", "a", "--cursor-file", "b"],
        &["review", "decide", "1", "maybe", "--actor", "ana"],
        &["review", "suppress", "1", "--actor", "ana", "--until", "tomorrow", "--reason", "licence"],
        &["completions", "cmd"],
        &["job", "start", "--first-day", "2024-02-01", "--last-day", "2024-01-31"],
        &["job", "start", "--request-id", ""],
        &["job", "results", "one", "--out", "a"],
    ];
    for arguments in cases {
        let output = onward(arguments, "");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = onward(&["completions", shell], "");
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    let output = onward(&["man"], "");
    assert_eq!(output.status.code(), Some(0));
    let page = text(&output.stdout);
    assert!(page.contains(".TH onward 1") && COMMANDS.iter().all(|command| page.contains(command)), "{page}");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    assert_eq!(onward(&["man", "--out", out.to_str().unwrap()], "").status.code(), Some(0));
    for page in ["onward.1", "onward-screen.1", "onward-audit-verify.1"] {
        assert!(std::fs::read_to_string(out.join(page)).unwrap().contains(".TH"), "{page}");
    }
}
