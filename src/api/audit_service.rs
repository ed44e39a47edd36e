//! `AuditService`: the trail and its proofs.
//!
//! Come here for reading audit entries, checkpoints and proofs, for judging again, and for evidence packs. What a proof
//! is stands in the room `audit`.

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::identity::Tenant;
use super::page::Query;
use super::places::Places;
use super::screening_service::JudgingTurns;
use super::wire::ErrorReason;
use super::wire::audit_service_server::AuditService;
use super::{errors, evidence_pack, from_proto, read, to_proto, wire};
use crate::audit::AuditEntry;
use crate::telemetry::metric;

/// Serves the audit trail from the engine.
pub(super) struct Audit<E> {
    pub(super) engine: E,
    /// One place for each order line that is judged on demand just now, shared with screening.
    pub(super) judgements: JudgingTurns,
    /// One place for each evidence pack that is made just now.
    pub(super) packs: Places,
}

/// Most evidence packs that are made at a time: each holds a thread for as long as its client reads.
pub(super) const PACKS_MAX: usize = 8;

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
        let checkpoint = read(&self.engine, move |engine| engine.checkpoint(tenant.name())).await?;
        Ok(Response::new(to_proto::checkpoint(&checkpoint)))
    }

    async fn get_proof(
        &self,
        request: Request<wire::GetProofRequest>,
    ) -> Result<Response<wire::GetProofResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::GetProofRequest { sequence, tree_size } = request.into_inner();
        if sequence == 0 {
            return Err(errors::invalid_field("sequence", "expected the sequence of an entry, from 1"));
        }
        let ask = move |engine: &E| engine.entry_proof(tenant.name(), sequence, size_or_now(tree_size));
        let proof = read(&self.engine, ask).await?.ok_or_else(errors::audit_entry_not_found)?;
        Ok(Response::new(to_proto::entry_proof(&proof)))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<wire::GetConsistencyProofRequest>,
    ) -> Result<Response<wire::GetConsistencyProofResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::GetConsistencyProofRequest { old_tree_size: old_size, tree_size } = request.into_inner();
        if old_size == 0 {
            return Err(errors::invalid_field("old_tree_size", "expected the size of a tree that was seen, from 1"));
        }
        if size_or_now(tree_size).is_some_and(|size| size < old_size) {
            return Err(errors::invalid_field("tree_size", "expected no less than old_tree_size"));
        }
        let ask = move |engine: &E| engine.consistency_proof(tenant.name(), old_size, size_or_now(tree_size));
        let proof = read(&self.engine, ask).await?.ok_or_else(errors::audit_entry_not_found)?;
        Ok(Response::new(to_proto::consistency_proof(&proof)))
    }

    async fn replay_finding(
        &self,
        request: Request<wire::ReplayFindingRequest>,
    ) -> Result<Response<wire::ReplayFindingResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let key =
            from_proto::order_key(request.into_inner().order).map_err(|fault| errors::key_fault("order", fault))?;
        let owner = tenant.clone();
        let ask = move |engine: &E| engine.replay(owner.name(), &key);
        let replay = self.judgements.read(&self.engine, &tenant, ask).await?.ok_or_else(errors::finding_not_found)?;
        let outcome = replay.outcome.as_str();
        metrics::counter!(metric::REPLAYS, "outcome" => outcome).increment(1);
        if replay.outcome.is_fault() {
            tracing::error!(outcome, "a stored finding is not what its case gives");
        }
        Ok(Response::new(to_proto::replay(&replay)))
    }

    async fn export_evidence_pack(
        &self,
        request: Request<wire::ExportEvidencePackRequest>,
    ) -> Result<Response<Self::ExportEvidencePackStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let key =
            from_proto::order_key(request.into_inner().order).map_err(|fault| errors::key_fault("order", fault))?;
        let place = self.packs.take(&tenant).ok_or_else(|| {
            let text = "the tenant has too many evidence packs open on this server";
            errors::shed("packs", ErrorReason::TooManyCalls, text)
        })?;
        let owner = tenant.clone();
        let dossier = read(&self.engine, move |engine| engine.dossier(owner.name(), &key)).await?;
        let dossier = dossier.ok_or_else(errors::finding_not_found)?;
        let (pieces, receiver) = evidence_pack::pieces()?;
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || {
            // Given back when the pack is over.
            let _place = place;
            evidence_pack::send(&engine, tenant.name(), &dossier, pieces);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// The size of a tree as a request names it; 0 stands for now.
fn size_or_now(tree_size: u64) -> Option<u64> {
    (tree_size > 0).then_some(tree_size)
}
