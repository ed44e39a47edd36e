//! Internal audit from a client: judging again, and evidence packs.
//!
//! Come here to call the audit service in the words of the model. Checking a trail needs no service; see `audit`.

use std::io;

use sha2::{Digest, Sha256};
use tonic::Code;

use super::client::{Client, ClientError};
use super::from_proto::{self, NotUnderstood};
use super::{to_proto, wire};
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
