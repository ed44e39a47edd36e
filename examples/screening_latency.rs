//! How long it takes to screen one order before it ships, with many lines held: the distribution, not the mean.
//!
//! Come here for the figure in docs/benchmarks.md. It asks the holdings directly, one order after the other, without
//! wire and lock; the wire adds what `GetFinding` takes.

#![expect(clippy::unwrap_used, reason = "a measurement without its world may panic")]

use std::time::Instant;

use onward::model::{Corridor, Record};
use onward::screening::{Holdings, Policy, Screening, advise};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// Orders that are screened.
const ASKED_MAX: usize = 5_000;
/// Records that are taken in at a time.
const CHUNK: usize = 16_384;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let (orders, shipments) = (numbers.next().unwrap_or(20_000), numbers.next().unwrap_or(100_000));
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
    let policy = Policy::default();
    let mut micros: Vec<u128> = Vec::with_capacity(asked.len());
    for line in asked {
        let mut next = line;
        next.key.order_id.push_str("-next");
        let begun = Instant::now();
        let Screening::Judged(prospect) = holdings.screen("acme", &next) else { continue };
        std::hint::black_box(advise(*prospect, &policy));
        micros.push(begun.elapsed().as_micros());
    }
    micros.sort_unstable();
    let at = |percent: usize| micros[(micros.len() - 1) * percent / 100];
    println!("{} orders screened: median {} us, p90 {}, p99 {}, max {}", micros.len(), at(50), at(90), at(99), at(100));
}

fn held(world: MemoryWorld) -> Holdings {
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    let companies = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    let shipments = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line)));
    let orders = world.orders.into_iter().map(|line| Record::Order(Box::new(line)));
    let mut waiting = Vec::with_capacity(CHUNK);
    let mut take = |records: &mut Vec<Record>| {
        holdings.prepare(records);
        for record in records.drain(..) {
            holdings.insert(Some("acme").filter(|_| matches!(record, Record::Order(_))), record);
        }
    };
    for record in companies.chain(shipments).chain(orders) {
        waiting.push(record);
        if waiting.len() == CHUNK {
            take(&mut waiting);
        }
    }
    take(&mut waiting);
    holdings.settle();
    holdings
}
