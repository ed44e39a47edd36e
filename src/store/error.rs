//! What can go wrong in the store, in terms of what a caller should do about it.
//!
//! Come here to map a fault of the database. How faults look on the wire is `api`'s affair.

use std::io;

/// Why the store did not do it. An error of `accept` or `commit_judgements` that is none of the caller's faults
/// leaves open whether it was written: send it again under the same request id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file was written by a newer program.
    #[error("the store has format {found}, this program reads formats up to {supported}: use a newer program")]
    NewerFormat {
        /// Format of the file.
        found: u32,
        /// Newest format that is understood.
        supported: u32,
    },
    /// The file holds something else.
    #[error("this file is no store: {reason}")]
    NotAStore {
        /// What was found instead.
        reason: String,
    },
    /// Another process has the file open.
    #[error("another process has the store open")]
    AlreadyOpen,
    /// The service that wrote the file was killed, and the file may only be read.
    #[error("the store was not closed properly: open it, or a copy of it, for writing once")]
    NotClosed,
    /// The disk is full. Reading goes on, and so does writing as soon as there is space.
    #[error("no space left for the store")]
    OutOfSpace,
    /// The disk failed. The store opens itself again and goes on as soon as the disk does.
    #[error("the disk of the store failed: {cause}")]
    Broken {
        /// The first fault.
        cause: String,
    },
    /// Something in the file is not what was written there.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// Which value.
        what: String,
    },
    /// The request id was used for another content before.
    #[error("the request id was used before for another content")]
    RequestIdReused,
    /// More records or findings in one call than are allowed.
    #[error("{count} in one call, at most {limit} are allowed")]
    TooMany {
        /// How many there were.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A record, name or raw input is too long.
    #[error("{what} at index {index} has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Which one in the call.
        index: usize,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl StoreError {
    /// Whether it passes by itself: the same may be tried again, at once or when the store can be written to.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::OutOfSpace | Self::Broken { .. })
    }

    /// Whether the database refuses everything after this fault until it is opened again, or there is no use in that.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::OutOfSpace | Self::Broken { .. } | Self::Damaged { .. })
    }

    pub(super) fn from_io(fault: &io::Error) -> Self {
        match fault.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::OutOfSpace,
            io::ErrorKind::InvalidData => Self::NotAStore { reason: fault.to_string() },
            _ => Self::Broken { cause: fault.to_string() },
        }
    }
}

impl From<redb::Error> for StoreError {
    fn from(fault: redb::Error) -> Self {
        match fault {
            redb::Error::Io(fault) => Self::from_io(&fault),
            redb::Error::DatabaseAlreadyOpen => Self::AlreadyOpen,
            redb::Error::Corrupted(what) => Self::Damaged { what },
            redb::Error::UpgradeRequired(version) => {
                Self::NotAStore { reason: format!("database file version {version}") }
            }
            redb::Error::TableTypeMismatch { table, .. } => {
                Self::Damaged { what: format!("table {table} has other types") }
            }
            other => Self::Broken { cause: other.to_string() },
        }
    }
}

/// The database has an error enum for each operation; all of them end here.
macro_rules! from_database {
    ($($fault:ty),*) => {
        $(impl From<$fault> for StoreError {
            fn from(fault: $fault) -> Self {
                redb::Error::from(fault).into()
            }
        })*
    };
}

from_database!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError
);

#[cfg(test)]
mod tests {
    use std::io;

    use super::StoreError;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        let broken = io::Error::other("cable out");
        for fault in [full, quota] {
            assert_eq!(StoreError::from(redb::StorageError::Io(fault)), StoreError::OutOfSpace);
        }
        assert_eq!(StoreError::from(redb::StorageError::Io(broken)), StoreError::Broken { cause: "cable out".into() });
    }
}
