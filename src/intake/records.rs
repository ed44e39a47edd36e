//! From the cells of one row to a typed record, or to everything that is wrong with it at once.
//!
//! Come here for the rules of each record: what is needed, what is optional, what is noted.
//! The same rules hold for CSV, JSON Lines, Parquet and records sent over the wire. Nothing here knows of files.

use crate::model::{
    Amount, Company, Country, Day, DocumentKey, DocumentKind, HsCode, OrderKey, OrderLine, Party, ShipmentLine, Unit,
};
use crate::normalize;

use super::column::{Column, Content};
use super::countries;
use super::fault::{FieldFault, RejectReason};
use super::fields::{ByName, FieldSource};
use super::values::{self, Refusal};

/// Reads an order line from fields given by the names of the file contract; `line_no` is 1 when it is not given.
///
/// # Errors
/// Everything that is wrong with it, in the order of the contract.
pub fn order_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<OrderLine, Vec<FieldFault>> {
    let has_line_no = get(Column::LineNo.name()).is_some();
    order(&ByName::new(get), has_line_no, &mut Notes::default())
}

/// Reads a shipment line from fields given by the names of the file contract; `line_no` is 1 when it is not given.
///
/// # Errors
/// Everything that is wrong with it, in the order of the contract.
pub fn shipment_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<ShipmentLine, Vec<FieldFault>> {
    let has_line_no = get(Column::LineNo.name()).is_some();
    shipment(&ByName::new(get), has_line_no, &mut Notes::default())
}

/// Reads a company row from fields given by the names of the file contract.
///
/// # Errors
/// Everything that is wrong with it, in the order of the contract.
pub fn company_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<Company, Vec<FieldFault>> {
    company(&ByName::new(get), &mut Notes::default())
}

/// Something that was taken in, but that a person should know. Counted, and told once a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Note {
    UnreadableCountry,
    ZeroUnstated,
    Rounded,
    DecimalComma,
    DoubtfulPoint,
    ValueWithoutCurrency,
    FutureDate,
    ShippedBeforeOrdered,
    NoLineNo,
    SeveralLines,
}

impl Note {
    pub(super) const ALL: [Self; 10] = [
        Self::UnreadableCountry,
        Self::ZeroUnstated,
        Self::Rounded,
        Self::DecimalComma,
        Self::DoubtfulPoint,
        Self::ValueWithoutCurrency,
        Self::FutureDate,
        Self::ShippedBeforeOrdered,
        Self::NoLineNo,
        Self::SeveralLines,
    ];

    /// What is told, after "n values: " or "n rows: ".
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::UnreadableCountry => "country of a party is not a two-letter code and is taken as unstated",
            Self::ZeroUnstated => "weight or value of zero is taken as unstated",
            Self::Rounded => "number is finer than six decimals and is rounded to them",
            Self::DecimalComma => "decimal comma is read as a decimal point",
            Self::DoubtfulPoint => {
                "number like 1.234 is read with a decimal point, although the file also has decimal commas"
            }
            Self::ValueWithoutCurrency => "value has no currency",
            Self::FutureDate => "date lies in the future",
            Self::ShippedBeforeOrdered => "ship_date lies before order_date",
            Self::NoLineNo => "line_no is not there and is taken as 1",
            Self::SeveralLines => "cell goes over several lines",
        }
    }
}

/// How often each note was taken, and on which row first.
#[derive(Clone, Default, Debug)]
pub(super) struct Notes {
    counts: [(u64, u64); Note::ALL.len()],
    /// Set by the reader before each row.
    pub(super) row: u64,
    /// Dates after this day are noted.
    today: Option<Day>,
}

impl Notes {
    pub(super) fn new(today: Option<Day>) -> Self {
        Self { today, ..Self::default() }
    }

    pub(super) fn take(&mut self, note: Note) {
        let (count, first_row) = &mut self.counts[note as usize];
        if *count == 0 {
            *first_row = self.row;
        }
        *count += 1;
    }

    /// How often, and on which row first.
    pub(super) fn taken(&self, note: Note) -> (u64, u64) {
        self.counts[note as usize]
    }
}

/// Reads an order line; without `has_line_no` every line is line 1.
pub(super) fn order(
    fields: &impl FieldSource,
    has_line_no: bool,
    notes: &mut Notes,
) -> Result<OrderLine, Vec<FieldFault>> {
    let mut row = Row { fields, faults: Vec::new(), notes };
    let order_id = row.needed_text(Column::OrderId);
    let line_no = row.line_no(has_line_no);
    let order_date = row.needed_day(Column::OrderDate);
    let ship_date = row.day(Column::ShipDate);
    row.needed(Column::BuyerName);
    row.needed(Column::BuyerCountry);
    let buyer = row.party(BUYER, true);
    let goods = row.goods(Content::Orders);
    let destination_country = row.country(Column::DestinationCountry);
    if let (Some(ordered), Some(shipped)) = (order_date, ship_date)
        && shipped < ordered
    {
        row.notes.take(Note::ShippedBeforeOrdered);
    }
    let line = OrderLine {
        key: OrderKey { order_id, line_no },
        order_date: order_date.unwrap_or(Day::from_number(0)),
        ship_date,
        buyer,
        consignee: row.party(CONSIGNEE, false),
        end_user: row.party(END_USER, false),
        payer: row.party(PAYER, false),
        destination_country,
        incoterms: row.text(Column::Incoterms),
        hs_code: goods.hs_code,
        description: goods.description,
        brand: goods.brand,
        part_number: goods.part_number,
        gtin: goods.gtin,
        serial_numbers: goods.serial_numbers,
        lot_numbers: goods.lot_numbers,
        quantity: goods.quantity,
        unit: goods.unit,
        net_weight_kg: goods.net_weight_kg,
        value: goods.value,
        currency: goods.currency,
        export_declaration: row.text(Column::ExportDeclaration),
        no_reexport_clause: row.typed(Column::NoReexportClause, values::flag),
    };
    row.finish(line)
}

/// Reads a shipment line; without `has_line_no` every line is line 1.
pub(super) fn shipment(
    fields: &impl FieldSource,
    has_line_no: bool,
    notes: &mut Notes,
) -> Result<ShipmentLine, Vec<FieldFault>> {
    let mut row = Row { fields, faults: Vec::new(), notes };
    let kind = row.document_kind();
    let number = row.needed_text(Column::DocumentNumber);
    let line_no = row.line_no(has_line_no);
    let date = row.needed_day(Column::Date);
    let goods = row.goods(Content::Shipments);
    let line = ShipmentLine {
        key: DocumentKey { number, line_no, kind, feed: row.text(Column::Feed) },
        date: date.unwrap_or(Day::from_number(0)),
        consignor: row.party(CONSIGNOR, false),
        consignee: row.party(CONSIGNEE, false),
        hs_code: goods.hs_code,
        description: goods.description,
        brand: goods.brand,
        part_number: goods.part_number,
        gtin: goods.gtin,
        serial_numbers: goods.serial_numbers,
        lot_numbers: goods.lot_numbers,
        quantity: goods.quantity,
        unit: goods.unit,
        net_weight_kg: goods.net_weight_kg,
        value: goods.value,
        currency: goods.currency,
        source_declaration: row.text(Column::SourceDeclaration),
        carrier_name: row.text(Column::CarrierName),
    };
    row.finish(line)
}

/// Reads a company row.
pub(super) fn company(fields: &impl FieldSource, notes: &mut Notes) -> Result<Company, Vec<FieldFault>> {
    let mut row = Row { fields, faults: Vec::new(), notes };
    let company = Company {
        identifier: row.needed_text(Column::Id),
        country: row.country(Column::Country),
        name: row.needed_text(Column::Name),
        name_latin: row.text(Column::NameLatin),
        registered: row.day(Column::Registered),
        address: row.text(Column::Address),
        phone: row.text(Column::Phone),
        director: row.text(Column::Director),
        owners: row.list(Column::Owners),
        activity_code: row.text(Column::ActivityCode),
        status: row.text(Column::Status),
    };
    row.finish(company)
}

/// The columns of a party: name, id, country, address, phone, e-mail.
type PartyColumns = [Column; 6];

const BUYER: PartyColumns = [
    Column::BuyerName,
    Column::BuyerId,
    Column::BuyerCountry,
    Column::BuyerAddress,
    Column::BuyerPhone,
    Column::BuyerEmail,
];
const CONSIGNEE: PartyColumns = [
    Column::ConsigneeName,
    Column::ConsigneeId,
    Column::ConsigneeCountry,
    Column::ConsigneeAddress,
    Column::ConsigneePhone,
    Column::ConsigneeEmail,
];
const END_USER: PartyColumns = [
    Column::EndUserName,
    Column::EndUserId,
    Column::EndUserCountry,
    Column::EndUserAddress,
    Column::EndUserPhone,
    Column::EndUserEmail,
];
const PAYER: PartyColumns = [
    Column::PayerName,
    Column::PayerId,
    Column::PayerCountry,
    Column::PayerAddress,
    Column::PayerPhone,
    Column::PayerEmail,
];
const CONSIGNOR: PartyColumns = [
    Column::ConsignorName,
    Column::ConsignorId,
    Column::ConsignorCountry,
    Column::ConsignorAddress,
    Column::ConsignorPhone,
    Column::ConsignorEmail,
];

/// What order lines and shipment lines say of goods alike.
struct Goods {
    hs_code: Option<HsCode>,
    description: String,
    brand: String,
    part_number: String,
    gtin: String,
    serial_numbers: Vec<String>,
    lot_numbers: Vec<String>,
    quantity: Amount,
    unit: Unit,
    net_weight_kg: Option<Amount>,
    value: Option<Amount>,
    currency: String,
}

/// A row on its way to a record: a value that cannot be read leaves a fault and a stand-in, so that all faults of a
/// row come to light. [`Row::finish`] lets no stand-in out.
struct Row<'r, F> {
    fields: &'r F,
    faults: Vec<FieldFault>,
    notes: &'r mut Notes,
}

impl<'r, F: FieldSource> Row<'r, F> {
    fn finish<T>(self, record: T) -> Result<T, Vec<FieldFault>> {
        if self.faults.is_empty() { Ok(record) } else { Err(self.faults) }
    }

    fn fault(&mut self, column: Column, value: &str, (reason, detail): Refusal) {
        self.faults.push(FieldFault::new(column.name(), value, reason, detail));
    }

    /// The cell, unless it is too long.
    fn cell(&mut self, column: Column) -> &'r str {
        let fields: &'r F = self.fields;
        let cell = fields.get(column);
        if cell.len() > column.bytes_max() {
            let is_told =
                |fault: &FieldFault| fault.column == column.name() && fault.reason == RejectReason::FieldTooLong;
            if !self.faults.iter().any(is_told) {
                let detail = format!("{} bytes, at most {} are taken", cell.len(), column.bytes_max());
                self.faults.push(FieldFault::new(column.name(), cell, RejectReason::FieldTooLong, detail));
            }
            return "";
        }
        cell
    }

    fn text(&mut self, column: Column) -> String {
        values::text(self.cell(column))
    }

    fn list(&mut self, column: Column) -> Vec<String> {
        values::list(self.cell(column))
    }

    fn needed(&mut self, column: Column) -> &'r str {
        let is_there = !self.fields.get(column).is_empty();
        if !is_there {
            self.fault(column, "", (RejectReason::MissingValue, "a value is needed"));
        }
        self.cell(column)
    }

    fn needed_text(&mut self, column: Column) -> String {
        values::text(self.needed(column))
    }

    /// A value where the cell is not empty and can be read.
    fn typed<T>(&mut self, column: Column, read: impl Fn(&str) -> Result<T, Refusal>) -> Option<T> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return None;
        }
        read(cell).map_err(|refusal| self.fault(column, cell, refusal)).ok()
    }

    fn day(&mut self, column: Column) -> Option<Day> {
        let day = self.typed(column, values::day);
        if day > self.notes.today && self.notes.today.is_some() {
            self.notes.take(Note::FutureDate);
        }
        day
    }

    fn needed_day(&mut self, column: Column) -> Option<Day> {
        self.needed(column);
        self.day(column)
    }

    fn country(&mut self, column: Column) -> Option<Country> {
        let refusal = (RejectReason::BadCountry, "expected a two-letter country code such as KZ");
        self.typed(column, |cell| countries::country(cell).ok_or(refusal))
    }

    fn country_or_note(&mut self, column: Column) -> Option<Country> {
        let cell = self.cell(column);
        let country = countries::country(cell);
        if country.is_none() && !cell.is_empty() {
            self.notes.take(Note::UnreadableCountry);
        }
        country
    }

    fn line_no(&mut self, has_line_no: bool) -> u32 {
        if !has_line_no {
            self.notes.take(Note::NoLineNo);
            return 1;
        }
        self.needed(Column::LineNo);
        self.typed(Column::LineNo, values::line_no).unwrap_or(1)
    }

    fn document_kind(&mut self) -> DocumentKind {
        self.needed(Column::DocumentKind);
        let detail = "expected kz_import, snt, esf, cmr, smgs, ttn, stat_form, ru_declaration, marking, listing, \
                      activation or other";
        let refusal = (RejectReason::UnknownDocumentKind, detail);
        self.typed(Column::DocumentKind, |cell| DocumentKind::parse(cell).ok_or(refusal)).unwrap_or(DocumentKind::Other)
    }

    /// A party. A country that cannot be read is a fault where it is needed, and a note elsewhere.
    fn party(&mut self, [name, id, country, address, phone, email]: PartyColumns, is_country_needed: bool) -> Party {
        let country = if is_country_needed { self.country(country) } else { self.country_or_note(country) };
        Party {
            name: self.text(name),
            identifier: self.text(id),
            country,
            address: self.text(address),
            phone: self.text(phone),
            email: self.text(email),
        }
    }

    fn number(&mut self, column: Column) -> Option<Amount> {
        let number = self.typed(column, values::number)?;
        for (is_so, note) in [
            (number.is_rounded, Note::Rounded),
            (number.has_comma, Note::DecimalComma),
            (number.is_point_doubtful, Note::DoubtfulPoint),
        ] {
            if is_so {
                self.notes.take(note);
            }
        }
        Some(number.amount)
    }

    fn quantity(&mut self) -> Amount {
        let cell = self.needed(Column::Quantity);
        let Some(quantity) = self.number(Column::Quantity) else { return Amount::ZERO };
        if quantity < Amount::ZERO {
            self.fault(Column::Quantity, cell, (RejectReason::NegativeQuantity, "expected a quantity above zero"));
        } else if quantity == Amount::ZERO {
            self.fault(Column::Quantity, cell, (RejectReason::ZeroQuantity, "expected a quantity above zero"));
        }
        quantity
    }

    /// A weight or value: zero is what many systems write for "not known".
    fn stated_amount(&mut self, column: Column) -> Option<Amount> {
        let cell = self.cell(column);
        let amount = self.number(column)?;
        if amount < Amount::ZERO {
            self.fault(column, cell, (RejectReason::NegativeAmount, "expected nothing or a number from zero up"));
        } else if amount == Amount::ZERO {
            self.notes.take(Note::ZeroUnstated);
        }
        amount.is_positive().then_some(amount)
    }

    fn unit(&mut self) -> Unit {
        self.needed(Column::Unit);
        let refusal =
            (RejectReason::UnknownUnit, "expected a unit code of UN/ECE Recommendation 20 such as PCE or KGM");
        self.typed(Column::Unit, |cell| normalize::unit(cell).ok_or(refusal)).unwrap_or(Unit::Piece)
    }

    fn goods(&mut self, content: Content) -> Goods {
        let ways = content.needed_one_of();
        if ways.iter().all(|column| self.fields.get(*column).is_empty()) {
            let names: Vec<_> = ways.iter().map(|column| column.name()).collect();
            let detail = format!("one of {} is needed", names.join(", "));
            self.faults.push(FieldFault::new(Column::HsCode.name(), "", RejectReason::MissingValue, detail));
        }
        let hs_refusal = (RejectReason::BadHsCode, "expected 2, 4, 6, 8, 10 or 14 digits");
        let currency_refusal = (RejectReason::UnknownCurrency, "expected a currency code of ISO 4217 such as EUR");
        let goods = Goods {
            hs_code: self.typed(Column::HsCode, |cell| normalize::hs_code(cell).ok_or(hs_refusal)),
            description: self.text(Column::Description),
            brand: self.text(Column::Brand),
            part_number: self.text(Column::PartNumber),
            gtin: self.text(Column::Gtin),
            serial_numbers: self.list(Column::SerialNumbers),
            lot_numbers: self.list(Column::LotNumbers),
            quantity: self.quantity(),
            unit: self.unit(),
            net_weight_kg: self.stated_amount(Column::NetWeightKg),
            value: self.stated_amount(Column::Value),
            currency: self
                .typed(Column::Currency, |cell| normalize::currency(cell).ok_or(currency_refusal))
                .unwrap_or_default()
                .to_owned(),
        };
        if goods.value.is_some() && goods.currency.is_empty() {
            self.notes.take(Note::ValueWithoutCurrency);
        }
        goods
    }
}
