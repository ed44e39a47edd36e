//! `onward audit`: checks or copies the trail of a store that no service has open.
//!
//! Come here for the offline side of the trail; what asks a running service is `audit_calls`. What an entry is and what
//! makes a trail whole is in the room `audit`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};

use super::audit_calls::{self, FindingArguments, PackArguments};
use super::exit::{Failure, Outcome};
use super::new_file::NewFile;
use super::progress::Progress;
use super::summary::grouped_count;
use super::temporary::TemporaryFolder;
use crate::audit::{AuditEntry, AuditHead, AuditKind, verify_from};
use crate::store::{PAGE_ROWS_MAX, ReadOnlyStore, Store, StoreError, StoreOptions};

/// What to do with which store.
#[derive(clap::Args, Debug)]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    pub(super) command: AuditCommand,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, taken out or put in
    Verify {
        /// The store, or a copy of it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        data: PathBuf,
        /// A head that was noted earlier, as this command prints it: it must still be part of the trail
        #[arg(long, value_name = "NUMBER:HASH")]
        noted_head: Option<NotedHead>,
    },
    /// Write every entry as one JSON object a line
    Export {
        /// The store, or a copy of it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        data: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
    /// Export a finding with all its evidence from a running service, as one ZIP file
    Pack(PackArguments),
    /// Have a running service judge a finding again: the same case must give the same bytes
    Replay(FindingArguments),
}

/// A head as a person wrote it down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NotedHead {
    sequence: u64,
    hash: String,
}

impl FromStr for NotedHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (sequence, hash) = text.split_once(':').ok_or("a head is a number, a colon and a hash")?;
        let sequence = sequence.parse().map_err(|_| format!("`{sequence}` is no number of an entry"))?;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a hash has 64 digits from 0 to f".to_owned());
        }
        Ok(Self { sequence, hash: hash.to_ascii_lowercase() })
    }
}

/// Opens the store without changing it and checks or copies, or asks a running service.
pub(super) fn run(arguments: &AuditArguments, progress: &Progress) -> Result<Outcome, Failure> {
    match &arguments.command {
        AuditCommand::Verify { data, noted_head } => {
            let text = verify(&Trail::open(data, progress)?, noted_head.as_ref(), progress)?;
            io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
        }
        AuditCommand::Export { data, out } => {
            let trail = Trail::open(data, progress)?;
            let mut file = NewFile::create(out).map_err(Failure::io("writing", out))?;
            trail.each_page(progress, |page| {
                page.iter()
                    .try_for_each(|entry| writeln!(file, "{}", entry.json()))
                    .map_err(Failure::io("writing", out))
            })?;
            file.publish().map_err(Failure::io("writing", out))?;
        }
        AuditCommand::Pack(arguments) => return audit_calls::pack(arguments),
        AuditCommand::Replay(arguments) => return audit_calls::replay(arguments),
    }
    Ok(Outcome::Done)
}

/// The trail of one store.
struct Trail<'a> {
    path: &'a Path,
    store: ReadOnlyStore,
    /// Where a repaired copy lies, of a store whose service was killed.
    _copy: Option<TemporaryFolder>,
}

impl<'a> Trail<'a> {
    fn open(path: &'a Path, progress: &Progress) -> Result<Self, Failure> {
        File::open(path).map_err(|error| unreadable(path, &error))?;
        let (store, copy) = match ReadOnlyStore::open(path) {
            Err(StoreError::NotClosed) => {
                progress.note("the service was killed and left the store open: a repaired copy of it is looked at");
                let folder = TemporaryFolder::create().map_err(Failure::io("copying", path))?;
                let copy = folder.path().join("copy.redb");
                fs::copy(path, &copy).map_err(Failure::io("copying", path))?;
                let repaired = Store::open(&copy, StoreOptions::default(), Arc::new(|| 0));
                // Closed before it is opened again.
                (repaired.map(drop).and_then(|()| ReadOnlyStore::open(&copy)), Some(folder))
            }
            opened => (opened, None),
        };
        Ok(Self { path, store: store.map_err(|error| unreadable(path, &error))?, _copy: copy })
    }

    /// Hands on the whole trail, page by page.
    fn each_page(
        &self,
        progress: &Progress,
        mut take: impl FnMut(&[AuditEntry]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unreadable = |error: StoreError| unreadable(self.path, &error);
        let snapshot = self.store.snapshot().map_err(unreadable)?;
        let total = snapshot.counts().map_err(unreadable)?.audit_entries;
        let (mut done, mut last) = (0, 0);
        loop {
            let page = snapshot.audit_entries(last, PAGE_ROWS_MAX).map_err(unreadable)?;
            let Some(newest) = page.last() else { break };
            last = newest.sequence;
            done += page.len() as u64;
            take(&page)?;
            progress.at("audit entries", done, total);
        }
        progress.finish();
        Ok(())
    }
}

fn unreadable(path: &Path, reason: &dyn Display) -> Failure {
    Failure::Unreadable(format!("{}: {reason}", path.display()))
}

/// What a whole trail holds, as text; a broken one is a failure that says where.
fn verify(trail: &Trail<'_>, noted: Option<&NotedHead>, progress: &Progress) -> Result<String, Failure> {
    let broken = |reason: String| unreadable(trail.path, &format!("the trail is broken: {reason}"));
    let mut head = AuditHead::default();
    let mut counts: BTreeMap<AuditKind, u64> = BTreeMap::new();
    trail.each_page(progress, |page| {
        head = verify_from(head, page).map_err(|fault| broken(fault.to_string()))?;
        for entry in page {
            *counts.entry(entry.kind).or_default() += 1;
            if noted.is_some_and(|noted| noted.sequence == entry.sequence && noted.hash != hex(&entry.hash)) {
                return Err(broken(format!("entry {} is not the noted one, all was written anew", entry.sequence)));
            }
        }
        Ok(())
    })?;
    if let Some(noted) = noted.filter(|noted| noted.sequence > head.sequence) {
        return Err(broken(format!("it ends at entry {}, before the noted entry {}", head.sequence, noted.sequence)));
    }
    let mut text = format!("The trail is whole: {} entries.\n", grouped_count(head.sequence));
    for (kind, count) in counts {
        text.push_str(&format!("  {:<16} {:>12}\n", kind.as_str(), grouped_count(count)));
    }
    text.push_str(&format!("Head: {}:{}\n", head.sequence, hex(&head.hash)));
    text.push_str("Note the head elsewhere: only against a noted head does it show that a trail was cut short.\n");
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
