//! What an honest client notices while others flood the service with frames: latencies, quiet and under each attack.
//!
//! Come here for the figures in docs/reliability.md. The built program runs as a child process on loopback, with as many
//! connections to it that send an attack as fast as it is taken and come back at once when they are cut. Attacker and
//! client run on the same machine; to tell what the attacker alone costs, the last row sends to somebody who throws
//! everything away.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and prints its figures")]

#[path = "../../tests/wire/raw.rs"]
mod raw;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use onward::api::Client;
use onward::model::OrderLine;
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward_benches::service::{Place, machine_load};
use raw::{Attack, OPENING};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How often the honest client reads and screens.
const INTERVAL: Duration = Duration::from_millis(5);
/// How long an attack goes on before it is measured.
const LEAD: Duration = Duration::from_millis(300);
/// Pieces of an attack that are made before: more than a connection takes before it is cut.
const PIECES: usize = 1_024;
/// How long an attacker waits before it knocks again, where it was not even let in.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

#[derive(Parser)]
#[command(about = "Floods a service of its own with frames, and measures what an honest client notices")]
struct Arguments {
    /// The built program
    #[arg(long, default_value = "target/release/onward")]
    program: String,
    /// Connections that attack
    #[arg(long, default_value_t = 4)]
    attackers: usize,
    /// How often quiet and attack take turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each turn takes, in milliseconds
    #[arg(long, default_value_t = 2000)]
    turn_millis: u64,
}

/// Whom the flood meets.
#[derive(Clone, Copy)]
enum Flood {
    Service(Attack),
    /// Pings to somebody who throws them away.
    Nobody,
}

/// Milliseconds of the honest client.
#[derive(Default)]
struct Latencies {
    reading: Vec<f64>,
    screening: Vec<f64>,
    failed: u64,
}

/// What an attacker sends on each of its connections, made before: who writes frames anew while they are sent takes the
/// processor from the honest client beside it, which is not what is measured.
struct Arms {
    attack: Attack,
    beginning: Vec<u8>,
    pieces: Vec<Vec<u8>>,
    /// The last number that was used for a call.
    stream: u32,
}

impl Arms {
    fn new(attack: Attack) -> Self {
        let mut stream = 1;
        let pieces = (0..PIECES).map(|_| attack.more(&mut stream)).collect();
        Self { attack, beginning: [OPENING, &attack.beginning()].concat(), pieces, stream }
    }
}

/// What the attackers came to.
#[derive(Default)]
struct Sent {
    bytes: AtomicU64,
    connections: AtomicU64,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let served = Place { program: arguments.program, folder: None }.start(&[]);
    let address = served.address.parse().unwrap();
    let client = served.client("calm").await;
    let line = order();
    let nobody = throw_away().await;
    println!(
        "| flood | read p50 and p99, quiet | under attack | ratio | screen p50 and p99, quiet | under attack | ratio | failed | sent a second | connections |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let floods = Attack::ALL.map(Flood::Service).into_iter().chain([Flood::Nobody]);
    let turn = Duration::from_millis(arguments.turn_millis);
    for flood in floods {
        let (mut quiet, mut under) = (Latencies::default(), Latencies::default());
        let (attack, to) = match flood {
            Flood::Service(attack) => (attack, address),
            Flood::Nobody => (Attack::Pings, nobody),
        };
        let arms = Arc::new(Arms::new(attack));
        let sent = Arc::new(Sent::default());
        for _ in 0..arguments.rounds {
            measure(&client, &line, turn, &mut quiet).await;
            let mut attackers = JoinSet::new();
            for _ in 0..arguments.attackers {
                attackers.spawn(attack_for_ever(Arc::clone(&arms), to, Arc::clone(&sent)));
            }
            tokio::time::sleep(LEAD).await;
            measure(&client, &line, turn, &mut under).await;
            attackers.shutdown().await;
        }
        let seconds = (turn + LEAD).as_secs_f64() * arguments.rounds as f64;
        print_row(flood, &mut quiet, &mut under, &sent, seconds);
    }
    println!("\nLoad of the machine at the end: {}", machine_load());
}

/// Reads and screens in turn, one call each interval, for so long.
async fn measure(client: &Client, line: &OrderLine, turn: Duration, latencies: &mut Latencies) {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while begun.elapsed() < turn {
        ticks.tick().await;
        let asked = Instant::now();
        let read = client.finding(&line.key).await.is_ok();
        let answered = Instant::now();
        let screened = client.screen(line).await.is_ok();
        latencies.reading.push((answered - asked).as_secs_f64() * 1e3);
        latencies.screening.push(answered.elapsed().as_secs_f64() * 1e3);
        latencies.failed += u64::from(!read) + u64::from(!screened);
    }
}

/// One attacker: comes back whenever it is cut.
async fn attack_for_ever(arms: Arc<Arms>, address: SocketAddr, sent: Arc<Sent>) {
    loop {
        let before = sent.bytes.load(Ordering::Relaxed);
        if let Ok(stream) = TcpStream::connect(address).await {
            sent.connections.fetch_add(1, Ordering::Relaxed);
            let (mut reader, mut writer) = stream.into_split();
            let mut answers = vec![0; 64 * 1024];
            let reading = async { while reader.read(&mut answers).await.is_ok_and(|size| size > 0) {} };
            tokio::select! {
                () = reading => {}
                () = flood(&arms, &mut writer, &sent) => {}
            }
        }
        if sent.bytes.load(Ordering::Relaxed) == before {
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
    }
}

async fn flood(arms: &Arms, writer: &mut (impl AsyncWriteExt + Unpin), sent: &Sent) {
    if writer.write_all(&arms.beginning).await.is_err() {
        return;
    }
    let mut stream = arms.stream;
    let more = std::iter::repeat_with(|| Cow::Owned(arms.attack.more(&mut stream)));
    for piece in arms.pieces.iter().map(Cow::Borrowed).chain(more) {
        if writer.write_all(&piece).await.is_err() {
            return;
        }
        sent.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
}

/// Takes everything and does nothing with it.
async fn throw_away() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                while stream.read(&mut bytes).await.is_ok_and(|size| size > 0) {}
            });
        }
    });
    address
}

fn print_row(flood: Flood, quiet: &mut Latencies, under: &mut Latencies, sent: &Sent, seconds: f64) {
    let name = match flood {
        Flood::Service(attack) => format!("{attack:?}"),
        Flood::Nobody => "to nobody".to_owned(),
    };
    let pair = |millis: &mut Vec<f64>| {
        millis.sort_by(f64::total_cmp);
        [0.5, 0.99].map(|share| millis[((millis.len() - 1) as f64 * share) as usize])
    };
    let columns = |quiet: [f64; 2], under: [f64; 2]| {
        format!(
            "{:.2} and {:.2} ms | {:.2} and {:.2} ms | {:.1} and {:.1}",
            quiet[0],
            quiet[1],
            under[0],
            under[1],
            under[0] / quiet[0],
            under[1] / quiet[1]
        )
    };
    let reading = columns(pair(&mut quiet.reading), pair(&mut under.reading));
    let screening = columns(pair(&mut quiet.screening), pair(&mut under.screening));
    let failed = quiet.failed + under.failed;
    let mib = sent.bytes.load(Ordering::Relaxed) as f64 / seconds / (1024.0 * 1024.0);
    let connections = sent.connections.load(Ordering::Relaxed);
    println!("| {name} | {reading} | {screening} | {failed} | {mib:.2} MiB | {connections} |");
}

/// An order line that is not stored.
fn order() -> OrderLine {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, 200, 1_000, Profile::Small), &mut world).unwrap();
    world.orders.swap_remove(7)
}
