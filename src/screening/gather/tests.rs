//! A case is the same from wherever it is cut, and goods that were built for long are followed from their despatch on.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::holdings::Holdings;
use super::super::judge::judge;
use super::super::policy::Policy;
use crate::model::{
    Amount, Company, Corridor, Country, Day, DocumentKey, DocumentKind, Finding, HsCode, OrderKey, OrderLine, Party,
    Record, ShipmentLine, Unit,
};

/// Firms of the ostensible destination, each with its own number.
const FIRMS: [(&str, &str); 3] = [
    ("Alatau Komplekt LLP", "000740000728"),
    ("Zhetisu Logistics LLP", "260740001461"),
    ("Sunkar Trade LLP", "990740000683"),
];
const TENANTS: [&str; 2] = ["acme", "bolt"];
const CODES: [&str; 3] = ["853710", "853720", "940310"];

fn firm(number: usize) -> Party {
    let (name, identifier) = FIRMS[number];
    let (name, identifier) = (name.to_owned(), identifier.to_owned());
    Party { name, identifier, country: Some(Country::KZ), ..Party::default() }
}

fn abroad(name: &str, country: &str) -> Party {
    Party { name: name.to_owned(), country: Country::parse(country), ..Party::default() }
}

fn order(number: usize, buyer: usize, code: usize, day: i32, lead_days: Option<i32>) -> OrderLine {
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
fn paper_of(number: usize, role: u8, code: usize, day: i32, from: usize, to: usize) -> ShipmentLine {
    let (kind, parties) = match role {
        0 => (DocumentKind::KzImport, (abroad("Primer Werke GmbH", "DE"), firm(to))),
        1 => (DocumentKind::Snt, (firm(from), firm(to))),
        _ => (DocumentKind::RuDeclaration, (firm(from), abroad("OOO Severny Veter", "RU"))),
    };
    paper(number, kind, code, day, parties)
}

type Owned = (Option<&'static str>, Record);

fn settled(records: Vec<Owned>) -> Holdings {
    let mut holdings = Holdings::new(Policy::default(), Corridor::default());
    let registered = FIRMS.map(|(name, identifier)| Company {
        identifier: identifier.to_owned(),
        country: Some(Country::KZ),
        name: name.to_owned(),
        ..Company::default()
    });
    let registered = registered.map(|row| (None, Record::Company(Box::new(row))));
    for (owner, record) in registered.into_iter().chain(records) {
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
    fn a_case_is_the_same_from_wherever_it_is_cut(orders in orders(), papers in papers()) {
        let orders = orders.into_iter().enumerate().map(|(number, (tenant, buyer, code, day, lead_days))| {
            (Some(TENANTS[tenant]), Record::Order(Box::new(order(number, buyer, code, day, lead_days))))
        });
        let papers = papers.into_iter().enumerate().map(|(number, (owner, role, code, day, from, to))| {
            let line = paper_of(number, role, code, day, from, to);
            (owner.map(|owner| TENANTS[owner]), Record::Shipment(Box::new(line)))
        });
        let holdings = settled(orders.chain(papers).collect());
        let members = |cut: &super::Cut| (cut.orders().collect::<BTreeSet<_>>(), cut.shipments().collect::<BTreeSet<_>>());
        let mut cuts = holdings.cuts();
        for tenant in 0..holdings.tenants.len() as u32 {
            let papers = 0..holdings.shipments.len() as u32;
            let visible = papers.filter(|paper| holdings.shipments[*paper as usize].is_visible_to(tenant));
            cuts.extend(visible.map(|paper| holdings.cut_around_shipment(tenant, paper)));
        }
        for cut in cuts {
            let whole = members(&cut);
            for order in cut.orders() {
                prop_assert_eq!(&members(&holdings.cut_around(order)), &whole, "from order line {}", order);
            }
            for paper in cut.shipments() {
                let around = holdings.cut_around_shipment(cut.tenant(), paper);
                prop_assert_eq!(&members(&around), &whole, "from paper {}", paper);
            }
        }
    }
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
