//! Older files: what was written by a former program is there for this one.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};

use super::plain::Plain;
use super::samples::{batch, finding, options, order, order_key, rule};
use crate::audit::AuditHash;
use crate::model::{Alert, AlertEvent, AlertId, EvidenceMarks};
use crate::store::codec::encode;
use crate::store::migration::{AlertEventV1, AlertV1};
use crate::store::{FORMAT_VERSION, Store, StoreError, tables};

/// A file of format 1 is read by this program, and its alerts go on where they were.
#[test]
fn a_store_of_format_1_is_brought_to_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let open = || Store::open(&path, options(), Arc::new(|| 9_000)).unwrap();
    let store = open();
    store.commit_judgements_blocking(vec![finding("steppe", 1, 70)], None, rule()).unwrap();
    let (alert, event) = {
        let snapshot = store.snapshot().unwrap();
        let view = snapshot.tenant("steppe").unwrap();
        (view.alert(AlertId(1)).unwrap().unwrap(), view.alert_events(0, 1).unwrap().remove(0))
    };
    drop(store);
    put_back_to_format_1(&path, &alert, &event);

    let store = open();
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.tenant("steppe").unwrap();
    assert_eq!(view.alert(AlertId(1)).unwrap(), Some(alert.clone()));
    assert_eq!(view.alert_of_order(&order_key(1)).unwrap(), Some(alert));
    let unmarked = AlertEvent { alert: Alert { marks: EvidenceMarks::default(), ..event.alert.clone() }, ..event };
    assert_eq!(view.events_of_alert(AlertId(1), 0, 10).unwrap(), [unmarked]);
    drop((snapshot, store));
    let database = Database::open(&path).unwrap();
    let read = database.begin_read().unwrap();
    assert_eq!(read.list_tables().unwrap().count(), tables::TABLE_COUNT);
    let format = read.open_table(tables::META).unwrap().get(tables::META_FORMAT).unwrap().unwrap();
    assert_eq!(format.value(), FORMAT_VERSION.to_le_bytes());
}

/// A file of format 2 gets the trees that it would have had, and they grow on.
#[test]
fn a_store_of_format_2_gets_the_same_trees_as_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let write = |path: &Path, numbers: Range<u32>| {
        let store = Store::open(path, options(), Arc::new(|| 9_000)).unwrap();
        for number in numbers {
            let tenant = ["steppe", "taiga", "tundra"][number as usize % 7 % 3];
            store.accept_blocking(batch(tenant, &format!("{number}"), vec![order(number, "a")])).unwrap();
            store.commit_judgements_blocking(vec![finding(tenant, number, 70)], None, rule()).unwrap();
        }
    };
    write(&old, 0..60);
    fs::copy(&old, &new).unwrap();
    let before = trees(&old);
    assert!(before.0.len() == 180 && before.1.len() > 150, "{} leaves, {} nodes", before.0.len(), before.1.len());
    let database = Database::open(&old).unwrap();
    let transaction = database.begin_write().unwrap();
    put_back_trails(&transaction);
    let two = 2u32.to_le_bytes();
    transaction.open_table(tables::META).unwrap().insert(tables::META_FORMAT, two.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    write(&old, 0..0);
    assert_eq!(trees(&old), before);
    for path in [&old, &new] {
        write(path, 60..70);
    }
    assert_eq!(trees(&old), trees(&new));
    Plain::read(&Store::open(&old, options(), Arc::new(|| 9_000)).unwrap().snapshot().unwrap());
}

/// A trail with an entry that no tenant has is no trail to build trees on.
#[test]
fn a_store_of_format_2_with_a_lost_entry_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let open = || Store::open(&path, options(), Arc::new(|| 9_000));
    for number in 0..5 {
        open().unwrap().accept_blocking(batch("steppe", &format!("{number}"), vec![order(number, "a")])).unwrap();
    }
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    put_back_trails(&transaction);
    transaction.open_table(tables::AUDIT_BY_TENANT).unwrap().remove((1, 3)).unwrap();
    let two = 2u32.to_le_bytes();
    transaction.open_table(tables::META).unwrap().insert(tables::META_FORMAT, two.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let Err(StoreError::Damaged { what }) = open().map(drop) else { panic!("it was opened") };
        assert_eq!(what, "5 audit entries, 4 of them with a tenant");
    }
}

type Rows = (Vec<((u32, u64), u64)>, Vec<((u32, u8, u64), AuditHash)>);

/// Every leaf and every node.
fn trees(path: &Path) -> Rows {
    let database = Database::open(path).unwrap();
    let read = database.begin_read().unwrap();
    let leaves = read.open_table(tables::AUDIT_LEAVES).unwrap();
    let nodes = read.open_table(tables::AUDIT_NODES).unwrap();
    let leaves = leaves.iter().unwrap().map(|row| row.unwrap()).map(|(key, value)| (key.value(), value.value()));
    let nodes = nodes.iter().unwrap().map(|row| row.unwrap()).map(|(key, value)| (key.value(), *value.value()));
    (leaves.collect(), nodes.collect())
}

/// The trail without trees.
fn put_back_trails(transaction: &WriteTransaction) {
    let leaves = transaction.open_table(tables::AUDIT_LEAVES).unwrap();
    let mut places = transaction.open_table(tables::AUDIT_BY_TENANT).unwrap();
    for row in leaves.iter().unwrap() {
        let (key, sequence) = row.unwrap();
        places.insert((key.value().0, sequence.value()), ()).unwrap();
    }
    drop((leaves, places));
    transaction.delete_table(tables::AUDIT_LEAVES).unwrap();
    transaction.delete_table(tables::AUDIT_NODES).unwrap();
}

fn put_back_to_format_1(path: &Path, alert: &Alert, event: &AlertEvent) {
    let old = || AlertV1 {
        id: alert.id,
        tenant: alert.tenant.clone(),
        order: alert.order.clone(),
        state: alert.state,
        revision: alert.revision,
        raised_at_millis: alert.raised_at_millis,
        changed_at_millis: alert.changed_at_millis,
        kind: alert.kind,
        level: alert.level,
        score: alert.score,
        priority: alert.priority,
        attributed: alert.attributed,
        unit: alert.unit,
        summary: alert.summary.clone(),
        case_hash: alert.case_hash,
        fingerprint: alert.fingerprint,
    };
    let AlertEvent { sequence, at_millis, kind, .. } = event.clone();
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let bytes = encode(&old()).unwrap();
    transaction.open_table(tables::ALERTS_V1).unwrap().insert((1, 1), bytes.as_slice()).unwrap();
    let bytes = encode(&AlertEventV1 { sequence, at_millis, kind, alert: old() }).unwrap();
    transaction.open_table(tables::ALERT_EVENTS_V1).unwrap().insert((1, 1), bytes.as_slice()).unwrap();
    transaction.delete_table(tables::ALERTS).unwrap();
    transaction.delete_table(tables::ALERT_EVENTS).unwrap();
    transaction.delete_table(tables::EVENTS_BY_ALERT).unwrap();
    transaction.delete_table(tables::SUBSCRIPTIONS).unwrap();
    put_back_trails(&transaction);
    let one = 1u32.to_le_bytes();
    transaction.open_table(tables::META).unwrap().insert(tables::META_FORMAT, one.as_slice()).unwrap();
    transaction.commit().unwrap();
}
