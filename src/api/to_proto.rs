//! From the words of the model to the wire.
//!
//! Come here when a message gets another field. With `from_proto` this is the only file that knows both.
//! Nothing here can fail: what the model holds, the wire can say.

use super::engine::{CompanyName, RecordOutcome, SubscriptionState};
use super::from_proto::{
    action_to, advice_reason_to, alert_state_to, aspect_to, cause_kind_to, decision_to, document_kind_to,
    event_kind_to, evidence_kind_to, fault_reason_by_word, fault_reason_to, finding_kind_to, job_state_to, level_to,
    outcome_to, reason_to, replay_outcome_to,
};
use super::wire;
use crate::audit::{AuditEntry, AuditHash, Checkpoint, ConsistencyProof, EntryProof};
use crate::intake::FieldFault;
use crate::model::{
    Advice, Alert, AlertChange, AlertEvent, Amount, Company, Country, Day, DocumentKey, Evidence, Finding,
    FindingChange, FindingDifference, FindingFacts, HsCode, IndicatorResult, JobOutcome, JobResult, JobSource,
    LineFault, Link, LinkDifference, LinkFacts, NamedCause, OrderKey, OrderLine, Party, RecordName,
    RejectedAlternative, Replay, ReviewReason, ScreeningJob, ShipmentLine, Sides,
};

/// An order line.
pub(super) fn order_line(line: &OrderLine) -> wire::OrderLine {
    wire::OrderLine {
        key: Some(order_key(&line.key)),
        order_date: line.order_date.to_string(),
        ship_date: day(line.ship_date),
        buyer: party(&line.buyer),
        consignee: party(&line.consignee),
        end_user: party(&line.end_user),
        payer: party(&line.payer),
        destination_country: country(line.destination_country),
        incoterms: line.incoterms.clone(),
        hs_code: hs_code(line.hs_code.as_ref()),
        description: line.description.clone(),
        brand: line.brand.clone(),
        part_number: line.part_number.clone(),
        gtin: line.gtin.clone(),
        serial_numbers: line.serial_numbers.clone(),
        lot_numbers: line.lot_numbers.clone(),
        quantity: line.quantity.to_string(),
        unit: line.unit.code().to_owned(),
        net_weight_kg: amount(line.net_weight_kg),
        value: amount(line.value),
        currency: line.currency.clone(),
        export_declaration: line.export_declaration.clone(),
        no_reexport_clause: line.no_reexport_clause,
    }
}

/// A shipment line.
pub(super) fn shipment_line(line: &ShipmentLine) -> wire::ShipmentLine {
    wire::ShipmentLine {
        key: Some(document_key(&line.key)),
        date: line.date.to_string(),
        consignor: party(&line.consignor),
        consignee: party(&line.consignee),
        hs_code: hs_code(line.hs_code.as_ref()),
        description: line.description.clone(),
        brand: line.brand.clone(),
        part_number: line.part_number.clone(),
        gtin: line.gtin.clone(),
        serial_numbers: line.serial_numbers.clone(),
        lot_numbers: line.lot_numbers.clone(),
        quantity: line.quantity.to_string(),
        unit: line.unit.code().to_owned(),
        net_weight_kg: amount(line.net_weight_kg),
        value: amount(line.value),
        currency: line.currency.clone(),
        source_declaration: line.source_declaration.clone(),
        carrier_name: line.carrier_name.clone(),
    }
}

/// A company row.
pub(super) fn company(company: &Company) -> wire::Company {
    wire::Company {
        key: Some(company_key(&CompanyName::of(company))),
        name: company.name.clone(),
        name_latin: company.name_latin.clone(),
        registered: day(company.registered),
        address: company.address.clone(),
        phone: company.phone.clone(),
        director: company.director.clone(),
        owners: company.owners.clone(),
        activity_code: company.activity_code.clone(),
        status: company.status.clone(),
    }
}

/// Names an order line.
pub(super) fn order_key(key: &OrderKey) -> wire::OrderKey {
    wire::OrderKey { order_id: key.order_id.clone(), line_no: key.line_no }
}

/// Names a shipment line.
pub(super) fn document_key(key: &DocumentKey) -> wire::DocumentKey {
    wire::DocumentKey {
        feed: key.feed.clone(),
        document_kind: document_kind_to(key.kind).into(),
        document_number: key.number.clone(),
        line_no: key.line_no,
    }
}

/// Names a company row.
pub(super) fn company_key(name: &CompanyName) -> wire::CompanyKey {
    wire::CompanyKey { country: country(name.country), identifier: name.identifier.clone() }
}

/// What became of a record that the engine took.
pub(super) fn record_outcome(outcome: RecordOutcome) -> wire::RecordOutcome {
    let status = match outcome {
        RecordOutcome::Stored => wire::RecordStatus::Stored,
        RecordOutcome::Unchanged => wire::RecordStatus::Unchanged,
        RecordOutcome::Conflict => wire::RecordStatus::Conflict,
    };
    wire::RecordOutcome { status: status.into(), faults: Vec::new() }
}

/// What became of a record that breaks the rules.
pub(super) fn rejected_record(faults: Vec<FieldFault>) -> wire::RecordOutcome {
    let faults = faults.into_iter().map(|fault| wire::FieldFault {
        field: fault.column.to_owned(),
        reason: fault_reason_to(fault.reason).into(),
        description: fault.detail,
        value: fault.value,
    });
    wire::RecordOutcome { status: wire::RecordStatus::Rejected.into(), faults: faults.collect() }
}

/// A finding, without its tenant: whoever reads it knows.
pub(super) fn finding(finding: &Finding) -> wire::Finding {
    wire::Finding {
        order: Some(order_key(&finding.order)),
        score: finding.score.to_f64(),
        level: level_to(finding.level).into(),
        priority: finding.priority.to_string(),
        attributed_quantity: finding.attributed.to_string(),
        attributed_low: finding.attributed_low.to_string(),
        attributed_high: finding.attributed_high.to_string(),
        unit: finding.unit.code().to_owned(),
        kind: finding_kind_to(finding.kind).into(),
        links: finding.links.iter().map(link).collect(),
        rejected: finding.rejected.iter().map(rejected_alternative).collect(),
        indicators: finding.indicators.iter().map(indicator).collect(),
        summary: finding.summary.clone(),
        limits_reached: finding.limits_reached.clone(),
        engine_version: finding.engine_version.clone(),
        policy_version: finding.policy_version.clone(),
        case_hash: finding.case_hash.to_vec(),
    }
}

/// Advice on an order line; what became of storing it is added by whoever stored it.
pub(super) fn advice(advice: &Advice) -> wire::ScreenOrderResponse {
    let reasons = advice.reasons.iter().map(|reason| wire::AdviceReason {
        kind: advice_reason_to(reason.kind).into(),
        text: reason.text.clone(),
        weight_millibits: reason.bits.0,
    });
    wire::ScreenOrderResponse {
        action: action_to(advice.action).into(),
        finding: Some(finding(&advice.finding)),
        risk: advice.risk.to_f64(),
        reasons: reasons.collect(),
        stored: None,
    }
}

/// A screening job.
pub(super) fn job(job: &ScreeningJob) -> wire::ScreeningJob {
    use wire::screening_job::Source;
    let day = |day: Option<Day>| day.map_or_else(String::new, |day| day.to_string());
    wire::ScreeningJob {
        job_id: job.id.to_string(),
        state: job_state_to(job.state).into(),
        judged_count: job.judged_count(),
        order_line_count: job.line_count,
        create_time: timestamp(job.created_at_millis),
        end_time: job.ended_at_millis.and_then(timestamp),
        request_id: job.request_id.clone(),
        source: Some(match job.source {
            JobSource::Stored { first_day, last_day } => {
                Source::Stored(wire::StoredOrders { first_day: day(first_day), last_day: day(last_day) })
            }
            JobSource::Uploaded => Source::Uploaded(wire::UploadedOrders {}),
        }),
        share: job.share(),
        lines_per_second: job.lines_per_second(),
        seconds_left: job.seconds_left(),
        release_count: job.counts.release,
        review_count: job.counts.review,
        hold_count: job.counts.hold,
        conflict_count: job.counts.conflict,
        rejected_count: job.counts.rejected,
        failure: job.failure.clone(),
    }
}

/// The result of one line of a screening job.
pub(super) fn job_result(result: JobResult) -> wire::ScreeningJobResult {
    let mut on_wire = wire::ScreeningJobResult {
        line: result.line,
        order: Some(order_key(&result.order)),
        ..wire::ScreeningJobResult::default()
    };
    match result.outcome {
        JobOutcome::Judged(judged) => {
            let wire::ScreenOrderResponse { action, finding, risk, reasons, .. } = advice(&judged);
            on_wire.set_outcome(wire::ScreeningJobOutcome::Judged);
            (on_wire.action, on_wire.risk, on_wire.reasons, on_wire.finding) = (action, risk, reasons, finding);
        }
        JobOutcome::Conflict => on_wire.set_outcome(wire::ScreeningJobOutcome::Conflict),
        JobOutcome::Rejected(faults) => {
            on_wire.set_outcome(wire::ScreeningJobOutcome::Rejected);
            on_wire.faults = faults.into_iter().map(line_fault).collect();
        }
    }
    on_wire
}

fn line_fault(fault: LineFault) -> wire::FieldFault {
    wire::FieldFault {
        field: fault.field,
        reason: fault_reason_by_word(&fault.reason).into(),
        description: fault.description,
        value: fault.value,
    }
}

/// An alert, without its tenant.
pub(super) fn alert(alert: &Alert) -> wire::Alert {
    wire::Alert {
        alert_id: alert.id.to_string(),
        order: Some(order_key(&alert.order)),
        state: alert_state_to(alert.state).into(),
        etag: alert.revision.to_string(),
        raise_time: timestamp(alert.raised_at_millis),
        update_time: timestamp(alert.changed_at_millis),
        kind: finding_kind_to(alert.kind).into(),
        level: level_to(alert.level).into(),
        score: alert.score.to_f64(),
        priority: alert.priority.to_string(),
        attributed_quantity: alert.attributed.to_string(),
        unit: alert.unit.code().to_owned(),
        summary: alert.summary.clone(),
        case_hash: alert.case_hash.to_vec(),
        fingerprint: alert.fingerprint.to_vec(),
        assignee: alert.assignee.clone(),
        proposal: alert.proposal.as_ref().map(|proposal| wire::ReviewProposal {
            decision: decision_to(proposal.decision).into(),
            actor: proposal.actor.clone(),
            reason: reason(proposal.reason).into(),
            propose_time: timestamp(proposal.at_millis),
        }),
        suppression: alert.suppression.as_ref().map(|suppression| wire::Suppression {
            reason: suppression.reason.clone(),
            actor: suppression.actor.clone(),
            create_time: timestamp(suppression.at_millis),
            expire_time: timestamp(suppression.expires_at_millis),
        }),
    }
}

/// How far a tenant's trail has come.
pub(super) fn checkpoint(checkpoint: &Checkpoint) -> wire::GetCheckpointResponse {
    let Checkpoint { newest, tree } = checkpoint;
    wire::GetCheckpointResponse {
        sequence: newest.as_ref().map_or(0, |entry| entry.sequence),
        hash: newest.as_ref().map_or([0; 32], |entry| entry.hash).to_vec(),
        create_time: newest.as_ref().and_then(|entry| timestamp(entry.at_unix_millis)),
        tree_size: tree.size,
        root_hash: tree.root.to_vec(),
    }
}

/// An entry with the proof that it is part of the trail.
pub(super) fn entry_proof(proof: &EntryProof) -> wire::GetProofResponse {
    wire::GetProofResponse {
        entry: Some(audit_entry(&proof.entry)),
        hashes: hashes(&proof.hashes),
        tenant: proof.entry.tenant.clone(),
        leaf_index: proof.leaf,
        tree_size: proof.tree.size,
        root_hash: proof.tree.root.to_vec(),
    }
}

/// The proof that a trail goes on from where it was.
pub(super) fn consistency_proof(proof: &ConsistencyProof) -> wire::GetConsistencyProofResponse {
    wire::GetConsistencyProofResponse {
        tree_size: proof.tree.size,
        root_hash: proof.tree.root.to_vec(),
        hashes: hashes(&proof.hashes),
    }
}

fn hashes(hashes: &[AuditHash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.to_vec()).collect()
}

/// What came of judging a case again.
pub(super) fn replay(replay: &Replay) -> wire::ReplayFindingResponse {
    let (judged, judged_hash) = replay.judged.as_ref().map(|(judged, hash)| (finding(judged), hash.to_vec())).unzip();
    wire::ReplayFindingResponse {
        outcome: replay_outcome_to(replay.outcome).into(),
        finding: judged,
        stored_hash: replay.stored_hash.to_vec(),
        judged_hash: judged_hash.unwrap_or_default(),
        stored_case_hash: replay.stored_case_hash.to_vec(),
        case_hash: replay.case_hash.map(Vec::from).unwrap_or_default(),
    }
}

/// How far a client has handled events; `cursor` resumes there.
pub(super) fn subscription(state: &SubscriptionState) -> wire::Subscription {
    let SubscriptionState { subscription, newest_sequence, cursor } = state;
    wire::Subscription {
        name: subscription.name.clone(),
        cursor: cursor.clone(),
        acked_sequence: subscription.sequence,
        newest_sequence: *newest_sequence,
        lag: newest_sequence.saturating_sub(subscription.sequence),
        create_time: timestamp(subscription.created_at_millis),
        ack_time: timestamp(subscription.acked_at_millis),
    }
}

fn reason(reason: Option<ReviewReason>) -> wire::ReviewReason {
    reason.map_or(wire::ReviewReason::Unspecified, reason_to)
}

/// An alert event.
pub(super) fn alert_event(event: &AlertEvent) -> wire::AlertEvent {
    wire::AlertEvent {
        sequence: event.sequence,
        commit_time: timestamp(event.at_millis),
        kind: event_kind_to(event.kind).into(),
        alert: Some(alert(&event.alert)),
        changes: event.changes.iter().map(change).collect(),
        act: event.act.as_ref().map(|act| wire::AlertAct {
            actor: act.actor.clone(),
            reason: reason(act.reason).into(),
            comment: act.comment.clone(),
        }),
    }
}

fn change(change: &AlertChange) -> wire::AlertChange {
    wire::AlertChange {
        aspect: aspect_to(change.aspect).into(),
        before: change.before.clone(),
        after: change.after.clone(),
    }
}

/// An audit entry, without its tenant.
pub(super) fn audit_entry(entry: &AuditEntry) -> wire::AuditEntry {
    wire::AuditEntry {
        sequence: entry.sequence,
        create_time: timestamp(entry.at_unix_millis),
        kind: entry.kind.as_str().to_owned(),
        subject: entry.subject.clone(),
        detail_hash: entry.detail_hash.to_vec(),
        previous_hash: entry.previous.to_vec(),
        hash: entry.hash.to_vec(),
    }
}

/// One revision of a finding beside the one before.
pub(super) fn finding_change(change: &FindingChange) -> wire::FindingChange {
    let FindingDifference { before, after, links, rejected, indicators } = &change.difference;
    wire::FindingChange {
        order: Some(order_key(&change.order)),
        revision: change.revision,
        judge_time: change.judged_at_millis.and_then(timestamp),
        audit_sequence: change.place,
        causes: change.causes.iter().map(finding_cause).collect(),
        has_more_causes: change.has_more_causes,
        before: before.as_ref().map(finding_facts),
        after: Some(finding_facts(after)),
        links: links.iter().map(link_change).collect(),
        rejected: rejected
            .iter()
            .map(|Sides { before, after }| wire::RejectedAlternativeChange {
                before: before.as_ref().map(rejected_alternative),
                after: after.as_ref().map(rejected_alternative),
            })
            .collect(),
        indicators: indicators
            .iter()
            .map(|Sides { before, after }| wire::IndicatorChange {
                before: before.as_ref().map(indicator),
                after: after.as_ref().map(indicator),
            })
            .collect(),
    }
}

fn finding_cause(cause: &NamedCause) -> wire::FindingCause {
    use wire::finding_cause::Record;
    let record = cause.record.as_ref().map(|record| match record {
        RecordName::Order(key) => Record::Order(order_key(key)),
        RecordName::Shipment(key) => Record::Shipment(document_key(key)),
        RecordName::Company(country, identifier) => {
            Record::Company(company_key(&CompanyName { country: *country, identifier: identifier.clone() }))
        }
    });
    wire::FindingCause { kind: cause_kind_to(cause.kind).into(), record }
}

fn finding_facts(facts: &FindingFacts) -> wire::FindingFacts {
    wire::FindingFacts {
        score: facts.score.to_f64(),
        level: level_to(facts.level).into(),
        kind: finding_kind_to(facts.kind).into(),
        priority: facts.priority.to_string(),
        attributed_quantity: facts.attributed.to_string(),
        attributed_low: facts.attributed_low.to_string(),
        attributed_high: facts.attributed_high.to_string(),
        unit: facts.unit.code().to_owned(),
        summary: facts.summary.clone(),
        limits_reached: facts.limits_reached.clone(),
        engine_version: facts.engine_version.clone(),
        policy_version: facts.policy_version.clone(),
        case_hash: facts.case_hash.to_vec(),
    }
}

fn link_change(change: &LinkDifference) -> wire::LinkChange {
    let facts = |facts: &LinkFacts| wire::LinkFacts {
        quantity: facts.quantity.to_string(),
        probability: facts.probability.to_f64(),
    };
    let LinkDifference { link, facts: Sides { before, after }, evidence: reasons } = change;
    let reason = |Sides { before, after }: &Sides<Evidence>| wire::EvidenceChange {
        before: before.as_ref().map(evidence),
        after: after.as_ref().map(evidence),
    };
    wire::LinkChange {
        onward: Some(document_key(&link.onward)),
        onward_date: link.onward_date.to_string(),
        onward_consignee: link.onward_consignee.clone(),
        onward_country: country(link.onward_country),
        path: link.path.iter().map(document_key).collect(),
        unit: link.unit.code().to_owned(),
        before: before.as_ref().map(facts),
        after: after.as_ref().map(facts),
        evidence: reasons.iter().map(reason).collect(),
    }
}

fn link(link: &Link) -> wire::Link {
    wire::Link {
        onward: Some(document_key(&link.onward)),
        onward_date: link.onward_date.to_string(),
        onward_consignee: link.onward_consignee.clone(),
        onward_country: country(link.onward_country),
        path: link.path.iter().map(document_key).collect(),
        quantity: link.quantity.to_string(),
        unit: link.unit.code().to_owned(),
        probability: link.probability.to_f64(),
        evidence: link.evidence.iter().map(evidence).collect(),
    }
}

fn evidence(evidence: &Evidence) -> wire::Evidence {
    wire::Evidence {
        kind: evidence_kind_to(evidence.kind).into(),
        ours: evidence.ours.clone(),
        theirs: evidence.theirs.clone(),
        weight_millibits: evidence.bits.0,
    }
}

fn rejected_alternative(alternative: &RejectedAlternative) -> wire::RejectedAlternative {
    wire::RejectedAlternative {
        onward: Some(document_key(&alternative.onward)),
        instead: alternative.instead.as_ref().map(order_key),
        quantity: alternative.quantity.to_string(),
        ahead_millibits: alternative.bits_ahead.0,
    }
}

fn indicator(result: &IndicatorResult) -> wire::IndicatorResult {
    wire::IndicatorResult {
        indicator: result.indicator.clone(),
        outcome: outcome_to(result.outcome).into(),
        detail: result.detail.clone(),
    }
}

/// A party that the paper says nothing of is left out.
fn party(party: &Party) -> Option<wire::Party> {
    (*party != Party::default()).then(|| wire::Party {
        name: party.name.clone(),
        identifier: party.identifier.clone(),
        country: country(party.country),
        address: party.address.clone(),
        phone: party.phone.clone(),
        email: party.email.clone(),
    })
}

fn country(country: Option<Country>) -> String {
    country.map(|country| country.to_string()).unwrap_or_default()
}

fn day(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn hs_code(code: Option<&HsCode>) -> String {
    code.map(|code| code.digits().to_owned()).unwrap_or_default()
}

fn amount(amount: Option<Amount>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// A time in milliseconds since 1970.
pub(super) fn timestamp(millis: u64) -> Option<prost_types::Timestamp> {
    let nanos = i32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    Some(prost_types::Timestamp { seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX), nanos })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::from_proto;
    use crate::model::{
        Alert, AlertAct, AlertAspect, AlertChange, AlertEvent, AlertEventKind, AlertId, AlertState, Amount, Bits,
        CauseKind, Company, Country, Day, DocumentKey, DocumentKind, Evidence, EvidenceKind, EvidenceMarks, Finding,
        FindingChange, FindingDifference, FindingKind, HsCode, IndicatorOutcome, IndicatorResult, Level, Link,
        NamedCause, OrderKey, OrderLine, Party, Probability, Proposal, RecordName, RejectedAlternative, ReviewDecision,
        ReviewReason, ShipmentLine, Suppression, Unit,
    };

    /// Texts as records hold them: no blanks around, nothing that a list is separated by.
    fn text() -> impl Strategy<Value = String> {
        "([A-Za-zА-Яа-яӘәІі0-9\"«»./-]{1,12}( [A-Za-zа-я0-9]{1,6})?)?"
    }

    fn needed() -> impl Strategy<Value = String> {
        "[A-Za-zА-Яа-я0-9/-]{1,20}"
    }

    fn day() -> impl Strategy<Value = Day> {
        (-25_000i32..80_000).prop_map(Day::from_number)
    }

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![1i64..2_000_000, 1i64..9_000_000_000_000_000_000].prop_map(Amount::from_millionths)
    }

    fn country() -> impl Strategy<Value = Option<Country>> {
        let known = ["KZ", "RU", "KG", "AM", "UZ", "AE", "TR", "GE", "BY", "DE"];
        proptest::option::of(prop::sample::select(known.to_vec())).prop_map(|code| code.and_then(Country::parse))
    }

    fn unit() -> impl Strategy<Value = Unit> {
        prop::sample::select(Unit::ALL.to_vec())
    }

    fn list() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(needed(), 0..4)
    }

    prop_compose! {
        fn party()(name in text(), identifier in text(), country in country(), address in text(), phone in "[+0-9]{0,12}",
            email in "([a-z]{1,5}@[a-z]{1,5}\\.kz)?") -> Party {
            Party { name, identifier, country, address, phone, email }
        }
    }

    prop_compose! {
        fn document_key()(number in needed(), line_no in 1u32.., kind in prop::sample::select(DocumentKind::ALL.to_vec()),
            feed in text()) -> DocumentKey {
            DocumentKey { number, line_no, kind, feed }
        }
    }

    prop_compose! {
        fn order_key()(order_id in needed(), line_no in 1u32..) -> OrderKey {
            OrderKey { order_id, line_no }
        }
    }

    prop_compose! {
        fn order_line()(
            key in order_key(), order_date in day(), ship_date in proptest::option::of(day()),
            parties in (party(), party(), party(), party()), buyer_name in needed(), codes in (text(), text(), text(), text()),
            numbers in (list(), list()), amounts in (amount(), proptest::option::of(amount()), proptest::option::of(amount())),
            unit in unit(), destination_country in country(), description in needed(), clause in any::<Option<bool>>(),
        ) -> OrderLine {
            let buyer = Party { name: buyer_name, country: Some(Country::KZ), ..parties.0 };
            OrderLine {
                key, order_date, ship_date, buyer, consignee: parties.1, end_user: parties.2, payer: parties.3,
                destination_country, incoterms: codes.0, hs_code: HsCode::from_digits("85423190"), description,
                brand: codes.1, part_number: codes.2, gtin: String::new(), serial_numbers: numbers.0, lot_numbers: numbers.1,
                quantity: amounts.0, unit, net_weight_kg: amounts.1, value: amounts.2, currency: "EUR".to_owned(),
                export_declaration: codes.3, no_reexport_clause: clause,
            }
        }
    }

    prop_compose! {
        fn link()(onward in document_key(), onward_date in day(), onward_consignee in text(), onward_country in country(),
            path in prop::collection::vec(document_key(), 0..3), quantity in amount(), unit in unit(), probability in 0u32..=1_000_000,
            evidence in prop::collection::vec((text(), text(), any::<i32>()), 0..3)) -> Link {
            let evidence = evidence.into_iter().map(|(ours, theirs, bits)| Evidence {
                kind: EvidenceKind::Competition, ours, theirs, bits: Bits(bits),
            });
            Link { onward, onward_date, onward_consignee, onward_country, path, quantity, unit,
                probability: Probability::from_f64(f64::from(probability) / 1e6), evidence: evidence.collect() }
        }
    }

    prop_compose! {
        fn finding()(order in order_key(), score in 0u32..=1_000_000, amounts in (amount(), amount(), amount(), amount()),
            unit in unit(), links in prop::collection::vec(link(), 0..3), instead in proptest::option::of(order_key()),
            onward in document_key(), summary in text(), case_hash in any::<[u8; 32]>(),
            level in prop::sample::select(vec![Level::None, Level::Low, Level::Medium, Level::High])) -> Finding {
            Finding {
                tenant: "alma".to_owned(), order, score: Probability::from_f64(f64::from(score) / 1e6), level,
                priority: amounts.0, attributed: amounts.1, attributed_low: amounts.2, attributed_high: amounts.3, unit,
                kind: FindingKind::FalseTransit, links,
                rejected: vec![RejectedAlternative { onward, instead, quantity: amounts.1, bits_ahead: Bits(-7) }],
                indicators: vec![IndicatorResult { indicator: "a".to_owned(), outcome: IndicatorOutcome::Clear, detail: summary.clone() }],
                summary, limits_reached: vec!["b".to_owned()], engine_version: "1".to_owned(), policy_version: "2".to_owned(), case_hash,
            }
        }
    }

    proptest! {
        #[test]
        fn order_lines_survive_the_wire(line in order_line()) {
            prop_assert_eq!(from_proto::order_line(&super::order_line(&line)), Ok(line));
        }

        #[test]
        fn shipment_lines_survive_the_wire(key in document_key(), line in order_line(), carrier_name in text()) {
            let line = ShipmentLine {
                key, date: line.order_date, consignor: line.buyer, consignee: line.consignee, hs_code: line.hs_code,
                description: line.description, brand: line.brand, part_number: line.part_number, gtin: line.gtin,
                serial_numbers: line.serial_numbers, lot_numbers: line.lot_numbers, quantity: line.quantity,
                unit: line.unit, net_weight_kg: line.net_weight_kg, value: line.value, currency: line.currency,
                source_declaration: line.export_declaration, carrier_name,
            };
            prop_assert_eq!(from_proto::shipment_line(&super::shipment_line(&line)), Ok(line));
        }

        #[test]
        fn company_rows_survive_the_wire(names in (needed(), needed(), text(), text(), text(), text(), text(), text()),
            country in country(), registered in proptest::option::of(day()), owners in list()) {
            let company = Company {
                identifier: names.0, country, name: names.1, name_latin: names.2, registered, address: names.3,
                phone: names.4, director: names.5, owners, activity_code: names.6, status: names.7,
            };
            prop_assert_eq!(from_proto::company(&super::company(&company)), Ok(company));
        }

        #[test]
        fn changes_survive_the_wire(before in proptest::option::of(finding()), after in finding(), at_millis in 0u64..10_000_000_000_000) {
            let causes = [
                RecordName::Order(after.order.clone()),
                RecordName::Shipment(after.rejected[0].onward.clone()),
                RecordName::Company(Country::parse("KZ"), "180640012345".to_owned()),
            ];
            let causes = causes.map(|record| NamedCause { kind: CauseKind::Identity, record: Some(record) });
            let start = NamedCause { kind: CauseKind::Start, record: None };
            let change = FindingChange {
                order: after.order.clone(), revision: 2, place: at_millis, judged_at_millis: before.is_some().then_some(at_millis),
                causes: causes.into_iter().chain([start]).collect(), has_more_causes: before.is_some(),
                difference: FindingDifference::between(before.as_ref(), &after),
            };
            prop_assert_eq!(from_proto::finding_change(super::finding_change(&change)), Ok(change));
        }

        #[test]
        fn findings_and_alerts_survive_the_wire(finding in finding(), id in 1u64.., at_millis in 0u64..10_000_000_000_000) {
            let (actor, reason) = (finding.summary.clone(), Some(ReviewReason::Licensed));
            let alert = Alert {
                state: AlertState::Suppressed,
                assignee: actor.clone(),
                proposal: Some(Proposal { decision: ReviewDecision::Dismissed, actor: actor.clone(), reason, at_millis }),
                suppression: Some(Suppression {
                    reason: actor.clone(), actor: actor.clone(), at_millis, expires_at_millis: at_millis + 7,
                }),
                marks: EvidenceMarks::default(),
                ..Alert::raised(AlertId(id), &finding, [9; 32], at_millis)
            };
            let changes = vec![AlertChange {
                aspect: AlertAspect::Path, before: String::new(), after: actor.clone(),
            }];
            let act = Some(AlertAct { actor, reason: None, comment: String::new() });
            let event = AlertEvent { sequence: id, at_millis, kind: AlertEventKind::Suppressed, alert, changes, act };
            prop_assert_eq!(from_proto::alert_event("alma", super::alert_event(&event)), Ok(event));
            prop_assert_eq!(from_proto::finding("alma", super::finding(&finding)), Ok(finding));
        }
    }
}
