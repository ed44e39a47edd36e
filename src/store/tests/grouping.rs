//! One transaction for many: the same as one after the other, and nobody is forgotten.
//!
//! Come here for group commit. [`Direct`] writes a chosen group in the test's own thread, so that groups do not
//! depend on who was fast.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use redb::{Key, ReadTransaction, ReadableTable, StorageBackend, TableDefinition, Value};
use tokio::sync::{Semaphore, oneshot, watch};

use super::disk::{Dice, Disk};
use super::plain::{Plain, Requests, Work, random_work};
use super::samples::{batch, clock, options, order, order_key, rule, store};
use crate::store::backing::Backing;
use crate::store::batch::{AcceptOutcome, EncodedBatch};
use crate::store::creation::prepare;
use crate::store::judgement::{CommitOutcome, EncodedJudgements};
use crate::store::opened::Opened;
use crate::store::waiting::GroupLimits;
use crate::store::writer::{Answer, Command, Writer};
use crate::store::{RecordOutcome, Snapshot, Store, StoreError, StoreOptions, tables};

/// A store without a thread.
pub struct Direct {
    opened: Arc<Opened>,
    writer: Writer,
    room: Arc<Semaphore>,
}

/// What a piece of work was answered.
#[derive(Debug)]
pub enum Reply {
    Accepted(AcceptOutcome),
    Judged,
}

impl Reply {
    pub fn outcomes(self) -> Vec<RecordOutcome> {
        match self {
            Self::Accepted(outcome) => outcome.outcomes,
            Self::Judged => Vec::new(),
        }
    }
}

impl Direct {
    pub fn open(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let opened = Arc::new(Opened::new(Backing::new(backend), 1024 * 1024)?);
        opened.with(|database| prepare(database, options().identity))?;
        let writer = Writer {
            opened: Arc::clone(&opened),
            clock: clock(),
            group_window: Duration::ZERO,
            group_limits: GroupLimits { commands: 64, bytes: usize::MAX },
            look_interval: Duration::from_millis(1),
            commits: watch::channel(0).0,
            alert_commits: watch::channel(0).0,
        };
        Ok(Self { opened, writer, room: Arc::new(Semaphore::new(1024)) })
    }

    /// Writes all of it in one transaction.
    pub fn write(&self, work: &[Work]) -> Vec<Result<Reply, StoreError>> {
        let (mut commands, mut answers) = (Vec::new(), Vec::new());
        for work in work {
            let permit = Arc::clone(&self.room).try_acquire_owned().unwrap();
            match work.clone() {
                Work::Accept(batch) => {
                    let (sender, answer) = oneshot::channel();
                    commands.push(Command::Accept(EncodedBatch::of(batch).unwrap(), Answer { sender, permit }));
                    answers.push(Waiting::Accept(answer));
                }
                Work::Judge(findings, through) => {
                    let (sender, answer) = oneshot::channel();
                    let judgements = EncodedJudgements::of(findings, through, rule()).unwrap();
                    commands.push(Command::Judge(judgements, Answer { sender, permit }));
                    answers.push(Waiting::Judge(answer));
                }
            }
        }
        drop(self.writer.write(commands));
        answers.into_iter().map(Waiting::reply).collect()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.opened.begin_read().unwrap())
    }

    /// Every row of every table.
    fn dump(&self) -> BTreeMap<&'static str, Vec<String>> {
        let transaction = self.opened.begin_read().unwrap();
        BTreeMap::from([
            ("tenants", rows(&transaction, tables::TENANTS)),
            ("tenant_names", rows(&transaction, tables::TENANT_NAMES)),
            ("meta", rows(&transaction, tables::META)),
            ("records", rows(&transaction, tables::RECORDS)),
            ("orders", rows(&transaction, tables::ORDER_KEYS)),
            ("shipments", rows(&transaction, tables::SHIPMENT_KEYS)),
            ("companies", rows(&transaction, tables::COMPANY_KEYS)),
            ("batches", rows(&transaction, tables::BATCHES)),
            ("raw_inputs", rows(&transaction, tables::RAW_INPUTS)),
            ("requests", rows(&transaction, tables::REQUESTS)),
            ("request_expiry", rows(&transaction, tables::REQUEST_EXPIRY)),
            ("findings", rows(&transaction, tables::FINDINGS)),
            ("finding_history", rows(&transaction, tables::FINDING_HISTORY)),
            ("finding_causes", rows(&transaction, tables::FINDING_CAUSES)),
            ("finding_changes", rows(&transaction, tables::FINDING_CHANGES)),
            ("alerts", rows(&transaction, tables::ALERTS)),
            ("alert_by_order", rows(&transaction, tables::ALERT_BY_ORDER)),
            ("alert_events", rows(&transaction, tables::ALERT_EVENTS)),
            ("events_by_alert", rows(&transaction, tables::EVENTS_BY_ALERT)),
            ("audit", rows(&transaction, tables::AUDIT)),
            ("audit_leaves", rows(&transaction, tables::AUDIT_LEAVES)),
            ("audit_nodes", rows(&transaction, tables::AUDIT_NODES)),
        ])
    }
}

enum Waiting {
    Accept(oneshot::Receiver<Result<AcceptOutcome, StoreError>>),
    Judge(oneshot::Receiver<Result<CommitOutcome, StoreError>>),
}

impl Waiting {
    fn reply(self) -> Result<Reply, StoreError> {
        match self {
            Self::Accept(mut answer) => answer.try_recv().unwrap().map(Reply::Accepted),
            Self::Judge(mut answer) => answer.try_recv().unwrap().map(|_| Reply::Judged),
        }
    }
}

fn rows<K: Key + 'static, V: Value + 'static>(
    transaction: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Vec<String> {
    let table = transaction.open_table(table).unwrap();
    let rows = table.iter().unwrap().map(|row| {
        let (key, value) = row.unwrap();
        format!("{:?} {:?}", key.value(), value.value())
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_group_is_the_same_as_one_after_the_other(seed in any::<u64>(), cuts in prop::collection::vec(1usize..6, 1..8)) {
        let mut dice = Dice::new(seed);
        let (grouped, single) = (Direct::open(Disk::default()).unwrap(), Direct::open(Disk::default()).unwrap());
        let (mut plain, mut requests) = (Plain::default(), Requests::new());
        for (round, size) in (0..).zip(cuts) {
            let mut work: Vec<Work> =
                (0..size as u64).map(|number| random_work(&mut dice, round * 10 + number)).collect();
            // The same request again, within the group and in later ones.
            work.push(work[0].clone());
            let outcomes = |replies: Vec<Result<Reply, StoreError>>| -> Vec<_> {
                replies.into_iter().map(|reply| reply.unwrap().outcomes()).collect()
            };
            let expected: Vec<_> = work.iter().map(|work| plain.apply(work, &mut requests)).collect();
            prop_assert_eq!(outcomes(grouped.write(&work)), expected.clone());
            prop_assert_eq!(work.iter().flat_map(|work| outcomes(single.write(std::slice::from_ref(work)))).collect::<Vec<_>>(), expected);
        }
        prop_assert_eq!(grouped.dump(), single.dump());
        prop_assert_eq!(Plain::read(&grouped.snapshot()), plain.trimmed());
    }
}

#[test]
fn eight_threads_find_all_that_they_were_told_is_there() {
    const THREADS: u32 = 8;
    const BATCHES: u32 = 25;
    let store =
        Store::open_in_memory(StoreOptions { group_window: Duration::from_millis(2), ..options() }, clock()).unwrap();
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, start) = (store.clone(), &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..BATCHES {
                    let line = thread * BATCHES + number;
                    let outcome = store
                        .accept_blocking(batch("steppe", &format!("{thread}-{number}"), vec![order(line, "bearing")]))
                        .unwrap();
                    assert!(matches!(outcome.outcomes[..], [RecordOutcome::Stored { .. }]));
                    // Told so means: everybody who looks now sees it.
                    let snapshot = store.snapshot().unwrap();
                    assert!(snapshot.tenant("steppe").unwrap().order(&order_key(line)).unwrap().is_some());
                }
            });
        }
    });
    let found = Plain::read(&store.snapshot().unwrap());
    assert_eq!(found.log.len() as u32, THREADS * BATCHES);
    assert_eq!(found.trail.len() as u32, THREADS * BATCHES);
}

#[test]
fn waiting_senders_share_one_pair_of_syncs() {
    let disk = Disk::default();
    let store = Direct::open(disk.clone()).unwrap();
    let work: Vec<Work> = (0..50)
        .map(|number| Work::Accept(batch("steppe", &format!("{number}"), vec![order(number, "bearing")])))
        .collect();
    let syncs = |work: &[Work]| {
        let before = disk.syncs();
        store.write(work);
        disk.syncs() - before
    };
    syncs(&work[..1]);
    assert_eq!(syncs(&work[1..2]), 2);
    // One more where the file grows.
    assert!((2..=3).contains(&syncs(&work[2..])));
}

#[test]
fn a_reused_request_id_does_not_harm_its_group() {
    let store = Direct::open(Disk::default()).unwrap();
    let work: Vec<Work> = [("a", 1), ("a", 2), ("b", 3)]
        .map(|(request, number)| Work::Accept(batch("steppe", request, vec![order(number, "bearing")])))
        .to_vec();
    let replies = store.write(&work);
    assert!(matches!(replies[..], [Ok(_), Err(StoreError::RequestIdReused), Ok(_)]), "{replies:?}");
    assert_eq!(Plain::read(&store.snapshot()).log.len(), 2);
}

#[test]
fn closing_finishes_what_was_sent() {
    let disk = Disk::default();
    let opened = Store::open_on(disk.clone(), options(), clock()).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..6 {
            let (store, sender) = (opened.clone(), sender.clone());
            scope.spawn(move || {
                let outcome = store.accept_blocking(batch("steppe", "", vec![order(number, "bearing")]));
                sender.send(outcome.is_ok()).unwrap();
            });
        }
    });
    drop(opened);
    assert_eq!(receiver.try_iter().filter(|is_ok| *is_ok).count(), 6);
    let reopened = Store::open_on(disk, options(), clock()).unwrap();
    assert_eq!(Plain::read(&reopened.snapshot().unwrap()).log.len(), 6);
}

#[tokio::test]
async fn senders_beyond_the_queue_wait_and_are_served() {
    let store = store();
    let raw = || crate::store::RawInput { label: "file".to_owned(), bytes: vec![b'x'; 4 * 1024 * 1024] };
    // Twenty-four times four mebibytes: more than the queue holds at once.
    let tasks: Vec<_> = (0..24)
        .map(|number| {
            let store = store.clone();
            let mut batch = batch("steppe", &format!("{number}"), vec![order(number, "bearing")]);
            batch.raw = Some(raw());
            tokio::spawn(async move { store.accept(batch).await })
        })
        .collect();
    for task in tasks {
        assert!(!task.await.unwrap().unwrap().replayed);
    }
}
