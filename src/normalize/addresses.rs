//! An address in one line, taken apart into city, street, house and office.
//!
//! Come here when two spellings of one address do not meet. Cities are in `data/cities.tsv`. Deliberately no geocoding:
//! what is not understood is left out rather than guessed.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::script::{fold, skeleton, words};
use super::table_hasher::TableHasher;
use crate::model::Address;

static CITIES: LazyLock<HashMap<String, &'static str, TableHasher>> = LazyLock::new(|| {
    let mut cities = HashMap::default();
    for line in include_str!("../../data/cities.tsv").lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, spellings)) = line.split_once('\t') {
            for spelling in spellings.split(';') {
                cities.entry(skeleton(spelling)).or_insert(key);
            }
        }
    }
    cities
});

/// What a word beside a name or number says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    City,
    Street,
    House,
    Office,
    Skip,
}

static MARKERS: LazyLock<HashMap<String, Marker, TableHasher>> = LazyLock::new(|| {
    let rows: [(Marker, &str); 5] = [
        (Marker::City, "г город city қала қаласы"),
        (
            Marker::Street,
            "ул улица street str st пр просп проспект prospekt ave avenue даңғылы даңғыл көшесі көше көш kosh koshesi мкр мкрн \
             микрорайон mkr microdistrict ықшамаудан б-р бульвар blvd boulevard bulvar шоссе shosse highway пер переулок lane \
             strasse straße тракт проезд road rd трасса ulitsa ul pr",
        ),
        (Marker::House, "д дом house building bldg здание зд үй корп корпус строение стр зд no №"),
        (
            Marker::Office,
            "офис оф office off кв квартира apt flat room каб кабинет кеңсе пом помещение suite бц н.п нп вп",
        ),
        (
            Marker::Skip,
            "обл область region oblast облысы район р-н district ауданы республика казахстан kazakhstan рк россия russia",
        ),
    ];
    let mut markers = HashMap::default();
    for (marker, list) in rows {
        for word in list.split_whitespace() {
            markers.entry(words(word).iter().map(|word| word.romanised.as_str()).collect()).or_insert(marker);
        }
    }
    markers
});

/// Takes an address apart; every piece may be missing.
pub fn address(text: &str) -> Address {
    let mut found = Address::default();
    for segment in text.split([',', ';', '\n']).take(16) {
        read_segment(segment, &mut found);
    }
    found
}

fn read_segment(segment: &str, found: &mut Address) {
    let mut names: Vec<String> = Vec::new();
    let mut numbers: Vec<(Option<Marker>, String)> = Vec::new();
    let mut markers: Vec<Marker> = Vec::new();
    let mut before = None;
    for word in words(segment) {
        let is_number = word.romanised.as_bytes().first().is_some_and(u8::is_ascii_digit);
        let marker = MARKERS.get(&word.romanised).copied();
        match (is_number, marker) {
            (true, _) => numbers.push((before.take(), word.romanised)),
            (false, Some(marker)) => {
                markers.push(marker);
                before = Some(marker);
            }
            // A single letter behind a house number belongs to it: `12 А`, `12а`.
            (false, None) if word.romanised.len() == 1 && !numbers.is_empty() => {
                if let Some(last) = numbers.last_mut() {
                    last.1.push_str(&word.romanised);
                }
            }
            (false, None) => {
                names.push(fold(&word.romanised));
                before = before.filter(|marker| *marker == Marker::Street);
            }
        }
    }
    let joined = names.concat();
    let may_be_city = numbers.is_empty()
        || markers.contains(&Marker::City)
        || found.city.is_none() && numbers.iter().all(is_postcode);
    if let Some(city) = CITIES.get(&joined).filter(|_| may_be_city && !markers.contains(&Marker::Street)) {
        found.city.get_or_insert_with(|| (*city).to_owned());
        return;
    }
    if markers.contains(&Marker::City) && !joined.is_empty() && numbers.is_empty() {
        found.city.get_or_insert(joined);
        return;
    }
    if markers.contains(&Marker::Skip) && !markers.contains(&Marker::Street) {
        return;
    }
    place_numbers(&numbers, found, !joined.is_empty());
    let is_street = markers.contains(&Marker::Street) || !numbers.is_empty() && !numbers.iter().all(is_postcode);
    if is_street && !joined.is_empty() && !markers.contains(&Marker::Office) && found.street.is_none() {
        found.street = Some(joined);
    }
}

fn is_postcode(number: &(Option<Marker>, String)) -> bool {
    number.0.is_none() && number.1.len() >= 5
}

fn place_numbers(numbers: &[(Option<Marker>, String)], found: &mut Address, has_name: bool) {
    for (index, number) in numbers.iter().enumerate() {
        match number.0 {
            Some(Marker::Office) => {
                found.office.get_or_insert_with(|| number.1.clone());
            }
            Some(Marker::House) => found.house = Some(number.1.clone()),
            _ if is_postcode(number) => {}
            _ if found.house.is_none() && (has_name || found.street.is_some()) => found.house = Some(number.1.clone()),
            _ if index > 0 || found.house.is_some() => {
                found.office.get_or_insert_with(|| number.1.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::address;
    use crate::model::Address;

    fn piece(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    #[test]
    fn addresses_come_apart() {
        let rows = [
            ("г. Астана, ул. Назарбаева 18, офис 3", ("astana", "nazarbava", "18", "3")),
            ("Назарбаева 18 str., Astana", ("astana", "nazarbava", "18", "")),
            ("Nur-Sultan, Nazarbaeva street 18, off. 3", ("astana", "nazarbava", "18", "3")),
            (
                "010000, Республика Казахстан, г. Астана, пр. Назарбаева, д. 18, кв. 3",
                ("astana", "nazarbava", "18", "3"),
            ),
            ("Қарағанды қаласы, Абай көшесі, 12а", ("karaganda", "abai", "12a", "")),
            ("Толе би 184 str., Uralsk", ("uralsk", "tolebi", "184", "")),
            ("Almaty", ("almaty", "", "", "")),
            ("г. Орал", ("uralsk", "", "", "")),
            ("", ("", "", "", "")),
        ];
        for (text, (city, street, house, office)) in rows {
            let expected =
                Address { city: piece(city), street: piece(street), house: piece(house), office: piece(office) };
            assert_eq!(address(text), expected, "{text}");
        }
    }
}
