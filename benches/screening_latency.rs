//! How long it takes to screen one order before it ships, with many lines held: the distribution, not the mean.
//!
//! Come here for the figure in docs/benchmarks.md. It asks the holdings directly, one order after the other, without
//! wire and lock; the wire adds what `GetFinding` takes. Arguments: order lines, shipment lines, and the limits of
//! a case to try, by default that of the service.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and prints its figures")]

use std::time::Instant;

use onward::model::{Corridor, OrderLine, Record};
use onward::screening::{Holdings, PROBE_RECORDS_MAX, Policy, Screening, advise};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// Orders that are screened.
const ASKED_MAX: usize = 5_000;
/// Records that are taken in at a time.
const CHUNK: usize = 16_384;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let (orders, shipments) = (numbers.next().unwrap_or(20_000), numbers.next().unwrap_or(100_000));
    let mut limits: Vec<usize> = numbers.map(|limit| limit as usize).collect();
    if limits.is_empty() {
        limits.push(PROBE_RECORDS_MAX);
    }
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, orders, shipments, Profile::Small), &mut world).unwrap();
    let asked: Vec<_> = world.orders.iter().step_by((world.orders.len() / ASKED_MAX).max(1)).cloned().collect();
    let begun = Instant::now();
    let holdings = held(world);
    println!(
        "{} order lines and {} shipment lines held after {} s",
        holdings.order_count(),
        holdings.shipment_count(),
        begun.elapsed().as_secs()
    );
    let last_day = asked.iter().map(|line| line.order_date).max().unwrap();
    for limit in limits {
        let again: Vec<OrderLine> = asked.iter().cloned().map(renamed).collect();
        let today = again.iter().cloned().map(|line| OrderLine { order_date: last_day, ship_date: None, ..line });
        measure(&holdings, limit, "dated as those held", again.clone());
        measure(&holdings, limit, "dated the last day", today.collect());
    }
}

/// The same order once more, under another name.
fn renamed(mut line: OrderLine) -> OrderLine {
    line.key.order_id.push_str("-next");
    line
}

fn measure(holdings: &Holdings, limit: usize, dated: &str, asked: Vec<OrderLine>) {
    let policy = Policy::default();
    let (mut micros, mut cut_off) = (Vec::with_capacity(asked.len()), 0);
    for line in asked {
        let begun = Instant::now();
        let Screening::Judged(prospect) = holdings.screen_within("acme", &line, limit) else { continue };
        let advice = std::hint::black_box(advise(*prospect, &policy));
        micros.push(begun.elapsed().as_micros());
        cut_off += usize::from(!advice.finding.limits_reached.is_empty());
    }
    micros.sort_unstable();
    let at = |percent: usize| micros[(micros.len() - 1) * percent / 100];
    println!(
        "{} orders {dated}, cases of at most {limit}: median {} us, p90 {}, p99 {}, max {}; {cut_off} cut off",
        micros.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}

fn held(world: MemoryWorld) -> Holdings {
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    let companies = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    let shipments = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line)));
    let orders = world.orders.into_iter().map(|line| Record::Order(Box::new(line)));
    let owner = |record: &Record| Some("acme").filter(|_| matches!(record, Record::Order(_)));
    let mut records = companies.chain(shipments).chain(orders).map(|record| (owner(&record), record));
    loop {
        let chunk: Vec<_> = records.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        holdings.insert_all(chunk);
    }
    holdings.settle();
    holdings
}
