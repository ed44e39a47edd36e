//! How records are held: rows of numbers over texts, goods and parties that are held once each.
//!
//! Come here for what a held record costs in memory and how it becomes a record again. A record that is taken out is
//! equal to the one that was put in, byte for byte. What records mean is `holdings`; where they lie for good is `store`.

use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use serde::{Deserialize, Serialize};
use string_interner::backend::StringBackend;
use string_interner::{StringInterner, Symbol};

use crate::model::{
    Amount, Country, Day, DocumentKey, DocumentKind, GoodsForm, HsCode, OrderKey, OrderLine, Party, ShipmentLine, Unit,
};
use crate::normalize;

use super::weigh::{OrderFacts, PaperFacts};

/// A text held once, by the number under which it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct Text(NonZeroU32);

impl Symbol for Text {
    fn try_from_usize(index: usize) -> Option<Self> {
        u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Self)
    }

    fn to_usize(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A party as one paper spells it, by the number of its spelling.
pub(super) type PartyId = u32;

/// All texts and parties of the records held.
#[derive(Debug)]
pub(super) struct Pool {
    texts: StringInterner<StringBackend<Text>>,
    /// What most cells say.
    nothing: Text,
    parties: IndexSet<PartyRow, RandomState>,
}

/// Name, identifier, address, telephone, e-mail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct PartyRow {
    texts: [Text; 5],
    country: Option<Country>,
}

/// What goods are called: tariff code, description, brand, part number, GTIN. Equal rows are spelt alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct GoodsRow {
    hs_code: Text,
    words: [Text; 4],
}

/// What both kinds of line have besides parties and dates.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct CargoRow {
    goods: GoodsRow,
    /// Serial numbers, then lot numbers; nothing for the many lines that name none.
    pieces: Option<Box<PiecesRow>>,
    quantity: Amount,
    net_weight_kg: Option<Amount>,
    value: Option<Amount>,
    currency: Text,
    unit: Unit,
}

#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
struct PiecesRow {
    serial_numbers: Box<[Text]>,
    lot_numbers: Box<[Text]>,
}

/// The name of an order line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct OrderName {
    order_id: Text,
    pub line_no: u32,
}

/// The name of a shipment line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct ShipmentName {
    number: Text,
    feed: Text,
    pub line_no: u32,
    pub kind: DocumentKind,
}

/// An order line held.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct OrderRow {
    pub name: OrderName,
    pub buyer: PartyId,
    pub order_date: Day,
    ship_date: Option<Day>,
    /// Consignee, end user, payer.
    others: [PartyId; 3],
    pub cargo: CargoRow,
    incoterms: Text,
    export_declaration: Text,
    destination_country: Option<Country>,
    no_reexport_clause: Option<bool>,
}

/// A shipment line held.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ShipmentRow {
    pub name: ShipmentName,
    pub consignor: PartyId,
    pub consignee: PartyId,
    pub date: Day,
    pub cargo: CargoRow,
    source_declaration: Text,
    carrier_name: Text,
}

impl Default for Pool {
    fn default() -> Self {
        let mut texts = StringInterner::new();
        Self { nothing: texts.get_or_intern(""), texts, parties: IndexSet::default() }
    }
}

impl Pool {
    /// Holds an order line.
    pub(super) fn order_row(&mut self, line: &OrderLine) -> OrderRow {
        let words = [&line.description, &line.brand, &line.part_number, &line.gtin];
        OrderRow {
            name: self.order_name(&line.key),
            buyer: self.party(&line.buyer),
            order_date: line.order_date,
            ship_date: line.ship_date,
            others: [&line.consignee, &line.end_user, &line.payer].map(|party| self.party(party)),
            cargo: CargoRow {
                goods: self.goods_row(line.hs_code.as_ref(), words),
                pieces: self.pieces(&line.serial_numbers, &line.lot_numbers),
                quantity: line.quantity,
                net_weight_kg: line.net_weight_kg,
                value: line.value,
                currency: self.text(&line.currency),
                unit: line.unit,
            },
            incoterms: self.text(&line.incoterms),
            export_declaration: self.text(&line.export_declaration),
            destination_country: line.destination_country,
            no_reexport_clause: line.no_reexport_clause,
        }
    }

    /// The order line as it came.
    pub(super) fn order(&self, row: &OrderRow) -> OrderLine {
        let [description, brand, part_number, gtin] = row.cargo.goods.words.map(|text| self.string(text));
        let [consignee, end_user, payer] = row.others.map(|party| self.party_of(party));
        OrderLine {
            key: OrderKey { order_id: self.string(row.name.order_id), line_no: row.name.line_no },
            order_date: row.order_date,
            ship_date: row.ship_date,
            buyer: self.party_of(row.buyer),
            consignee,
            end_user,
            payer,
            destination_country: row.destination_country,
            incoterms: self.string(row.incoterms),
            hs_code: self.hs_code(row.cargo.goods),
            description,
            brand,
            part_number,
            gtin,
            serial_numbers: self.strings(row.cargo.serial_numbers()),
            lot_numbers: self.strings(row.cargo.lot_numbers()),
            quantity: row.cargo.quantity,
            unit: row.cargo.unit,
            net_weight_kg: row.cargo.net_weight_kg,
            value: row.cargo.value,
            currency: self.string(row.cargo.currency),
            export_declaration: self.string(row.export_declaration),
            no_reexport_clause: row.no_reexport_clause,
        }
    }

    /// Holds a shipment line.
    pub(super) fn shipment_row(&mut self, line: &ShipmentLine) -> ShipmentRow {
        let words = [&line.description, &line.brand, &line.part_number, &line.gtin];
        ShipmentRow {
            name: self.shipment_name(&line.key),
            consignor: self.party(&line.consignor),
            consignee: self.party(&line.consignee),
            date: line.date,
            cargo: CargoRow {
                goods: self.goods_row(line.hs_code.as_ref(), words),
                pieces: self.pieces(&line.serial_numbers, &line.lot_numbers),
                quantity: line.quantity,
                net_weight_kg: line.net_weight_kg,
                value: line.value,
                currency: self.text(&line.currency),
                unit: line.unit,
            },
            source_declaration: self.text(&line.source_declaration),
            carrier_name: self.text(&line.carrier_name),
        }
    }

    /// The shipment line as it came.
    pub(super) fn shipment(&self, row: &ShipmentRow) -> ShipmentLine {
        let [description, brand, part_number, gtin] = row.cargo.goods.words.map(|text| self.string(text));
        ShipmentLine {
            key: DocumentKey {
                number: self.string(row.name.number),
                line_no: row.name.line_no,
                kind: row.name.kind,
                feed: self.string(row.name.feed),
            },
            date: row.date,
            consignor: self.party_of(row.consignor),
            consignee: self.party_of(row.consignee),
            hs_code: self.hs_code(row.cargo.goods),
            description,
            brand,
            part_number,
            gtin,
            serial_numbers: self.strings(row.cargo.serial_numbers()),
            lot_numbers: self.strings(row.cargo.lot_numbers()),
            quantity: row.cargo.quantity,
            unit: row.cargo.unit,
            net_weight_kg: row.cargo.net_weight_kg,
            value: row.cargo.value,
            currency: self.string(row.cargo.currency),
            source_declaration: self.string(row.source_declaration),
            carrier_name: self.string(row.carrier_name),
        }
    }

    /// The name of an order line, held.
    pub(super) fn order_name(&mut self, key: &OrderKey) -> OrderName {
        OrderName { order_id: self.text(&key.order_id), line_no: key.line_no }
    }

    /// The name of an order line, if its text is held at all.
    pub(super) fn known_order_name(&self, key: &OrderKey) -> Option<OrderName> {
        Some(OrderName { order_id: self.texts.get(&key.order_id)?, line_no: key.line_no })
    }

    /// The name of a shipment line, if its texts are held at all.
    pub(super) fn known_shipment_name(&self, key: &DocumentKey) -> Option<ShipmentName> {
        let (number, feed) = (self.texts.get(&key.number)?, self.texts.get(&key.feed)?);
        Some(ShipmentName { number, feed, line_no: key.line_no, kind: key.kind })
    }

    /// The name of a shipment line, held.
    pub(super) fn shipment_name(&mut self, key: &DocumentKey) -> ShipmentName {
        ShipmentName {
            number: self.text(&key.number),
            feed: self.text(&key.feed),
            line_no: key.line_no,
            kind: key.kind,
        }
    }

    /// What orders order lines as their keys do.
    pub(super) fn order_rank(&self, row: &OrderRow) -> (&str, u32) {
        (self.str(row.name.order_id), row.name.line_no)
    }

    /// What orders shipment lines of a day as their keys do.
    pub(super) fn shipment_rank(&self, row: &ShipmentRow) -> (&str, u32, DocumentKind, &str) {
        (self.str(row.name.number), row.name.line_no, row.name.kind, self.str(row.name.feed))
    }

    /// The number of a party's spelling.
    pub(super) fn party(&mut self, party: &Party) -> PartyId {
        let texts = [&party.name, &party.identifier, &party.address, &party.phone, &party.email];
        let row = PartyRow { texts: texts.map(|text| self.text(text)), country: party.country };
        self.parties.insert_full(row).0 as PartyId
    }

    /// The party of a spelling.
    pub(super) fn party_of(&self, party: PartyId) -> Party {
        let Some(row) = self.parties.get_index(party as usize) else { return Party::default() };
        let [name, identifier, address, phone, email] = row.texts.map(|text| self.string(text));
        Party { name, identifier, country: row.country, address, phone, email }
    }

    /// How a party's name and address are spelt.
    pub(super) fn name_and_address(&self, party: PartyId) -> Option<(Text, Text)> {
        let row = self.parties.get_index(party as usize)?;
        Some((row.texts[0], row.texts[2]))
    }

    /// What a party's papers print, as the list of parties shows it: name, identifier, country.
    pub(super) fn printed(&self, party: PartyId) -> (&str, &str, Option<Country>) {
        match self.parties.get_index(party as usize) {
            Some(row) => (self.str(row.texts[0]), self.str(row.texts[1]), row.country),
            None => ("", "", None),
        }
    }

    /// The declaration that a shipment line names as the one under which its goods came; empty where it names none.
    pub(super) fn source_declaration(&self, row: &ShipmentRow) -> &str {
        self.str(row.source_declaration)
    }

    /// The number on the paper of a shipment line.
    pub(super) fn number(&self, row: &ShipmentRow) -> &str {
        self.str(row.name.number)
    }

    /// Every text in the order of its number, but for the first one, which is nothing.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(|(_, text)| text).skip(1).collect()
    }

    /// Every spelling of a party in the order of its number.
    pub(super) fn parties(&self) -> Vec<PartyRow> {
        self.parties.iter().copied().collect()
    }

    /// Makes room for so many texts and spellings of parties.
    pub(super) fn reserve(&mut self, texts: usize, parties: usize) {
        let held = std::mem::replace(&mut self.texts, StringInterner::with_capacity(texts));
        held.iter().for_each(|(_, text)| self.restore_text(text));
        self.parties.reserve(parties);
    }

    /// Takes up texts again, in the order in which they were told.
    pub(super) fn restore_text(&mut self, text: &str) {
        self.texts.get_or_intern(text);
    }

    /// Takes up spellings again, in the order in which they were told.
    pub(super) fn restore_party(&mut self, row: PartyRow) {
        self.parties.insert(row);
    }

    fn goods_row(&mut self, hs_code: Option<&HsCode>, words: [&String; 4]) -> GoodsRow {
        GoodsRow { hs_code: self.text(hs_code.map_or("", HsCode::digits)), words: words.map(|text| self.text(text)) }
    }

    /// Goods that are spelt so, folded.
    pub(super) fn fold_goods(&self, row: GoodsRow) -> GoodsForm {
        self.fold(row, &[], &[])
    }

    /// The goods of a line, folded, with the single pieces that it names.
    pub(super) fn fold_cargo(&self, cargo: &CargoRow) -> GoodsForm {
        let serial_numbers = self.strings(cargo.serial_numbers());
        self.fold(cargo.goods, &serial_numbers, &self.strings(cargo.lot_numbers()))
    }

    fn fold(&self, row: GoodsRow, serial_numbers: &[String], lot_numbers: &[String]) -> GoodsForm {
        let [description, brand, part_number, gtin] = row.words.map(|text| self.str(text));
        let hs_code = self.hs_code(row);
        normalize::goods(hs_code.as_ref(), description, brand, part_number, gtin, serial_numbers, lot_numbers)
    }

    fn pieces(&mut self, serial_numbers: &[String], lot_numbers: &[String]) -> Option<Box<PiecesRow>> {
        if serial_numbers.is_empty() && lot_numbers.is_empty() {
            return None;
        }
        let mut texts = |numbers: &[String]| numbers.iter().map(|number| self.text(number)).collect();
        Some(Box::new(PiecesRow { serial_numbers: texts(serial_numbers), lot_numbers: texts(lot_numbers) }))
    }

    fn text(&mut self, text: &str) -> Text {
        if text.is_empty() { self.nothing } else { self.texts.get_or_intern(text) }
    }

    pub(super) fn str(&self, text: Text) -> &str {
        self.texts.resolve(text).unwrap_or_default()
    }

    fn string(&self, text: Text) -> String {
        self.str(text).to_owned()
    }

    fn strings(&self, texts: Option<&[Text]>) -> Vec<String> {
        texts.unwrap_or_default().iter().map(|text| self.string(*text)).collect()
    }

    fn hs_code(&self, goods: GoodsRow) -> Option<HsCode> {
        HsCode::from_digits(self.str(goods.hs_code))
    }
}

impl CargoRow {
    fn serial_numbers(&self) -> Option<&[Text]> {
        self.pieces.as_ref().map(|pieces| &*pieces.serial_numbers)
    }

    fn lot_numbers(&self) -> Option<&[Text]> {
        self.pieces.as_ref().map(|pieces| &*pieces.lot_numbers)
    }

    /// What the goods are called, unless single pieces are named: those are never spelt alike twice.
    pub(super) fn common_goods(&self) -> Option<GoodsRow> {
        self.pieces.is_none().then_some(self.goods)
    }
}

impl OrderRow {
    /// What is weighed of the line besides its goods.
    pub(super) fn facts(&self, value_euro: Option<Amount>) -> OrderFacts {
        OrderFacts {
            order_date: self.order_date,
            ship_date: self.ship_date,
            quantity: self.cargo.quantity,
            unit: self.cargo.unit,
            net_weight_kg: self.cargo.net_weight_kg,
            value_euro,
        }
    }
}

impl ShipmentRow {
    /// What is weighed of the line besides its goods.
    pub(super) fn facts(&self, value_euro: Option<Amount>) -> PaperFacts {
        PaperFacts {
            date: self.date,
            quantity: self.cargo.quantity,
            unit: self.cargo.unit,
            net_weight_kg: self.cargo.net_weight_kg,
            value_euro,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};

    #[test]
    fn records_come_out_as_they_went_in_and_equal_rows_are_equal_records() {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(5, 200, 1_000, Profile::Harder), &mut world).unwrap();
        let mut pool = Pool::default();
        let orders: Vec<_> = world.orders.iter().map(|line| pool.order_row(line)).collect();
        let shipments: Vec<_> = world.shipments.iter().map(|line| pool.shipment_row(line)).collect();
        for (row, line) in orders.iter().zip(&world.orders) {
            assert_eq!(&pool.order(row), line);
            assert_eq!(&pool.order_row(line), row);
        }
        for (row, line) in shipments.iter().zip(&world.shipments) {
            assert_eq!(&pool.shipment(row), line);
            assert_eq!(&pool.shipment_row(line), row);
        }
        assert!(world.shipments.iter().any(|line| !line.serial_numbers.is_empty() || !line.lot_numbers.is_empty()));
        let mut other = world.orders[0].clone();
        other.payer.name.push('x');
        assert_ne!(pool.order_row(&other), orders[0]);
    }
}
