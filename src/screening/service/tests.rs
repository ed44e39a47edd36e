//! The judging thread driven by hand, one round at a time.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Progress, SLICE_ORDERS, ServiceOptions, Worker, read};
use crate::model::{CauseKind, Finding, OrderKey, Record};
use crate::screening::judge;
use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use crate::store::{AcceptBatch, Store, StoreOptions};

const TENANT: &str = "alma";

fn open(path: &Path) -> Store {
    Store::open(path, StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap()
}

/// The worker, who is told to stop when the other part is dropped, and where it says how far it is.
fn worker(store: &Store) -> (Worker, watch::Sender<bool>, watch::Receiver<Progress>) {
    let (progress, seen) = watch::channel(Progress::default());
    let (stop, stopped) = watch::channel(false);
    (Worker::new(store.clone(), ServiceOptions::default(), 0, progress, stopped), stop, seen)
}

fn accept(store: &Store, records: &[Record]) {
    for chunk in records.chunks(5_000) {
        let (tenant, records) = (TENANT.to_owned(), chunk.to_vec());
        store.accept_blocking(AcceptBatch { tenant, records, shared: true, ..AcceptBatch::default() }).unwrap();
    }
}

/// Shipment lines and order lines.
fn records(order_count: u64) -> (Vec<Record>, Vec<Record>) {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(44, order_count, order_count * 3, Profile::Small), &mut world).unwrap();
    let orders = world.orders.into_iter().map(|line| Record::Order(Box::new(line))).collect();
    (world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line))).collect(), orders)
}

fn key(record: &Record) -> &OrderKey {
    let Record::Order(line) = record else { panic!("an order line") };
    &line.key
}

/// What is committed.
fn finding(store: &Store, order: &OrderKey) -> Option<Finding> {
    let stored = store.snapshot().unwrap().tenant(TENANT).unwrap().finding(order).unwrap();
    stored.map(|stored| stored.finding)
}

/// Which changes of findings have a cause of this kind.
fn changed_by(store: &Store, kind: CauseKind) -> usize {
    let changes = store.snapshot().unwrap().tenant(TENANT).unwrap().changes(0, 0, usize::MAX).unwrap();
    changes.iter().filter(|change| change.causes.iter().any(|cause| cause.kind == kind)).count()
}

/// What every order line held comes to when it is judged now.
fn judged_now(worker: &Worker) -> Vec<Finding> {
    let holdings = read(&worker.holdings);
    let cuts = holdings.cuts();
    cuts.iter().flat_map(|cut| judge(&holdings.case(cut), &worker.options.policy)).collect()
}

#[test]
fn a_line_that_comes_does_not_wait_for_its_tenant_to_be_judged_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("onward.redb"));
    let (shipments, orders) = records(4 * SLICE_ORDERS[1] as u64);
    let (held, coming) = orders.split_at(3 * SLICE_ORDERS[1]);
    let (papers_held, papers_coming) = shipments.split_at(shipments.len() / 4);
    accept(&store, papers_held);
    accept(&store, held);
    let (mut worker, _stop, seen) = worker(&store);
    while worker.round().unwrap() {}
    let newest = || store.snapshot().unwrap().newest_record_sequence().unwrap();
    assert_eq!(seen.borrow().judged_through, newest());
    let (mut waited, shared_causes) = (0, changed_by(&store, CauseKind::TenantsRecord));
    for (line, papers) in coming.iter().zip(papers_coming.chunks(papers_coming.len() / coming.len())) {
        accept(&store, papers);
        accept(&store, std::slice::from_ref(line));
        assert!(worker.round().unwrap());
        assert!(finding(&store, key(line)).is_some(), "the line that came is judged");
        let is_through = seen.borrow().judged_through == newest();
        assert_eq!(is_through, worker.backlog.is_empty(), "nothing is judged through while lines wait because of it");
        waited += usize::from(!is_through);
        if waited == 3 {
            break;
        }
    }
    assert!(waited > 0, "no line changed what its tenant's lines say together");
    while worker.round().unwrap() {}
    assert_eq!(seen.borrow().judged_through, newest());
    assert!(changed_by(&store, CauseKind::TenantsRecord) > shared_causes);
    for now in judged_now(&worker) {
        assert_eq!(finding(&store, &now.order).as_ref(), Some(&now), "order {}", now.order.order_id);
    }
}

#[test]
fn a_round_that_is_broken_off_between_its_steps_is_not_told_as_judged_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("onward.redb"));
    let (shipments, orders) = records(300);
    accept(&store, &shipments);
    accept(&store, &orders);
    let (mut broken_off, stop, seen) = worker(&store);
    let mut commits = store.commits();
    commits.mark_unchanged();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            runtime.block_on(commits.changed()).unwrap();
            stop.send_replace(true);
        });
        while !broken_off.is_stopped() && broken_off.round().unwrap() {}
    });
    let newest = store.snapshot().unwrap().newest_record_sequence().unwrap();
    let through = store.snapshot().unwrap().judged_through().unwrap();
    let judged_count = orders.iter().filter(|order| finding(&store, key(order)).is_some()).count();
    assert!(judged_count > 0, "the first step is committed before the round ends");
    assert!(judged_count == orders.len() || through < newest && seen.borrow().judged_through < newest);

    let (mut later, _stop, seen) = worker(&store);
    while later.round().unwrap() {}
    assert_eq!(seen.borrow().judged_through, newest);
    for now in judged_now(&later) {
        assert_eq!(finding(&store, &now.order).as_ref(), Some(&now), "order {}", now.order.order_id);
    }
}
