//! One audit entry and the canonical bytes that its hash covers.
//!
//! Come here when an entry gets another field: the encoding below then gets another version tag.
//! Nothing here looks at two entries at once; that is `chain`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type AuditHash = [u8; 32];

/// What an entry is about. The codes are hashed: they never change and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AuditKind {
    /// A batch of records was accepted; the subject is its request id, the detail its content.
    BatchAccepted,
    /// An order line was judged with a new result; the subject is the order line, the detail the finding.
    CaseJudged,
    /// An alert was raised or reopened; the subject is the alert, the detail its event.
    AlertRaised,
    /// An alert was updated or lowered; the subject is the alert, the detail its event.
    AlertUpdated,
    /// An alert was closed; the subject is the alert, the detail its event.
    AlertClosed,
    /// A person worked on an alert; the subject is the alert, the detail its event.
    AlertReviewed,
    /// A tenant's way of working on alerts was changed; the detail is the new one.
    AlertSettingsChanged,
    /// A screening job was started; the subject is the job, the detail what it judges.
    JobStarted,
    /// A screening job was cancelled; the subject is the job, the detail how far it had come.
    JobCancelled,
}

impl AuditKind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::BatchAccepted,
        Self::CaseJudged,
        Self::AlertRaised,
        Self::AlertUpdated,
        Self::AlertClosed,
        Self::AlertReviewed,
        Self::AlertSettingsChanged,
        Self::JobStarted,
        Self::JobCancelled,
    ];

    /// The kind that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BatchAccepted => "batch_accepted",
            Self::CaseJudged => "case_judged",
            Self::AlertRaised => "alert_raised",
            Self::AlertUpdated => "alert_updated",
            Self::AlertClosed => "alert_closed",
            Self::AlertReviewed => "alert_reviewed",
            Self::AlertSettingsChanged => "alert_settings_changed",
            Self::JobStarted => "job_started",
            Self::JobCancelled => "job_cancelled",
        }
    }

    /// The number that is hashed.
    pub const fn code(self) -> u16 {
        match self {
            Self::BatchAccepted => 1,
            Self::CaseJudged => 2,
            Self::AlertRaised => 3,
            Self::AlertUpdated => 4,
            Self::AlertClosed => 5,
            Self::AlertReviewed => 6,
            Self::AlertSettingsChanged => 7,
            Self::JobStarted => 8,
            Self::JobCancelled => 9,
        }
    }
}

/// What an entry says, before it has its place in the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditDraft {
    /// When, in milliseconds since 1970.
    pub at_unix_millis: u64,
    /// What happened.
    pub kind: AuditKind,
    /// Whose it is.
    pub tenant: String,
    /// What it happened to.
    pub subject: String,
    /// SHA-256 of what was written, see [`digest`].
    pub detail_hash: AuditHash,
}

/// One link of the chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Place in the chain: from 1, without gaps.
    pub sequence: u64,
    /// When, in milliseconds since 1970, by the clock of the service.
    pub at_unix_millis: u64,
    /// What happened.
    pub kind: AuditKind,
    /// Whose it is.
    pub tenant: String,
    /// What it happened to.
    pub subject: String,
    /// SHA-256 of what was written.
    pub detail_hash: AuditHash,
    /// Hash of the entry before; zeros for the first.
    pub previous: AuditHash,
    /// SHA-256 over all of the above.
    pub hash: AuditHash,
}

impl AuditEntry {
    /// The entry as one JSON object without a line break: the form in which trails are copied.
    pub fn json(&self) -> String {
        let value = serde_json::json!({
            "sequence": self.sequence,
            "at_unix_millis": self.at_unix_millis,
            "kind": self.kind.as_str(),
            "tenant": self.tenant,
            "subject": self.subject,
            "detail_hash": hex(&self.detail_hash),
            "previous": hex(&self.previous),
            "hash": hex(&self.hash),
        });
        value.to_string()
    }

    /// The hash that this entry must have.
    pub fn expected_hash(&self) -> AuditHash {
        let mut hasher = Sha256::new();
        hasher.update(b"onward audit entry 1\0");
        hasher.update(self.sequence.to_le_bytes());
        hasher.update(self.at_unix_millis.to_le_bytes());
        hasher.update(self.kind.code().to_le_bytes());
        // Lengths first, so that no text can be shifted from one field to the next.
        for text in [&self.tenant, &self.subject] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(self.detail_hash);
        hasher.update(self.previous);
        hasher.finalize().into()
    }
}

/// SHA-256 of what an entry stands for.
pub fn digest(bytes: &[u8]) -> AuditHash {
    Sha256::digest(bytes).into()
}

/// A hash, or other bytes, in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::AuditKind;

    #[test]
    fn every_kind_has_its_own_code_and_is_read_back() {
        for (code, kind) in (1..).zip(AuditKind::ALL) {
            assert_eq!((kind.code(), AuditKind::parse(kind.as_str())), (code, Some(kind)));
        }
        assert_eq!(AuditKind::parse("other"), None);
    }
}
