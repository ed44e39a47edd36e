//! `kill -9` of the built program at random instants under load, with clients that keep a ledger of what they were told.
//!
//! Come here when something is answered before it is safe. Each life of the service is ended by the system, without a
//! word; afterwards everything that was acknowledged must be there, once, and what was found must be what an undisturbed
//! service finds. `ONWARD_KILLS` is the number of lives, `ONWARD_SEED` draws another history.

#![expect(clippy::unwrap_used, reason = "tests may panic")]
#![expect(clippy::print_stdout, reason = "figures of a long run, for whoever asks for them")]

mod installed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onward::api::wire::company_service_client::CompanyServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::shipment_service_client::ShipmentServiceClient;
use onward::api::wire::{ListCompaniesRequest, ListOrdersRequest, ListShipmentsRequest, RecordOutcome, RecordStatus};
use onward::api::{Batch, Client, ClientError, RecordKind};
use onward::model::{AlertEvent, AlertId, Finding, Level, Record, ReviewAct, ReviewDecision, ReviewStep};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};

use installed::{PATIENCE, Place, Service, said};

const KILLS_DEFAULT: u64 = 20;
const ORDERS: u64 = 200;
const RECORDS_PER_BATCH: usize = 3;
/// How often others have a turn after that, so that it ends anywhere and not only behind an answer.
const TURNS_MAX: u64 = 5_000;
/// Where all is sent there may be fewer answers than were wanted: then it ends in a lull.
const LULL_MAX: Duration = Duration::from_millis(300);
const TENANT: &str = "alma";
const SUBSCRIPTION: &str = "desk";
const KINDS: [RecordKind; 3] = [RecordKind::Companies, RecordKind::Shipments, RecordKind::Orders];

/// What the clients were told, over all lives.
#[derive(Default)]
struct Ledger {
    /// Outcomes by request id.
    batches: BTreeMap<String, Vec<RecordOutcome>>,
    events: Vec<AlertEvent>,
    cursor: Option<String>,
    /// How far the subscription was acknowledged.
    acknowledged: u64,
    /// Comments on alerts that were answered with success.
    comments: Vec<(AlertId, String)>,
    /// Comments whose answer never came.
    doubtful: Vec<(AlertId, String)>,
    answers: u64,
}

/// The ledger, and whom to wake when there is an answer.
#[derive(Clone, Default)]
struct Desk {
    ledger: Arc<Mutex<Ledger>>,
    answered: Arc<Notify>,
}

impl Desk {
    /// Writes down what was told.
    fn told<T>(&self, write: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.answers += 1;
        self.answered.notify_one();
        write(&mut ledger)
    }

    fn look<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.ledger.lock().unwrap())
    }

    /// Sends batches until they are answered or the service is gone.
    async fn send(self, client: Client, kind: RecordKind, batches: Vec<Batch>) {
        let (sender, receiver) = mpsc::channel(1);
        let feeding = async move {
            for batch in batches {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        };
        let sending = client.ingest(kind, receiver, |report| {
            assert_eq!(report.refused, None, "{}", report.request_id);
            self.told(|ledger| ledger.batches.insert(report.request_id, report.outcomes));
        });
        // An error is the end of the service, or the test ends with what is missing.
        let _ = tokio::join!(sending, feeding);
    }

    /// Follows alerts, acknowledges some, and comments on some.
    async fn work(self, client: Client, mut random: ChaCha8Rng) {
        let mut watch = client.watch(self.look(|ledger| ledger.cursor.clone()));
        while let Ok(watched) = watch.next().await {
            let Some(event) = watched.event else { continue };
            let (id, revision) = (event.alert.id, event.alert.revision);
            self.told(|ledger| {
                ledger.events.push(event);
                ledger.cursor = Some(watched.cursor.clone());
            });
            if random.random_bool(0.3)
                && let Ok(state) = client.acknowledge(SUBSCRIPTION, &watched.cursor).await
            {
                self.told(|ledger| ledger.acknowledged = state.subscription.sequence);
            }
            if random.random_bool(0.3) {
                self.comment(&client, id, revision, random.random()).await;
            }
        }
    }

    async fn comment(&self, client: &Client, id: AlertId, revision: u32, number: u64) {
        let step = ReviewStep::Decide { decision: ReviewDecision::Comment, reason: None, assignee: None };
        let comment = format!("note {number:x}");
        let act = ReviewAct { revision, actor: "ana".to_owned(), comment: comment.clone(), step };
        // Noted first: when the service ends meanwhile, it may be there or not, but not twice.
        self.ledger.lock().unwrap().doubtful.push((id, comment.clone()));
        match client.review(id, &comment, act).await {
            Ok(_) => self.told(|ledger| {
                ledger.doubtful.retain(|(_, other)| *other != comment);
                ledger.comments.push((id, comment));
            }),
            // The alert went on in the meantime: nothing was done, and the answer says so.
            Err(ClientError::Refused { .. }) => {
                self.told(|ledger| ledger.doubtful.retain(|(_, other)| *other != comment));
            }
            Err(_) => {}
        }
    }
}

/// What there is to send, by request id.
type Batches = BTreeMap<String, (RecordKind, Batch)>;

/// A world in batches, each under its own request id.
fn batches() -> Batches {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(5, ORDERS, ORDERS * 4, Profile::Small), &mut world).unwrap();
    let companies = world.companies.into_iter().map(|row| Record::Company(Box::new(row))).collect::<Vec<_>>();
    let shipments = world.shipments.into_iter().map(|row| Record::Shipment(Box::new(row))).collect();
    let orders = world.orders.into_iter().map(|row| Record::Order(Box::new(row))).collect();
    let mut batches = BTreeMap::new();
    for (kind, records) in KINDS.into_iter().zip([companies, shipments, orders]) {
        for (number, records) in records.chunks(RECORDS_PER_BATCH).enumerate() {
            let request_id = format!("{kind:?}-{number:04}");
            let batch = Batch { request_id: request_id.clone(), records: records.to_vec() };
            batches.insert(request_id, (kind, batch));
        }
    }
    batches
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

fn start(place: &Place, store: &str) -> Service {
    Service::start(&["--data", &place.path(store), "--listen", "127.0.0.1:0", "--log-filter", "warn"])
}

/// One life: everybody works until enough was answered, and then the service is gone.
fn live_and_die(runtime: &Runtime, place: &Place, desk: &Desk, random: &mut ChaCha8Rng, all: &Batches, portion: usize) {
    let mut service = start(place, "store");
    let enough = desk.look(|ledger| ledger.answers) + random.random_range(0..=4 * portion as u64);
    let turns = random.random_range(0..=TURNS_MAX);
    runtime.block_on(async {
        let client = Client::connect(&service.address, TENANT).await.unwrap();
        let held = client.subscription(SUBSCRIPTION).await.map_or(0, |state| state.subscription.sequence);
        let acknowledged = desk.look(|ledger| ledger.acknowledged);
        assert!(held >= acknowledged, "the subscription went back from {acknowledged} to {held}");
        let mut working = tokio::task::JoinSet::new();
        for kind in KINDS {
            let open = |(id, (other, batch)): (&String, &(RecordKind, Batch))| {
                let is_open = *other == kind && desk.look(|ledger| !ledger.batches.contains_key(id));
                is_open.then(|| batch.clone())
            };
            let mut open: Vec<Batch> = all.iter().filter_map(open).collect();
            open.shuffle(random);
            open.truncate(portion);
            working.spawn(desk.clone().send(client.clone(), kind, open));
        }
        working.spawn(desk.clone().work(client, ChaCha8Rng::seed_from_u64(random.random())));
        let answered = async {
            while desk.look(|ledger| ledger.answers) < enough {
                desk.answered.notified().await;
            }
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(LULL_MAX, answered).await;
        service.crash();
        working.shutdown().await;
    });
}

/// What names a record, of those that were sent.
fn name_of(record: &Record) -> String {
    match record {
        Record::Order(line) => format!("order {} {}", line.key.order_id, line.key.line_no),
        Record::Shipment(line) => format!("paper {} {}", line.key.number, line.key.line_no),
        Record::Company(row) => format!("company {}", row.identifier),
    }
}

macro_rules! listed {
    ($names:expr, $channel:expr, $client:ident, $list:ident, $request:ident, $rows:ident, $name:expr) => {
        let mut client = $client::new($channel.clone());
        let mut page_token = String::new();
        loop {
            let mut request = tonic::Request::new($request { page_size: 1_000, page_token });
            request.metadata_mut().insert("onward-tenant", TENANT.parse().unwrap());
            let answer = client.$list(request).await.unwrap().into_inner();
            $names.extend(answer.$rows.into_iter().map($name));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
    };
}

/// The names of everything that the service has.
async fn names_held(address: &str) -> BTreeSet<String> {
    let channel = tonic::transport::Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
    let mut names = BTreeSet::new();
    listed!(names, channel, OrderServiceClient, list_orders, ListOrdersRequest, orders, |row| {
        let key = row.key.unwrap();
        format!("order {} {}", key.order_id, key.line_no)
    });
    listed!(names, channel, ShipmentServiceClient, list_shipments, ListShipmentsRequest, shipments, |row| {
        let key = row.key.unwrap();
        format!("paper {} {}", key.document_number, key.line_no)
    });
    listed!(names, channel, CompanyServiceClient, list_companies, ListCompaniesRequest, companies, |row| {
        format!("company {}", row.key.unwrap().identifier)
    });
    names
}

/// Sends batches once more; the outcomes by request id.
async fn sent_again(client: &Client, all: &Batches) -> BTreeMap<String, Vec<RecordOutcome>> {
    let desk = Desk::default();
    for kind in KINDS {
        let of_kind = all.values().filter(|(other, _)| *other == kind).map(|(_, batch)| batch.clone()).collect();
        desk.clone().send(client.clone(), kind, of_kind).await;
    }
    desk.look(|ledger| ledger.batches.clone())
}

async fn events_from_the_beginning(client: &Client, last: u64) -> Vec<AlertEvent> {
    let (mut watch, mut events) = (client.watch(None), Vec::new());
    while events.last().is_none_or(|event: &AlertEvent| event.sequence < last) {
        events.push(tokio::time::timeout(PATIENCE, watch.next_event()).await.unwrap().unwrap());
    }
    events
}

/// What an undisturbed service finds in the same records.
async fn found_undisturbed(place: &Place, all: &Batches) -> Vec<Finding> {
    let service = start(place, "undisturbed");
    let client = Client::connect(&service.address, TENANT).await.unwrap();
    sent_again(&client, all).await;
    client.wait_until_screened().await.unwrap();
    client.all_findings(Level::None).await.unwrap()
}

/// Everything in the ledger against what a last service says, which nobody kills.
fn hold_against(runtime: &Runtime, place: &Place, desk: &Desk, all: &Batches) {
    let service = start(place, "store");
    runtime.block_on(async {
        let client = Client::connect(&service.address, TENANT).await.unwrap();
        let names = names_held(&service.address).await;
        desk.look(|ledger| {
            let acknowledged = all.iter().filter(|(id, _)| ledger.batches.contains_key(*id));
            let mut records = acknowledged.flat_map(|(_, (_, batch))| &batch.records).map(name_of);
            assert_eq!(records.find(|name| !names.contains(name)), None, "acknowledged, and not there");
        });
        let held = sent_again(&client, all).await;
        desk.look(|ledger| {
            for (id, outcomes) in &ledger.batches {
                assert_eq!(held.get(id), Some(outcomes), "{id} is answered as it was");
            }
        });
        let statuses = || held.values().flatten().map(RecordOutcome::status);
        assert!(statuses().all(|status| status == RecordStatus::Stored), "each record was new, once");
        client.wait_until_screened().await.unwrap();
        assert!(
            client.all_findings(Level::None).await.unwrap() == found_undisturbed(place, all).await,
            "found is what an undisturbed service finds"
        );

        let (events, comments, doubtful) =
            desk.look(|ledger| (ledger.events.clone(), ledger.comments.clone(), ledger.doubtful.clone()));
        let told = events_from_the_beginning(&client, events.last().map_or(0, |event| event.sequence)).await;
        assert!(told == events, "what was watched over all lives is the stream from its beginning, each event once");
        for (id, comment) in &comments {
            assert_eq!(times(&client, *id, comment).await, 1, "{comment} on alert {id}");
        }
        for (id, comment) in &doubtful {
            assert!(times(&client, *id, comment).await <= 1, "{comment} on alert {id} is there twice");
        }
    });
    let (code, _) = service.terminate();
    assert_eq!(code, Some(0));
}

/// How often a comment stands in the activity of an alert.
async fn times(client: &Client, id: AlertId, comment: &str) -> usize {
    let activity = client.alert_activity(id).await.unwrap();
    activity.iter().filter(|event| event.act.as_ref().is_some_and(|act| act.comment == comment)).count()
}

#[test]
fn what_was_acknowledged_is_there_whenever_the_service_is_killed() {
    let (kills, seed) = (setting("ONWARD_KILLS", KILLS_DEFAULT), setting("ONWARD_SEED", 1));
    let (runtime, place, desk, all) = (Runtime::new().unwrap(), Place::new(), Desk::default(), batches());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // A life ends after some answers, between none and four times the share that each would have of all batches: the
    // acknowledgements and comments of the desk count too.
    let portion = (all.len() / kills as usize).max(2);
    for _ in 0..kills {
        live_and_die(&runtime, &place, &desk, &mut random, &all, portion);
    }
    hold_against(&runtime, &place, &desk, &all);
    let trail = said(&["audit", "verify", "--data", &place.path("store")]);
    let line = trail.lines().find(|line| line.contains("batch_accepted")).unwrap();
    assert!(line.ends_with(&format!(" {}", all.len())), "each batch was accepted once, of {}: {line}", all.len());
    let told = desk.look(|ledger| (ledger.batches.len(), ledger.events.len(), ledger.comments.len()));
    assert!(told.0 > 0 && told.1 > 0 && told.2 > 0, "there must be something to lose: {told:?}");
    println!("seed {seed}: {kills} kills; batches, events, comments that were acknowledged: {told:?} of {}", all.len());
}
