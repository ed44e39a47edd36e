//! `onward backup`: a copy of a store as it is at one moment, while a service runs on it or while none does.
//!
//! Come here for how the copy comes to be. A store that runs can be read by its service only, so the service hands out
//! the rows of one moment (`handing`) and this command makes the new file of them: the service writes nowhere but into
//! its own store, whoever asks names no path to it, and only who could read the store file gets anything. A copy is a
//! store file like any other: to restore it, put it in the place of the store.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use clap::ValueHint;

use super::exit::{Failure, Outcome};
use super::handing;
use super::summary::grouped_count;
use crate::store::{BackupError, ReadOnlyStore, StoreError, build, write_rows};

/// What to copy where.
#[derive(clap::Args, Debug)]
pub(super) struct BackupArguments {
    /// The store, in use or not
    #[arg(long, value_name = "FILE", env = "ONWARD_DATA", value_hint = ValueHint::FilePath)]
    pub(super) data: PathBuf,
    /// The copy; must not be there yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: PathBuf,
}

/// Makes the copy aside, and gives it its name when it is complete and on the disk.
pub(super) fn run(arguments: &BackupArguments) -> Result<Outcome, Failure> {
    let BackupArguments { data, out } = arguments;
    let writing = || Failure::io("writing", out);
    if out.try_exists().map_err(writing())? {
        return Err(writing()(io::ErrorKind::AlreadyExists.into()));
    }
    let partial = Partial::create(out).map_err(writing())?;
    let rows = match ReadOnlyStore::open(data) {
        Ok(store) => copy(&store, &partial.path),
        Err(StoreError::AlreadyOpen) => match handing::ask(data) {
            Ok(stream) => build(&partial.path, &mut BufReader::new(stream)),
            Err(source) => {
                let what = format!("asking the service that has {} open for its rows", data.display());
                return Err(Failure::Io { what, source });
            }
        },
        Err(fault) => return Err(Failure::of_store("opening", data, fault)),
    };
    let row_count = rows.map_err(|fault| match fault {
        BackupError::Store(fault) => Failure::of_store("copying", data, fault),
        BackupError::Stream(source) => Failure::Io { what: format!("copying {}", data.display()), source },
        BackupError::Foreign(_) => Failure::Unreadable(format!("{}: {fault}", data.display())),
    })?;
    let byte_count = partial.publish(out).map_err(writing())?;
    let text = format!("{} rows, {} bytes: {}", grouped_count(row_count), grouped_count(byte_count), out.display());
    writeln!(io::stdout(), "{text}").map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

/// Copies a store that nobody has open, the same way as one in use.
fn copy(store: &ReadOnlyStore, path: &Path) -> Result<u64, BackupError> {
    let snapshot = store.snapshot()?;
    let (reader, writer) = io::pipe()?;
    thread::scope(|scope| {
        let writing = scope.spawn(move || write_rows(&snapshot, &mut BufWriter::new(writer)));
        let mut reader = BufReader::new(reader);
        let built = build(path, &mut reader);
        // What is left after a failure is not waited for.
        drop(reader);
        match (writing.join(), built) {
            // Why the rows broke off says more than that they did.
            (Ok(Err(fault)), Err(BackupError::Stream(_))) => Err(fault),
            (_, built) => built,
        }
    })
}

/// The copy while it is made; gone without a trace unless published.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Starts an empty file that only its owner can read: a store holds what is nobody else's business.
    fn create(out: &Path) -> io::Result<Self> {
        let name = out.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let path = out.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?;
        Ok(Self { path })
    }

    /// Makes it durable under its final name, which nobody else may have taken meanwhile; its length in bytes.
    fn publish(self, out: &Path) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        let byte_count = file.metadata()?.len();
        drop(file);
        // A second name, unlike a new one, never replaces what is there. Not every file system has them.
        match fs::hard_link(&self.path, out) {
            Err(fault) if fault.kind() == io::ErrorKind::Unsupported => fs::rename(&self.path, out)?,
            linked => linked?,
        }
        #[cfg(unix)]
        {
            let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()?;
        }
        Ok(byte_count)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing better can be done about a temporary file that does not go away.
        let _ = fs::remove_file(&self.path);
    }
}
