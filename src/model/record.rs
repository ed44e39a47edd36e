//! Records as they came: order lines, shipment lines and company rows of the file contract.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Country, Day, HsCode, Unit};

/// A party as one paper spells it. An empty text means that the paper does not say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Party {
    /// Name with its legal form.
    pub name: String,
    /// Identifier as printed.
    pub identifier: String,
    /// Country, where it is a country code.
    pub country: Option<Country>,
    /// Address in one line.
    pub address: String,
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
}

/// Names an order line within its tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct OrderKey {
    /// The exporter's order number.
    pub order_id: String,
    /// Line in that order, from 1.
    pub line_no: u32,
}

/// What an exporter sold: one line of an order. Confidential to its tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its name.
    pub key: OrderKey,
    /// Day of the order.
    pub order_date: Day,
    /// Day the goods left, where known.
    pub ship_date: Option<Day>,
    /// The ostensible buyer.
    pub buyer: Party,
    /// Who receives, where another party.
    pub consignee: Party,
    /// Who uses, where stated.
    pub end_user: Party,
    /// Who pays, where another party.
    pub payer: Party,
    /// Ostensible destination.
    pub destination_country: Option<Country>,
    /// Incoterms rule.
    pub incoterms: String,
    /// Tariff code.
    pub hs_code: Option<HsCode>,
    /// Description in any language.
    pub description: String,
    /// Trade mark.
    pub brand: String,
    /// Maker's part number.
    pub part_number: String,
    /// GTIN as printed.
    pub gtin: String,
    /// Serial numbers as printed, ranges included.
    pub serial_numbers: Vec<String>,
    /// Lot numbers as printed.
    pub lot_numbers: Vec<String>,
    /// How much, above zero.
    pub quantity: Amount,
    /// Of what unit.
    pub unit: Unit,
    /// Net weight of the whole line in kilograms.
    pub net_weight_kg: Option<Amount>,
    /// Value of the whole line in `currency`.
    pub value: Option<Amount>,
    /// ISO 4217 letters; empty when unstated.
    pub currency: String,
    /// Export declaration (MRN).
    pub export_declaration: String,
    /// Whether the contract forbids re-export to Russia; `None` when unstated.
    pub no_reexport_clause: Option<bool>,
}

/// What kind of paper a shipment line stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum DocumentKind {
    /// Import declaration in Kazakhstan: an arrival.
    KzImport,
    /// Kazakh electronic waybill.
    Snt,
    /// Kazakh electronic invoice.
    Esf,
    /// Road consignment note.
    Cmr,
    /// Rail consignment note.
    Smgs,
    /// Kazakh road bill.
    Ttn,
    /// Statistical form of mutual trade in the EAEU.
    StatForm,
    /// Russian customs declaration.
    RuDeclaration,
    /// A marking code seen.
    Marking,
    /// A shop offer.
    Listing,
    /// A device seen.
    Activation,
    /// Any other paper.
    Other,
}

impl DocumentKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::KzImport,
        Self::Snt,
        Self::Esf,
        Self::Cmr,
        Self::Smgs,
        Self::Ttn,
        Self::StatForm,
        Self::RuDeclaration,
        Self::Marking,
        Self::Listing,
        Self::Activation,
        Self::Other,
    ];

    /// The word of the file contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KzImport => "kz_import",
            Self::Snt => "snt",
            Self::Esf => "esf",
            Self::Cmr => "cmr",
            Self::Smgs => "smgs",
            Self::Ttn => "ttn",
            Self::StatForm => "stat_form",
            Self::RuDeclaration => "ru_declaration",
            Self::Marking => "marking",
            Self::Listing => "listing",
            Self::Activation => "activation",
            Self::Other => "other",
        }
    }

    /// Reads the word of the file contract, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Names a shipment line: feed, kind, number and line of its paper.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct DocumentKey {
    /// Number of the paper.
    pub number: String,
    /// Line on it, from 1.
    pub line_no: u32,
    /// Kind of paper.
    pub kind: DocumentKind,
    /// Where the record came from; empty for the only feed.
    pub feed: String,
}

/// One line of any paper on goods moving.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShipmentLine {
    /// Its name.
    pub key: DocumentKey,
    /// Date of the paper.
    pub date: Day,
    /// Who sends.
    pub consignor: Party,
    /// Who receives.
    pub consignee: Party,
    /// Tariff code.
    pub hs_code: Option<HsCode>,
    /// Description in any language.
    pub description: String,
    /// Trade mark.
    pub brand: String,
    /// Maker's part number.
    pub part_number: String,
    /// GTIN as printed.
    pub gtin: String,
    /// Serial numbers as printed, ranges included.
    pub serial_numbers: Vec<String>,
    /// Lot numbers as printed.
    pub lot_numbers: Vec<String>,
    /// How much, above zero.
    pub quantity: Amount,
    /// Of what unit.
    pub unit: Unit,
    /// Net weight of the whole line in kilograms.
    pub net_weight_kg: Option<Amount>,
    /// Value of the whole line in `currency`.
    pub value: Option<Amount>,
    /// ISO 4217 letters; empty when unstated.
    pub currency: String,
    /// For papers inside the union: the import declaration the goods came in by (`post/ddmmyy/serial`, maybe `/item`).
    /// For `kz_import` it may carry the declaration's own number.
    pub source_declaration: String,
    /// Who carried.
    pub carrier_name: String,
}

/// A row of a company register. Lists hold what the register separates by `;`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Company {
    /// Identifier as printed.
    pub identifier: String,
    /// Country of the register.
    pub country: Option<Country>,
    /// Registered name.
    pub name: String,
    /// Latin spelling of the name, where the register has one.
    pub name_latin: String,
    /// Day of registration.
    pub registered: Option<Day>,
    /// Registered address.
    pub address: String,
    /// Telephone.
    pub phone: String,
    /// Director.
    pub director: String,
    /// Owners.
    pub owners: Vec<String>,
    /// Line of business.
    pub activity_code: String,
    /// Status in the register.
    pub status: String,
}

/// Any record that Onward takes in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Record {
    /// An order line of the sending tenant.
    Order(Box<OrderLine>),
    /// A shipment line.
    Shipment(Box<ShipmentLine>),
    /// A company row.
    Company(Box<Company>),
}
