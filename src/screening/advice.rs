//! What to do with an order before it ships, from what is known of it.
//!
//! Come here for when an order is held, reviewed or released, and for the reasons that are told. An order that has not
//! shipped has left no trail of its own, so the buyer's record, its own onward shipments and those of the firms it
//! delivers to speak instead. Pure.

use crate::indicators::catalogue;
use crate::model::{
    Advice, AdviceReason, AdviceReasonKind, Bits, Finding, IndicatorOutcome, Probability, RecommendedAction,
};

use super::policy::Policy;
use super::probe::{OnwardRecord, Prospect};

/// The buyer sent on goods that may be these. Assumption.
const OWN_ALIKE_BITS: f64 = 2.0;
/// The buyer sent on other goods, as many honest traders do. Assumption.
const OWN_OTHER_BITS: f64 = 0.3;
/// A firm that the buyer delivers to sent on goods that may be these. Assumption.
const RELATED_ALIKE_BITS: f64 = 1.0;
/// It sent on other goods. Told, and worth nothing. Assumption.
const RELATED_OTHER_BITS: f64 = 0.0;

/// A buyer's record speaks when at least half an order line is expected to have gone on, in millionths.
const ECHOED_MIN: u64 = 500_000;

/// Advises on an order line.
pub fn advise(prospect: Prospect, policy: &Policy) -> Advice {
    let mut reasons = record_reasons(&prospect, policy);
    reasons.extend(flag_reasons(&prospect.finding));
    let bits: Bits = reasons.iter().map(|reason| reason.bits).sum();
    let odds = bits.to_f64().clamp(-30.0, 30.0).exp2();
    let found = prospect.finding.score.to_f64();
    let risk = (odds / (1.0 + odds)).max(found);
    if let Some(link) = prospect.finding.links.first() {
        let text = format!("{} of {}", link.onward_consignee, link.onward_date);
        let text = format!("a paper to {text} may carry these goods already");
        let odds = (link.probability.to_f64().clamp(1e-6, 1.0 - 1e-6) / (1.0 - link.probability.to_f64())).log2();
        reasons.push(AdviceReason { kind: AdviceReasonKind::Finding, text, bits: Bits::from_f64(odds) });
    }
    // Red flags alone never hold an order: papers must speak, its own or those of the firms behind it.
    let papers_speak =
        prospect.record.1 >= ECHOED_MIN || prospect.own.alike_count > 0 || prospect.related.alike_count > 0;
    let [_, review, hold] = policy.level_scores;
    let action = match risk {
        risk if risk >= hold && (papers_speak || found >= hold) => RecommendedAction::Hold,
        risk if risk >= review => RecommendedAction::Review,
        _ => RecommendedAction::Release,
    };
    Advice { action, risk: Probability::from_f64(risk.min(0.999)), reasons, finding: prospect.finding }
}

/// The buyer's record with this tenant or its onward shipments at large, whichever says more, and its receivers.
fn record_reasons(prospect: &Prospect, policy: &Policy) -> Vec<AdviceReason> {
    let (lines, echoed) = (f64::from(prospect.record.0), prospect.record.1 as f64 / 1e6);
    let odds = |share: f64| (share / (1.0 - share)).log2();
    let base = odds(policy.record_share(0.0, 0.0));
    let record = odds(policy.record_share(echoed.min(lines), lines));
    let own = base + onward_bits(&prospect.own, OWN_ALIKE_BITS, OWN_OTHER_BITS);
    let mut reasons = Vec::new();
    let mut add = |kind, text, bits: f64| reasons.push(AdviceReason { kind, text, bits: Bits::from_f64(bits) });
    // What is told of this buyer stands against what is assumed of any.
    let percent = policy.record_share(0.0, 0.0) * 100.0;
    add(
        AdviceReasonKind::BuyersRecord,
        format!("of a buyer of whom nothing is known, {percent:.0} in 100 order lines go on"),
        base,
    );
    if own > record {
        add(AdviceReasonKind::BuyersShipments, format!("the buyer sent on {}", in_words(&prospect.own)), own - base);
    } else {
        let text =
            format!("{echoed:.1} of {lines:.0} other order lines of this buyer have an onward shipment like them");
        add(AdviceReasonKind::BuyersRecord, text, record - base);
    }
    let related = onward_bits(&prospect.related, RELATED_ALIKE_BITS, RELATED_OTHER_BITS);
    if prospect.related.line_count > 0 {
        let firms = prospect.related_firm_count;
        let text = format!("{firms} firms that the buyer delivered to sent on {}", in_words(&prospect.related));
        add(AdviceReasonKind::RelatedFirms, text, related);
    }
    reasons
}

fn onward_bits(record: &OnwardRecord, alike: f64, other: f64) -> f64 {
    match (record.line_count, record.alike_count) {
        (0, _) => 0.0,
        (_, 0) => other,
        _ => alike,
    }
}

fn in_words(record: &OnwardRecord) -> String {
    let latest = record.latest.map(|day| format!(", the last on {day}")).unwrap_or_default();
    format!("{} lines around that time, {} of goods like these{latest}", record.line_count, record.alike_count)
}

/// Red flags with what the catalogue gives them; those without a weight of their own are told too when they are up.
fn flag_reasons(finding: &Finding) -> Vec<AdviceReason> {
    let rows = finding.indicators.iter().zip(catalogue());
    let reasons = rows.filter(|(result, entry)| result.indicator == entry.id).filter_map(|(result, entry)| {
        let bits = match result.outcome {
            IndicatorOutcome::Raised => entry.weight,
            IndicatorOutcome::Clear if entry.weight_clear.0 != 0 => entry.weight_clear,
            IndicatorOutcome::Clear | IndicatorOutcome::NotComputable => return None,
        };
        let text = format!("{}: {}", entry.id, result.detail);
        Some(AdviceReason { kind: AdviceReasonKind::RedFlag, text, bits })
    });
    reasons.collect()
}

#[cfg(test)]
mod tests {
    use super::advise;
    use crate::indicators::catalogue;
    use crate::model::{
        Advice, AdviceReasonKind, Amount, Finding, FindingKind, IndicatorOutcome, IndicatorResult, Level, OrderKey,
        Probability, RecommendedAction, Unit,
    };
    use crate::screening::policy::Policy;
    use crate::screening::probe::{OnwardRecord, Prospect};

    fn prospect(percent: u32, flags_up: &[&str]) -> Prospect {
        let outcome = |id: &str| match flags_up.contains(&id) {
            true => IndicatorOutcome::Raised,
            false => IndicatorOutcome::NotComputable,
        };
        let indicators = catalogue().iter().map(|entry| IndicatorResult {
            indicator: entry.id.to_owned(),
            outcome: outcome(entry.id),
            detail: "values".to_owned(),
        });
        let finding = Finding {
            tenant: "steppe".to_owned(),
            order: OrderKey { order_id: "O-1".to_owned(), line_no: 1 },
            score: Probability::from_f64(f64::from(percent) / 100.0),
            level: Level::None,
            priority: Amount::ZERO,
            attributed: Amount::ZERO,
            attributed_low: Amount::ZERO,
            attributed_high: Amount::ZERO,
            unit: Unit::Piece,
            kind: FindingKind::NothingFound,
            links: Vec::new(),
            rejected: Vec::new(),
            indicators: indicators.collect(),
            summary: String::new(),
            limits_reached: Vec::new(),
            engine_version: String::new(),
            policy_version: String::new(),
            case_hash: [0; 32],
        };
        let nothing = OnwardRecord::default();
        Prospect { finding, record: (0, 0), own: nothing, related: nothing, related_firm_count: 0 }
    }

    fn sent(line_count: u32, alike_count: u32) -> OnwardRecord {
        OnwardRecord { line_count, alike_count, latest: None }
    }

    fn advice(prospect: Prospect) -> Advice {
        advise(prospect, &Policy::default())
    }

    #[test]
    fn who_sent_goods_on_before_is_held_and_who_did_not_is_released() {
        use RecommendedAction::{Hold, Release, Review};
        let record = |lines, echoed: u64| Prospect { record: (lines, echoed * 1_000_000), ..prospect(1, &[]) };
        let own = |own| Prospect { own, ..prospect(1, &[]) };
        let both = |flags: &[&str]| {
            let (own, related) = (sent(9, 2), sent(9, 2));
            Prospect { own, related, related_firm_count: 1, ..prospect(1, flags) }
        };
        let cases = [
            ("a new buyer", prospect(1, &[]), Release),
            ("a good record", record(20, 0), Release),
            ("half of it went on", record(10, 4), Review),
            ("nearly all of it went on", record(10, 9), Hold),
            ("sends on other goods", own(sent(40, 0)), Release),
            ("sends on goods like these", own(sent(9, 2)), Review),
            ("and so do those it delivers to", both(&[]), Review),
            ("and the goods are wanted", both(&["priority_goods"]), Hold),
            ("papers of its own", prospect(60, &[]), Hold),
            ("a weak trail", prospect(35, &[]), Review),
        ];
        for (name, prospect, action) in cases {
            let found = prospect.finding.score;
            let advice = advice(prospect);
            assert_eq!(advice.action, action, "{name}: {}", advice.risk);
            assert!(advice.risk >= found, "{name}");
        }
    }

    #[test]
    fn red_flags_alone_never_hold_an_order() {
        let all: Vec<&str> = catalogue().iter().map(|entry| entry.id).collect();
        let alone = advice(prospect(1, &all));
        assert_eq!(alone.action, RecommendedAction::Review);
        assert!(alone.risk.to_f64() > 0.5, "they do weigh: {}", alone.risk);
        let up = alone.reasons.iter().filter(|reason| reason.kind == AdviceReasonKind::RedFlag).count();
        assert_eq!(up, all.len());
        let backed = Prospect { own: sent(3, 1), ..prospect(1, &all) };
        assert_eq!(advice(backed).action, RecommendedAction::Hold);
    }
}
