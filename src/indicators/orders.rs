//! Flags read from the order and from the buyer's other orders.
//!
//! Come here for goods, destination, clause, payer, end user and the course of orders over time.

use super::assess::View;
use super::catalogue::Flag;
use super::series::{SPLIT_DAYS, WINDOW_DAYS};
use super::severity::{PriorityTier, priority_tier};
use crate::model::{Country, Day};

/// Destinations that public guidance names as transshipment points (the coalition's own members left out).
const TRANSSHIPMENT: [&str; 17] =
    ["AE", "AM", "AZ", "BY", "CN", "GE", "HK", "IN", "KG", "KZ", "MD", "RS", "TJ", "TM", "TR", "UZ", "MN"];

const SPLIT_ORDERS_MIN: usize = 3;
const RISE_FACTOR: i128 = 3;

/// The day of the invasion, 24 February 2022.
pub(super) fn invasion() -> Day {
    Day::from_number(19_047)
}

/// The first day on which Article 12g asks for the clause, 20 March 2024.
fn clause_needed_from() -> Day {
    Day::from_number(19_802)
}

/// The tier of the order's goods: `Err` with what is missing.
pub(super) fn tier_of(view: &View<'_, '_>) -> Result<Option<PriorityTier>, &'static str> {
    let code = view.order.line.hs_code.as_ref().ok_or("the order line has no tariff code")?;
    code.subheading().ok_or("the tariff code has fewer than six digits")?;
    Ok(priority_tier(code))
}

fn digits<'b>(view: &'b View<'_, '_>) -> &'b str {
    view.order.line.hs_code.as_ref().map_or("", |code| code.digits())
}

pub(super) fn priority_goods(view: &View<'_, '_>) -> Flag {
    match tier_of(view) {
        Err(missing) => Flag::NotComputable(missing),
        Ok(Some(tier)) => Flag::Raised(format!("code {} is of tier {}", digits(view), tier.as_str())),
        Ok(None) => Flag::Clear(format!("code {} is not listed", digits(view))),
    }
}

pub(super) fn goods_new_since_2022(view: &View<'_, '_>) -> Flag {
    let Some(first_date) = view.buyer.and_then(|buyer| buyer.first_order_date) else {
        return Flag::NotComputable("the buyer's first order is not known");
    };
    let Some(series) = view.series() else {
        return Flag::NotComputable("the order line has no tariff code of six digits");
    };
    let first_of_goods = series.first_date().unwrap_or(view.order.line.order_date);
    let detail = format!("customer since {first_date}, these goods since {first_of_goods}");
    if first_date < invasion() && first_of_goods >= invasion() { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn sharp_rise(view: &View<'_, '_>) -> Flag {
    let Some(series) = view.series() else {
        return Flag::NotComputable("the order line has no known buyer or tariff code");
    };
    let seen = series.seen_from(view.order.line.order_date);
    if seen.earlier_line_count < 2 {
        return Flag::NotComputable("fewer than two earlier order lines of these goods");
    }
    let (now, before) = (seen.recent, seen.earlier);
    let unit = view.order.line.unit;
    let detail = format!("{} {unit} in {WINDOW_DAYS} days after {} {unit} before", now / 1_000_000, before / 1_000_000);
    if now >= RISE_FACTOR * before { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn order_splitting(view: &View<'_, '_>) -> Flag {
    let Some(series) = view.series() else {
        return Flag::NotComputable("the order line has no known buyer or tariff code");
    };
    let most = series.seen_from(view.order.line.order_date).most_orders_in_a_week;
    let detail = format!("{most} orders of these goods within {SPLIT_DAYS} days");
    if most >= SPLIT_ORDERS_MIN { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn transshipment_destination(view: &View<'_, '_>) -> Flag {
    let line = &view.order.line;
    let Some(destination) = line.destination_country.or(line.buyer.country) else {
        return Flag::NotComputable("the order names no destination");
    };
    match tier_of(view) {
        Err(missing) => Flag::NotComputable(missing),
        Ok(Some(tier)) if TRANSSHIPMENT.contains(&destination.as_str()) => {
            Flag::Raised(format!("goods of tier {} for {destination}", tier.as_str()))
        }
        Ok(_) => Flag::Clear(format!("destination {destination}, code {}", digits(view))),
    }
}

pub(super) fn no_reexport_clause_missing(view: &View<'_, '_>) -> Flag {
    let line = &view.order.line;
    match tier_of(view) {
        Err(missing) => return Flag::NotComputable(missing),
        Ok(None) => return Flag::Clear("not asked of these goods by this list".to_owned()),
        Ok(Some(_)) => {}
    }
    if line.order_date < clause_needed_from() {
        return Flag::Clear(format!("ordered on {}, before {}", line.order_date, clause_needed_from()));
    }
    match line.no_reexport_clause {
        None => Flag::NotComputable("the order does not say whether the contract has the clause"),
        Some(true) => Flag::Clear("the contract has the clause".to_owned()),
        Some(false) => Flag::Raised(format!("ordered on {} without the clause", line.order_date)),
    }
}

pub(super) fn payer_in_third_country(view: &View<'_, '_>) -> Flag {
    let line = &view.order.line;
    let Some(payer) = line.payer.country else { return Flag::NotComputable("the order names no payer's country") };
    let Some(buyer) = line.buyer.country else { return Flag::NotComputable("the order names no buyer's country") };
    let sends_to_true_destination = if payer == Country::RU { " (Russia)" } else { "" };
    let detail = format!("payer in {payer}{sends_to_true_destination}, buyer in {buyer}");
    if payer == buyer { Flag::Clear(detail) } else { Flag::Raised(detail) }
}

pub(super) fn end_user_not_named(view: &View<'_, '_>) -> Flag {
    let name = &view.order.line.end_user.name;
    if !name.is_empty() {
        return Flag::Clear("an end user is named".to_owned());
    }
    if !view.all.names_end_users {
        return Flag::NotComputable("no order of the case names an end user: the field is not in use");
    }
    match tier_of(view) {
        Err(missing) => Flag::NotComputable(missing),
        Ok(Some(tier)) => Flag::Raised(format!("no end user for goods of tier {}", tier.as_str())),
        Ok(None) => Flag::Clear("not asked of these goods".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{clause_needed_from, invasion};

    #[test]
    fn the_dates_are_those_of_the_documents() {
        assert_eq!(
            (invasion().to_string(), clause_needed_from().to_string()),
            ("2022-02-24".into(), "2024-03-20".into())
        );
    }
}
