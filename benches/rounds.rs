//! What a round of judging goes through when few lines come to many that are held: time of each step, and how much of
//! what is held it touches.
//!
//! Come here for the figures in docs/benchmarks.md. Arguments: lines held, lines of a round, rounds. Nothing is stored.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and prints its figures")]

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use onward::audit::digest;
use onward::model::{Corridor, OrderKey, Record};
use onward::screening::{Holdings, Policy, judge};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use rayon::prelude::*;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let [held, lines, rounds] = [(0, 100_000), (1, 1), (2, 50)].map(|(at, usual)| *numbers.get(at).unwrap_or(&usual));
    let kept_count = lines * rounds;
    let (orders, shipments) = (held / 5, held - held / 5 + kept_count);
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, orders as u64, shipments as u64, Profile::Small), &mut world).unwrap();
    let mut holdings = Holdings::expecting_more(Policy::default(), Corridor::default());
    let step = shipments / kept_count;
    let (mut kept, mut filling) = (Vec::new(), Vec::new());
    for (place, line) in world.shipments.into_iter().enumerate() {
        let record = Record::Shipment(Box::new(line));
        if place % step == 0 && kept.len() < kept_count { kept.push(record) } else { filling.push((None, record)) }
    }
    filling.extend(world.orders.into_iter().map(|line| (Some("t"), Record::Order(Box::new(line)))));
    filling.extend(world.companies.into_iter().map(|row| (None, Record::Company(Box::new(row)))));
    holdings.insert_all(filling);
    let everything = holdings.settle().orders();
    let policy = Policy::default();
    let mut hashes: HashMap<(String, OrderKey), [u8; 32]> = HashMap::new();
    let begun = Instant::now();
    judge_all(&holdings, &everything, &policy, &mut hashes);
    println!("all judged in {:.1} s, {} findings", begun.elapsed().as_secs_f64(), hashes.len());
    println!("insert ms  settle ms  cut ms  judge ms  near  far  cases  records  findings  changed");
    let mut totals: Vec<[f64; 10]> = Vec::new();
    for round in kept.chunks(lines) {
        let begun = Instant::now();
        for record in round {
            holdings.insert(None, record.clone());
        }
        let inserted = begun.elapsed();
        let affected = holdings.settle();
        let settled = begun.elapsed();
        let told = judge_all(&holdings, &affected.near, &policy, &mut hashes);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let row = [
            ms(inserted),
            ms(settled - inserted),
            ms(told.0),
            ms(told.1),
            affected.near.len() as f64,
            affected.far.len() as f64,
            told.2[0] as f64,
            told.2[1] as f64,
            told.2[2] as f64,
            told.2[3] as f64,
        ];
        print_row(&row);
        totals.push(row);
    }
    let middle = |at: usize| {
        let mut all: Vec<f64> = totals.iter().map(|row| row[at]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!("median");
    print_row(&std::array::from_fn(middle));
    println!("mean");
    print_row(&std::array::from_fn(|at| totals.iter().map(|row| row[at]).sum::<f64>() / totals.len() as f64));
}

fn print_row(row: &[f64; 10]) {
    println!(
        "{:9.2}  {:9.2}  {:6.2}  {:8.2}  {:4.0}  {:3.0}  {:5.0}  {:7.0}  {:8.0}  {:7.0}",
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9]
    );
}

fn judge_all(
    holdings: &Holdings,
    orders: &BTreeSet<u32>,
    policy: &Policy,
    hashes: &mut HashMap<(String, OrderKey), [u8; 32]>,
) -> (Duration, Duration, [usize; 4]) {
    let begun = Instant::now();
    let cuts = holdings.cuts_of(orders);
    let cut = begun.elapsed();
    let found: Vec<_> = cuts
        .par_iter()
        .flat_map_iter(|cut| {
            let case = holdings.case(cut);
            let records = case.orders.len() + case.shipments.len();
            judge(&case, policy).into_iter().map(move |finding| {
                let hash = digest(format!("{finding:?}").as_bytes());
                ((finding.tenant, finding.order), hash, records)
            })
        })
        .collect();
    let judged = begun.elapsed();
    let (mut changed, all) = (0, found.len());
    let records = found.iter().map(|one| one.2).max().unwrap_or_default();
    for (key, hash, _) in found {
        if hashes.insert(key, hash) != Some(hash) {
            changed += 1;
        }
    }
    (cut, judged - cut, [cuts.len(), records, all, changed])
}
