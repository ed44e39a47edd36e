//! Which call needs what: the one table. A call that is not in it is not served. Which calls stay open stands beside it.
//!
//! Come here when a call is added to the contract; a test holds the table against the proto files. What a role allows
//! is in the room `identity`.

use crate::identity::Permission;

/// What a call needs of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: it says nothing of anybody.
    Nothing,
    /// To be somebody who has this permission.
    Permission(Permission),
}

use Need::{Nothing, Permission as May};
use Permission::*;

/// Every call that is served: service, method, what it needs.
#[rustfmt::skip]
const NEEDS: &[(&str, &str, Need)] = &[
    ("onward.v1.OrderService", "IngestOrders", May(Ingest)),
    ("onward.v1.OrderService", "GetOrder", May(ReadRecords)),
    ("onward.v1.OrderService", "ListOrders", May(ReadRecords)),
    ("onward.v1.ShipmentService", "IngestShipments", May(Ingest)),
    ("onward.v1.ShipmentService", "GetShipment", May(ReadRecords)),
    ("onward.v1.ShipmentService", "ListShipments", May(ReadRecords)),
    ("onward.v1.CompanyService", "IngestCompanies", May(Ingest)),
    ("onward.v1.CompanyService", "GetCompany", May(ReadRecords)),
    ("onward.v1.CompanyService", "ListCompanies", May(ReadRecords)),
    ("onward.v1.ScreeningService", "ScreenOrder", May(Screen)),
    ("onward.v1.ScreeningService", "GetFinding", May(ReadFindings)),
    ("onward.v1.ScreeningService", "ListFindings", May(ReadFindings)),
    ("onward.v1.ScreeningService", "ExplainFinding", May(ReadFindings)),
    ("onward.v1.ScreeningService", "ListFindingChanges", May(ReadFindings)),
    ("onward.v1.ScreeningService", "WaitUntilScreened", May(Connect)),
    ("onward.v1.ScreeningService", "StartScreeningJob", May(Screen)),
    ("onward.v1.ScreeningService", "GetScreeningJob", May(ReadFindings)),
    ("onward.v1.ScreeningService", "ListScreeningJobs", May(ReadFindings)),
    ("onward.v1.ScreeningService", "CancelScreeningJob", May(Screen)),
    ("onward.v1.ScreeningService", "StreamScreeningJobResults", May(ReadFindings)),
    ("onward.v1.AlertService", "WatchAlerts", May(ReadAlerts)),
    ("onward.v1.AlertService", "GetAlert", May(ReadAlerts)),
    ("onward.v1.AlertService", "ListAlerts", May(ReadAlerts)),
    ("onward.v1.AlertService", "ListAlertActivity", May(ReadAlerts)),
    ("onward.v1.AlertService", "AckAlerts", May(ReadAlerts)),
    ("onward.v1.AlertService", "GetSubscription", May(ReadAlerts)),
    ("onward.v1.AlertService", "ListSubscriptions", May(ReadAlerts)),
    ("onward.v1.AlertService", "DeleteSubscription", May(ReadAlerts)),
    ("onward.v1.AlertService", "GetAlertSettings", May(ReadAlerts)),
    // Whoever could switch four eyes off alone would need no second pair.
    ("onward.v1.AlertService", "UpdateAlertSettings", May(ChangeSettings)),
    ("onward.v1.AlertService", "ReviewAlert", May(ReviewAlerts)),
    ("onward.v1.AlertService", "SuppressAlert", May(ReviewAlerts)),
    ("onward.v1.AuditService", "ListEntries", May(ReadAudit)),
    ("onward.v1.AuditService", "GetCheckpoint", May(ReadAudit)),
    ("onward.v1.AuditService", "GetProof", May(ReadAudit)),
    ("onward.v1.AuditService", "GetConsistencyProof", May(ReadAudit)),
    ("onward.v1.AuditService", "ReplayFinding", May(ReadAudit)),
    ("onward.v1.AuditService", "ExportEvidencePack", May(ReadAudit)),
    ("onward.v1.ListService", "ListGoodsLists", May(ReadLists)),
    ("onward.v1.ListService", "ListPartyLists", May(ReadLists)),
    ("onward.v1.ListService", "ListCorridors", May(ReadLists)),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", May(Connect)),
    // Load balancers have no credentials.
    ("grpc.health.v1.Health", "Check", Nothing),
    ("grpc.health.v1.Health", "Watch", Nothing),
];

/// What the call at `/service/method` needs; `None` for a call that is not served.
pub fn need_of(path: &str) -> Option<Need> {
    row_of(path).map(|(_, _, need)| *need)
}

/// The paths of all calls that are served.
pub fn served_calls() -> impl Iterator<Item = String> {
    NEEDS.iter().map(|(service, method, _)| format!("/{service}/{method}"))
}

/// Calls that stay open for as long as their caller likes: streams, and the call that waits for judgements.
const LASTING: [&str; 9] = [
    "IngestOrders",
    "IngestShipments",
    "IngestCompanies",
    "WaitUntilScreened",
    "StartScreeningJob",
    "StreamScreeningJobResults",
    "WatchAlerts",
    "ExportEvidencePack",
    "ServerReflectionInfo",
];

/// Whether the call at a path stays open; every other one is answered as soon as that can be done.
pub(super) fn is_lasting(path: &str) -> bool {
    LASTING.contains(&method_label(path))
}

/// The method's name for metrics; one word for all that are not served.
pub(super) fn method_label(path: &str) -> &'static str {
    row_of(path).map_or("unknown", |(_, method, _)| method)
}

fn row_of(path: &str) -> Option<&'static (&'static str, &'static str, Need)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    NEEDS.iter().find(|(known, name, _)| *known == service && *name == method)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::super::wire::DESCRIPTOR_SET;
    use super::{LASTING, is_lasting};

    #[test]
    fn streams_are_lasting_calls_and_nothing_else_but_waiting() {
        let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
        let services = set.file.iter().filter(|file| file.package() == "onward.v1").flat_map(|file| &file.service);
        for (service, method) in services.flat_map(|service| service.method.iter().map(move |method| (service, method)))
        {
            let is_stream = method.client_streaming() || method.server_streaming();
            let expected = is_stream || method.name() == "WaitUntilScreened";
            let path = format!("/onward.v1.{}/{}", service.name(), method.name());
            assert_eq!(is_lasting(&path), expected, "{path}");
        }
        let served: Vec<_> = super::served_calls().collect();
        assert!(LASTING.iter().all(|name| served.iter().any(|path| path.ends_with(&format!("/{name}")))));
    }
}
