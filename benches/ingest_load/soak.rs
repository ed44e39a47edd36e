//! Whether the service's memory stays flat while everything is used for a long time.
//!
//! Come here for what is done to it: in the first third new records come in, and from then on only such as the store
//! holds already, repeated or with another content under the same name, so that it holds as many in the last third as in
//! the middle one. Meanwhile orders are screened, alerts are watched, acknowledged and commented on, and screening jobs
//! are uploaded, run and read. It fails when memory of the last third is more than the bound above that of the middle one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onward::api::{Batch, Client, IngestSummary, RecordKind};
use onward::model::{AlertEvent, OrderLine, Record, ReviewAct, ReviewDecision, ReviewStep, ShipmentLine};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::lane::at_shares;
use onward_benches::service::{Place, machine_load};

const TENANT: &str = "default";
/// How often memory is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// What the last third may have above the middle third: a share of it, and the noise of an allocator.
const GROWTH_SHARE_MAX: f64 = 0.03;
const GROWTH_MIB_MAX: f64 = 8.0;
/// Records of a batch, and how often one comes.
const BATCH: usize = 100;
const BATCH_INTERVAL: Duration = Duration::from_millis(50);
/// How often an order is screened, an alert commented on, a job started.
const SCREEN_INTERVAL: Duration = Duration::from_millis(100);
const REVIEW_INTERVAL: Duration = Duration::from_millis(500);
const JOB_INTERVAL: Duration = Duration::from_secs(5);
/// Order lines of a job.
const JOB_LINES: usize = 200;

#[derive(clap::Args)]
pub struct Options {
    /// How long, in seconds; at least 60
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(60..))]
    seconds: u64,
    /// Lines that the store holds in the end, one in five an order line
    #[arg(long, default_value_t = 25_000)]
    held: u64,
}

/// What was done, for whoever reads the figures.
#[derive(Default)]
struct Done {
    screened: AtomicU64,
    events: AtomicU64,
    comments: AtomicU64,
    job_results: AtomicU64,
}

/// What all who work on the service know.
#[derive(Clone)]
struct Work {
    client: Client,
    done: Arc<Done>,
    is_over: Arc<AtomicBool>,
}

impl Work {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }
}

pub async fn run(place: &Place, options: &Options) {
    let served = place.start(&[]);
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, options.held / 5, options.held - options.held / 5, Profile::Small), &mut world)
        .unwrap();
    let (orders, shipments) = (world.orders, world.shipments);
    let third = Duration::from_secs(options.seconds) / 3;
    let work = Work { client: served.client(TENANT).await, done: Arc::default(), is_over: Arc::default() };
    let mut tasks = JoinSet::new();
    tasks.spawn(screen(work.clone(), orders.clone()));
    tasks.spawn(watch(work.clone()));
    tasks.spawn(jobs(work.clone(), orders.clone()));
    let ingesting = tokio::spawn(ingest(work.clone(), orders, shipments, third));
    let (begun, mut samples) = (Instant::now(), Vec::new());
    while begun.elapsed() < 3 * third {
        tokio::time::sleep(SAMPLE_INTERVAL).await;
        samples.push((begun.elapsed(), served.resident_mib()));
    }
    work.is_over.store(true, Ordering::Relaxed);
    let summary = ingesting.await.unwrap();
    let in_third = |number: u32| {
        let within = samples.iter().filter(|(at, _)| (third * number..third * (number + 1)).contains(at));
        let mut mib: Vec<f64> = within.map(|(_, mib)| *mib).collect();
        at_shares(&mut mib, [0.5, 1.0])
    };
    let thirds = [0, 1, 2].map(in_third);
    tell(&summary, &work.done, &thirds);
    assert_eq!(summary.refused_batches, 0, "batches were refused");
    println!("store {:.0} MiB, load {}", served.store_mib(), machine_load());
    tasks.abort_all();
    let bound = thirds[1][0] * (1.0 + GROWTH_SHARE_MAX) + GROWTH_MIB_MAX;
    assert!(
        thirds[2][0] <= bound,
        "memory grew: {:.1} MiB in the last third, at most {bound:.1} are allowed",
        thirds[2][0]
    );
    println!("flat: the last third may have {bound:.1} MiB");
}

fn tell(summary: &IngestSummary, done: &Done, thirds: &[[f64; 2]; 3]) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{} batches: {} records stored, {} repeated, {} corrected; {} orders screened, {} events watched, {} comments, {} lines of jobs",
        summary.batches,
        summary.stored,
        summary.unchanged,
        summary.conflicts,
        count(&done.screened),
        count(&done.events),
        count(&done.comments),
        count(&done.job_results)
    );
    for (name, [middle, most]) in ["first third", "middle third", "last third"].into_iter().zip(thirds) {
        println!("{name:12}  resident MiB: median {middle:7.1}, most {most:7.1}");
    }
}

/// New records in the first third; then the same again, every other batch with other contents.
async fn ingest(work: Work, orders: Vec<OrderLine>, shipments: Vec<ShipmentLine>, third: Duration) -> IngestSummary {
    let records = orders.into_iter().map(|line| Record::Order(Box::new(line))).collect();
    let papers = shipments.into_iter().map(|line| Record::Shipment(Box::new(line))).collect();
    let (orders, shipments) = tokio::join!(
        ingest_kind(work.clone(), RecordKind::Orders, records, third),
        ingest_kind(work, RecordKind::Shipments, papers, third)
    );
    IngestSummary {
        batches: orders.batches + shipments.batches,
        stored: orders.stored + shipments.stored,
        unchanged: orders.unchanged + shipments.unchanged,
        conflicts: orders.conflicts + shipments.conflicts,
        refused_batches: orders.refused_batches + shipments.refused_batches,
        ..shipments
    }
}

async fn ingest_kind(work: Work, kind: RecordKind, records: Vec<Record>, third: Duration) -> IngestSummary {
    let (batches, receiver) = mpsc::channel(4);
    let client = work.client.clone();
    let sending = tokio::spawn(async move { client.ingest(kind, receiver, |_| ()).await.unwrap() });
    // All of it is there a little before the first third is over.
    let count = records.len().div_ceil(BATCH);
    let interval = BATCH_INTERVAL.min(third * 9 / 10 / count as u32);
    let mut number = 0_u64;
    while work.goes_on() {
        for lines in records.chunks(BATCH) {
            let round = number / count as u64;
            let records = lines.iter().map(|record| if round % 2 == 1 { corrected(record) } else { record.clone() });
            // A repeated batch has its old name now and then.
            let name = if round % 4 == 2 { number - 2 * count as u64 } else { number };
            let batch = Batch { request_id: format!("soak-{kind:?}-{name}"), records: records.collect() };
            if batches.send(batch).await.is_err() || !work.goes_on() {
                break;
            }
            number += 1;
            tokio::time::sleep(if round == 0 { interval } else { BATCH_INTERVAL }).await;
        }
    }
    drop(batches);
    sending.await.unwrap()
}

/// The record under its name with another content.
fn corrected(record: &Record) -> Record {
    let mut record = record.clone();
    match &mut record {
        Record::Order(line) => line.description.push_str(", corrected"),
        Record::Shipment(line) => line.description.push_str(", corrected"),
        Record::Company(company) => company.status.push_str(", corrected"),
    }
    record
}

async fn screen(work: Work, orders: Vec<OrderLine>) {
    for order in orders.iter().cycle() {
        let mut line = order.clone();
        line.key.order_id.push_str("-asked");
        work.client.screen(&line).await.unwrap();
        work.done.screened.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(SCREEN_INTERVAL).await;
    }
}

/// Watches, acknowledges, and comments on the alert that it heard of last.
async fn watch(work: Work) {
    let mut watch = work.client.watch(None).with_checkpoints_after(REVIEW_INTERVAL);
    let (mut last, mut looked): (Option<AlertEvent>, Instant) = (None, Instant::now());
    loop {
        let watched = watch.next().await.unwrap();
        if let Some(event) = watched.event {
            work.done.events.fetch_add(1, Ordering::Relaxed);
            last = Some(event);
        }
        if looked.elapsed() < REVIEW_INTERVAL {
            continue;
        }
        looked = Instant::now();
        work.client.acknowledge("soak", &watched.cursor).await.unwrap();
        let Some(event) = &last else { continue };
        let alert = work.client.alert(event.alert.id).await.unwrap();
        let number = work.done.comments.fetch_add(1, Ordering::Relaxed);
        let step = ReviewStep::Decide { decision: ReviewDecision::Comment, reason: None, assignee: None };
        let act =
            ReviewAct { revision: alert.revision, actor: "ana".to_owned(), comment: format!("look {number}"), step };
        // The machine may have changed it in between.
        let _ = work.client.review(alert.id, &format!("look-{number}"), act).await;
    }
}

/// Uploads a job, reads its results, and begins again.
async fn jobs(work: Work, orders: Vec<OrderLine>) {
    for number in 0.. {
        let (lines, receiver) = mpsc::channel(JOB_LINES);
        for order in &orders[..JOB_LINES.min(orders.len())] {
            let mut line = order.clone();
            line.key.order_id = format!("job-{number}-{}", line.key.order_id);
            lines.send(line).await.unwrap();
        }
        drop(lines);
        let job = work.client.upload_job(&format!("job-{number}"), receiver).await.unwrap();
        let mut results = work.client.job_results(job.id, 1);
        while let Some(_result) = results.next().await.unwrap() {
            work.done.job_results.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(JOB_INTERVAL).await;
    }
}
