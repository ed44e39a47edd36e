//! Internal audit from a client: checkpoints and proofs, judging again, and evidence packs.
//!
//! Come here to call the audit service in the words of the model. What comes is not checked here: whoever holds a proof
//! checks it by itself, see `audit`.

use std::io;

use sha2::{Digest, Sha256};
use tonic::Code;

use super::client::{Client, ClientError};
use super::from_proto::{self, NotUnderstood};
use super::{to_proto, wire};
use crate::audit::{AuditHead, ConsistencyProof, EntryProof, TreeHead};
use crate::model::{OrderKey, Replay};

/// An evidence pack that came whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceivedPack {
    /// How large it is.
    pub bytes: u64,
    /// SHA-256 of the archive.
    pub sha256: [u8; 32],
}

/// Why an evidence pack did not come.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// What came could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
    /// The archive ended before its end, or is not what the service sent.
    #[error("the evidence pack did not come whole")]
    NotWhole,
}

impl Client {
    /// How far the tenant's trail has come: its last entry, with zeros when there is none, and its tree.
    pub async fn checkpoint(&self) -> Result<(AuditHead, TreeHead), ClientError> {
        let request = self.request(wire::GetCheckpointRequest::default());
        let answer = self.audit().get_checkpoint(request).await?;
        Ok(from_proto::checkpoint(answer.into_inner())?)
    }

    /// An entry with the proof that it is part of the trail, as that was at a size or is now; `None` where there is no
    /// such entry in such a tree.
    pub async fn entry_proof(&self, sequence: u64, tree_size: Option<u64>) -> Result<Option<EntryProof>, ClientError> {
        let tree_size = tree_size.unwrap_or_default();
        let request = self.request(wire::GetProofRequest { sequence, tree_size });
        match self.audit().get_proof(request).await {
            Ok(answer) => Ok(Some(from_proto::entry_proof(answer.into_inner())?)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// The proof that the trail of now goes on from an older size; `None` where it has not come so far.
    pub async fn consistency_proof(&self, old_tree_size: u64) -> Result<Option<ConsistencyProof>, ClientError> {
        let request = self.request(wire::GetConsistencyProofRequest { old_tree_size, tree_size: 0 });
        match self.audit().get_consistency_proof(request).await {
            Ok(answer) => Ok(Some(from_proto::consistency_proof(answer.into_inner())?)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Has the case of a stored finding judged again; `None` where there is no finding.
    pub async fn replay(&self, order: &OrderKey) -> Result<Option<Replay>, ClientError> {
        let request = self.request(wire::ReplayFindingRequest { order: Some(to_proto::order_key(order)) });
        match self.audit().replay_finding(request).await {
            Ok(answer) => Ok(Some(from_proto::replay(self.tenant(), answer.into_inner())?)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Writes everything that bears on a finding, piece by piece; `None` where there is no finding. What was written is
    /// to be thrown away unless this succeeds.
    pub async fn evidence_pack(
        &self,
        order: &OrderKey,
        mut out: impl io::Write,
    ) -> Result<Option<ReceivedPack>, PackError> {
        let request = self.request(wire::ExportEvidencePackRequest { order: Some(to_proto::order_key(order)) });
        let mut pieces = match self.audit().export_evidence_pack(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if status.code() == Code::NotFound => return Ok(None),
            Err(status) => return Err(ClientError::from(status).into()),
        };
        let (mut bytes, mut hasher, mut promised) = (0, Sha256::new(), Vec::new());
        while let Some(piece) = pieces.message().await.map_err(ClientError::from)? {
            if !promised.is_empty() {
                return Err(ClientError::from(NotUnderstood("archive_sha256")).into());
            }
            out.write_all(&piece.chunk)?;
            hasher.update(&piece.chunk);
            bytes += piece.chunk.len() as u64;
            promised = piece.archive_sha256;
        }
        let sha256: [u8; 32] = hasher.finalize().into();
        if promised == sha256 { Ok(Some(ReceivedPack { bytes, sha256 })) } else { Err(PackError::NotWhole) }
    }
}
