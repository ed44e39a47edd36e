//! What is kept of trails is what would be found anew, whatever came meanwhile.

use proptest::prelude::*;

use super::super::super::holdings::Holdings;
use super::super::super::policy::Policy;
use super::super::Cutter;
use super::super::tests::{CODES, FIRMS, Owned, TENANTS, order, paper_of, registered};
use super::{Carries, Found, Trails};
use crate::model::{Amount, Corridor, OrderLine, Party, Record, ShipmentLine};
use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// How much was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Kept {
    transfers: usize,
    starts: usize,
    many: usize,
    seconds: usize,
}

/// Cuts everything, so that as much as possible is kept.
fn cut_everything(holdings: &Holdings) {
    holdings.cuts();
    let mut cutter = Cutter::new(holdings);
    for tenant in 0..holdings.tenants.len() as u32 {
        for paper in 0..holdings.shipments.len() as u32 {
            cutter.around_shipment(tenant, paper);
        }
    }
}

/// Compares what is kept with what is found anew; says how much it was.
fn compare(holdings: &Holdings) -> Kept {
    let mut count = Kept::default();
    for tenant in 0..holdings.tenants.len() as u32 {
        let kept = holdings.found_trails.take(tenant);
        let mut anew = Trails::with(holdings, tenant, Found::default());
        for (transfer, carries) in &kept.firsts {
            assert_eq!(carries, &anew.carries(*transfer), "first transfer {transfer}");
            count.transfers += 1;
            count.starts += usize::from(matches!(carries, Carries::Some(starts) if !starts.is_empty()));
            count.many += usize::from(*carries == Carries::Many);
        }
        for (transfer, second) in &kept.seconds {
            assert_eq!(second, &anew.find_second(*transfer), "second transfer {transfer}");
            count.seconds += usize::from(!second.of.is_empty());
        }
        for (number, arrivals) in &kept.arrivals {
            let held = &holdings.orders[*number as usize];
            let line = super::Line { order: Some(*number), goods: &held.goods, facts: held.facts() };
            assert_eq!(arrivals, &anew.arrivals(&line), "arrivals of order line {number}");
        }
        drop(anew);
        holdings.found_trails.leave(tenant, kept);
    }
    count
}

/// Takes records up a few at a time and compares each time, then cuts everything.
fn taken_up_by(policy: Policy, steps: impl Iterator<Item = Vec<Owned>>) -> Kept {
    let mut holdings = Holdings::expecting_more(policy, Corridor::default());
    let mut most = Kept::default();
    for step in steps {
        for (owner, record) in step {
            holdings.insert(owner, record);
        }
        let affected = holdings.settle();
        let kept = compare(&holdings);
        most = Kept {
            transfers: most.transfers.max(kept.transfers),
            starts: most.starts.max(kept.starts),
            many: most.many.max(kept.many),
            seconds: most.seconds.max(kept.seconds),
        };
        holdings.cuts_of(&affected.orders());
        cut_everything(&holdings);
    }
    most
}

/// A firm by its number, by its name alone, or by a part of its name that others share.
fn spelt(party: Party, spelling: u8) -> Party {
    let first_word = || party.name.split(' ').next().unwrap_or_default().to_owned();
    match spelling {
        0..=3 => party,
        4 => Party { identifier: String::new(), ..party },
        _ => Party { name: format!("{} Trade LLP", first_word()), identifier: String::new(), ..party },
    }
}

#[derive(Clone, Debug)]
enum Coming {
    Order { tenant: usize, buyer: usize, code: usize, day: i32, brand: bool, spelling: u8 },
    Paper { owner: Option<usize>, role: u8, code: usize, day: i32, from: usize, to: usize, text: bool, spelling: u8 },
    Row(usize),
}

fn coming() -> impl Strategy<Value = Coming> {
    let (firm, code, spelling) = (0..FIRMS.len(), 0..CODES.len(), 0..6_u8);
    let order = (0..2_usize, firm.clone(), code.clone(), 18_000..18_300_i32, prop::bool::weighted(0.1), 0..6_u8);
    let owner = proptest::option::weighted(0.2, 0..2_usize);
    let paper =
        (owner, 0..3_u8, code, 18_000..18_500_i32, firm.clone(), firm.clone(), prop::bool::weighted(0.2), spelling);
    prop_oneof![
        3 => order.prop_map(|(tenant, buyer, code, day, brand, spelling)| {
            Coming::Order { tenant, buyer, code, day, brand, spelling }
        }),
        6 => paper.prop_map(|(owner, role, code, day, from, to, text, spelling)| {
            Coming::Paper { owner, role, code, day, from, to, text, spelling }
        }),
        1 => firm.prop_map(Coming::Row),
    ]
}

fn record(number: usize, coming: Coming) -> Owned {
    match coming {
        Coming::Order { tenant, buyer, code, day, brand, spelling } => {
            let line = order(number, buyer, code, day, Some(10));
            let brand = if brand { "Zarnitsa" } else { "Altyn" }.to_owned();
            let line = OrderLine { buyer: spelt(line.buyer.clone(), spelling), brand, ..line };
            (Some(TENANTS[tenant]), Record::Order(Box::new(line)))
        }
        Coming::Paper { owner, role, code, day, from, to, text, spelling } => {
            let line = paper_of(number, role, code, day, from, to);
            let description = if text { "CONTROLLER ZARNITSA".to_owned() } else { String::new() };
            let consignor = if role == 0 { line.consignor.clone() } else { spelt(line.consignor.clone(), spelling) };
            let quantity = Amount::from_whole(30 + i64::from(spelling));
            let line = ShipmentLine { consignor, description, quantity, ..line };
            (owner.map(|owner| TENANTS[owner]), Record::Shipment(Box::new(line)))
        }
        Coming::Row(firm) => (None, registered(firm)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_kept_is_what_would_be_found_anew(
        steps in proptest::collection::vec(proptest::collection::vec(coming(), 1..6), 2..14),
        pairs_per_transfer_max in prop_oneof![Just(20_000_usize), 0..6_usize],
    ) {
        let mut number = 0;
        let steps = steps.into_iter().map(|step| {
            let numbered = step.into_iter().map(|coming| {
                number += 1;
                record(number, coming)
            });
            numbered.collect::<Vec<Owned>>()
        });
        taken_up_by(Policy { pairs_per_transfer_max, ..Policy::default() }, steps);
    }
}

/// A firm known by its name alone gets its number from a paper that only one tenant sees: the tenant's own records leave
/// the firm without a number, those that all may see stay.
#[test]
fn what_hung_on_a_firm_that_a_name_left_is_forgotten() {
    let unnumbered = |party: Party| Party { identifier: String::new(), ..party };
    for firm in 0..2 {
        let first = paper_of(0, 1, 0, 18_030, 0, 1);
        let (consignor, consignee) = (unnumbered(first.consignor.clone()), unnumbered(first.consignee.clone()));
        let second = paper_of(1, 1, 0, 18_040, 1, 2);
        let second = ShipmentLine { consignor: unnumbered(second.consignor.clone()), ..second };
        let own = Some(TENANTS[0]);
        let ordered = order(0, 0, 0, 18_000, Some(10));
        let ordered = OrderLine { buyer: unnumbered(ordered.buyer.clone()), ..ordered };
        let mut records: Vec<Owned> = vec![
            (own, Record::Order(Box::new(ordered))),
            (None, Record::Shipment(Box::new(ShipmentLine { consignor, consignee, ..first }))),
            (own, Record::Shipment(Box::new(second))),
            (None, Record::Shipment(Box::new(paper_of(2, 2, 0, 18_050, 2, 0)))),
        ];
        // Where few mentions are held, whatever comes moves all of them.
        records.extend((0..24).map(|number| {
            let line = order(100 + number, 2, 2, 18_000, None);
            let buyer = Party { name: format!("Otrar {number} LLP"), ..unnumbered(line.buyer.clone()) };
            (own, Record::Order(Box::new(OrderLine { buyer, ..line })))
        }));
        let coming = vec![(own, Record::Shipment(Box::new(paper_of(9, 1, 2, 18_300, firm, 2))))];
        let kept = taken_up_by(Policy::default(), [records, coming].into_iter());
        assert_eq!((kept.starts, kept.seconds), [(0, 0), (1, 0)][firm], "what is kept after the name left {firm}");
    }
}

/// The same with worlds as they come: names that are told apart late, registers, brands.
#[test]
fn what_is_kept_of_a_world_is_what_would_be_found_anew() {
    let mut most = Vec::new();
    for (seed, profile) in [(61, Profile::Small), (62, Profile::Harder)] {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(seed, 400, 2_000, profile), &mut world).unwrap();
        let orders = world.orders.into_iter().map(|line| (Some(TENANTS[0]), Record::Order(Box::new(line))));
        let papers = world.shipments.into_iter().map(|line| (None, Record::Shipment(Box::new(line))));
        let rows = world.companies.into_iter().map(|row| (None, Record::Company(Box::new(row))));
        // Every kind comes in every step.
        let places = |count: usize| (0..count).map(move |place| place as f64 / count as f64);
        let (orders, papers, rows): (Vec<Owned>, Vec<Owned>, Vec<Owned>) =
            (orders.collect(), papers.collect(), rows.collect());
        let mut all: Vec<(f64, Owned)> = Vec::new();
        for list in [orders, papers, rows] {
            all.extend(places(list.len()).zip(list));
        }
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        let all: Vec<Owned> = all.into_iter().map(|(_, record)| record).collect();
        let (first, later) = all.split_at(all.len() * 2 / 3);
        let steps = std::iter::once(first.to_vec()).chain(later.chunks(40).map(<[Owned]>::to_vec));
        most.push(taken_up_by(Policy::default(), steps));
    }
    let enough = |kept: &Kept| kept.starts > 20 && kept.seconds > 0 && kept.many > 0;
    assert!(most.iter().all(enough), "{most:?} says little");
}
