//! From the wire to the words of the model.
//!
//! Come here when a message or an enum gets another value. With `to_proto` this is the only file that knows both.
//! Records go through the rules of `intake`: a record that a file may hold may come over the wire, and no other.

use super::engine::{CompanyName, SubscriptionState};
use super::wire;
use crate::audit::{AuditEntry, AuditHead, AuditKind, ConsistencyProof, EntryProof, TreeHead};
use crate::intake::{FieldFault, RejectReason, company_from_fields, order_from_fields, shipment_from_fields};
use crate::model::{
    Advice, AdviceReason, AdviceReasonKind, Alert, AlertAct, AlertAspect, AlertChange, AlertEvent, AlertEventKind,
    AlertId, AlertState, Amount, Bits, CauseKind, Company, Country, Day, DocumentKey, DocumentKind, Evidence,
    EvidenceKind, EvidenceMarks, Finding, FindingChange, FindingDifference, FindingFacts, FindingKind,
    IndicatorOutcome, IndicatorResult, JobCounts, JobLine, JobOutcome, JobResult, JobSource, JobState, Level,
    LineFault, Link, LinkDifference, LinkFacts, LinkName, NamedCause, OrderKey, OrderLine, Probability, Proposal,
    RecommendedAction, RecordName, RejectedAlternative, Replay, ReplayOutcome, ReviewDecision, ReviewReason,
    ScreeningJob, ShipmentLine, Sides, Subscription, Suppression, Unit,
};

/// Most bytes of one record on the wire.
const RECORD_BYTES_MAX: usize = 192 * 1024;

/// Two enums with the same words, both ways: a word that one of them lacks does not compile.
macro_rules! same_words {
    ($to:ident, $from:ident, $name:ident, $words:tt) => {
        same_words!($to, $from, $name = $name, $words);
    };
    ($to:ident, $from:ident, $name:ident = $wire:ident, [$($word:ident),* $(,)?]) => {
        pub(super) fn $to(word: $name) -> wire::$wire {
            match word { $($name::$word => wire::$wire::$word,)* }
        }

        pub(super) fn $from(word: wire::$wire) -> Option<$name> {
            match word {
                wire::$wire::Unspecified => None,
                $(wire::$wire::$word => Some($name::$word),)*
            }
        }
    };
}

same_words!(
    document_kind_to,
    document_kind_from,
    DocumentKind,
    [KzImport, Snt, Esf, Cmr, Smgs, Ttn, StatForm, RuDeclaration, Marking, Listing, Activation, Other,]
);
same_words!(
    finding_kind_to,
    finding_kind_from,
    FindingKind,
    [NothingFound, OnwardShipment, ThroughIntermediary, FalseTransit, MissingArrival,]
);
same_words!(
    cause_kind_to,
    cause_kind_from,
    CauseKind = FindingCauseKind,
    [OrderLine, ShipmentLine, Company, Identity, ArrivalDays, BuyersRecord, TenantsRecord, OtherHoldings, Start]
);
same_words!(level_to, level_from, Level, [None, Low, Medium, High]);
same_words!(outcome_to, outcome_from, IndicatorOutcome, [Raised, Clear, NotComputable]);
same_words!(
    alert_state_to,
    alert_state_from,
    AlertState,
    [Open, Closed, InReview, Escalated, Confirmed, Dismissed, Suppressed]
);
same_words!(
    event_kind_to,
    event_kind_from,
    AlertEventKind,
    [Raised, Updated, Lowered, Closed, Reopened, Reviewed, Proposed, Commented, Suppressed]
);
same_words!(
    replay_outcome_to,
    replay_outcome_from,
    ReplayOutcome,
    [SameBytes, OtherBytes, CaseChanged, Overdue, CaseTooLarge]
);
same_words!(action_to, action_from, RecommendedAction, [Release, Review, Hold]);
same_words!(
    advice_reason_to,
    advice_reason_from,
    AdviceReasonKind,
    [BuyersRecord, BuyersShipments, RelatedFirms, RedFlag, Finding]
);
same_words!(
    aspect_to,
    aspect_from,
    AlertAspect,
    [Score, Level, Kind, Quantity, Goods, Parties, Flags, Path, State, Assignee, Proposal, Suppression]
);
same_words!(decision_to, decision_from, ReviewDecision, [Open, InReview, Escalated, Confirmed, Dismissed, Comment]);
same_words!(
    reason_to,
    reason_from,
    ReviewReason,
    [GoodsWentOn, OtherGoods, OtherParty, OtherSupply, Licensed, RecordWrong, Other]
);
same_words!(
    evidence_kind_to,
    evidence_kind_from,
    EvidenceKind,
    [
        Prior,
        Identifier,
        Name,
        LegalForm,
        Address,
        Phone,
        Director,
        EmailDomain,
        Register,
        SerialNumber,
        SourceDeclaration,
        LotNumber,
        PartNumber,
        Gtin,
        Brand,
        HsCode,
        Description,
        ValueDensity,
        WeightPerPiece,
        Quantity,
        Timing,
        Arrival,
        Transfer,
        Competition,
    ]
);

/// What a message of the service says, and this program does not understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the field {0} is missing or unknown to this version")]
pub struct NotUnderstood(pub(super) &'static str);

/// An order line, or everything that is wrong with it.
pub(super) fn order_line(line: &wire::OrderLine) -> Result<OrderLine, Vec<FieldFault>> {
    size_allowed(line)?;
    let key = line.key.clone().unwrap_or_default();
    let parties = [
        ("buyer_", line.buyer.as_ref()),
        ("consignee_", line.consignee.as_ref()),
        ("end_user_", line.end_user.as_ref()),
        ("payer_", line.payer.as_ref()),
    ];
    let (line_no, serials, lots) =
        (line_number(key.line_no), line.serial_numbers.join(";"), line.lot_numbers.join(";"));
    order_from_fields(|column| {
        Some(match column {
            "order_id" => key.order_id.as_str(),
            "line_no" => &line_no,
            "order_date" => &line.order_date,
            "ship_date" => &line.ship_date,
            "destination_country" => &line.destination_country,
            "incoterms" => &line.incoterms,
            "hs_code" => &line.hs_code,
            "description" => &line.description,
            "brand" => &line.brand,
            "part_number" => &line.part_number,
            "gtin" => &line.gtin,
            "serial_numbers" => &serials,
            "lot_numbers" => &lots,
            "quantity" => &line.quantity,
            "unit" => &line.unit,
            "net_weight_kg" => &line.net_weight_kg,
            "value" => &line.value,
            "currency" => &line.currency,
            "export_declaration" => &line.export_declaration,
            "no_reexport_clause" => line.no_reexport_clause.map_or("", |clause| if clause { "true" } else { "false" }),
            _ => return party_field(&parties, column),
        })
    })
}

/// A shipment line, or everything that is wrong with it.
pub(super) fn shipment_line(line: &wire::ShipmentLine) -> Result<ShipmentLine, Vec<FieldFault>> {
    size_allowed(line)?;
    let key = line.key.clone().unwrap_or_default();
    let parties = [("consignor_", line.consignor.as_ref()), ("consignee_", line.consignee.as_ref())];
    // A kind from a newer version is not "missing": its number makes it an unknown kind.
    let kind = match wire::DocumentKind::try_from(key.document_kind) {
        Ok(kind) => document_kind_from(kind).map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        Err(_) => key.document_kind.to_string(),
    };
    let (line_no, serials, lots) =
        (line_number(key.line_no), line.serial_numbers.join(";"), line.lot_numbers.join(";"));
    shipment_from_fields(|column| {
        Some(match column {
            "document_kind" => kind.as_str(),
            "document_number" => &key.document_number,
            "line_no" => &line_no,
            "feed" => &key.feed,
            "date" => &line.date,
            "hs_code" => &line.hs_code,
            "description" => &line.description,
            "brand" => &line.brand,
            "part_number" => &line.part_number,
            "gtin" => &line.gtin,
            "serial_numbers" => &serials,
            "lot_numbers" => &lots,
            "quantity" => &line.quantity,
            "unit" => &line.unit,
            "net_weight_kg" => &line.net_weight_kg,
            "value" => &line.value,
            "currency" => &line.currency,
            "source_declaration" => &line.source_declaration,
            "carrier_name" => &line.carrier_name,
            _ => return party_field(&parties, column),
        })
    })
}

/// A company row, or everything that is wrong with it.
pub(super) fn company(company: &wire::Company) -> Result<Company, Vec<FieldFault>> {
    size_allowed(company)?;
    let key = company.key.clone().unwrap_or_default();
    let owners = company.owners.join(";");
    company_from_fields(|column| {
        Some(match column {
            "id" => key.identifier.as_str(),
            "country" => &key.country,
            "name" => &company.name,
            "name_latin" => &company.name_latin,
            "registered" => &company.registered,
            "address" => &company.address,
            "phone" => &company.phone,
            "director" => &company.director,
            "owners" => &owners,
            "activity_code" => &company.activity_code,
            "status" => &company.status,
            _ => return None,
        })
    })
}

/// An order key of a request, or the field that is wrong and why.
pub(super) fn order_key(key: Option<wire::OrderKey>) -> Result<OrderKey, KeyFault> {
    let key = key.ok_or(("", NEEDED))?;
    Ok(OrderKey { order_id: key_text("order_id", key.order_id)?, line_no: key.line_no.max(1) })
}

/// A document key of a request, or the field that is wrong and why.
pub(super) fn document_key(key: Option<wire::DocumentKey>) -> Result<DocumentKey, KeyFault> {
    let key = key.ok_or(("", NEEDED))?;
    let kind = document_kind_from(key.document_kind()).ok_or(("document_kind", "expected a known kind of paper"))?;
    if key.feed.len() > KEY_BYTES_MAX {
        return Err(("feed", KEY_TEXT));
    }
    let number = key_text("document_number", key.document_number)?;
    Ok(DocumentKey { number, line_no: key.line_no.max(1), kind, feed: key.feed })
}

/// A company key of a request, or the field that is wrong and why.
pub(super) fn company_name(key: Option<wire::CompanyKey>) -> Result<CompanyName, KeyFault> {
    let key = key.ok_or(("", NEEDED))?;
    let country = match key.country.as_str() {
        "" => None,
        text => Some(Country::parse(text).ok_or(("country", "expected two letters"))?),
    };
    Ok(CompanyName { country, identifier: key_text("identifier", key.identifier)? })
}

/// A line that comes with a screening job.
pub(super) fn job_line(line: &wire::OrderLine) -> JobLine {
    order_line(line).map_or_else(
        |faults| {
            let key = line.key.clone().unwrap_or_default();
            let order_id = key.order_id.chars().take(KEY_BYTES_MAX).collect();
            let key = OrderKey { order_id, line_no: key.line_no };
            JobLine::Rejected(key, faults.into_iter().map(line_fault).collect())
        },
        |line| JobLine::Order(Box::new(line)),
    )
}

fn line_fault(fault: FieldFault) -> LineFault {
    LineFault {
        field: fault.column.to_owned(),
        reason: fault.reason.as_str().to_owned(),
        description: fault.detail,
        value: fault.value,
    }
}

/// The days of which a screening job takes stored order lines, or the field that is wrong and why.
pub(super) fn stored_orders(stored: &wire::StoredOrders) -> Result<JobSource, KeyFault> {
    let day = |field, text: &str| match text {
        "" => Ok(None),
        text => Day::parse_iso(text).map(Some).ok_or((field, "expected YYYY-MM-DD")),
    };
    let (first_day, last_day) = (day("first_day", &stored.first_day)?, day("last_day", &stored.last_day)?);
    match (first_day, last_day) {
        (Some(first), Some(last)) if first > last => Err(("last_day", "expected no day before the first")),
        _ => Ok(JobSource::Stored { first_day, last_day }),
    }
}

/// A screening job that the service sent.
pub(super) fn job(job: wire::ScreeningJob) -> Result<ScreeningJob, NotUnderstood> {
    use wire::screening_job::Source;
    Ok(ScreeningJob {
        id: job.job_id.parse().map_err(|_| NotUnderstood("job_id"))?,
        state: job_state_from(job.state()).ok_or(NotUnderstood("state"))?,
        source: match &job.source {
            Some(Source::Stored(stored)) => stored_orders(stored).map_err(|(field, _)| NotUnderstood(field))?,
            Some(Source::Uploaded(_)) => JobSource::Uploaded,
            None => return Err(NotUnderstood("source")),
        },
        // The service keeps these to itself.
        through_sequence: 0,
        after: None,
        line_count: job.order_line_count,
        counts: JobCounts {
            release: job.release_count,
            review: job.review_count,
            hold: job.hold_count,
            conflict: job.conflict_count,
            rejected: job.rejected_count,
        },
        running_millis: match job.lines_per_second {
            rate if rate > 0.0 => (job.judged_count as f64 * 1_000.0 / rate).round() as u64,
            _ => 0,
        },
        created_at_millis: millis("create_time", job.create_time)?,
        ended_at_millis: job.end_time.map(|time| millis("end_time", Some(time))).transpose()?,
        request_id: job.request_id,
        failure: job.failure,
    })
}

/// The result of one line of a screening job that the service sent to this tenant.
pub(super) fn job_result(tenant: &str, result: wire::ScreeningJobResult) -> Result<JobResult, NotUnderstood> {
    let outcome = match result.outcome() {
        wire::ScreeningJobOutcome::Unspecified => return Err(NotUnderstood("outcome")),
        wire::ScreeningJobOutcome::Conflict => JobOutcome::Conflict,
        wire::ScreeningJobOutcome::Rejected => {
            let fault = |fault: wire::FieldFault| LineFault {
                reason: fault.reason().as_str_name().trim_start_matches("FAULT_REASON_").to_ascii_lowercase(),
                field: fault.field,
                description: fault.description,
                value: fault.value,
            };
            JobOutcome::Rejected(result.faults.into_iter().map(fault).collect())
        }
        wire::ScreeningJobOutcome::Judged => {
            let wire::ScreeningJobResult { action, finding, risk, reasons, .. } = result;
            let answer = wire::ScreenOrderResponse { action, finding, risk, reasons, stored: None };
            JobOutcome::Judged(Box::new(advice(tenant, answer)?))
        }
    };
    let order = result.order.ok_or(NotUnderstood("order"))?;
    Ok(JobResult { line: result.line, order: OrderKey { order_id: order.order_id, line_no: order.line_no }, outcome })
}

fn job_state_from(state: wire::ScreeningJobState) -> Option<JobState> {
    match state {
        wire::ScreeningJobState::Unspecified => None,
        wire::ScreeningJobState::Running => Some(JobState::Running),
        wire::ScreeningJobState::Done => Some(JobState::Done),
        wire::ScreeningJobState::Cancelled => Some(JobState::Cancelled),
        wire::ScreeningJobState::Failed => Some(JobState::Failed),
    }
}

/// Where a screening job stands as the wire has it.
pub(super) fn job_state_to(state: JobState) -> wire::ScreeningJobState {
    match state {
        JobState::Running => wire::ScreeningJobState::Running,
        JobState::Done => wire::ScreeningJobState::Done,
        JobState::Cancelled => wire::ScreeningJobState::Cancelled,
        JobState::Failed => wire::ScreeningJobState::Failed,
    }
}

/// A finding that the service sent to this tenant.
pub(super) fn finding(tenant: &str, finding: wire::Finding) -> Result<Finding, NotUnderstood> {
    Ok(Finding {
        tenant: tenant.to_owned(),
        score: Probability::from_f64(finding.score),
        level: level_from(finding.level()).ok_or(NotUnderstood("level"))?,
        priority: amount("priority", &finding.priority)?,
        attributed: amount("attributed_quantity", &finding.attributed_quantity)?,
        attributed_low: amount("attributed_low", &finding.attributed_low)?,
        attributed_high: amount("attributed_high", &finding.attributed_high)?,
        unit: unit(&finding.unit)?,
        kind: finding_kind_from(finding.kind()).ok_or(NotUnderstood("kind"))?,
        order: sent_order_key(finding.order)?,
        links: finding.links.into_iter().map(link).collect::<Result<_, _>>()?,
        rejected: finding.rejected.into_iter().map(rejected_alternative).collect::<Result<_, _>>()?,
        indicators: finding.indicators.into_iter().map(indicator).collect::<Result<_, _>>()?,
        summary: finding.summary,
        limits_reached: finding.limits_reached,
        engine_version: finding.engine_version,
        policy_version: finding.policy_version,
        case_hash: hash("case_hash", &finding.case_hash)?,
    })
}

/// Advice that the service sent to this tenant.
pub(super) fn advice(tenant: &str, answer: wire::ScreenOrderResponse) -> Result<Advice, NotUnderstood> {
    let action = action_from(answer.action()).ok_or(NotUnderstood("action"))?;
    let reason = |reason: wire::AdviceReason| {
        Ok(AdviceReason {
            kind: advice_reason_from(reason.kind()).ok_or(NotUnderstood("kind"))?,
            bits: Bits(reason.weight_millibits),
            text: reason.text,
        })
    };
    Ok(Advice {
        action,
        risk: Probability::from_f64(answer.risk),
        reasons: answer.reasons.into_iter().map(reason).collect::<Result<_, _>>()?,
        finding: finding(tenant, answer.finding.ok_or(NotUnderstood("finding"))?)?,
    })
}

/// An alert event that the service sent to this tenant.
pub(super) fn alert_event(tenant: &str, event: wire::AlertEvent) -> Result<AlertEvent, NotUnderstood> {
    Ok(AlertEvent {
        sequence: event.sequence,
        at_millis: millis("commit_time", event.commit_time)?,
        kind: event_kind_from(event.kind()).ok_or(NotUnderstood("kind"))?,
        alert: alert(tenant, event.alert.ok_or(NotUnderstood("alert"))?)?,
        changes: event.changes.into_iter().map(change).collect::<Result<_, _>>()?,
        act: event.act.map(|act| AlertAct {
            reason: reason_from(act.reason()),
            actor: act.actor,
            comment: act.comment,
        }),
    })
}

/// An alert that the service sent to this tenant.
pub(super) fn alert(tenant: &str, alert: wire::Alert) -> Result<Alert, NotUnderstood> {
    Ok(Alert {
        id: AlertId::parse(&alert.alert_id).ok_or(NotUnderstood("alert_id"))?,
        tenant: tenant.to_owned(),
        state: alert_state_from(alert.state()).ok_or(NotUnderstood("state"))?,
        revision: alert.etag.parse().map_err(|_| NotUnderstood("etag"))?,
        raised_at_millis: millis("raise_time", alert.raise_time)?,
        changed_at_millis: millis("update_time", alert.update_time)?,
        kind: finding_kind_from(alert.kind()).ok_or(NotUnderstood("kind"))?,
        level: level_from(alert.level()).ok_or(NotUnderstood("level"))?,
        score: Probability::from_f64(alert.score),
        priority: amount("priority", &alert.priority)?,
        attributed: amount("attributed_quantity", &alert.attributed_quantity)?,
        unit: unit(&alert.unit)?,
        order: sent_order_key(alert.order)?,
        summary: alert.summary,
        case_hash: hash("case_hash", &alert.case_hash)?,
        fingerprint: hash("fingerprint", &alert.fingerprint)?,
        assignee: alert.assignee,
        proposal: alert.proposal.map(proposal).transpose()?,
        suppression: alert.suppression.map(suppression).transpose()?,
        // The service keeps them to itself: they only say what later evidence is compared with.
        marks: EvidenceMarks::default(),
    })
}

/// A named subscription that the service sent.
pub(super) fn subscription(subscription: wire::Subscription) -> Result<SubscriptionState, NotUnderstood> {
    Ok(SubscriptionState {
        subscription: Subscription {
            sequence: subscription.acked_sequence,
            created_at_millis: millis("create_time", subscription.create_time)?,
            acked_at_millis: millis("ack_time", subscription.ack_time)?,
            name: subscription.name,
        },
        newest_sequence: subscription.newest_sequence,
        cursor: subscription.cursor,
    })
}

fn change(change: wire::AlertChange) -> Result<AlertChange, NotUnderstood> {
    let aspect = aspect_from(change.aspect()).ok_or(NotUnderstood("aspect"))?;
    Ok(AlertChange { aspect, before: change.before, after: change.after })
}

fn proposal(proposal: wire::ReviewProposal) -> Result<Proposal, NotUnderstood> {
    Ok(Proposal {
        decision: decision_from(proposal.decision()).ok_or(NotUnderstood("decision"))?,
        reason: reason_from(proposal.reason()),
        at_millis: millis("propose_time", proposal.propose_time)?,
        actor: proposal.actor,
    })
}

fn suppression(suppression: wire::Suppression) -> Result<Suppression, NotUnderstood> {
    Ok(Suppression {
        at_millis: millis("create_time", suppression.create_time)?,
        expires_at_millis: millis("expire_time", suppression.expire_time)?,
        reason: suppression.reason,
        actor: suppression.actor,
    })
}

/// The reason of a fault as the wire has it.
pub(super) fn fault_reason_to(reason: RejectReason) -> wire::FaultReason {
    match reason {
        RejectReason::MissingValue => wire::FaultReason::MissingValue,
        RejectReason::BadDate => wire::FaultReason::BadDate,
        RejectReason::BadNumber => wire::FaultReason::BadNumber,
        RejectReason::NegativeQuantity => wire::FaultReason::NegativeQuantity,
        RejectReason::ZeroQuantity => wire::FaultReason::ZeroQuantity,
        RejectReason::NegativeAmount => wire::FaultReason::NegativeAmount,
        RejectReason::UnknownUnit => wire::FaultReason::UnknownUnit,
        RejectReason::UnknownCurrency => wire::FaultReason::UnknownCurrency,
        RejectReason::BadHsCode => wire::FaultReason::BadHsCode,
        RejectReason::BadCountry => wire::FaultReason::BadCountry,
        RejectReason::BadFlag => wire::FaultReason::BadFlag,
        RejectReason::UnknownDocumentKind => wire::FaultReason::UnknownDocumentKind,
        RejectReason::FieldTooLong => wire::FaultReason::FieldTooLong,
        // Faults of files cannot come over the wire.
        _ => wire::FaultReason::Other,
    }
}

/// The reason of a fault that lay in the store, by its word.
pub(super) fn fault_reason_by_word(word: &str) -> wire::FaultReason {
    let name = format!("FAULT_REASON_{}", word.to_ascii_uppercase());
    wire::FaultReason::from_str_name(&name).unwrap_or(wire::FaultReason::Other)
}

/// The field of a key that is wrong, empty for the key as a whole, and what was expected.
pub(super) type KeyFault = (&'static str, &'static str);

const KEY_BYTES_MAX: usize = 256;
const NEEDED: &str = "a value is needed";
const KEY_TEXT: &str = "expected a text of 1 to 256 bytes";

fn key_text(field: &'static str, text: String) -> Result<String, KeyFault> {
    if (1..=KEY_BYTES_MAX).contains(&text.len()) { Ok(text) } else { Err((field, KEY_TEXT)) }
}

fn line_number(line_no: u32) -> String {
    line_no.max(1).to_string()
}

fn size_allowed(record: &impl prost::Message) -> Result<(), Vec<FieldFault>> {
    let bytes = record.encoded_len();
    if bytes <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("the record has {bytes} bytes, at most {RECORD_BYTES_MAX} are allowed");
    Err(vec![FieldFault { column: "", value: String::new(), reason: RejectReason::FieldTooLong, detail }])
}

fn party_field<'p>(parties: &[(&str, Option<&'p wire::Party>)], column: &str) -> Option<&'p str> {
    let (party, field) = parties.iter().find_map(|(prefix, party)| Some(((*party)?, column.strip_prefix(prefix)?)))?;
    Some(match field {
        "name" => party.name.as_str(),
        "id" => &party.identifier,
        "country" => &party.country,
        "address" => &party.address,
        "phone" => &party.phone,
        "email" => &party.email,
        _ => return None,
    })
}

fn sent_order_key(key: Option<wire::OrderKey>) -> Result<OrderKey, NotUnderstood> {
    order_key(key).map_err(|_| NotUnderstood("order"))
}

fn sent_document_key(key: Option<wire::DocumentKey>) -> Result<DocumentKey, NotUnderstood> {
    document_key(key).map_err(|_| NotUnderstood("document key"))
}

fn link(link: wire::Link) -> Result<Link, NotUnderstood> {
    Ok(Link {
        onward: sent_document_key(link.onward)?,
        onward_date: Day::parse_iso(&link.onward_date).ok_or(NotUnderstood("onward_date"))?,
        onward_consignee: link.onward_consignee,
        onward_country: Country::parse(&link.onward_country),
        path: link.path.into_iter().map(|key| sent_document_key(Some(key))).collect::<Result<_, _>>()?,
        quantity: amount("quantity", &link.quantity)?,
        unit: unit(&link.unit)?,
        probability: Probability::from_f64(link.probability),
        evidence: link.evidence.into_iter().map(evidence).collect::<Result<_, _>>()?,
    })
}

fn evidence(evidence: wire::Evidence) -> Result<Evidence, NotUnderstood> {
    Ok(Evidence {
        kind: evidence_kind_from(evidence.kind()).ok_or(NotUnderstood("kind"))?,
        ours: evidence.ours,
        theirs: evidence.theirs,
        bits: Bits(evidence.weight_millibits),
    })
}

/// One revision of a finding beside the one before.
pub(super) fn finding_change(change: wire::FindingChange) -> Result<FindingChange, NotUnderstood> {
    fn both<W, T>(
        before: Option<W>,
        after: Option<W>,
        read: impl Fn(W) -> Result<T, NotUnderstood>,
    ) -> Result<Sides<T>, NotUnderstood> {
        Ok(Sides { before: before.map(&read).transpose()?, after: after.map(&read).transpose()? })
    }
    let link = |change: wire::LinkChange| -> Result<LinkDifference, NotUnderstood> {
        let rows = change.evidence.into_iter().map(|row| both(row.before, row.after, evidence));
        Ok(LinkDifference {
            facts: both(change.before, change.after, link_facts)?,
            evidence: rows.collect::<Result<_, _>>()?,
            link: LinkName {
                onward: sent_document_key(change.onward)?,
                path: change.path.into_iter().map(|key| sent_document_key(Some(key))).collect::<Result<_, _>>()?,
                onward_date: Day::parse_iso(&change.onward_date).ok_or(NotUnderstood("onward_date"))?,
                onward_consignee: change.onward_consignee,
                onward_country: Country::parse(&change.onward_country),
                unit: unit(&change.unit)?,
            },
        })
    };
    let rejected = change.rejected.into_iter().map(|row| both(row.before, row.after, rejected_alternative));
    let indicators = change.indicators.into_iter().map(|row| both(row.before, row.after, indicator));
    Ok(FindingChange {
        order: sent_order_key(change.order)?,
        revision: change.revision,
        place: change.audit_sequence,
        judged_at_millis: change.judge_time.map(|time| millis("judge_time", Some(time))).transpose()?,
        causes: change.causes.into_iter().map(finding_cause).collect::<Result<_, _>>()?,
        has_more_causes: change.has_more_causes,
        difference: FindingDifference {
            before: change.before.map(finding_facts).transpose()?,
            after: finding_facts(change.after.ok_or(NotUnderstood("after"))?)?,
            links: change.links.into_iter().map(link).collect::<Result<_, _>>()?,
            rejected: rejected.collect::<Result<_, _>>()?,
            indicators: indicators.collect::<Result<_, _>>()?,
        },
    })
}

fn finding_cause(cause: wire::FindingCause) -> Result<NamedCause, NotUnderstood> {
    use wire::finding_cause::Record;
    let kind = cause_kind_from(cause.kind()).ok_or(NotUnderstood("kind"))?;
    let record = cause.record.map(|record| -> Result<RecordName, NotUnderstood> {
        Ok(match record {
            Record::Order(key) => RecordName::Order(sent_order_key(Some(key))?),
            Record::Shipment(key) => RecordName::Shipment(sent_document_key(Some(key))?),
            Record::Company(key) => RecordName::Company(Country::parse(&key.country), key.identifier),
        })
    });
    Ok(NamedCause { kind, record: record.transpose()? })
}

fn finding_facts(facts: wire::FindingFacts) -> Result<FindingFacts, NotUnderstood> {
    Ok(FindingFacts {
        score: Probability::from_f64(facts.score),
        level: level_from(facts.level()).ok_or(NotUnderstood("level"))?,
        kind: finding_kind_from(facts.kind()).ok_or(NotUnderstood("kind"))?,
        priority: amount("priority", &facts.priority)?,
        attributed: amount("attributed_quantity", &facts.attributed_quantity)?,
        attributed_low: amount("attributed_low", &facts.attributed_low)?,
        attributed_high: amount("attributed_high", &facts.attributed_high)?,
        unit: unit(&facts.unit)?,
        summary: facts.summary,
        limits_reached: facts.limits_reached,
        engine_version: facts.engine_version,
        policy_version: facts.policy_version,
        case_hash: hash("case_hash", &facts.case_hash)?,
    })
}

fn link_facts(facts: wire::LinkFacts) -> Result<LinkFacts, NotUnderstood> {
    let probability = Probability::from_f64(facts.probability);
    Ok(LinkFacts { quantity: amount("quantity", &facts.quantity)?, probability })
}

/// What came of judging a case again.
pub(super) fn replay(tenant: &str, answer: wire::ReplayFindingResponse) -> Result<Replay, NotUnderstood> {
    let hash = |bytes: Vec<u8>, field| bytes.try_into().map_err(|_| NotUnderstood(field));
    let judged_hash = answer.judged_hash.clone();
    let judged = answer.finding.clone().map(|judged| -> Result<_, NotUnderstood> {
        Ok((Box::new(finding(tenant, judged)?), hash(judged_hash, "judged_hash")?))
    });
    Ok(Replay {
        outcome: replay_outcome_from(answer.outcome()).ok_or(NotUnderstood("outcome"))?,
        stored_hash: hash(answer.stored_hash, "stored_hash")?,
        stored_case_hash: hash(answer.stored_case_hash, "stored_case_hash")?,
        case_hash: (!answer.case_hash.is_empty()).then(|| hash(answer.case_hash, "case_hash")).transpose()?,
        judged: judged.transpose()?,
    })
}

/// How far a tenant's trail has come: place and hash of the last entry, and the tree.
pub(super) fn checkpoint(answer: wire::GetCheckpointResponse) -> Result<(AuditHead, TreeHead), NotUnderstood> {
    let head = AuditHead { sequence: answer.sequence, hash: hash("hash", &answer.hash)? };
    Ok((head, tree_head(answer.tree_size, &answer.root_hash)?))
}

/// An entry with the proof that it is part of the trail.
pub(super) fn entry_proof(answer: wire::GetProofResponse) -> Result<EntryProof, NotUnderstood> {
    let entry = answer.entry.ok_or(NotUnderstood("entry"))?;
    Ok(EntryProof {
        entry: AuditEntry {
            sequence: entry.sequence,
            at_unix_millis: millis("create_time", entry.create_time)?,
            kind: AuditKind::parse(&entry.kind).ok_or(NotUnderstood("kind"))?,
            tenant: answer.tenant,
            subject: entry.subject,
            detail_hash: hash("detail_hash", &entry.detail_hash)?,
            previous: hash("previous_hash", &entry.previous_hash)?,
            hash: hash("hash", &entry.hash)?,
        },
        leaf: answer.leaf_index,
        tree: tree_head(answer.tree_size, &answer.root_hash)?,
        hashes: hashes(&answer.hashes)?,
    })
}

/// The proof that a trail goes on from where it was.
pub(super) fn consistency_proof(answer: wire::GetConsistencyProofResponse) -> Result<ConsistencyProof, NotUnderstood> {
    let tree = tree_head(answer.tree_size, &answer.root_hash)?;
    Ok(ConsistencyProof { tree, hashes: hashes(&answer.hashes)? })
}

fn tree_head(size: u64, root: &[u8]) -> Result<TreeHead, NotUnderstood> {
    Ok(TreeHead { size, root: hash("root_hash", root)? })
}

fn hashes(hashes: &[Vec<u8>]) -> Result<Vec<[u8; 32]>, NotUnderstood> {
    hashes.iter().map(|bytes| hash("hashes", bytes)).collect()
}

fn rejected_alternative(alternative: wire::RejectedAlternative) -> Result<RejectedAlternative, NotUnderstood> {
    Ok(RejectedAlternative {
        onward: sent_document_key(alternative.onward)?,
        instead: alternative.instead.map(|key| sent_order_key(Some(key))).transpose()?,
        quantity: amount("quantity", &alternative.quantity)?,
        bits_ahead: Bits(alternative.ahead_millibits),
    })
}

fn indicator(result: wire::IndicatorResult) -> Result<IndicatorResult, NotUnderstood> {
    let outcome = outcome_from(result.outcome()).ok_or(NotUnderstood("outcome"))?;
    Ok(IndicatorResult { indicator: result.indicator, outcome, detail: result.detail })
}

fn amount(field: &'static str, text: &str) -> Result<Amount, NotUnderstood> {
    text.parse().map_err(|_| NotUnderstood(field))
}

fn unit(code: &str) -> Result<Unit, NotUnderstood> {
    Unit::ALL.into_iter().find(|unit| unit.code() == code).ok_or(NotUnderstood("unit"))
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<[u8; 32], NotUnderstood> {
    bytes.try_into().map_err(|_| NotUnderstood(field))
}

/// Milliseconds since 1970.
pub(super) fn millis(field: &'static str, time: Option<prost_types::Timestamp>) -> Result<u64, NotUnderstood> {
    let time = time.ok_or(NotUnderstood(field))?;
    let (seconds, nanos) = (u64::try_from(time.seconds), u64::try_from(time.nanos));
    match (seconds, nanos) {
        (Ok(seconds), Ok(nanos)) => Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)),
        _ => Err(NotUnderstood(field)),
    }
}
