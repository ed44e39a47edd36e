//! What a judgement leaves behind: finding, history, alert, event and trail, all of them or none.

use super::samples::{batch, finding, order, order_key, rule, store};
use crate::audit::{AuditKind, digest, verify};
use crate::model::{AlertEventKind, AlertId, AlertState, Finding};
use crate::store::codec::encode;
use crate::store::{CommitOutcome, FINDINGS_PER_COMMIT_MAX, Store, StoreError};

fn commit(store: &Store, findings: Vec<Finding>) -> CommitOutcome {
    store.commit_judgements_blocking(findings, None, rule()).unwrap()
}

fn outcome(findings_changed: usize, findings_unchanged: usize, alert_events: usize) -> CommitOutcome {
    CommitOutcome { findings_changed, findings_unchanged, alert_events }
}

#[test]
fn an_alert_goes_through_its_life_and_every_step_is_kept() {
    use AlertEventKind::{Closed, Raised, Reopened, Updated};
    let store = store();
    let steps = [
        (20, outcome(1, 0, 0)),
        (60, outcome(1, 0, 1)),
        (60, outcome(0, 1, 0)),
        (80, outcome(1, 0, 1)),
        (10, outcome(1, 0, 1)),
        (0, outcome(1, 0, 0)),
        (90, outcome(1, 0, 1)),
    ];
    for (percent, expected) in steps {
        assert_eq!(commit(&store, vec![finding("steppe", 1, percent)]), expected, "{percent}");
    }
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.tenant("steppe").unwrap();
    let events = view.alert_events(0, 10).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| (event.sequence, event.kind, event.alert.revision)).collect();
    assert_eq!(kinds, [(1, Raised, 1), (2, Updated, 2), (3, Closed, 3), (4, Reopened, 4)]);
    assert!(events.iter().all(|event| event.alert.id == AlertId(1)));
    assert_eq!(events[2].alert.state, AlertState::Closed);
    assert_eq!(view.alert(AlertId(1)), Ok(Some(events[3].alert.clone())));
    assert_eq!(view.alert_of_order(&order_key(1)), Ok(Some(events[3].alert.clone())));

    let current = view.finding(&order_key(1)).unwrap().unwrap();
    assert_eq!((current.revision, current.finding), (6, finding("steppe", 1, 90)));
    let history: Vec<_> = view.finding_history(&order_key(1)).unwrap();
    let history: Vec<_> = history.into_iter().map(|stored| (stored.revision, stored.finding.summary)).collect();
    let expected = [20, 60, 80, 10, 0].map(|percent| format!("{percent} per cent"));
    assert_eq!(history, (1..).zip(expected).collect::<Vec<_>>());
}

#[test]
fn the_trail_names_what_was_written_by_its_hash() {
    let store = store();
    store.accept_blocking(batch("steppe", "r", vec![order(1, "a")])).unwrap();
    let judged = finding("steppe", 1, 70);
    commit(&store, vec![judged.clone()]);
    let snapshot = store.snapshot().unwrap();
    let entries = snapshot.audit_entries(0, 10).unwrap();
    assert_eq!(verify(&entries).unwrap().sequence, 3);
    let event = &snapshot.tenant("steppe").unwrap().alert_events(0, 1).unwrap()[0];
    assert_eq!(entries[1].detail_hash, digest(&encode(&judged).unwrap()));
    assert_eq!(entries[2].detail_hash, digest(&encode(event).unwrap()));
    let said: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.subject.as_str())).collect();
    let expected = [
        (AuditKind::BatchAccepted, "batch/r"),
        (AuditKind::CaseJudged, "order/O-0/2"),
        (AuditKind::AlertRaised, "alert/1"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn tenants_have_their_own_numbers_and_see_nothing_of_each_other() {
    let store = store();
    commit(&store, vec![finding("taiga", 1, 70), finding("steppe", 1, 80), finding("taiga", 2, 90)]);
    commit(&store, vec![finding("steppe", 1, 60)]);
    let snapshot = store.snapshot().unwrap();
    let cases = [("steppe", 2, 1, 1, 4), ("taiga", 2, 2, 2, 4), ("tundra", 0, 0, 0, 0)];
    for (tenant, events, alerts, findings, entries) in cases {
        let view = snapshot.tenant(tenant).unwrap();
        let found = view.alert_events(0, 10).unwrap();
        assert!(found.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
        assert!(found.iter().all(|event| event.alert.tenant == tenant));
        assert_eq!((found.len() as u64, view.newest_event_sequence().unwrap()), (events, events), "{tenant}");
        assert_eq!(view.alerts(None, 10).unwrap().len(), alerts, "{tenant}");
        assert_eq!(view.findings(None, 10).unwrap().len(), findings, "{tenant}");
        let trail = view.audit_entries(0, 10).unwrap();
        assert!(trail.iter().all(|entry| entry.tenant == tenant));
        assert_eq!(trail.len(), entries, "{tenant}");
    }
    assert_eq!(snapshot.tenant("taiga").unwrap().alerts(Some(AlertId(1)), 10).unwrap().len(), 1);
}

#[test]
fn of_two_judgements_in_one_commit_the_later_stands() {
    let store = store();
    commit(&store, vec![finding("steppe", 2, 10), finding("steppe", 1, 80), finding("steppe", 2, 90)]);
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.tenant("steppe").unwrap();
    assert_eq!(view.finding(&order_key(2)).unwrap().unwrap().finding, finding("steppe", 2, 90));
    assert_eq!(view.finding_history(&order_key(2)).unwrap().len(), 1);
    // Events follow the keys, not the order of arrival inside a commit.
    let orders: Vec<_> = view.alert_events(0, 9).unwrap().into_iter().map(|event| event.alert.order).collect();
    assert_eq!(orders, [order_key(1), order_key(2)]);
}

#[test]
fn the_mark_of_what_was_judged_never_moves_back() {
    let store = store();
    for (given, expected) in [(None, 0), (Some(7), 7), (Some(3), 7), (None, 7), (Some(9), 9)] {
        store.commit_judgements_blocking(Vec::<Finding>::new(), given, rule()).unwrap();
        assert_eq!(store.snapshot().unwrap().judged_through(), Ok(expected));
    }
}

#[test]
fn a_commit_without_news_writes_nothing() {
    let store = store();
    commit(&store, vec![finding("steppe", 1, 70)]);
    let (before, commits) = (store.snapshot().unwrap().counts().unwrap(), *store.commits().borrow());
    assert_eq!(commit(&store, vec![finding("steppe", 1, 70)]), outcome(0, 1, 0));
    assert_eq!((store.snapshot().unwrap().counts().unwrap(), *store.commits().borrow()), (before, commits));
}

#[test]
fn too_many_findings_are_refused() {
    let store = store();
    let many = vec![finding("steppe", 1, 70); FINDINGS_PER_COMMIT_MAX + 1];
    let refused = StoreError::TooMany { count: FINDINGS_PER_COMMIT_MAX + 1, limit: FINDINGS_PER_COMMIT_MAX };
    assert_eq!(store.commit_judgements_blocking(many, None, rule()), Err(refused));
}
