//! What a new finding means for the alert of its order line.
//!
//! Come here to change when an alert is raised, lowered or closed. Pure: the same alert and the same finding give the
//! same decision. The store asks it inside its transaction; numbers, times and states are filled in there.

use std::sync::Arc;

use crate::audit::digest;
use crate::model::{
    Alert, AlertAspect, AlertChange, AlertDecision, AlertEventKind, AlertState, AlertUpdate, Amount, DocumentKey,
    Finding, FindingKind, Level, Probability,
};
use crate::store::AlertRule;

use super::changes::{Differences, differences};

/// From where on a finding is worth somebody's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlertPolicy {
    /// Findings of this level or above become alerts.
    pub level_min: Level,
    /// So do findings with this score or above, whatever their level.
    pub score_min: Option<Probability>,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self { level_min: Level::Medium, score_min: None }
    }
}

impl AlertPolicy {
    fn is_crossed_by(&self, finding: &Finding) -> bool {
        finding.level >= self.level_min || self.score_min.is_some_and(|least| finding.score >= least)
    }
}

/// The rule of a policy, as the store takes it.
pub fn rule(policy: AlertPolicy) -> AlertRule {
    Arc::new(move |previous, finding| decide(previous, finding, &policy))
}

/// What this finding means for the alert of its order line.
///
/// The machine never takes back what a person decided. It asks again, by reopening, when the evidence of a dismissed or
/// suppressed alert changed materially; until then such an alert stays as it was, and keeps the evidence that the
/// person saw to compare with.
pub fn decide(previous: Option<&Alert>, finding: &Finding, policy: &AlertPolicy) -> AlertDecision {
    use AlertState::{Closed, Confirmed, Dismissed, Escalated, InReview, Open, Suppressed};
    let is_crossed = policy.is_crossed_by(finding);
    let fingerprint = fingerprint(finding);
    let Some(alert) = previous else {
        let raised = AlertUpdate { kind: AlertEventKind::Raised, fingerprint, changes: Vec::new(), is_material: true };
        return if is_crossed { AlertDecision::Change(Box::new(raised)) } else { AlertDecision::Keep };
    };
    let Differences { mut changes, is_material } = differences(alert, finding);
    let kind = match (alert.state, is_crossed) {
        (Closed, true) => Some(AlertEventKind::Reopened),
        (Open | InReview | Escalated, false) => Some(AlertEventKind::Closed),
        (Open | InReview | Escalated, true) | (Confirmed, _) => compare(alert, finding, &fingerprint),
        (Dismissed | Suppressed, true) => is_material.then_some(AlertEventKind::Reopened),
        (Closed | Dismissed | Suppressed, false) => None,
    };
    let Some(kind) = kind else { return AlertDecision::Keep };
    changes.extend(consequences(alert, kind, is_material));
    AlertDecision::Change(Box::new(AlertUpdate { kind, fingerprint, changes, is_material }))
}

/// What happens to the work of people when an alert changes like this.
fn consequences(alert: &Alert, kind: AlertEventKind, is_material: bool) -> Vec<AlertChange> {
    let mut changes = Vec::new();
    let mut note = |aspect, before: &str, after: &str| {
        changes.push(AlertChange { aspect, before: before.to_owned(), after: after.to_owned() });
    };
    let state = match kind {
        AlertEventKind::Closed => AlertState::Closed,
        AlertEventKind::Reopened => AlertState::Open,
        _ => alert.state,
    };
    if state != alert.state {
        note(AlertAspect::State, alert.state.as_str(), state.as_str());
    }
    if let Some(proposal) = alert.proposal.as_ref().filter(|_| is_material || state != alert.state) {
        note(AlertAspect::Proposal, &format!("{} by {}", proposal.decision.as_str(), proposal.actor), "");
    }
    if let Some(suppression) = alert.suppression.as_ref().filter(|_| state != alert.state) {
        note(AlertAspect::Suppression, &format!("by {}", suppression.actor), "ended: the evidence changed");
    }
    changes
}

/// How an alert that people look at changes, or nothing when a person would see the same.
fn compare(alert: &Alert, finding: &Finding, fingerprint: &[u8; 32]) -> Option<AlertEventKind> {
    if (finding.level, finding.priority) < (alert.level, alert.priority) {
        return Some(AlertEventKind::Lowered);
    }
    let before = (alert.kind, alert.level, alert.score, alert.priority, alert.attributed, &alert.summary);
    let after = (finding.kind, finding.level, finding.score, finding.priority, finding.attributed, &finding.summary);
    (before != after || alert.fingerprint != *fingerprint).then_some(AlertEventKind::Updated)
}

/// Hash of the evidence as a person would compare it: the papers, the way and the quantities, but no weights.
fn fingerprint(finding: &Finding) -> [u8; 32] {
    type Trail<'finding> = (&'finding DocumentKey, &'finding [DocumentKey], Amount);
    let mut trails: Vec<Trail<'_>> =
        finding.links.iter().map(|link| (&link.onward, link.path.as_slice(), link.quantity)).collect();
    // Links are ranked by probability, which may shift without any new fact.
    trails.sort();
    let content: (FindingKind, Amount, Vec<Trail<'_>>) = (finding.kind, finding.attributed, trails);
    // Such plain values cannot fail to be written; were it so, the hash of nothing only makes an update of it.
    digest(&postcard::to_stdvec(&content).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{AlertPolicy, decide};
    use crate::model::{
        Alert, AlertAspect, AlertDecision, AlertEventKind, AlertId, AlertState, AlertUpdate, Amount, Day, DocumentKey,
        DocumentKind, Finding, FindingKind, IndicatorOutcome, IndicatorResult, Level, Link, OrderKey, Probability,
        Proposal, ReviewDecision, Suppression, Unit,
    };

    fn finding(level: Level, percent: u32) -> Finding {
        Finding {
            tenant: "steppe".to_owned(),
            order: OrderKey { order_id: "O-1".to_owned(), line_no: 1 },
            score: Probability::from_f64(f64::from(percent) / 100.0),
            level,
            priority: Amount::from_whole(100),
            attributed: Amount::from_whole(1),
            attributed_low: Amount::ZERO,
            attributed_high: Amount::from_whole(2),
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            links: vec![link("D-1", 90), link("D-2", 80)],
            rejected: Vec::new(),
            indicators: Vec::new(),
            summary: "went on".to_owned(),
            limits_reached: Vec::new(),
            engine_version: "1".to_owned(),
            policy_version: "1".to_owned(),
            case_hash: [0; 32],
        }
    }

    fn link(number: &str, percent: u32) -> Link {
        Link {
            onward: DocumentKey {
                number: number.to_owned(),
                line_no: 1,
                kind: DocumentKind::RuDeclaration,
                feed: String::new(),
            },
            onward_date: Day::from_number(19_000),
            onward_consignee: "OOO Severny Veter".to_owned(),
            onward_country: None,
            path: Vec::new(),
            quantity: Amount::from_whole(1),
            unit: Unit::Piece,
            probability: Probability::from_f64(f64::from(percent) / 100.0),
            evidence: Vec::new(),
        }
    }

    fn kind(previous: Option<&Alert>, finding: &Finding) -> Option<AlertEventKind> {
        match decide(previous, finding, &AlertPolicy { level_min: Level::Medium, score_min: None }) {
            AlertDecision::Keep => None,
            AlertDecision::Change(update) => Some(update.kind),
        }
    }

    fn alert(finding: &Finding) -> Alert {
        match decide(None, finding, &AlertPolicy { level_min: Level::None, score_min: None }) {
            AlertDecision::Change(update) => Alert::raised(AlertId(1), finding, update.fingerprint, 5),
            AlertDecision::Keep => panic!("everything crosses this threshold"),
        }
    }

    #[test]
    fn levels_and_states_decide() {
        use AlertEventKind::{Closed, Lowered, Raised, Reopened, Updated};
        let levels = [Level::None, Level::Low, Level::Medium, Level::High];
        let (open, closed) = (Some(false), Some(true));
        let cases = [
            (None, Level::None, [None, None, Some(Raised), Some(Raised)]),
            (open, Level::Medium, [Some(Closed), Some(Closed), None, Some(Updated)]),
            (open, Level::High, [Some(Closed), Some(Closed), Some(Lowered), None]),
            (closed, Level::Low, [None, None, Some(Reopened), Some(Reopened)]),
            (closed, Level::High, [None, None, Some(Reopened), Some(Reopened)]),
        ];
        for (state, level, expected) in cases {
            let before = finding(level, 50);
            let previous = state.map(|is_closed| match is_closed {
                true => Alert { state: AlertState::Closed, ..alert(&before) },
                false => alert(&before),
            });
            let found = levels.map(|level| kind(previous.as_ref(), &finding(level, 50)));
            assert_eq!(found, expected, "{state:?} at {level:?}");
        }
    }

    #[test]
    fn a_score_can_raise_what_its_level_does_not() {
        let policy = AlertPolicy { level_min: Level::High, score_min: Some(Probability::from_f64(0.7)) };
        for (level, percent, is_raised) in [(Level::Low, 69, false), (Level::Low, 70, true), (Level::High, 0, true)] {
            let decision = decide(None, &finding(level, percent), &policy);
            assert_eq!(decision != AlertDecision::Keep, is_raised, "{level:?} {percent}");
        }
    }

    #[test]
    fn an_open_alert_changes_with_what_a_person_sees_and_with_nothing_else() {
        type Edit = fn(&mut Finding);
        let cases: [(&str, Edit, Option<AlertEventKind>); 12] = [
            ("nothing", |_| {}, None),
            ("engine", |finding| finding.engine_version.push('2'), None),
            ("policy", |finding| finding.policy_version.push('2'), None),
            ("case", |finding| finding.case_hash = [1; 32], None),
            ("rank of links", |finding| finding.links.reverse(), None),
            ("score", |finding| finding.score = Probability::from_f64(0.51), Some(AlertEventKind::Updated)),
            ("summary", |finding| finding.summary.push('!'), Some(AlertEventKind::Updated)),
            ("kind", |finding| finding.kind = FindingKind::FalseTransit, Some(AlertEventKind::Updated)),
            ("new paper", |finding| finding.links[0].onward.line_no = 2, Some(AlertEventKind::Updated)),
            ("new way", |finding| finding.links[0].path.push(link("D-3", 1).onward), Some(AlertEventKind::Updated)),
            ("priority up", |finding| finding.priority = Amount::from_whole(101), Some(AlertEventKind::Updated)),
            ("priority down", |finding| finding.priority = Amount::from_whole(99), Some(AlertEventKind::Lowered)),
        ];
        let previous = alert(&finding(Level::High, 50));
        for (name, edit, expected) in cases {
            let mut changed = finding(Level::High, 50);
            edit(&mut changed);
            assert_eq!(kind(Some(&previous), &changed), expected, "{name}");
        }
    }

    fn update(previous: &Alert, finding: &Finding) -> Option<AlertUpdate> {
        match decide(Some(previous), finding, &AlertPolicy::default()) {
            AlertDecision::Keep => None,
            AlertDecision::Change(update) => Some(*update),
        }
    }

    fn in_state(state: AlertState) -> Alert {
        let suppression = Suppression {
            reason: "licence 7".to_owned(),
            actor: "ana".to_owned(),
            at_millis: 6,
            expires_at_millis: 1_000,
        };
        let suppression = (state == AlertState::Suppressed).then_some(suppression);
        Alert { state, suppression, assignee: "ben".to_owned(), ..alert(&finding(Level::High, 50)) }
    }

    /// What people decided stays, unless something new speaks.
    #[test]
    fn evidence_meets_the_states_that_people_set() {
        use AlertEventKind::{Closed, Lowered, Reopened, Updated};
        use AlertState::{Confirmed, Dismissed, Escalated, InReview, Suppressed};
        type Edit = fn(&mut Finding);
        let edits: [Edit; 4] = [
            |finding| finding.score = Probability::from_f64(0.51),
            |finding| finding.links[0].onward.line_no = 9,
            |finding| finding.level = Level::Medium,
            |finding| finding.level = Level::None,
        ];
        let cases = [
            (InReview, [Some(Updated), Some(Updated), Some(Lowered), Some(Closed)]),
            (Escalated, [Some(Updated), Some(Updated), Some(Lowered), Some(Closed)]),
            (Confirmed, [Some(Updated), Some(Updated), Some(Lowered), Some(Lowered)]),
            (Dismissed, [None, Some(Reopened), None, None]),
            (Suppressed, [None, Some(Reopened), None, None]),
        ];
        for (state, expected) in cases {
            let previous = in_state(state);
            let found = edits.map(|edit| {
                let mut changed = finding(Level::High, 50);
                edit(&mut changed);
                let update = update(&previous, &changed)?;
                let after = previous.changed(&update, &changed, 9);
                assert_eq!(after.assignee, "ben", "an assignee stays");
                let stays = matches!(update.kind, Updated | Lowered);
                assert_eq!(after.state == state, stays, "{state:?} {:?}", update.kind);
                assert_eq!(after.suppression.is_some(), after.state == Suppressed);
                Some(update.kind)
            });
            assert_eq!(found, expected, "{state:?}");
        }
    }

    #[test]
    fn what_is_material_reopens_and_is_named() {
        type Edit = fn(&mut Finding);
        let raised =
            |name: &str, outcome| IndicatorResult { indicator: name.to_owned(), outcome, detail: "values".to_owned() };
        type Told = Option<(AlertAspect, &'static str, &'static str)>;
        let cases: [(&str, Edit, Told); 11] = [
            ("nothing", |_| {}, None),
            ("a weak link", |finding| finding.links.push(link("D-9", 9)), None),
            ("a paper less", |finding| drop(finding.links.pop()), None),
            ("a tenth more", |finding| finding.attributed = "1.11".parse().unwrap(), None),
            (
                "more than a tenth more",
                |finding| finding.attributed = "1.12".parse().unwrap(),
                Some((AlertAspect::Quantity, "1 PCE", "1.12 PCE")),
            ),
            (
                "less by half",
                |finding| finding.attributed = "0.5".parse().unwrap(),
                Some((AlertAspect::Quantity, "1 PCE", "0.5 PCE")),
            ),
            (
                "another receiver",
                |finding| finding.links[1].onward_consignee = "OOO Yuzhny Veter".to_owned(),
                Some((AlertAspect::Parties, "1", "2, new: OOO Yuzhny Veter")),
            ),
            (
                "another way",
                |finding| finding.links[0].path.push(link("D-3", 1).onward),
                Some((AlertAspect::Path, "2", "2, new: ru_declaration D-3 line 1, then ru_declaration D-1 line 1")),
            ),
            (
                "other goods",
                |finding| {
                    finding.links[0].evidence.push(crate::model::Evidence {
                        kind: crate::model::EvidenceKind::PartNumber,
                        ours: "A".to_owned(),
                        theirs: "B".to_owned(),
                        bits: crate::model::Bits(1),
                    });
                },
                Some((AlertAspect::Goods, "0", "1, new: B")),
            ),
            ("a flag that is down", |finding| finding.indicators = Vec::new(), None),
            ("another rank only", |finding| finding.priority = Amount::from_whole(7), None),
        ];
        let previous = in_state(AlertState::Dismissed);
        for (name, edit, expected) in cases {
            let mut changed = finding(Level::High, 50);
            edit(&mut changed);
            let found = update(&previous, &changed);
            assert_eq!(found.is_some(), expected.is_some(), "{name}");
            if let (Some(update), Some((aspect, before, after))) = (found, expected) {
                let change = update.changes.iter().find(|change| change.aspect == aspect);
                let said = change.map(|change| (change.before.as_str(), change.after.as_str()));
                assert_eq!(said, Some((before, after)), "{name}");
            }
        }
        let mut flagged = finding(Level::High, 50);
        flagged.indicators =
            vec![raised("shared_address", IndicatorOutcome::Clear), raised("priority_goods", IndicatorOutcome::Raised)];
        let update = update(&previous, &flagged).unwrap();
        let flags = update.changes.iter().find(|change| change.aspect == AlertAspect::Flags).unwrap();
        assert_eq!((flags.before.as_str(), flags.after.as_str()), ("0", "1, new: priority_goods"));
    }

    /// Small steps must not add up unseen: a silenced alert is compared with what the person saw.
    #[test]
    fn drift_is_measured_from_the_decision_on() {
        let previous = in_state(AlertState::Suppressed);
        let with = |quantity: &str| Finding { attributed: quantity.parse().unwrap(), ..finding(Level::High, 50) };
        for quantity in ["1.05", "1.1", "1.11"] {
            assert_eq!(update(&previous, &with(quantity)), None);
        }
        assert_eq!(update(&previous, &with("1.15")).unwrap().kind, AlertEventKind::Reopened);
    }

    #[test]
    fn a_proposal_falls_with_the_evidence_it_was_made_on() {
        let proposal =
            Proposal { decision: ReviewDecision::Dismissed, actor: "ana".to_owned(), reason: None, at_millis: 6 };
        let previous = Alert { proposal: Some(proposal), ..in_state(AlertState::InReview) };
        let mut changed = finding(Level::High, 51);
        let weighed = update(&previous, &changed).unwrap();
        assert!(previous.changed(&weighed, &changed, 9).proposal.is_some());
        changed.links[0].onward.line_no = 7;
        let material = update(&previous, &changed).unwrap();
        assert!(previous.changed(&material, &changed, 9).proposal.is_none());
        let said = material.changes.iter().find(|change| change.aspect == AlertAspect::Proposal).unwrap();
        assert_eq!((said.before.as_str(), said.after.as_str()), ("dismissed by ana", ""));
    }
}
