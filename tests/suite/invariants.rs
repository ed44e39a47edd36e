//! Invariants of the whole engine on simulated worlds: conservation, independence of order and batching,
//! agreement of files and service, no leak between tenants, the same case for ever the same finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onward::model::{Case, Corridor, DocumentKey, Finding, OrderKey, Record};
use onward::screening::batch::{Batch, Outcome};
use onward::screening::{Affected, Holdings, Policy, Service, ServiceOptions, judge};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{AcceptBatch, Store, StoreOptions};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const TENANT: &str = "acme";

pub fn world(seed: u64, orders: u64, profile: Profile) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, orders, orders * 5, profile), &mut world).unwrap();
    world
}

pub fn records(world: &MemoryWorld) -> Vec<Record> {
    let companies = world.companies.iter().map(|company| Record::Company(Box::new(company.clone())));
    let shipments = world.shipments.iter().map(|line| Record::Shipment(Box::new(line.clone())));
    let orders = world.orders.iter().map(|line| Record::Order(Box::new(line.clone())));
    companies.chain(shipments).chain(orders).collect()
}

pub fn screened(world: &MemoryWorld) -> Vec<Finding> {
    let mut batch = Batch::new(TENANT, Policy::default());
    batch.take(records(world));
    let mut findings = Vec::new();
    let screening = batch.resolve(&|_, _, _| {});
    let collected = screening.findings(
        &|_, _, _| {},
        |finding, _| finding,
        |outcome| match outcome {
            Outcome::New(finding) => {
                findings.push(finding);
                Ok(())
            }
            Outcome::Again(_) | Outcome::AsBefore => Err("there was no earlier run"),
        },
    );
    assert_eq!(collected, Ok(()));
    findings
}

/// Judges after every chunk only what settling says is affected, keeping the last finding of each order line.
fn judged_step_by_step(records: &[Record], chunks: &[usize]) -> Vec<Finding> {
    let policy = Policy::default();
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    let mut findings: BTreeMap<OrderKey, Finding> = BTreeMap::new();
    let mut rest = records;
    for size in chunks.iter().copied().chain(std::iter::once(usize::MAX)) {
        let (now, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        for record in now {
            holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record.clone());
        }
        let affected = holdings.settle();
        for cut in holdings.cuts_of(&affected.orders()) {
            for finding in judge(&holdings.case(&cut), &policy) {
                findings.insert(finding.order.clone(), finding);
            }
        }
    }
    findings.into_values().collect()
}

/// Compares finding by finding, so that a failure names the first order line and not a wall of text.
pub fn assert_same(left: &[Finding], right: &[Finding]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        let unhashed = |finding: &Finding| Finding { case_hash: [0; 32], ..finding.clone() };
        assert_eq!(unhashed(left), unhashed(right), "order {}", left.order.order_id);
        assert_eq!(left.case_hash, right.case_hash, "case of order {}", left.order.order_id);
    }
}

#[test]
fn every_order_line_has_one_finding_and_some_are_suspected() {
    let world = world(11, 200, Profile::Small);
    let findings = screened(&world);
    let mut keys: Vec<&OrderKey> = world.orders.iter().map(|line| &line.key).collect();
    keys.sort();
    assert_eq!(findings.iter().map(|finding| &finding.order).collect::<Vec<_>>(), keys);
    assert!(findings.iter().any(|finding| finding.score.to_f64() > 0.8));
}

#[test]
fn goods_are_conserved_over_all_findings_of_a_tenant() {
    for profile in [Profile::Small, Profile::Harder] {
        let world = world(12, 300, profile);
        let ordered: BTreeMap<&OrderKey, i64> =
            world.orders.iter().map(|line| (&line.key, line.quantity.millionths())).collect();
        let shipped: BTreeMap<&DocumentKey, _> = world.shipments.iter().map(|line| (&line.key, line)).collect();
        let mut carried: BTreeMap<&DocumentKey, i64> = BTreeMap::new();
        let findings = screened(&world);
        for finding in &findings {
            let given: i64 = finding.links.iter().map(|link| link.quantity.millionths()).sum();
            assert!(given <= ordered[&finding.order], "order {}", finding.order.order_id);
            assert!(finding.attributed_low <= finding.attributed && finding.attributed <= finding.attributed_high);
            assert!(finding.attributed_high.millionths() <= ordered[&finding.order]);
            for link in &finding.links {
                if shipped[&link.onward].unit == link.unit {
                    *carried.entry(&link.onward).or_default() += link.quantity.millionths();
                }
            }
        }
        assert!(!carried.is_empty());
        for (paper, carried) in carried {
            assert!(carried <= shipped[paper].quantity.millionths(), "paper {}", paper.number);
        }
    }
}

#[test]
fn neither_order_nor_batching_nor_repetition_changes_a_finding() {
    let world = world(13, 150, Profile::Small);
    let expected = screened(&world);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..4 {
        let mut records = records(&world);
        let again: Vec<Record> = records.iter().filter(|_| random.random_bool(0.1)).cloned().collect();
        records.extend(again);
        records.shuffle(&mut random);
        let chunks: Vec<usize> = (0..12).map(|_| random.random_range(1..=records.len() / 8)).collect();
        assert_same(&judged_step_by_step(&records, &chunks), &expected);
    }
}

#[test]
fn settling_one_record_at_a_time_ends_where_settling_at_once_does() {
    let world = world(14, 25, Profile::Harder);
    let mut records = records(&world);
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(9));
    let chunks = vec![1; records.len()];
    assert_same(&judged_step_by_step(&records, &chunks), &screened(&world));
}

/// A brand that is new has everything judged again, which hides what settling forgets: here those that bring one come
/// first, and whatever comes after must be noticed for itself.
#[test]
fn what_comes_late_is_judged_as_if_it_had_come_early() {
    // The larger world has enough order lines for what a tenant is known for to change on the way.
    for (seed, orders) in [(30, 40), (31, 40), (32, 40), (33, 40), (34, 150), (35, 150)] {
        brands_first_then_one_by_one(seed, orders, true);
    }
}

/// A register row that comes last takes records away from the firms they were filed under: whoever shared a case with them
/// must be judged again.
#[test]
fn a_register_that_comes_late_counts_as_if_it_had_come_early() {
    for (seed, orders) in [(36, 40), (37, 40), (38, 150), (39, 150)] {
        brands_first_then_one_by_one(seed, orders, false);
    }
}

fn brands_first_then_one_by_one(seed: u64, orders: u64, register_first: bool) {
    let world = world(seed, orders, Profile::Harder);
    let mut records = records(&world);
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    if !register_first {
        records.sort_by_key(|record| matches!(record, Record::Company(_)));
    }
    let mut brands = BTreeSet::new();
    let (first, late): (Vec<Record>, Vec<Record>) = records.into_iter().partition(|record| match record {
        Record::Order(line) => brands.insert(line.brand.to_lowercase()),
        Record::Shipment(line) => brands.insert(line.brand.to_lowercase()),
        Record::Company(_) => register_first,
    });
    let chunks: Vec<usize> = std::iter::once(first.len()).chain(late.iter().map(|_| 1)).collect();
    let records: Vec<Record> = first.into_iter().chain(late).collect();
    assert_same(&judged_step_by_step(&records, &chunks), &screened(&world));
}

/// Finds where settling step by step goes wrong: in what is held, before anything is judged.
#[test]
fn holdings_settled_step_by_step_cut_the_same_cases() {
    let world = world(14, 25, Profile::Harder);
    let mut records = records(&world);
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(9));
    let cases = |step: usize| -> Vec<Case> {
        let mut holdings = Holdings::new(Policy::default(), Corridor::default());
        for chunk in records.chunks(step) {
            for record in chunk {
                holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record.clone());
            }
            holdings.settle();
        }
        holdings.cuts().iter().map(|cut| holdings.case(cut)).collect()
    };
    for (left, right) in cases(3).iter().zip(&cases(records.len())) {
        assert_eq!(left.entities, right.entities);
        assert_eq!(left.orders, right.orders);
        assert_eq!(left, right);
    }
}

#[test]
fn settling_without_news_affects_nothing() {
    let world = world(15, 60, Profile::Small);
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    for record in records(&world) {
        holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record);
    }
    holdings.settle();
    assert_eq!(holdings.settle(), Affected::default());
}

#[test]
fn a_case_judged_again_gives_the_same_bytes() {
    let world = world(16, 80, Profile::Harder);
    let policy = Policy::default();
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    for record in records(&world) {
        holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record);
    }
    holdings.settle();
    for cut in holdings.cuts() {
        let case = holdings.case(&cut);
        let bytes = postcard::to_stdvec(&case).unwrap();
        let read_back = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(case, read_back);
        let (first, again) = (judge(&case, &policy), judge(&read_back, &policy));
        assert_eq!(postcard::to_stdvec(&first).unwrap(), postcard::to_stdvec(&again).unwrap());
    }
}

pub fn batch_of(tenant: &str, request_id: &str, records: Vec<Record>) -> AcceptBatch {
    AcceptBatch { tenant: tenant.to_owned(), request_id: request_id.to_owned(), records, shared: true, raw: None }
}

async fn service_on(store: &Store, records: &[(&str, Record)]) -> Service {
    let service = Service::start(store.clone(), ServiceOptions::default()).unwrap();
    for (number, chunk) in records.chunks(97).enumerate() {
        let mut by_tenant: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
        for (tenant, record) in chunk {
            by_tenant.entry(tenant).or_default().push(record.clone());
        }
        for (tenant, records) in by_tenant {
            service.accept(batch_of(tenant, &format!("request-{number}"), records)).await.unwrap();
        }
    }
    service.settled().await.unwrap();
    service
}

fn store() -> Store {
    Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap()
}

pub fn stored_findings(store: &Store, tenant: &str) -> Vec<Finding> {
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.tenant(tenant).unwrap();
    view.findings(None, 10_000).unwrap().into_iter().map(|stored| stored.finding).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_and_files_agree_and_a_restart_changes_nothing() {
    let world = world(17, 120, Profile::Small);
    let mut records: Vec<(&str, Record)> = records(&world).into_iter().map(|record| (TENANT, record)).collect();
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
    let store = store();
    let (first, second) = records.split_at(records.len() / 2);
    let service = service_on(&store, first).await;
    drop(service);
    let service = Service::start(store.clone(), ServiceOptions::default()).unwrap();
    for (number, chunk) in second.chunks(200).enumerate() {
        let records = chunk.iter().map(|(_, record)| record.clone()).collect();
        service.accept(batch_of(TENANT, &format!("second-{number}"), records)).await.unwrap();
    }
    service.settled().await.unwrap();
    assert_same(&stored_findings(&store, TENANT), &screened(&world));
    drop(service);
    let before = store.snapshot().unwrap().counts().unwrap();
    let service = Service::start(store.clone(), ServiceOptions::default()).unwrap();
    service.settled().await.unwrap();
    assert_eq!(store.snapshot().unwrap().counts().unwrap(), before, "a restart judges nothing anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_orders_change_nothing() {
    let world = world(18, 80, Profile::Small);
    let own: Vec<(&str, Record)> = records(&world).into_iter().map(|record| (TENANT, record)).collect();
    let mut both = own.clone();
    both.extend(world.orders.iter().map(|line| {
        let mut line = line.clone();
        line.buyer.name = format!("{} Rival", line.buyer.name);
        ("rival", Record::Order(Box::new(line)))
    }));
    both.shuffle(&mut ChaCha8Rng::seed_from_u64(4));
    let (alone, together) = (store(), store());
    let (first, second) = (service_on(&alone, &own).await, service_on(&together, &both).await);
    assert_same(&stored_findings(&together, TENANT), &stored_findings(&alone, TENANT));
    assert_eq!(stored_findings(&together, "rival").len(), world.orders.len());
    assert!(stored_findings(&alone, "rival").is_empty());
    drop((first, second));
}
