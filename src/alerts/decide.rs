//! What a new finding means for the alert of its order line.
//!
//! Come here to change when an alert is raised, lowered or closed. Pure: the same alert and the same finding give the
//! same decision. The store asks it inside its transaction; numbers, times and states are filled in there.

use std::sync::Arc;

use crate::audit::digest;
use crate::model::{
    Alert, AlertDecision, AlertEventKind, AlertState, Amount, DocumentKey, Finding, FindingKind, Level, Probability,
};
use crate::store::AlertRule;

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
pub fn decide(previous: Option<&Alert>, finding: &Finding, policy: &AlertPolicy) -> AlertDecision {
    let is_crossed = policy.is_crossed_by(finding);
    let fingerprint = fingerprint(finding);
    let kind = match (previous.map(|alert| (alert, alert.state)), is_crossed) {
        (None, false) | (Some((_, AlertState::Closed)), false) => return AlertDecision::Keep,
        (None, true) => AlertEventKind::Raised,
        (Some((_, AlertState::Closed)), true) => AlertEventKind::Reopened,
        (Some((_, AlertState::Open)), false) => AlertEventKind::Closed,
        (Some((alert, AlertState::Open)), true) => match compare(alert, finding, &fingerprint) {
            Some(kind) => kind,
            None => return AlertDecision::Keep,
        },
    };
    AlertDecision::Change { kind, fingerprint }
}

/// How an open alert changes, or nothing when a person would see the same.
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
        Alert, AlertDecision, AlertEventKind, AlertId, Amount, Day, DocumentKey, DocumentKind, Finding, FindingKind,
        Level, Link, OrderKey, Probability, Unit,
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
            AlertDecision::Change { kind, .. } => Some(kind),
        }
    }

    fn alert(finding: &Finding) -> Alert {
        match decide(None, finding, &AlertPolicy { level_min: Level::None, score_min: None }) {
            AlertDecision::Change { fingerprint, .. } => Alert::raised(AlertId(1), finding, fingerprint, 5),
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
                true => alert(&before).changed(Closed, &before, [0; 32], 6),
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
}
