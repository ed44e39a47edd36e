//! `onward audit checkpoint`, `onward audit proof` and `onward audit verify --kept-tree`: the trail of a running service,
//! as far as it lets itself be proven.
//!
//! Come here for what an auditor without the store can hold against what was kept. The service is not believed: every
//! proof is checked here, by the room `audit`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{ValueHint, value_parser};

use super::arguments::ServerArguments;
use super::audit::continued;
use super::audit_calls::refuse_existing;
use super::calls;
use super::exit::{Failure, Outcome};
use super::new_file::NewFile;
use super::summary::grouped_count;
use crate::audit::{EntryProof, TreeHead, hex};

/// Which service's trail.
#[derive(clap::Args, Debug)]
pub(super) struct CheckpointArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

/// Which entry to prove, and against which tree.
#[derive(clap::Args, Debug)]
pub(super) struct ProofArguments {
    /// Number of the entry in the trail
    #[arg(value_name = "SEQUENCE", value_parser = value_parser!(u64).range(1..))]
    pub(super) sequence: u64,
    /// Prove it against the tree of so many entries, as a kept one has [otherwise: the tree of now]
    #[arg(long, value_name = "SIZE", value_parser = value_parser!(u64).range(1..))]
    pub(super) tree_size: Option<u64>,
    /// File to write the proof to, as one line of JSON; one that is there already is never replaced
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

/// Prints what to keep of the trail as it is now.
pub(super) fn checkpoint(arguments: &CheckpointArguments) -> Result<Outcome, Failure> {
    let server = &arguments.server;
    let (head, tree) = calls::runtime()?.block_on(async {
        let client = calls::connect(server).await?;
        client.checkpoint().await.map_err(|error| calls::failed(&server.server, error))
    })?;
    let text = format!(
        "Tree: {}:{}\nHead: {}:{}\nKeep them elsewhere, with the day. `onward audit verify --kept-tree` shows later by the \
         tree that none of the entries was\nchanged or taken out; `--data FILE --noted-head` shows the same by the head, of \
         the whole store.\n",
        tree.size,
        hex(&tree.root),
        head.sequence,
        hex(&head.hash),
    );
    say(&text)
}

/// Has an entry proven, checks the proof, and keeps it where that is asked for.
pub(super) fn proof(arguments: &ProofArguments) -> Result<Outcome, Failure> {
    let ProofArguments { sequence, tree_size, out, server } = arguments;
    if let Some(out) = out {
        refuse_existing(out)?;
    }
    let answer = calls::runtime()?.block_on(async {
        let client = calls::connect(server).await?;
        let answer = client.entry_proof(*sequence, *tree_size).await;
        answer.map_err(|error| calls::failed(&server.server, error))
    })?;
    let server = &server.server;
    let proof = answer.ok_or_else(|| {
        let tree = tree_size.map(|size| format!(" in a tree of {} entries", grouped_count(size))).unwrap_or_default();
        Failure::Unreadable(format!("{server}: there is no audit entry {sequence} of the tenant{tree}"))
    })?;
    let is_asked_for = proof.entry.sequence == *sequence && tree_size.is_none_or(|size| size == proof.tree.size);
    let fault = proof.verify().err().map(|fault| fault.to_string());
    let fault = fault.or_else(|| (!is_asked_for).then(|| "it is about something else".to_owned()));
    if let Some(fault) = fault {
        return Err(Failure::Unreadable(format!("{server}: FAULT: audit entry {sequence} is not proven: {fault}")));
    }
    if let Some(out) = out {
        let mut file = NewFile::create(out).map_err(Failure::io("writing", out))?;
        writeln!(file, "{}", proof.json()).map_err(Failure::io("writing", out))?;
        file.publish().map_err(Failure::io("writing", out))?;
    }
    say(&sentence(&proof))
}

fn sentence(proof: &EntryProof) -> String {
    let EntryProof { entry, leaf, tree, hashes } = proof;
    // An order number is the tenant's own text: it must not steer a terminal.
    let subject: String = entry.subject.chars().filter(|letter| !letter.is_control()).collect();
    format!(
        "Entry {} of {}: {} {}\nIt is number {} of {} in the tenant's trail: its hash and {} more lead to the root.\nTree: \
         {}:{}\nCompare the tree with one that you kept: by itself it is what the service says now.\n",
        entry.sequence,
        entry.tenant,
        entry.kind.as_str(),
        subject,
        grouped_count(leaf + 1),
        grouped_count(tree.size),
        hashes.len(),
        tree.size,
        hex(&tree.root),
    )
}

/// Has a service prove that its trail goes on from a kept tree, and checks the proof; what to say.
pub(super) fn continues(server: &ServerArguments, kept: &TreeHead) -> Result<String, Failure> {
    let answer = calls::runtime()?.block_on(async {
        let client = calls::connect(server).await?;
        client.consistency_proof(kept.size).await.map_err(|error| calls::failed(&server.server, error))
    })?;
    let broken = |reason: String| Failure::Unreadable(format!("{}: the trail is broken: {reason}", server.server));
    let size = grouped_count(kept.size);
    let proof = answer.ok_or_else(|| broken(format!("the tenant has fewer entries than the kept tree with {size}")))?;
    proof.verify(kept).map_err(|fault| broken(format!("it does not go on from the kept tree with {size}: {fault}")))?;
    Ok(format!("The trail {}Keep the new tree as well.\n", continued(kept, &proof.tree)))
}

fn say(text: &str) -> Result<Outcome, Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}
