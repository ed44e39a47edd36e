//! How a store file comes to be, and what is checked before an existing one is used.
//!
//! Come here for format versions and for the first moments of a file. A new file is made aside and then renamed: a
//! power cut while the database writes its very first pages would leave a file that nobody can open.
//! It never repairs or empties a file that has a store's name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, TableHandle};

use super::tables::{FORMAT_VERSION, META, META_FORMAT, META_SECRET, META_STORE_ID, TABLE_COUNT, Tables};
use super::writer::begin_durable;
use super::{StoreError, StoreIdentity, migration};

/// Whether there is nothing to open yet.
pub(super) fn is_missing(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file() && metadata.len() == 0),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(fault) => Err(StoreError::from_io(&fault)),
    }
}

/// Makes a store under another name and renames it when it is complete and on the disk.
pub(super) fn create_aside(path: &Path, identity: Option<StoreIdentity>) -> Result<(), StoreError> {
    let aside = aside_of(path);
    // What lies there was never in use: a creation that was cut off, or one that another process is at just now.
    let database = match Database::create(&aside).map_err(StoreError::from) {
        Err(StoreError::NotAStore { .. } | StoreError::Damaged { .. }) => {
            fs::remove_file(&aside).map_err(|fault| StoreError::from_io(&fault))?;
            Database::create(&aside)?
        }
        other => other?,
    };
    prepare(&database, identity)?;
    database.close()?;
    let rename = || -> io::Result<()> {
        fs::rename(&aside, path)?;
        sync_directory(path)
    };
    rename().map_err(|fault| StoreError::from_io(&fault))
}

fn aside_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    PathBuf::from(name)
}

/// The new name is only as durable as its directory.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(parent)?.sync_all() } else { Ok(()) }
}

/// Refuses what is no store or too new; creates what is missing; says who the store is.
pub(super) fn prepare(database: &Database, identity: Option<StoreIdentity>) -> Result<StoreIdentity, StoreError> {
    let names: Vec<String> = database.begin_read()?.list_tables()?.map(|table| table.name().to_owned()).collect();
    if names.iter().any(|name| name == META.name()) {
        let meta = database.begin_read()?.open_table(META)?;
        let format: [u8; 4] = fixed(&meta, META_FORMAT)?;
        let found = u32::from_le_bytes(format);
        if found > FORMAT_VERSION {
            return Err(StoreError::NewerFormat { found, supported: FORMAT_VERSION });
        }
        if found == FORMAT_VERSION && names.len() >= TABLE_COUNT {
            return Ok(StoreIdentity { id: fixed(&meta, META_STORE_ID)?, secret: fixed(&meta, META_SECRET)? });
        }
    } else if let Some(name) = names.first() {
        return Err(StoreError::NotAStore { reason: format!("a database with a table {name}") });
    }
    create_tables(database, identity)?;
    let meta = database.begin_read()?.open_table(META)?;
    Ok(StoreIdentity { id: fixed(&meta, META_STORE_ID)?, secret: fixed(&meta, META_SECRET)? })
}

fn create_tables(database: &Database, identity: Option<StoreIdentity>) -> Result<(), StoreError> {
    let transaction = begin_durable(database)?;
    let mut tables = Tables::open(&transaction)?;
    let format = tables.meta.get(META_FORMAT)?.map(|value| value.value().to_vec());
    match format.as_deref() {
        Some(format @ ([1, 0, 0, 0] | [2, 0, 0, 0])) => {
            if format[0] == 1 {
                migration::alerts_to_format_2(&transaction, &mut tables)?;
            }
            migration::trails_to_format_3(&transaction, &mut tables)?;
            tables.meta.insert(META_FORMAT, FORMAT_VERSION.to_le_bytes().as_slice())?;
        }
        Some(_) => {}
        None => name_store(&mut tables, identity)?,
    }
    drop(tables);
    transaction.commit()?;
    Ok(())
}

fn name_store(tables: &mut Tables<'_>, identity: Option<StoreIdentity>) -> Result<(), StoreError> {
    let identity = identity.unwrap_or_else(|| StoreIdentity { id: rand::random(), secret: rand::random() });
    tables.meta.insert(META_FORMAT, FORMAT_VERSION.to_le_bytes().as_slice())?;
    tables.meta.insert(META_STORE_ID, identity.id.as_slice())?;
    tables.meta.insert(META_SECRET, identity.secret.as_slice())?;
    Ok(())
}

pub(super) fn fixed<const N: usize>(
    meta: &ReadOnlyTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<[u8; N], StoreError> {
    let value = meta.get(key)?.and_then(|value| value.value().try_into().ok());
    value.ok_or_else(|| StoreError::Damaged { what: format!("meta value {key}") })
}
