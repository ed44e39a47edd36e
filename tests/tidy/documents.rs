//! House rules on what stands beside the code: dependencies and documents.
//!
//! Come here when a manifest, a lock file, a link or a command in the README is refused. Rules on code are in `tidy`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{File, check, files, top};

/// Versions below these have faults that we met or that were published.
const VERSIONS_MIN: [(&str, &str); 7] = [
    ("redb", "4.6.0"),
    ("h2", "0.4.16"),
    ("tonic", "0.14.9"),
    ("tracing-subscriber", "0.3.20"),
    ("bytes", "1.11.1"),
    ("rustls-webpki", "0.103.13"),
    ("jsonwebtoken", "10.3.0"),
];

// ---- dependencies ------------------------------------------------------------------------------------------------

/// Dependencies of a manifest that no comment above them, in the same group of lines, gives a reason for.
fn unexplained(manifest: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut in_dependencies, mut explained) = (false, false);
    for line in manifest.lines().map(str::trim) {
        match line.chars().next() {
            None => explained = false,
            Some('#') => explained = true,
            Some('[') => (in_dependencies, explained) = (line.contains("dependencies"), false),
            Some(_) if in_dependencies && !explained => faults.push(format!("no reason for `{line}`")),
            Some(_) => {}
        }
    }
    faults
}

fn version(text: &str) -> Vec<u64> {
    let core = text.split(['-', '+']).next().unwrap_or(text);
    core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Names and versions in a lock file.
fn locked(lock: &str) -> Vec<(&str, &str)> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let field = |name: &str| {
                let line = package.lines().find(|line| line.starts_with(name))?;
                line.split('"').nth(1)
            };
            Some((field("name = ")?, field("version = ")?))
        })
        .collect()
}

fn version_faults(lock: &str) -> Vec<String> {
    let packages = locked(lock);
    let mut faults = Vec::new();
    for (name, version_min) in VERSIONS_MIN {
        let versions: Vec<&str> =
            packages.iter().filter(|(found, _)| *found == name).map(|(_, found)| *found).collect();
        if versions.is_empty() {
            faults.push(format!("Cargo.lock: `{name}` is not there; drop its minimum version"));
        }
        for found in versions.into_iter().filter(|found| version(found) < version(version_min)) {
            faults.push(format!("Cargo.lock: {name} {found} is older than {version_min}"));
        }
    }
    faults
}

#[test]
fn every_dependency_has_its_reason_and_is_new_enough() {
    for manifest in ["Cargo.toml", "benches/Cargo.toml", "fuzz/Cargo.toml"] {
        let faults = unexplained(&fs::read_to_string(top().join(manifest)).unwrap());
        check(faults.into_iter().map(|fault| format!("{manifest}: {fault}")).collect());
    }
    check(version_faults(&fs::read_to_string(top().join("Cargo.lock")).unwrap()));
}

#[test]
fn a_dependency_without_reason_or_too_old_is_seen() {
    assert_eq!(unexplained("[dependencies]\n# why\na = \"1\"\nb = \"1\"\n\nc = \"1\"\n[lints]\nd = 1").len(), 1);
    assert_eq!(unexplained("[dev-dependencies]\na = \"1\"").len(), 1);
    let lock = |redb: &str| {
        let packages = VERSIONS_MIN.map(|(name, least)| (name, if name == "redb" { redb } else { least }));
        packages.map(|(name, version)| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")).concat()
    };
    assert_eq!((version_faults(&lock("4.10.0")).len(), version_faults(&lock("4.5.9")).len()), (0, 1));
    assert_eq!(version_faults("").len(), VERSIONS_MIN.len());
}

// ---- documents ---------------------------------------------------------------------------------------------------

/// Lines of a Markdown text outside fenced blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut in_fence = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            lines.push(line);
        }
    }
    lines
}

/// Names that other documents can jump to, as Git hosts make them from headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let lower = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = lower.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(slug).collect()
}

fn link_faults(file: &File, read: &dyn Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for line in prose(&file.text) {
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let target = &rest[..rest.find(')').unwrap_or(rest.len())];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
            let wanted = if path.is_empty() { PathBuf::from(&file.path) } else { folder.join(path) };
            match read(&wanted) {
                None => faults.push(format!("{}: `{target}` leads nowhere", file.path)),
                Some(text) if !anchor.is_empty() && !anchors(&text).contains(anchor) => {
                    faults.push(format!("{}: `{target}` names no heading", file.path));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

#[test]
fn links_between_documents_lead_somewhere() {
    let read = |path: &Path| {
        let path = top().join(path);
        if path.is_dir() {
            Some(String::new())
        } else {
            fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into())
        }
    };
    check(files("", &["md"]).iter().flat_map(|file| link_faults(file, &read)).collect());
}

#[test]
fn the_two_commands_of_the_readme_are_what_ci_runs() {
    let read = |path: &str| fs::read_to_string(top().join(path)).unwrap();
    for command in ["cargo run --release -- demo", "cargo test"] {
        for path in ["README.md", ".ci/run"] {
            let stands = |line: &str| line.split(" 2>&1").next().unwrap_or(line).trim() == command;
            assert!(read(path).lines().any(stands), "{path} has no line `{command}`");
        }
    }
}

#[test]
fn a_broken_link_is_seen() {
    let read = |path: &Path| (path == Path::new("docs/b.md")).then(|| "# The first, heading\n".to_owned());
    let faults = |text: &str| link_faults(&File { path: "docs/a.md".into(), text: text.into() }, &read).len();
    assert_eq!(faults("[b](b.md) [c](https://example.org) [d](b.md#the-first-heading)\n```\n[e](e.md)\n```"), 0);
    assert_eq!(faults("[b](../b.md) and [c](b.md#another)"), 2);
}
