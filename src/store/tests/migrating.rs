//! Older files: what was written by a former program is there for this one.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase};

use super::samples::{finding, options, order_key, rule};
use crate::model::{Alert, AlertEvent, AlertId, EvidenceMarks};
use crate::store::codec::encode;
use crate::store::migration::{AlertEventV1, AlertV1};
use crate::store::{FORMAT_VERSION, Store, tables};

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
    let one = 1u32.to_le_bytes();
    transaction.open_table(tables::META).unwrap().insert(tables::META_FORMAT, one.as_slice()).unwrap();
    transaction.commit().unwrap();
}
