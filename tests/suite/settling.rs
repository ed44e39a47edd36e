//! The smallest cases of what settling must not forget, written out by hand. Worlds find such faults as well, but only
//! where a world happens to have the case.

use std::collections::BTreeMap;

use onward::model::{
    Amount, Company, Corridor, Country, Day, DocumentKey, DocumentKind, Finding, HsCode, OrderKey, OrderLine, Party,
    Record, ShipmentLine, Unit,
};
use onward::screening::{Affected, Holdings, Policy, judge};

const TENANT: &str = "acme";
const KOMPLEKT: (&str, &str) = ("Alatau Komplekt LLP", "000740000728");
const LOGISTICS: (&str, &str) = ("Zhetisu Logistics LLP", "260740001461");
const NAMESAKE: (&str, &str) = ("Alatau Komplekt LLP", "990740000683");
const IN_ALMATY: &str = "Almaty, Abay avenue 10";
const IN_AKTAU: &str = "Aktau, Kosmonavtov street 7";

fn company((name, identifier): (&str, &str), address: &str) -> Record {
    Record::Company(Box::new(Company {
        identifier: identifier.to_owned(),
        country: Some(Country::KZ),
        name: name.to_owned(),
        address: address.to_owned(),
        ..Company::default()
    }))
}

fn party(name: &str, identifier: &str, address: &str, country: Country) -> Party {
    let (name, identifier, address) = (name.to_owned(), identifier.to_owned(), address.to_owned());
    Party { name, identifier, address, country: Some(country), ..Party::default() }
}

fn order(order_id: &str, day: i32, buyer: Party, part_number: &str) -> Record {
    Record::Order(Box::new(OrderLine {
        key: OrderKey { order_id: order_id.to_owned(), line_no: 1 },
        order_date: Day::from_number(day),
        ship_date: None,
        buyer,
        consignee: Party::default(),
        end_user: Party::default(),
        payer: Party::default(),
        destination_country: Some(Country::KZ),
        incoterms: String::new(),
        hs_code: HsCode::from_digits("853710"),
        description: String::new(),
        brand: String::new(),
        part_number: part_number.to_owned(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(100),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        export_declaration: String::new(),
        no_reexport_clause: None,
    }))
}

fn paper(number: &str, kind: DocumentKind, day: i32, consignor: Party, consignee: Party) -> Record {
    let feed = String::new();
    Record::Shipment(Box::new(ShipmentLine {
        key: DocumentKey { feed, kind, number: number.to_owned(), line_no: 1 },
        date: Day::from_number(day),
        consignor,
        consignee,
        hs_code: HsCode::from_digits("853710"),
        description: String::new(),
        brand: String::new(),
        part_number: "ALT-2207".to_owned(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(100),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        source_declaration: String::new(),
        carrier_name: String::new(),
    }))
}

/// Takes the records up one after the other and judges what settling says is affected.
fn judged(records: &[Record], step: usize) -> BTreeMap<OrderKey, Finding> {
    let policy = Policy::default();
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    let mut findings = BTreeMap::new();
    for chunk in records.chunks(step) {
        for record in chunk {
            holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record.clone());
        }
        let affected = holdings.settle();
        for cut in holdings.cuts_of(&affected.orders()) {
            findings.extend(judge(&holdings.case(&cut), &policy).into_iter().map(|found| (found.order.clone(), found)));
        }
    }
    findings
}

/// The goods of an order go from its buyer through a second firm to Russia, and that firm ordered such goods itself: both
/// orders are one case. Then the register says that the first buyer is a namesake elsewhere. Nothing that is tied to the
/// second order changes, and still it must be judged again: it does not share the declaration any more.
#[test]
fn an_order_left_alone_by_another_one_is_judged_again() {
    let logistics = || party(LOGISTICS.0, LOGISTICS.1, "", Country::KZ);
    let receiver = party("OOO Severny Veter", "", "", Country::RU);
    let mut records = vec![
        company(KOMPLEKT, IN_ALMATY),
        company(LOGISTICS, IN_ALMATY),
        paper("T-1", DocumentKind::Snt, 19_040, party(KOMPLEKT.0, KOMPLEKT.1, "", Country::KZ), logistics()),
        paper("D-1", DocumentKind::RuDeclaration, 19_060, logistics(), receiver),
        order("O-1", 19_000, party(KOMPLEKT.0, "", IN_AKTAU, Country::KZ), "ALT-2207"),
        order("O-2", 19_010, logistics(), "ALT-2207"),
    ];
    // Where few mentions are held, one that resolves otherwise has everything judged again.
    for number in 0..12 {
        let name = ["Sunkar", "Tulpar", "Otrar", "Magistral", "Sirius", "Robokod"][number % 6];
        let buyer = party(&format!("{name} {} LLP", 20 + number), "", "", Country::KZ);
        records.push(order(&format!("P-{number}"), 19_000, buyer, &format!("QRX-{number}")));
    }
    let before = judged(&records, records.len());
    records.push(company(NAMESAKE, IN_AKTAU));
    let at_once = judged(&records, records.len());
    let second = OrderKey { order_id: "O-2".to_owned(), line_no: 1 };
    assert_ne!(before[&second], at_once[&second], "the case is one");
    assert_eq!(judged(&records, records.len() - 1), at_once);
}

/// A paper names a maker in its text alone, of whom nobody has heard. Then a record has the maker as its brand: now the
/// paper speaks against an order for goods of another brand, and such orders are judged again, but no others.
#[test]
fn a_brand_that_becomes_known_concerns_those_whose_papers_name_it() {
    let described = |record: Record, text: &str, maker: &str| match record {
        Record::Order(line) => {
            Record::Order(Box::new(OrderLine { description: text.to_owned(), brand: maker.to_owned(), ..*line }))
        }
        Record::Shipment(line) => Record::Shipment(Box::new(ShipmentLine { description: text.to_owned(), ..*line })),
        record => record,
    };
    let buyer = || party(KOMPLEKT.0, KOMPLEKT.1, "", Country::KZ);
    let receiver = || party("OOO Severny Veter", "", "", Country::RU);
    let named = described(
        paper("D-1", DocumentKind::RuDeclaration, 19_060, buyer(), receiver()),
        "CONTROLLER ZARNITSA FOR PUMPS",
        "",
    );
    let mut records = vec![company(KOMPLEKT, IN_ALMATY), named, order("O-1", 19_000, buyer(), "ALT-2207")];
    for number in 0..12 {
        let name = ["Sunkar", "Tulpar", "Otrar", "Magistral", "Sirius", "Robokod"][number % 6];
        let buyer = party(&format!("{name} {} LLP", 20 + number), "", "", Country::KZ);
        records.push(order(&format!("P-{number}"), 19_000, buyer, &format!("QRX-{number}")));
    }
    let mut holdings = Holdings::expecting_more(Policy::default(), Corridor::default());
    let mut insert = |record: Record| {
        holdings.insert(Some(TENANT).filter(|_| matches!(record, Record::Order(_))), record);
        holdings.settle()
    };
    records.into_iter().for_each(|record| drop(insert(record)));
    let (buyer, maker) = (party("Otrar 22 LLP", "", "", Country::KZ), "Zarnitsa");
    let Affected { far, .. } = insert(described(order("Q-1", 19_000, buyer, "ZRN-1"), "", maker));
    assert_eq!(holdings.case(&holdings.cut_around(0)).brands, ["ZARNITSA"]);
    assert!(far.contains(&0), "the order of the paper's goods");
    assert!(!far.contains(&5), "an order of other goods");
}
