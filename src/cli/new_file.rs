//! A file that appears whole or not at all: written beside its final name, then renamed.
//!
//! Come here when a full disk or Ctrl-C must not leave half a file that looks finished.
//! What is left after a kill is a `.name.<process>.partial`, which nobody takes for a result.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file being written; gone without a trace unless published.
pub(super) struct NewFile {
    path: PathBuf,
    partial: PathBuf,
    /// `None` once published.
    writer: Option<BufWriter<File>>,
}

impl NewFile {
    /// Starts a file that will stand at `path`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let writer = Some(BufWriter::with_capacity(1 << 16, File::create(&partial)?));
        Ok(Self { path: path.to_owned(), partial, writer })
    }

    /// Makes everything durable under the final name. Replaces what stood there.
    pub(super) fn publish(mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            let published = finish(writer, &self.partial, &self.path);
            if published.is_err() {
                self.remove();
            }
            return published;
        }
        Ok(())
    }

    fn remove(&self) {
        // Nothing better can be done about a temporary file that does not go away.
        let _ = fs::remove_file(&self.partial);
    }
}

fn finish(writer: BufWriter<File>, partial: &Path, path: &Path) -> io::Result<()> {
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    drop(file);
    fs::rename(partial, path)
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().map_or(Ok(0), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            self.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NewFile;
    use std::fs;
    use std::io::Write;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.csv");
        fs::write(&path, "older").unwrap();

        let mut abandoned = NewFile::create(&path).unwrap();
        abandoned.write_all(b"half").unwrap();
        drop(abandoned);
        assert_eq!(fs::read_to_string(&path).unwrap(), "older");

        let mut whole = NewFile::create(&path).unwrap();
        whole.write_all(b"whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "older", "nothing shows before it is published");
        whole.publish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file stays behind");
    }

    #[test]
    fn a_file_that_cannot_be_published_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("by a folder")).unwrap();
        let file = NewFile::create(&path).unwrap();
        assert!(file.publish().is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
