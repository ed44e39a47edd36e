//! What a thousand readers cost that open a watch and then read nothing: memory of the service, and the latency of a
//! reader that does read.
//!
//! Come here for the figures in docs/benchmarks.md. Arguments: the built program, and how many readers freeze. Two
//! kinds freeze, one after the other: readers with the window that HTTP/2 begins with, and readers that offer the
//! largest window there is and then leave the socket alone.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and prints its figures")]

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use onward::api::{Batch, Client, RecordKind};
use onward::model::{Alert, Record, ReviewAct, ReviewDecision, ReviewStep};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward_benches::service::{Place, Served};
use tokio::sync::mpsc;

const TENANT: &str = "default";
/// Acts whose way to the reader is timed.
const ACTS: usize = 500;
/// How long memory must stand still before it is read.
const REST: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().unwrap_or_else(|| "target/release/onward".to_owned());
    let readers: usize = arguments.next().map_or(1_000, |text| text.parse().unwrap());
    // One tenant alone gets three quarters of the places.
    let most = (readers * 2).to_string();
    let served = Place { program, folder: None }.start(&["--connections-max", &most, "--watches-max", &most]);
    let client = served.client(TENANT).await;
    fill(&client).await;
    let alerts = client.all_alerts().await.unwrap();
    println!("{} alerts; resident memory in MiB, latency of an act from its call to a reader in ms", alerts.len());

    let mut round = Round { client, served: &served, acts: 0 };
    round.measure("nobody frozen", &alerts).await;
    let small: Vec<TcpStream> = (0..readers).map(|_| freeze(&served.address, None)).collect();
    round.measure("frozen, 64 KiB windows", &alerts).await;
    drop(small);
    round.measure("gone again", &alerts).await;
    let large: Vec<TcpStream> = (0..readers).map(|_| freeze(&served.address, Some(i32::MAX as u32))).collect();
    round.measure("frozen, 2 GiB windows", &alerts).await;
    drop(large);
}

/// A world that raises some hundreds of alerts.
async fn fill(client: &Client) {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(5, 4_000, 20_000, Profile::Small), &mut world).unwrap();
    let orders = world.orders.into_iter().map(|line| Record::Order(Box::new(line))).collect();
    let shipments = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line))).collect();
    let kinds: [(RecordKind, Vec<Record>); 2] = [(RecordKind::Orders, orders), (RecordKind::Shipments, shipments)];
    for (kind, records) in kinds {
        let (batches, receiver) = mpsc::channel(100);
        for (number, records) in records.chunks(250).enumerate() {
            batches.send(Batch { request_id: format!("{kind:?}-{number}"), records: records.to_vec() }).await.unwrap();
        }
        drop(batches);
        client.ingest(kind, receiver, |_| {}).await.unwrap();
    }
    client.wait_until_screened().await.unwrap();
}

struct Round<'a> {
    client: Client,
    served: &'a Served,
    acts: usize,
}

impl Round<'_> {
    /// Waits until memory stands still, reads it, then times acts on their way to a reader that reads.
    async fn measure(&mut self, name: &str, alerts: &[Alert]) {
        let mut memory = self.served.resident_mib();
        loop {
            tokio::time::sleep(REST).await;
            let now = self.served.resident_mib();
            if (now - memory).abs() < 0.25 {
                break;
            }
            memory = now;
        }
        let mut millis = Vec::with_capacity(ACTS);
        let mut watch = self.client.watch(self.newest_cursor().await);
        for _ in 0..ACTS {
            self.acts += 1;
            let alert = self.client.alert(alerts[self.acts % alerts.len()].id).await.unwrap();
            let comment = format!("looked at, {} times", self.acts);
            let step = ReviewStep::Decide { decision: ReviewDecision::Comment, reason: None, assignee: None };
            let act = ReviewAct { revision: alert.revision, actor: "ana".to_owned(), comment: comment.clone(), step };
            let begun = Instant::now();
            let review = self.client.review(alert.id, &comment, act);
            let seen = async {
                while watch.next_event().await.unwrap().act.is_none_or(|act| act.comment != comment) {}
                begun.elapsed()
            };
            let (_, elapsed) = tokio::join!(review, seen);
            millis.push(elapsed.as_secs_f64() * 1e3);
        }
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
        let mib = self.served.resident_mib();
        println!("{name:24} {mib:8.1} MiB   p50 {:6.2}   p99 {:6.2}   most {:6.2}", at(0.5), at(0.99), at(1.0));
    }

    /// Where the events end just now.
    async fn newest_cursor(&self) -> Option<String> {
        let mut watch = self.client.watch(None).with_checkpoints_after(Duration::from_millis(200));
        while !watch.next().await.unwrap().is_caught_up {}
        watch.cursor().map(str::to_owned)
    }
}

/// Opens a watch from the beginning and reads nothing: frames by hand, because every client library reads.
fn freeze(address: &str, window: Option<u32>) -> TcpStream {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let field = |name: &str, value: &str| {
        [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
    };
    // HPACK without tables (RFC 7541, section 6.2.2).
    let header = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/onward.v1.AlertService/WatchAlerts"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("onward-tenant", TENANT),
    ];
    let header: Vec<u8> = header.into_iter().flat_map(|(name, value)| field(name, value)).collect();
    // INITIAL_WINDOW_SIZE is setting 4 (RFC 9113, section 6.5.2); the connection has a window of its own.
    let settings = window.map_or_else(Vec::new, |window| [&[0, 4][..], &window.to_be_bytes()].concat());
    let more = window.map_or_else(Vec::new, |window| frame(8, 0, 0, &(window - 65_535).to_be_bytes()));
    let mut stream = TcpStream::connect(address).unwrap();
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &settings),
        more,
        frame(1, 4, 1, &header),
        frame(0, 1, 1, &[0; 5]),
    ];
    stream.write_all(&bytes.concat()).unwrap();
    stream
}
