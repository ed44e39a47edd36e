//! Judged again by itself: a record that comes changes the findings it bears on and no others, and each change names it.

use std::collections::BTreeSet;
use std::sync::Arc;

use onward::model::{CauseKind, Company, Country, FindingChange, NamedCause, OrderKey, Record, RecordName};
use onward::screening::{Policy, Service, ServiceOptions};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{AcceptBatch, Store, StoreOptions};

const TENANT: &str = "acme";

fn world(seed: u64, orders: u64) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, orders, orders * 5, Profile::Harder), &mut world).unwrap();
    world
}

fn store() -> Store {
    Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap()
}

fn started(store: &Store) -> Service {
    Service::start(store.clone(), ServiceOptions::default()).unwrap()
}

async fn send(service: &Service, tenant: &str, records: Vec<Record>) {
    for records in records.chunks(5_000) {
        let (tenant, records) = (tenant.to_owned(), records.to_vec());
        let batch = AcceptBatch { tenant, records, shared: true, ..AcceptBatch::default() };
        service.accept(batch).await.unwrap();
    }
    service.settled().await.unwrap();
}

fn changes_since(service: &Service, tenant: &str, place: u64) -> Vec<FindingChange> {
    service.store().snapshot().unwrap().tenant(tenant).unwrap().changes(place, 0, 10_000).unwrap()
}

fn orders_of(world: &MemoryWorld) -> Vec<Record> {
    world.orders.iter().map(|line| Record::Order(Box::new(line.clone()))).collect()
}

fn papers_of(world: &MemoryWorld) -> Vec<Record> {
    world.shipments.iter().map(|line| Record::Shipment(Box::new(line.clone()))).collect()
}

fn register_of(world: &MemoryWorld) -> Vec<Record> {
    world.companies.iter().map(|company| Record::Company(Box::new(company.clone()))).collect()
}

fn name_of(record: &Record) -> RecordName {
    match record {
        Record::Order(line) => RecordName::Order(line.key.clone()),
        Record::Shipment(line) => RecordName::Shipment(line.key.clone()),
        Record::Company(company) => RecordName::Company(company.country, company.identifier.clone()),
    }
}

fn records_named(change: &FindingChange) -> BTreeSet<RecordName> {
    change.causes.iter().filter_map(|cause| cause.record.clone()).collect()
}

/// What came of records that came one at a time.
#[derive(Default)]
struct Steps {
    changed: usize,
    /// Changes that name the record that came.
    naming: usize,
    /// Why the others came about.
    other_kinds: BTreeSet<CauseKind>,
}

async fn step_by_step(service: &Service, records: Vec<Record>) -> Steps {
    let newest = |changes: &[FindingChange]| changes.last().map_or(0, |change| change.place);
    let mut place = newest(&changes_since(service, TENANT, 0));
    let mut steps = Steps::default();
    for record in records {
        let name = BTreeSet::from([name_of(&record)]);
        send(service, TENANT, vec![record]).await;
        let changes = changes_since(service, TENANT, place);
        for change in &changes {
            let told = records_named(change);
            assert!(!change.causes.is_empty() && !change.difference.is_empty());
            assert!(told.is_empty() || told == name, "{} names {told:?} and not {name:?}", change.order.order_id);
            assert!(change.causes.iter().all(|cause| cause.kind != CauseKind::Start));
            steps.naming += usize::from(told == name);
            if told.is_empty() {
                steps.other_kinds.extend(change.causes.iter().map(|cause| cause.kind));
            }
        }
        steps.changed += changes.len();
        place = place.max(newest(&changes));
    }
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_row_is_named_by_the_findings_that_it_changes() {
    let world = world(41, 60);
    let service = started(&store());
    let (late, early) = register_of(&world).into_iter().enumerate().partition::<Vec<_>, _>(|(place, _)| place % 6 == 0);
    let plain = |records: Vec<(usize, Record)>| records.into_iter().map(|(_, record)| record).collect::<Vec<_>>();
    let first = [plain(early), papers_of(&world), orders_of(&world)].concat();
    send(&service, TENANT, first).await;
    let Steps { changed, naming, other_kinds } = step_by_step(&service, plain(late)).await;
    assert!(
        naming > 0 && naming * 2 > changed,
        "{changed} findings changed, {naming} name the row, others {other_kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_and_an_order_are_named_by_the_findings_that_they_change() {
    let world = world(42, 60);
    let service = started(&store());
    let (mut papers, mut orders) = (papers_of(&world), orders_of(&world));
    let late = [papers.split_off(papers.len() - 60), orders.split_off(50)].concat();
    send(&service, TENANT, [register_of(&world), papers, orders].concat()).await;
    let Steps { changed, naming, other_kinds } = step_by_step(&service, late).await;
    assert!(naming > 20, "{changed} findings changed, {naming} name the record");
    // In a small world a single record moves what all order lines say together; what no case shows is never guessed at.
    let known = BTreeSet::from([CauseKind::BuyersRecord, CauseKind::TenantsRecord]);
    assert!(other_kinds.is_subset(&known), "{other_kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_line_first_names_itself_and_findings_that_nothing_touches_stay() {
    let world = world(43, 60);
    let service = started(&store());
    send(&service, TENANT, [register_of(&world), papers_of(&world)].concat()).await;
    send(&service, TENANT, orders_of(&world)).await;
    let snapshot = service.store().snapshot().unwrap();
    let view = snapshot.tenant(TENANT).unwrap();
    for line in &world.orders {
        let told = view.changes_of_order(&line.key, 0, 10).unwrap();
        let itself = NamedCause { kind: CauseKind::OrderLine, record: Some(RecordName::Order(line.key.clone())) };
        assert_eq!(told[0].causes, [itself]);
        assert!(told[0].difference.before.is_none());
    }
    let before = changes_since(&service, TENANT, 0).len();
    // A firm that nobody deals with, and papers that were there already.
    let stranger = Company {
        identifier: "990140012345".to_owned(),
        country: Some(Country::KZ),
        name: "Qyzyl Tulpar Zholy".to_owned(),
        ..Company::default()
    };
    send(&service, TENANT, vec![Record::Company(Box::new(stranger))]).await;
    send(&service, TENANT, papers_of(&world)).await;
    assert_eq!(changes_since(&service, TENANT, 0).len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_told_of_no_order_of_another() {
    let world = world(44, 60);
    let service = started(&store());
    let rival = || {
        orders_of(&world).into_iter().map(|record| match record {
            Record::Order(mut line) => {
                line.key.order_id = format!("rival-{}", line.key.order_id);
                line.brand = format!("{} Rivale", line.brand);
                Record::Order(line)
            }
            other => other,
        })
    };
    let (mut own, mut theirs) = (orders_of(&world), rival().collect::<Vec<_>>());
    let (late_own, late_theirs) = (own.split_off(30), theirs.split_off(30));
    send(&service, TENANT, [register_of(&world), own].concat()).await;
    send(&service, "rival", [papers_of(&world), theirs].concat()).await;
    send(&service, "rival", late_theirs).await;
    send(&service, TENANT, late_own).await;
    for tenant in [TENANT, "rival"] {
        let changes = changes_since(&service, tenant, 0);
        assert!(changes.len() > 10, "{tenant} sees {} changes", changes.len());
        for change in changes {
            for record in records_named(&change) {
                let is_own = |key: &OrderKey| key.order_id.starts_with("rival") == (tenant == "rival");
                assert!(!matches!(&record, RecordName::Order(key) if !is_own(key)), "{tenant} is told of {record:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_another_policy_is_told_as_the_cause() {
    let world = world(45, 60);
    let store = store();
    let service = started(&store);
    send(&service, TENANT, [register_of(&world), papers_of(&world), orders_of(&world)].concat()).await;
    let before = changes_since(&service, TENANT, 0).len();
    drop(service);
    let policy = Policy { value_unknown_euro: 1.0, transit_days_max: 10, ..Policy::default() };
    let service = Service::start(store.clone(), ServiceOptions { policy, ..ServiceOptions::default() }).unwrap();
    service.settled().await.unwrap();
    let changes = changes_since(&service, TENANT, 0).split_off(before);
    assert!(!changes.is_empty());
    let start = NamedCause { kind: CauseKind::Start, record: None };
    for change in changes {
        assert_eq!(change.causes, std::slice::from_ref(&start), "order {}", change.order.order_id);
    }
}

/// More records than are taken up before alerts are judged: half of them would be judged otherwise than all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_store_is_judged_at_its_start_as_it_was_before() {
    let world = world(46, 40);
    let store = store();
    let service = started(&store);
    send(&service, TENANT, [papers_of(&world), orders_of(&world)].concat()).await;
    let filling = (0..20_000).map(|number| {
        Record::Company(Box::new(Company { identifier: format!("filling-{number}"), ..Company::default() }))
    });
    send(&service, TENANT, filling.collect()).await;
    send(&service, TENANT, register_of(&world)).await;
    let before = store.snapshot().unwrap().counts().unwrap();
    drop(service);
    let service = started(&store);
    service.settled().await.unwrap();
    assert_eq!(store.snapshot().unwrap().counts().unwrap(), before, "a restart judges nothing anew");
}
