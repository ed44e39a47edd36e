//! The columns of the file contract, which are needed, how long their cells may be, and a customer's own names for
//! them.
//!
//! Come here to add a column. How a cell is read is in `records` and `values`.

use std::collections::BTreeMap;

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Content {
    /// Order lines.
    Orders,
    /// Shipment lines.
    Shipments,
    /// Company rows.
    Companies,
}

macro_rules! columns {
    ($($variant:ident = $name:literal,)*) => {
        /// A column of the file contract; the same name means the same thing in every file.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Column {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Column {
            /// Every column.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the contract.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

columns! {
    OrderId = "order_id",
    LineNo = "line_no",
    OrderDate = "order_date",
    ShipDate = "ship_date",
    BuyerName = "buyer_name",
    BuyerId = "buyer_id",
    BuyerCountry = "buyer_country",
    BuyerAddress = "buyer_address",
    BuyerPhone = "buyer_phone",
    BuyerEmail = "buyer_email",
    ConsigneeName = "consignee_name",
    ConsigneeId = "consignee_id",
    ConsigneeCountry = "consignee_country",
    ConsigneeAddress = "consignee_address",
    ConsigneePhone = "consignee_phone",
    ConsigneeEmail = "consignee_email",
    EndUserName = "end_user_name",
    EndUserId = "end_user_id",
    EndUserCountry = "end_user_country",
    EndUserAddress = "end_user_address",
    EndUserPhone = "end_user_phone",
    EndUserEmail = "end_user_email",
    PayerName = "payer_name",
    PayerId = "payer_id",
    PayerCountry = "payer_country",
    PayerAddress = "payer_address",
    PayerPhone = "payer_phone",
    PayerEmail = "payer_email",
    DestinationCountry = "destination_country",
    Incoterms = "incoterms",
    HsCode = "hs_code",
    Description = "description",
    Brand = "brand",
    PartNumber = "part_number",
    Gtin = "gtin",
    SerialNumbers = "serial_numbers",
    LotNumbers = "lot_numbers",
    Quantity = "quantity",
    Unit = "unit",
    NetWeightKg = "net_weight_kg",
    Value = "value",
    Currency = "currency",
    ExportDeclaration = "export_declaration",
    NoReexportClause = "no_reexport_clause",
    DocumentKind = "document_kind",
    DocumentNumber = "document_number",
    Date = "date",
    ConsignorName = "consignor_name",
    ConsignorId = "consignor_id",
    ConsignorCountry = "consignor_country",
    ConsignorAddress = "consignor_address",
    ConsignorPhone = "consignor_phone",
    ConsignorEmail = "consignor_email",
    SourceDeclaration = "source_declaration",
    CarrierName = "carrier_name",
    Feed = "feed",
    Id = "id",
    Country = "country",
    Name = "name",
    NameLatin = "name_latin",
    Registered = "registered",
    Address = "address",
    Phone = "phone",
    Director = "director",
    Owners = "owners",
    ActivityCode = "activity_code",
    Status = "status",
}

/// How many columns there are.
pub(super) const COLUMN_COUNT: usize = Column::ALL.len();

/// Longest key part in bytes: keys become index keys of the store.
const KEY_BYTES_MAX: usize = 256;

/// Longest name, address, number or code in bytes.
const TEXT_BYTES_MAX: usize = 4096;

impl Column {
    /// The column of this exact name, where the content has one.
    pub(super) fn of(content: Content, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|column| column.name() == name && column.belongs_to(content))
    }

    /// Whether files of this content may have the column.
    pub fn belongs_to(self, content: Content) -> bool {
        match content {
            Content::Orders => self <= Self::NoReexportClause,
            Content::Shipments => match self {
                Self::LineNo => true,
                Self::ExportDeclaration | Self::NoReexportClause => false,
                _ => {
                    (Self::ConsigneeName..=Self::ConsigneeEmail).contains(&self)
                        || (Self::HsCode..=Self::Feed).contains(&self)
                }
            },
            Content::Companies => self >= Self::Id,
        }
    }

    /// Whether a cell holds a list separated by `;`.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::SerialNumbers | Self::LotNumbers | Self::Owners)
    }

    /// Longest cell in bytes that the column takes.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::OrderId | Self::DocumentNumber | Self::Feed | Self::Id => KEY_BYTES_MAX,
            Self::Description | Self::SerialNumbers | Self::LotNumbers | Self::Owners => super::CELL_BYTES_MAX,
            _ => TEXT_BYTES_MAX,
        }
    }
}

impl Content {
    /// The plural word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Shipments => "shipments",
            Self::Companies => "companies",
        }
    }

    /// Columns without which a file is refused as a whole; `line_no` is replaced by 1, with a warning.
    pub(super) const fn needed(self) -> &'static [Column] {
        match self {
            Self::Orders => &[
                Column::OrderId,
                Column::OrderDate,
                Column::BuyerName,
                Column::BuyerCountry,
                Column::Quantity,
                Column::Unit,
            ],
            Self::Shipments => {
                &[Column::DocumentKind, Column::DocumentNumber, Column::Date, Column::Quantity, Column::Unit]
            }
            Self::Companies => &[Column::Id, Column::Name],
        }
    }

    /// Columns of which at least one is needed; empty when there is no such rule.
    pub(super) const fn needed_one_of(self) -> &'static [Column] {
        match self {
            Self::Orders => &[Column::HsCode, Column::Description, Column::PartNumber],
            Self::Shipments => {
                &[Column::HsCode, Column::Description, Column::PartNumber, Column::Gtin, Column::SerialNumbers]
            }
            Self::Companies => &[],
        }
    }
}

/// A customer's own names for the columns.
///
/// One pair a line: `their_name=our_name` or the two names with a tab between. `their_name=-` leaves their column
/// out without a warning. Lines that are empty or begin with `#` say nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnMap {
    /// Their folded name to ours; an empty name leaves the column out.
    names: BTreeMap<String, &'static str>,
}

/// Why a text is no column map.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("column map, line {line}: {detail}")]
pub struct ColumnMapError {
    /// Line of the map, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

impl ColumnMap {
    /// Reads a map.
    ///
    /// # Errors
    /// A line without a separator, a name that the contract does not have, or their name twice.
    pub fn parse(text: &str) -> Result<Self, ColumnMapError> {
        let mut names = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let fault = |detail: String| ColumnMapError { line: index as u64 + 1, detail };
            let content = line.trim_start_matches('\u{feff}');
            if content.trim().is_empty() || content.trim_start().starts_with('#') {
                continue;
            }
            let (theirs, ours) = content
                .split_once('\t')
                .or_else(|| content.rsplit_once('='))
                .ok_or_else(|| fault("expected their_name=our_name, or two names with a tab between".to_owned()))?;
            let folded = fold_header(ours);
            let ours = match folded.as_str() {
                "-" => "",
                name => Column::ALL
                    .iter()
                    .map(|column| column.name())
                    .find(|known| *known == name)
                    .ok_or_else(|| fault(format!("`{}` is no column of Onward", super::fault::shorten(name))))?,
            };
            let theirs = fold_header(theirs);
            if theirs.is_empty() {
                return Err(fault("their name is empty".to_owned()));
            }
            let shown = super::fault::shorten(&theirs);
            if names.insert(theirs, ours).is_some() {
                return Err(fault(format!("`{shown}` is named twice")));
            }
        }
        Ok(Self { names })
    }

    /// What a header of a file means.
    pub(super) fn meaning(&self, content: Content, header: &str) -> Meaning {
        let folded = fold_header(header);
        let name = match self.names.get(&folded) {
            Some(&"") => return Meaning::LeftOut,
            Some(name) => name,
            None => folded.as_str(),
        };
        Column::of(content, name).map_or(Meaning::Unknown, Meaning::Known)
    }
}

/// What a header of a file means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// A column of the contract.
    Known(Column),
    /// None that we know: warned about.
    Unknown,
    /// The column map says to leave it out.
    LeftOut,
}

/// Headers are compared without byte-order mark, outer blanks and case.
fn fold_header(text: &str) -> String {
    text.trim_start_matches('\u{feff}').trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Column, ColumnMap, Content, Meaning};

    #[test]
    fn column_maps_rename_and_leave_out() {
        let map =
            ColumnMap::parse("\u{feff}# ours\nBestell-Nr = order_id\n\nMenge\tquantity\na=b=unit\nIntern=-\n").unwrap();
        let cases = [
            (" bestell-nr ", Meaning::Known(Column::OrderId)),
            ("MENGE", Meaning::Known(Column::Quantity)),
            ("A=B", Meaning::Known(Column::Unit)),
            ("intern", Meaning::LeftOut),
            ("\u{feff}Order_ID", Meaning::Known(Column::OrderId)),
            ("consignor_name", Meaning::Unknown),
            ("", Meaning::Unknown),
        ];
        for (header, meaning) in cases {
            assert_eq!(map.meaning(Content::Orders, header), meaning, "{header}");
        }
    }

    #[test]
    fn wrong_column_maps_name_their_line() {
        let cases = [("x", 1), ("a=order_id\nb=no_such", 2), ("a=unit\n\nA=value", 3), ("=unit", 1)];
        for (text, line) in cases {
            assert_eq!(ColumnMap::parse(text).map_err(|error| error.line), Err(line), "{text}");
        }
    }

    #[test]
    fn contents_have_the_columns_of_the_contract() {
        let of = |content| Column::ALL.iter().filter(|column| column.belongs_to(content)).count();
        assert_eq!((of(Content::Orders), of(Content::Shipments), of(Content::Companies)), (44, 31, 11));
        assert!(!Column::OrderId.belongs_to(Content::Shipments) && !Column::Feed.belongs_to(Content::Orders));
    }
}
