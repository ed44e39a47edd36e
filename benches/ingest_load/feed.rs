//! Records of simulated worlds in batches, made while they are sent.
//!
//! Come here for what is sent. Worlds are made one after the other, each from its own seed and under its own names, so
//! that no record comes twice; nothing of a world is held beyond the batches that wait and the lines that are kept back.

use std::io;
use std::thread::JoinHandle;

use onward::api::{Batch, Client, RecordKind};
use onward::model::{Company, OrderLine, Record, ShipmentLine};
use onward::simulation::{Profile, TruthLink, TruthOrder, TruthParty, WorldOptions, WorldSink, generate};
use tokio::sync::mpsc;

use crate::lane::Lane;

/// Batches that wait to be sent.
const BATCHES_WAITING_MAX: usize = 64;
/// Records of a batch that fills a store.
const FILLING_BATCH: usize = 500;
/// Batches under way while a store is filled.
const FILLING_UNANSWERED: usize = 12;

/// What is wanted of the worlds.
#[derive(Clone)]
pub struct Wanted {
    pub seed: u64,
    /// Order lines of one world.
    pub orders: u64,
    /// Shipment lines of one world.
    pub shipments: u64,
    /// How many worlds; for ever when nothing is said.
    pub worlds: Option<u64>,
    /// What is sent of them.
    pub kinds: Vec<RecordKind>,
    pub batch_records: usize,
    /// Of so many shipment lines one is kept back; 0 keeps none.
    pub keep_one_in: u64,
    /// Stands before all names, so that two feeds do not meet.
    pub prefix: String,
}

/// A batch with its kind.
pub struct Fed {
    pub kind: RecordKind,
    pub batch: Batch,
}

/// Begins to make records, until the receiver is dropped or all worlds are made; then the shipment lines kept back.
pub fn start(wanted: Wanted) -> (mpsc::Receiver<Fed>, JoinHandle<Vec<ShipmentLine>>) {
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let making = std::thread::spawn(move || {
        let Wanted { seed, orders, shipments, worlds, .. } = wanted;
        let mut feed =
            Feed { wanted, world: 0, sent: 0, met: 0, sender, waiting: Default::default(), kept: Vec::new() };
        while worlds.is_none_or(|worlds| feed.world < worlds) {
            let options = WorldOptions::new(seed + feed.world, orders, shipments, Profile::Small);
            if generate(&options, &mut feed).and_then(|_| feed.flush()).is_err() {
                break;
            }
            feed.world += 1;
        }
        feed.kept
    });
    (receiver, making)
}

/// Puts one world into the store as fast as it goes, register first; the shipment lines kept back.
pub async fn fill(client: &Client, seed: u64, orders: u64, shipments: u64, keep_one_in: u64) -> Vec<ShipmentLine> {
    let kinds = vec![RecordKind::Companies, RecordKind::Orders, RecordKind::Shipments];
    let prefix = format!("held-{}-", client.tenant());
    let wanted =
        Wanted { seed, orders, shipments, worlds: Some(1), kinds, batch_records: FILLING_BATCH, keep_one_in, prefix };
    let (mut feed, making) = start(wanted);
    let open = |kind| Lane::open(client.clone(), kind, FILLING_UNANSWERED);
    let lanes = [RecordKind::Orders, RecordKind::Shipments, RecordKind::Companies].map(open);
    while let Some(Fed { kind, batch }) = feed.recv().await {
        lanes[place_of(kind)].send(batch, None).await;
    }
    for lane in lanes {
        lane.finish().await;
    }
    making.join().unwrap()
}

fn place_of(kind: RecordKind) -> usize {
    match kind {
        RecordKind::Orders => 0,
        RecordKind::Shipments => 1,
        RecordKind::Companies => 2,
    }
}

struct Feed {
    wanted: Wanted,
    world: u64,
    sent: u64,
    /// Shipment lines met.
    met: u64,
    sender: mpsc::Sender<Fed>,
    /// Orders, shipments, companies.
    waiting: [Vec<Record>; 3],
    kept: Vec<ShipmentLine>,
}

impl Feed {
    fn add(&mut self, kind: RecordKind, record: impl FnOnce(&Self) -> Record) -> io::Result<()> {
        if !self.wanted.kinds.contains(&kind) {
            return Ok(());
        }
        let record = record(self);
        self.waiting[place_of(kind)].push(record);
        if self.waiting[place_of(kind)].len() < self.wanted.batch_records { Ok(()) } else { self.send(kind) }
    }

    fn send(&mut self, kind: RecordKind) -> io::Result<()> {
        let records = std::mem::take(&mut self.waiting[place_of(kind)]);
        if records.is_empty() {
            return Ok(());
        }
        self.sent += 1;
        let batch = Batch { request_id: format!("{}{}", self.wanted.prefix, self.sent), records };
        // An error where nobody wants any more.
        self.sender.blocking_send(Fed { kind, batch }).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        [RecordKind::Companies, RecordKind::Orders, RecordKind::Shipments]
            .into_iter()
            .try_for_each(|kind| self.send(kind))
    }

    fn named(&self, name: &str) -> String {
        format!("{}{}-{name}", self.wanted.prefix, self.world)
    }
}

impl WorldSink for Feed {
    fn company(&mut self, company: &Company) -> io::Result<()> {
        self.add(RecordKind::Companies, |_| Record::Company(Box::new(company.clone())))
    }

    fn order(&mut self, order: &OrderLine) -> io::Result<()> {
        self.add(RecordKind::Orders, |feed| {
            let mut line = order.clone();
            line.key.order_id = feed.named(&line.key.order_id);
            Record::Order(Box::new(line))
        })
    }

    fn shipment(&mut self, shipment: &ShipmentLine) -> io::Result<()> {
        let mut line = shipment.clone();
        line.key.number = self.named(&line.key.number);
        self.met += 1;
        if self.wanted.keep_one_in > 0 && self.met.is_multiple_of(self.wanted.keep_one_in) {
            self.kept.push(line);
            return Ok(());
        }
        self.add(RecordKind::Shipments, |_| Record::Shipment(Box::new(line)))
    }

    fn truth_link(&mut self, _: &TruthLink) -> io::Result<()> {
        Ok(())
    }

    fn truth_order(&mut self, _: &TruthOrder) -> io::Result<()> {
        Ok(())
    }

    fn truth_party(&mut self, _: &TruthParty) -> io::Result<()> {
        Ok(())
    }
}
