//! Jobs driven by hand, one turn at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::{Bench, JOB_CORE_SHARE, JOB_LINES_PER_TURN, Pace, Turns, WORK_SECONDS_MAX, Worker};
use crate::clock::Stopwatch;
use crate::model::{
    Corridor, JobId, JobLine, JobOutcome, JobResult, JobSource, JobState, LineFault, OrderKey, OrderLine, Record,
    ScreeningJob,
};
use crate::screening::service::{Progress, Screened, Service, ServiceOptions, screen_line};
use crate::screening::{Holdings, Policy};
use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use crate::store::{AcceptBatch, JOBS_ENDED_MAX, JOBS_OPEN_MAX, JobStart, Store, StoreOptions, UploadOutcome};

const TENANTS: [&str; 2] = ["alma", "birch"];
const EVERYTHING: JobSource = JobSource::Stored { first_day: None, last_day: None };

/// A store with the orders of two tenants, and what the jobs thread needs, driven by hand.
struct Yard {
    worker: Worker,
    holdings: Arc<RwLock<Holdings>>,
    orders: Vec<OrderLine>,
    allowed: watch::Sender<bool>,
    progress: watch::Sender<Progress>,
    _stop: watch::Sender<bool>,
}

fn open(path: &Path) -> Store {
    Store::open(path, StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

impl Yard {
    fn fill(path: &Path, order_count: u64) -> Self {
        let (store, mut world) = (open(path), MemoryWorld::default());
        generate(&WorldOptions::new(31, order_count, order_count * 3, Profile::Small), &mut world).unwrap();
        let shipments = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line)));
        let orders = world.orders.iter().map(|line| Record::Order(Box::new(line.clone())));
        let records: Vec<Record> = shipments.chain(orders).collect();
        for tenant in TENANTS {
            for chunk in records.chunks(5_000) {
                let (tenant, records) = (tenant.to_owned(), chunk.to_vec());
                store.accept_blocking(AcceptBatch { tenant, records, shared: true, ..AcceptBatch::default() }).unwrap();
            }
        }
        Self::of(store, world.orders)
    }

    /// Takes up what a store holds, as the service does when it starts.
    fn of(store: Store, mut orders: Vec<OrderLine>) -> Self {
        orders.sort_by(|left, right| left.key.cmp(&right.key));
        let mut holdings = Holdings::new(Policy::default(), Corridor::default());
        let log = store.snapshot().unwrap().records_since(0, 100_000).unwrap();
        let judged_through = log.last().unwrap().sequence;
        for logged in log {
            let tenant = match &logged.scope {
                crate::store::RecordScope::Shared => None,
                crate::store::RecordScope::Tenant(tenant) => Some(tenant.to_string()),
            };
            holdings.insert(tenant.as_deref(), logged.record);
        }
        holdings.settle();
        let progress = watch::channel(Progress { judged_through, ..Progress::default() });
        let (allowed, stop) = (watch::channel(true), watch::channel(false));
        let holdings = Arc::new(RwLock::new(holdings));
        let held = Arc::clone(&holdings);
        let bench = Bench {
            screen: Box::new(move |tenant, line| screen_line(&held, &Policy::default(), tenant, line)),
            progress: progress.1,
            start_sequence: judged_through,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let pace = Pace { runtime, allowed: allowed.1, stopped: stop.1 };
        let worker = Worker::new(store, bench, pace, Arc::new(watch::channel(0).0));
        Self { worker, holdings, orders, allowed: allowed.0, progress: progress.0, _stop: stop.0 }
    }

    fn start(&self, tenant: &str, request_id: &str, source: JobSource) -> JobId {
        match wait(self.worker.store.start_job(tenant, request_id, source)).unwrap() {
            JobStart::Started(job) => job.id,
            JobStart::TooMany => panic!("too many"),
        }
    }

    fn upload(&self, tenant: &str, request_id: &str, lines: &[JobLine]) -> JobId {
        let store = &self.worker.store;
        let upload = wait(store.begin_upload(tenant, request_id)).unwrap().unwrap();
        for chunk in lines.chunks(70) {
            wait(store.add_job_lines(tenant, upload, chunk.to_vec())).unwrap();
        }
        match wait(store.finish_upload(tenant, upload, request_id)).unwrap() {
            JobStart::Started(job) => job.id,
            JobStart::TooMany => panic!("too many"),
        }
    }

    fn job(&self, tenant: &str, id: JobId) -> Option<ScreeningJob> {
        self.worker.store.snapshot().unwrap().tenant(tenant).unwrap().screening_job(id).unwrap()
    }

    fn results(&self, tenant: &str, id: JobId) -> Vec<JobResult> {
        self.worker.store.snapshot().unwrap().tenant(tenant).unwrap().job_results(id, 0, 10_000).unwrap()
    }

    /// Turns until there is nothing left to do; how many that were.
    fn work(&mut self) -> usize {
        (0..).take_while(|_| self.worker.turn().unwrap()).count()
    }

    /// What a single question says of a line.
    fn single(&self, tenant: &str, line: &OrderLine) -> JobOutcome {
        match screen_line(&self.holdings, &Policy::default(), tenant, line).unwrap() {
            Screened::Advised(advice) => JobOutcome::Judged(advice),
            Screened::Conflict => JobOutcome::Conflict,
        }
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_job_says_of_each_line_what_a_single_question_says_and_leaves_nothing_else_behind() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 150);
    let before = yard.worker.store.snapshot().unwrap().counts().unwrap();
    let id = yard.start("alma", "r1", EVERYTHING);
    yard.work();
    let (job, results) = (yard.job("alma", id).unwrap(), yard.results("alma", id));
    assert_eq!((job.state, job.line_count, job.share()), (JobState::Done, Some(150), Some(1.0)));
    assert_eq!(job.judged_count(), 150);
    for ((result, line), number) in results.iter().zip(&yard.orders).zip(1..) {
        assert_eq!((result.line, &result.order), (number, &line.key));
        assert_eq!(result.outcome, yard.single("alma", line));
    }
    let judged =
        |outcome: &JobOutcome| matches!(outcome, JobOutcome::Judged(advice) if !advice.finding.links.is_empty());
    assert!(results.iter().filter(|result| judged(&result.outcome)).count() > 10, "there must be something to find");
    let after = yard.worker.store.snapshot().unwrap().counts().unwrap();
    assert_eq!((after.findings, after.alerts), (before.findings, before.alerts));
    assert_eq!(after.audit_entries, before.audit_entries + 1, "that it was started");
    // Days, both ends included.
    let day = yard.orders[75].order_date;
    let some = yard.start("alma", "r2", JobSource::Stored { first_day: Some(day), last_day: Some(day) });
    let none = JobSource::Stored { first_day: Some(day.plus_days(9_000)), last_day: None };
    let none = yard.start("alma", "r3", none);
    yard.work();
    let keys: Vec<OrderKey> = yard.results("alma", some).into_iter().map(|result| result.order).collect();
    let expected = yard.orders.iter().filter(|line| line.order_date == day).map(|line| line.key.clone());
    assert_eq!(keys, expected.collect::<Vec<_>>());
    let none = yard.job("alma", none).unwrap();
    assert_eq!((none.state, none.line_count), (JobState::Done, Some(0)));
}

#[test]
fn a_fault_of_ours_on_one_line_ends_its_job_and_no_other() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 150);
    let (held, bad) = (Arc::clone(&yard.holdings), yard.orders[120].key.clone());
    yard.worker.bench.screen = Box::new(move |tenant, line| {
        assert!(tenant != "alma" || line.key != bad, "made to fail");
        screen_line(&held, &Policy::default(), tenant, line)
    });
    let ids = TENANTS.map(|tenant| (tenant, yard.start(tenant, "r1", EVERYTHING)));
    yard.work();
    let [failed, whole] = ids.map(|(tenant, id)| yard.job(tenant, id).unwrap());
    assert_eq!((failed.state, failed.judged_count()), (JobState::Failed, 120), "what it has stays");
    assert!(failed.failure.starts_with("line 121 could not be judged"), "{}", failed.failure);
    assert_eq!((whole.state, whole.judged_count()), (JobState::Done, 150));
}

#[test]
fn after_any_end_of_the_service_a_job_goes_on_where_it_was() {
    let folder = folder();
    let path = folder.path().join("store");
    let mut yard = Yard::fill(&path, 260);
    let lines: Vec<JobLine> = yard.orders.iter().cloned().map(|line| JobLine::Order(Box::new(line))).collect();
    let whole = yard.start("alma", "whole", EVERYTHING);
    yard.work();
    let expected = yard.results("alma", whole);
    assert_eq!(expected.len(), 260);
    let jobs = [yard.start("alma", "r1", EVERYTHING), yard.upload("alma", "r2", &lines)];
    // Counted, and one turn each.
    for _ in 0..3 {
        assert!(yard.worker.turn().unwrap());
    }
    let orders = std::mem::take(&mut yard.orders);
    for id in jobs {
        assert_eq!(yard.job("alma", id).unwrap().judged_count(), JOB_LINES_PER_TURN as u64);
    }
    let marked = yard.results("alma", jobs[0]);
    drop(yard);

    let mut yard = Yard::of(open(&path), orders);
    assert_eq!(yard.results("alma", jobs[0]), marked, "what was committed is there");
    assert!(yard.worker.turn().unwrap());
    let turned: Vec<u64> = jobs.iter().map(|id| yard.job("alma", *id).unwrap().judged_count()).collect();
    assert_eq!(turned.iter().sum::<u64>(), 3 * JOB_LINES_PER_TURN as u64, "one goes on, none begins anew");
    let orders = std::mem::take(&mut yard.orders);
    drop(yard);

    // The rest by the service itself.
    let service = Service::start(open(&path), ServiceOptions::default()).unwrap();
    let mut changes = service.jobs().changes();
    wait(async {
        let running = || service.store().snapshot().unwrap().running_jobs().unwrap();
        while !running().is_empty() {
            changes.changed().await.unwrap();
        }
    });
    drop(service);
    let yard = Yard::of(open(&path), orders);
    for id in jobs {
        assert_eq!(yard.job("alma", id).unwrap().state, JobState::Done);
        assert_eq!(yard.results("alma", id), expected);
    }
    let left = yard.worker.store.snapshot().unwrap().tenant("alma").unwrap().job_lines(jobs[1], 0, 10).unwrap();
    assert_eq!(left, [], "lines go when they have their result");
}

#[test]
fn lines_that_came_with_a_job_are_judged_and_not_stored() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 40);
    let (mut other, mut new) = (yard.orders[0].clone(), yard.orders[1].clone());
    other.description.push_str(", spare");
    new.key.order_id = "not stored".to_owned();
    let fault = LineFault {
        field: "unit".to_owned(),
        reason: "unknown_unit".to_owned(),
        description: "expected a unit".to_owned(),
        value: "heaps".to_owned(),
    };
    let lines = [
        JobLine::Order(Box::new(other)),
        JobLine::Rejected(new.key.clone(), vec![fault.clone()]),
        JobLine::Order(Box::new(new.clone())),
    ];
    let id = yard.upload("alma", "r1", &lines);
    yard.work();
    let outcomes: Vec<JobOutcome> = yard.results("alma", id).into_iter().map(|result| result.outcome).collect();
    let expected = [JobOutcome::Conflict, JobOutcome::Rejected(vec![fault]), yard.single("alma", &new)];
    assert_eq!(outcomes, expected);
    let counts = yard.job("alma", id).unwrap().counts;
    assert_eq!((counts.conflict, counts.rejected, counts.total()), (1, 1, 3));
    let snapshot = yard.worker.store.snapshot().unwrap();
    assert_eq!(snapshot.tenant("alma").unwrap().order(&new.key).unwrap(), None);
    assert_eq!(snapshot.tenant("birch").unwrap().screening_job(id).unwrap(), None);
    assert_eq!(snapshot.tenant("birch").unwrap().job_results(id, 0, 10).unwrap(), []);
}

#[test]
fn tenants_take_turns_and_so_do_the_jobs_of_a_tenant() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 420);
    let jobs = [
        ("alma", yard.start("alma", "r1", EVERYTHING)),
        ("alma", yard.start("alma", "r2", EVERYTHING)),
        ("birch", yard.start("birch", "r1", EVERYTHING)),
    ];
    // Counting is a turn of each.
    let counted = |yard: &Yard| jobs.iter().all(|(tenant, id)| yard.job(tenant, *id).unwrap().line_count.is_some());
    while !counted(&yard) {
        assert!(yard.worker.turn().unwrap());
    }
    let judged = |yard: &Yard| jobs.map(|(tenant, id)| yard.job(tenant, id).unwrap().judged_count());
    let before = judged(&yard);
    for _ in 0..4 {
        assert!(yard.worker.turn().unwrap());
    }
    let after = judged(&yard);
    let turns: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(turns, [100, 100, 200], "half for each tenant, and of that half for each job");
    // What is cancelled stays with the results it has, and gets no more.
    let (tenant, id) = jobs[2];
    let cancelled = wait(yard.worker.store.cancel_job(tenant, id)).unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.judged_count()), (JobState::Cancelled, after[2]));
    yard.work();
    assert_eq!((yard.job(tenant, id).unwrap(), yard.results(tenant, id).len() as u64), (cancelled, after[2]));
    assert_eq!(judged(&yard)[..2], [420, 420]);
}

#[test]
fn waiting_is_no_work_to_rest_from() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 20);
    let (mut commits, mut progress) = (yard.worker.store.commits(), yard.progress.subscribe());
    commits.borrow_and_update();
    yard.worker.work = Stopwatch::started_before(Duration::from_secs(30));
    yard.start("alma", "r1", EVERYTHING);
    assert!(!yard.worker.idle(&mut commits, &mut progress, true));
    // Else the first line would be followed by a pause as long as all the time before it.
    assert!(yard.worker.work.seconds() < 30.0);
}

#[test]
fn a_job_waits_until_what_was_stored_before_it_is_judged() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 20);
    let id = yard.start("alma", "r1", EVERYTHING);
    let through = yard.job("alma", id).unwrap().through_sequence;
    // Stored after it: none of its business.
    let mut late = yard.orders[0].clone();
    late.key.order_id = "late".to_owned();
    let records = vec![Record::Order(Box::new(late))];
    let batch = AcceptBatch { tenant: "alma".to_owned(), records, ..AcceptBatch::default() };
    yard.worker.store.accept_blocking(batch).unwrap();
    yard.progress.send_modify(|progress| progress.judged_through = through - 1);
    assert_eq!(yard.work(), 0);
    yard.progress.send_modify(|progress| progress.judged_through = through);
    yard.work();
    assert_eq!(yard.job("alma", id).unwrap().line_count, Some(20));
    // Told to pause, it takes up nothing.
    let id = yard.start("alma", "r2", EVERYTHING);
    yard.progress.send_modify(|progress| progress.judged_through = through + 1);
    yard.allowed.send_replace(false);
    assert!(yard.worker.turn().unwrap());
    assert!(yard.worker.turn().unwrap());
    assert_eq!(yard.job("alma", id).unwrap().judged_count(), 0);
}

#[test]
fn jobs_are_bounded_and_go_with_everything_that_is_theirs() {
    let folder = folder();
    let mut yard = Yard::fill(&folder.path().join("store"), 5);
    let store = yard.worker.store.clone();
    let line = JobLine::Order(Box::new(yard.orders[0].clone()));
    for number in 0..JOBS_OPEN_MAX {
        yard.start("alma", &number.to_string(), EVERYTHING);
    }
    assert_eq!(wait(store.start_job("alma", "more", EVERYTHING)).unwrap(), JobStart::TooMany);
    assert_eq!(wait(store.begin_upload("alma", "more")).unwrap(), None);
    yard.start("birch", "0", EVERYTHING);
    yard.work();
    for number in 0..=JOBS_ENDED_MAX {
        yard.upload("alma", &format!("later {number}"), std::slice::from_ref(&line));
        yard.work();
    }
    let snapshot = store.snapshot().unwrap();
    let kept = snapshot.tenant("alma").unwrap().screening_jobs(None, 100).unwrap();
    assert_eq!(kept.len(), JOBS_ENDED_MAX + 1, "and the one that ran when the others were counted");
    let first = JobId(1);
    assert_eq!((yard.job("alma", first), yard.results("alma", first)), (None, Vec::new()));
    assert!(!snapshot.has_remains_of_jobs().unwrap());
    assert!(yard.job("birch", first).is_some(), "another tenant's jobs do not count");
    assert_eq!(yard.start("alma", "0", EVERYTHING), JobId(kept[0].id.0 + 1), "forgotten with its job, a new one");
}

#[test]
fn an_upload_that_is_given_up_or_sent_twice_leaves_nothing() {
    let folder = folder();
    let path = folder.path().join("store");
    let mut yard = Yard::fill(&path, 5);
    let store = yard.worker.store.clone();
    let lines: Vec<JobLine> = yard.orders.iter().cloned().map(|line| JobLine::Order(Box::new(line))).collect();
    let id = yard.upload("alma", "r1", &lines);
    assert_eq!(yard.upload("alma", "r1", &lines), id, "the same lines under the same request are the same job");
    let other = wait(store.begin_upload("alma", "r1")).unwrap().unwrap();
    assert_eq!(wait(store.add_job_lines("birch", other, lines.clone())).unwrap(), UploadOutcome::Gone);
    wait(store.add_job_lines("alma", other, lines[1..].to_vec())).unwrap();
    let refused = wait(store.finish_upload("alma", other, "r1"));
    assert_eq!(refused, Err(crate::store::StoreError::RequestIdReused));
    wait(store.drop_upload("alma", other)).unwrap();
    yard.work();
    let held = |yard: &Yard, id: JobId| {
        let snapshot = yard.worker.store.snapshot().unwrap();
        let lines = snapshot.tenant("alma").unwrap().job_lines(id, 0, 10).unwrap().len();
        (lines, snapshot.has_remains_of_jobs().unwrap())
    };
    assert_eq!(held(&yard, other), (0, false));
    assert_eq!(wait(store.add_job_lines("alma", other, lines.clone())).unwrap(), UploadOutcome::Gone);
    // Cut off by the end of the service.
    let cut = wait(store.begin_upload("alma", "r3")).unwrap().unwrap();
    wait(store.add_job_lines("alma", cut, lines.clone())).unwrap();
    let orders = std::mem::take(&mut yard.orders);
    drop((yard, store));
    let mut yard = Yard::of(open(&path), orders);
    assert_eq!(held(&yard, cut), (5, false));
    yard.worker.store.drop_all_uploads_blocking().unwrap();
    yard.work();
    assert_eq!(held(&yard, cut), (0, false));
    assert_eq!(yard.results("alma", id).len(), 5);
}

#[test]
fn the_thread_pauses_as_long_as_it_works() {
    let (_allow, allowed) = watch::channel(true);
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let pace = Pace { runtime, allowed, stopped };
    let mut work = Stopwatch::start();
    while work.seconds() < WORK_SECONDS_MAX {
        std::hint::spin_loop();
    }
    let begun = pace.runtime.block_on(async { tokio::time::Instant::now() });
    let worked = work.seconds();
    pace.rest(&mut work);
    let paused = pace.runtime.block_on(async { begun.elapsed() });
    assert!(paused.as_secs_f64() >= worked * (1.0 - JOB_CORE_SHARE) / JOB_CORE_SHARE, "{paused:?} for {worked}");
    stop.send_replace(true);
    assert!(!pace.may_work());
}

#[test]
fn whoever_had_a_turn_last_is_last() {
    let running: Vec<(String, JobId)> =
        [("a", 1), ("a", 2), ("a", 5), ("b", 1)].map(|(tenant, id)| (tenant.to_owned(), JobId(id))).to_vec();
    let mut turns = Turns::default();
    let mut taken: BTreeMap<(String, JobId), u32> = BTreeMap::new();
    for _ in 0..12 {
        let order = turns.order(&running);
        assert_eq!(order.len(), running.len());
        let (tenant, id) = order[0].clone();
        turns.took(&tenant, id);
        *taken.entry((tenant, id)).or_default() += 1;
    }
    assert_eq!(taken.into_values().collect::<Vec<_>>(), [2, 2, 2, 6]);
}
