//! Why findings changed: kept with the revision, told to its tenant only, found again by order line and by time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadableTable};

use super::samples::{batch, company, document_key, finding, options, order, order_key, rule, shipment, store};
use crate::audit::AuditKind;
use crate::model::{
    Cause, CauseKind, Causes, Country, FindingChange, FindingDifference, Judgement, NamedCause, RecordName,
};
use crate::store::{Store, tables};

/// A cause as it is kept: its kind and the place of its record.
type Kept = (CauseKind, Option<u64>);

fn judged(tenant: &str, number: u32, percent: u32, causes: &[Kept]) -> Judgement {
    let causes = causes.iter().map(|(kind, record)| Cause { kind: *kind, record: *record }).collect();
    Judgement { finding: finding(tenant, number, percent), causes: Causes { causes, has_more: percent == 90 } }
}

fn commit(store: &Store, judgements: Vec<Judgement>) {
    store.commit_judgements_blocking(judgements, None, rule()).unwrap();
}

fn changes(store: &Store, tenant: &str, after: u64, start_millis: u64, limit: usize) -> Vec<FindingChange> {
    store.snapshot().unwrap().tenant(tenant).unwrap().changes(after, start_millis, limit).unwrap()
}

fn of_order(store: &Store, tenant: &str, number: u32, after: u32, limit: usize) -> Vec<FindingChange> {
    let snapshot = store.snapshot().unwrap();
    snapshot.tenant(tenant).unwrap().changes_of_order(&order_key(number), after, limit).unwrap()
}

fn named(kind: CauseKind, record: Option<RecordName>) -> NamedCause {
    NamedCause { kind, record }
}

#[test]
fn every_revision_has_its_cause_and_an_unchanged_finding_has_none() {
    let store = store();
    store.accept_blocking(batch("steppe", "r", vec![order(1, "a"), shipment(2, "a"), company(3, "c")])).unwrap();
    let steps: [(u32, &[Kept]); 4] = [
        (20, &[(CauseKind::OrderLine, Some(1))]),
        (60, &[(CauseKind::ShipmentLine, Some(2)), (CauseKind::Identity, Some(3))]),
        (60, &[(CauseKind::Start, None)]),
        (90, &[(CauseKind::Start, None)]),
    ];
    for (percent, causes) in steps {
        commit(&store, vec![judged("steppe", 1, percent, causes)]);
    }
    let told = of_order(&store, "steppe", 1, 0, 10);
    let causes: Vec<_> = told.iter().map(|change| (change.revision, change.causes.clone())).collect();
    let record = |kind, record| named(kind, Some(record));
    let row = RecordName::Company(Some(Country::KZ), format!("{:012}", 3));
    let expected = [
        (1, vec![record(CauseKind::OrderLine, RecordName::Order(order_key(1)))]),
        (
            2,
            vec![
                record(CauseKind::ShipmentLine, RecordName::Shipment(document_key(2))),
                record(CauseKind::Identity, row),
            ],
        ),
        (3, vec![named(CauseKind::Start, None)]),
    ];
    assert_eq!(causes, expected);
    assert_eq!(told.iter().map(|change| change.has_more_causes).collect::<Vec<_>>(), [false, false, true]);
    let (before, after) = (finding("steppe", 1, 60), finding("steppe", 1, 90));
    assert_eq!(told[2].difference, FindingDifference::between(Some(&before), &after));
    assert_eq!(told[0].difference, FindingDifference::between(None, &finding("steppe", 1, 20)));
    // The place is that of the judgement in the trail, so that both can be laid side by side.
    let trail = store.snapshot().unwrap().audit_entries(0, 20).unwrap();
    for change in &told {
        let entry = trail.iter().find(|entry| entry.sequence == change.place).unwrap();
        assert_eq!((entry.kind, entry.subject.as_str()), (AuditKind::CaseJudged, "order/O-0/2"));
        assert_eq!(change.judged_at_millis, Some(entry.at_unix_millis));
    }
    // Pages go on where the one before ended, and the whole list leaves out what replaced nothing.
    assert_eq!(of_order(&store, "steppe", 1, 1, 1), told[1..2]);
    assert_eq!(of_order(&store, "steppe", 1, 3, 10), []);
    assert_eq!(of_order(&store, "steppe", 2, 0, 10), []);
    assert_eq!(changes(&store, "steppe", 0, 0, 10), told[1..]);
    assert_eq!(changes(&store, "steppe", told[1].place, 0, 10), told[2..]);
}

#[test]
fn nobody_is_told_of_records_that_are_not_theirs() {
    let store = store();
    let mut private = batch("taiga", "p", vec![shipment(1, "private")]);
    private.shared = false;
    store.accept_blocking(private).unwrap();
    store.accept_blocking(batch("taiga", "o", vec![order(1, "a")])).unwrap();
    commit(&store, vec![judged("steppe", 1, 20, &[]), judged("taiga", 1, 20, &[])]);
    // What no judge would write down; the last line of defence is the reading.
    let causes = [(CauseKind::ShipmentLine, Some(1)), (CauseKind::OrderLine, Some(2))];
    commit(&store, vec![judged("steppe", 1, 60, &causes), judged("taiga", 1, 60, &causes)]);
    let told = changes(&store, "steppe", 0, 0, 10);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].causes, [named(CauseKind::OtherHoldings, None)]);
    let told = changes(&store, "taiga", 0, 0, 10);
    let expected = [
        named(CauseKind::ShipmentLine, Some(RecordName::Shipment(document_key(1)))),
        named(CauseKind::OrderLine, Some(RecordName::Order(order_key(1)))),
    ];
    assert_eq!(told[0].causes, expected);
    assert_eq!(changes(&store, "tundra", 0, 0, 10), []);
    assert_eq!(of_order(&store, "tundra", 1, 0, 10), []);
}

#[test]
fn changes_since_a_time_are_those_that_were_made_then_or_later() {
    let clock = Arc::new(AtomicU64::new(0));
    let now = Arc::clone(&clock);
    let store = Store::open_in_memory(options(), Arc::new(move || now.load(Ordering::Relaxed))).unwrap();
    for step in 0..40_u64 {
        clock.store(1_000 + step / 3 * 100, Ordering::Relaxed);
        let tenant = ["steppe", "taiga"][step as usize % 2];
        commit(&store, vec![judged(tenant, step as u32 % 4, step as u32, &[])]);
    }
    let all = changes(&store, "steppe", 0, 0, 100);
    assert!(all.len() > 10);
    for start_millis in (900..2_500).step_by(50) {
        let expected: Vec<_> =
            all.iter().filter(|change| change.judged_at_millis.unwrap() >= start_millis).cloned().collect();
        assert_eq!(changes(&store, "steppe", 0, start_millis, 100), expected, "{start_millis}");
    }
}

/// A store from before causes were kept says that it does not know, and goes on from there.
#[test]
fn revisions_from_before_have_no_cause() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let open = || Store::open(&path, options(), Arc::new(|| 9_000)).unwrap();
    let store = open();
    commit(&store, vec![judged("steppe", 1, 20, &[(CauseKind::Start, None)])]);
    commit(&store, vec![judged("steppe", 1, 60, &[(CauseKind::Start, None)])]);
    drop(store);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    assert!(transaction.delete_table(tables::FINDING_CAUSES).unwrap());
    assert!(transaction.delete_table(tables::FINDING_CHANGES).unwrap());
    transaction.commit().unwrap();
    drop(database);

    let store = open();
    commit(&store, vec![judged("steppe", 1, 70, &[(CauseKind::Start, None)])]);
    let told = of_order(&store, "steppe", 1, 0, 10);
    let known: Vec<_> =
        told.iter().map(|change| (change.judged_at_millis, change.causes.len(), change.place > 0)).collect();
    assert_eq!(known, [(None, 0, false), (None, 0, false), (Some(9_000), 1, true)]);
    assert_eq!(told[1].difference.before.as_ref().map(|facts| facts.summary.as_str()), Some("20 per cent"));
    assert_eq!(changes(&store, "steppe", 0, 0, 10), told[2..]);
}

/// The rows are few bytes: they are written with every finding.
#[test]
fn what_is_kept_of_a_cause_is_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open(&path, options(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let four: Vec<_> = (1..5).map(|record| (CauseKind::ShipmentLine, Some(1_000_000 * record))).collect();
    for percent in [20, 60] {
        commit(&store, vec![judged("steppe", 1, percent, &four)]);
    }
    drop(store);
    let database = Database::open(&path).unwrap();
    let read = redb::ReadableDatabase::begin_read(&database).unwrap();
    let table = read.open_table(tables::FINDING_CAUSES).unwrap();
    for row in table.iter().unwrap() {
        assert!(row.unwrap().1.value().len() <= 48);
    }
}
