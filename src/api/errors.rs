//! Errors on the wire: the one place that makes a status, with its reason and its details.
//!
//! Come here to learn which status a fault becomes. Every status of ours carries `google.rpc.ErrorInfo` with a reason
//! of `error_reason.proto`. What went wrong inside is logged here and not sent; logs get no content of requests.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::engine::EngineError;
use super::wire::ErrorReason;
use crate::identity::Permission;
use crate::intake::FieldFault;
use crate::model::ReviewRefusal;
use crate::telemetry::metric;

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "onward";

/// When to try again after a fault that passes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The word of a reason on the wire: its name without the prefix.
pub fn reason_word(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// A bad request: one field and what was expected of it.
pub(super) fn invalid(reason: ErrorReason, field: &str, description: &str) -> Status {
    let mut details = details(reason, []);
    details.add_bad_request_violation(field, description);
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {description}"), details)
}

/// A field that is missing or wrong.
pub(super) fn invalid_field(field: &str, description: &str) -> Status {
    invalid(ErrorReason::InvalidField, field, description)
}

/// A key that is missing or wrong; `field` is the field of the request that holds it.
pub(super) fn key_fault(field: &str, (part, description): (&str, &str)) -> Status {
    match part {
        "" => invalid_field(field, description),
        part => invalid_field(&format!("{field}.{part}"), description),
    }
}

/// A batch with too many records.
pub(super) fn batch_too_large(field: &str, count: usize, limit: usize) -> Status {
    let description = format!("{count} records, at most {limit} are allowed");
    let mut details = details(ErrorReason::BatchTooLarge, [("count", count.to_string()), ("limit", limit.to_string())]);
    details.add_bad_request_violation(field, &description);
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {description}"), details)
}

/// A cursor that is a cursor, but leads nowhere here; `oldest_cursor` is where to go on.
pub(super) fn cursor_refused(reason: ErrorReason, description: &str, oldest_cursor: String) -> Status {
    let details = details(reason, [("oldest_cursor", oldest_cursor)]);
    Status::with_error_details(Code::FailedPrecondition, description, details)
}

/// Absent, or not the caller's: the same bytes.
pub(super) fn not_found(reason: ErrorReason, description: &str) -> Status {
    Status::with_error_details(Code::NotFound, description, details(reason, []))
}

/// No finding, or not the caller's.
pub(super) fn finding_not_found() -> Status {
    not_found(ErrorReason::FindingNotFound, "there is no finding on such an order line")
}

/// No alert, or not the caller's.
pub(super) fn alert_not_found() -> Status {
    not_found(ErrorReason::AlertNotFound, "there is no such alert")
}

/// No subscription of this name, or not the caller's.
pub(super) fn subscription_not_found() -> Status {
    not_found(ErrorReason::SubscriptionNotFound, "nothing was acknowledged under this name")
}

/// One name more than a tenant may have.
pub(super) fn too_many_subscriptions(limit: usize) -> Status {
    let details = details(ErrorReason::TooManySubscriptions, [("limit", limit.to_string())]);
    let text = format!("a tenant has at most {limit} named subscriptions");
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

/// No screening job of this name, or not the caller's.
pub(super) fn job_not_found() -> Status {
    not_found(ErrorReason::JobNotFound, "there is no such screening job")
}

/// One open screening job more than a tenant may have.
pub(super) fn too_many_jobs(limit: usize) -> Status {
    let details = details(ErrorReason::TooManyJobs, [("limit", limit.to_string())]);
    let text = format!("a tenant has at most {limit} screening jobs that run or come in");
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

/// Why a person cannot do this with an alert.
pub(super) fn review_refused(refusal: ReviewRefusal) -> Status {
    match refusal {
        ReviewRefusal::NotFound => alert_not_found(),
        ReviewRefusal::Changed { revision } => {
            let details = details(ErrorReason::AlertChanged, [("etag", revision.to_string())]);
            Status::with_error_details(Code::Aborted, "the alert has changed since it was read", details)
        }
        ReviewRefusal::NotAllowed { from, to } => {
            let (from, to) = (from.as_str(), to.as_str());
            let ends = [("from", from.to_owned()), ("to", to.to_owned())];
            let details = details(ErrorReason::TransitionNotAllowed, ends);
            let text = format!("people cannot move an alert from {from} to {to}");
            Status::with_error_details(Code::FailedPrecondition, text, details)
        }
        ReviewRefusal::SecondPersonNeeded => {
            let details = details(ErrorReason::SecondPersonNeeded, []);
            let text = "another person must send the same decision";
            Status::with_error_details(Code::FailedPrecondition, text, details)
        }
        ReviewRefusal::ExpiryOutOfRange => {
            invalid_field("expire_time", "expected a time after now and at most 366 days after")
        }
    }
}

/// A method that there is not.
pub(super) fn not_implemented(method: &str) -> Status {
    let details = details(ErrorReason::NotImplemented, [("method", method.to_owned())]);
    Status::with_error_details(Code::Unimplemented, format!("{method} is not served"), details)
}

/// No audit entry in such a tree, or no such tree, or not the caller's.
pub(super) fn audit_entry_not_found() -> Status {
    not_found(ErrorReason::AuditEntryNotFound, "there is no such audit entry, or no tree of so many entries")
}

/// Another order line of this name is stored.
pub(super) fn order_conflict() -> Status {
    let details = details(ErrorReason::OrderConflict, []);
    Status::with_error_details(Code::AlreadyExists, "another order line of this name is stored", details)
}

/// A record in a request that breaks the rules of `intake`; `field` is the field that holds it.
pub(super) fn record_faults(field: &str, faults: Vec<FieldFault>) -> Status {
    let mut details = details(ErrorReason::InvalidField, []);
    for fault in &faults {
        details.add_bad_request_violation(format!("{field}.{}", fault.column), &fault.detail);
    }
    let first = faults.first().map(|fault| format!("{}: {}", fault.column, fault.detail)).unwrap_or_default();
    Status::with_error_details(Code::InvalidArgument, format!("{field}.{first}"), details)
}

/// The call shows no credential.
pub(super) fn credential_missing() -> Status {
    let details = details(ErrorReason::CredentialMissing, []);
    Status::with_error_details(Code::Unauthenticated, "the call shows no credential", details)
}

/// The credential is unknown, withdrawn, expired or malformed: the same bytes for all.
pub(super) fn credential_refused() -> Status {
    let details = details(ErrorReason::CredentialRefused, []);
    Status::with_error_details(Code::Unauthenticated, "the credential is not accepted", details)
}

/// The caller is known, and none of its roles allows the call.
pub(super) fn role_missing(method: &str, permission: Permission) -> Status {
    let details = details(ErrorReason::RoleMissing, [("permission", permission.as_str().to_owned())]);
    Status::with_error_details(Code::PermissionDenied, format!("no role of the caller allows {method}"), details)
}

/// The call names another tenant than its credential: the same bytes whether that one exists or not.
pub(super) fn tenant_not_yours() -> Status {
    let details = details(ErrorReason::TenantNotYours, []);
    let description = "the metadata onward-tenant names another tenant than the credential";
    Status::with_error_details(Code::PermissionDenied, description, details)
}

/// Too much of something is open or under way; counted by what it is.
pub(super) fn shed(what: &'static str, reason: ErrorReason, description: &str) -> Status {
    metrics::counter!(metric::SHED, "what" => what).increment(1);
    exhausted(reason, description)
}

/// Something must wait that the caller could hurry up.
pub(super) fn exhausted(reason: ErrorReason, description: &str) -> Status {
    with_retry(Code::ResourceExhausted, reason, description)
}

/// The deadline of the call passed.
pub(super) fn deadline_passed() -> Status {
    let details = details(ErrorReason::DeadlinePassed, []);
    Status::with_error_details(Code::DeadlineExceeded, "the deadline of the call passed", details)
}

/// The server shuts down.
pub(super) fn shutting_down() -> Status {
    with_retry(Code::Unavailable, ErrorReason::ShuttingDown, "the server shuts down")
}

/// A fault of ours. The cause goes to the log only.
pub(super) fn internal(cause: &str) -> Status {
    tracing::error!(cause, "fault of the service");
    let details = details(ErrorReason::Internal, []);
    Status::with_error_details(Code::Internal, "a fault of the service; its log has the details", details)
}

/// What the engine could not do.
pub(super) fn of_engine(error: &EngineError) -> Status {
    match error {
        EngineError::RequestIdReused => {
            invalid(ErrorReason::RequestIdReused, "request_id", "was used before for another content")
        }
        EngineError::Unavailable { cause } => {
            tracing::warn!(cause, "store unavailable");
            with_retry(Code::Unavailable, ErrorReason::StoreUnavailable, "the store cannot serve just now")
        }
        EngineError::NotReady => {
            let text = "the service still takes up what is stored";
            with_retry(Code::Unavailable, ErrorReason::ScreeningNotReady, text)
        }
        EngineError::Full => {
            tracing::error!("store full");
            with_retry(Code::ResourceExhausted, ErrorReason::StoreFull, "the store has no space left")
        }
        EngineError::Fault { cause } => internal(cause),
    }
}

/// The reason that a status carries, as the wire has it. `None` for errors that are not of our making.
pub fn reason_of(status: &Status) -> Option<String> {
    status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN).map(|info| info.reason)
}

fn with_retry(code: Code, reason: ErrorReason, description: &str) -> Status {
    let mut details = details(reason, []);
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(code, description, details)
}

/// Where two answers must be the same bytes, the metadata has at most one entry: a map of more has no order.
fn details<const N: usize>(reason: ErrorReason, metadata: [(&str, String); N]) -> ErrorDetails {
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ErrorDetails::with_error_info(reason_word(reason), ERROR_DOMAIN, metadata)
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::{EngineError, of_engine, reason_of};

    #[test]
    fn faults_of_the_engine_keep_their_causes_to_themselves() {
        let cause = || "sector 7 of /var/lib/onward".to_owned();
        let cases = [
            (EngineError::RequestIdReused, Code::InvalidArgument, "REQUEST_ID_REUSED", false),
            (EngineError::Unavailable { cause: cause() }, Code::Unavailable, "STORE_UNAVAILABLE", true),
            (EngineError::NotReady, Code::Unavailable, "SCREENING_NOT_READY", true),
            (EngineError::Full, Code::ResourceExhausted, "STORE_FULL", true),
            (EngineError::Fault { cause: cause() }, Code::Internal, "INTERNAL", false),
        ];
        for (error, code, reason, helps) in cases {
            let status = of_engine(&error);
            assert_eq!((status.code(), reason_of(&status).as_deref()), (code, Some(reason)));
            assert_eq!(status.get_details_retry_info().is_some(), helps, "{reason}");
            assert!(!format!("{status:?}").contains("sector"), "{status:?}");
        }
    }
}
