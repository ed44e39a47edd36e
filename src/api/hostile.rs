//! The readers of what strangers send, for those who try to break them: `fuzz/` and the test of its corpora.
//!
//! Come here to put a message or a token under attack. Hidden from the documentation and not behind a feature: so the
//! suite and the engine attack the same build that is shipped. Nothing in the product calls any of it.

use std::fmt::Debug;
use std::sync::Arc;

use prost::Message;

use super::identity::{CALLER_UNKNOWN, Caller, Tenant};
use super::page::Query;
use super::{from_proto, reviewing, to_proto, wire};
use crate::identity::Permissions;
use crate::intake::FieldFault;
use crate::model::OrderKey;

/// Reads the bytes of one message and writes back what was understood; or says why not.
pub type Body = fn(&[u8]) -> Result<Vec<u8>, String>;

/// Longest text of a fault that a client hears of, in bytes.
pub const FAULT_BYTES_MAX: usize = 1_024;

const TENANT: &str = "steppe";

/// Messages whose content is read by rules of ours, requests and answers.
pub const BODIES: [(&str, Body); 17] = [
    ("OrderLine", |bytes| body(bytes, |line| faults(from_proto::order_line(&line)), to_proto::order_line)),
    ("ShipmentLine", |bytes| body(bytes, |line| faults(from_proto::shipment_line(&line)), to_proto::shipment_line)),
    ("Company", |bytes| body(bytes, |company| faults(from_proto::company(&company)), to_proto::company)),
    ("OrderKey", |bytes| body(bytes, |key| said(from_proto::order_key(Some(key))), to_proto::order_key)),
    ("DocumentKey", |bytes| body(bytes, |key| said(from_proto::document_key(Some(key))), to_proto::document_key)),
    ("CompanyKey", |bytes| body(bytes, |key| said(from_proto::company_name(Some(key))), to_proto::company_key)),
    ("StoredOrders", |bytes| body(bytes, |days| said(from_proto::stored_orders(&days).map(|_| days)), Clone::clone)),
    ("ReviewAlertRequest", |bytes| body(bytes, review, Clone::clone)),
    ("SuppressAlertRequest", |bytes| body(bytes, silence, Clone::clone)),
    ("Finding", |bytes| body(bytes, |finding| said(from_proto::finding(TENANT, finding)), to_proto::finding)),
    ("ScreenOrderResponse", |bytes| body(bytes, |advice| said(from_proto::advice(TENANT, advice)), to_proto::advice)),
    ("AlertEvent", |bytes| body(bytes, |event| said(from_proto::alert_event(TENANT, event)), to_proto::alert_event)),
    ("Subscription", |bytes| body(bytes, |state| said(from_proto::subscription(state)), to_proto::subscription)),
    ("ReplayFindingResponse", |bytes| body(bytes, |answer| said(from_proto::replay(TENANT, answer)), to_proto::replay)),
    ("GetProofResponse", |bytes| body(bytes, |proof| said(from_proto::entry_proof(proof)), to_proto::entry_proof)),
    ("ScreeningJobResult", |bytes| {
        body(
            bytes,
            |result| said(from_proto::job_result(TENANT, result)),
            |result| to_proto::job_result(result.clone()),
        )
    }),
    ("ScreeningJob", |bytes| body(bytes, |job| said(from_proto::job(job)), to_proto::job)),
];

fn body<M: Message + Default, T, W: Message>(
    bytes: &[u8],
    read: impl Fn(M) -> Result<T, String>,
    write: impl Fn(&T) -> W,
) -> Result<Vec<u8>, String> {
    let message = M::decode(bytes).map_err(|_| "no such message".to_owned())?;
    read(message).map(|value| write(&value).encode_to_vec())
}

fn said<T, F: Debug>(read: Result<T, F>) -> Result<T, String> {
    read.map_err(|fault| format!("{fault:?}"))
}

/// The longest of the faults: each must be short, however many there are.
fn faults<T>(read: Result<T, Vec<FieldFault>>) -> Result<T, String> {
    read.map_err(|faults| {
        let texts = faults.into_iter().flat_map(|fault| [fault.value, fault.detail]);
        texts.max_by_key(String::len).unwrap_or_default()
    })
}

fn review(request: wire::ReviewAlertRequest) -> Result<wire::ReviewAlertRequest, String> {
    let read = reviewing::decision(&stranger()?, &request);
    read.map(|_| request).map_err(|status| status.message().to_owned())
}

fn silence(request: wire::SuppressAlertRequest) -> Result<wire::SuppressAlertRequest, String> {
    let read = reviewing::silence(&stranger()?, &request);
    read.map(|_| request).map_err(|status| status.message().to_owned())
}

fn stranger() -> Result<Caller, String> {
    let tenant = Tenant::named(TENANT).ok_or("no tenant")?;
    Ok(Caller { tenant, name: Arc::from(CALLER_UNKNOWN), permissions: Permissions::of_roles(&[]) })
}

/// The token of the page after this key, as a list of the tenant's with this filter gives it.
pub fn page_token(tenant: &str, filter: &str, key: &OrderKey) -> Option<String> {
    Some(query(tenant, filter)?.seal(Some(key)))
}

/// The key that a token names in such a list; `None` where the token is refused.
pub fn page_key(tenant: &str, filter: &str, token: &str) -> Option<OrderKey> {
    query(tenant, filter)?.open(token)
}

fn query(tenant: &str, filter: &str) -> Option<Query> {
    Some(Query::new("ListOrders", &Tenant::named(tenant)?, filter, 0, String::new()))
}
