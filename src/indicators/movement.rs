//! Flags read from where the goods went: arrivals of the case and links of the order line.
//!
//! These repeat in words what links and flow weigh in bits; they carry no weight of their own.

use super::assess::View;
use super::catalogue::Flag;
use crate::model::{Amount, Bits, CaseShipment, Day, EvidenceKind, HsCode, Link};

/// Goods that have not arrived this long after despatch are missing.
const TRANSIT_DAYS_MAX: i32 = 120;
/// An arrival may be dated a little before the exporter's date of despatch.
const DATE_SLACK_DAYS: i32 = 7;
/// Arrivals are usually seen from this coverage on.
const COVERAGE_PERCENT_MIN: u32 = 50;
const SOON_DAYS: i32 = 45;
const PRICE_FACTOR_MIN: f64 = 2.0;

const NO_LINK: &str = "no likely onward shipment";

fn despatch(view: &View<'_, '_>) -> Day {
    view.order.line.ship_date.unwrap_or(view.order.line.order_date)
}

fn arrivals<'b>(view: &'b View<'_, '_>) -> Option<&'b [Day]> {
    let heading = view.order.line.hs_code.as_ref().and_then(HsCode::heading)?;
    let key = (view.buyer_index?, heading);
    Some(view.all.arrivals.get(&key).map_or(&[], Vec::as_slice))
}

/// The shipment line that a link leads to.
fn onward<'b>(view: &'b View<'_, '_>, link: &Link) -> Option<&'b CaseShipment> {
    view.all.shipments.get(&link.onward).copied()
}

pub(super) fn arrival_missing(view: &View<'_, '_>) -> Flag {
    let coverage = view.all.case.coverage;
    let Some(days) = arrivals(view) else {
        return Flag::NotComputable("the order line has no known buyer or no tariff code of four digits");
    };
    let from = despatch(view);
    let until = from.plus_days(TRANSIT_DAYS_MAX);
    let seen = days.iter().find(|day| **day >= from.plus_days(-DATE_SLACK_DAYS) && **day <= until);
    if let Some(day) = seen {
        return Flag::Clear(format!("despatched {from}, goods of this heading arrived {day}"));
    }
    if !coverage.is_known || coverage.seen_percent < COVERAGE_PERCENT_MIN {
        return Flag::NotComputable("arrivals are not usually seen in the data held");
    }
    if !view.order.arrival_due {
        return Flag::NotComputable("the data ends before the goods must have arrived");
    }
    Flag::Raised(format!(
        "despatched {from}, no arrival until {until}; {} % of orders are seen to arrive",
        coverage.seen_percent
    ))
}

pub(super) fn onward_soon_after_arrival(view: &View<'_, '_>) -> Flag {
    let from = despatch(view);
    let days = arrivals(view).unwrap_or(&[]);
    let mut shortest: Option<(i32, Day, Day)> = None;
    for link in view.likely_links() {
        let before =
            days.iter().rev().find(|day| **day <= link.onward_date && **day >= from.plus_days(-DATE_SLACK_DAYS));
        let start = before.copied().unwrap_or(from);
        let lag = (link.onward_date.days_since(start), start, link.onward_date);
        shortest = Some(shortest.map_or(lag, |known| known.min(lag)));
    }
    match shortest {
        None => Flag::Clear(NO_LINK.to_owned()),
        Some((days, start, end)) => {
            let detail = format!("{start} to {end}: {days} days");
            if days <= SOON_DAYS { Flag::Raised(detail) } else { Flag::Clear(detail) }
        }
    }
}

pub(super) fn serial_seen(view: &View<'_, '_>) -> Flag {
    if view.order.goods.serial_numbers.is_empty() {
        return Flag::NotComputable("the order line has no serial numbers");
    }
    let shared = view.links.iter().flat_map(|link| link.evidence.iter().map(move |evidence| (link, evidence)));
    let mut shared =
        shared.filter(|(_, evidence)| evidence.kind == EvidenceKind::SerialNumber && evidence.bits > Bits(0));
    match shared.next() {
        Some((link, evidence)) => {
            Flag::Raised(format!("{} on {} of {}", evidence.theirs, link.onward.number, link.onward_date))
        }
        None => Flag::Clear("no serial number of the order on a linked paper".to_owned()),
    }
}

pub(super) fn price_far_above(view: &View<'_, '_>) -> Flag {
    let line = &view.order.line;
    let price = |value: Option<Amount>, quantity: Amount| {
        value
            .filter(|value| value.is_positive() && quantity.is_positive())
            .map(|value| value.to_f64() / quantity.to_f64())
    };
    let Some(ordered) = price(line.value, line.quantity) else {
        return Flag::NotComputable("the order line has no value");
    };
    let mut highest: Option<(f64, &str)> = None;
    for link in view.likely_links() {
        let Some(paper) = onward(view, link).map(|shipment| &shipment.line) else { continue };
        let comparable =
            paper.unit == line.unit && !line.currency.is_empty() && paper.currency.eq_ignore_ascii_case(&line.currency);
        if let Some(asked) = price(paper.value, paper.quantity).filter(|_| comparable)
            && highest.is_none_or(|(known, _)| asked > known)
        {
            highest = Some((asked, &paper.key.number));
        }
    }
    match highest {
        None => Flag::NotComputable("no likely onward paper in the order's unit and currency"),
        Some((asked, number)) => {
            let detail = format!("{asked:.2} {} a unit on {number}, {ordered:.2} on the order", line.currency);
            if asked >= PRICE_FACTOR_MIN * ordered { Flag::Raised(detail) } else { Flag::Clear(detail) }
        }
    }
}

pub(super) fn code_drift(view: &View<'_, '_>) -> Flag {
    let Some(ours) = view.order.line.hs_code.as_ref().and_then(HsCode::subheading) else {
        return Flag::NotComputable("the order line has no tariff code of six digits");
    };
    let mut seen = None;
    for link in view.likely_links() {
        let code = onward(view, link).and_then(|shipment| shipment.line.hs_code.as_ref()).and_then(HsCode::subheading);
        if let Some(theirs) = code.filter(|theirs| *theirs != ours) {
            return Flag::Raised(format!("{ours} on the order, {theirs} on {}", link.onward.number));
        }
        seen = seen.or(code);
    }
    match seen {
        Some(_) => Flag::Clear(format!("{ours} on every likely onward paper")),
        None => Flag::Clear(NO_LINK.to_owned()),
    }
}
