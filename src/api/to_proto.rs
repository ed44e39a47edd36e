//! From the words of the model to the wire.
//!
//! Come here when a message gets another field. With `from_proto` this is the only file that knows both.
//! Nothing here can fail: what the model holds, the wire can say.

use super::engine::{CompanyName, RecordOutcome};
use super::from_proto::{
    alert_state_to, document_kind_to, event_kind_to, evidence_kind_to, fault_reason_to, finding_kind_to, level_to,
    outcome_to,
};
use super::wire;
use crate::audit::AuditEntry;
use crate::intake::FieldFault;
use crate::model::{
    Alert, AlertEvent, Amount, Company, Country, Day, DocumentKey, Evidence, Finding, HsCode, IndicatorResult, Link,
    OrderKey, OrderLine, Party, RejectedAlternative, ShipmentLine,
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
    }
}

/// An alert event.
pub(super) fn alert_event(event: &AlertEvent) -> wire::AlertEvent {
    wire::AlertEvent {
        sequence: event.sequence,
        commit_time: timestamp(event.at_millis),
        kind: event_kind_to(event.kind).into(),
        alert: Some(alert(&event.alert)),
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

fn timestamp(millis: u64) -> Option<prost_types::Timestamp> {
    let nanos = i32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    Some(prost_types::Timestamp { seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX), nanos })
}
