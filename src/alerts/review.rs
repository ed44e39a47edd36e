//! What people may do with an alert, and what comes of it.
//!
//! Come here for the transitions between states and for four eyes. Pure: the store asks it inside its transaction and
//! hands in the time. Who the acting person is was decided before.

use crate::model::{
    Alert, AlertAct, AlertAspect, AlertChange, AlertEventKind, AlertSettings, AlertState, Proposal, ReviewAct,
    ReviewDecision, ReviewReason, ReviewRefusal, ReviewStep, Reviewed, Suppression,
};

/// Longest time for which an alert can be silenced: a year and a day.
pub const SUPPRESSION_MILLIS_MAX: u64 = 366 * 24 * 3600 * 1000;

/// From which state people may move an alert to which.
///
/// What was escalated is for somebody with more say, so it is neither silenced nor put back among the open ones. What
/// was decided is looked into again before it is decided otherwise. A closed alert reopens by its evidence only.
pub const TRANSITIONS: [(AlertState, &[AlertState]); 7] = {
    use AlertState::{Closed, Confirmed, Dismissed, Escalated, InReview, Open, Suppressed};
    [
        (Open, &[InReview, Escalated, Confirmed, Dismissed, Suppressed]),
        (InReview, &[Open, Escalated, Confirmed, Dismissed, Suppressed]),
        (Escalated, &[InReview, Confirmed, Dismissed]),
        (Confirmed, &[InReview]),
        (Dismissed, &[InReview]),
        (Suppressed, &[Open, InReview]),
        (Closed, &[]),
    ]
};

/// Whether people may move an alert from one state to another.
pub fn is_allowed(from: AlertState, to: AlertState) -> bool {
    TRANSITIONS.iter().any(|(state, next)| *state == from && next.contains(&to))
}

/// Does what a person wants with an alert, or says why not.
pub fn review(
    alert: &Alert,
    settings: &AlertSettings,
    act: &ReviewAct,
    at_millis: u64,
) -> Result<Reviewed, ReviewRefusal> {
    if act.revision != alert.revision {
        return Err(ReviewRefusal::Changed { revision: alert.revision });
    }
    let mut next = Alert { revision: alert.revision.saturating_add(1), changed_at_millis: at_millis, ..alert.clone() };
    let (kind, reason) = match &act.step {
        ReviewStep::Suppress { expires_at_millis } => {
            let suppression = suppression(act, at_millis, *expires_at_millis)?;
            go(&mut next, AlertState::Suppressed)?;
            next.suppression = Some(suppression);
            (AlertEventKind::Suppressed, None)
        }
        ReviewStep::Decide { decision, reason, assignee } => {
            if let Some(assignee) = assignee {
                next.assignee.clone_from(assignee);
            }
            (decide(&mut next, settings, act, *decision, *reason, at_millis)?, *reason)
        }
    };
    let act = AlertAct { actor: act.actor.clone(), reason, comment: act.comment.clone() };
    Ok(Reviewed { kind, changes: changes(alert, &next), alert: next, act })
}

fn decide(
    alert: &mut Alert,
    settings: &AlertSettings,
    act: &ReviewAct,
    decision: ReviewDecision,
    reason: Option<ReviewReason>,
    at_millis: u64,
) -> Result<AlertEventKind, ReviewRefusal> {
    let Some(state) = decision.state() else { return Ok(AlertEventKind::Commented) };
    if !decision.is_final() || !settings.four_eyes {
        go(alert, state)?;
        return Ok(AlertEventKind::Reviewed);
    }
    match &alert.proposal {
        Some(proposal) if proposal.decision == decision && proposal.actor == act.actor => {
            Err(ReviewRefusal::SecondPersonNeeded)
        }
        Some(proposal) if proposal.decision == decision => {
            go(alert, state)?;
            Ok(AlertEventKind::Reviewed)
        }
        // None yet, or another one: that of this person takes its place.
        _ if is_allowed(alert.state, state) => {
            alert.proposal = Some(Proposal { decision, actor: act.actor.clone(), reason, at_millis });
            Ok(AlertEventKind::Proposed)
        }
        _ => Err(ReviewRefusal::NotAllowed { from: alert.state, to: state }),
    }
}

/// Moves the alert; what was proposed or silenced before is over.
fn go(alert: &mut Alert, to: AlertState) -> Result<(), ReviewRefusal> {
    if !is_allowed(alert.state, to) {
        return Err(ReviewRefusal::NotAllowed { from: alert.state, to });
    }
    alert.state = to;
    alert.proposal = None;
    alert.suppression = None;
    Ok(())
}

fn suppression(act: &ReviewAct, at_millis: u64, expires_at_millis: u64) -> Result<Suppression, ReviewRefusal> {
    let latest = at_millis.saturating_add(SUPPRESSION_MILLIS_MAX);
    if expires_at_millis <= at_millis || expires_at_millis > latest {
        return Err(ReviewRefusal::ExpiryOutOfRange);
    }
    Ok(Suppression { reason: act.comment.clone(), actor: act.actor.clone(), at_millis, expires_at_millis })
}

fn changes(before: &Alert, after: &Alert) -> Vec<AlertChange> {
    let proposed = |alert: &Alert| {
        let text = |proposal: &Proposal| format!("{} by {}", proposal.decision.as_str(), proposal.actor);
        alert.proposal.as_ref().map(text).unwrap_or_default()
    };
    let silenced = |alert: &Alert| {
        let text = |suppression: &Suppression| format!("by {}", suppression.actor);
        alert.suppression.as_ref().map(text).unwrap_or_default()
    };
    let rows = [
        (AlertAspect::State, before.state.as_str().to_owned(), after.state.as_str().to_owned()),
        (AlertAspect::Assignee, before.assignee.clone(), after.assignee.clone()),
        (AlertAspect::Proposal, proposed(before), proposed(after)),
        (AlertAspect::Suppression, silenced(before), silenced(after)),
    ];
    let changed = rows.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(aspect, before, after)| AlertChange { aspect, before, after }).collect()
}

#[cfg(test)]
mod tests {
    use super::{SUPPRESSION_MILLIS_MAX, is_allowed, review};
    use crate::model::{
        Alert, AlertAspect, AlertEventKind, AlertId, AlertSettings, AlertState, Amount, Finding, FindingKind, Level,
        OrderKey, Probability, ReviewAct, ReviewDecision, ReviewReason, ReviewRefusal, ReviewStep, Reviewed, Unit,
    };

    const ONE: AlertSettings = AlertSettings { four_eyes: false };
    const TWO: AlertSettings = AlertSettings { four_eyes: true };

    fn alert(state: AlertState) -> Alert {
        let finding = Finding {
            tenant: "steppe".to_owned(),
            order: OrderKey { order_id: "O-1".to_owned(), line_no: 1 },
            score: Probability::from_f64(0.8),
            level: Level::High,
            priority: Amount::from_whole(100),
            attributed: Amount::from_whole(1),
            attributed_low: Amount::ZERO,
            attributed_high: Amount::from_whole(2),
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            links: Vec::new(),
            rejected: Vec::new(),
            indicators: Vec::new(),
            summary: "went on".to_owned(),
            limits_reached: Vec::new(),
            engine_version: "1".to_owned(),
            policy_version: "1".to_owned(),
            case_hash: [0; 32],
        };
        Alert { state, ..Alert::raised(AlertId(1), &finding, [0; 32], 5) }
    }

    fn act(actor: &str, revision: u32, step: ReviewStep) -> ReviewAct {
        ReviewAct { revision, actor: actor.to_owned(), comment: "seen".to_owned(), step }
    }

    fn decided(decision: ReviewDecision) -> ReviewStep {
        ReviewStep::Decide { decision, reason: Some(ReviewReason::Other), assignee: None }
    }

    fn decide(
        alert: &Alert,
        settings: AlertSettings,
        actor: &str,
        decision: ReviewDecision,
    ) -> Result<Reviewed, ReviewRefusal> {
        review(alert, &settings, &act(actor, alert.revision, decided(decision)), 50)
    }

    #[test]
    fn people_move_alerts_along_the_table_and_no_other_way() {
        for from in AlertState::ALL {
            for decision in ReviewDecision::ALL {
                let before = alert(from);
                let result = decide(&before, ONE, "ana", decision);
                let Some(to) = decision.state() else {
                    let reviewed = result.unwrap();
                    assert_eq!((reviewed.kind, reviewed.alert.state), (AlertEventKind::Commented, from));
                    continue;
                };
                match result {
                    Ok(reviewed) => {
                        assert!(is_allowed(from, to), "{from:?} {to:?}");
                        assert_eq!((reviewed.kind, reviewed.alert.state), (AlertEventKind::Reviewed, to));
                        assert_eq!((reviewed.alert.revision, reviewed.alert.changed_at_millis), (2, 50));
                        let state = &reviewed.changes[0];
                        assert_eq!((state.before.as_str(), state.after.as_str()), (from.as_str(), to.as_str()));
                    }
                    Err(refusal) => {
                        assert_eq!(refusal, ReviewRefusal::NotAllowed { from, to });
                        assert!(!is_allowed(from, to));
                    }
                }
            }
        }
        let ways = |from| AlertState::ALL.into_iter().filter(|to| is_allowed(from, *to)).count();
        assert_eq!(AlertState::ALL.map(ways), [5, 0, 5, 3, 1, 1, 2]);
    }

    #[test]
    fn who_saw_an_older_alert_decides_nothing() {
        let before = Alert { revision: 7, ..alert(AlertState::Open) };
        for step in [decided(ReviewDecision::Confirmed), ReviewStep::Suppress { expires_at_millis: 99 }] {
            let refused = review(&before, &ONE, &act("ana", 6, step), 50);
            assert_eq!(refused, Err(ReviewRefusal::Changed { revision: 7 }));
        }
    }

    #[test]
    fn four_eyes_take_two_persons_and_one_decision() {
        use ReviewDecision::{Confirmed, Dismissed, InReview};
        for (decision, state) in [(Confirmed, AlertState::Confirmed), (Dismissed, AlertState::Dismissed)] {
            let proposed = decide(&alert(AlertState::InReview), TWO, "ana", decision).unwrap();
            assert_eq!((proposed.kind, proposed.alert.state), (AlertEventKind::Proposed, AlertState::InReview));
            assert_eq!(proposed.changes[0].aspect, AlertAspect::Proposal);
            let own = decide(&proposed.alert, TWO, "ana", decision);
            assert_eq!(own, Err(ReviewRefusal::SecondPersonNeeded));
            let approved = decide(&proposed.alert, TWO, "ben", decision).unwrap();
            assert_eq!((approved.kind, approved.alert.state), (AlertEventKind::Reviewed, state));
            assert_eq!((approved.alert.proposal, approved.act.actor.as_str()), (None, "ben"));
        }
        // Another opinion is a new proposal, and the first person may agree with it.
        let first = decide(&alert(AlertState::Open), TWO, "ana", Confirmed).unwrap().alert;
        let second = decide(&first, TWO, "ben", Dismissed).unwrap();
        assert_eq!((second.kind, second.alert.state), (AlertEventKind::Proposed, AlertState::Open));
        assert_eq!(decide(&second.alert, TWO, "ana", Dismissed).unwrap().alert.state, AlertState::Dismissed);
        // Looking into it again withdraws what was proposed.
        let withdrawn = decide(&first, TWO, "ben", InReview).unwrap();
        assert_eq!((withdrawn.kind, withdrawn.alert.proposal), (AlertEventKind::Reviewed, None));
        // What may not be done may not be proposed.
        let refused = decide(&alert(AlertState::Closed), TWO, "ana", Confirmed);
        assert!(matches!(refused, Err(ReviewRefusal::NotAllowed { .. })));
    }

    #[test]
    fn silence_has_an_author_a_reason_and_an_end() {
        let silence = |state, expires_at_millis| {
            review(&alert(state), &ONE, &act("ana", 1, ReviewStep::Suppress { expires_at_millis }), 50)
        };
        for out in [0, 50, 51 + SUPPRESSION_MILLIS_MAX] {
            assert_eq!(silence(AlertState::Open, out), Err(ReviewRefusal::ExpiryOutOfRange), "{out}");
        }
        for inside in [51, 50 + SUPPRESSION_MILLIS_MAX] {
            let silenced = silence(AlertState::Open, inside).unwrap();
            let suppression = silenced.alert.suppression.clone().unwrap();
            assert_eq!((silenced.kind, silenced.alert.state), (AlertEventKind::Suppressed, AlertState::Suppressed));
            assert_eq!((suppression.reason.as_str(), suppression.actor.as_str()), ("seen", "ana"));
            assert_eq!((suppression.at_millis, suppression.expires_at_millis), (50, inside));
            let lifted = decide(&silenced.alert, ONE, "ben", ReviewDecision::Open).unwrap().alert;
            assert_eq!((lifted.state, lifted.suppression), (AlertState::Open, None));
        }
        for state in AlertState::ALL {
            assert_eq!(silence(state, 60).is_ok(), is_allowed(state, AlertState::Suppressed), "{state:?}");
        }
    }

    #[test]
    fn an_assignee_stays_until_another_is_named() {
        let step = |assignee: Option<&str>| ReviewStep::Decide {
            decision: ReviewDecision::Comment,
            reason: None,
            assignee: assignee.map(str::to_owned),
        };
        let mut alert = alert(AlertState::Open);
        for (given, expected, is_told) in
            [(Some("ben"), "ben", true), (None, "ben", false), (Some("ben"), "ben", false), (Some(""), "", true)]
        {
            let reviewed = review(&alert, &ONE, &act("ana", alert.revision, step(given)), 50).unwrap();
            assert_eq!((reviewed.alert.assignee.as_str(), !reviewed.changes.is_empty()), (expected, is_told));
            alert = reviewed.alert;
        }
    }
}
