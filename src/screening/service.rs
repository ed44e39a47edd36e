//! The service behind the wire: accept records durably, judge what they touch, commit findings with their alerts.
//!
//! One thread judges. It reads the record log of the store from where it stopped, so there is no queue between
//! accepting and judging that could grow or be lost: after a crash it reads on from the last commit.
//! What a round bears on by itself is judged and committed at once; what it changes for a whole tenant waits in a backlog,
//! of which idle time takes a slice after the other, and where there is none, every eighth round.
//! What it holds lies behind a lock: the judging thread writes while it takes records up and settles, and reads while it
//! resolves and judges; screening on demand reads besides, so it waits for a settling at most and delays one by a case at
//! most.
//! Who may call and how things look on the wire is `api`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rayon::prelude::*;
use tokio::sync::watch;

use crate::alerts::{self, AlertPolicy};
use crate::clock::Stopwatch;
use crate::model::{Advice, AlertId, Corridor, Finding, Judgement, OrderKey, OrderLine, ReviewAct};
use crate::store::{
    AcceptBatch, AcceptOutcome, AlertRule, FINDINGS_PER_COMMIT_MAX, LoggedRecord, RecordScope, ReviewOutcome,
    ReviewRequest, Store, StoreError,
};

use super::advice::advise;
use super::backlog::Backlog;
use super::causes::News;
use super::gather::Cut;
use super::holdings::Holdings;
use super::jobs::{Bench, Jobs};
use super::judge::judge;
use super::policy::Policy;
use super::probe::Screening;
use super::settle::Settled;

/// Most log records taken up in one round.
const RECORDS_PER_PAGE: usize = 5_000;

/// Records that may always be taken up without a round.
const RECORDS_WAITING_MIN: u64 = 4 * RECORDS_PER_PAGE as u64;

/// And this part of those judged, where that is more.
const RECORDS_WAITING_SHARE: u64 = 4;

/// Findings that are committed at a time: few, since whoever sends records waits for them.
const FINDINGS_PER_COMMIT: usize = FINDINGS_PER_COMMIT_MAX / 40;

/// Cases that are judged before their findings are committed, so that no round holds more findings than these have. Few
/// in unit tests, so that their small rounds take several steps too.
const CASES_PER_STEP: usize = if cfg!(test) { 4 } else { 1_024 };

/// Order lines of a slice of what waits: few, since a fresh line may come meanwhile; more and more where none does.
const SLICE_ORDERS: [usize; 2] = [100, 500];

/// Rounds after which some of the order lines that wait are judged, where fresh records leave no idle time for them.
const ROUNDS_PER_SLICE: u32 = 8;

/// How often silences that are over are ended while nothing else happens.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Settings of the service's judgement.
#[derive(Clone, Debug, Default)]
pub struct ServiceOptions {
    /// By which numbers to judge.
    pub policy: Policy,
    /// From where on a finding becomes an alert.
    pub alerts: AlertPolicy,
    /// Which trade to watch.
    pub corridor: Corridor,
}

/// What came of screening an order line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Screened {
    /// What to do with it, and why.
    Advised(Box<Advice>),
    /// Another order line of this name is stored.
    Conflict,
}

/// Why the service does not judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// It was started a short time ago and has not taken up all that is stored; later it will have.
    #[error("the service still takes up what is stored")]
    TakingUp,
    /// The store has no space left; judging goes on when there is some.
    #[error("the store has no space left")]
    StoreFull,
    /// The disk of the store fails just now; judging goes on when it does not.
    #[error("the store cannot serve just now: {0}")]
    StoreFailing(String),
    /// The store failed for good; nothing was committed that is not whole.
    #[error("the store failed while judging: {0}")]
    Store(String),
    /// The judging thread could not be started or has gone.
    #[error("the judging thread is not running")]
    NotRunning,
}

impl From<StoreError> for ServiceError {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::OutOfSpace => Self::StoreFull,
            StoreError::Broken { cause } => Self::StoreFailing(cause),
            fault => Self::Store(fault.to_string()),
        }
    }
}

/// Where the judging thread is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub judged_through: u64,
    /// What it waits for to pass.
    pub stalled: Option<ServiceError>,
    pub failed: Option<ServiceError>,
}

/// Accepts, judges, commits. Clones share one service; the last one stops it.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    holdings: Arc<RwLock<Holdings>>,
    policy: Policy,
    corridor: Corridor,
    /// The last record of the log when the service started: before it is judged, less is held than is stored.
    start_sequence: u64,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    alert_rule: AlertRule,
    thread: Option<JoinHandle<()>>,
    jobs: Jobs,
}

impl Service {
    /// Starts judging what the store holds and what it will accept.
    pub fn start(store: Store, options: ServiceOptions) -> Result<Self, ServiceError> {
        let (progress_sender, progress) = watch::channel(Progress::default());
        let (stop, stopped) = watch::channel(false);
        let alert_rule = alerts::rule(options.alerts);
        let places = store.read(|snapshot| Ok((snapshot.newest_record_sequence()?, snapshot.judged_through()?)))?;
        let (start_sequence, judged_before) = places;
        let (policy, corridor) = (options.policy.clone(), options.corridor);
        let worker = Worker::new(store.clone(), options, judged_before, progress_sender, stopped);
        let holdings = Arc::clone(&worker.holdings);
        let thread = std::thread::Builder::new()
            .name("judge".to_owned())
            .spawn(move || worker.run())
            .map_err(|_| ServiceError::NotRunning)?;
        let thread = Some(thread);
        let (held, judged_by) = (Arc::clone(&holdings), policy.clone());
        let bench = Bench {
            screen: Box::new(move |tenant, line| screen_line(&held, &judged_by, tenant, line)),
            progress: progress.clone(),
            start_sequence,
        };
        let jobs = Jobs::start(store.clone(), bench)?;
        let inner =
            Inner { store, holdings, policy, corridor, start_sequence, progress, stop, alert_rule, thread, jobs };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Stores a batch; when this returns, it is on the disk. Judging follows by itself.
    pub async fn accept(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        self.inner.store.accept(batch).await
    }

    /// The corridor that is screened.
    pub fn corridor(&self) -> Corridor {
        self.inner.corridor
    }

    /// Judges an order line of a tenant beside everything held, stored or not, and advises on it. Waits for the judging
    /// thread where it settles just now; blocks.
    pub fn screen(&self, tenant: &str, line: &OrderLine) -> Result<Screened, ServiceError> {
        self.ready()?;
        screen_line(&self.inner.holdings, &self.inner.policy, tenant, line)
    }

    /// Screening jobs: many order lines, each judged by itself as [`Service::screen`] does.
    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    /// Does what a person wants with an alert; when this returns, alert, event, history and trail are on the disk.
    pub async fn review(
        &self,
        tenant: &str,
        alert: AlertId,
        request_id: &str,
        act: ReviewAct,
    ) -> Result<ReviewOutcome, StoreError> {
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        let (rule, alert_rule) = (alerts::review, self.inner.alert_rule.clone());
        self.inner.store.review(ReviewRequest { tenant, alert, request_id, act, rule, alert_rule }).await
    }

    /// What is held, once everything is taken up that was stored at the start; waits for the judging thread; blocks.
    pub(super) fn holdings(&self) -> Result<RwLockReadGuard<'_, Holdings>, ServiceError> {
        self.ready()?;
        // Poisoned: the judging thread broke off in the middle of something.
        self.inner.holdings.read().map_err(|_| ServiceError::NotRunning)
    }

    /// Whether as much is held as was stored at the start.
    fn ready(&self) -> Result<(), ServiceError> {
        let progress = self.inner.progress.borrow().clone();
        match progress.failed {
            Some(failed) => Err(failed),
            None if progress.judged_through < self.inner.start_sequence => Err(ServiceError::TakingUp),
            None => Ok(()),
        }
    }

    /// The place in the log up to which everything is judged and committed.
    pub(super) fn judged_through(&self) -> u64 {
        self.inner.progress.borrow().judged_through
    }

    /// The numbers that are judged by.
    pub(super) fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// The store, for reading.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Waits until everything accepted before this call is judged and committed. Waits for no disk that is full or
    /// fails: nobody knows for how long.
    pub async fn settled(&self) -> Result<(), ServiceError> {
        let newest = self.inner.store.snapshot()?.newest_record_sequence()?;
        let mut progress = self.inner.progress.clone();
        let reached = progress
            .wait_for(|now| now.judged_through >= newest || now.failed.is_some() || now.stalled.is_some())
            .await
            .map_err(|_| ServiceError::NotRunning)?;
        match &reached.failed {
            Some(failed) => Err(failed.clone()),
            None if reached.judged_through >= newest => Ok(()),
            None => reached.stalled.clone().map_or(Ok(()), Err),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was already reported by the panic hook.
            drop(thread.join());
        }
    }
}

/// Why the judging thread goes on.
enum Woken {
    /// Something was committed, or it is to stop.
    News,
    /// Time has passed.
    Time,
    /// Nobody is there any more.
    End,
}

/// A finding that differs from the one committed, with why, and the hash of its stored form.
type Changed = (Judgement, [u8; 32]);

/// The judging thread.
struct Worker {
    store: Store,
    options: ServiceOptions,
    holdings: Arc<RwLock<Holdings>>,
    taken_up: u64,
    /// Records up to here were judged by a service before this one.
    judged_before: u64,
    /// Records up to here had their round; some order lines may wait because of them.
    rounds_through: u64,
    backlog: Backlog,
    rounds_since_slice: u32,
    slices_in_a_row: u32,
    /// Hash of the stored form of the last finding committed for each order line.
    committed: HashMap<(String, OrderKey), [u8; 32]>,
    progress: watch::Sender<Progress>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Has taken up nothing. `judged_before`: the place in the log up to which a service before this one judged.
    fn new(
        store: Store,
        options: ServiceOptions,
        judged_before: u64,
        progress: watch::Sender<Progress>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let holdings = Holdings::expecting_more(options.policy.clone(), options.corridor);
        Self {
            store,
            options,
            holdings: Arc::new(RwLock::new(holdings)),
            taken_up: 0,
            judged_before,
            rounds_through: 0,
            backlog: Backlog::default(),
            rounds_since_slice: 0,
            slices_in_a_row: 0,
            committed: HashMap::new(),
            progress,
            stopped,
        }
    }

    fn run(mut self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.fail(error.to_string()),
        };
        let mut commits = self.store.commits();
        // The first tick comes at once: silences may have ended while no service ran.
        let mut ticks = runtime.block_on(async { tokio::time::interval(EXPIRY_CHECK_INTERVAL) });
        loop {
            if self.is_stopped() {
                return;
            }
            match self.round() {
                Ok(true) => continue,
                Ok(false) => {}
                // What was not read is read again.
                Err(error) if error.is_passing() => {
                    self.stall(error);
                    self.store.wait_until_writable(&self.stopped);
                    continue;
                }
                Err(error) => return self.fail(error.to_string()),
            }
            self.go_on();
            let mut stopped = self.stopped.clone();
            let woken = runtime.block_on(async {
                tokio::select! {
                    changed = commits.changed() => changed.map_or(Woken::End, |()| Woken::News),
                    changed = stopped.changed() => changed.map_or(Woken::End, |()| Woken::News),
                    _ = ticks.tick() => Woken::Time,
                }
            });
            match woken {
                Woken::News => {}
                Woken::End => return,
                Woken::Time => {
                    let rule = alerts::rule(self.options.alerts);
                    match runtime.block_on(self.store.lift_expired(rule)) {
                        Err(error) if !error.is_passing() => return self.fail(error.to_string()),
                        // Where the disk was in the way, the next tick does it.
                        _ => {}
                    }
                }
            }
        }
    }

    fn fail(&self, reason: String) {
        tracing::error!(reason, "judging stopped");
        self.progress.send_modify(|progress| progress.failed = Some(ServiceError::Store(reason)));
    }

    /// Waits for something to pass: whoever waits for judgements is told.
    fn stall(&self, fault: StoreError) {
        self.progress.send_modify(|progress| progress.stalled = Some(fault.into()));
    }

    fn go_on(&self) {
        self.progress.send_if_modified(|progress| progress.stalled.take().is_some());
    }

    /// Takes up what the log has and judges; where there is nothing, a slice of what waits. Says whether there was
    /// anything.
    fn round(&mut self) -> Result<bool, StoreError> {
        let taken_up = self.taken_up;
        let page = self.store.read(|snapshot| snapshot.records_since(taken_up, RECORDS_PER_PAGE))?;
        if page.is_empty() {
            return self.work_off();
        }
        self.take_up(page);
        let newest = self.store.read(|snapshot| snapshot.newest_record_sequence())?;
        if newest > self.taken_up && !self.is_far_behind() {
            // More came meanwhile: take it up first, so that a flood is judged once and not once a page.
            return Ok(true);
        }
        let watch = Stopwatch::start();
        let records = (self.taken_up - self.rounds_through) as i64;
        let empty = tracing::field::Empty;
        let span = tracing::info_span!("round", records, cases = empty, changed = empty).entered();
        let Some(Settled { affected, news, lasting }) = self.settle() else { return Ok(true) };
        self.backlog.add(self.taken_up, affected.far, lasting);
        self.rounds_through = self.taken_up;
        self.judge_again(&affected.near, Some(&news))?;
        metrics::histogram!("onward_judge_seconds").record(watch.seconds());
        drop(span);
        // Idle time is for what waits; where there is none, it has its turn all the same.
        (self.rounds_since_slice, self.slices_in_a_row) = (self.rounds_since_slice + 1, 0);
        if self.rounds_since_slice >= ROUNDS_PER_SLICE {
            self.work_off()?;
        }
        Ok(true)
    }

    /// Judges a slice of the order lines that wait. Says whether there were any.
    fn work_off(&mut self) -> Result<bool, StoreError> {
        let orders = self.backlog.slice(slice_size(self.slices_in_a_row));
        (self.rounds_since_slice, self.slices_in_a_row) = (0, self.slices_in_a_row.saturating_add(1));
        if orders.is_empty() || self.is_stopped() {
            return Ok(false);
        }
        let empty = tracing::field::Empty;
        let _span = tracing::info_span!("slice", cases = empty, changed = empty).entered();
        self.judge_again(&orders, None)?;
        Ok(true)
    }

    /// Brings the holdings up to date, or breaks off where it is to stop: a later service begins the round anew. Whoever
    /// screens on demand meanwhile waits for the changes and not for the thinking.
    fn settle(&self) -> Option<Settled> {
        let settling = write(&self.holdings).begin_settling();
        let resolved = read(&self.holdings).resolve_waiting(&settling, || self.is_stopped());
        if self.is_stopped() {
            return None;
        }
        Some(write(&self.holdings).finish_settling(settling, resolved))
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Whether so much was taken up since the last judgement that alerts must not wait any longer. What was judged before
    /// the start waits for nothing, and half of it would be judged otherwise than the whole was.
    fn is_far_behind(&self) -> bool {
        let waiting = self.taken_up.saturating_sub(self.rounds_through);
        self.taken_up >= self.judged_before && waiting >= most_waiting(self.rounds_through)
    }

    fn take_up(&mut self, page: Vec<LoggedRecord>) {
        let mut holdings = write(&self.holdings);
        for LoggedRecord { sequence, scope, record } in page {
            let tenant = match &scope {
                RecordScope::Shared => None,
                RecordScope::Tenant(tenant) => Some(&**tenant),
            };
            if sequence > self.judged_before {
                holdings.insert_logged(sequence, tenant, record);
            } else {
                holdings.insert(tenant, record);
            }
            self.taken_up = sequence;
        }
    }

    /// Judges the cases of these order lines and commits what came of it, some cases at a time, or breaks off where it is
    /// to stop: a later service begins the round anew. `news`: what bears on them besides what they may wait for.
    fn judge_again(&mut self, orders: &BTreeSet<u32>, news: Option<&News>) -> Result<(), StoreError> {
        let round = tracing::Span::current();
        let cuts = read(&self.holdings).cuts_of(orders);
        round.record("cases", cuts.len() as i64);
        let mut changed_count = 0;
        let mut rest = cuts.as_slice();
        loop {
            let (step, later) = rest.split_at(rest.len().min(CASES_PER_STEP));
            let changed = self.judge_cases(step, news);
            if self.is_stopped() {
                return Ok(());
            }
            changed_count += changed.len();
            let advances = if later.is_empty() { self.finish(&cuts) } else { None };
            self.commit(changed, advances)?;
            if later.is_empty() {
                break;
            }
            rest = later;
        }
        round.record("changed", changed_count as i64);
        Ok(())
    }

    /// Findings of these cases that differ from those committed, by tenant and order line.
    fn judge_cases(&self, cuts: &[Cut], news: Option<&News>) -> Vec<Changed> {
        let guard = read(&self.holdings);
        let holdings: &Holdings = &guard;
        let round = tracing::Span::current();
        let [begun, waiting] = self.backlog.news();
        let judged = cuts.par_iter().take_any_while(|_| !self.is_stopped()).flat_map_iter(|cut| {
            let case = holdings.case(cut);
            let (order_lines, shipment_lines) = (case.orders.len() as i64, case.shipments.len() as i64);
            let span = tracing::debug_span!(parent: &round, "case", order_lines, shipment_lines);
            let findings = span.in_scope(|| judge(&case, &self.options.policy));
            let changed = findings.into_iter().filter_map(|finding| {
                let hash = finding_hash(&finding);
                let key = (finding.tenant.clone(), finding.order.clone());
                (self.committed.get(&key) != Some(&hash)).then_some((finding, hash))
            });
            let changed: Vec<(Finding, [u8; 32])> = changed.collect();
            let mut reports: Vec<&News> = news.into_iter().collect();
            if self.backlog.bears_on(cut) {
                reports.extend([begun, waiting]);
            }
            let reasons = (!changed.is_empty()).then(|| holdings.reasons_of_case(&reports, cut, &case));
            changed.into_iter().map(move |(finding, hash)| {
                let causes = reasons.as_ref().map(|reasons| holdings.causes_of(&reports, reasons, &finding));
                (Judgement { causes: causes.unwrap_or_default(), finding }, hash)
            })
        });
        let mut changed: Vec<Changed> = judged.collect();
        changed.sort_by(|(Judgement { finding: left, .. }, _), (Judgement { finding: right, .. }, _)| {
            (&left.tenant, &left.order).cmp(&(&right.tenant, &right.order))
        });
        changed
    }

    /// Notes that the order lines of these cases wait no longer. Says up to where in the log all is judged now, where that
    /// is further than before.
    fn finish(&mut self, cuts: &[Cut]) -> Option<u64> {
        self.backlog.finish(cuts.iter().flat_map(Cut::orders));
        let through = self.backlog.judged_through();
        (through > self.progress.borrow().judged_through).then_some(through)
    }

    /// Commits what was judged, a page at a time; the last one with the place in the log up to which all is judged now.
    fn commit(&mut self, changed: Vec<Changed>, advances: Option<u64>) -> Result<(), StoreError> {
        let rule = alerts::rule(self.options.alerts);
        let mut pages: Vec<Vec<Changed>> = Vec::new();
        for judgement in changed {
            match pages.last_mut() {
                Some(page) if page.len() < FINDINGS_PER_COMMIT => page.push(judgement),
                _ => pages.push(vec![judgement]),
            }
        }
        if pages.is_empty() && advances.is_some() {
            pages.push(Vec::new());
        }
        let count = pages.len();
        for (index, page) in pages.into_iter().enumerate() {
            for (Judgement { finding, .. }, hash) in &page {
                self.committed.insert((finding.tenant.clone(), finding.order.clone()), *hash);
            }
            let judgements = page.into_iter().map(|(judgement, _)| judgement).collect();
            self.commit_page(judgements, advances.filter(|_| index + 1 == count), &rule)?;
            if self.is_stopped() {
                return Ok(());
            }
        }
        if let Some(through) = advances {
            self.progress.send_modify(|progress| progress.judged_through = through);
        }
        Ok(())
    }

    /// Commits findings, however long the disk is full: what is judged is not judged again. A commit that was cut off
    /// may be there; sent again it changes nothing.
    fn commit_page(
        &self,
        judgements: Vec<Judgement>,
        through: Option<u64>,
        rule: &AlertRule,
    ) -> Result<(), StoreError> {
        loop {
            let Err(fault) = self.store.commit_judgements_blocking(judgements.clone(), through, rule.clone()) else {
                self.go_on();
                return Ok(());
            };
            if !fault.is_passing() {
                return Err(fault);
            }
            self.stall(fault.clone());
            if !self.store.wait_until_writable(&self.stopped) {
                return Err(fault);
            }
        }
    }
}

/// How many records may be taken up without a round where so many had theirs. A round costs what is held besides what came,
/// so that rounds of one size would cost the square of a large import.
fn most_waiting(judged: u64) -> u64 {
    RECORDS_WAITING_MIN.max(judged / RECORDS_WAITING_SHARE)
}

/// How many order lines the next slice has, after so many in a row.
fn slice_size(slices_in_a_row: u32) -> usize {
    let [least, most] = SLICE_ORDERS;
    least.saturating_mul(1 + slices_in_a_row as usize / 8).min(most)
}

/// Judges an order line of a tenant beside everything held, and advises on it.
pub(super) fn screen_line(
    holdings: &RwLock<Holdings>,
    policy: &Policy,
    tenant: &str,
    line: &OrderLine,
) -> Result<Screened, ServiceError> {
    // Poisoned: the judging thread broke off in the middle of something.
    let holdings = holdings.read().map_err(|_| ServiceError::NotRunning)?;
    let screening = tracing::debug_span!("screen").in_scope(|| holdings.screen(tenant, line));
    drop(holdings);
    Ok(match screening {
        Screening::Judged(prospect) => Screened::Advised(Box::new(advise(*prospect, policy))),
        Screening::Conflict => Screened::Conflict,
    })
}

/// For the judging thread: it alone writes, so a panic that poisoned the lock was its own end.
fn read(holdings: &RwLock<Holdings>) -> RwLockReadGuard<'_, Holdings> {
    holdings.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(holdings: &RwLock<Holdings>) -> RwLockWriteGuard<'_, Holdings> {
    holdings.write().unwrap_or_else(PoisonError::into_inner)
}

fn finding_hash(finding: &Finding) -> [u8; 32] {
    crate::audit::digest(&postcard::to_stdvec(finding).unwrap_or_default())
}

#[cfg(test)]
mod tests;
