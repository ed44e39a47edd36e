//! A folder that is gone when its owner is, whatever happens in between short of a kill.
//!
//! Come here for where temporary files go. Files that users asked for are `new_file`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Attempts at a name that nobody else has.
const ATTEMPTS_MAX: u32 = 100;

/// A folder of our own among the system's temporary files.
pub(super) struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    /// Makes a new one that only this user can read.
    pub(super) fn create() -> io::Result<Self> {
        for attempt in 0..ATTEMPTS_MAX {
            let path = std::env::temp_dir().join(format!("onward-{}-{attempt}", std::process::id()));
            match private(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => return made.map(|()| Self { path }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Fails when anything is there already: a folder that somebody else prepared is not ours.
fn private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Nothing better can be done about a folder that does not go away.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::TemporaryFolder;
    use std::fs;

    #[test]
    fn folders_are_apart_and_go_with_their_owner() {
        let (one, other) = (TemporaryFolder::create().unwrap(), TemporaryFolder::create().unwrap());
        assert_ne!(one.path(), other.path());
        fs::create_dir(one.path().join("inside")).unwrap();
        fs::write(one.path().join("inside/file"), "x").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }
}
