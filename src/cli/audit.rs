//! `onward audit`: checks or copies the trail of a store that no service has open.
//!
//! Come here for the offline side of the trail; what asks a running service is `audit_calls` for findings and
//! `audit_proofs` for the trail. What an entry is and what makes a trail whole is in the room `audit`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};

use super::arguments::ServerArguments;
use super::audit_calls::{self, FindingArguments, PackArguments};
use super::audit_proofs::{self, CheckpointArguments, ProofArguments};
use super::exit::{Failure, Outcome, without_backtraces};
use super::new_file::NewFile;
use super::progress::Progress;
use super::summary::grouped_count;
use super::temporary::TemporaryFolder;
use crate::audit::{AuditEntry, AuditHash, AuditHead, AuditKind, Frontier, TreeHead, hex, verify_from};
use crate::identity::TENANT_DEFAULT;
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
    Verify(VerifyArguments),
    /// Write every entry as one JSON object a line
    Export {
        /// The store, or a copy of it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        data: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
    /// Print how far the trail of a running service has come, to be kept elsewhere
    Checkpoint(CheckpointArguments),
    /// Have a running service prove that an entry is part of the trail, and check the proof
    Proof(ProofArguments),
    /// Export a finding with all its evidence from a running service, as one ZIP file
    Pack(PackArguments),
    /// Have a running service judge a finding again: the same case must give the same bytes
    Replay(FindingArguments),
}

/// Which trail to check: of a store, or of a service against what was kept.
#[derive(clap::Args, Debug)]
pub(super) struct VerifyArguments {
    /// The store, or a copy of it; without it the service is asked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "kept_tree")]
    pub(super) data: Option<PathBuf>,
    /// A head that was noted earlier, as this command prints it: it must still be part of the trail
    #[arg(long, value_name = "NUMBER:HASH", requires = "data")]
    pub(super) noted_head: Option<NotedHead>,
    /// A tree of the tenant that was kept earlier, as `onward audit checkpoint` prints it: the trail must still begin
    /// with it
    #[arg(long, value_name = "SIZE:ROOT")]
    pub(super) kept_tree: Option<KeptTree>,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

/// A head as a person wrote it down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NotedHead {
    sequence: u64,
    hash: AuditHash,
}

/// A tree as a person wrote it down: one with entries, since none says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeptTree(pub(super) TreeHead);

impl FromStr for KeptTree {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match number_and_hash(text)? {
            (0, _) => Err("a tree without entries says nothing about later ones".to_owned()),
            (size, root) => Ok(Self(TreeHead { size, root })),
        }
    }
}

fn number_and_hash(text: &str) -> Result<(u64, AuditHash), String> {
    let (number, hash) = text.split_once(':').ok_or("expected a number, a colon and a hash")?;
    let number = number.parse().map_err(|_| format!("`{number}` is no number of entries"))?;
    let digits = hash.as_bytes().chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(text, 16).ok()
    });
    let bytes = if hash.len() == 64 { digits.collect::<Option<Vec<u8>>>() } else { None };
    let hash = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or("a hash has 64 digits from 0 to f")?;
    Ok((number, hash))
}

impl FromStr for NotedHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (sequence, hash) = number_and_hash(text)?;
        Ok(Self { sequence, hash })
    }
}

/// Opens the store without changing it and checks or copies, or asks a running service.
pub(super) fn run(arguments: &AuditArguments, progress: &Progress) -> Result<Outcome, Failure> {
    match &arguments.command {
        AuditCommand::Verify(arguments) => {
            let text = match (&arguments.data, &arguments.kept_tree) {
                (Some(data), _) => Trail::look(data, progress, |trail| verify(trail, arguments, progress))?,
                (None, Some(kept)) => audit_proofs::continues(&arguments.server, &kept.0)?,
                (None, None) => return Err(Failure::Usage("there is no --data and no --kept-tree".to_owned())),
            };
            io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
        }
        AuditCommand::Export { data, out } => Trail::look(data, progress, |trail| export(trail, out, progress))?,
        AuditCommand::Checkpoint(arguments) => return audit_proofs::checkpoint(arguments),
        AuditCommand::Proof(arguments) => return audit_proofs::proof(arguments),
        AuditCommand::Pack(arguments) => return audit_calls::pack(arguments),
        AuditCommand::Replay(arguments) => return audit_calls::replay(arguments),
    }
    Ok(Outcome::Done)
}

/// The trail of one store.
struct Trail<'a> {
    path: &'a Path,
    store: ReadOnlyStore,
    /// Where a repaired copy lies, of a store that was not closed.
    copy: Option<TemporaryFolder>,
}

/// What it means for whoever looks at a store that was not closed.
const NOT_CLOSED: &str = "the store was not closed: its service was killed, or this is a copy of a file that a running \
                          service is writing. Such a copy is no backup: its parts may be of different moments. Stop the \
                          service before you copy.";

impl<'a> Trail<'a> {
    /// Opens a store without changing it and hands its trail on.
    fn look<T>(
        path: &'a Path,
        progress: &Progress,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        File::open(path).map_err(|error| unreadable(path, &error))?;
        match ReadOnlyStore::open(path) {
            Err(StoreError::NotClosed) => {
                progress.note(&format!("{NOT_CLOSED} A repaired copy of it is looked at."));
                unless_torn(path, || work(&Self::repaired(path)?))
            }
            opened => work(&Self { path, store: opened.map_err(|error| unreadable(path, &error))?, copy: None }),
        }
    }

    fn repaired(path: &'a Path) -> Result<Self, Failure> {
        let folder = TemporaryFolder::create().map_err(Failure::io("copying", path))?;
        let copy = folder.path().join("copy.redb");
        fs::copy(path, &copy).map_err(Failure::io("copying", path))?;
        let repaired = Store::open(&copy, StoreOptions::default(), Arc::new(|| 0));
        // Closed before it is opened again.
        let store = repaired.map(drop).and_then(|()| ReadOnlyStore::open(&copy));
        let store = store.map_err(|error| unreadable(path, &format!("{error}; {NOT_CLOSED}")))?;
        Ok(Self { path, store, copy: Some(folder) })
    }

    fn unreadable(&self, reason: &dyn Display) -> Failure {
        match &self.copy {
            None => unreadable(self.path, reason),
            Some(_) => unreadable(self.path, &format!("{reason}; {NOT_CLOSED}")),
        }
    }

    fn broken(&self, reason: &dyn Display) -> Failure {
        self.unreadable(&format!("the trail is broken: {reason}"))
    }

    /// Hands on the whole trail, page by page.
    fn each_page(
        &self,
        progress: &Progress,
        mut take: impl FnMut(&[AuditEntry]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unreadable = |error: StoreError| self.unreadable(&error);
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

/// Does what may meet a file whose parts are of different moments: the database stops the program on pages that
/// contradict each other, which is no bug of ours and none of its.
fn unless_torn<T>(path: &Path, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let done = without_backtraces(|| panic::catch_unwind(AssertUnwindSafe(work)));
    done.unwrap_or_else(|_| Err(unreadable(path, &format!("its parts contradict each other; {NOT_CLOSED}"))))
}

/// Copies a whole trail into a file, or nothing of it.
fn export(trail: &Trail<'_>, out: &Path, progress: &Progress) -> Result<(), Failure> {
    let mut file = NewFile::create(out).map_err(Failure::io("writing", out))?;
    trail.each_page(progress, |page| {
        let written = page.iter().try_for_each(|entry| writeln!(file, "{}", entry.json()));
        written.map_err(Failure::io("writing", out))
    })?;
    file.publish().map_err(Failure::io("writing", out))
}

fn unreadable(path: &Path, reason: &dyn Display) -> Failure {
    Failure::Unreadable(format!("{}: {reason}", path.display()))
}

/// What a whole trail holds, as text; a broken one is a failure that says where.
fn verify(trail: &Trail<'_>, arguments: &VerifyArguments, progress: &Progress) -> Result<String, Failure> {
    let noted = arguments.noted_head.as_ref();
    let mut head = AuditHead::default();
    let mut counts: BTreeMap<AuditKind, u64> = BTreeMap::new();
    let mut kept = arguments.kept_tree.map(|tree| KeptTrail::new(tree.0, arguments.server.tenant.as_deref()));
    trail.each_page(progress, |page| {
        head = verify_from(head, page).map_err(|fault| trail.broken(&fault))?;
        for entry in page {
            *counts.entry(entry.kind).or_default() += 1;
            if noted.is_some_and(|noted| noted.sequence == entry.sequence && noted.hash != entry.hash) {
                let reason = format!("entry {} is not the noted one, all was written anew", entry.sequence);
                return Err(trail.broken(&reason));
            }
            kept.as_mut().map_or(Ok(()), |kept| kept.take(entry)).map_err(|reason| trail.broken(&reason))?;
        }
        Ok(())
    })?;
    if let Some(noted) = noted.filter(|noted| noted.sequence > head.sequence) {
        let reason = format!("it ends at entry {}, before the noted entry {}", head.sequence, noted.sequence);
        return Err(trail.broken(&reason));
    }
    let mut text = format!("The trail is whole: {} entries.\n", grouped_count(head.sequence));
    for (kind, count) in counts {
        text.push_str(&format!("  {:<16} {:>12}\n", kind.as_str(), grouped_count(count)));
    }
    text.push_str(&format!("Head: {}:{}\n", head.sequence, hex(&head.hash)));
    text.push_str("Note the head elsewhere: only against a noted head does it show that a trail was cut short.\n");
    if let Some(kept) = kept {
        text.push_str(&kept.end().map_err(|reason| trail.broken(&reason))?);
    }
    Ok(text)
}

/// The entries of one tenant beside a tree of theirs that was kept: the tree is made anew, so that nothing that the store
/// says of trees is believed.
struct KeptTrail<'a> {
    kept: TreeHead,
    tenant: &'a str,
    tree: Frontier,
}

impl<'a> KeptTrail<'a> {
    fn new(kept: TreeHead, tenant: Option<&'a str>) -> Self {
        Self { kept, tenant: tenant.unwrap_or(TENANT_DEFAULT), tree: Frontier::default() }
    }

    fn take(&mut self, entry: &AuditEntry) -> Result<(), String> {
        if entry.tenant != self.tenant {
            return Ok(());
        }
        // Nothing is kept of the tree but its end.
        let grown: Result<(), Infallible> = self.tree.push(entry.leaf_hash(), |_, _| Ok(()));
        let Ok(()) = grown;
        if self.tree.size() == self.kept.size && self.tree.head() != self.kept {
            let (tenant, size) = (self.tenant, grouped_count(self.kept.size));
            return Err(format!("the first {size} entries of {tenant} are not those of the kept tree"));
        }
        Ok(())
    }

    fn end(self) -> Result<String, String> {
        let (tenant, tree) = (self.tenant, self.tree.head());
        if tree.size < self.kept.size {
            let (found, kept) = (grouped_count(tree.size), grouped_count(self.kept.size));
            return Err(format!("{tenant} has {found} entries, fewer than the kept tree with {kept}"));
        }
        Ok(format!("The trail of {tenant} {}", continued(&self.kept, &tree)))
    }
}

/// That a trail begins with a kept tree; the rest of a sentence, and the tree of now.
pub(super) fn continued(kept: &TreeHead, tree: &TreeHead) -> String {
    format!(
        "still begins with the {} entries of the kept tree; {} came since.\nTree: {}:{}\n",
        grouped_count(kept.size),
        grouped_count(tree.size - kept.size),
        tree.size,
        hex(&tree.root),
    )
}

#[cfg(test)]
mod tests {
    use super::{KeptTree, NotedHead};

    #[test]
    fn what_a_person_wrote_down_is_read_or_refused_in_words() {
        let hash = "0f".repeat(32);
        let tree: KeptTree = format!("12:{}", hash.to_uppercase()).parse().unwrap();
        assert_eq!((tree.0.size, tree.0.root), (12, [15; 32]));
        assert_eq!(format!("7:{hash}").parse::<NotedHead>().unwrap().sequence, 7);
        let cut = &hash[1..];
        for bad in ["12", "x:00", &format!("12:{cut}"), &format!("12:+{cut}"), &format!("12:é{}", &hash[2..]), "12:"] {
            assert!(bad.parse::<KeptTree>().is_err(), "{bad}");
        }
        assert!(format!("0:{hash}").parse::<KeptTree>().unwrap_err().contains("says nothing"));
    }
}
