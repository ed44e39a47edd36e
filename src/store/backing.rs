//! What a store lies on, kept while the database on it is closed and opened again.
//!
//! Come here for the one question that the database cannot answer: is there room to write? It is asked by writing,
//! since nothing else knows of quotas, of limits of a process and of the blocks that a sparse file does not have yet.

use std::io;
use std::ops::Bound;
use std::sync::Arc;

use redb::{BackendError, StorageBackend};

/// How much is written to see whether there is room: more than most transactions need.
pub(super) const PROBE_BYTES: u64 = 1024 * 1024;

/// Bytes of one write of the probe.
const PROBE_STEP_BYTES: usize = 64 * 1024;

/// A backend that several databases use, one after another.
#[derive(Clone, Debug)]
pub(super) struct Backing(Arc<dyn StorageBackend>);

impl Backing {
    pub fn new(backend: impl StorageBackend) -> Self {
        Self(Arc::new(backend))
    }

    /// Whether [`PROBE_BYTES`] more can be written and synced. For the thread that writes, between transactions: what
    /// lies behind the end of a database is nobody's.
    pub fn has_room(&self) -> io::Result<()> {
        let end = self.0.len()?;
        let probed = self.write_behind(end);
        // Also where there was no room: what could be written in part must not stay.
        let cut = self.0.set_len(end);
        probed.and(cut)
    }

    fn write_behind(&self, end: u64) -> io::Result<()> {
        self.0.set_len(end + PROBE_BYTES)?;
        let zeros = vec![0; PROBE_STEP_BYTES];
        for offset in (end..end + PROBE_BYTES).step_by(PROBE_STEP_BYTES) {
            self.0.write(offset, &zeros)?;
        }
        self.0.sync_data()
    }
}

impl StorageBackend for Backing {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    /// Lets go of the locks; the next database takes them again.
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
