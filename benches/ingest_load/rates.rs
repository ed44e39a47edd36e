//! Durable ingest: how many records a second are acknowledged, and how long each batch waits for that.
//!
//! Come here for the first table. Orders and shipment lines go in one after the other, on stores of their own, because
//! the figures to reach are of one kind of record each; indexes, judging and audit are at work meanwhile.

use std::time::{Duration, Instant};

use onward::api::RecordKind;

use crate::feed::{self, Fed, Wanted};
use crate::lane::{Acknowledged, Lane, at_shares};
use onward_benches::service::{Place, machine_load};

/// The tenant that sends.
const TENANT: &str = "default";
/// Order lines of a world of which new records come.
const WORLD_ORDERS: u64 = 200_000;
/// Length of the windows whose slowest is told.
const WINDOW: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Options {
    /// How long to send each kind, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Order lines a second; 0 for as many as go
    #[arg(long, default_value_t = 0)]
    orders_rate: u64,
    /// Shipment lines a second; 0 for as many as go
    #[arg(long, default_value_t = 0)]
    shipments_rate: u64,
    /// Records of a batch
    #[arg(long, default_value_t = 250)]
    batch: usize,
    /// Batches of one stream that are not answered yet
    #[arg(long, default_value_t = 8)]
    unanswered: usize,
    /// Streams, each on a connection of its own
    #[arg(long, default_value_t = 2)]
    streams: usize,
    /// Lines that the store holds before, one in five an order line
    #[arg(long, default_value_t = 100_000)]
    held: u64,
    /// How long to wait for judging to catch up afterwards, in seconds
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Only this kind: orders or shipments
    #[arg(long)]
    only: Option<String>,
}

pub async fn run(place: &Place, options: &Options) {
    println!(
        "{} s each, batches of {}, {} streams of {} unanswered batches",
        options.seconds, options.batch, options.streams, options.unanswered
    );
    println!(
        "kind       offered/s  reached/s  slowest 10 s  ack p50 ms  p99 ms  most ms  cores service  client  \
         judged after s  store MiB  resident MiB  load"
    );
    for (name, kind, rate) in [
        ("orders", RecordKind::Orders, options.orders_rate),
        ("shipments", RecordKind::Shipments, options.shipments_rate),
    ] {
        if options.only.as_deref().is_none_or(|only| only == name) {
            measure(place, options, name, kind, rate).await;
        }
    }
}

async fn measure(place: &Place, options: &Options, name: &str, kind: RecordKind, rate: u64) {
    let served = place.start(&[]);
    let client = served.client(TENANT).await;
    feed::fill(&client, 1, options.held / 5, options.held - options.held / 5, 0).await;
    client.wait_until_screened().await.unwrap();
    let is_orders = kind == RecordKind::Orders;
    let (mut feed, _) = feed::start(Wanted {
        seed: 1_000,
        orders: WORLD_ORDERS,
        shipments: if is_orders { 0 } else { 20 * WORLD_ORDERS },
        worlds: None,
        kinds: vec![kind],
        batch_records: options.batch,
        keep_one_in: 0,
        prefix: "new-".to_owned(),
    });
    let mut lanes = Vec::new();
    for _ in 0..options.streams {
        lanes.push(Lane::open(served.client(TENANT).await, kind, options.unanswered));
    }
    let (begun, processor) = (Instant::now(), served.processor());
    let end = begun + Duration::from_secs(options.seconds);
    let mut sent = 0_u64;
    while Instant::now() < end {
        let Fed { batch, .. } = feed.recv().await.unwrap();
        let due = (rate > 0).then(|| begun + Duration::from_secs_f64(sent as f64 / rate as f64));
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        sent += batch.records.len() as u64;
        lanes[(sent as usize / options.batch) % options.streams].send(batch, due).await;
    }
    drop(feed);
    let mut all = Vec::new();
    for lane in lanes {
        all.extend(lane.finish().await.1);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (service_cores, client_cores) = served.cores_since(&processor);
    let waiting = Instant::now();
    let patience = Duration::from_secs(options.patience);
    let judged = tokio::time::timeout(patience, client.wait_until_screened()).await;
    let judged_after = match judged {
        Ok(judged) => judged.map(|()| format!("{:.1}", waiting.elapsed().as_secs_f64())).unwrap(),
        Err(_) => format!("> {}", options.patience),
    };
    let records: usize = all.iter().map(|ack| ack.records).sum();
    let reached = records as f64 / seconds;
    let slowest = slowest_window(&all, begun, end);
    let mut millis: Vec<f64> = all.iter().map(|ack| ack.took.as_secs_f64() * 1e3).collect();
    let [p50, p99, most] = at_shares(&mut millis, [0.5, 0.99, 1.0]);
    println!(
        "{name:10} {:>9}  {reached:9.0}  {slowest:12.0}  {p50:10.1}  {p99:6.1}  {most:7.1}  {service_cores:13.2}  \
         {client_cores:6.2}  {judged_after:>14}  {:9.0}  {:12.0}  {}",
        if rate == 0 { "all".to_owned() } else { rate.to_string() },
        served.store_mib(),
        served.resident_mib(),
        machine_load()
    );
}

/// Records a second in the window in which the fewest were acknowledged.
fn slowest_window(all: &[Acknowledged], begun: Instant, end: Instant) -> f64 {
    let windows = ((end - begun).as_secs() / WINDOW.as_secs()).max(1) as usize;
    let mut counts = vec![0_usize; windows];
    for ack in all {
        let window = ((ack.at - begun).as_secs() / WINDOW.as_secs()) as usize;
        if let Some(count) = counts.get_mut(window) {
            *count += ack.records;
        }
    }
    let seconds = (end - begun).min(WINDOW).as_secs_f64();
    counts.into_iter().min().unwrap_or(0) as f64 / seconds
}
