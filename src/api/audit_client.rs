//! Internal audit from a client: judging again.
//!
//! Come here to call the audit service in the words of the model. Checking a trail needs no service; see `audit`.

use tonic::Code;

use super::client::{Client, ClientError};
use super::{from_proto, to_proto, wire};
use crate::model::{OrderKey, Replay};

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
}
