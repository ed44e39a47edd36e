//! How a command ends: the exit codes of the contract and the failures behind them.
//!
//! Come here when a script must tell two endings apart. Rows that were refused are not failures; see `Outcome`.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use crate::store::StoreError;

/// Done, but with rejects under `--strict`, or below a figure that the user asked to be reached.
const REJECTS: u8 = 1;
/// Wrong usage.
pub(super) const USAGE: u8 = 64;
/// Unreadable input.
const UNREADABLE: u8 = 65;
/// A bug of ours.
const BUG: u8 = 70;
/// Input or output failed.
const IO: u8 = 74;
/// Stopped by the user: what shells say of a program that Ctrl-C has ended, 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// How a command ended that did its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// All went in.
    Done,
    /// Some rows were refused and reported.
    DoneWithRejects,
    /// The work is done and the result is below what the user asked for.
    BelowTarget,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments cannot be meant like this.
    #[error("{0}\n\nFor more information, try '--help'.")]
    Usage(String),
    /// The input is not what it should be.
    #[error("{0}")]
    Unreadable(String),
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done to what.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The user or the system asked it to stop before it was done.
    #[error("stopped while {0}")]
    Interrupted(&'static str),
    /// Something that cannot happen did.
    #[error("a bug of ours: {0}. Please report it together with the lines above.")]
    Bug(String),
}

/// Does something on a file that may make the database break off: whoever calls says so in words, and more than a
/// backtrace would. What panics goes on to panic.
pub(super) fn without_backtraces<T>(work: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    done.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

impl Outcome {
    pub(super) fn code(self, strict: bool) -> ExitCode {
        match self {
            Self::BelowTarget => ExitCode::from(REJECTS),
            Self::DoneWithRejects if strict => ExitCode::from(REJECTS),
            Self::Done | Self::DoneWithRejects => ExitCode::SUCCESS,
        }
    }

    /// [`Outcome::DoneWithRejects`] when there were any.
    pub(super) fn with_rejects(reject_count: u64) -> Self {
        if reject_count == 0 { Self::Done } else { Self::DoneWithRejects }
    }
}

impl Failure {
    /// For `map_err`: what was being done to which file.
    pub(super) fn io<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { what: format!("{doing} {}", path.display()), source }
    }

    /// For `map_err` on writing to standard output.
    pub(super) fn stdout(source: io::Error) -> Self {
        Self::Io { what: "writing to standard output".to_owned(), source }
    }

    /// What a store could not do: a file that is none, or not what it was, is unreadable; everything else is the disk's.
    pub(super) fn of_store(doing: &str, path: &Path, fault: StoreError) -> Self {
        match fault {
            StoreError::NewerFormat { .. }
            | StoreError::NotAStore { .. }
            | StoreError::Damaged { .. }
            | StoreError::NotClosed => Self::Unreadable(format!("{}: {fault}", path.display())),
            fault => Self::Io { what: format!("{doing} {}", path.display()), source: io::Error::other(fault) },
        }
    }

    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Unreadable(_) => UNREADABLE,
            Self::Io { .. } => IO,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Bug(_) => BUG,
        }
    }

    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Outcome};
    use std::io;
    use std::path::Path;

    #[test]
    fn every_ending_has_the_code_of_the_contract() {
        let io_error = || io::Error::from(io::ErrorKind::StorageFull);
        let failures = [
            (Failure::Usage(String::new()), 64),
            (Failure::Unreadable(String::new()), 65),
            (Failure::Bug(String::new()), 70),
            (Failure::Interrupted("exporting"), 130),
            (Failure::io("writing", Path::new("a"))(io_error()), 74),
        ];
        for (failure, code) in failures {
            assert_eq!(failure.code(), code, "{failure}");
        }
        let code = |outcome: Outcome, strict| format!("{:?}", outcome.code(strict));
        assert_eq!(code(Outcome::with_rejects(0), true), format!("{:?}", std::process::ExitCode::SUCCESS));
        assert_eq!(code(Outcome::with_rejects(1), false), format!("{:?}", std::process::ExitCode::SUCCESS));
        assert_eq!(code(Outcome::with_rejects(1), true), format!("{:?}", std::process::ExitCode::from(1)));
        assert_eq!(code(Outcome::BelowTarget, false), format!("{:?}", std::process::ExitCode::from(1)));
    }

    #[test]
    fn only_a_closed_pipe_is_forgiven() {
        assert!(Failure::stdout(io::ErrorKind::BrokenPipe.into()).is_closed_pipe());
        assert!(!Failure::stdout(io::ErrorKind::StorageFull.into()).is_closed_pipe());
    }
}
