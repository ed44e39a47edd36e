//! Flags over a small case: up, down and not computable, each at least once.
//!
//! Every test changes one thing of a case that is otherwise quiet, and looks at one flag.

use std::sync::Arc;

use super::{Assessor, assess, catalogue};
use crate::model::{
    Amount, ArrivalCoverage, Bits, Case, CaseLimits, CaseOrder, CaseShipment, Company, Corridor, Country, Day,
    DocumentKey, DocumentKind, EntityShare, EntityView, Evidence, EvidenceKind, GoodsForm, HsCode, IndicatorOutcome,
    Link, OrderKey, OrderLine, Party, Probability, ShipmentLine, ShipmentRole, Unit,
};

use IndicatorOutcome::{Clear, NotComputable, Raised};

fn day(text: &str) -> Day {
    Day::parse_iso(text).unwrap()
}

fn share(entity: u32) -> Arc<Vec<EntityShare>> {
    Arc::new(vec![EntityShare { entity, probability: Probability::from_f64(0.9) }])
}

fn order(order_id: &str, date: &str, code: &str, quantity: i64) -> OrderLine {
    OrderLine {
        key: OrderKey { order_id: order_id.to_owned(), line_no: 1 },
        order_date: day(date),
        ship_date: Some(day(date).plus_days(3)),
        buyer: Party { name: "Akkum Trade LLP".to_owned(), country: Some(Country::KZ), ..Party::default() },
        consignee: Party::default(),
        end_user: Party::default(),
        payer: Party::default(),
        destination_country: Some(Country::KZ),
        incoterms: String::new(),
        hs_code: HsCode::from_digits(code),
        description: String::new(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(quantity),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: Some(Amount::from_whole(quantity * 10)),
        currency: "EUR".to_owned(),
        export_declaration: String::new(),
        no_reexport_clause: None,
    }
}

fn shipment(number: &str, role: ShipmentRole, date: &str, code: &str) -> CaseShipment {
    let line = ShipmentLine {
        key: DocumentKey { number: number.to_owned(), line_no: 1, kind: DocumentKind::Snt, feed: String::new() },
        date: day(date),
        consignor: Party::default(),
        consignee: Party::default(),
        hs_code: HsCode::from_digits(code),
        description: String::new(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(10),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: Some(Amount::from_whole(300)),
        currency: "EUR".to_owned(),
        source_declaration: String::new(),
        carrier_name: String::new(),
    };
    let (consignor, consignee) = match role {
        ShipmentRole::Arrival => (Arc::default(), share(0)),
        ShipmentRole::Transfer => (share(0), share(1)),
        ShipmentRole::Onward => (share(0), Arc::default()),
    };
    let goods = Arc::new(GoodsForm::default());
    CaseShipment { line: Arc::new(line), role, goods, consignor, consignee, value_euro: None }
}

fn entity(key: &str, company: Company) -> EntityView {
    let company = Some(Arc::new(company));
    EntityView {
        key: key.to_owned(),
        company,
        first_order_date: Some(day("2023-01-01")),
        order_line_count: 9,
        echoed_millionths: 0,
    }
}

fn company(registered: &str, address: &str, director: &str) -> Company {
    Company {
        registered: Some(day(registered)),
        address: address.to_owned(),
        director: director.to_owned(),
        activity_code: "62010".to_owned(),
        status: "Действующая".to_owned(),
        ..Company::default()
    }
}

/// A case with one order, its arrival and nothing to see.
fn quiet(lines: Vec<OrderLine>) -> Case {
    let case_order = |line: OrderLine| CaseOrder {
        line: Arc::new(line),
        goods: Arc::new(GoodsForm::default()),
        buyer: share(0),
        echo: Probability::ZERO,
        value_euro: None,
        arrival_due: true,
    };
    Case {
        tenant: "default".to_owned(),
        corridor: Corridor::default(),
        orders: lines.into_iter().map(case_order).collect(),
        shipments: vec![shipment("A1", ShipmentRole::Arrival, "2024-05-20", "854231")],
        entities: vec![
            entity("KZ:100740000683", company("2010-07-01", "г. Астана, ул. Лесная 18, офис 3", "Азияров К.Е.")),
            entity("KZ:110740000683", company("2011-07-01", "г. Алматы, ул. Горная 2, офис 1", "Беков М.Т.")),
        ],
        brands: Vec::new(),
        coverage: ArrivalCoverage { seen_percent: 80, is_known: true },
        likeness: crate::model::LikenessRecord::default(),
        limits: CaseLimits::default(),
    }
}

fn one_order() -> Case {
    quiet(vec![order("O1", "2024-05-01", "85423190", 100)])
}

fn link(number: &str, date: &str) -> Link {
    Link {
        onward: DocumentKey { number: number.to_owned(), line_no: 1, kind: DocumentKind::Snt, feed: String::new() },
        onward_date: day(date),
        onward_consignee: "ООО Север".to_owned(),
        onward_country: Some(Country::RU),
        path: Vec::new(),
        quantity: Amount::from_whole(10),
        unit: Unit::Piece,
        probability: Probability::from_f64(0.8),
        evidence: Vec::new(),
    }
}

/// The outcome of one flag for the case's last order.
fn check(case: &Case, links: &[Link], indicator: &str, expected: IndicatorOutcome) {
    let order = case.orders.last().unwrap();
    let results = assess(order, case, links);
    let ids: Vec<&str> = results.iter().map(|result| result.indicator.as_str()).collect();
    assert_eq!(ids, catalogue().iter().map(|entry| entry.id).collect::<Vec<_>>());
    let result = results.iter().find(|result| result.indicator == indicator).unwrap();
    assert_eq!(result.outcome, expected, "{indicator}: {}", result.detail);
    assert!(!result.detail.is_empty(), "{indicator}");
}

/// The outcome after a change to the case's last order line.
fn check_line(change: impl FnOnce(&mut OrderLine), indicator: &str, expected: IndicatorOutcome) {
    let mut case = one_order();
    change(Arc::make_mut(&mut case.orders[0].line));
    check(&case, &[], indicator, expected);
}

/// The outcome after a change to the buyer's register row.
fn check_company(change: impl FnOnce(&mut Company), indicator: &str, expected: IndicatorOutcome) {
    let mut case = one_order();
    change(Arc::make_mut(case.entities[0].company.as_mut().unwrap()));
    check(&case, &[], indicator, expected);
}

#[test]
fn a_quiet_order_raises_only_what_its_goods_are() {
    let case = one_order();
    let raised: Vec<String> = assess(&case.orders[0], &case, &[])
        .into_iter()
        .filter(|result| result.outcome == Raised)
        .map(|result| result.indicator)
        .collect();
    assert_eq!(raised, ["priority_goods", "transshipment_destination"]);
}

#[test]
fn flags_of_the_goods_and_the_contract() {
    check_line(|_| {}, "priority_goods", Raised);
    check_line(|line| line.hs_code = HsCode::from_digits("330300"), "priority_goods", Clear);
    check_line(|line| line.hs_code = HsCode::from_digits("8542"), "priority_goods", NotComputable);
    check_line(|line| line.hs_code = None, "priority_goods", NotComputable);
    check_line(|line| line.destination_country = Country::parse("NO"), "transshipment_destination", Clear);
    check_line(|_| {}, "no_reexport_clause_missing", NotComputable);
    check_line(|line| line.no_reexport_clause = Some(false), "no_reexport_clause_missing", Raised);
    check_line(|line| line.no_reexport_clause = Some(true), "no_reexport_clause_missing", Clear);
    check_line(|line| line.order_date = day("2024-03-19"), "no_reexport_clause_missing", Clear);
    check_line(|line| line.payer.country = Country::parse("TR"), "payer_in_third_country", Raised);
    check_line(|line| line.payer.country = Some(Country::KZ), "payer_in_third_country", Clear);
    check_line(|_| {}, "payer_in_third_country", NotComputable);
    check_line(|_| {}, "end_user_not_named", NotComputable);
    check_line(|line| line.end_user.name = "Завод".to_owned(), "end_user_not_named", Clear);
    let mut named = order("O0", "2024-05-01", "85423190", 1);
    named.end_user.name = "Завод".to_owned();
    check(&quiet(vec![named, order("O1", "2024-05-01", "85423190", 1)]), &[], "end_user_not_named", Raised);
}

#[test]
fn flags_of_the_buyer() {
    check_company(|_| {}, "registered_after_february_2022", Clear);
    check_company(|company| company.registered = Some(day("2022-02-25")), "registered_after_february_2022", Raised);
    check_company(|company| company.registered = None, "registered_after_february_2022", Clear);
    let mut unknown = one_order();
    unknown.entities[0].key = "KZ~akumtrad".to_owned();
    unknown.entities[0].company = None;
    check(&unknown, &[], "registered_after_february_2022", NotComputable);
    Arc::make_mut(&mut unknown.orders[0].line).buyer.identifier = "230340005167".to_owned();
    check(&unknown, &[], "registered_after_february_2022", Raised);
    check(&unknown, &[], "shared_address", NotComputable);
    check_company(|company| company.status = "В стадии ликвидации".to_owned(), "register_status", Raised);
    check_company(|_| {}, "register_status", Clear);
    check_company(|company| company.address = "Алматы, Горная ул. 2 - 1".to_owned(), "shared_address", Raised);
    check_company(|_| {}, "shared_address", Clear);
    check_company(|company| company.owners = vec!["Беков Марат Т.".to_owned()], "shared_person", Raised);
    check_company(|_| {}, "shared_person", Clear);
    check_company(|company| company.activity_code = "56101".to_owned(), "activity_mismatch", Raised);
    check_company(|_| {}, "activity_mismatch", Clear);
    check_company(|company| company.activity_code = String::new(), "activity_mismatch", NotComputable);
    check_company(|company| company.activity_code = "46510".to_owned(), "intermediary_buyer", Raised);
    check_company(|_| {}, "intermediary_buyer", Clear);
    check_company(|company| company.activity_code = "52291".to_owned(), "forwarder_as_consignee", Raised);
    check_line(|line| line.consignee.name = "Steppe Freight Forwarding".to_owned(), "forwarder_as_consignee", Raised);
    check_line(|line| line.buyer.email = "info@Mail.ru".to_owned(), "free_mail", Raised);
    check_line(|line| line.buyer.email = "info@akkum.kz".to_owned(), "free_mail", Clear);
    check_line(|_| {}, "free_mail", NotComputable);
    check_line(|line| line.buyer.phone = "+7 916 1234567".to_owned(), "phone_country_mismatch", Raised);
    check_line(|line| line.buyer.phone = "8 701 1234567".to_owned(), "phone_country_mismatch", Clear);
    check_line(|_| {}, "phone_country_mismatch", NotComputable);
}

#[test]
fn flags_of_the_course_of_orders() {
    let mut case = one_order();
    check(&case, &[], "new_customer_priority_goods", Clear);
    check(&case, &[], "goods_new_since_2022", Clear);
    case.entities[0].first_order_date = Some(day("2020-01-01"));
    check(&case, &[], "goods_new_since_2022", Raised);
    case.entities[0].first_order_date = Some(day("2024-04-20"));
    check(&case, &[], "new_customer_priority_goods", Raised);
    check(&case, &[], "goods_new_since_2022", Clear);
    case.entities[0].first_order_date = None;
    check(&case, &[], "new_customer_priority_goods", NotComputable);

    let rising = |last: i64| {
        let earlier = ["2023-05-01", "2023-07-01"].map(|date| order(date, date, "854231", 10));
        quiet(earlier.into_iter().chain([order("O9", "2024-02-01", "854231", last)]).collect())
    };
    check(&rising(60), &[], "sharp_rise", Raised);
    check(&rising(59), &[], "sharp_rise", Clear);
    check(&one_order(), &[], "sharp_rise", NotComputable);

    let split = |dates: [&str; 3]| quiet(dates.map(|date| order(&format!("O-{date}"), date, "854231", 10)).to_vec());
    check(&split(["2024-05-01", "2024-05-04", "2024-05-07"]), &[], "order_splitting", Raised);
    check(&split(["2024-05-01", "2024-05-04", "2024-05-08"]), &[], "order_splitting", Clear);
    let same_order = quiet(vec![order("O1", "2024-05-01", "854231", 1); 3]);
    check(&same_order, &[], "order_splitting", Clear);
}

#[test]
fn flags_of_movement() {
    let case = one_order();
    check(&case, &[], "arrival_missing", Clear);
    let mut missing = one_order();
    missing.shipments.clear();
    check(&missing, &[], "arrival_missing", Raised);
    missing.coverage.seen_percent = 20;
    check(&missing, &[], "arrival_missing", NotComputable);
    missing.coverage = case.coverage;
    missing.orders[0].arrival_due = false;
    check(&missing, &[], "arrival_missing", NotComputable);

    check(&case, &[], "onward_soon_after_arrival", Clear);
    check(&case, &[link("S1", "2024-06-01")], "onward_soon_after_arrival", Raised);
    check(&case, &[link("S1", "2024-09-01")], "onward_soon_after_arrival", Clear);
    let unlikely = Link { probability: Probability::from_f64(0.3), ..link("S1", "2024-06-01") };
    check(&case, &[unlikely], "onward_soon_after_arrival", Clear);

    let mut moved = one_order();
    moved.shipments.push(shipment("S1", ShipmentRole::Onward, "2024-06-01", "854239"));
    check(&moved, &[link("S1", "2024-06-01")], "code_drift", Raised);
    check(&moved, &[], "code_drift", Clear);
    // Ten euro a piece on the order, thirty on the paper.
    check(&moved, &[link("S1", "2024-06-01")], "price_far_above", Raised);
    Arc::make_mut(&mut moved.shipments[1].line).value = Some(Amount::from_whole(150));
    check(&moved, &[link("S1", "2024-06-01")], "price_far_above", Clear);
    Arc::make_mut(&mut moved.shipments[1].line).currency = "RUB".to_owned();
    check(&moved, &[link("S1", "2024-06-01")], "price_far_above", NotComputable);
}

#[test]
fn serial_numbers_seen() {
    let mut case = one_order();
    check(&case, &[], "serial_seen", NotComputable);
    Arc::make_mut(&mut case.orders[0].goods).serial_numbers = vec!["A100".to_owned()];
    check(&case, &[], "serial_seen", Clear);
    let mut seen = link("S1", "2024-06-01");
    let evidence = Evidence {
        kind: EvidenceKind::SerialNumber,
        ours: "A100".to_owned(),
        theirs: "A100".to_owned(),
        bits: Bits(1),
    };
    seen.evidence = vec![evidence];
    check(&case, std::slice::from_ref(&seen), "serial_seen", Raised);
    seen.evidence[0].bits = Bits(-1);
    check(&case, &[seen], "serial_seen", Clear);
}

#[test]
fn an_unresolved_buyer_leaves_its_flags_not_computable() {
    let mut case = one_order();
    case.orders[0].buyer = Arc::default();
    let results = assess(&case.orders[0], &case, &[]);
    let not_computable = results.iter().filter(|result| result.outcome == NotComputable).count();
    assert!(not_computable > 10, "{results:?}");
    assert_eq!(results, Assessor::new(&case).assess(&case.orders[0], &[]));
}
