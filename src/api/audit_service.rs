//! `AuditService`: the trail, and places for what is not served yet.
//!
//! Come here for reading audit entries and checkpoints. Proofs, replay and evidence packs have their place in the
//! contract and answer UNIMPLEMENTED with a reason.

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::identity::Tenant;
use super::page::Query;
use super::wire::audit_service_server::AuditService;
use super::{errors, read, to_proto, wire};
use crate::audit::AuditEntry;

/// Serves the audit trail from the engine.
pub(super) struct Audit<E> {
    pub(super) engine: E,
}

#[tonic::async_trait]
impl<E: Engine> AuditService for Audit<E> {
    type ExportEvidencePackStream = ReceiverStream<Result<wire::ExportEvidencePackResponse, Status>>;

    async fn list_entries(
        &self,
        request: Request<wire::ListEntriesRequest>,
    ) -> Result<Response<wire::ListEntriesResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListEntries", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after: Option<&u64>, limit| {
                    engine.audit_entries(tenant.name(), after.copied().unwrap_or(0), limit)
                },
                |entry: &AuditEntry| entry.sequence,
                |_| true,
                to_proto::audit_entry,
            )
            .await?;
        Ok(Response::new(wire::ListEntriesResponse { entries: page.rows, next_page_token: page.next_page_token }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<wire::GetCheckpointRequest>,
    ) -> Result<Response<wire::GetCheckpointResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        // Not the head of the common trail: it would tell each tenant how much the others do.
        let newest = read(&self.engine, move |engine| engine.newest_audit_entry(tenant.name())).await?;
        Ok(Response::new(to_proto::checkpoint(newest.as_ref())))
    }

    async fn get_proof(
        &self,
        request: Request<wire::GetProofRequest>,
    ) -> Result<Response<wire::GetProofResponse>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("GetProof"))
    }

    async fn replay_finding(
        &self,
        request: Request<wire::ReplayFindingRequest>,
    ) -> Result<Response<wire::ReplayFindingResponse>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("ReplayFinding"))
    }

    async fn export_evidence_pack(
        &self,
        request: Request<wire::ExportEvidencePackRequest>,
    ) -> Result<Response<Self::ExportEvidencePackStream>, Status> {
        Tenant::of(&request)?;
        Err(errors::not_implemented("ExportEvidencePack"))
    }
}
