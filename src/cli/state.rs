//! `--state`: what a screening run leaves behind, so that a later one reads, judges and explains only what is new or
//! changed, and writes the same files as if it had done everything.
//!
//! Come here for what lies in the folder: one file, replaced as a whole at the end of a run. It has how rows are written,
//! what is held, the rows of decisions and links with what the summary tells of each order line, and those of parties.

use std::fs::File;
use std::io::{self, BufReader};
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

/// Where a run goes on and what it leaves.
pub(super) struct State {
    path: PathBuf,
    format: Format,
    earlier: Option<BlockReader<BufReader<File>>>,
}

/// The rows that an earlier run handed on, if there was one, and those that a later one will find, if there is to be one.
pub(super) struct KeptRows {
    path: PathBuf,
    earlier: Option<BlockReader<BufReader<File>>>,
    later: Option<BlockWriter<NewFile>>,
}

impl State {
    /// Opens a folder, which is made when missing.
    pub(super) fn open(folder: &Path, format: Format) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(Failure::io("making", folder))?;
        let path = folder.join(FILE_NAME);
        let earlier = match File::open(&path) {
            Ok(file) => Some(BlockReader::new(BufReader::with_capacity(READ_LENGTH, file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::io("opening", &path)(error)),
        };
        Ok(Self { path, format, earlier })
    }

    /// An earlier run left something here.
    pub(super) fn is_kept(&self) -> bool {
        self.earlier.is_some()
    }

    /// A batch that goes on from the earlier run, or the first one.
    pub(super) fn batch(&mut self, tenant: &str, policy: Policy) -> Result<Batch, Failure> {
        let Some(earlier) = &mut self.earlier else { return Ok(Batch::to_be_kept(tenant, policy)) };
        let failed = |error| unusable(&self.path, error);
        let mut formats = earlier.items::<String>();
        while let Some(format) = earlier.next(&mut formats).map_err(failed)? {
            if format != self.format.extension() {
                let text = format!("{}: its rows are written with --format {format}", self.path.display());
                return Err(Failure::Unreadable(text));
            }
        }
        Batch::going_on(tenant, policy, earlier).map_err(failed)
    }

    /// Keeps what is held, and begins to keep rows.
    pub(super) fn rows(self, screening: &Screening) -> Result<KeptRows, Failure> {
        let keep = || -> io::Result<BlockWriter<NewFile>> {
            let mut later = BlockWriter::new(NewFile::create(&self.path)?);
            later.add(&self.format.extension())?;
            later.end_list()?;
            screening.keep(&mut later)?;
            Ok(later)
        };
        let later = keep().map_err(Failure::io("writing", &self.path))?;
        Ok(KeptRows { path: self.path, earlier: self.earlier, later: Some(later) })
    }
}

impl KeptRows {
    /// For a run without a state.
    pub(super) const fn none() -> Self {
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
            later.add(&row).map_err(Failure::io("writing", &self.path))?;
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
        later.end_list().map_err(Failure::io("writing", &self.path))
    }

    /// Puts what was kept in the place of what the earlier run left.
    pub(super) fn publish(self) -> Result<(), Failure> {
        let Some(later) = self.later else { return Ok(()) };
        later.into_inner().publish().map_err(Failure::io("writing", &self.path))
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
