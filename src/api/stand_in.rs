//! Types and rules of rooms that are written elsewhere at the same time, as far as the service needs them.
//!
//! To be removed: the rules for records are `crate::intake`'s. Names and signatures are the same, so that only the `use` lines change.

use crate::model::{
    Amount, Company, Country, Day, DocumentKey, DocumentKind, HsCode, OrderKey, OrderLine, Party,
    ShipmentLine, Unit,
};

pub use crate::audit::{AuditEntry, AuditKind};
pub use crate::model::{Alert, AlertEvent, AlertEventKind, AlertId, AlertState};

/// Why a record is rejected.
#[allow(dead_code, reason = "the real rules know more reasons than these")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectReason {
    /// A needed value is not there.
    MissingValue,
    /// Not a day.
    BadDate,
    /// Not a number.
    BadNumber,
    /// Below zero.
    NegativeQuantity,
    /// Zero.
    ZeroQuantity,
    /// Weight or value below zero.
    NegativeAmount,
    /// Unknown unit.
    UnknownUnit,
    /// Unknown currency.
    UnknownCurrency,
    /// Not a tariff code.
    BadHsCode,
    /// Not a country code.
    BadCountry,
    /// Neither yes nor no.
    BadFlag,
    /// Unknown kind of paper.
    UnknownDocumentKind,
    /// Beyond a limit.
    FieldTooLong,
    /// Not a record at all.
    BadRow,
}

/// One thing wrong with one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldFault {
    /// Column of the contract.
    pub column: &'static str,
    /// The value, shortened.
    pub value: String,
    /// Why.
    pub reason: RejectReason,
    /// What was expected.
    pub detail: String,
}

/// Reads an order line from fields by name.
pub fn order_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<OrderLine, Vec<FieldFault>> {
    let mut reader = Reader { get, faults: Vec::new() };
    let goods = reader.goods(&["hs_code", "description", "part_number"]);
    let _ = reader.needed("buyer_country");
    let line = OrderLine {
        key: OrderKey { order_id: reader.needed("order_id"), line_no: reader.line_no() },
        order_date: reader.day("order_date", true).unwrap_or(Day::from_number(0)),
        ship_date: reader.day("ship_date", false),
        buyer: reader.party(["buyer_name", "buyer_id", "buyer_country", "buyer_address", "buyer_phone", "buyer_email"]),
        consignee: reader.party([
            "consignee_name",
            "consignee_id",
            "consignee_country",
            "consignee_address",
            "consignee_phone",
            "consignee_email",
        ]),
        end_user: reader.party([
            "end_user_name",
            "end_user_id",
            "end_user_country",
            "end_user_address",
            "end_user_phone",
            "end_user_email",
        ]),
        payer: reader.party(["payer_name", "payer_id", "payer_country", "payer_address", "payer_phone", "payer_email"]),
        destination_country: reader.country("destination_country"),
        incoterms: reader.text("incoterms"),
        hs_code: goods.hs_code,
        description: reader.text("description"),
        brand: reader.text("brand"),
        part_number: reader.text("part_number"),
        gtin: reader.text("gtin"),
        serial_numbers: reader.list("serial_numbers"),
        lot_numbers: reader.list("lot_numbers"),
        quantity: goods.quantity,
        unit: goods.unit,
        net_weight_kg: reader.amount("net_weight_kg"),
        value: reader.amount("value"),
        currency: reader.text("currency"),
        export_declaration: reader.text("export_declaration"),
        no_reexport_clause: match reader.text("no_reexport_clause").as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
    };
    let _ = reader.needed("buyer_name");
    reader.finish(line)
}

/// Reads a shipment line from fields by name.
pub fn shipment_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<ShipmentLine, Vec<FieldFault>> {
    let mut reader = Reader { get, faults: Vec::new() };
    let goods = reader.goods(&["hs_code", "description", "part_number", "gtin", "serial_numbers"]);
    let kind_text = reader.needed("document_kind");
    let kind = DocumentKind::parse(&kind_text);
    if kind.is_none() && !kind_text.is_empty() {
        reader.fault("document_kind", RejectReason::UnknownDocumentKind, "expected a kind of paper");
    }
    let line = ShipmentLine {
        key: DocumentKey {
            number: reader.needed("document_number"),
            line_no: reader.line_no(),
            kind: kind.unwrap_or(DocumentKind::Other),
            feed: reader.text("feed"),
        },
        date: reader.day("date", true).unwrap_or(Day::from_number(0)),
        consignor: reader.party([
            "consignor_name",
            "consignor_id",
            "consignor_country",
            "consignor_address",
            "consignor_phone",
            "consignor_email",
        ]),
        consignee: reader.party([
            "consignee_name",
            "consignee_id",
            "consignee_country",
            "consignee_address",
            "consignee_phone",
            "consignee_email",
        ]),
        hs_code: goods.hs_code,
        description: reader.text("description"),
        brand: reader.text("brand"),
        part_number: reader.text("part_number"),
        gtin: reader.text("gtin"),
        serial_numbers: reader.list("serial_numbers"),
        lot_numbers: reader.list("lot_numbers"),
        quantity: goods.quantity,
        unit: goods.unit,
        net_weight_kg: reader.amount("net_weight_kg"),
        value: reader.amount("value"),
        currency: reader.text("currency"),
        source_declaration: reader.text("source_declaration"),
        carrier_name: reader.text("carrier_name"),
    };
    reader.finish(line)
}

/// Reads a company row from fields by name.
pub fn company_from_fields<'t>(get: impl Fn(&str) -> Option<&'t str>) -> Result<Company, Vec<FieldFault>> {
    let mut reader = Reader { get, faults: Vec::new() };
    let company = Company {
        identifier: reader.needed("id"),
        country: reader.country("country"),
        name: reader.needed("name"),
        name_latin: reader.text("name_latin"),
        registered: reader.day("registered", false),
        address: reader.text("address"),
        phone: reader.text("phone"),
        director: reader.text("director"),
        owners: reader.list("owners"),
        activity_code: reader.text("activity_code"),
        status: reader.text("status"),
    };
    reader.finish(company)
}

struct Goods {
    hs_code: Option<HsCode>,
    quantity: Amount,
    unit: Unit,
}

struct Reader<G> {
    get: G,
    faults: Vec<FieldFault>,
}

impl<'t, G: Fn(&str) -> Option<&'t str>> Reader<G> {
    fn str(&self, column: &str) -> &'t str {
        (self.get)(column).map_or("", str::trim)
    }

    fn text(&self, column: &str) -> String {
        self.str(column).to_owned()
    }

    fn list(&self, column: &str) -> Vec<String> {
        self.str(column).split(';').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    fn fault(&mut self, column: &'static str, reason: RejectReason, detail: &str) {
        let value = self.str(column).chars().take(80).collect();
        self.faults.push(FieldFault { column, value, reason, detail: detail.to_owned() });
    }

    fn needed(&mut self, column: &'static str) -> String {
        let text = self.text(column);
        if text.is_empty() {
            self.fault(column, RejectReason::MissingValue, "a value is needed");
        } else if text.len() > 4096 {
            self.fault(column, RejectReason::FieldTooLong, "at most 4096 bytes are allowed");
        }
        text
    }

    fn line_no(&mut self) -> u32 {
        match self.str("line_no") {
            "" => 1,
            text => text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| {
                self.fault("line_no", RejectReason::BadNumber, "expected a whole number from 1");
                1
            }),
        }
    }

    fn day(&mut self, column: &'static str, is_needed: bool) -> Option<Day> {
        let text = if is_needed { self.needed(column) } else { self.text(column) };
        if text.is_empty() {
            return None;
        }
        let day = Day::parse_iso(&text);
        if day.is_none() {
            self.fault(column, RejectReason::BadDate, "expected YYYY-MM-DD");
        }
        day
    }

    fn country(&self, column: &str) -> Option<Country> {
        Country::parse(self.str(column))
    }

    fn party(&mut self, columns: [&'static str; 6]) -> Party {
        if columns[0] == "buyer_name" && !self.str(columns[2]).is_empty() && self.country(columns[2]).is_none() {
            self.fault(columns[2], RejectReason::BadCountry, "expected two letters");
        }
        Party {
            name: self.text(columns[0]),
            identifier: self.text(columns[1]),
            country: self.country(columns[2]),
            address: self.text(columns[3]),
            phone: self.text(columns[4]),
            email: self.text(columns[5]),
        }
    }

    fn amount(&mut self, column: &'static str) -> Option<Amount> {
        let text = self.str(column);
        if text.is_empty() {
            return None;
        }
        match text.parse::<Amount>() {
            Ok(amount) if amount < Amount::ZERO => {
                self.fault(column, RejectReason::NegativeAmount, "must not be negative");
                None
            }
            Ok(amount) => Some(amount).filter(|amount| amount.is_positive()),
            Err(error) => {
                self.fault(column, RejectReason::BadNumber, &error.to_string());
                None
            }
        }
    }

    fn goods(&mut self, one_of: &[&'static str]) -> Goods {
        if one_of.iter().all(|column| self.str(column).is_empty()) {
            self.fault(one_of[0], RejectReason::MissingValue, "the goods need a code, description or number");
        }
        let hs_text = self.str("hs_code");
        let hs_code = HsCode::from_digits(hs_text);
        if hs_code.is_none() && !hs_text.is_empty() {
            self.fault("hs_code", RejectReason::BadHsCode, "expected 2, 4, 6, 8, 10 or 14 digits");
        }
        let unit_text = self.needed("unit");
        let unit = Unit::ALL.into_iter().find(|unit| unit.code().eq_ignore_ascii_case(&unit_text));
        if unit.is_none() && !unit_text.is_empty() {
            self.fault("unit", RejectReason::UnknownUnit, "expected a unit code");
        }
        Goods { hs_code, quantity: self.quantity(), unit: unit.unwrap_or(Unit::Piece) }
    }

    fn quantity(&mut self) -> Amount {
        let text = self.needed("quantity");
        let fault = match text.parse::<Amount>() {
            Ok(amount) if amount.is_positive() => return amount,
            Ok(Amount::ZERO) => RejectReason::ZeroQuantity,
            Ok(_) => RejectReason::NegativeQuantity,
            Err(_) if text.is_empty() => return Amount::ZERO,
            Err(_) => RejectReason::BadNumber,
        };
        self.fault("quantity", fault, "expected a decimal above zero");
        Amount::ZERO
    }

    fn finish<T>(self, record: T) -> Result<T, Vec<FieldFault>> {
        if self.faults.is_empty() { Ok(record) } else { Err(self.faults) }
    }
}
