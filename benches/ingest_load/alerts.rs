//! From an acknowledged shipment line to the alert at the client, while lines come at a steady pace.
//!
//! Come here for what is measured: which lines brought an alert about is what the service itself names as causes of the
//! changed finding; the time runs from the acknowledgement of the first of them to the arrival of the event. The lines
//! are kept back at random from the world that is held, so that they bear on it as lines of one feed do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onward::api::{Batch, Client, RecordKind};
use onward::clock::{Clock, SystemClock};
use onward::model::{AlertEvent, DocumentKey, OrderKey, Record, RecordName, ShipmentLine};

use crate::feed;
use crate::lane::{Lane, at_shares};
use onward_benches::service::{Place, Served, machine_load};

const TENANT: &str = "default";
/// How long to wait for events once everything is judged.
const SILENCE: Duration = Duration::from_secs(2);

/// Events with the moment at which each came.
type Seen = Arc<Mutex<Vec<(AlertEvent, Instant)>>>;

#[derive(clap::Args)]
pub struct Options {
    /// How long to send, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Lines that the store holds before, one in five an order line
    #[arg(long, default_value_t = 100_000)]
    held: u64,
    /// Shipment lines a second
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Records of a batch
    #[arg(long, default_value_t = 50)]
    batch: usize,
}

pub async fn run(place: &Place, options: &Options) {
    let served = place.start(&[]);
    let client = served.client(TENANT).await;
    let kept = prepare(&served, &client, options).await;
    let seen = Seen::default();
    let watching = tokio::spawn(watch(served.client(TENANT).await, newest_cursor(&client).await, Arc::clone(&seen)));
    let start_millis = SystemClock.unix_millis();
    let (begun, processor) = (Instant::now(), served.processor());
    let lane = Lane::open(client.clone(), RecordKind::Shipments, 16);
    let mut batch_of: HashMap<DocumentKey, String> = HashMap::new();
    for (number, lines) in kept.chunks(options.batch).enumerate() {
        let due = begun + Duration::from_secs_f64((number * options.batch) as f64 / options.rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let request_id = format!("paced-{number}");
        batch_of.extend(lines.iter().map(|line| (line.key.clone(), request_id.clone())));
        let records = lines.iter().map(|line| Record::Shipment(Box::new(line.clone()))).collect();
        lane.send(Batch { request_id, records }, Some(due)).await;
    }
    let (_, acknowledged) = lane.finish().await;
    let seconds = begun.elapsed().as_secs_f64();
    let (service_cores, client_cores) = served.cores_since(&processor);
    let waiting = Instant::now();
    client.wait_until_screened().await.unwrap();
    let judged_after = waiting.elapsed().as_secs_f64();
    // Everything is judged; what is still on its way comes in a moment.
    tokio::time::sleep(SILENCE).await;
    watching.abort();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let mut took: Vec<f64> = acknowledged.iter().map(|ack| ack.took.as_secs_f64() * 1e3).collect();
    let at_of: HashMap<&str, Instant> = acknowledged.iter().map(|ack| (ack.request_id.as_str(), ack.at)).collect();
    let causes = causes(&client, start_millis).await;
    let mut millis = latencies(&seen, &causes, |key| at_of.get(batch_of.get(key)?.as_str()).copied());
    let [ack_p50, ack_p99] = at_shares(&mut took, [0.5, 0.99]);
    let [p50, p99, most] = at_shares(&mut millis, [0.5, 0.99, 1.0]);
    println!(
        "reached/s  ack p50 ms  p99 ms  events  of them timed  alert p50 ms  p99 ms  most ms  cores service  client  judged after s  resident MiB  load"
    );
    println!(
        "{:9.0}  {ack_p50:10.1}  {ack_p99:6.1}  {:6}  {:13}  {p50:12.1}  {p99:6.1}  {most:7.1}  {service_cores:13.2}  \
         {client_cores:6.2}  {judged_after:14.1}  {:12.0}  {}",
        kept.len() as f64 / seconds,
        seen.len(),
        millis.len(),
        served.resident_mib(),
        machine_load()
    );
}

/// Fills the store; the lines that were kept back for later.
async fn prepare(served: &Served, client: &Client, options: &Options) -> Vec<ShipmentLine> {
    let wanted = options.seconds * options.rate;
    let shipments = options.held - options.held / 5 + wanted;
    let begun = Instant::now();
    let mut kept = feed::fill(client, 1, options.held / 5, shipments, shipments / wanted).await;
    kept.truncate(wanted as usize);
    println!("{} lines held after {:.0} s, {} kept back", options.held, begun.elapsed().as_secs_f64(), kept.len());
    client.wait_until_screened().await.unwrap();
    println!("judged after {:.0} s, {:.0} MiB resident", begun.elapsed().as_secs_f64(), served.resident_mib());
    kept
}

/// Where the events end just now.
async fn newest_cursor(client: &Client) -> Option<String> {
    let mut watch = client.watch(None).with_checkpoints_after(Duration::from_secs(1));
    while !watch.next().await.unwrap().is_caught_up {}
    watch.cursor().map(str::to_owned)
}

/// Notes when each event comes, for ever.
async fn watch(client: Client, cursor: Option<String>, seen: Seen) {
    let mut watch = client.watch(cursor);
    loop {
        let event = watch.next_event().await.unwrap();
        seen.lock().unwrap().push((event, Instant::now()));
    }
}

/// Papers that each changed finding names as causes, by order line and time of its commit.
async fn causes(client: &Client, start_millis: u64) -> HashMap<(OrderKey, u64), Vec<DocumentKey>> {
    let mut all = HashMap::new();
    let mut page_token = String::new();
    loop {
        let (changes, next) = client.finding_changes(None, start_millis, 1_000, page_token).await.unwrap().unwrap();
        for change in changes {
            let papers = change.causes.into_iter().filter_map(|cause| match cause.record {
                Some(RecordName::Shipment(key)) => Some(key),
                _ => None,
            });
            all.insert((change.order, change.judged_at_millis.unwrap_or_default()), papers.collect());
        }
        if next.is_empty() {
            return all;
        }
        page_token = next;
    }
}

/// From the first acknowledged cause to the event, in milliseconds. An event that overtakes the acknowledgement took none.
fn latencies(
    seen: &[(AlertEvent, Instant)],
    causes: &HashMap<(OrderKey, u64), Vec<DocumentKey>>,
    acknowledged: impl Fn(&DocumentKey) -> Option<Instant>,
) -> Vec<f64> {
    let latency = |(event, at): &(AlertEvent, Instant)| {
        let papers = causes.get(&(event.alert.order.clone(), event.at_millis))?;
        let first = papers.iter().filter_map(&acknowledged).min()?;
        Some(at.saturating_duration_since(first).as_secs_f64() * 1e3)
    };
    seen.iter().filter_map(latency).collect()
}
