//! `--state`: what a screening run leaves behind, so that a later one reads, judges and explains only what is new or
//! changed, and writes the same files as if it had done everything.
//!
//! Come here for what lies in the folder: one file, replaced as a whole at the end of a run. It has how rows are written
//! and the records, the firms, the rows of decisions and links with what the summary tells of each order line and those
//! of parties, and at its end where these parts begin.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exit::Failure;
use super::new_file::NewFile;
use super::output::Format;
use crate::screening::batch::{Batch, Outcome, Screening};
use crate::screening::{BlockReader, BlockWriter, ItemsOf, KeptError, Policy};

/// Name of the file in the folder.
const FILE_NAME: &str = "screening.state";
/// Bytes read at a time.
const READ_LENGTH: usize = 1 << 20;

/// Bytes at the end of the file that say where its parts begin: a list with one item of 16 bytes.
const PLACES_LENGTH: u64 = 40;

/// A part of the file of an earlier run.
type Part = BlockReader<BufReader<File>>;

/// Where firms and rows begin in the file.
type Places = [u64; 2];

/// Where a run goes on and what it leaves.
pub(super) struct State {
    path: PathBuf,
    format: Format,
    earlier: Option<Earlier>,
}

/// What an earlier run left: records, firms, rows.
struct Earlier {
    records: Part,
    firms: Part,
    rows: Part,
}

/// The rows that an earlier run handed on, if there was one, and those that a later one will find, if there is to be one.
pub(super) struct KeptRows {
    path: PathBuf,
    earlier: Option<Part>,
    later: Option<Later>,
}

/// The file for a later run.
struct Later {
    out: BlockWriter<NewFile>,
    places: Places,
}

impl Earlier {
    fn open(path: &Path) -> Result<Self, KeptError> {
        let part = |place: SeekFrom| -> io::Result<Part> {
            let mut file = File::open(path)?;
            file.seek(place)?;
            Ok(BlockReader::new(BufReader::with_capacity(READ_LENGTH, file)))
        };
        let records = part(SeekFrom::Start(0))?;
        if std::fs::metadata(path)?.len() < PLACES_LENGTH {
            return Err(KeptError::Damaged("too short"));
        }
        let places: [[u8; 8]; 2] = part(SeekFrom::End(-(PLACES_LENGTH as i64)))?.one()?;
        let [firms, rows]: Places = places.map(u64::from_le_bytes);
        Ok(Self { records, firms: part(SeekFrom::Start(firms))?, rows: part(SeekFrom::Start(rows))? })
    }
}

impl State {
    /// Opens a folder, which is made when missing.
    pub(super) fn open(folder: &Path, format: Format) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(Failure::io("making", folder))?;
        let path = folder.join(FILE_NAME);
        let earlier = match Earlier::open(&path) {
            Ok(earlier) => Some(earlier),
            Err(KeptError::Disk(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(&path, error)),
        };
        Ok(Self { path, format, earlier })
    }

    /// An earlier run left something here.
    pub(super) fn is_kept(&self) -> bool {
        self.earlier.is_some()
    }

    /// A batch that goes on from the earlier run, or the first one.
    pub(super) fn batch(&mut self, tenant: &str, policy: Policy) -> Result<Batch, Failure> {
        let Some(Earlier { records, firms, .. }) = &mut self.earlier else {
            return Ok(Batch::to_be_kept(tenant, policy));
        };
        let failed = |error| unusable(&self.path, error);
        let format: String = records.one().map_err(failed)?;
        if format != self.format.extension() {
            let text = format!("{}: its rows are written with --format {format}", self.path.display());
            return Err(Failure::Unreadable(text));
        }
        Batch::going_on(tenant, policy, records, firms).map_err(failed)
    }

    /// Keeps what is held, and begins to keep rows.
    pub(super) fn rows(self, screening: &Screening) -> Result<KeptRows, Failure> {
        let keep = || -> io::Result<Later> {
            let mut out = BlockWriter::new(NewFile::create(&self.path)?);
            out.one(&self.format.extension())?;
            screening.holdings().keep_records(&mut out)?;
            let firms = out.length();
            screening.holdings().keep_firms(&mut out)?;
            let places = [firms, out.length()];
            Ok(Later { out, places })
        };
        let later = keep().map_err(Failure::io("writing", &self.path))?;
        Ok(KeptRows { path: self.path, earlier: self.earlier.map(|earlier| earlier.rows), later: Some(later) })
    }
}

impl KeptRows {
    /// For a run without a state.
    pub(super) fn none() -> Self {
        Self { path: PathBuf::new(), earlier: None, later: None }
    }

    /// Begins a list of rows: of each run in the same order.
    pub(super) fn list<T>(&self) -> Option<ItemsOf<T>> {
        self.earlier.as_ref().map(BlockReader::items)
    }

    /// The rows of an outcome, kept for a later run.
    pub(super) fn take<T: Serialize + DeserializeOwned + Send>(
        &mut self,
        list: &mut Option<ItemsOf<T>>,
        outcome: Outcome<T>,
    ) -> Result<T, Failure> {
        let row = match outcome {
            Outcome::New(row) => row,
            Outcome::Again(row) => {
                self.earlier(list)?;
                row
            }
            Outcome::AsBefore => self.earlier(list)?,
        };
        if let Some(later) = &mut self.later {
            later.out.add(&row).map_err(Failure::io("writing", &self.path))?;
        }
        Ok(row)
    }

    fn earlier<T: DeserializeOwned + Send>(&mut self, list: &mut Option<ItemsOf<T>>) -> Result<T, Failure> {
        let row = match (&mut self.earlier, list) {
            (Some(earlier), Some(list)) => earlier.next(list).map_err(|error| unusable(&self.path, error))?,
            _ => None,
        };
        row.ok_or_else(|| unusable(&self.path, KeptError::Damaged("fewer rows than order lines or parties")))
    }

    /// Ends a list of rows.
    pub(super) fn end<T: DeserializeOwned + Send>(&mut self, list: Option<ItemsOf<T>>) -> Result<(), Failure> {
        if let (Some(earlier), Some(mut list)) = (&mut self.earlier, list)
            && earlier.next(&mut list).map_err(|error| unusable(&self.path, error))?.is_some()
        {
            return Err(unusable(&self.path, KeptError::Damaged("more rows than order lines or parties")));
        }
        let Some(later) = &mut self.later else { return Ok(()) };
        later.out.end_list().map_err(Failure::io("writing", &self.path))
    }

    /// Puts what was kept in the place of what the earlier run left.
    pub(super) fn publish(self) -> Result<(), Failure> {
        let Some(Later { mut out, places }) = self.later else { return Ok(()) };
        let published = out.one(&places.map(u64::to_le_bytes)).and_then(|()| out.into_inner().publish());
        published.map_err(Failure::io("writing", &self.path))
    }
}

fn unusable(path: &Path, error: KeptError) -> Failure {
    match error {
        KeptError::Disk(error) if error.kind() != io::ErrorKind::UnexpectedEof => Failure::io("reading", path)(error),
        error => Failure::Unreadable(format!(
            "{}: {error}; take it away and screen all files again to start anew",
            path.display()
        )),
    }
}
