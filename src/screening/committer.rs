//! Commits what was judged, on a thread of its own: the next round is settled and judged while one waits for the disk.
//!
//! One round is being committed at most, and rounds are committed in the order in which they were judged, so that what is
//! told of the place in the log stays true. What is judged is not judged again: however long the disk is full, a round
//! waits here, and the next one before it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::model::Judgement;
use crate::store::{AlertRule, FINDINGS_PER_COMMIT_MAX, Store, StoreError};

use super::service::{Progress, ServiceError};

/// Findings that are committed at a time: few, since whoever sends records waits for them.
const FINDINGS_PER_COMMIT: usize = FINDINGS_PER_COMMIT_MAX / 40;

/// What came of a round.
pub(super) struct Round {
    /// Findings that differ from those committed.
    pub judgements: Vec<Judgement>,
    /// The place in the log up to which everything is judged with this round, where that is another than before.
    pub through: Option<u64>,
}

/// The thread that commits. Ended and waited for when this is dropped.
pub(super) struct Committer {
    rounds: Option<SyncSender<Round>>,
    /// Rounds handed over, or about to be, and not committed.
    under_way: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub(super) struct Desk {
    pub store: Store,
    pub alert_rule: AlertRule,
    pub progress: watch::Sender<Progress>,
    pub stopped: watch::Receiver<bool>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(desk: Desk) -> io::Result<Self> {
        // Without room: a round is handed over when the one before it is committed.
        let (rounds, waiting) = sync_channel(0);
        let under_way = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&under_way);
        let thread =
            std::thread::Builder::new().name("commit".to_owned()).spawn(move || desk.commit_all(&waiting, &count))?;
        Ok(Self { rounds: Some(rounds), under_way, thread: Some(thread) })
    }

    /// Hands a round over, once the one before it is committed. Nobody takes it after the store failed for good, which the
    /// progress tells, or where the service is to stop: then a later one judges it again.
    pub(super) fn commit(&self, round: Round) {
        if round.judgements.is_empty() && round.through.is_none() {
            return;
        }
        self.under_way.fetch_add(1, Ordering::AcqRel);
        if let Some(rounds) = &self.rounds
            && rounds.send(round).is_err()
        {
            tracing::debug!("a round of judging is not committed");
        }
    }

    /// Whether a round is being committed, or waits for the disk.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.rounds = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was already reported by the panic hook.
            drop(thread.join());
        }
    }
}

impl Desk {
    fn commit_all(&self, rounds: &Receiver<Round>, under_way: &AtomicUsize) {
        for round in rounds {
            match self.commit(round) {
                Ok(true) => drop(under_way.fetch_sub(1, Ordering::AcqRel)),
                Ok(false) => return,
                // It is to stop: a later service judges the round again.
                Err(fault) if fault.is_passing() => return,
                Err(fault) => return self.fail(&fault),
            }
        }
    }

    /// Commits a round a page at a time, the last one with the place in the log. Says whether to go on.
    fn commit(&self, Round { judgements, through }: Round) -> Result<bool, StoreError> {
        let mut judgements = judgements.into_iter();
        loop {
            let page: Vec<Judgement> = judgements.by_ref().take(FINDINGS_PER_COMMIT).collect();
            let is_last = judgements.len() == 0;
            let advances = through.filter(|_| is_last);
            self.commit_page(page, advances)?;
            if *self.stopped.borrow() {
                return Ok(false);
            }
            if is_last {
                break;
            }
        }
        if let Some(through) = through {
            self.progress.send_modify(|progress| progress.judged_through = through);
        }
        Ok(true)
    }

    /// Commits findings, however long the disk is full. A commit that was cut off may be there; sent again it changes
    /// nothing.
    fn commit_page(&self, judgements: Vec<Judgement>, through: Option<u64>) -> Result<(), StoreError> {
        loop {
            let Err(fault) =
                self.store.commit_judgements_blocking(judgements.clone(), through, self.alert_rule.clone())
            else {
                self.progress.send_if_modified(|progress| progress.stalled.take().is_some());
                return Ok(());
            };
            if !fault.is_passing() {
                return Err(fault);
            }
            self.progress.send_modify(|progress| progress.stalled = Some(fault.clone().into()));
            if !self.store.wait_until_writable(&self.stopped) {
                return Err(fault);
            }
        }
    }

    fn fail(&self, fault: &StoreError) {
        let reason = fault.to_string();
        tracing::error!(reason, "judging stopped");
        self.progress.send_modify(|progress| progress.failed = Some(ServiceError::Store(reason)));
    }
}
