//! Recorded histories of watches, held against the six guarantees of the contract: ordered, unique, reliable, atomic,
//! resumable, bookmarkable; while others write, servers restart, and readers leave, come back, or sleep.
//!
//! Come here when the watch or the cursor changes. Each world has one store in a file, a writer, and many readers who
//! write down every message they get; afterwards each history is compared with what the store says happened.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use onward::alerts::{AlertPolicy, rule};
use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::watch_alerts_response::Content;
use onward::api::wire::{self, ListAlertActivityRequest, ListAlertsRequest, WatchAlertsRequest};
use onward::api::{Client, ServeOptions};
use onward::model::{AlertId, Finding, Level, Probability, ReviewAct, ReviewDecision, ReviewStep};
use onward::screening::{Service, ServiceOptions};
use onward::store::{Store, StoreError, StoreOptions};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, yield_now};

use crate::setup::{PATIENCE, Server, finding};

/// Worlds times readers are 2,000 histories.
const WORLDS: u64 = 25;
const READERS: u64 = 80;
/// Commits of a world, and after how many the server is started anew.
const STEPS: u32 = 40;
const STEPS_BETWEEN_RESTARTS: u32 = 13;
const TENANTS: [&str; 2] = ["alma", "other"];

/// How a reader keeps its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keeping {
    /// It keeps the cursor of its last message: it sees everything once.
    Cursor,
    /// It acknowledges now and then under its own name, and keeps nothing else: what it saw and did not acknowledge
    /// comes again.
    Subscription,
}

/// What a reader got from one connection: where it wanted to go on, and every message.
#[derive(Debug)]
struct Connection {
    /// The cursor it came back with, or that it acknowledged last; empty at first.
    from: String,
    messages: Vec<wire::WatchAlertsResponse>,
}

/// Where the server is, while there is one, and how many events each tenant has when the writer is done.
#[derive(Clone)]
struct Board {
    address: watch::Receiver<Option<SocketAddr>>,
    totals: watch::Receiver<Option<[u64; 2]>>,
}

/// A store in a file, and the server on it.
struct World {
    path: PathBuf,
    address: watch::Sender<Option<SocketAddr>>,
    running: Option<(Service, Server)>,
}

impl World {
    async fn start(path: &Path) -> Self {
        let mut world = Self { path: path.to_owned(), address: watch::channel(None).0, running: None };
        world.open().await;
        world
    }

    async fn open(&mut self) {
        let store = loop {
            let options = StoreOptions { group_window: Duration::ZERO, ..StoreOptions::default() };
            match Store::open(&self.path, options, Arc::new(|| 1_700_000_000_000)) {
                Ok(store) => break store,
                // A call of the server before may still hold it for a moment.
                Err(StoreError::AlreadyOpen) => yield_now().await,
                Err(fault) => panic!("{fault}"),
            }
        };
        let service = Service::start(store, ServiceOptions::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = ServeOptions { drain_max: Duration::from_millis(200), ..ServeOptions::default() };
        let server = Server::start_on(listener, &service, options);
        self.address.send_replace(Some(server.address));
        self.running = Some((service, server));
    }

    async fn restart(&mut self) {
        self.address.send_replace(None);
        let (service, mut server) = self.running.take().unwrap();
        server.stop();
        server.stopped().await;
        drop(service);
        self.open().await;
    }

    fn service(&self) -> &Service {
        &self.running.as_ref().unwrap().0
    }

    /// A finding that is new, changes an alert, closes or reopens one; or a person who comments.
    async fn step(&self, random: &mut ChaCha8Rng) {
        let tenant = TENANTS[random.random_range(0..2)];
        if random.random_bool(0.2) {
            let id = AlertId(random.random_range(1..4));
            let held = self.service().store().snapshot().unwrap().tenant(tenant).unwrap().alert(id).unwrap();
            let Some(alert) = held else { return };
            let step = ReviewStep::Decide { decision: ReviewDecision::Comment, reason: None, assignee: None };
            let comment = format!("seen at {}", alert.revision);
            let act = ReviewAct { revision: alert.revision, actor: "ana".to_owned(), comment, step };
            self.service().review(tenant, id, "", act).await.unwrap().unwrap();
            return;
        }
        let changed = |random: &mut ChaCha8Rng| Finding {
            level: [Level::None, Level::High][usize::from(random.random_bool(0.7))],
            score: Probability::from_f64(random.random_range(0.0..1.0)),
            ..finding(tenant, random.random_range(0..6))
        };
        let findings = (0..random.random_range(1..4)).map(|_| changed(random)).collect();
        self.service().store().commit_judgements(findings, None, rule(AlertPolicy::default())).await.unwrap();
    }

    fn totals(&self) -> [u64; 2] {
        let snapshot = self.service().store().snapshot().unwrap();
        TENANTS.map(|tenant| snapshot.tenant(tenant).unwrap().newest_event_sequence().unwrap())
    }
}

/// Reads until it has the last event, leaving and coming back as its dice say.
async fn read(seed: u64, tenant: usize, keeping: Keeping, mut board: Board) -> Vec<Connection> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let name = format!("reader-{seed}");
    let (mut history, mut from, mut last) = (Vec::new(), String::new(), 0);
    if random.random_bool(0.1) {
        // Asleep until everything has happened.
        board.totals.wait_for(Option::is_some).await.unwrap();
    }
    loop {
        let address = board.address.wait_for(Option::is_some).await.unwrap().unwrap();
        let Ok(client) = Client::connect(&format!("http://{address}"), TENANTS[tenant]).await else {
            yield_now().await;
            continue;
        };
        let (cursor, subscription) = match keeping {
            Keeping::Cursor => (from.clone(), String::new()),
            Keeping::Subscription => (String::new(), name.clone()),
        };
        let request = WatchAlertsRequest { cursor, subscription, checkpoint_interval: None };
        let opened = AlertServiceClient::new(client.channel()).watch_alerts(client.request(request)).await;
        let Ok(stream) = opened else {
            yield_now().await;
            continue;
        };
        let mut stream = stream.into_inner();
        history.push(Connection { from: from.clone(), messages: Vec::new() });
        let (leaves_after, pauses) = (random.random_range(1..30), random.random_range(0..20));
        for _ in 0..leaves_after {
            let is_all = |totals: &Option<[u64; 2]>| totals.is_some_and(|totals| totals[tenant] <= last);
            let message = tokio::select! {
                message = stream.message() => message,
                _ = board.totals.wait_for(is_all) => return history,
            };
            let Ok(Some(message)) = message else { break };
            if let Some(Content::Event(event)) = &message.content {
                last = event.sequence;
            }
            let cursor = message.cursor.clone();
            history.last_mut().unwrap().messages.push(message);
            match keeping {
                Keeping::Cursor => from = cursor,
                Keeping::Subscription if random.random_bool(0.3) => {
                    // Not answered is not acknowledged, although it may be: it is asked for before going on.
                    if client.acknowledge(&name, &cursor).await.is_err() {
                        break;
                    }
                    from = cursor;
                }
                Keeping::Subscription => {}
            }
            for _ in 0..pauses {
                yield_now().await;
            }
        }
    }
}

/// What happened, by sequence, as the histories of the alerts have it: another way to the events than the watch.
async fn happened(client: &Client) -> BTreeMap<u64, wire::AlertEvent> {
    let mut alerts = AlertServiceClient::new(client.channel());
    let listed = alerts.list_alerts(client.request(ListAlertsRequest::default())).await.unwrap().into_inner().alerts;
    let mut events = BTreeMap::new();
    for alert in listed {
        let request = ListAlertActivityRequest { alert_id: alert.alert_id, page_size: 1_000, ..Default::default() };
        let page = alerts.list_alert_activity(client.request(request)).await.unwrap().into_inner();
        events.extend(page.events.into_iter().map(|event| (event.sequence, event)));
    }
    assert!(events.keys().copied().eq(1..=events.len() as u64), "the histories of the alerts are the stream");
    events
}

/// Holds a history against the guarantees; how many events it saw.
fn check(history: &[Connection], keeping: Keeping, happened: &BTreeMap<u64, wire::AlertEvent>) -> usize {
    // The place that a cursor stands for, learnt from the messages themselves.
    let mut place_of: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut place, mut reached, mut seen) = (0, 0, 0);
    for connection in history {
        let Some((first, rest)) = connection.messages.split_first() else { continue };
        // Resumable: the first message is a checkpoint at the place that was asked for.
        assert!(matches!(first.content, Some(Content::Checkpoint(_))), "a stream begins by saying where");
        match (place_of.get(first.cursor.as_str()), connection.from.as_str()) {
            (_, "") if place_of.is_empty() => assert_eq!(place, 0),
            // An acknowledgement that got lost on its way back counts all the same, so it may stand further on.
            (Some(resumed), _) if keeping == Keeping::Subscription => {
                assert!(place_of.get(connection.from.as_str()).is_none_or(|asked| asked <= resumed));
                place = *resumed;
            }
            (Some(resumed), from) => {
                assert_eq!((first.cursor.as_str(), *resumed), (from, place));
            }
            (None, from) => panic!("a stream began at a place that was not asked for: {from}"),
        }
        place_of.insert(&first.cursor, place);
        for message in rest {
            match &message.content {
                Some(Content::Event(event)) => {
                    // Ordered, unique, reliable: the next one, no other. Atomic: whole, and as it was made durable.
                    assert_eq!(event.sequence, place + 1);
                    assert_eq!(Some(event), happened.get(&event.sequence));
                    place = event.sequence;
                    reached = reached.max(place);
                    seen += 1;
                    let known = place_of.insert(&message.cursor, place);
                    assert!(known.is_none_or(|known| known == place), "one cursor, one place");
                }
                // Bookmarkable: it stands where the last message did; the checks above see that nothing earlier comes.
                Some(Content::Checkpoint(_)) => assert_eq!(place_of.get(message.cursor.as_str()), Some(&place)),
                None => panic!("a message says nothing"),
            }
        }
    }
    assert_eq!(reached, happened.len() as u64, "the history goes up to the last event");
    seen
}

async fn run_world(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::start(&folder.path().join("store")).await;
    let (totals, seen_totals) = watch::channel(None);
    let board = Board { address: world.address.subscribe(), totals: seen_totals };
    let readers: Vec<(usize, Keeping, JoinHandle<Vec<Connection>>)> = (0..READERS)
        .map(|reader| {
            let tenant = (reader % 2) as usize;
            let keeping = if reader % 4 < 2 { Keeping::Cursor } else { Keeping::Subscription };
            (tenant, keeping, tokio::spawn(read(seed * READERS + reader, tenant, keeping, board.clone())))
        })
        .collect();
    for step in 0..STEPS {
        if step % STEPS_BETWEEN_RESTARTS == STEPS_BETWEEN_RESTARTS - 1 {
            world.restart().await;
        }
        world.step(&mut random).await;
        yield_now().await;
    }
    totals.send_replace(Some(world.totals()));
    let address = world.running.as_ref().unwrap().1.address;
    let mut truth = Vec::new();
    for tenant in TENANTS {
        truth.push(happened(&Client::connect(&format!("http://{address}"), tenant).await.unwrap()).await);
    }
    let mut connections = 0;
    for (tenant, keeping, reader) in readers {
        // A lost wake would wait for ever, and a test that hangs tells nobody why.
        let history = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
        connections += history.len();
        let seen = check(&history, keeping, &truth[tenant]);
        let is_once = seen == truth[tenant].len();
        assert!(is_once || keeping == Keeping::Subscription, "who keeps its cursor sees everything once");
    }
    assert!(connections as u64 > READERS, "nobody left and came back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_histories_keep_the_six_guarantees() {
    for seed in 0..WORLDS {
        run_world(seed).await;
    }
}
