//! The one writer: collects what arrives within a moment, writes it in one transaction, then answers everybody.
//!
//! Come here for group commit and for what is durable when; who is in the next group is `waiting`. Nothing is answered before its commit is on the disk.
//! What goes into the transaction is `draft`, `judgement`, `review` and `subscriptions`; reading is `snapshot`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use redb::{Database, WriteTransaction};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::StoreError;
use super::batch::{AcceptOutcome, EncodedBatch};
use super::draft::Draft;
use super::judgement::{CommitOutcome, EncodedJudgements};
use super::opened::Opened;
use super::waiting::{GroupLimits, Waiting, Waits};
use crate::clock::Stopwatch;

/// The clock of the store: milliseconds since 1970.
pub type StoreClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// In how many slices the writer waits for company; a slice in which nothing arrives ends the waiting.
const WINDOW_SLICES: u32 = 4;

/// Something to write, and whom to tell.
pub(super) enum Command {
    Accept(EncodedBatch, Answer<AcceptOutcome>),
    Judge(EncodedJudgements, Answer<CommitOutcome>),
    Job(Box<dyn Job>),
}

/// Any other work: small things that are not worth a command of their own.
pub(super) trait Job: Send {
    /// Does the work and keeps its outcome; a fault that concerns the whole group is returned.
    fn apply(&mut self, draft: &mut Draft<'_>) -> Option<StoreError>;
    /// Tells the outcome after the commit, or the fault that came instead of it.
    fn tell(self: Box<Self>, fault: Option<&StoreError>);
}

/// A piece of work as a closure, and whom to tell.
pub(super) struct SmallJob<T, F> {
    pub work: F,
    pub outcome: Option<Result<T, StoreError>>,
    pub answer: Answer<T>,
}

impl<T: Send, F> Job for SmallJob<T, F>
where
    F: FnMut(&mut Draft<'_>) -> Result<T, StoreError> + Send,
{
    fn apply(&mut self, draft: &mut Draft<'_>) -> Option<StoreError> {
        let result = (self.work)(draft);
        let fault = group_fault(&result);
        self.outcome = Some(result);
        fault
    }

    fn tell(self: Box<Self>, fault: Option<&StoreError>) {
        let stopped = || StoreError::Broken { cause: "the writer has stopped".to_owned() };
        let outcome = match fault {
            Some(fault) => Err(fault.clone()),
            None => self.outcome.unwrap_or_else(|| Err(stopped())),
        };
        self.answer.tell(outcome);
    }
}

/// Whom to tell. Holds the command's share of the queue until it is told.
pub(super) struct Answer<T> {
    pub sender: oneshot::Sender<Result<T, StoreError>>,
    pub permit: OwnedSemaphorePermit,
}

/// What the writer needs for its whole life.
pub(super) struct Writer {
    pub opened: Arc<Opened>,
    pub clock: StoreClock,
    pub group_window: Duration,
    pub group_limits: GroupLimits,
    /// How often is looked whether a full or broken disk takes anything again.
    pub look_interval: Duration,
    /// Counts commits.
    pub commits: watch::Sender<u64>,
    /// Counts commits with alert events.
    pub alert_commits: watch::Sender<u64>,
}

/// An answer that waits for its commit.
enum Outcome {
    Accepted(Result<AcceptOutcome, StoreError>, Answer<AcceptOutcome>),
    Judged(Result<CommitOutcome, StoreError>, Answer<CommitOutcome>),
    Done(Box<dyn Job>),
}

impl Writer {
    /// Writes until the last sender is gone and everything sent is answered. While the disk is full or broken,
    /// everything is refused at once, and the disk is looked at again and again, whether anybody asks or not.
    pub fn run(self, commands: &Receiver<Command>) {
        let (mut lasting, mut looked) = (None, Stopwatch::start());
        let mut waiting = Waiting::default();
        loop {
            let Some(fault) = &lasting else {
                if !self.collect(&mut waiting, commands) {
                    return;
                }
                lasting = self.write_group(waiting.take_group(self.group_limits));
                looked = Stopwatch::start();
                continue;
            };
            waiting.take_all().for_each(|command: Command| command.refuse(fault));
            let wait = self.look_interval.saturating_sub(Duration::from_secs_f64(looked.seconds()));
            match commands.recv_timeout(wait) {
                Ok(command) => command.refuse(fault),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.seconds() >= self.look_interval.as_secs_f64() {
                lasting = self.mend(lasting);
                looked = Stopwatch::start();
            }
        }
    }

    /// Writes a group; the fault after which nothing can be written any more.
    fn write_group(&self, group: Vec<Command>) -> Option<StoreError> {
        // The database may break off where the file is not as it should be. Whoever waits is told that nothing is known.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(group)));
        let broke_off = |_| Err(StoreError::Broken { cause: "the database broke off".to_owned() });
        let fault = written.unwrap_or_else(broke_off).err().filter(StoreError::is_lasting)?;
        self.opened.tell(Some(&fault));
        // At once, so that reading goes on; whether the disk takes anything is seen at the next look.
        let reopened = if fault.is_passing() { self.opened.reopen_where_needed() } else { Ok(()) };
        Some(reopened.err().unwrap_or(fault))
    }

    /// Opens the database again after a fault, and tries whether the disk takes anything; what is still in the way.
    fn mend(&self, fault: Option<StoreError>) -> Option<StoreError> {
        // What is damaged is damaged after reopening too.
        let mended = match fault {
            Some(fault) if !fault.is_passing() => Err(fault),
            _ => self.opened.reopen_where_needed().and_then(|()| self.opened.has_room()),
        };
        self.opened.tell(mended.as_ref().err());
        mended.err()
    }

    /// Takes in what was sent, and what comes while the window is open; waits where nothing is there. False when nothing
    /// is left and nobody is there to send more.
    fn collect(&self, waiting: &mut Waiting<Command>, commands: &Receiver<Command>) -> bool {
        if waiting.is_empty() {
            let Ok(first) = commands.recv() else { return false };
            waiting.push(first);
        }
        // All of it, so that a tenant is seen that came behind a flood of another.
        commands.try_iter().for_each(|command| waiting.push(command));
        let mut slices = if self.group_window.is_zero() { 0 } else { WINDOW_SLICES };
        while slices > 0 && !waiting.fills(self.group_limits) {
            match commands.recv_timeout(self.group_window / WINDOW_SLICES) {
                Ok(command) => waiting.push(command),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
            commands.try_iter().for_each(|command| waiting.push(command));
            slices -= 1;
        }
        true
    }

    /// One transaction for the whole group; then the answers.
    pub fn write(&self, group: Vec<Command>) -> Result<(), StoreError> {
        let mut outcomes = Vec::with_capacity(group.len());
        let watch = Stopwatch::start();
        let span = tracing::info_span!("commit", commands = group.len() as i64);
        let written = span.in_scope(|| self.write_durably(group, &mut outcomes));
        if matches!(written, Ok(Written::Records | Written::RecordsAndEvents)) {
            metrics::histogram!("onward_commit_seconds").record(watch.seconds());
        }
        match &written {
            Ok(Written::Nothing) => {}
            Ok(Written::Records) => self.commits.send_modify(|count| *count += 1),
            Ok(Written::RecordsAndEvents) => {
                self.commits.send_modify(|count| *count += 1);
                self.alert_commits.send_modify(|count| *count += 1);
            }
            Err(fault) => {
                outcomes.into_iter().for_each(|outcome| outcome.refuse(fault));
                return Err(fault.clone());
            }
        }
        outcomes.into_iter().for_each(Outcome::tell);
        Ok(())
    }

    fn write_durably(&self, group: Vec<Command>, outcomes: &mut Vec<Outcome>) -> Result<Written, StoreError> {
        let mut commands = group.into_iter();
        let written = self.opened.begin_write().and_then(|transaction| {
            let mut draft = Draft::begin(&transaction, (self.clock)())?;
            for command in commands.by_ref() {
                if let Some(fault) = command.apply(&mut draft, outcomes) {
                    return Err(fault);
                }
            }
            let has_events = !draft.events_last.is_empty();
            if !draft.is_changed {
                return Ok(Written::Nothing);
            }
            draft.finish()?;
            transaction.commit()?;
            Ok(if has_events { Written::RecordsAndEvents } else { Written::Records })
        });
        if let Err(fault) = &written {
            if fault.is_lasting() {
                // Whoever is refused and looks why finds it.
                self.opened.tell(Some(fault));
            }
            commands.for_each(|command| command.refuse(fault));
        }
        written
    }
}

/// What a transaction held.
enum Written {
    Nothing,
    Records,
    RecordsAndEvents,
}

/// A write transaction that is safe against power cuts and cheap to reopen after one.
pub(super) fn begin_durable(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(redb::Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl Waits for Command {
    fn tenant(&self) -> &str {
        match self {
            Self::Accept(batch, _) => &batch.tenant,
            Self::Judge(..) | Self::Job(_) => "",
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Accept(batch, _) => batch.bytes(),
            Self::Judge(judgements, _) => judgements.bytes(),
            Self::Job(_) => 0,
        }
    }
}

impl Command {
    /// Adds the outcome; a fault that concerns the whole group is returned.
    fn apply(self, draft: &mut Draft<'_>, outcomes: &mut Vec<Outcome>) -> Option<StoreError> {
        let (fault, outcome) = match self {
            Self::Accept(batch, answer) => {
                let result = draft.accept(batch);
                (group_fault(&result), Outcome::Accepted(result, answer))
            }
            Self::Judge(judgements, answer) => {
                let result = draft.judge(&judgements);
                (group_fault(&result), Outcome::Judged(result, answer))
            }
            Self::Job(mut job) => (job.apply(draft), Outcome::Done(job)),
        };
        outcomes.push(outcome);
        fault
    }

    fn refuse(self, fault: &StoreError) {
        match self {
            Self::Accept(_, answer) => answer.tell(Err(fault.clone())),
            Self::Judge(_, answer) => answer.tell(Err(fault.clone())),
            Self::Job(job) => job.tell(Some(fault)),
        }
    }
}

/// A reused request id concerns its own command only: it was refused before anything was written.
fn group_fault<T>(result: &Result<T, StoreError>) -> Option<StoreError> {
    match result {
        Ok(_) | Err(StoreError::RequestIdReused) => None,
        Err(fault) => Some(fault.clone()),
    }
}

impl Outcome {
    fn tell(self) {
        match self {
            Self::Accepted(result, answer) => answer.tell(result),
            Self::Judged(result, answer) => answer.tell(result),
            Self::Done(job) => job.tell(None),
        }
    }

    fn refuse(self, fault: &StoreError) {
        match self {
            Self::Accepted(_, answer) => answer.tell(Err(fault.clone())),
            Self::Judged(_, answer) => answer.tell(Err(fault.clone())),
            Self::Done(job) => job.tell(Some(fault)),
        }
    }
}

impl<T> Answer<T> {
    fn tell(self, result: Result<T, StoreError>) {
        // Who does not wait any more misses the answer, not the writing.
        drop(self.sender.send(result));
        drop(self.permit);
    }
}
