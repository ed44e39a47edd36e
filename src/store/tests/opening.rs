//! Opening: new files, old files, newer files, other files.

use std::path::Path;

use redb::{Database, ReadableDatabase};

use super::plain::Plain;
use super::samples::{batch, clock, options, order, store};
use crate::store::{FORMAT_VERSION, Store, StoreError, StoreOptions, tables};

fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(path, StoreOptions { identity: None, ..options() }, clock())
}

#[test]
fn a_store_keeps_its_content_and_its_identity() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let first = open(&path).unwrap();
    first.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap();
    let (identity, content) = (first.identity(), Plain::read(&first.snapshot().unwrap()));
    assert_eq!(open(&path).err(), Some(StoreError::AlreadyOpen));
    drop(first);
    let second = open(&path).unwrap();
    assert!(second.identity() == identity);
    assert_eq!(Plain::read(&second.snapshot().unwrap()), content);
    assert!(second.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap().replayed);
    let other = open(&directory.path().join("other")).unwrap();
    assert!(other.identity().id != identity.id && other.identity().secret != identity.secret);
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(open(&path).unwrap());
    let newer = FORMAT_VERSION + 3;
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let value = newer.to_le_bytes();
    transaction.open_table(tables::META).unwrap().insert(tables::META_FORMAT, value.as_slice()).unwrap();
    transaction.delete_table(tables::AUDIT).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = StoreError::NewerFormat { found: newer, supported: FORMAT_VERSION };
    assert_eq!(open(&path).err(), Some(refused.clone()));
    assert!(refused.to_string().contains("use a newer program"));
    let database = Database::open(&path).unwrap();
    let tables_left = database.begin_read().unwrap().list_tables().unwrap().count();
    assert_eq!(tables_left, tables::TABLE_COUNT - 1);
}

#[test]
fn the_number_of_tables_is_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(open(&path).unwrap());
    let database = Database::open(&path).unwrap();
    assert_eq!(database.begin_read().unwrap().list_tables().unwrap().count(), tables::TABLE_COUNT);
}

#[test]
fn what_a_cut_creation_left_behind_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let aside = directory.path().join("store.new");
    let leftovers = [Vec::new(), vec![0; 4096], vec![7; 100_000], {
        let complete = directory.path().join("complete");
        drop(open(&complete).unwrap());
        std::fs::read(complete).unwrap()
    }];
    for leftover in leftovers {
        std::fs::write(&aside, leftover).unwrap();
        std::fs::write(&path, "").unwrap();
        let store = open(&path).unwrap();
        assert_eq!(store.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap().outcomes.len(), 1);
        assert!(!aside.exists());
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn other_files_are_no_stores() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "order_id,line_no\n".repeat(1000)).unwrap();
    assert!(matches!(open(&text), Err(StoreError::NotAStore { .. })));
    let foreign = directory.path().join("foreign");
    let database = Database::create(&foreign).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<u64, u64>::new("cats")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(open(&foreign), Err(StoreError::NotAStore { .. })));
    assert!(open(directory.path()).is_err());
}

#[test]
fn commits_tick_after_they_can_be_seen() {
    let store = store();
    let mut commits = store.commits();
    assert!(!commits.has_changed().unwrap());
    store.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap();
    assert!(commits.has_changed().unwrap());
    commits.borrow_and_update();
    // A replay is no commit, and no record is an alert.
    store.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap();
    assert!(!commits.has_changed().unwrap());
    assert!(!store.alert_commits().has_changed().unwrap());
}
