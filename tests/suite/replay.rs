//! Judging stored findings again: the same bytes while nothing happened, a fault where something is wrong, and nothing
//! left behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onward::alerts::{AlertPolicy, rule};
use onward::model::{Finding, OrderKey, Record, ReplayOutcome};
use onward::screening::{Service, ServiceError, ServiceOptions};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{AcceptBatch, Store, StoreOptions, stored_form};

const TENANTS: [&str; 2] = ["acme", "birch"];
/// No case of these worlds has so many records.
const LIMIT: usize = 100_000;

fn in_memory() -> Service {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    Service::start(store, ServiceOptions::default()).unwrap()
}

/// Companies, papers and orders of a world, by turns, so that each batch changes cases of the ones before.
fn batches(seed: u64, orders: u64) -> Vec<AcceptBatch> {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, orders, orders * 5, Profile::Small), &mut world).unwrap();
    let mut kinds: Vec<Vec<Record>> = vec![
        world.orders.into_iter().map(|line| Record::Order(Box::new(line))).collect(),
        world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line))).collect(),
        world.companies.into_iter().map(|company| Record::Company(Box::new(company))).collect(),
    ];
    let mut batches = Vec::new();
    for part in (0..10).rev() {
        for (kind, records) in kinds.iter_mut().enumerate() {
            let rest = records.len() * part / 10;
            let batch = records.split_off(rest);
            // Each tenant has every order; what all may see is sent once.
            for tenant in &TENANTS[..if kind == 0 { 2 } else { 1 }] {
                let (tenant, request_id) = ((*tenant).to_owned(), format!("{kind}-{part}"));
                let records = batch.clone();
                batches.push(AcceptBatch { tenant, request_id, records, shared: true, raw: None });
            }
        }
    }
    batches
}

async fn fill(service: &Service, batches: Vec<AcceptBatch>) {
    for batch in batches {
        service.accept(batch).await.unwrap();
    }
    service.settled().await.unwrap();
}

fn findings(service: &Service, tenant: &str) -> Vec<Finding> {
    let snapshot = service.store().snapshot().unwrap();
    let stored = snapshot.tenant(tenant).unwrap().findings(None, 10_000).unwrap();
    stored.into_iter().map(|stored| stored.finding).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_what_its_case_gives_and_asking_leaves_nothing_behind() {
    let service = in_memory();
    let batches = batches(41, 150);
    let is_over = Arc::new(AtomicBool::new(false));
    // Whoever asks in the middle of it all may be told to wait, but never of a fault.
    let asking = {
        let (service, is_over) = (service.clone(), Arc::clone(&is_over));
        tokio::task::spawn_blocking(move || {
            let mut outcomes: BTreeMap<ReplayOutcome, u32> = BTreeMap::new();
            while !is_over.load(Ordering::Relaxed) {
                for finding in findings(&service, TENANTS[0]).iter().step_by(7) {
                    let replay = service.replay_within(TENANTS[0], &finding.order, LIMIT).unwrap().unwrap();
                    *outcomes.entry(replay.outcome).or_default() += 1;
                }
            }
            outcomes
        })
    };
    fill(&service, batches).await;
    is_over.store(true, Ordering::Relaxed);
    let outcomes = asking.await.unwrap();
    assert!(outcomes.keys().all(|outcome| !outcome.is_fault()), "{outcomes:?}");

    let before = service.store().snapshot().unwrap().counts().unwrap();
    let (mut linked, mut too_large) = (0, 0);
    for tenant in TENANTS {
        let stored = findings(&service, tenant);
        assert_eq!(stored.len(), 150);
        for finding in stored {
            let replay = service.replay_within(tenant, &finding.order, LIMIT).unwrap().unwrap();
            assert_eq!(replay.outcome, ReplayOutcome::SameBytes, "order {}", finding.order.order_id);
            let (judged, hash) = replay.judged.unwrap();
            assert_eq!((*judged, hash), (finding.clone(), replay.stored_hash));
            assert_eq!((replay.case_hash, replay.stored_case_hash), (Some(finding.case_hash), finding.case_hash));
            assert_eq!(replay.stored_hash, onward::audit::digest(&stored_form(&finding).unwrap()));
            linked += u32::from(!finding.links.is_empty());
            let short = service.replay_within(tenant, &finding.order, 3).unwrap().unwrap();
            let is_short = matches!(short.outcome, ReplayOutcome::SameBytes | ReplayOutcome::CaseTooLarge);
            assert!(is_short, "a case that was cut off is never compared: {:?}", short.outcome);
            too_large += u32::from(short.outcome == ReplayOutcome::CaseTooLarge);
        }
    }
    assert!(linked > 20 && too_large > 20, "{linked} with links, {too_large} too large for three records");
    assert_eq!(service.store().snapshot().unwrap().counts().unwrap(), before, "asking leaves nothing behind");
    service.settled().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_follow_from_its_case_is_a_fault() {
    let service = in_memory();
    fill(&service, batches(42, 60)).await;
    let genuine = findings(&service, "acme").into_iter().find(|finding| !finding.links.is_empty()).unwrap();
    type Forge = fn(&mut Finding);
    let forgeries: [(Forge, ReplayOutcome); 4] = [
        (|finding| finding.summary.push('.'), ReplayOutcome::OtherBytes),
        (|finding| finding.links.truncate(0), ReplayOutcome::OtherBytes),
        (|finding| finding.case_hash[31] ^= 1, ReplayOutcome::Overdue),
        (|finding| finding.policy_version.push('x'), ReplayOutcome::Overdue),
    ];
    for (forge, expected) in forgeries {
        let mut forged = genuine.clone();
        forge(&mut forged);
        let rule = rule(AlertPolicy::default());
        service.store().commit_judgements(vec![forged.clone()], None, rule).await.unwrap();
        let replay = service.replay_within("acme", &genuine.order, LIMIT).unwrap().unwrap();
        assert_eq!(replay.outcome, expected);
        assert_eq!(*replay.judged.unwrap().0, genuine, "it shows what should stand there");
        assert_eq!(replay.stored_hash, onward::audit::digest(&stored_form(&forged).unwrap()));
        let theirs = service.replay_within("birch", &genuine.order, LIMIT).unwrap().unwrap();
        assert_eq!(theirs.outcome, ReplayOutcome::SameBytes, "another tenant's finding on the same name is its own");
    }
    // A finding on an order line that is not there.
    let mut invented = genuine.clone();
    invented.order.order_id.push_str("-invented");
    service.store().commit_judgements(vec![invented.clone()], None, rule(AlertPolicy::default())).await.unwrap();
    let replay = service.replay_within("acme", &invented.order, LIMIT).unwrap().unwrap();
    assert_eq!((replay.outcome, replay.judged, replay.case_hash), (ReplayOutcome::Overdue, None, None));
    let nowhere = OrderKey { order_id: "nowhere".to_owned(), line_no: 1 };
    assert_eq!(service.replay("acme", &nowhere), Ok(None));
    assert_eq!(service.replay("cedar", &genuine.order), Ok(None), "a stranger sees nothing");
}

#[tokio::test]
async fn a_service_that_still_takes_up_what_is_stored_says_so() {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let service = Service::start(store.clone(), ServiceOptions::default()).unwrap();
    fill(&service, batches(43, 60)).await;
    let key = findings(&service, "acme")[0].order.clone();
    drop(service);
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    // Until it has, or at once where it was quicker than we are.
    while service.replay("acme", &key) == Err(ServiceError::TakingUp) {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.replay_within("acme", &key, LIMIT).unwrap().unwrap().outcome, ReplayOutcome::SameBytes);
}
