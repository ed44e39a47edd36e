//! The database of a store while it is open, and its closing and opening again after a fault of the disk.
//!
//! Come here for what readers see meanwhile. The database answers every call with an error once one operation of the
//! disk has failed, also calls that only read; so it is opened anew at once, full disk or not, and what was committed
//! can be read again after a moment. When that is done, and when writing is tried again, decides `writer`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::watch;

use super::StoreError;
use super::backing::Backing;
use super::writer::begin_durable;
use crate::model::StoreCondition;

/// How long a reader that met a fault waits for the database to be opened again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database that can be opened again under those who use it.
pub(super) struct Opened {
    backing: Backing,
    cache_bytes: usize,
    /// `None` while it cannot be opened.
    database: RwLock<Option<Database>>,
    /// How often it was opened again.
    reopenings: Mutex<u64>,
    reopened: Condvar,
    condition: watch::Sender<StoreCondition>,
}

impl Opened {
    pub fn new(backing: Backing, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = open(&backing, cache_bytes)?;
        Ok(Self {
            backing,
            cache_bytes,
            database: RwLock::new(Some(database)),
            reopenings: Mutex::new(0),
            reopened: Condvar::new(),
            condition: watch::channel(StoreCondition::Writable).0,
        })
    }

    /// Does something with the database, which is open.
    pub fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || StoreError::Broken { cause: "the database could not be opened again yet".to_owned() };
        work(database.as_ref().ok_or_else(closed)?)
    }

    pub fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|database| Ok(database.begin_read()?))
    }

    pub fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.with(begin_durable)
    }

    /// Closes the database and opens it again on what is on the disk, unless it still works. Snapshots of before end
    /// with an error then.
    pub fn reopen_where_needed(&self) -> Result<(), StoreError> {
        // Beginning to write says whether an operation failed before; nothing is written.
        if catch_unwind(AssertUnwindSafe(|| self.begin_write().is_ok())).unwrap_or(false) {
            return Ok(());
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // A database that broke off in the middle of something may do so again while it closes.
        let before = database.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(before))));
        let opened = catch_unwind(AssertUnwindSafe(|| open(&self.backing, self.cache_bytes)));
        let broke_off = |_| Err(StoreError::Broken { cause: "the database broke off while it was opened".to_owned() });
        *database = Some(opened.unwrap_or_else(broke_off)?);
        drop(database);
        *self.reopenings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.reopened.notify_all();
        metrics::counter!("onward_store_reopenings_total").increment(1);
        Ok(())
    }

    /// Whether there is room to write.
    pub fn has_room(&self) -> Result<(), StoreError> {
        self.backing.has_room().map_err(|fault| StoreError::from_io(&fault))
    }

    /// How often it was opened again so far.
    pub fn reopenings(&self) -> u64 {
        *self.reopenings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was opened again more often than that; false when it takes too long.
    pub fn wait_for_reopening(&self, before: u64) -> bool {
        let reopenings = self.reopenings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.reopened.wait_timeout_while(reopenings, PATIENCE, |now| *now == before);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    pub fn condition(&self) -> watch::Receiver<StoreCondition> {
        self.condition.subscribe()
    }

    /// Tells the condition, and the log when it is another one than before.
    pub fn tell(&self, fault: Option<&StoreError>) {
        let condition = match fault {
            None => StoreCondition::Writable,
            Some(StoreError::OutOfSpace) => StoreCondition::Full,
            Some(_) => StoreCondition::Broken,
        };
        let is_news = self.condition.send_if_modified(|told| std::mem::replace(told, condition) != condition);
        match fault {
            _ if !is_news => {}
            None => tracing::info!("the store is written to again"),
            Some(StoreError::OutOfSpace) => tracing::error!("the store is full: writes are refused, reads go on"),
            Some(fault) => tracing::error!(%fault, "the store cannot be written to: writes are refused"),
        }
    }
}

fn open(backing: &Backing, cache_bytes: usize) -> Result<Database, StoreError> {
    Ok(Database::builder().set_cache_size(cache_bytes).create_with_backend(backing.clone())?)
}
