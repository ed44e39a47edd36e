//! Screening jobs: one thread that judges the lines of jobs as single orders are judged, slowly and in turns.
//!
//! Come here for how jobs share the machine with everything else, and how they go on after a restart. A job's place and
//! its results are committed together, so the thread keeps nothing that matters: it asks the store whose turn it is.
//! It takes at most [`JOB_CORE_SHARE`] of one core, over all jobs, and reads what is held one line at a time, so that
//! accepting, judging and screening on demand wait for one line of a job at most. What lies in the store is `store`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::service::{Progress, Screened, ServiceError};
use crate::clock::Stopwatch;
use crate::model::{JobId, JobLine, JobOutcome, JobResult, JobSource, OrderLine, ScreeningJob};
use crate::store::{JOB_LINES_MAX, JobStart, JobStep, Snapshot, Store, StoreError};

/// Which share of one core jobs take at most, all of them together.
pub const JOB_CORE_SHARE: f64 = 0.5;
/// Most lines of a job that are judged in one turn and committed together: so many are judged again after a kill.
pub const JOB_LINES_PER_TURN: usize = 100;
/// How long the thread works before it pauses.
const WORK_SECONDS_MAX: f64 = 0.01;
/// Stored order lines that are read at a time.
const ORDERS_PER_READ: usize = 1_000;

/// The jobs of a service: starting, cancelling, and the thread that works on them.
pub struct Jobs {
    store: Store,
    changes: Arc<watch::Sender<u64>>,
    may_work: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread judges with.
pub(super) struct Bench {
    /// Judges one order line of a tenant beside everything held.
    pub screen: Box<ScreenLine>,
    /// How far the judging thread has come.
    pub progress: watch::Receiver<Progress>,
    /// Before this much is judged, less is held than is stored.
    pub start_sequence: u64,
}

type ScreenLine = dyn Fn(&str, &OrderLine) -> Result<Screened, ServiceError> + Send;

impl Jobs {
    /// Goes on with the jobs that the store has.
    pub(super) fn start(store: Store, bench: Bench) -> Result<Self, ServiceError> {
        store.drop_all_uploads_blocking()?;
        let changes = Arc::new(watch::channel(0).0);
        let (may_work, allowed) = watch::channel(true);
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let pace = Pace { runtime: runtime.map_err(|_| ServiceError::NotRunning)?, allowed, stopped };
        let worker = Worker::new(store.clone(), bench, pace, Arc::clone(&changes));
        let thread = std::thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || worker.run())
            .map_err(|_| ServiceError::NotRunning)?;
        Ok(Self { store, changes, may_work, stop, thread: Some(thread) })
    }

    /// Starts a job over stored order lines.
    pub async fn start_job(&self, tenant: &str, request_id: &str, source: JobSource) -> Result<JobStart, StoreError> {
        let started = self.store.start_job(tenant, request_id, source).await;
        self.tell();
        started
    }

    /// Starts the job whose lines have come.
    pub async fn finish_upload(&self, tenant: &str, upload: JobId, request_id: &str) -> Result<JobStart, StoreError> {
        let started = self.store.finish_upload(tenant, upload, request_id).await;
        self.tell();
        started
    }

    /// Cancels a job.
    pub async fn cancel(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, StoreError> {
        let cancelled = self.store.cancel_job(tenant, id).await;
        self.tell();
        cancelled
    }

    /// Ticks when a job was started, got results or ended.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Lets the thread work, or makes it pause at once: it keeps what it has judged and takes up no further line.
    pub fn let_work(&self, may_work: bool) {
        self.may_work.send_replace(may_work);
    }

    fn tell(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was already reported by the panic hook.
            drop(thread.join());
        }
    }
}

/// Whose turn it is: tenants in turn, and each tenant's jobs in turn.
#[derive(Default)]
struct Turns {
    tenant: String,
    jobs: BTreeMap<String, JobId>,
}

impl Turns {
    /// All running jobs, the next one first.
    fn order(&self, running: &[(String, JobId)]) -> Vec<(String, JobId)> {
        let mut tenants: BTreeMap<&str, Vec<JobId>> = BTreeMap::new();
        for (tenant, id) in running {
            tenants.entry(tenant).or_default().push(*id);
        }
        let (before, after): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|(tenant, _)| *tenant <= &*self.tenant);
        let mut order = Vec::with_capacity(running.len());
        for (tenant, mut ids) in after.into_iter().chain(before) {
            let last = self.jobs.get(tenant).copied();
            ids.sort_by_key(|id| (last.is_some_and(|last| *id <= last), *id));
            order.extend(ids.into_iter().map(|id| (tenant.to_owned(), id)));
        }
        order
    }

    fn took(&mut self, tenant: &str, id: JobId) {
        tenant.clone_into(&mut self.tenant);
        self.jobs.insert(tenant.to_owned(), id);
    }

    fn forget_others(&mut self, running: &[(String, JobId)]) {
        self.jobs.retain(|tenant, _| running.iter().any(|(other, _)| other == tenant));
    }
}

/// When to work and when to pause.
struct Pace {
    runtime: Runtime,
    allowed: watch::Receiver<bool>,
    stopped: watch::Receiver<bool>,
}

impl Pace {
    fn is_over(&self) -> bool {
        *self.stopped.borrow()
    }

    fn may_work(&self) -> bool {
        !self.is_over() && *self.allowed.borrow()
    }

    /// Pauses in proportion to the work since the last pause, once that is enough; at most until told otherwise.
    fn rest(&self, work: &mut Stopwatch) {
        let seconds = work.seconds();
        if seconds < WORK_SECONDS_MAX {
            return;
        }
        let pause = Duration::from_secs_f64(seconds * (1.0 - JOB_CORE_SHARE) / JOB_CORE_SHARE);
        let (mut allowed, mut stopped) = (self.allowed.clone(), self.stopped.clone());
        self.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Whoever tells is gone: then there is nothing to pause for either.
                _ = stopped.wait_for(|stopped| *stopped) => {}
                _ = allowed.wait_for(|allowed| !*allowed) => {}
            }
        });
        *work = Stopwatch::start();
    }
}

/// The thread.
struct Worker {
    store: Store,
    bench: Bench,
    pace: Pace,
    changes: Arc<watch::Sender<u64>>,
    turns: Turns,
    /// Since when the running time of each job is counted.
    running: BTreeMap<(String, JobId), Stopwatch>,
    work: Stopwatch,
}

/// Why a job fails that met a fault of ours.
const FAULT_OF_OURS: &str = "could not be judged: a fault of the service, which its log tells of";

/// What a job has to do next.
enum Task {
    /// To judge these lines.
    Judge(Vec<JobLine>),
    /// To be told how many lines there are.
    Counted(u64),
    /// To end, for this reason.
    Fail(String),
    /// Nothing: the thread was told to pause.
    Pause,
}

impl Worker {
    fn new(store: Store, bench: Bench, pace: Pace, changes: Arc<watch::Sender<u64>>) -> Self {
        let (turns, running, work) = (Turns::default(), BTreeMap::new(), Stopwatch::start());
        Self { store, bench, pace, changes, turns, running, work }
    }

    fn run(mut self) {
        let (mut commits, mut progress) = (self.store.commits(), self.bench.progress.clone());
        loop {
            if self.pace.is_over() {
                return;
            }
            // Marked as seen before looking: a commit in between wakes once too often, never too rarely.
            commits.borrow_and_update();
            progress.borrow_and_update();
            let may_work = *self.pace.allowed.borrow();
            if may_work {
                match self.turn() {
                    Ok(true) => continue,
                    Ok(false) => {}
                    // The thread keeps nothing: what was cut off is done again.
                    Err(error) if error.is_passing() => {
                        self.store.wait_until_writable(&self.pace.stopped);
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(%error, "screening jobs stopped until the service starts again");
                        return;
                    }
                }
            }
            if self.idle(&mut commits, &mut progress, may_work) {
                return;
            }
        }
    }

    /// Waits for news; true when there will be none any more. Waiting is no work that would have to be rested from.
    fn idle(
        &mut self,
        commits: &mut watch::Receiver<u64>,
        progress: &mut watch::Receiver<Progress>,
        may_work: bool,
    ) -> bool {
        let (mut allowed, mut stopped) = (self.pace.allowed.clone(), self.pace.stopped.clone());
        let is_over = self.pace.runtime.block_on(async {
            tokio::select! {
                changed = commits.changed() => changed.is_err(),
                changed = progress.changed() => changed.is_err(),
                changed = allowed.wait_for(|allowed| *allowed != may_work) => changed.is_err(),
                changed = stopped.wait_for(|stopped| *stopped) => changed.is_err(),
            }
        });
        self.work = Stopwatch::start();
        is_over
    }

    /// Works for one job, or removes what is left of one that is gone; false when there is nothing to do just now.
    fn turn(&mut self) -> Result<bool, StoreError> {
        let snapshot = self.store.snapshot()?;
        let running = snapshot.running_jobs()?;
        metrics::gauge!("onward_jobs_running").set(running.len() as f64);
        self.turns.forget_others(&running);
        self.running.retain(|(tenant, id), _| running.iter().any(|(owner, other)| owner == tenant && other == id));
        let judged_through = self.bench.progress.borrow().judged_through;
        for (tenant, id) in self.turns.order(&running) {
            let Some(job) = snapshot.tenant(&tenant)?.screening_job(id)? else { continue };
            // It judges beside everything that was stored when it was started.
            if job.through_sequence.max(self.bench.start_sequence) > judged_through {
                continue;
            }
            self.turns.took(&tenant, id);
            self.running.entry((tenant.clone(), id)).or_insert_with(Stopwatch::start);
            let task = self.task(&snapshot, &tenant, &job)?;
            drop(snapshot);
            return self.advance(&tenant, &job, task);
        }
        let has_remains = snapshot.has_remains_of_jobs()?;
        drop(snapshot);
        if has_remains {
            self.store.sweep_jobs_blocking()?;
            self.pace.rest(&mut self.work);
        }
        Ok(has_remains)
    }

    fn task(&mut self, snapshot: &Snapshot, tenant: &str, job: &ScreeningJob) -> Result<Task, StoreError> {
        let Some(line_count) = job.line_count else { return self.count(snapshot, tenant, job) };
        let lines = match &job.source {
            JobSource::Uploaded => {
                snapshot.tenant(tenant)?.job_lines(job.id, job.judged_count(), JOB_LINES_PER_TURN)?
            }
            JobSource::Stored { .. } => match self.stored_lines(snapshot, tenant, job)? {
                Some(lines) => lines.into_iter().map(|line| JobLine::Order(Box::new(line))).collect(),
                None => return Ok(Task::Pause),
            },
        };
        // Records are never removed, so this is a fault of the store; without a word the job would never end.
        if lines.is_empty() && job.judged_count() < line_count {
            return Ok(Task::Fail("some of its order lines are not in the store any more".to_owned()));
        }
        Ok(Task::Judge(lines))
    }

    fn count(&mut self, snapshot: &Snapshot, tenant: &str, job: &ScreeningJob) -> Result<Task, StoreError> {
        let (view, mut after, mut count) = (snapshot.tenant(tenant)?, None, 0);
        loop {
            let page = view.orders_with_sequence(after.as_ref(), ORDERS_PER_READ)?;
            count += page.iter().filter(|(sequence, line)| is_of(job, *sequence, line)).count() as u64;
            let Some((_, last)) = page.last() else { break };
            after = Some(last.key.clone());
            self.pace.rest(&mut self.work);
            if !self.pace.may_work() {
                return Ok(Task::Pause);
            }
        }
        Ok(match count {
            count if count > JOB_LINES_MAX => {
                Task::Fail(format!("{count} order lines, at most {JOB_LINES_MAX} are allowed: name fewer days"))
            }
            count => Task::Counted(count),
        })
    }

    /// The next stored lines of a job; nothing when the thread was told to pause.
    fn stored_lines(
        &mut self,
        snapshot: &Snapshot,
        tenant: &str,
        job: &ScreeningJob,
    ) -> Result<Option<Vec<OrderLine>>, StoreError> {
        let (view, mut after, mut lines) = (snapshot.tenant(tenant)?, job.after.clone(), Vec::new());
        loop {
            let page = view.orders_with_sequence(after.as_ref(), ORDERS_PER_READ)?;
            let Some((_, last)) = page.last() else { return Ok(Some(lines)) };
            after = Some(last.key.clone());
            let wanted = page.into_iter().filter(|(sequence, line)| is_of(job, *sequence, line));
            lines.extend(wanted.map(|(_, line)| line).take(JOB_LINES_PER_TURN - lines.len()));
            if lines.len() == JOB_LINES_PER_TURN {
                return Ok(Some(lines));
            }
            self.pace.rest(&mut self.work);
            if !self.pace.may_work() {
                return Ok(None);
            }
        }
    }

    /// Does what a job has to do, and commits it; whether to look for more at once.
    fn advance(&mut self, tenant: &str, job: &ScreeningJob, task: Task) -> Result<bool, StoreError> {
        let (results, line_count, failure) = match task {
            Task::Pause => return Ok(true),
            Task::Counted(count) => (Vec::new(), Some(count), None),
            Task::Fail(reason) => (Vec::new(), None, Some(reason)),
            Task::Judge(lines) => match self.judge(tenant, job, lines) {
                Ok((results, None)) if results.is_empty() => return Ok(true),
                Ok((results, failure)) => (results, None, failure),
                // The judging thread broke off and has said so.
                Err(_) => return Ok(false),
            },
        };
        let after = match job.source {
            JobSource::Stored { .. } => results.last().map(|result| result.order.clone()),
            JobSource::Uploaded => None,
        };
        let running = self.running.entry((tenant.to_owned(), job.id)).or_insert_with(Stopwatch::start);
        let running_millis = std::mem::replace(running, Stopwatch::start()).millis();
        for result in &results {
            metrics::counter!("onward_job_lines_total", "outcome" => result.outcome.as_str()).increment(1);
        }
        if let Some(reason) = &failure {
            tracing::warn!(job = %job.id, %reason, "a screening job failed");
        }
        let step = JobStep { job: job.id, results, after, line_count, running_millis, failure };
        self.store.step_job_blocking(tenant, step)?;
        self.changes.send_modify(|changes| *changes += 1);
        self.pace.rest(&mut self.work);
        Ok(true)
    }

    /// Judges lines until they are done or the thread is told to pause. With a reason where the job must end: a fault
    /// of ours in judging one line must not take the other jobs along.
    fn judge(
        &mut self,
        tenant: &str,
        job: &ScreeningJob,
        lines: Vec<JobLine>,
    ) -> Result<(Vec<JobResult>, Option<String>), ServiceError> {
        let mut results = Vec::with_capacity(lines.len());
        for (line, number) in lines.into_iter().zip(job.judged_count() + 1..) {
            if !self.pace.may_work() {
                break;
            }
            let (order, outcome) = match line {
                JobLine::Rejected(order, faults) => (order, JobOutcome::Rejected(faults)),
                JobLine::Order(line) => {
                    // What is held is only read here, so nothing is left half done.
                    let screened = catch_unwind(AssertUnwindSafe(|| (self.bench.screen)(tenant, &line)));
                    let outcome = match screened {
                        Ok(screened) => match screened? {
                            Screened::Advised(advice) => JobOutcome::Judged(advice),
                            Screened::Conflict => JobOutcome::Conflict,
                        },
                        Err(_) => return Ok((results, Some(format!("line {number} {FAULT_OF_OURS}")))),
                    };
                    (line.key, outcome)
                }
            };
            results.push(JobResult { line: number, order, outcome });
            self.pace.rest(&mut self.work);
        }
        Ok((results, None))
    }
}

/// Whether a stored order line belongs to a job.
fn is_of(job: &ScreeningJob, sequence: u64, line: &OrderLine) -> bool {
    let JobSource::Stored { first_day, last_day } = &job.source else { return false };
    sequence <= job.through_sequence
        && first_day.is_none_or(|first| line.order_date >= first)
        && last_day.is_none_or(|last| line.order_date <= last)
}

#[cfg(test)]
mod tests;
