//! People and evidence at the same alerts: acts, silences and subscriptions, with everything they leave behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{AlertPolicy, review, rule as rule_of};
use crate::audit::{AuditKind, digest, verify};
use crate::model::{
    Alert, AlertAspect, AlertEvent, AlertEventKind, AlertId, AlertSettings, AlertState, Amount, Finding, FindingKind,
    Level, OrderKey, Probability, ReviewAct, ReviewDecision, ReviewReason, ReviewRefusal, ReviewStep, Subscription,
    Unit,
};
use crate::store::{
    AckOutcome, AlertRule, ReviewOutcome, ReviewRequest, SUBSCRIPTIONS_MAX, Store, StoreError, StoreOptions,
};

const DAY: u64 = 24 * 3600 * 1000;

/// A store whose clock the test turns.
struct Office {
    store: Store,
    now: Arc<AtomicU64>,
}

impl Office {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(1_000));
        let clock = Arc::clone(&now);
        let options = StoreOptions { group_window: Duration::ZERO, ..StoreOptions::default() };
        let store = Store::open_in_memory(options, Arc::new(move || clock.load(Ordering::SeqCst))).unwrap();
        Self { store, now }
    }

    fn set_clock(&self, millis: u64) {
        self.now.store(millis, Ordering::SeqCst);
    }

    fn judge(&self, finding: Finding) {
        self.store.commit_judgements_blocking(vec![finding], None, rule()).unwrap();
    }

    async fn act(&self, request_id: &str, act: ReviewAct) -> Result<ReviewOutcome, StoreError> {
        self.act_as("steppe", request_id, act).await
    }

    async fn act_as(&self, tenant: &str, request_id: &str, act: ReviewAct) -> Result<ReviewOutcome, StoreError> {
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        let (alert, rule, alert_rule) = (AlertId(1), review, rule());
        self.store.review(ReviewRequest { tenant, alert, request_id, act, rule, alert_rule }).await
    }

    fn alert(&self) -> Alert {
        self.store.snapshot().unwrap().tenant("steppe").unwrap().alert(AlertId(1)).unwrap().unwrap()
    }

    fn history(&self) -> Vec<AlertEvent> {
        let snapshot = self.store.snapshot().unwrap();
        let view = snapshot.tenant("steppe").unwrap();
        let (all, own) = (view.alert_events(0, 100).unwrap(), view.events_of_alert(AlertId(1), 0, 100).unwrap());
        let expected: Vec<_> = all.into_iter().filter(|event| event.alert.id == AlertId(1)).collect();
        assert_eq!(own, expected, "the history is what the stream told");
        assert_eq!(own.last().map(|event| &event.alert), Some(&self.alert()), "the alert is as the last event says");
        own
    }
}

fn rule() -> AlertRule {
    rule_of(AlertPolicy::default())
}

/// One half and more is a level of its own above the threshold.
fn finding(tenant: &str, line_no: u32, percent: u32) -> Finding {
    Finding {
        tenant: tenant.to_owned(),
        order: OrderKey { order_id: "O-1".to_owned(), line_no },
        score: Probability::from_f64(f64::from(percent) / 100.0),
        level: if percent >= 50 { Level::High } else { Level::None },
        priority: Amount::from_whole(i64::from(percent)),
        attributed: Amount::from_whole(1),
        attributed_low: Amount::ZERO,
        attributed_high: Amount::from_whole(2),
        unit: Unit::Piece,
        kind: FindingKind::OnwardShipment,
        links: Vec::new(),
        rejected: Vec::new(),
        indicators: Vec::new(),
        summary: format!("{percent} per cent"),
        limits_reached: Vec::new(),
        engine_version: "1".to_owned(),
        policy_version: "1".to_owned(),
        case_hash: [percent as u8; 32],
    }
}

fn decide(revision: u32, actor: &str, decision: ReviewDecision) -> ReviewAct {
    let step = ReviewStep::Decide { decision, reason: Some(ReviewReason::Other), assignee: None };
    ReviewAct { revision, actor: actor.to_owned(), comment: format!("seen by {actor}"), step }
}

fn silence(revision: u32, expires_at_millis: u64) -> ReviewAct {
    let step = ReviewStep::Suppress { expires_at_millis };
    ReviewAct { revision, actor: "ana".to_owned(), comment: "licence 7".to_owned(), step }
}

#[tokio::test]
async fn an_act_leaves_alert_event_history_and_trail_together() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.judge(finding("steppe", 2, 70));
    office.set_clock(2_000);
    let event = office.act("r1", decide(1, "ana", ReviewDecision::InReview)).await.unwrap().unwrap();
    assert_eq!((event.sequence, event.kind, event.at_millis), (3, AlertEventKind::Reviewed, 2_000));
    let act = event.act.clone().unwrap();
    assert_eq!((act.actor.as_str(), act.comment.as_str()), ("ana", "seen by ana"));
    assert_eq!(office.history().last(), Some(&event));
    let entries = office.store.snapshot().unwrap().audit_entries(0, 100).unwrap();
    verify(&entries).unwrap();
    let last = entries.last().unwrap();
    assert_eq!((last.kind, last.subject.as_str()), (AuditKind::AlertReviewed, "alert/1"));
    assert_eq!(last.detail_hash, digest(&postcard::to_stdvec(&event).unwrap()));
}

#[tokio::test]
async fn a_refused_act_leaves_nothing() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    let before = office.store.snapshot().unwrap().counts().unwrap();
    let cases = [
        ("steppe", decide(2, "ana", ReviewDecision::InReview), ReviewRefusal::Changed { revision: 1 }),
        (
            "steppe",
            decide(1, "ana", ReviewDecision::Open),
            ReviewRefusal::NotAllowed { from: AlertState::Open, to: AlertState::Open },
        ),
        ("steppe", silence(1, 0), ReviewRefusal::ExpiryOutOfRange),
        ("taiga", decide(1, "ana", ReviewDecision::InReview), ReviewRefusal::NotFound),
    ];
    for (tenant, act, refusal) in cases {
        assert_eq!(office.act_as(tenant, "r", act).await.unwrap(), Err(refusal));
    }
    assert_eq!(office.store.snapshot().unwrap().counts().unwrap(), before);
    assert_eq!(office.store.snapshot().unwrap().tenants().unwrap(), ["steppe"], "asking makes no tenant");
    // What was refused is not remembered: corrected, the request goes through under its id.
    assert!(office.act("r", decide(1, "ana", ReviewDecision::InReview)).await.unwrap().is_ok());
}

#[tokio::test]
async fn an_act_sent_again_is_the_same_act() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    let first = office.act("r1", decide(1, "ana", ReviewDecision::InReview)).await.unwrap().unwrap();
    let second = office.act("r2", decide(2, "ben", ReviewDecision::Escalated)).await.unwrap().unwrap();
    for (id, act, event) in [
        ("r1", decide(1, "ana", ReviewDecision::InReview), &first),
        ("r2", decide(2, "ben", ReviewDecision::Escalated), &second),
    ] {
        assert_eq!(office.act(id, act).await.unwrap().as_ref(), Ok(event), "{id}");
    }
    let other = decide(1, "ana", ReviewDecision::Escalated);
    assert_eq!(office.act("r1", other).await, Err(StoreError::RequestIdReused));
    assert_eq!(office.history().len(), 3);
    // Forgotten after a week: the alert has changed since, and says so.
    office.set_clock(1_000 + 7 * DAY);
    assert!(office.act("r3", decide(3, "ben", ReviewDecision::InReview)).await.unwrap().is_ok());
    let late = office.act("r1", decide(1, "ana", ReviewDecision::InReview)).await.unwrap();
    assert_eq!(late, Err(ReviewRefusal::Changed { revision: 4 }));
}

#[tokio::test]
async fn of_two_who_decide_at_the_same_time_one_is_refused() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    let (ana, ben) = tokio::join!(
        office.act("a", decide(1, "ana", ReviewDecision::Confirmed)),
        office.act("b", decide(1, "ben", ReviewDecision::Dismissed)),
    );
    let (ana, ben) = (ana.unwrap(), ben.unwrap());
    assert!(ana.is_ok() != ben.is_ok(), "{ana:?} {ben:?}");
    assert_eq!(office.history().len(), 2);
}

#[tokio::test]
async fn four_eyes_hold_from_the_moment_they_are_asked_for() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.judge(finding("taiga", 1, 70));
    let two = AlertSettings { four_eyes: true };
    for _ in 0..2 {
        office.store.set_alert_settings("steppe", two).await.unwrap();
    }
    let entries = office.store.snapshot().unwrap().audit_entries(0, 100).unwrap();
    let changes = entries.iter().filter(|entry| entry.kind == AuditKind::AlertSettingsChanged).count();
    assert_eq!(changes, 1, "what stays as it was leaves no trace");
    assert_eq!(office.store.snapshot().unwrap().tenant("steppe").unwrap().alert_settings(), Ok(two));
    let proposed = office.act("", decide(1, "ana", ReviewDecision::Confirmed)).await.unwrap().unwrap();
    assert_eq!((proposed.kind, proposed.alert.state), (AlertEventKind::Proposed, AlertState::Open));
    let own = office.act("", decide(2, "ana", ReviewDecision::Confirmed)).await.unwrap();
    assert_eq!(own, Err(ReviewRefusal::SecondPersonNeeded));
    let approved = office.act("", decide(2, "ben", ReviewDecision::Confirmed)).await.unwrap().unwrap();
    assert_eq!(approved.alert.state, AlertState::Confirmed);
    // Another tenant did not ask for them.
    let alone = office.act_as("taiga", "", decide(1, "ana", ReviewDecision::Confirmed)).await.unwrap().unwrap();
    assert_eq!(alone.alert.state, AlertState::Confirmed);
}

#[tokio::test]
async fn a_silence_ends_by_the_clock_once_and_says_so() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.act("", silence(1, 5_000)).await.unwrap().unwrap();
    assert_eq!(office.alert().state, AlertState::Suppressed);
    for (now, lifted) in [(4_999, 0), (5_000, 1), (5_001, 0)] {
        office.set_clock(now);
        assert_eq!(office.store.lift_expired(rule()).await, Ok(lifted), "{now}");
    }
    let last = office.history().pop().unwrap();
    assert_eq!(
        (last.kind, last.alert.state, last.alert.suppression),
        (AlertEventKind::Reopened, AlertState::Open, None)
    );
    let why = last.changes.iter().find(|change| change.aspect == AlertAspect::Suppression).unwrap();
    assert_eq!(why.after, "ended: its time is over");
}

#[tokio::test]
async fn a_silence_that_was_ended_otherwise_does_not_end_again() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.act("", silence(1, 5_000)).await.unwrap().unwrap();
    office.act("", decide(2, "ben", ReviewDecision::Open)).await.unwrap().unwrap();
    // Silenced again, for longer.
    office.act("", silence(3, 9_000)).await.unwrap().unwrap();
    office.set_clock(6_000);
    assert_eq!(office.store.lift_expired(rule()).await, Ok(0));
    assert_eq!(office.alert().state, AlertState::Suppressed);
}

#[tokio::test]
async fn a_silence_that_is_over_meets_neither_finding_nor_person() {
    // The finding fell while nobody was told: when the time is over there is nothing left to look at.
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.act("", silence(1, 5_000)).await.unwrap().unwrap();
    office.judge(finding("steppe", 1, 10));
    assert_eq!((office.alert().state, office.history().len()), (AlertState::Suppressed, 2));
    office.set_clock(5_000);
    office.judge(finding("steppe", 2, 10));
    let last = office.history().pop().unwrap();
    assert_eq!((last.kind, last.alert.state), (AlertEventKind::Closed, AlertState::Closed));
    let score = last.changes.iter().find(|change| change.aspect == AlertAspect::Score).unwrap();
    assert_eq!((score.before.as_str(), score.after.as_str()), ("0.7000", "0.1000"));
    // A person who comes after the end sees the etag of before it.
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.act("", silence(1, 5_000)).await.unwrap().unwrap();
    office.set_clock(5_000);
    let late = office.act("", decide(2, "ben", ReviewDecision::Open)).await.unwrap();
    assert_eq!(late, Err(ReviewRefusal::Changed { revision: 3 }));
    assert_eq!(office.history().pop().unwrap().kind, AlertEventKind::Reopened);
}

#[tokio::test]
async fn material_evidence_ends_a_silence_and_lesser_evidence_does_not() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 70));
    office.act("", silence(1, 5_000)).await.unwrap().unwrap();
    office.judge(finding("steppe", 1, 80));
    assert_eq!(office.history().len(), 2, "another score alone is not material");
    let more = Finding { attributed: "1.5".parse().unwrap(), ..finding("steppe", 1, 80) };
    office.judge(more);
    let last = office.history().pop().unwrap();
    assert_eq!((last.kind, last.alert.state), (AlertEventKind::Reopened, AlertState::Open));
    let told: Vec<_> = last.changes.iter().map(|change| change.aspect).collect();
    let expected = [AlertAspect::Score, AlertAspect::Quantity, AlertAspect::State, AlertAspect::Suppression];
    assert_eq!(told, expected);
    office.set_clock(5_000);
    assert_eq!(office.store.lift_expired(rule()).await, Ok(0), "nothing is left to end");
}

#[tokio::test]
async fn withdrawn_evidence_lowers_and_closes_visibly() {
    let office = Office::new();
    office.judge(finding("steppe", 1, 90));
    office.act("", decide(1, "ana", ReviewDecision::InReview)).await.unwrap().unwrap();
    office.judge(Finding { level: Level::Medium, ..finding("steppe", 1, 60) });
    office.judge(finding("steppe", 1, 10));
    let told: Vec<_> =
        office.history().into_iter().map(|event| (event.kind, event.alert.state, event.changes)).collect();
    let kinds: Vec<_> = told.iter().map(|(kind, state, _)| (*kind, *state)).collect();
    let expected = [
        (AlertEventKind::Raised, AlertState::Open),
        (AlertEventKind::Reviewed, AlertState::InReview),
        (AlertEventKind::Lowered, AlertState::InReview),
        (AlertEventKind::Closed, AlertState::Closed),
    ];
    assert_eq!(kinds, expected);
    let said = |index: usize, aspect| {
        let change = told[index].2.iter().find(|change| change.aspect == aspect).unwrap();
        (change.before.clone(), change.after.clone())
    };
    assert_eq!(said(2, AlertAspect::Score), ("0.9000".to_owned(), "0.6000".to_owned()));
    assert_eq!(said(2, AlertAspect::Level), ("high".to_owned(), "medium".to_owned()));
    assert_eq!(said(3, AlertAspect::State), ("in_review".to_owned(), "closed".to_owned()));
}

#[tokio::test]
async fn subscriptions_move_forward_only_and_are_counted() {
    let office = Office::new();
    for number in 1..=3 {
        office.judge(finding("steppe", number, 70));
    }
    let acknowledge = async |name: &str, sequence| office.store.acknowledge("steppe", name, sequence).await.unwrap();
    for (now, sequence, expected) in [(2_000, 2, 2), (3_000, 1, 2), (4_000, 3, 3), (5_000, 0, 3)] {
        office.set_clock(now);
        let (name, created_at_millis) = ("desk".to_owned(), 2_000);
        let stands = Subscription { name, sequence: expected, created_at_millis, acked_at_millis: now };
        assert_eq!(acknowledge("desk", sequence).await, AckOutcome::Done(stands.clone()));
        let snapshot = office.store.snapshot().unwrap();
        assert_eq!(snapshot.tenant("steppe").unwrap().subscription("desk"), Ok(Some(stands)));
        assert_eq!(snapshot.tenant("taiga").unwrap().subscription("desk"), Ok(None));
    }
    assert_eq!(acknowledge("desk", 4).await, AckOutcome::Ahead);
    for number in 1..SUBSCRIPTIONS_MAX {
        assert!(matches!(acknowledge(&format!("s{number:03}"), 0).await, AckOutcome::Done(_)));
    }
    assert_eq!(acknowledge("one-more", 0).await, AckOutcome::TooMany);
    assert!(matches!(acknowledge("desk", 3).await, AckOutcome::Done(_)), "those that are there go on");
    let snapshot = office.store.snapshot().unwrap();
    let view = snapshot.tenant("steppe").unwrap();
    let first: Vec<_> = view.subscriptions(None, 2).unwrap().into_iter().map(|held| held.name).collect();
    assert_eq!(first, ["desk", "s001"]);
    assert_eq!(view.subscriptions(Some("s001"), 1_000).unwrap().len(), SUBSCRIPTIONS_MAX - 2);
    for (name, was_there) in [("s001", true), ("s001", false)] {
        assert_eq!(office.store.forget_subscription("steppe", name).await, Ok(was_there));
    }
    assert_eq!(office.store.forget_subscription("nobody", "desk").await, Ok(false));
    assert!(matches!(acknowledge("one-more", 0).await, AckOutcome::Done(_)));
}
