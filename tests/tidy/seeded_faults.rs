//! House rules on the table of seeded faults in `tests/faults`: each still stands where the table says.
//!
//! Come here when a change to the code took away the text that a fault replaces: move the fault to the new text, and run
//! `.ci/faults --only` with its name. Whether the faults are caught is that script's question; nothing is built here.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use super::{File, check, files, top};

/// Fewer would say little of the whole way.
const SEEDED_FAULTS_MIN: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    fault: Vec<SeededFault>,
}

/// One fault, as `tests/faults/README.md` explains it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeededFault {
    name: String,
    harm: String,
    test: String,
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    find: String,
    replace: String,
}

fn seeded_faults(tables: &[File]) -> Vec<SeededFault> {
    tables.iter().flat_map(|file| toml::from_str::<Table>(&file.text).unwrap().fault).collect()
}

/// What is wrong with the table; `read` gives a file of the repository.
fn table_faults(faults: &[SeededFault], read: &dyn Fn(&str) -> String) -> Vec<String> {
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    for fault in faults {
        let mut tell = |what: String| found.push(format!("seeded fault {}: {what}", fault.name));
        if !names.insert(&fault.name) {
            tell("the name is there twice".to_owned());
        }
        if fault.harm.is_empty() || !fault.test.starts_with("--") || fault.edit.is_empty() {
            tell("expected a harm, a test that begins with --lib or --test, and an edit".to_owned());
        }
        for Edit { file, find, replace } in &fault.edit {
            match read(file).matches(find.as_str()).count() {
                1 => {}
                count => tell(format!("its text stands {count} times in {file} and not once: {find}")),
            }
            if !replace.contains("SEEDED") {
                tell("no SEEDED in its replacement".to_owned());
            }
        }
    }
    found
}

#[test]
fn every_seeded_fault_still_has_its_place() {
    let faults = seeded_faults(&files("tests/faults", &["toml"]));
    assert!(faults.len() >= SEEDED_FAULTS_MIN, "only {} seeded faults", faults.len());
    check(table_faults(&faults, &|path| fs::read_to_string(top().join(path)).unwrap_or_default()));
}

#[test]
fn a_seeded_fault_without_its_place_is_seen() {
    let table = |name: &str, find: &str, replace: &str| {
        let fields = format!("name = \"{name}\"\nharm = \"much\"\ntest = \"--lib a::\"");
        format!("[[fault]]\n{fields}\n[[fault.edit]]\nfile = \"a.rs\"\nfind = \"{find}\"\nreplace = \"{replace}\"\n")
    };
    let count = |text: String| {
        let faults = seeded_faults(&[File { path: "tests/faults/a.toml".into(), text }]);
        table_faults(&faults, &|_| "one two two".to_owned()).len()
    };
    assert_eq!(count(table("a", "one", "SEEDED")), 0);
    assert_eq!(count(table("a", "two", "SEEDED")), 1);
    assert_eq!(count(table("a", "three", "SEEDED")), 1);
    assert_eq!(count(table("a", "one", "none")), 1);
    assert_eq!(count(table("a", "one", "SEEDED") + &table("a", "one", "SEEDED")), 1);
}
