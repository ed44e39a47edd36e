//! Every input of `fuzz/corpus/` and every one of `fuzz/regressions/`, which once broke something, through its target.
//!
//! Come here when one of them fails: the message names the file, and the target's file says what must hold.
//! Looking for new inputs is the engine's work, see CONTRIBUTING.md.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use targets::TARGETS;

/// All inputs in the repository, in bytes.
const CORPORA_BYTES_MAX: usize = 300 * 1024;

fn fuzz(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder)
}

/// Files of a folder, in order; none where there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_input_that_was_ever_found_holds() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let corpus = entries(&fuzz("corpus").join(name));
        assert!(!corpus.is_empty(), "{name} has no corpus");
        target(&[]);
        for path in corpus.into_iter().chain(entries(&fuzz("regressions").join(name))) {
            let input = fs::read(&path).unwrap();
            if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_folder_of_inputs_has_its_target_and_all_of_them_are_small() {
    let mut bytes = 0;
    for folder in entries(&fuzz("corpus")).into_iter().chain(entries(&fuzz("regressions"))) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(targets::target(&name).is_some(), "{name} is no target");
        bytes += entries(&folder).iter().map(|path| fs::metadata(path).unwrap().len() as usize).sum::<usize>();
    }
    assert!(bytes <= CORPORA_BYTES_MAX, "{bytes} bytes of inputs");
}
