//! Where a world goes as it is made, row by row, and what its truth looks like.
//!
//! Come here to receive a world somewhere new. Files are in `csv_writer`.

use std::io;

use crate::model::{Amount, Company, OrderLine, ShipmentLine};

/// Goods of one order line that really crossed on one onward line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TruthLink {
    /// Order.
    pub order_id: String,
    /// Line of the order.
    pub line_no: u32,
    /// Onward paper.
    pub document_number: String,
    /// Line of the paper.
    pub document_line: u32,
    /// How much, in the order's unit.
    pub quantity: Amount,
    /// Firms between buyer and border.
    pub hops: u32,
    /// Papers between, oldest first.
    pub chain: Vec<String>,
}

/// How much of one order line really went on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TruthOrder {
    /// Order.
    pub order_id: String,
    /// Line of the order.
    pub line_no: u32,
    /// Ordered, in the order's unit.
    pub quantity: Amount,
    /// Gone on, in the same unit.
    pub diverted: Amount,
}

/// Which mention a [`TruthParty`] speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TruthPartyKind {
    /// Buyer of an order; the reference is the order.
    Order,
    /// Consignor of a paper; the reference is the paper.
    Shipment,
    /// Consignee of a paper; the reference is the paper.
    Consignee,
}

/// Who a mention really is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TruthParty {
    /// Which mention.
    pub kind: TruthPartyKind,
    /// Order or paper.
    pub reference: String,
    /// The company's true identifier; `exporter` for the seller whose orders these are, `seller-N` for others abroad.
    pub company: String,
}

/// Receives a world as it is made.
pub trait WorldSink {
    /// A row of the register.
    fn company(&mut self, company: &Company) -> io::Result<()>;
    /// A line of an order.
    fn order(&mut self, order: &OrderLine) -> io::Result<()>;
    /// A line of a paper.
    fn shipment(&mut self, shipment: &ShipmentLine) -> io::Result<()>;
    /// A true link.
    fn truth_link(&mut self, link: &TruthLink) -> io::Result<()>;
    /// A true outcome of an order line.
    fn truth_order(&mut self, order: &TruthOrder) -> io::Result<()>;
    /// A true identity.
    fn truth_party(&mut self, party: &TruthParty) -> io::Result<()>;
}

/// A world held in memory, for tests and demonstrations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryWorld {
    /// The register.
    pub companies: Vec<Company>,
    /// Order lines.
    pub orders: Vec<OrderLine>,
    /// Shipment lines.
    pub shipments: Vec<ShipmentLine>,
    /// True links.
    pub truth_links: Vec<TruthLink>,
    /// True outcomes.
    pub truth_orders: Vec<TruthOrder>,
    /// True identities.
    pub truth_parties: Vec<TruthParty>,
}

impl TruthPartyKind {
    /// The word in the files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Shipment => "shipment",
            Self::Consignee => "consignee",
        }
    }
}

impl WorldSink for MemoryWorld {
    fn company(&mut self, company: &Company) -> io::Result<()> {
        self.companies.push(company.clone());
        Ok(())
    }

    fn order(&mut self, order: &OrderLine) -> io::Result<()> {
        self.orders.push(order.clone());
        Ok(())
    }

    fn shipment(&mut self, shipment: &ShipmentLine) -> io::Result<()> {
        self.shipments.push(shipment.clone());
        Ok(())
    }

    fn truth_link(&mut self, link: &TruthLink) -> io::Result<()> {
        self.truth_links.push(link.clone());
        Ok(())
    }

    fn truth_order(&mut self, order: &TruthOrder) -> io::Result<()> {
        self.truth_orders.push(order.clone());
        Ok(())
    }

    fn truth_party(&mut self, party: &TruthParty) -> io::Result<()> {
        self.truth_parties.push(party.clone());
        Ok(())
    }
}
