//! How findings changed, when and why: pages of it for `ScreeningService`, and asking for it as a client.
//!
//! Come here for what a page of changes is bound to. What counts as a change is `model`, why there was one is `screening`;
//! the messages are made and read in `to_proto` and `from_proto`.

use tonic::{Code, Status};

use super::client::{Client, ClientError};
use super::engine::Engine;
use super::identity::Tenant;
use super::page::{Page, Query};
use super::{errors, from_proto, to_proto, wire};
use crate::model::{FindingChange, OrderKey};

/// A page as a request asks for it: its size and its token.
type Asked = (u32, String);

/// From when on; 0 where the request does not say.
pub(super) fn start_millis(time: Option<prost_types::Timestamp>) -> Result<u64, Status> {
    let Some(time) = time else { return Ok(0) };
    let refused = |_| errors::invalid_field("start_time", "expected a time after 1970");
    from_proto::millis("start_time", Some(time)).map_err(refused)
}

/// Revisions of the finding on an order line that has one.
pub(super) async fn of_order<E: Engine>(
    engine: &E,
    tenant: Tenant,
    order: OrderKey,
    start_millis: u64,
    (page_size, page_token): Asked,
) -> Result<Page<wire::FindingChange>, Status> {
    let filter = format!("{} {} {start_millis}", order.order_id, order.line_no);
    // What has no time was judged before times were kept.
    let keep = move |change: &FindingChange| change.judged_at_millis.unwrap_or(0) >= start_millis;
    Query::new("ListFindingChanges of an order line", &tenant, &filter, page_size, page_token)
        .run(
            engine,
            move |engine, after: Option<&u32>, limit| {
                engine.changes_of_finding(tenant.name(), &order, after.copied().unwrap_or(0), limit)
            },
            |change: &FindingChange| change.revision,
            keep,
            to_proto::finding_change,
        )
        .await
}

/// Changes of all findings of a tenant.
pub(super) async fn of_tenant<E: Engine>(
    engine: &E,
    tenant: Tenant,
    start_millis: u64,
    (page_size, page_token): Asked,
) -> Result<Page<wire::FindingChange>, Status> {
    Query::new("ListFindingChanges", &tenant, &start_millis.to_string(), page_size, page_token)
        .run(
            engine,
            move |engine, after: Option<&u64>, limit| {
                engine.finding_changes(tenant.name(), after.copied().unwrap_or(0), start_millis, limit)
            },
            |change: &FindingChange| change.place,
            |_| true,
            to_proto::finding_change,
        )
        .await
}

impl Client {
    /// A page of changed findings, with the token of the next one, which is empty on the last: of one order line, or of
    /// all; from a time on. `None` where the order line has no finding. `page_size` 0 leaves it to the server.
    pub async fn finding_changes(
        &self,
        order: Option<&OrderKey>,
        start_millis: u64,
        page_size: u32,
        page_token: String,
    ) -> Result<Option<(Vec<FindingChange>, String)>, ClientError> {
        let start_time = (start_millis > 0).then(|| to_proto::timestamp(start_millis)).flatten();
        let order = order.map(to_proto::order_key);
        let request = wire::ListFindingChangesRequest { page_size, page_token, order, start_time };
        let answer = match self.screening().list_finding_changes(self.request(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if status.code() == Code::NotFound => return Ok(None),
            Err(status) => return Err(status.into()),
        };
        let changes = answer.changes.into_iter().map(from_proto::finding_change).collect::<Result<_, _>>()?;
        Ok(Some((changes, answer.next_page_token)))
    }
}
