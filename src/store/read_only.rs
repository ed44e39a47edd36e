//! A store that nobody may change: for looking at a file, or a copy of it, that no service has open.
//!
//! Come here for audits. Nothing is created, repaired or brought to a newer format on the way, and not a byte of the
//! file is written; what the service itself opens is `handle`.

use std::path::Path;

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, TableHandle};

use super::StoreError;
use super::creation::fixed;
use super::snapshot::Snapshot;
use super::tables::{FORMAT_VERSION, META, META_FORMAT};

/// A store opened for reading only. Several may be open at a time, but none beside a service. Keep it as long as its
/// snapshots.
pub struct ReadOnlyStore {
    database: ReadOnlyDatabase,
}

impl ReadOnlyStore {
    /// Opens an existing store, unless its service was killed: such a file has to be repaired, which is writing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().open_read_only(path).map_err(|fault| match fault {
            DatabaseError::RepairAborted => StoreError::NotClosed,
            fault => fault.into(),
        })?;
        let transaction = database.begin_read()?;
        let names: Vec<String> = transaction.list_tables()?.map(|table| table.name().to_owned()).collect();
        if !names.iter().any(|name| name == META.name()) {
            return Err(StoreError::NotAStore { reason: "a database of something else".to_owned() });
        }
        let found = u32::from_le_bytes(fixed(&transaction.open_table(META)?, META_FORMAT)?);
        if found > FORMAT_VERSION {
            return Err(StoreError::NewerFormat { found, supported: FORMAT_VERSION });
        }
        Ok(Self { database })
    }

    /// The state that was committed last.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(self.database.begin_read()?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::ReadOnlyStore;
    use crate::store::{Store, StoreError, StoreOptions};

    #[test]
    fn reading_changes_no_byte_and_gives_way_to_a_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        assert!(ReadOnlyStore::open(&path).is_err());
        assert!(!path.exists(), "what is missing is not created");

        let open = || Store::open(&path, StoreOptions::default(), Arc::new(|| 7)).unwrap();
        drop(open());
        let before = fs::read(&path).unwrap();
        {
            let (one, other) = (ReadOnlyStore::open(&path).unwrap(), ReadOnlyStore::open(&path).unwrap());
            assert_eq!(one.snapshot().unwrap().counts().unwrap(), other.snapshot().unwrap().counts().unwrap());
        }
        assert!(fs::read(&path).unwrap() == before);

        let service = open();
        assert_eq!(ReadOnlyStore::open(&path).err(), Some(StoreError::AlreadyOpen));
        // The file of a service that is killed looks like the file of one that runs.
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(ReadOnlyStore::open(&copy).err(), Some(StoreError::NotClosed));
        drop(service);
        drop(Store::open(&copy, StoreOptions::default(), Arc::new(|| 7)).unwrap());
        assert!(ReadOnlyStore::open(&copy).is_ok(), "opening it for writing once repairs it");
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs::write(&path, "no database at all").unwrap();
        assert!(matches!(ReadOnlyStore::open(&path).err(), Some(StoreError::NotAStore { .. })));
        let other = folder.path().join("other");
        drop(redb::Database::create(&other).unwrap());
        assert!(matches!(ReadOnlyStore::open(&other).err(), Some(StoreError::NotAStore { .. })));
    }
}
