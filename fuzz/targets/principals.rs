//! The principals file, the key for hashes, the key set of an identity provider, and a token shown to it all.
//!
//! What is wrong is told in short sentences without a hash or key; nobody comes in by a token that is not signed.

use std::sync::{Arc, LazyLock};

use onward::clock::FixedClock;
use onward::identity::{Credential, HashKey, Identities, KeyHash, PRINCIPALS_MAX, certificate_names};

use super::texts;

/// 2026-06-15, noon.
const NOON: u64 = 1_781_524_800_000;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

pub fn run(data: &[u8]) {
    let [principals, hash_key, key_set, token] = texts(data);
    let _ = certificate_names(data);
    let _ = (HashKey::parse(&hash_key), KeyHash::parse(&token));
    let folder = FOLDER.path();
    for (name, text) in [("principals.toml", &principals), ("hash.key", &hash_key), ("keys.json", &key_set)] {
        std::fs::write(folder.join(name), text).expect("is written");
    }
    match Identities::open(&folder.join("principals.toml"), Arc::new(FixedClock::at(NOON))) {
        Ok(identities) => {
            assert!(identities.principal_count() <= PRINCIPALS_MAX);
            let found = identities.identify(&Credential::Bearer(token.as_str().into()));
            assert!(
                found.is_err() || token.contains('.') || token.starts_with("onward_"),
                "{token:?} lets somebody in"
            );
        }
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a reason");
            for fault in faults.0 {
                assert!(fault.detail.len() <= 200 + 8 * principals.len(), "a long fault: {:?}", fault.detail);
            }
        }
    }
}
