//! The store itself: opening it, handing work to its writer, taking snapshots of it.
//!
//! Come here for the life of a store from `open` to the last drop. How work is written is `writer`, how a new file
//! comes to be is `creation`.
//! After a fault of the disk it opens itself again: `opened` says how, `writer` when.

use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use redb::StorageBackend;
use redb::backends::FileBackend;
use tokio::sync::{Semaphore, oneshot, watch};

use super::backing::Backing;
use super::batch::{AcceptBatch, AcceptOutcome, EncodedBatch};
use super::draft::Draft;
use super::judgement::{AlertRule, CommitOutcome, EncodedJudgements};
use super::opened::Opened;
use super::review::{ACT_BYTES_MAX, ReviewOutcome, ReviewRequest};
use super::snapshot::Snapshot;
use super::subscriptions::AckOutcome;
use super::waiting::GroupLimits;
use super::writer::{Answer, Command, SmallJob, StoreClock, Writer};
use super::{StoreError, creation};
use crate::model::{AlertSettings, Judgement, StoreCondition};

/// Most kibibytes of batches and judgements that wait or are being written; senders wait for room.
pub const QUEUE_KIBIBYTES_MAX: u32 = 64 * 1024;

/// How often a reader looks that meets one fault of the disk after another.
const LOOKS_MAX: u32 = 16;

/// How a store behaves.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How long the writer waits for company at most; zero takes only what is waiting already.
    pub group_window: Duration,
    /// Most batches and judgements in one transaction.
    pub group_commands_max: usize,
    /// Most bytes of them: more make answers late for everybody, fewer make too many transactions.
    pub group_bytes_max: usize,
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// How often is looked whether a full or broken disk takes anything again.
    pub look_interval: Duration,
    /// Name and secret for a new store; drawn at random where there is none. An existing store keeps its own.
    pub identity: Option<StoreIdentity>,
}

/// What distinguishes a store from every other one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Its name.
    pub id: [u8; 16],
    /// Seals cursors; never leaves the service.
    pub secret: [u8; 32],
}

/// Records, findings, alerts and their trail, on redb. Clones share one store; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` only while it is being closed.
    commands: Mutex<Option<Sender<Command>>>,
    room: Arc<Semaphore>,
    opened: Arc<Opened>,
    identity: StoreIdentity,
    commits: watch::Receiver<u64>,
    alert_commits: watch::Receiver<u64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for StoreIdentity {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoreIdentity").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            group_window: Duration::from_millis(2),
            group_commands_max: 256,
            group_bytes_max: 256 * 1024,
            cache_bytes: 256 * 1024 * 1024,
            look_interval: Duration::from_millis(500),
            identity: None,
        }
    }
}

impl Store {
    /// Opens the store in a file, or creates it there. While it is created there is a second file `<name>.new`.
    pub fn open(path: &Path, options: StoreOptions, clock: StoreClock) -> Result<Self, StoreError> {
        if creation::is_missing(path)? {
            creation::create_aside(path, options.identity)?;
        }
        let file = File::options().read(true).write(true).open(path).map_err(|fault| StoreError::from_io(&fault))?;
        let backend = FileBackend::new(file)?;
        Self::open_on(backend, options, clock)
    }

    /// Opens the store on any backend: in memory, or one that fails on purpose. A backend on which creating a store
    /// was cut off has to be emptied by whoever owns it.
    pub fn open_on(backend: impl StorageBackend, options: StoreOptions, clock: StoreClock) -> Result<Self, StoreError> {
        let opening = || Opened::new(Backing::new(backend), options.cache_bytes);
        let opened = catch_unwind(AssertUnwindSafe(opening)).unwrap_or_else(|_| Err(broken_off()))?;
        Self::start(opened, options, clock)
    }

    /// Opens a new store that lives in memory only.
    pub fn open_in_memory(options: StoreOptions, clock: StoreClock) -> Result<Self, StoreError> {
        Self::open_on(redb::backends::InMemoryBackend::new(), options, clock)
    }

    /// Stores a batch. When it returns, the batch is durable; when it is dropped before, the batch may be stored
    /// or not. Waits while [`QUEUE_KIBIBYTES_MAX`] are under way.
    pub async fn accept(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        let batch = EncodedBatch::of(batch)?;
        let bytes = batch.bytes();
        self.command(bytes, |answer| Command::Accept(batch, answer)).await
    }

    /// As [`Store::accept`], for threads.
    pub fn accept_blocking(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        block_on(self.accept(batch))
    }

    /// Stores findings with what they mean for alerts, all in one transaction, and moves the mark up to which
    /// everything was judged. An unchanged finding writes nothing, and its causes are forgotten. Judgements on one order line must be sent in the
    /// order in which they were made: the last one sent stands.
    pub async fn commit_judgements(
        &self,
        findings: Vec<impl Into<Judgement>>,
        judged_through: Option<u64>,
        rule: AlertRule,
    ) -> Result<CommitOutcome, StoreError> {
        let judgements = EncodedJudgements::of(findings, judged_through, rule)?;
        let bytes = judgements.bytes();
        self.command(bytes, |answer| Command::Judge(judgements, answer)).await
    }

    /// As [`Store::commit_judgements`], for threads.
    pub fn commit_judgements_blocking(
        &self,
        findings: Vec<impl Into<Judgement>>,
        judged_through: Option<u64>,
        rule: AlertRule,
    ) -> Result<CommitOutcome, StoreError> {
        block_on(self.commit_judgements(findings, judged_through, rule))
    }

    /// Does what a person wants with an alert: alert, event, history and trail together, or none of it.
    pub async fn review(&self, request: ReviewRequest) -> Result<ReviewOutcome, StoreError> {
        let content_hash = request.content_hash()?;
        self.job(ACT_BYTES_MAX, move |draft| draft.review(&request, content_hash)).await
    }

    /// Sets how a tenant wants alerts to be worked on.
    pub async fn set_alert_settings(&self, tenant: &str, settings: AlertSettings) -> Result<(), StoreError> {
        let tenant = tenant.to_owned();
        self.job(0, move |draft| draft.set_alert_settings(&tenant, settings)).await
    }

    /// Ends the silences of alerts that are over by the store's clock, at most [`super::LIFTED_PER_COMMIT_MAX`]; how many.
    /// Judging and reviewing do so too: this is for the time when nothing else happens.
    pub async fn lift_expired(&self, rule: AlertRule) -> Result<usize, StoreError> {
        self.job(0, move |draft| draft.lift_expired(&rule)).await
    }

    /// Remembers how far a named subscription has handled alert events; it never moves back.
    pub async fn acknowledge(&self, tenant: &str, name: &str, sequence: u64) -> Result<AckOutcome, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        self.job(0, move |draft| draft.acknowledge(&tenant, &name, sequence)).await
    }

    /// Forgets a named subscription; false when there is none.
    pub async fn forget_subscription(&self, tenant: &str, name: &str) -> Result<bool, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        self.job(0, move |draft| draft.forget_subscription(&tenant, &name)).await
    }

    /// The state that was committed last. Where a fault of the disk ends it, [`Store::read`] would have gone on.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(self.inner.opened.begin_read()?))
    }

    /// Looks at the state that was committed last, and again when a fault of the disk came in between: then it waits
    /// for the store to open itself again, a moment as a rule. Blocks.
    pub fn read<T>(&self, look: impl Fn(&Snapshot) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let opened = &self.inner.opened;
        for _ in 1..LOOKS_MAX {
            let before = opened.reopenings();
            match self.snapshot().and_then(|snapshot| look(&snapshot)) {
                Err(StoreError::Broken { .. }) => {}
                looked => return looked,
            }
            // The writer may not know of it yet: nobody else may have met the fault.
            if block_on(self.job(0, |_| Ok(()))).is_err() && !opened.wait_for_reopening(before) {
                break;
            }
        }
        self.snapshot().and_then(|snapshot| look(&snapshot))
    }

    /// Waits until it can be written to; false when `stopped` says so first. Blocks.
    pub fn wait_until_writable(&self, stopped: &watch::Receiver<bool>) -> bool {
        let (mut condition, mut stopped) = (self.condition(), stopped.clone());
        block_on(async {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => false,
                reached = condition.wait_for(|now| *now == StoreCondition::Writable) => reached.is_ok(),
            }
        })
    }

    /// Whether it can be written to, and when that changes.
    pub fn condition(&self) -> watch::Receiver<StoreCondition> {
        self.inner.opened.condition()
    }

    /// Ticks after every commit. A snapshot taken after a tick sees that commit.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits.clone()
    }

    /// Ticks after every commit with alert events.
    pub fn alert_commits(&self) -> watch::Receiver<u64> {
        self.inner.alert_commits.clone()
    }

    /// How often the store opened itself again after a fault of the disk.
    pub fn reopenings(&self) -> u64 {
        self.inner.opened.reopenings()
    }

    /// What distinguishes this store from every other one.
    pub fn identity(&self) -> StoreIdentity {
        self.inner.identity
    }

    fn start(opened: Opened, options: StoreOptions, clock: StoreClock) -> Result<Self, StoreError> {
        let preparing = || opened.with(|database| creation::prepare(database, options.identity));
        let identity = catch_unwind(AssertUnwindSafe(preparing)).unwrap_or_else(|_| Err(broken_off()))?;
        let opened = Arc::new(opened);
        let (commands, receiver) = mpsc::channel();
        let (commits_sender, commits) = watch::channel(0);
        let (alert_commits_sender, alert_commits) = watch::channel(0);
        let writer = Writer {
            opened: Arc::clone(&opened),
            clock,
            group_window: options.group_window,
            group_limits: GroupLimits { commands: options.group_commands_max.max(1), bytes: options.group_bytes_max },
            look_interval: options.look_interval,
            commits: commits_sender,
            alert_commits: alert_commits_sender,
        };
        let writer = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|fault| StoreError::Broken { cause: fault.to_string() })?;
        Ok(Self {
            inner: Arc::new(Inner {
                commands: Mutex::new(Some(commands)),
                room: Arc::new(Semaphore::new(QUEUE_KIBIBYTES_MAX as usize)),
                opened,
                identity,
                commits,
                alert_commits,
                writer: Mutex::new(Some(writer)),
            }),
        })
    }

    pub(super) async fn job<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnMut(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.command(bytes, |answer| Command::Job(Box::new(SmallJob { work, outcome: None, answer }))).await
    }

    async fn command<T>(&self, bytes: usize, make: impl FnOnce(Answer<T>) -> Command) -> Result<T, StoreError> {
        let stopped = || StoreError::Broken { cause: "the writer has stopped".to_owned() };
        let kibibytes = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(QUEUE_KIBIBYTES_MAX);
        let permit = Arc::clone(&self.inner.room).acquire_many_owned(kibibytes).await.map_err(|_| stopped())?;
        let (sender, answer) = oneshot::channel();
        let command = make(Answer { sender, permit });
        self.inner.send(command).map_err(|()| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// The database takes a file as it was written for granted, and may break off where it is not.
fn broken_off() -> StoreError {
    StoreError::Damaged { what: "the database breaks off while it is opened; `onward check` tells more".to_owned() }
}

impl Inner {
    fn send(&self, command: Command) -> Result<(), ()> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.as_ref().ok_or(())?.send(command).map_err(|_| ())
    }
}

impl Drop for Inner {
    /// Lets the writer finish what it has, so that the file is closed when the last clone is gone.
    fn drop(&mut self) {
        self.commands.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has told its senders already by dropping their answers.
            drop(writer.join());
        }
    }
}

/// Wakes a thread that waits in [`block_on`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future of this store, which needs no runtime: it waits for a semaphore and an answer only.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
