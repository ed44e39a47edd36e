//! Screening an order before it is stored: the same finding as after, nothing changed by asking, advice that fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use onward::model::{Advice, Corridor, Finding, OrderLine, RecommendedAction, Record};
use onward::screening::{Affected, Holdings, Policy, Screened, Screening, Service, ServiceOptions, advise, judge};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{AcceptBatch, Store, StoreOptions};

const TENANT: &str = "acme";

fn world(seed: u64, orders: u64) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, orders, orders * 5, Profile::Small), &mut world).unwrap();
    world
}

fn insert(holdings: &mut Holdings, record: Record) {
    holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record);
}

/// Everything of a world but one order line, settled.
fn held_without(world: &MemoryWorld, left_out: Option<&OrderLine>) -> Holdings {
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    for company in &world.companies {
        insert(&mut holdings, Record::Company(Box::new(company.clone())));
    }
    for line in &world.shipments {
        insert(&mut holdings, Record::Shipment(Box::new(line.clone())));
    }
    for line in world.orders.iter().filter(|line| left_out != Some(*line)) {
        insert(&mut holdings, Record::Order(Box::new(line.clone())));
    }
    holdings.settle();
    holdings
}

fn finding_of(holdings: &Holdings, line: &OrderLine) -> Finding {
    let cuts = holdings.cuts();
    let findings = cuts.iter().flat_map(|cut| judge(&holdings.case(cut), &Policy::default()));
    findings.into_iter().find(|finding| finding.order == line.key).unwrap()
}

/// In a case as large as it may be when the line is stored.
fn screened(holdings: &Holdings, tenant: &str, line: &OrderLine) -> Finding {
    match holdings.screen_within(tenant, line, Policy::default().records_per_case_max) {
        Screening::Judged(prospect) => prospect.finding,
        Screening::Conflict => panic!("order {} is in conflict", line.key.order_id),
    }
}

#[test]
fn an_order_screened_before_it_is_stored_gets_the_finding_that_it_gets_afterwards() {
    let world = world(21, 120);
    let (mut compared, mut linked) = (0, 0);
    for line in world.orders.iter().step_by(3) {
        let mut holdings = held_without(&world, Some(line));
        let before = screened(&holdings, TENANT, line);
        assert_eq!(holdings.settle(), Affected::default(), "asking leaves nothing to settle");
        insert(&mut holdings, Record::Order(Box::new(line.clone())));
        // Stored and not settled yet, then settled.
        assert_eq!(screened(&holdings, TENANT, line), before, "order {}", line.key.order_id);
        holdings.settle();
        let after = finding_of(&holdings, line);
        assert_eq!(before, after, "order {}", line.key.order_id);
        assert_eq!(screened(&holdings, TENANT, line), after);
        compared += 1;
        linked += u32::from(!after.links.is_empty());
    }
    assert!(compared >= 40 && linked >= 5, "{compared} compared, {linked} with links");
}

#[test]
fn a_stranger_to_the_store_is_screened_too_and_sees_no_private_record() {
    let world = world(22, 60);
    let holdings = held_without(&world, None);
    for line in &world.orders {
        let finding = screened(&holdings, "newcomer", line);
        assert_eq!((finding.tenant.as_str(), &finding.order), ("newcomer", &line.key));
        let Screening::Judged(prospect) = holdings.screen("newcomer", line) else { panic!("no conflict with others") };
        assert_eq!(prospect.record, (0, 0), "another tenant's orders are nobody's business");
    }
}

#[test]
fn a_case_too_large_to_wait_for_is_cut_and_says_so() {
    let world = world(22, 60);
    let holdings = held_without(&world, None);
    let mut cut_off = 0;
    for line in &world.orders {
        let whole = screened(&holdings, TENANT, line);
        assert_eq!(whole.limits_reached, Vec::<String>::new());
        let Screening::Judged(short) = holdings.screen_within(TENANT, line, 3) else { panic!("no conflict") };
        let is_cut = short.finding.limits_reached.iter().any(|limit| limit.contains("cut at 3 records"));
        assert!(is_cut || short.finding == whole, "order {}", line.key.order_id);
        cut_off += u32::from(is_cut);
    }
    assert!(cut_off > 5, "{cut_off} were cut off");
}

#[test]
fn another_line_of_the_same_name_is_a_conflict() {
    let world = world(22, 60);
    let holdings = held_without(&world, None);
    let mut line = world.orders[0].clone();
    line.description.push_str(", spare");
    assert_eq!(holdings.screen(TENANT, &line), Screening::Conflict);
}

fn advice(holdings: &Holdings, line: &OrderLine) -> Advice {
    match holdings.screen(TENANT, line) {
        Screening::Judged(prospect) => advise(*prospect, &Policy::default()),
        Screening::Conflict => panic!("no conflict"),
    }
}

#[test]
fn the_next_order_of_a_buyer_who_sends_goods_on_is_held_and_says_why() {
    let world = world(23, 300);
    let holdings = held_without(&world, None);
    let mut actions: BTreeMap<(bool, RecommendedAction), u32> = BTreeMap::new();
    let suspected: Vec<bool> =
        world.orders.iter().map(|line| screened(&holdings, TENANT, line).score.to_f64() >= 0.5).collect();
    for (line, suspected) in world.orders.iter().zip(&suspected) {
        // The same again, a little later: nothing of it has been shipped.
        let mut next = line.clone();
        next.key.order_id.push_str("-next");
        let advice = advice(&holdings, &next);
        *actions.entry((*suspected, advice.action)).or_default() += 1;
        let is_explained = advice.reasons.iter().any(|reason| reason.bits.0 > 0);
        assert!(advice.action == RecommendedAction::Release || is_explained, "{:?}", advice.reasons);
    }
    let count = |suspected, action| actions.get(&(suspected, action)).copied().unwrap_or(0);
    assert!(count(true, RecommendedAction::Hold) > count(true, RecommendedAction::Release), "{actions:?}");
    assert!(count(false, RecommendedAction::Release) > 2 * count(false, RecommendedAction::Hold), "{actions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_screens_beside_its_judging_thread() {
    let world = world(24, 80);
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let (first, rest) = world.orders.split_first().unwrap();
    let shipments = world.shipments.iter().map(|line| Record::Shipment(Box::new(line.clone())));
    let records: Vec<Record> = shipments.chain(rest.iter().map(|line| Record::Order(Box::new(line.clone())))).collect();
    for (number, chunk) in records.chunks(50).enumerate() {
        let batch = AcceptBatch {
            tenant: TENANT.to_owned(),
            request_id: format!("r{number}"),
            records: chunk.to_vec(),
            shared: true,
            raw: None,
        };
        service.accept(batch).await.unwrap();
        // In the middle of it all: any state that was settled will do.
        let (service, line) = (service.clone(), first.clone());
        let asked = tokio::task::spawn_blocking(move || service.screen(TENANT, &line)).await.unwrap();
        assert!(matches!(asked, Ok(Screened::Advised(_))), "{asked:?}");
    }
    service.settled().await.unwrap();
    let Ok(Screened::Advised(advice)) = service.screen(TENANT, first) else { panic!("no advice") };
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    records.into_iter().for_each(|record| insert(&mut holdings, record));
    holdings.settle();
    let Screening::Judged(expected) = holdings.screen(TENANT, first) else { panic!("no conflict") };
    assert_eq!(advice.finding, expected.finding);
}
