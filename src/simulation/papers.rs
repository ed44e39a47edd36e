//! A paper as its writer filled it in: codes drift, units change, fields stay empty, names are spelt anew.
//!
//! What happened is in `trail` and `honest`; here it is only written down. Every paper throws its own dice, so its
//! lines agree on its head whenever they are written.

use super::block::{Block, Goods, Paper, PaperLine, Who, World, rounded};
use super::catalogue::{COMMODITIES, Good, Item};
use super::dice::{Dice, Purpose};
use super::firm::Firm;
use super::spelling;
use crate::model::{Amount, Country, DocumentKey, DocumentKind, HsCode, Party, ShipmentLine, Unit};

/// Most lines of any paper.
const LINES_MAX: u64 = 64;

/// One line of a paper, with its head. `number` is the paper's place in the whole world.
pub(super) fn written_line(
    world: &World<'_>,
    block: &Block,
    paper: &Paper,
    number: u64,
    line_place: usize,
) -> ShipmentLine {
    let mut head_dice = Dice::of(world.options.seed, Purpose::Paper, number);
    let (consignor, consignee) = parties(world, block, paper, &mut head_dice);
    let carrier = if matches!(paper.kind, DocumentKind::Cmr | DocumentKind::Snt) && head_dice.chance(0.6) {
        head_dice.pick(world.firms.vocabulary.carriers)
    } else {
        ""
    };
    let mut dice = Dice::of(world.options.seed, Purpose::PaperLine, number * LINES_MAX + line_place as u64);
    let line = &paper.lines[line_place];
    let mut record = ShipmentLine {
        key: DocumentKey {
            number: document_number(number),
            line_no: line_place as u32 + 1,
            kind: paper.kind,
            feed: String::new(),
        },
        date: paper.date,
        consignor,
        consignee,
        hs_code: None,
        description: String::new(),
        brand: String::new(),
        part_number: String::new(),
        gtin: String::new(),
        serial_numbers: Vec::new(),
        lot_numbers: Vec::new(),
        quantity: Amount::ZERO,
        unit: Unit::Kilogram,
        net_weight_kg: None,
        value: None,
        currency: String::new(),
        source_declaration: String::new(),
        carrier_name: carrier.to_owned(),
    };
    match line.goods {
        Goods::Commodity(place) => write_commodity(world, line, place, &mut record, &mut dice),
        Goods::Own(place) => write_goods(world, line, &world.catalogue.own[place], &mut record, &mut dice),
        Goods::Other(place) => write_goods(world, line, &world.catalogue.other[place], &mut record, &mut dice),
    }
    write_value(paper.kind, line, &mut record, &mut dice);
    record
}

/// The number of a paper by its place in the world.
pub(super) fn document_number(number: u64) -> String {
    format!("SH{number:08}")
}

fn parties(world: &World<'_>, block: &Block, paper: &Paper, dice: &mut Dice) -> (Party, Party) {
    let parameters = &world.options.parameters;
    let mut write = |who: Who, identifier_missing: f64, with_address: bool, in_latin: f64| match who {
        Who::Seller(place) => seller(world, place),
        Who::Firm(place) => {
            let firm = &block.firms[place];
            let identifier = if dice.chance(identifier_missing) {
                String::new()
            } else if dice.chance(parameters.identifier_wrong_share) {
                wrong_identifier(block, firm, dice)
            } else {
                firm.identifier.clone()
            };
            let name = if dice.chance(in_latin) {
                spelling::latin_mention(firm, parameters, dice)
            } else {
                spelling::cyrillic_mention(firm, parameters, dice)
            };
            let address = if with_address { spelling::cyrillic_address(firm, dice) } else { String::new() };
            Party { name, identifier, country: Some(firm.country), address, ..Party::default() }
        }
    };
    let is_arrival = paper.kind == DocumentKind::KzImport;
    let mut consignor = write(paper.consignor, parameters.consignor_identifier_missing_share, true, 0.02);
    let consignee_missing = if is_arrival { 0.1 } else { parameters.consignee_identifier_missing_share };
    let consignee = write(paper.consignee, consignee_missing, false, 0.02);
    if dice.chance(parameters.address_missing_share) {
        consignor.address.clear();
    }
    (consignor, consignee)
}

fn seller(world: &World<'_>, place: usize) -> Party {
    let name = world.firms.vocabulary.sellers.get(place).copied().unwrap_or_default();
    let country = match name.rsplit(' ').next() {
        Some("AG") => "CH",
        Some("B.V.") => "NL",
        Some("S.p.A." | "S.r.l.") => "IT",
        Some("SAS") => "FR",
        _ => "DE",
    };
    Party { name: name.to_owned(), country: Country::parse(country), ..Party::default() }
}

/// Mostly a typing error, sometimes the number of another firm in the same papers.
fn wrong_identifier(block: &Block, firm: &Firm, dice: &mut Dice) -> String {
    if dice.chance(0.8) {
        spelling::mistyped_number(&firm.identifier, dice)
    } else {
        block.firms[dice.index(block.firms.len())].identifier.clone()
    }
}

fn write_commodity(world: &World<'_>, line: &PaperLine, place: usize, record: &mut ShipmentLine, dice: &mut Dice) {
    let commodity = &COMMODITIES[place];
    let parameters = &world.options.parameters;
    record.hs_code = HsCode::from_digits(if dice.chance(parameters.six_digit_share) {
        &commodity.code_ten[..6]
    } else {
        commodity.code_ten
    });
    let english = dice.chance(parameters.english_description_share);
    record.description = if english { commodity.english } else { commodity.russian }.to_owned();
    record.quantity = Amount::from_whole(line.pieces as i64);
    record.unit = Unit::Kilogram;
    if !dice.chance(parameters.weight_missing_share) {
        record.net_weight_kg = Some(rounded(line.pieces as f64 * dice.within(0.995, 1.0 + parameters.weight_error)));
    }
}

fn write_goods(world: &World<'_>, line: &PaperLine, item: &Item, record: &mut ShipmentLine, dice: &mut Dice) {
    let parameters = &world.options.parameters;
    let good = world.catalogue.good(item);
    let is_arrival = record.key.kind == DocumentKind::KzImport;
    let is_onward = !is_arrival && record.consignee.country != Some(Country::KZ);
    let code = tariff_code(world, good, is_onward, dice);
    let six_digits = dice.chance(parameters.six_digit_share);
    record.hs_code = HsCode::from_digits(if six_digits { &code[..6] } else { code });

    let brand = if dice.chance(parameters.brand_misspelt_share) {
        spelling::typing_error(item.brand, dice)
    } else {
        item.brand.to_owned()
    };
    let part_number = if dice.chance(parameters.part_number_varied_share) {
        spelling::varied_part_number(&item.part_number, dice)
    } else {
        item.part_number.clone()
    };
    record.description = description(world, good, &brand, &part_number, dice);
    if dice.chance(parameters.brand_shown_share) {
        record.brand = brand;
    }
    if dice.chance(parameters.part_number_shown_share) {
        record.part_number = part_number;
    }
    if dice.chance(parameters.gtin_shown_share) {
        record.gtin.clone_from(&item.gtin);
    }
    write_quantity(world, line, item, is_onward, record, dice);
    if !line.serials.is_empty() && dice.chance(if is_arrival { 0.2 } else { parameters.serial_shown_share }) {
        record.serial_numbers = shown_serials(line, parameters.serial_varied_share, dice);
    }
    if !line.lot.is_empty() && dice.chance(if is_arrival { 0.3 } else { parameters.lot_shown_share }) {
        record.lot_numbers = vec![line.lot.clone()];
    }
    if is_arrival || dice.chance(parameters.source_declaration_share) {
        record.source_declaration.clone_from(&line.declaration);
    }
}

fn tariff_code(world: &World<'_>, good: &Good, is_onward: bool, dice: &mut Dice) -> &'static str {
    let parameters = &world.options.parameters;
    if !is_onward {
        return good.code_ten;
    }
    let drift = dice.unit();
    if drift < parameters.other_heading_share {
        good.other_heading
    } else if drift < parameters.other_heading_share + parameters.neighbour_code_share {
        good.neighbour
    } else {
        good.code_ten
    }
}

fn description(world: &World<'_>, good: &Good, brand: &str, part_number: &str, dice: &mut Dice) -> String {
    let parameters = &world.options.parameters;
    if dice.chance(parameters.vague_description_share) {
        return dice.pick(&["Товары прочие", "Запасные части", "Оборудование", "Товар согласно инвойсу"]).to_owned();
    }
    let english = dice.chance(parameters.english_description_share);
    let mut text = dice.pick(if english { &good.english } else { &good.russian }).to_owned();
    if dice.chance(parameters.brand_in_description_share) {
        text.push_str(", ");
        text.push_str(brand);
        if dice.chance(0.5) {
            text.push(' ');
            text.push_str(part_number);
        }
    }
    text
}

fn write_quantity(
    world: &World<'_>,
    line: &PaperLine,
    item: &Item,
    is_onward: bool,
    record: &mut ShipmentLine,
    dice: &mut Dice,
) {
    let parameters = &world.options.parameters;
    let error = parameters.weight_error;
    let weight_kg = line.pieces as f64 * item.grams / 1000.0 * dice.within(1.0 - error * 0.4, 1.0 + error);
    if is_onward && dice.chance(parameters.unit_change_share) {
        record.quantity = rounded(line.pieces as f64 * item.grams / 1000.0);
        record.unit = Unit::Kilogram;
    } else if is_onward && line.pieces >= 1_000 && item.grams < 20.0 && dice.chance(parameters.thousand_unit_share) {
        record.quantity = Amount::from_millionths(line.pieces as i64 * 1_000);
        record.unit = Unit::ThousandPieces;
    } else {
        record.quantity = Amount::from_whole(line.pieces as i64);
        record.unit = Unit::Piece;
    }
    if !dice.chance(parameters.weight_missing_share) {
        record.net_weight_kg = Some(rounded(weight_kg));
    }
}

fn shown_serials(line: &PaperLine, varied_share: f64, dice: &mut Dice) -> Vec<String> {
    let mut serials = line.serials.clone();
    dice.shuffle(&mut serials);
    serials.truncate(1 + dice.index(2));
    for serial in &mut serials {
        if dice.chance(varied_share) {
            *serial = spelling::varied_serial(serial, dice);
        }
    }
    serials
}

/// Round exchange rates; an assumption, the papers only need to agree on the order of magnitude.
fn write_value(kind: DocumentKind, line: &PaperLine, record: &mut ShipmentLine, dice: &mut Dice) {
    const CURRENCIES: [(&str, f64); 3] = [("RUB", 90.0), ("USD", 1.08), ("KZT", 490.0)];
    let (currency, rate) =
        if kind == DocumentKind::KzImport { ("EUR", 1.0) } else { CURRENCIES[dice.index(CURRENCIES.len())] };
    record.value = Some(rounded(line.pieces as f64 * line.unit_price * rate * dice.within(0.98, 1.02)));
    record.currency = currency.to_owned();
}
