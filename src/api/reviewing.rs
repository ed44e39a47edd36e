//! What a request to work on alerts must say, read into the words of the model.
//!
//! Come here for the limits of texts and names. Whether a decision is allowed is decided later, in `alerts`.

use tonic::Status;

use super::identity::{CALLER_UNKNOWN, Caller};
use super::ingest::REQUEST_ID_BYTES_MAX;
use super::{errors, from_proto, wire};
use crate::identity::is_tenant_name;
use crate::model::{AlertId, ReviewAct, ReviewDecision, ReviewStep};

/// Longest name of a person, in bytes.
pub const PERSON_BYTES_MAX: usize = 128;
/// Longest comment of a person, in bytes.
pub const COMMENT_BYTES_MAX: usize = 4_096;

/// Which alert.
pub(super) fn alert_id(text: &str) -> Result<AlertId, Status> {
    AlertId::parse(text).ok_or_else(|| errors::invalid_field("alert_id", "expected a decimal number"))
}

/// Whether a text can name a subscription: by the rules of tenants.
pub(super) fn subscription_name(text: &str) -> Result<(), Status> {
    let is_name = is_tenant_name(text);
    is_name.then_some(()).ok_or_else(|| errors::invalid_field("subscription", "expected 1 to 64 of a-z 0-9 - _ ."))
}

/// Whether a text can name a request; empty when it has no name.
pub(super) fn request_id(text: &str) -> Result<(), Status> {
    match text.len() {
        0..=REQUEST_ID_BYTES_MAX => Ok(()),
        _ => Err(errors::invalid_field("request_id", &format!("expected at most {REQUEST_ID_BYTES_MAX} bytes"))),
    }
}

/// What a person decided.
pub(super) fn decision(caller: &Caller, request: &wire::ReviewAlertRequest) -> Result<ReviewAct, Status> {
    let unknown = |_| errors::invalid_field("decision", "expected a known decision");
    let decision = wire::ReviewDecision::try_from(request.decision).map_err(unknown)?;
    let decision = from_proto::decision_from(decision).ok_or_else(|| errors::invalid_field("decision", "is needed"))?;
    let unknown = |_| errors::invalid_field("reason", "expected a known reason");
    let reason = from_proto::reason_from(wire::ReviewReason::try_from(request.reason).map_err(unknown)?);
    if decision.is_final() && reason.is_none() {
        return Err(errors::invalid_field("reason", "is needed to confirm or dismiss"));
    }
    if decision == ReviewDecision::Comment && request.comment.is_empty() && request.assignee.is_none() {
        return Err(errors::invalid_field("comment", "is needed where nothing else is said"));
    }
    if request.assignee.as_ref().is_some_and(|assignee| assignee.len() > PERSON_BYTES_MAX) {
        return Err(errors::invalid_field("assignee", &format!("expected at most {PERSON_BYTES_MAX} bytes")));
    }
    let step = ReviewStep::Decide { decision, reason, assignee: request.assignee.clone() };
    act(&request.etag, actor(caller, &request.actor)?, ("comment", &request.comment), step)
}

/// Silence, as a person wants it.
pub(super) fn silence(caller: &Caller, request: &wire::SuppressAlertRequest) -> Result<ReviewAct, Status> {
    if request.reason.is_empty() {
        return Err(errors::invalid_field("reason", "is needed"));
    }
    let expires_at_millis = from_proto::millis("expire_time", request.expire_time);
    let expires_at_millis = expires_at_millis.map_err(|_| errors::invalid_field("expire_time", "expected a time"))?;
    let step = ReviewStep::Suppress { expires_at_millis };
    act(&request.etag, actor(caller, &request.actor)?, ("reason", &request.reason), step)
}

/// The person who acts: whoever the credential names. Only an open service has to believe what the request says.
fn actor<'a>(caller: &'a Caller, claimed: &'a str) -> Result<&'a str, Status> {
    match (caller.name(), claimed) {
        (CALLER_UNKNOWN, claimed) if (1..=PERSON_BYTES_MAX).contains(&claimed.len()) => Ok(claimed),
        (CALLER_UNKNOWN, _) => Err(errors::invalid_field("actor", &format!("expected 1 to {PERSON_BYTES_MAX} bytes"))),
        (name, claimed) if claimed.is_empty() || claimed == name => Ok(name),
        _ => Err(errors::invalid_field("actor", "the credential names another person; leave it out")),
    }
}

fn act(etag: &str, actor: &str, (field, comment): (&str, &str), step: ReviewStep) -> Result<ReviewAct, Status> {
    let revision = etag.parse().map_err(|_| errors::invalid_field("etag", "expected the etag of the alert"))?;
    if comment.len() > COMMENT_BYTES_MAX {
        return Err(errors::invalid_field(field, &format!("expected at most {COMMENT_BYTES_MAX} bytes")));
    }
    Ok(ReviewAct { revision, actor: actor.to_owned(), comment: comment.to_owned(), step })
}
