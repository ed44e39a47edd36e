//! Puts a finding together: score, level, priority, links with their evidence, red flags, a sentence. Pure.

use crate::flow::{Attribution, Candidate};
use crate::indicators::{self, Assessor};
use crate::model::{
    Amount, Bits, Case, CaseOrder, DocumentKind, Evidence, EvidenceKind, Finding, FindingKind, Level, Link,
    Probability, RejectedAlternative,
};

use super::arrivals::arrival_state;
use super::candidates::Search;
use super::policy::{ENGINE_VERSION, Policy};
use super::weigh::{ArrivalState, Reading};

/// Links shown in one finding; the weaker ones are left out and that is said.
const LINKS_PER_FINDING_MAX: usize = 200;
/// Links shown of those that are too weak to take goods: nobody reads two hundred that speak for one in fifty each.
const WEAK_LINKS_PER_FINDING_MAX: usize = 40;

/// A judged case, before it is put into words.
pub(super) struct Judged<'a> {
    pub case: &'a Case,
    pub policy: &'a Policy,
    pub search: &'a Search<'a>,
    pub candidates: &'a [Candidate],
    pub attribution: &'a Attribution,
    pub arrival_of: &'a [Option<u32>],
    pub limits: &'a [Vec<String>],
    pub assessor: &'a Assessor<'a>,
    pub case_hash: [u8; 32],
}

/// The finding on one order line of the case.
pub(super) fn assemble(judged: &Judged<'_>, order_index: usize) -> Finding {
    let order = &judged.case.orders[order_index];
    let mut shown = shown_links(judged, order_index);
    let arrival = arrival_state(judged.case, order_index, judged.arrival_of, judged.policy);
    let score = score(judged, order, &shown, arrival);
    let level = judged.policy.level(score);
    let kind = kind(judged, &shown, arrival, level);
    let mut limits_reached = judged.limits[order_index].clone();
    let strong = shown.partition_point(|index| takes_goods(judged, *index));
    let kept = (strong + WEAK_LINKS_PER_FINDING_MAX).min(LINKS_PER_FINDING_MAX);
    if shown.len() > kept {
        limits_reached.push(format!("only the {kept} most probable of {} links are shown", shown.len()));
        shown.truncate(kept);
    }
    let rejected = shown.iter().filter_map(|index| rejected(judged, *index)).collect();
    let links: Vec<Link> = shown.iter().map(|index| link(judged, *index)).collect();
    let indicators = judged.assessor.assess(order, &links);
    let bounds = judged.attribution.bounds[order_index];
    let summary = summary(order, &links, kind, score, bounds.likely);
    Finding {
        tenant: judged.case.tenant.clone(),
        order: order.line.key.clone(),
        score: Probability::from_f64(score),
        level,
        priority: priority(judged.policy, order, &links, score),
        attributed: bounds.likely,
        attributed_low: bounds.low,
        attributed_high: bounds.high,
        unit: order.line.unit,
        kind,
        links,
        rejected,
        indicators,
        summary,
        limits_reached,
        engine_version: ENGINE_VERSION.to_owned(),
        policy_version: judged.policy.full_version(),
        case_hash: judged.case_hash,
    }
}

/// Candidate indices of one order line worth showing, the most probable first.
fn shown_links(judged: &Judged<'_>, order_index: usize) -> Vec<usize> {
    let start = judged.candidates.partition_point(|candidate| (candidate.supply as usize) < order_index);
    let end = judged.candidates.partition_point(|candidate| (candidate.supply as usize) <= order_index);
    let probability = |index: &usize| judged.attribution.links[*index].probability;
    let mut shown: Vec<usize> =
        (start..end).filter(|index| probability(index).to_f64() >= judged.policy.shown_probability_min).collect();
    shown.sort_by(|left, right| probability(right).cmp(&probability(left)).then(left.cmp(right)));
    shown
}

/// Whether a link is probable enough to have been served with goods.
fn takes_goods(judged: &Judged<'_>, index: usize) -> bool {
    judged.attribution.links[index].probability.to_f64() >= judged.policy.flow.link_probability_min
}

/// Probability that some of the line's goods went on: by one of its links, or by a way that no paper shows.
fn score(judged: &Judged<'_>, order: &CaseOrder, shown: &[usize], arrival: ArrivalState<'_>) -> f64 {
    let none: f64 = shown.iter().map(|index| 1.0 - judged.attribution.links[*index].probability.to_f64()).product();
    let seen = 1.0 - none;
    let unseen_share = match arrival {
        ArrivalState::Missing => judged.policy.unseen_share_missing_arrival,
        _ => judged.policy.unseen_share,
    };
    let unseen = record_share(judged, order) * unseen_share;
    (1.0 - (1.0 - seen) * (1.0 - unseen)).min(0.999)
}

/// Share of the buyer's other order lines that have an onward shipment like them.
fn record_share(judged: &Judged<'_>, order: &CaseOrder) -> f64 {
    let Some(share) = order.buyer.first() else { return judged.policy.base_share };
    let entity = &judged.case.entities[share.entity as usize];
    judged.policy.others_of_buyer(entity.echoed_millionths, entity.order_line_count, order.echo).share
}

fn kind(judged: &Judged<'_>, shown: &[usize], arrival: ArrivalState<'_>, level: Level) -> FindingKind {
    let missing = matches!(arrival, ArrivalState::Missing);
    let Some(first) = shown.first().filter(|_| level > Level::None) else {
        return if missing { FindingKind::MissingArrival } else { FindingKind::NothingFound };
    };
    let candidate = &judged.candidates[*first];
    let onward = &judged.case.shipments[candidate.onward as usize].line;
    match (onward.key.kind, candidate.path.is_empty()) {
        (DocumentKind::RuDeclaration, _) if missing => FindingKind::FalseTransit,
        (_, false) => FindingKind::ThroughIntermediary,
        (_, true) => FindingKind::OnwardShipment,
    }
}

fn link(judged: &Judged<'_>, index: usize) -> Link {
    let candidate = &judged.candidates[index];
    let attributed = &judged.attribution.links[index];
    let onward = &judged.case.shipments[candidate.onward as usize].line;
    let order = &judged.case.orders[candidate.supply as usize];
    let arrival = arrival_state(judged.case, candidate.supply as usize, judged.arrival_of, judged.policy);
    let mut evidence: Vec<Evidence> =
        judged.search.readings(candidate, arrival).iter().map(Reading::evidence).collect();
    let firms_bits = Bits::from_f64(candidate.identity.to_f64().max(1e-6).log2());
    evidence.insert(1, identity_evidence(judged, index, firms_bits));
    let probability = attributed.probability.to_f64().clamp(1e-6, 1.0 - 1e-6);
    let explained: Bits = evidence.iter().map(|row| row.bits).sum();
    let left = Bits::from_f64((probability / (1.0 - probability)).log2() - explained.to_f64());
    if left.0.abs() >= 100 {
        evidence.push(Evidence {
            kind: EvidenceKind::Competition,
            ours: rival_text(judged, attributed.best_rival),
            theirs: format!("quantity taken {} {}", attributed.quantity, order.line.unit),
            bits: left,
        });
    }
    Link {
        onward: onward.key.clone(),
        onward_date: onward.date,
        onward_consignee: onward.consignee.name.clone(),
        onward_country: onward.consignee.country,
        path: candidate.path.iter().map(|paper| judged.case.shipments[*paper as usize].line.key.clone()).collect(),
        quantity: attributed.quantity,
        unit: order.line.unit,
        probability: attributed.probability,
        evidence,
    }
}

/// Who was taken for whom: the buyer of the order and the sender of the first paper, side by side.
fn identity_evidence(judged: &Judged<'_>, index: usize, bits: Bits) -> Evidence {
    let candidate = &judged.candidates[index];
    let first = candidate.path.first().copied().unwrap_or(candidate.onward);
    let sender = &judged.case.shipments[first as usize].line.consignor;
    let buyer = &judged.case.orders[candidate.supply as usize].line.buyer;
    let text = |party: &crate::model::Party| match party.identifier.is_empty() {
        true => party.name.clone(),
        false => format!("{} ({})", party.name, party.identifier),
    };
    let both_numbered = !buyer.identifier.is_empty() && !sender.identifier.is_empty();
    let kind = if both_numbered { EvidenceKind::Identifier } else { EvidenceKind::Name };
    Evidence { kind, ours: text(buyer), theirs: text(sender), bits }
}

fn rival_text(judged: &Judged<'_>, rival: Option<u32>) -> String {
    match rival {
        Some(rival) => {
            let supply = judged.candidates[rival as usize].supply as usize;
            let key = &judged.case.orders[supply].line.key;
            format!("order {} line {} could have supplied it too", key.order_id, key.line_no)
        }
        None => "what this order line still had".to_owned(),
    }
}

fn rejected(judged: &Judged<'_>, index: usize) -> Option<RejectedAlternative> {
    let rival_index = judged.attribution.links[index].best_rival? as usize;
    let (own, rival) = (&judged.attribution.links[index], &judged.attribution.links[rival_index]);
    let odds = |probability: Probability| {
        let probability = probability.to_f64().clamp(1e-6, 1.0 - 1e-6);
        (probability / (1.0 - probability)).log2()
    };
    let candidate = &judged.candidates[rival_index];
    let onward = &judged.case.shipments[candidate.onward as usize].line;
    Some(RejectedAlternative {
        onward: onward.key.clone(),
        instead: Some(judged.case.orders[candidate.supply as usize].line.key.clone()),
        quantity: rival.quantity,
        bits_ahead: Bits::from_f64(odds(rival.probability) - odds(own.probability)),
    })
}

/// Expected diverted value in euro times severity. Bounded only by the order's value, so two findings always rank.
fn priority(policy: &Policy, order: &CaseOrder, links: &[Link], score: f64) -> Amount {
    let value = order.value_euro.map_or(policy.value_unknown_euro, Amount::to_f64);
    let ordered = order.line.quantity.to_f64();
    let share: f64 =
        links.iter().map(|link| link.probability.to_f64() * link.quantity.to_f64() / ordered).sum::<f64>().min(1.0);
    let severity = indicators::severity(order.line.hs_code.as_ref());
    Amount::from_f64_rounded(((share.max(score * 0.01) * value * severity) * 100.0).round() / 100.0)
}

fn summary(order: &CaseOrder, links: &[Link], kind: FindingKind, score: f64, likely: Amount) -> String {
    let ordered = format!("{} of {} {}", likely, order.line.quantity, order.line.unit);
    let receiver = links.first().map_or("", |link| link.onward_consignee.as_str());
    // Cut and not rounded: what is not certain must not look so.
    let percent = (score * 100.0).floor();
    match kind {
        FindingKind::NothingFound => "Nothing speaks for an onward shipment.".to_owned(),
        FindingKind::OnwardShipment => {
            format!("{ordered} suspected to have gone on from the buyer to {receiver} ({percent} %).")
        }
        FindingKind::ThroughIntermediary => {
            let hops = links.first().map_or(1, |link| link.path.len());
            let firms = if hops == 1 { "one firm".to_owned() } else { format!("{hops} firms") };
            format!("{ordered} suspected to have gone on through {firms} to {receiver} ({percent} %).")
        }
        FindingKind::FalseTransit => {
            format!("{ordered} suspected to have gone to {receiver} without ever arriving ({percent} %).")
        }
        FindingKind::MissingArrival => {
            "No arrival was seen although arrivals of this exporter's goods usually are.".to_owned()
        }
    }
}
