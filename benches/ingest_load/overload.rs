//! Far more than the service can do, by one tenant, and what another tenant notices of it.
//!
//! Come here for the figures in docs/reliability.md. First the most that one tenant's shipment lines reach; then what a
//! calm tenant measures beside a quarter of that; then the same beside five times as many batches and screenings as gave
//! the most; then from two seconds after the flood on. The calm tenant's calls go out on time, answered or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onward::api::{Batch, Client, ClientError, RecordKind};
use onward::model::{OrderLine, Record};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use tokio::task::{JoinHandle, JoinSet};

use crate::feed::{self, Fed, Wanted};
use crate::lane::{Lane, at_shares};
use onward_benches::service::{Place, Served, machine_load};

/// Streams of the flooding tenant that reach the most, and batches under way on each.
const STREAMS: usize = 2;
const UNANSWERED: usize = 8;
/// Screenings that the flooding tenant has open for the most, and how long each waits after a refusal.
const SCREENINGS: usize = 64;
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// How many times as much is too much.
const FLOOD: usize = 5;
/// Records of a batch of the flood, and of the calm tenant.
const FLOOD_BATCH: usize = 250;
const CALM_BATCH: usize = 50;
/// How often the calm tenant sends, screens and reads.
const CALM_INTERVAL: Duration = Duration::from_millis(100);
/// After the flood everything must be as usual.
const RECOVERY: Duration = Duration::from_secs(2);

/// A call of the calm tenant: how many milliseconds it took, or nothing when it was refused.
type Call = JoinHandle<Option<f64>>;

/// What the calm tenant measured: p50 and p99 in milliseconds of acknowledgements, screenings and readings.
struct Calm {
    millis: [[f64; 2]; 3],
    refused: u64,
}

#[derive(clap::Args)]
pub struct Options {
    /// How long each part takes, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Lines of each tenant that the store holds before, one in five an order line
    #[arg(long, default_value_t = 20_000)]
    held: u64,
}

/// What the flooding tenant came to in one part.
#[derive(Default)]
struct Flood {
    records: AtomicU64,
    slowed: AtomicU64,
    screened: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

pub async fn run(place: &Place, options: &Options) {
    let served = place.start(&[]);
    let (noisy, calm) = (served.client("noisy").await, served.client("calm").await);
    for (seed, client) in [(1, &noisy), (2, &calm)] {
        feed::fill(client, seed, options.held / 5, options.held - options.held / 5, 0).await;
    }
    calm.wait_until_screened().await.unwrap();
    println!(
        "part                 flood/s  slow_down  screened/s  refused  failed  calm: ack p50 ms  p99  screen p50  p99  read p50  p99  refused  resident MiB  load"
    );
    let part = Duration::from_secs(options.seconds);
    let rate = noise(&served, "most of one tenant", part, 1, None).await;
    for (name, times, pace) in [("usual, a quarter", 1, Some(rate / 4)), ("five times the most", FLOOD, None)] {
        noise(&served, name, part, times, pace).await;
    }
    tokio::time::sleep(RECOVERY).await;
    noise(&served, "2 s later, a quarter", part, 1, Some(rate / 4)).await;
}

/// One part: the flood, the calm tenant beside it, and a row of the table; the flood's records a second.
async fn noise(served: &Served, name: &str, part: Duration, times: usize, pace: Option<u64>) -> u64 {
    let (flood, is_over) = (Arc::new(Flood::default()), Arc::new(AtomicBool::new(false)));
    let mut floods = JoinSet::new();
    let streams = STREAMS * times;
    for stream in 0..streams {
        let client = served.client("noisy").await;
        let prefix = format!("{name}-{stream}-").replace([' ', ','], "");
        let pace = pace.map(|rate| rate as f64 / streams as f64);
        floods.spawn(send(client, prefix, stream as u64, pace, Arc::clone(&flood), Arc::clone(&is_over)));
    }
    let screenings = if pace.is_some() { 1 } else { SCREENINGS * times };
    let line = order("noisy");
    let client = served.client("noisy").await;
    for _ in 0..screenings {
        floods.spawn(screen(client.clone(), line.clone(), pace.is_some(), Arc::clone(&flood), Arc::clone(&is_over)));
    }
    let begun = Instant::now();
    let calm = calmly(served.client("calm").await, name, part).await;
    is_over.store(true, Ordering::Relaxed);
    // Until the last answer to the calm tenant, which may be later than planned.
    let seconds = begun.elapsed().as_secs_f64();
    while let Some(done) = floods.join_next().await {
        done.unwrap();
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (records, screened) = (count(&flood.records) as f64 / seconds, count(&flood.screened) as f64 / seconds);
    let [ack, screen, read] = calm.millis;
    println!(
        "{name:20} {records:8.0}  {:9}  {screened:10.0}  {:7}  {:6}  {:16.1}  {:5.1}  {:10.1}  {:5.1}  {:8.1}  {:5.1}  {:7}  {:12.0}  {}",
        count(&flood.slowed),
        count(&flood.refused),
        count(&flood.failed),
        ack[0],
        ack[1],
        screen[0],
        screen[1],
        read[0],
        read[1],
        calm.refused,
        served.resident_mib(),
        machine_load()
    );
    records as u64
}

/// One stream of the flood, until it is over.
async fn send(
    client: Client,
    prefix: String,
    seed: u64,
    pace: Option<f64>,
    flood: Arc<Flood>,
    is_over: Arc<AtomicBool>,
) {
    let wanted = Wanted {
        seed: 5_000 + seed,
        orders: 20_000,
        shipments: 2_000_000,
        worlds: None,
        kinds: vec![RecordKind::Shipments],
        batch_records: FLOOD_BATCH,
        keep_one_in: 0,
        prefix,
    };
    let (mut feed, _) = feed::start(wanted);
    let (lane, begun) = (Lane::open(client, RecordKind::Shipments, UNANSWERED), Instant::now());
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        let Fed { batch, .. } = feed.recv().await.unwrap();
        if let Some(pace) = pace {
            tokio::time::sleep_until((begun + Duration::from_secs_f64(sent as f64 / pace)).into()).await;
        }
        sent += batch.records.len();
        lane.send(batch, None).await;
    }
    let end = Instant::now();
    let (summary, acknowledged) = lane.finish().await;
    let in_time = acknowledged.iter().filter(|ack| ack.at <= end).map(|ack| ack.records as u64).sum();
    flood.records.fetch_add(in_time, Ordering::Relaxed);
    flood.slowed.fetch_add(summary.slowed_down, Ordering::Relaxed);
}

/// One screening after the other; sooner again after a refusal than the service asks for.
async fn screen(client: Client, line: OrderLine, is_paced: bool, flood: Arc<Flood>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) {
        match client.screen(&line).await {
            Ok(_) => flood.screened.fetch_add(1, Ordering::Relaxed),
            Err(ClientError::Refused { reason: Some(reason), .. }) if reason == "TOO_MANY_CALLS" => {
                tokio::time::sleep(REFUSED_PAUSE).await;
                flood.refused.fetch_add(1, Ordering::Relaxed)
            }
            Err(_) => flood.failed.fetch_add(1, Ordering::Relaxed),
        };
        if is_paced {
            tokio::time::sleep(CALM_INTERVAL).await;
        }
    }
}

/// The calm tenant: a small batch, a screening and a reading in each interval.
async fn calmly(client: Client, name: &str, part: Duration) -> Calm {
    let world = world(9);
    let line = order("calm");
    let key = world.orders[0].key.clone();
    let prefix = name.replace([' ', ','], "");
    let lane = Lane::open(client.clone(), RecordKind::Shipments, 16);
    let (mut screenings, mut readings) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for (number, lines) in (0_u32..).zip(world.shipments.chunks(CALM_BATCH).cycle()) {
        let due = begun + CALM_INTERVAL * number;
        if due.duration_since(begun) >= part {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let mut lines = lines.to_vec();
        lines.iter_mut().for_each(|line| line.key.number = format!("{prefix}-{number}-{}", line.key.number));
        let records = lines.into_iter().map(|line| Record::Shipment(Box::new(line))).collect();
        lane.send(Batch { request_id: format!("{prefix}-{number}"), records }, Some(due)).await;
        let (asking, asked) = (client.clone(), line.clone());
        screenings.push(timed(due, async move { asking.screen(&asked).await.map(drop) }));
        let (asking, key) = (client.clone(), key.clone());
        readings.push(timed(due, async move { asking.finding(&key).await.map(drop) }));
    }
    let (_, acknowledged) = lane.finish().await;
    let mut acks: Vec<f64> = acknowledged.iter().map(|ack| ack.took.as_secs_f64() * 1e3).collect();
    let mut refused = 0;
    let screenings = millis(screenings, &mut refused).await;
    let readings = millis(readings, &mut refused).await;
    Calm { millis: [at_shares(&mut acks, [0.5, 0.99]), screenings, readings], refused }
}

fn timed(due: Instant, call: impl Future<Output = Result<(), ClientError>> + Send + 'static) -> Call {
    tokio::spawn(async move { call.await.is_ok().then(|| due.elapsed().as_secs_f64() * 1e3) })
}

/// The answered ones, and how many were refused.
async fn millis(calls: Vec<Call>, refused: &mut u64) -> [f64; 2] {
    let mut millis = Vec::with_capacity(calls.len());
    for call in calls {
        match call.await.unwrap() {
            Some(took) => millis.push(took),
            None => *refused += 1,
        }
    }
    at_shares(&mut millis, [0.5, 0.99])
}

fn world(seed: u64) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, 200, 20_000, Profile::Small), &mut world).unwrap();
    world
}

/// An order line that is not stored.
fn order(name: &str) -> OrderLine {
    let mut line = world(1).orders[7].clone();
    line.key.order_id = format!("{name}-asked");
    line
}
