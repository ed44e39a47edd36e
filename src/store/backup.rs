//! Copies of a store: every row of one moment as a stream, and a new store file from such a stream.
//!
//! Come here for backups. The stream goes from a service that runs, or from a file that nobody has open, to whoever
//! makes the new file; how it travels is `cli`'s affair. A stream that was cut off makes no file.

use std::io::{self, Read, Write};
use std::path::Path;

use redb::{Database, Durability, Key, ReadableTable, TableDefinition, TableHandle, Value, WriteTransaction};

use super::snapshot::Snapshot;
use super::tables::{TableVisitor, visit_every_table};
use super::writer::begin_durable;
use super::{StoreError, creation};

/// How a stream begins; another program's stream is refused by it.
const BEGIN: &[u8; 16] = b"onward store 1\r\n";
/// How it ends, before the number of rows.
const END: &[u8; 16] = b"onward rows end\n";
/// Stands for the length of a key where a table ends.
const TABLE_END: u32 = u32::MAX;
/// Longest key or value that is taken from a stream.
const PART_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// How much is put into the new file at a time.
const BYTES_PER_COMMIT: usize = 64 * 1024 * 1024;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be read, or the new one not written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream broke off.
    #[error("the copy broke off: {0}")]
    Stream(#[from] io::Error),
    /// The stream is not one, or of a program with other tables.
    #[error("what comes is no copy of a store that this program knows: {0}")]
    Foreign(String),
}

/// Writes every row of one moment; how many there were.
pub fn write_rows(snapshot: &Snapshot, out: &mut impl Write) -> Result<u64, BackupError> {
    out.write_all(BEGIN)?;
    let mut rows = RowWriter { snapshot, out, row_count: 0, broken: None };
    let visited = visit_every_table(&mut rows);
    if let Some(broken) = rows.broken.take() {
        return Err(broken.into());
    }
    visited?;
    let row_count = rows.row_count;
    out.write_all(END)?;
    out.write_all(&row_count.to_le_bytes())?;
    out.flush()?;
    Ok(row_count)
}

/// Makes a new store file of a stream; how many rows it has. What is there when it fails is no store: remove it.
pub fn build(path: &Path, stream: &mut impl Read) -> Result<u64, BackupError> {
    let mut begin = [0; BEGIN.len()];
    stream.read_exact(&mut begin)?;
    if begin != *BEGIN {
        return Err(BackupError::Foreign("another beginning".to_owned()));
    }
    let database = Database::create(path).map_err(StoreError::from)?;
    let mut rows = RowReader { database: &database, stream, row_count: 0, broken: None };
    let visited = visit_every_table(&mut rows);
    if let Some(broken) = rows.broken.take() {
        return Err(broken);
    }
    visited?;
    let row_count = rows.row_count;
    let (mut end, mut count) = ([0; END.len()], [0; 8]);
    stream.read_exact(&mut end)?;
    stream.read_exact(&mut count)?;
    if end != *END || u64::from_le_bytes(count) != row_count {
        return Err(BackupError::Foreign("another end".to_owned()));
    }
    // Whatever was put in before becomes durable with this one.
    begin_durable(&database)?.commit().map_err(StoreError::from)?;
    creation::prepare(&database, None)?;
    database.close().map_err(StoreError::from)?;
    Ok(row_count)
}

/// Puts rows into a stream.
struct RowWriter<'a, W> {
    snapshot: &'a Snapshot,
    out: &'a mut W,
    row_count: u64,
    /// Why the stream cannot go on.
    broken: Option<io::Error>,
}

impl<W: Write> RowWriter<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let length = u32::try_from(bytes.len()).unwrap_or(TABLE_END - 1);
        let written = self.out.write_all(&length.to_le_bytes()).and_then(|()| self.out.write_all(bytes));
        written.map_err(|fault| self.break_off(fault))
    }

    fn break_off(&mut self, fault: io::Error) -> StoreError {
        let cause = fault.to_string();
        self.broken = Some(fault);
        StoreError::Broken { cause }
    }
}

impl<W: Write> TableVisitor for RowWriter<'_, W> {
    fn visit<K: Key, V: Value>(&mut self, definition: TableDefinition<'static, K, V>) -> Result<(), StoreError> {
        self.put(definition.name().as_bytes())?;
        for row in self.snapshot.table(definition)?.iter()? {
            let (key, value) = row?;
            self.put(K::as_bytes(&key.value()).as_ref())?;
            self.put(V::as_bytes(&value.value()).as_ref())?;
            self.row_count += 1;
        }
        let ended = self.out.write_all(&TABLE_END.to_le_bytes());
        ended.map_err(|fault| self.break_off(fault))
    }
}

/// Takes rows out of a stream.
struct RowReader<'a, R> {
    database: &'a Database,
    stream: &'a mut R,
    row_count: u64,
    /// Why the stream cannot go on.
    broken: Option<BackupError>,
}

impl<R: Read> RowReader<'_, R> {
    /// The next key, value or name; nothing where a table ends.
    fn take(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.part().map_err(|fault| self.break_off(fault))
    }

    fn part(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        match u32::from_le_bytes(length) {
            TABLE_END => Ok(None),
            length if length > PART_BYTES_MAX => Err(BackupError::Foreign(format!("a value of {length} bytes"))),
            length => {
                let mut bytes = vec![0; length as usize];
                self.stream.read_exact(&mut bytes)?;
                Ok(Some(bytes))
            }
        }
    }

    fn break_off(&mut self, fault: BackupError) -> StoreError {
        let cause = fault.to_string();
        self.broken = Some(fault);
        StoreError::Broken { cause }
    }

    /// Fills one transaction with rows of a table; whether there are more.
    fn fill<K: Key, V: Value>(
        &mut self,
        transaction: &WriteTransaction,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<bool, StoreError> {
        let mut table = transaction.open_table(definition)?;
        let mut byte_count = 0;
        while byte_count < BYTES_PER_COMMIT {
            let Some(key) = self.take()? else { return Ok(false) };
            let value = self.take()?.unwrap_or_default();
            let is_sound = |width: Option<usize>, bytes: &[u8]| width.is_none_or(|width| width == bytes.len());
            if !is_sound(K::fixed_width(), &key) || !is_sound(V::fixed_width(), &value) {
                return Err(self.break_off(BackupError::Foreign(format!("a row of {}", definition.name()))));
            }
            table.insert(K::from_bytes(&key), V::from_bytes(&value))?;
            byte_count += key.len() + value.len();
            self.row_count += 1;
        }
        Ok(true)
    }
}

impl<R: Read> TableVisitor for RowReader<'_, R> {
    fn visit<K: Key, V: Value>(&mut self, definition: TableDefinition<'static, K, V>) -> Result<(), StoreError> {
        let name = self.take()?.unwrap_or_default();
        if name != definition.name().as_bytes() {
            return Err(self.break_off(BackupError::Foreign(format!("no table {}", definition.name()))));
        }
        loop {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::None)?;
            let has_more = self.fill(&transaction, definition)?;
            transaction.commit()?;
            if !has_more {
                return Ok(());
            }
        }
    }
}
