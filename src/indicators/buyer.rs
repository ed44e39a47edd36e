//! Flags read from who the buyer is: register row, contacts, line of business.
//!
//! Come here for flags on the firm itself; what it did with goods is in the files beside this one.

use super::assess::View;
use super::catalogue::Flag;
use super::folds::{address_key, person_key, phone_country, registered_by_number};
use super::orders::{invasion, tier_of};

/// Orders so soon after the first one are still those of a new customer.
const NEW_CUSTOMER_DAYS: i32 = 30;

const NO_ROW: &str = "the buyer is not known with enough certainty, or has no register row";

pub(super) fn registered_after_february_2022(view: &View<'_, '_>) -> Flag {
    let in_register = view.company().and_then(|company| company.registered);
    let party = &view.order.line.buyer;
    let by_number = || {
        let from_key = view.buyer.and_then(|buyer| buyer.key.split_once(':')).map(|(_, number)| number);
        registered_by_number(from_key.unwrap_or(&party.identifier), party.country)
    };
    let (day, how) = match in_register {
        Some(day) => (day, "by the register"),
        None => match by_number() {
            Some(day) => (day, "by its number, month only"),
            None => return Flag::NotComputable("neither a register row nor a business number gives the day"),
        },
    };
    let detail = format!("registered {day} {how}");
    // A month of which only the first day is known counts from the month after.
    if day > invasion() { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn new_customer_priority_goods(view: &View<'_, '_>) -> Flag {
    let Some(first) = view.buyer.and_then(|buyer| buyer.first_order_date) else {
        return Flag::NotComputable("the buyer's first order is not known");
    };
    let tier = match tier_of(view) {
        Ok(tier) => tier,
        Err(missing) => return Flag::NotComputable(missing),
    };
    let days = view.order.line.order_date.days_since(first);
    let detail = format!("{days} days after the first order of {first}");
    if tier.is_some() && days <= NEW_CUSTOMER_DAYS { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn register_status(view: &View<'_, '_>) -> Flag {
    const INACTIVE: [&str; 14] = [
        "ликвид",
        "прекращ",
        "приостанов",
        "бездейств",
        "недейств",
        "исключ",
        "банкрот",
        "жойыл",
        "таратыл",
        "liquid",
        "dissol",
        "dormant",
        "inactive",
        "bankrupt",
    ];
    let Some(company) = view.company() else { return Flag::NotComputable(NO_ROW) };
    if company.status.is_empty() {
        return Flag::NotComputable("the register row has no status");
    }
    let status = company.status.to_lowercase();
    let detail = format!("status: {}", company.status);
    if INACTIVE.iter().any(|stem| status.contains(stem)) { Flag::Raised(detail) } else { Flag::Clear(detail) }
}

pub(super) fn shared_person(view: &View<'_, '_>) -> Flag {
    let Some(company) = view.company() else { return Flag::NotComputable(NO_ROW) };
    let mut persons =
        std::iter::once(&company.director).chain(&company.owners).filter(|person| !person.is_empty()).peekable();
    if persons.peek().is_none() {
        return Flag::NotComputable("the register row names neither director nor owner");
    }
    for person in persons {
        let others = person_key(person).and_then(|key| view.all.by_person.get(&key));
        if let Some(other) = others.and_then(|entities| another(entities, view)) {
            return Flag::Raised(format!("{person} also at {}", view.name_of(other)));
        }
    }
    Flag::Clear("nobody shared with another firm of the case".to_owned())
}

pub(super) fn shared_address(view: &View<'_, '_>) -> Flag {
    let Some(company) = view.company() else { return Flag::NotComputable(NO_ROW) };
    let Some(key) = address_key(&company.address) else {
        return Flag::NotComputable("the register row has no full address");
    };
    match view.all.by_address.get(&key).and_then(|entities| another(entities, view)) {
        Some(other) => Flag::Raised(format!("{} is also the address of {}", company.address, view.name_of(other))),
        None => Flag::Clear("no other firm of the case at this address".to_owned()),
    }
}

fn another(entities: &[u32], view: &View<'_, '_>) -> Option<u32> {
    entities.iter().copied().find(|entity| Some(*entity) != view.buyer_index)
}

/// Division of an activity code: its first two digits.
fn division<'a>(view: &View<'a, '_>) -> Result<&'a str, &'static str> {
    let company = view.company().ok_or(NO_ROW)?;
    let code = company.activity_code.trim();
    let is_code = code.len() >= 2 && code.as_bytes()[..2].iter().all(u8::is_ascii_digit);
    if is_code { Ok(&code[..2]) } else { Err("the register row has no activity code") }
}

pub(super) fn activity_mismatch(view: &View<'_, '_>) -> Flag {
    // Farming, forestry, fishing; food, drink, tobacco, textiles, clothes, leather; hotels and restaurants; property;
    // travel agencies; arts, sport, associations, repair of household goods and personal services.
    const FAR: [&str; 22] = [
        "01", "02", "03", "10", "11", "12", "13", "14", "15", "55", "56", "68", "79", "81", "88", "90", "91", "92",
        "93", "94", "96", "97",
    ];
    let division = match division(view) {
        Ok(division) => division,
        Err(missing) => return Flag::NotComputable(missing),
    };
    match tier_of(view) {
        Err(missing) => Flag::NotComputable(missing),
        Ok(Some(tier)) if FAR.contains(&division) => {
            Flag::Raised(format!("activity {division} and goods of tier {}", tier.as_str()))
        }
        Ok(_) => Flag::Clear(format!("activity {division}")),
    }
}

pub(super) fn intermediary_buyer(view: &View<'_, '_>) -> Flag {
    match division(view) {
        Err(missing) => Flag::NotComputable(missing),
        Ok(division @ "46") => Flag::Raised(format!("activity {division}: wholesale or agency")),
        Ok(division) => Flag::Clear(format!("activity {division}")),
    }
}

pub(super) fn forwarder_as_consignee(view: &View<'_, '_>) -> Flag {
    const STEMS: [&str; 10] = [
        "forward",
        "freight",
        "logist",
        "spedition",
        "экспедит",
        "логист",
        "грузоперевоз",
        "карго",
        "cargo",
        "транспортн",
    ];
    let line = &view.order.line;
    let is_forwarder = |name: &str| {
        let lower = name.to_lowercase();
        STEMS.iter().any(|stem| lower.contains(stem))
    };
    let named = [&line.consignee.name, &line.end_user.name].into_iter().find(|name| is_forwarder(name));
    if let Some(name) = named {
        return Flag::Raised(format!("{name} by its name"));
    }
    match division(view) {
        Ok(division @ ("49" | "52" | "53")) => Flag::Raised(format!("buyer's activity {division}")),
        Ok(division) => Flag::Clear(format!("buyer's activity {division}")),
        Err(missing) if line.consignee.name.is_empty() && line.end_user.name.is_empty() => Flag::NotComputable(missing),
        Err(_) => Flag::Clear("neither consignee nor end user is one by name".to_owned()),
    }
}

pub(super) fn free_mail(view: &View<'_, '_>) -> Flag {
    const FREE: [&str; 20] = [
        "gmail.com",
        "googlemail.com",
        "mail.ru",
        "bk.ru",
        "inbox.ru",
        "list.ru",
        "internet.ru",
        "yandex.ru",
        "yandex.kz",
        "yandex.com",
        "ya.ru",
        "rambler.ru",
        "yahoo.com",
        "hotmail.com",
        "outlook.com",
        "icloud.com",
        "proton.me",
        "protonmail.com",
        "gmx.de",
        "mail.kz",
    ];
    let Some((_, domain)) = view.order.line.buyer.email.rsplit_once('@') else {
        return Flag::NotComputable("the order has no e-mail of the buyer");
    };
    let domain = domain.trim().to_lowercase();
    if FREE.contains(&domain.as_str()) { Flag::Raised(domain) } else { Flag::Clear(domain) }
}

pub(super) fn phone_country_mismatch(view: &View<'_, '_>) -> Flag {
    let party = &view.order.line.buyer;
    let Some(country) = party.country else { return Flag::NotComputable("the order names no buyer's country") };
    let Some(plan) = phone_country(&party.phone) else {
        return Flag::NotComputable("the order has no telephone of the buyer with a known country code");
    };
    let detail = format!("telephone of {plan}, buyer in {country}");
    if plan == country.as_str() { Flag::Clear(detail) } else { Flag::Raised(detail) }
}
