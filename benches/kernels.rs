//! The inner steps of screening, one by one: what a name, a pair of names, a pair of goods and a case cost.
//!
//! Come here with `cargo bench` after touching one of them; docs/benchmarks.md says how to read the figures.
//! Whole runs over files are measured from outside, not here.

#![expect(clippy::unwrap_used, reason = "a benchmark without its world may panic")]

use std::sync::LazyLock;

use divan::{Bencher, black_box, counter::ItemsCount};

use onward::goods::{Brands, compare};
use onward::model::{Case, Corridor, GoodsForm, OrderLine, Record, ShipmentLine};
use onward::normalize;
use onward::resolve::{PreparedName, match_prepared};
use onward::screening::{Holdings, Policy, judge};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// Pairs that one call works through, so that a call takes long against the clock.
const PAIR_COUNT: usize = 1_000;

static WORLD: LazyLock<MemoryWorld> = LazyLock::new(|| {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, 2_000, 10_000, Profile::Small), &mut world).unwrap();
    world
});

fn main() {
    divan::main();
}

#[divan::bench]
fn normalize_name(bencher: Bencher<'_, '_>) {
    let names: Vec<&str> = WORLD.orders.iter().map(|order| order.buyer.name.as_str()).take(PAIR_COUNT).collect();
    bencher.counter(ItemsCount::new(names.len())).bench(|| {
        for name in &names {
            black_box(normalize::name(black_box(name)));
        }
    });
}

#[divan::bench]
fn prepare_name(bencher: Bencher<'_, '_>) {
    let names: Vec<_> = WORLD.orders.iter().map(|order| normalize::name(&order.buyer.name)).take(PAIR_COUNT).collect();
    bencher.counter(ItemsCount::new(names.len())).bench(|| {
        for name in &names {
            black_box(PreparedName::new(black_box(name).clone()));
        }
    });
}

/// Names of different firms, as nearly all compared pairs are.
#[divan::bench]
fn match_names_of_strangers(bencher: Bencher<'_, '_>) {
    let buyers = WORLD.orders.iter().map(|order| prepared(&order.buyer.name));
    let consignors = WORLD.shipments.iter().map(|line| prepared(&line.consignor.name));
    match_pairs(bencher, buyers.zip(consignors).take(PAIR_COUNT).collect());
}

/// Names of different firms that share a word, as candidate search brings them.
#[divan::bench]
fn match_names_of_namesakes_in_part(bencher: Bencher<'_, '_>) {
    let names: Vec<PreparedName> = WORLD.companies.iter().map(|company| prepared(&company.name)).collect();
    let shares = |one: &PreparedName, other: &PreparedName| {
        let (one, other) = (&one.form().tokens, &other.form().tokens);
        one != other && one.iter().any(|token| other.contains(token))
    };
    let names = &names;
    let sharing = |one| names.iter().filter(move |other| shares(one, other)).map(move |other| (one, other));
    let pairs = names.iter().flat_map(sharing);
    match_pairs(bencher, pairs.take(PAIR_COUNT).map(|(one, other)| (one.clone(), other.clone())).collect());
}

/// The two names that the register has of one firm: nothing can be ruled out early.
#[divan::bench]
fn match_names_of_one_firm(bencher: Bencher<'_, '_>) {
    let names = WORLD.companies.iter().filter(|company| !company.name_latin.is_empty());
    let pairs = names.map(|company| (prepared(&company.name), prepared(&company.name_latin)));
    match_pairs(bencher, pairs.take(PAIR_COUNT).collect());
}

fn prepared(name: &str) -> PreparedName {
    PreparedName::new(normalize::name(name))
}

fn match_pairs(bencher: Bencher<'_, '_>, pairs: Vec<(PreparedName, PreparedName)>) {
    bencher.counter(ItemsCount::new(pairs.len())).bench(|| {
        for (one, other) in &pairs {
            black_box(match_prepared(black_box(one), black_box(other)));
        }
    });
}

#[divan::bench]
fn normalize_goods(bencher: Bencher<'_, '_>) {
    let lines: Vec<&OrderLine> = WORLD.orders.iter().take(PAIR_COUNT).collect();
    bencher.counter(ItemsCount::new(lines.len())).bench(|| {
        for line in &lines {
            black_box(order_goods(black_box(line)));
        }
    });
}

#[divan::bench]
fn compare_goods(bencher: Bencher<'_, '_>) {
    let forms = WORLD.orders.iter().map(order_goods).zip(WORLD.shipments.iter().map(shipment_goods));
    let pairs: Vec<(GoodsForm, GoodsForm)> = forms.take(PAIR_COUNT).collect();
    let brands = Brands::new(pairs.iter().filter_map(|(order, _)| order.brand.as_deref()));
    bencher.counter(ItemsCount::new(pairs.len())).bench(|| {
        for (order, shipment) in &pairs {
            black_box(compare(black_box(order), black_box(shipment), &brands));
        }
    });
}

/// All cases of the world; the items are order lines.
#[divan::bench]
fn judge_cases(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let cases = cases(&policy);
    let order_count: usize = cases.iter().map(|case| case.orders.len()).sum();
    bencher.counter(ItemsCount::new(order_count)).bench(|| {
        for case in &cases {
            black_box(judge(black_box(case), &policy));
        }
    });
}

fn cases(policy: &Policy) -> Vec<Case> {
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    let world = WORLD.clone();
    let records = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    let records = records.chain(world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line))));
    for record in records.chain(world.orders.into_iter().map(|line| Record::Order(Box::new(line)))) {
        holdings.insert(Some("default"), record);
    }
    holdings.settle();
    holdings.cuts().iter().map(|cut| holdings.case(cut)).collect()
}

fn order_goods(line: &OrderLine) -> GoodsForm {
    normalize::goods(
        line.hs_code.as_ref(),
        &line.description,
        &line.brand,
        &line.part_number,
        &line.gtin,
        &line.serial_numbers,
        &line.lot_numbers,
    )
}

fn shipment_goods(line: &ShipmentLine) -> GoodsForm {
    normalize::goods(
        line.hs_code.as_ref(),
        &line.description,
        &line.brand,
        &line.part_number,
        &line.gtin,
        &line.serial_numbers,
        &line.lot_numbers,
    )
}
