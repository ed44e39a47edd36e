//! Small records and findings for tests, and stores to put them in.
//!
//! Come here for a sample. Nothing is checked here.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Alert, AlertDecision, AlertEventKind, AlertState, AlertUpdate, Amount, Company, Country, Day, DocumentKey,
    DocumentKind, Finding, FindingKind, Level, OrderKey, OrderLine, Party, Probability, Record, ShipmentLine, Unit,
};
use crate::store::{AcceptBatch, AlertRule, Store, StoreClock, StoreIdentity, StoreOptions};

pub fn order_key(number: u32) -> OrderKey {
    OrderKey { order_id: format!("O-{}", number / 2), line_no: number % 2 + 1 }
}

pub fn order(number: u32, description: &str) -> Record {
    Record::Order(Box::new(OrderLine {
        key: order_key(number),
        order_date: Day::from_number(19_000),
        ship_date: None,
        buyer: party("Altyn Saryarka LLP"),
        consignee: Party::default(),
        end_user: Party::default(),
        payer: Party::default(),
        destination_country: Some(Country::KZ),
        incoterms: "DAP".to_owned(),
        hs_code: None,
        description: description.to_owned(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(i64::from(number) + 1),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        export_declaration: String::new(),
        no_reexport_clause: None,
    }))
}

pub fn document_key(number: u32) -> DocumentKey {
    let kind = DocumentKind::ALL[number as usize % DocumentKind::ALL.len()];
    DocumentKey { number: format!("D-{number}"), line_no: 1, kind, feed: "customs".to_owned() }
}

pub fn shipment(number: u32, description: &str) -> Record {
    Record::Shipment(Box::new(ShipmentLine {
        key: document_key(number),
        date: Day::from_number(19_030),
        consignor: party("Altyn Saryarka LLP"),
        consignee: party("OOO Severny Veter"),
        hs_code: None,
        description: description.to_owned(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::from_whole(1),
        unit: Unit::Piece,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        source_declaration: String::new(),
        carrier_name: String::new(),
    }))
}

pub fn company(number: u32, name: &str) -> Record {
    Record::Company(Box::new(Company {
        identifier: format!("{number:012}"),
        country: Some(Country::KZ),
        name: name.to_owned(),
        ..Company::default()
    }))
}

pub fn finding(tenant: &str, number: u32, percent: u32) -> Finding {
    Finding {
        tenant: tenant.to_owned(),
        order: order_key(number),
        score: Probability::from_f64(f64::from(percent) / 100.0),
        level: if percent >= 50 { Level::High } else { Level::None },
        priority: Amount::from_whole(i64::from(percent)),
        attributed: Amount::from_whole(1),
        attributed_low: Amount::ZERO,
        attributed_high: Amount::from_whole(2),
        unit: Unit::Piece,
        kind: FindingKind::OnwardShipment,
        links: Vec::new(),
        rejected: Vec::new(),
        indicators: Vec::new(),
        summary: format!("{percent} per cent"),
        limits_reached: Vec::new(),
        engine_version: "1".to_owned(),
        policy_version: "1".to_owned(),
        case_hash: [percent as u8; 32],
    }
}

pub fn batch(tenant: &str, request_id: &str, records: Vec<Record>) -> AcceptBatch {
    AcceptBatch { tenant: tenant.to_owned(), request_id: request_id.to_owned(), records, shared: true, raw: None }
}

/// Findings of one half and more are alerts.
pub fn rule() -> AlertRule {
    Arc::new(|alert, finding| {
        event_kind(alert, finding).map_or(AlertDecision::Keep, |kind| {
            let fingerprint = finding.case_hash;
            AlertDecision::Change(Box::new(AlertUpdate { kind, fingerprint, changes: Vec::new(), is_material: false }))
        })
    })
}

fn event_kind(alert: Option<&Alert>, finding: &Finding) -> Option<AlertEventKind> {
    let is_high = finding.score.to_f64() >= 0.5;
    match alert.map(|alert| (alert.state, alert.score)) {
        None => is_high.then_some(AlertEventKind::Raised),
        Some((AlertState::Closed, _)) => is_high.then_some(AlertEventKind::Reopened),
        Some((AlertState::Suppressed, _)) => None,
        Some((_, _)) if !is_high => Some(AlertEventKind::Closed),
        Some((_, score)) => (score != finding.score).then_some(AlertEventKind::Updated),
    }
}

pub fn clock() -> StoreClock {
    Arc::new(|| 1_700_000_000_000)
}

pub fn options() -> StoreOptions {
    StoreOptions {
        group_window: Duration::ZERO,
        group_commands_max: 64,
        group_bytes_max: usize::MAX,
        cache_bytes: 1024 * 1024,
        look_interval: Duration::from_millis(1),
        identity: Some(StoreIdentity { id: [1; 16], secret: [2; 32] }),
    }
}

pub fn store() -> Store {
    Store::open_in_memory(options(), clock()).unwrap()
}

fn party(name: &str) -> Party {
    Party { name: name.to_owned(), ..Party::default() }
}
