//! A case is the same from wherever it is cut, and goods that were built for long are followed from their despatch on.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::candidates::candidate_ways;
use super::super::holdings::Holdings;
use super::super::judge::judge;
use super::super::policy::Policy;
use super::{Cut, Cutter};
use crate::model::{
    Amount, Company, Corridor, Country, Day, DocumentKey, DocumentKind, Finding, HsCode, OrderKey, OrderLine, Party,
    Record, ShipmentLine, Unit,
};
use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// Firms of the ostensible destination, each with its own number.
pub(super) const FIRMS: [(&str, &str); 3] = [
    ("Alatau Komplekt LLP", "000740000728"),
    ("Zhetisu Logistics LLP", "260740001461"),
    ("Sunkar Trade LLP", "990740000683"),
];
pub(super) const TENANTS: [&str; 2] = ["acme", "bolt"];
pub(super) const CODES: [&str; 3] = ["853710", "853720", "940310"];

fn firm(number: usize) -> Party {
    let (name, identifier) = FIRMS[number];
    let (name, identifier) = (name.to_owned(), identifier.to_owned());
    Party { name, identifier, country: Some(Country::KZ), ..Party::default() }
}

fn abroad(name: &str, country: &str) -> Party {
    Party { name: name.to_owned(), country: Country::parse(country), ..Party::default() }
}

pub(super) fn order(number: usize, buyer: usize, code: usize, day: i32, lead_days: Option<i32>) -> OrderLine {
    OrderLine {
        key: OrderKey { order_id: format!("O-{number}"), line_no: 1 },
        order_date: Day::from_number(day),
        ship_date: lead_days.map(|days| Day::from_number(day + days)),
        buyer: firm(buyer),
        consignee: Party::default(),
        end_user: Party::default(),
        payer: Party::default(),
        destination_country: Some(Country::KZ),
        incoterms: String::new(),
        hs_code: HsCode::from_digits(CODES[code]),
        description: String::new(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(40),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        export_declaration: String::new(),
        no_reexport_clause: None,
    }
}

fn paper(number: usize, kind: DocumentKind, code: usize, day: i32, parties: (Party, Party)) -> ShipmentLine {
    ShipmentLine {
        key: DocumentKey { feed: String::new(), kind, number: format!("D-{number}"), line_no: 1 },
        date: Day::from_number(day),
        consignor: parties.0,
        consignee: parties.1,
        hs_code: HsCode::from_digits(CODES[code]),
        description: String::new(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(40),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        source_declaration: String::new(),
        carrier_name: String::new(),
    }
}

/// A paper of one of the three roles between two firms of the destination.
pub(super) fn paper_of(number: usize, role: u8, code: usize, day: i32, from: usize, to: usize) -> ShipmentLine {
    let (kind, parties) = match role {
        0 => (DocumentKind::KzImport, (abroad("Primer Werke GmbH", "DE"), firm(to))),
        1 => (DocumentKind::Snt, (firm(from), firm(to))),
        _ => (DocumentKind::RuDeclaration, (firm(from), abroad("OOO Severny Veter", "RU"))),
    };
    paper(number, kind, code, day, parties)
}

pub(super) type Owned = (Option<&'static str>, Record);

/// The register's row of a firm.
pub(super) fn registered(firm: usize) -> Record {
    let (name, identifier) = FIRMS[firm];
    let (name, identifier) = (name.to_owned(), identifier.to_owned());
    Record::Company(Box::new(Company { identifier, country: Some(Country::KZ), name, ..Company::default() }))
}

fn settled(records: Vec<Owned>) -> Holdings {
    settled_by(Policy::default(), records)
}

fn settled_by(policy: Policy, records: Vec<Owned>) -> Holdings {
    let mut holdings = Holdings::new(policy, Corridor::default());
    for (owner, record) in (0..FIRMS.len()).map(|firm| (None, registered(firm))).chain(records) {
        holdings.insert(owner, record);
    }
    holdings.settle();
    holdings
}

/// Days enough that windows begin and end within them, and lead times of every kind: none stated, usual ones, years.
fn orders() -> impl Strategy<Value = Vec<(usize, usize, usize, i32, Option<i32>)>> {
    let lead = prop_oneof![Just(None), (-30..130_i32).prop_map(Some), (100..1_300_i32).prop_map(Some)];
    proptest::collection::vec((0..2_usize, 0..3_usize, 0..3_usize, 18_000..19_200_i32, lead), 1..12)
}

fn papers() -> impl Strategy<Value = Vec<(Option<usize>, u8, usize, i32, usize, usize)>> {
    let owner = proptest::option::weighted(0.2, 0..2_usize);
    proptest::collection::vec((owner, 0..3_u8, 0..3_usize, 18_000..20_600_i32, 0..3_usize, 0..3_usize), 1..24)
}

proptest! {
    #[test]
    fn a_case_is_the_same_from_wherever_it_is_cut(
        orders in orders(),
        papers in papers(),
        pairs_per_transfer_max in prop_oneof![Just(20_000_usize), 0..6_usize],
    ) {
        let orders = orders.into_iter().enumerate().map(|(number, (tenant, buyer, code, day, lead_days))| {
            (Some(TENANTS[tenant]), Record::Order(Box::new(order(number, buyer, code, day, lead_days))))
        });
        let papers = papers.into_iter().enumerate().map(|(number, (owner, role, code, day, from, to))| {
            let line = paper_of(number, role, code, day, from, to);
            (owner.map(|owner| TENANTS[owner]), Record::Shipment(Box::new(line)))
        });
        let policy = Policy { pairs_per_transfer_max, ..Policy::default() };
        let holdings = settled_by(policy, orders.chain(papers).collect());
        let members = |cut: &Cut| (cut.orders().collect::<BTreeSet<_>>(), cut.shipments().collect::<BTreeSet<_>>());
        let mut cuts = holdings.cuts();
        for tenant in 0..holdings.tenants.len() as u32 {
            let papers = 0..holdings.shipments.len() as u32;
            let visible = papers.filter(|paper| holdings.shipments[*paper as usize].is_visible_to(tenant));
            cuts.extend(visible.map(|paper| Cutter::new(&holdings).around_shipment(tenant, paper)));
        }
        for cut in cuts {
            let whole = members(&cut);
            for order in cut.orders() {
                prop_assert_eq!(&members(&holdings.cut_around(order)), &whole, "from order line {}", order);
            }
            for paper in cut.shipments() {
                let around = Cutter::new(&holdings).around_shipment(cut.tenant(), paper);
                prop_assert_eq!(&members(&around), &whole, "from paper {}", paper);
            }
        }
    }
}

/// A cut leaves out everyday trade and nothing else: what is tied by some way over which goods may have gone, lies in one
/// case. Looked for in one case of all that is held.
#[test]
fn a_cut_leaves_no_way_out() {
    let mut through_firms = 0;
    for (seed, profile) in [(51, Profile::Small), (52, Profile::Harder), (53, Profile::FewDiverters)] {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(seed, 1_500, 7_500, profile), &mut world).unwrap();
        let orders = world.orders.into_iter().map(|line| (Some(TENANTS[0]), Record::Order(Box::new(line))));
        let papers = world.shipments.into_iter().map(|line| (None, Record::Shipment(Box::new(line))));
        let companies = world.companies.into_iter().map(|row| (None, Record::Company(Box::new(row))));
        let policy = Policy::default();
        let mut holdings = Holdings::new(policy.clone(), Corridor::default());
        orders.chain(papers).chain(companies).for_each(|(owner, record)| {
            holdings.insert(owner, record);
        });
        holdings.settle();
        let whole = Cut {
            tenant: 0,
            orders: (0..holdings.orders.len() as u32).collect(),
            shipments: (0..holdings.shipments.len() as u32).collect(),
            cut_at: None,
        };
        let ways_of = |cut: &Cut| {
            let ways = candidate_ways(&holdings.case(cut), &policy);
            ways.into_iter().map(|way| format!("{:?} {:?} {:?} {:?}", way.order, way.path, way.onward, way.shares))
        };
        let expected: BTreeSet<String> = ways_of(&whole).collect();
        let found: BTreeSet<String> = holdings.cuts().iter().flat_map(ways_of).collect();
        through_firms += expected.iter().filter(|way| !way.contains(" [] ")).count();
        let lost: Vec<_> = expected.symmetric_difference(&found).collect();
        assert!(lost.is_empty(), "{} of {}: {:#?}", lost.len(), expected.len(), &lost[..lost.len().min(4)]);
        let largest = holdings.cuts().iter().map(|cut| cut.shipments.len()).max();
        assert!(largest < Some(holdings.shipments.len() / 10), "{largest:?}");
    }
    assert!(through_firms > 50, "{through_firms} trails say nothing");
}

/// The finding of one order line that was despatched so many days after it was placed, whose goods arrived three weeks
/// later and left for Russia a month after that. Arrivals of other orders are usually seen.
fn judged_after(lead_days: i32) -> Finding {
    let placed = 18_000;
    let despatched = placed + lead_days;
    let ordered = |order: OrderLine| (Some(TENANTS[0]), Record::Order(Box::new(order)));
    let seen = |line: ShipmentLine| (None, Record::Shipment(Box::new(line)));
    let mut records = vec![
        ordered(order(0, 0, 0, placed, Some(lead_days))),
        seen(paper_of(0, 0, 0, despatched + 21, 0, 0)),
        seen(paper_of(1, 2, 0, despatched + 51, 0, 0)),
    ];
    for number in 1..60 {
        let day = placed + 20 * number as i32;
        let other =
            OrderLine { quantity: Amount::from_whole(500 + number as i64), ..order(number, 1, 2, day, Some(5)) };
        let quantity = other.quantity;
        records.push(ordered(other));
        records.push(seen(ShipmentLine { quantity, ..paper_of(100 + number, 0, 2, day + 25, 0, 1) }));
    }
    let holdings = settled(records);
    judge(&holdings.case(&holdings.cut_around(0)), &Policy::default()).remove(0)
}

/// Machine tools are built for a year and more. What is counted from the order date has ended by then.
#[test]
fn goods_that_were_built_for_long_are_followed_from_their_despatch_on() {
    let usual = judged_after(20);
    let links =
        |finding: &Finding| -> Vec<DocumentKey> { finding.links.iter().map(|link| link.onward.clone()).collect() };
    assert_eq!(links(&usual).len(), 1, "the paper is a likely one");
    for lead_days in [119, 120, 121, 300, 340, 430, 900] {
        let late = judged_after(lead_days);
        assert_eq!(links(&late), links(&usual), "{lead_days} days");
        assert_eq!(late.score, usual.score, "{lead_days} days");
        assert_eq!(late.kind, usual.kind, "{lead_days} days");
    }
}

/// A slip in the year must not take an order line out of sight: a despatch that far away counts as not stated.
#[test]
fn a_despatch_years_away_is_not_believed() {
    let (despatched, slipped) = (18_020, 18_020 + 10 * 365);
    let finding = |ship: i32| {
        let onward = paper_of(1, 2, 0, despatched + 51, 0, 0);
        let order = order(0, 0, 0, 18_000, Some(ship - 18_000));
        let holdings = settled(vec![
            (Some(TENANTS[0]), Record::Order(Box::new(order))),
            (None, Record::Shipment(Box::new(onward))),
        ]);
        judge(&holdings.case(&holdings.cut_around(0)), &Policy::default()).remove(0)
    };
    assert_eq!(finding(slipped).links.len(), 1);
    assert_eq!(finding(slipped).links[0].onward, finding(despatched).links[0].onward);
}

/// An order line of the first firm whose goods may have gone over the second one, which ordered such goods itself: by day of
/// the transfer, quantity transferred, and text on the transfer. Weak trails and strong ones.
fn over_another_buyer(transfer_day: i32, transferred: i64, text: &str) -> Vec<Owned> {
    let ordered = |number, buyer| OrderLine { brand: "Altyn".to_owned(), ..order(number, buyer, 0, 18_000, Some(10)) };
    let transfer = ShipmentLine {
        quantity: Amount::from_whole(transferred),
        description: text.to_owned(),
        ..paper_of(0, 1, 0, transfer_day, 0, 1)
    };
    let onward = paper_of(1, 2, 0, transfer_day + 20, 1, 0);
    let mut records: Vec<Owned> = vec![
        (Some(TENANTS[0]), Record::Order(Box::new(ordered(0, 0)))),
        (Some(TENANTS[0]), Record::Order(Box::new(ordered(1, 1)))),
        (None, Record::Shipment(Box::new(transfer))),
        (None, Record::Shipment(Box::new(onward))),
    ];
    // Where few mentions are held, whatever comes has everything judged again.
    for number in 0..24 {
        let buyer = Party { name: format!("Otrar {number} LLP"), country: Some(Country::KZ), ..Party::default() };
        let other = OrderLine { buyer, ..order(100 + number, 2, 2, 18_000, None) };
        records.push((Some(TENANTS[0]), Record::Order(Box::new(other))));
    }
    records
}

/// Weak trails and strong ones, so that some lose their tie by whatever weighs a little.
fn trails_of_all_weights(text: &str) -> Vec<Vec<Owned>> {
    let quantities = [40, 30, 15, 3, 44, 60];
    let days = (0..10).map(|step| 18_020 + 24 * step);
    days.flat_map(|day| quantities.map(|transferred| over_another_buyer(day, transferred, text))).collect()
}

/// Judges what is held, then what settling says is affected by those that come.
fn judged_in_steps(held: &[Owned], coming: &[Owned]) -> (BTreeMap<OrderKey, Finding>, [BTreeSet<u32>; 2]) {
    let policy = Policy::default();
    let mut holdings = settled(held.to_vec());
    let tied = |holdings: &Holdings| holdings.cut_around(1).orders().collect::<BTreeSet<u32>>();
    let mut findings = BTreeMap::new();
    let mut judge_these = |holdings: &Holdings, orders: &BTreeSet<u32>| {
        for cut in holdings.cuts_of(orders) {
            findings.extend(judge(&holdings.case(&cut), &policy).into_iter().map(|found| (found.order.clone(), found)));
        }
    };
    judge_these(&holdings, &(0..holdings.orders.len() as u32).collect());
    let before = tied(&holdings);
    for (owner, record) in coming {
        holdings.insert(*owner, record.clone());
    }
    let affected = holdings.settle();
    assert!(affected.near.len() + affected.far.len() < holdings.orders.len(), "not everything is judged again");
    judge_these(&holdings, &affected.orders());
    let now = tied(&holdings);
    (findings, [before, now])
}

fn a_lost_tie_is_noticed(trails: Vec<Vec<Owned>>, coming: &[Owned]) {
    let mut lost_count = 0;
    for held in trails {
        let (step_by_step, [before, now]) = judged_in_steps(&held, coming);
        let everything: Vec<Owned> = held.iter().chain(coming).cloned().collect();
        let (at_once, _) = judged_in_steps(&everything, &[]);
        assert_eq!(step_by_step, at_once);
        lost_count += usize::from(before.contains(&0) && !now.contains(&0));
    }
    assert!(lost_count > 0, "no tie was lost");
}

/// A buyer's many other orders say that it sends nothing on: a weak trail from its order line is none any more, and whoever
/// competed with it is judged again.
#[test]
fn a_tie_lost_to_a_better_record_is_noticed() {
    let others =
        (0..60).map(|number| (Some(TENANTS[0]), Record::Order(Box::new(order(200 + number, 0, 2, 18_400, None)))));
    a_lost_tie_is_noticed(trails_of_all_weights(""), &others.collect::<Vec<_>>());
}

/// The word on a transfer turns out to be another maker's name.
#[test]
fn a_tie_lost_to_a_new_brand_is_noticed() {
    let branded = OrderLine { brand: "Zarnitsa".to_owned(), ..order(200, 2, 2, 18_000, None) };
    a_lost_tie_is_noticed(
        trails_of_all_weights("CONTROLLER ZARNITSA"),
        &[(Some(TENANTS[0]), Record::Order(Box::new(branded)))],
    );
}

/// A transfer long after the despatch may be soon after the arrival.
#[test]
fn an_arrival_holds_a_trail_together() {
    let mut held_by_arrival = 0;
    for arrived in [18_030, 18_050, 18_070, 18_080] {
        for records in trails_of_all_weights("") {
            let without = settled(records.clone());
            let mut records = records;
            records.push((None, Record::Shipment(Box::new(paper_of(7, 0, 0, arrived, 0, 0)))));
            let holdings = settled(records);
            let whole = Cut {
                tenant: 0,
                orders: (0..holdings.orders.len() as u32).collect(),
                shipments: (0..holdings.shipments.len() as u32).collect(),
                cut_at: None,
            };
            let ways = |cut: &Cut| candidate_ways(&holdings.case(cut), &holdings.policy);
            let in_cuts: Vec<_> = holdings.cuts().iter().flat_map(ways).collect();
            assert_eq!(in_cuts, ways(&whole));
            let is_tied = |holdings: &Holdings| holdings.cut_around(0).orders().any(|order| order == 1);
            held_by_arrival += usize::from(is_tied(&holdings) && !is_tied(&without));
        }
    }
    assert!(held_by_arrival > 0, "no trail needs its arrival");
}
