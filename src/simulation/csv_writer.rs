//! Writes a world as six CSV files: the file contract's three, and three with the truth.
//!
//! Rows go out as they come; nothing is held but the files' buffers.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{TruthLink, TruthOrder, TruthParty, WorldSink};
use crate::model::{Amount, Company, Country, Day, HsCode, OrderLine, Party, ShipmentLine};

const COMPANY_COLUMNS: &[&str] = &[
    "id",
    "country",
    "name",
    "name_latin",
    "registered",
    "address",
    "phone",
    "director",
    "owners",
    "activity_code",
    "status",
];
const ORDER_COLUMNS: &[&str] = &[
    "order_id",
    "line_no",
    "order_date",
    "ship_date",
    "buyer_name",
    "buyer_id",
    "buyer_country",
    "buyer_address",
    "buyer_phone",
    "hs_code",
    "description",
    "brand",
    "part_number",
    "quantity",
    "unit",
    "net_weight_kg",
    "value",
    "currency",
    "serial_numbers",
    "destination_country",
    "buyer_email",
    "consignee_name",
    "consignee_id",
    "consignee_country",
    "consignee_address",
    "end_user_name",
    "end_user_id",
    "end_user_country",
    "end_user_address",
    "payer_name",
    "payer_id",
    "payer_country",
    "payer_address",
    "incoterms",
    "gtin",
    "lot_numbers",
    "export_declaration",
    "no_reexport_clause",
];
const SHIPMENT_COLUMNS: &[&str] = &[
    "document_kind",
    "document_number",
    "line_no",
    "date",
    "consignor_name",
    "consignor_id",
    "consignor_country",
    "consignor_address",
    "consignee_name",
    "consignee_id",
    "consignee_country",
    "hs_code",
    "description",
    "brand",
    "part_number",
    "quantity",
    "unit",
    "net_weight_kg",
    "value",
    "currency",
    "serial_numbers",
    "source_declaration",
    "consignee_address",
    "gtin",
    "lot_numbers",
    "carrier_name",
    "feed",
];
const LINK_COLUMNS: &[&str] = &["order_id", "document_number", "quantity", "hops", "chain", "line_no", "document_line"];
const OUTCOME_COLUMNS: &[&str] = &["order_id", "quantity", "diverted", "line_no"];
const PARTY_COLUMNS: &[&str] = &["kind", "ref", "company"];

/// A world going into `companies.csv`, `orders.csv`, `shipments.csv`, `truth_links.csv`, `truth_orders.csv` and
/// `truth_parties.csv` of one folder. Call [`CsvWorldWriter::finish`] at the end, or the last rows may be missing.
pub struct CsvWorldWriter {
    companies: csv::Writer<File>,
    orders: csv::Writer<File>,
    shipments: csv::Writer<File>,
    truth_links: csv::Writer<File>,
    truth_orders: csv::Writer<File>,
    truth_parties: csv::Writer<File>,
}

impl CsvWorldWriter {
    /// Makes the folder when needed and overwrites the six files in it.
    pub fn create(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let open = |name: &str, columns: &[&str]| -> io::Result<csv::Writer<File>> {
            let file = File::create(folder.join(name))?;
            let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 18).from_writer(file);
            writer.write_record(columns)?;
            Ok(writer)
        };
        Ok(Self {
            companies: open("companies.csv", COMPANY_COLUMNS)?,
            orders: open("orders.csv", ORDER_COLUMNS)?,
            shipments: open("shipments.csv", SHIPMENT_COLUMNS)?,
            truth_links: open("truth_links.csv", LINK_COLUMNS)?,
            truth_orders: open("truth_orders.csv", OUTCOME_COLUMNS)?,
            truth_parties: open("truth_parties.csv", PARTY_COLUMNS)?,
        })
    }

    /// Writes out what is still buffered.
    pub fn finish(mut self) -> io::Result<()> {
        for writer in [
            &mut self.companies,
            &mut self.orders,
            &mut self.shipments,
            &mut self.truth_links,
            &mut self.truth_orders,
            &mut self.truth_parties,
        ] {
            writer.flush()?;
        }
        Ok(())
    }
}

impl WorldSink for CsvWorldWriter {
    fn company(&mut self, company: &Company) -> io::Result<()> {
        let registered = optional(company.registered, |day: Day| day.to_string());
        let owners = company.owners.join(";");
        self.companies.write_record([
            company.identifier.as_str(),
            letters(company.country.as_ref()),
            &company.name,
            &company.name_latin,
            &registered,
            &company.address,
            &company.phone,
            &company.director,
            &owners,
            &company.activity_code,
            &company.status,
        ])?;
        Ok(())
    }

    fn order(&mut self, order: &OrderLine) -> io::Result<()> {
        let writer = &mut self.orders;
        writer.write_field(&order.key.order_id)?;
        writer.write_field(order.key.line_no.to_string())?;
        writer.write_field(order.order_date.to_string())?;
        writer.write_field(optional(order.ship_date, |day: Day| day.to_string()))?;
        write_party(writer, &order.buyer)?;
        writer.write_field(&order.buyer.phone)?;
        writer.write_field(digits(order.hs_code.as_ref()))?;
        writer.write_field(&order.description)?;
        writer.write_field(&order.brand)?;
        writer.write_field(&order.part_number)?;
        write_amounts(writer, order.quantity, order.unit.code(), order.net_weight_kg, order.value)?;
        writer.write_field(&order.currency)?;
        writer.write_field(order.serial_numbers.join(";"))?;
        writer.write_field(letters(order.destination_country.as_ref()))?;
        writer.write_field(&order.buyer.email)?;
        for party in [&order.consignee, &order.end_user, &order.payer] {
            write_party(writer, party)?;
        }
        writer.write_field(&order.incoterms)?;
        writer.write_field(&order.gtin)?;
        writer.write_field(order.lot_numbers.join(";"))?;
        writer.write_field(&order.export_declaration)?;
        writer.write_field(match order.no_reexport_clause {
            Some(true) => "true",
            Some(false) => "false",
            None => "",
        })?;
        writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn shipment(&mut self, shipment: &ShipmentLine) -> io::Result<()> {
        let writer = &mut self.shipments;
        writer.write_field(shipment.key.kind.as_str())?;
        writer.write_field(&shipment.key.number)?;
        writer.write_field(shipment.key.line_no.to_string())?;
        writer.write_field(shipment.date.to_string())?;
        write_party(writer, &shipment.consignor)?;
        writer.write_field(&shipment.consignee.name)?;
        writer.write_field(&shipment.consignee.identifier)?;
        writer.write_field(letters(shipment.consignee.country.as_ref()))?;
        writer.write_field(digits(shipment.hs_code.as_ref()))?;
        writer.write_field(&shipment.description)?;
        writer.write_field(&shipment.brand)?;
        writer.write_field(&shipment.part_number)?;
        write_amounts(writer, shipment.quantity, shipment.unit.code(), shipment.net_weight_kg, shipment.value)?;
        writer.write_field(&shipment.currency)?;
        writer.write_field(shipment.serial_numbers.join(";"))?;
        writer.write_field(&shipment.source_declaration)?;
        writer.write_field(&shipment.consignee.address)?;
        writer.write_field(&shipment.gtin)?;
        writer.write_field(shipment.lot_numbers.join(";"))?;
        writer.write_field(&shipment.carrier_name)?;
        writer.write_field(&shipment.key.feed)?;
        writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn truth_link(&mut self, link: &TruthLink) -> io::Result<()> {
        self.truth_links.write_record([
            link.order_id.as_str(),
            &link.document_number,
            &link.quantity.to_string(),
            &link.hops.to_string(),
            &link.chain.join(";"),
            &link.line_no.to_string(),
            &link.document_line.to_string(),
        ])?;
        Ok(())
    }

    fn truth_order(&mut self, order: &TruthOrder) -> io::Result<()> {
        self.truth_orders.write_record([
            order.order_id.as_str(),
            &order.quantity.to_string(),
            &order.diverted.to_string(),
            &order.line_no.to_string(),
        ])?;
        Ok(())
    }

    fn truth_party(&mut self, party: &TruthParty) -> io::Result<()> {
        self.truth_parties.write_record([party.kind.as_str(), &party.reference, &party.company])?;
        Ok(())
    }
}

/// Name, identifier, country and address, as every party column group begins.
fn write_party(writer: &mut csv::Writer<File>, party: &Party) -> io::Result<()> {
    writer.write_field(&party.name)?;
    writer.write_field(&party.identifier)?;
    writer.write_field(letters(party.country.as_ref()))?;
    writer.write_field(&party.address)?;
    Ok(())
}

fn write_amounts(
    writer: &mut csv::Writer<File>,
    quantity: Amount,
    unit: &str,
    net_weight_kg: Option<Amount>,
    value: Option<Amount>,
) -> io::Result<()> {
    writer.write_field(quantity.to_string())?;
    writer.write_field(unit)?;
    writer.write_field(optional(net_weight_kg, |amount| amount.to_string()))?;
    writer.write_field(optional(value, |amount| amount.to_string()))?;
    Ok(())
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(String::new, show)
}

fn letters(country: Option<&Country>) -> &str {
    country.map_or("", Country::as_str)
}

fn digits(code: Option<&HsCode>) -> &str {
    code.map_or("", HsCode::digits)
}
