//! A server on loopback, records to send, and what an error says.

use std::net::SocketAddr;
use std::time::Duration;

use onward::api::{Batch, Client, Engine, ServeError, ServeOptions, reason_of, serve};
use onward::model::{
    Amount, Bits, Company, Country, Day, DocumentKey, DocumentKind, Evidence, EvidenceKind, Finding, FindingKind,
    HsCode, IndicatorOutcome, IndicatorResult, Level, Link, OrderKey, OrderLine, Party, Probability, Record,
    RejectedAlternative, ShipmentLine, Unit,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::{Code, Status};

/// Far more than anything here takes; a test that hangs ends with it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What does not come is a failure, not a test that hangs.
pub async fn in_time<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.expect("in time")
}

pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    pub async fn start<E: Engine>(engine: &E) -> Self {
        Self::start_with(engine, options()).await
    }

    pub async fn start_with<E: Engine>(engine: &E, options: ServeOptions) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), engine, options)
    }

    pub fn start_on<E: Engine>(listener: TcpListener, engine: &E, options: ServeOptions) -> Self {
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = engine.clone();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(serve(listener, engine, shutdown, options));
        Self { address, stop: Some(stop), serving }
    }

    pub async fn client(&self) -> Client {
        self.client_of("alma").await
    }

    pub async fn client_of(&self, tenant: &str) -> Client {
        Client::connect(&format!("http://{}", self.address), tenant).await.unwrap()
    }

    /// Tells it to stop; does not wait.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
    }
}

/// Stops faster than in earnest.
pub fn options() -> ServeOptions {
    ServeOptions { drain_max: Duration::from_secs(1), ..ServeOptions::default() }
}

/// Code and reason.
pub fn told(status: &Status) -> (Code, String) {
    (status.code(), reason_of(status).unwrap_or_default())
}

pub fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

pub fn order_key(number: u32) -> OrderKey {
    OrderKey { order_id: format!("SO-{number:05}"), line_no: 1 + number % 3 }
}

pub fn order(number: u32) -> OrderLine {
    OrderLine {
        key: order_key(number),
        order_date: day("2024-02-29"),
        ship_date: number.is_multiple_of(2).then(|| day("2024-03-04")),
        buyer: Party {
            name: "ТОО \"Вымысел Прибор\"".to_owned(),
            identifier: "180640012345".to_owned(),
            country: Some(Country::KZ),
            address: "Алматы, ул. Примерная 5".to_owned(),
            phone: "+7 700 000 00 00".to_owned(),
            email: "a@vymysel.example".to_owned(),
        },
        consignee: Party { name: "Склад".to_owned(), ..Party::default() },
        end_user: Party::default(),
        payer: Party { country: Some(Country::RU), ..Party::default() },
        destination_country: Some(Country::KZ),
        incoterms: "DAP".to_owned(),
        hs_code: HsCode::from_digits("85423190"),
        description: "integrated circuits".to_owned(),
        brand: "Norvex".to_owned(),
        part_number: "NO38-C8421".to_owned(),
        gtin: "04006381333931".to_owned(),
        serial_numbers: vec!["A1".to_owned(), "A2-A9".to_owned()],
        lot_numbers: vec!["L7".to_owned()],
        quantity: "621.5".parse().unwrap(),
        unit: Unit::Piece,
        net_weight_kg: Some("2.480001".parse().unwrap()),
        value: Some(Amount::from_whole(i64::from(number) + 1)),
        currency: "EUR".to_owned(),
        export_declaration: "24DE000000000001".to_owned(),
        no_reexport_clause: [None, Some(true), Some(false)][number as usize % 3],
    }
}

pub fn shipment(number: u32) -> ShipmentLine {
    let order = order(number);
    ShipmentLine {
        key: document_key(number),
        date: day("2024-05-01"),
        consignor: order.buyer,
        consignee: Party { name: "ООО \"Пример\"".to_owned(), country: Some(Country::RU), ..Party::default() },
        hs_code: order.hs_code,
        description: order.description,
        brand: order.brand,
        part_number: order.part_number,
        gtin: order.gtin,
        serial_numbers: order.serial_numbers,
        lot_numbers: order.lot_numbers,
        quantity: order.quantity,
        unit: Unit::Kilogram,
        net_weight_kg: None,
        value: None,
        currency: "USD".to_owned(),
        source_declaration: "55301/010424/0001234/1".to_owned(),
        carrier_name: "Степь Транс".to_owned(),
    }
}

pub fn document_key(number: u32) -> DocumentKey {
    DocumentKey {
        number: format!("D/{number:05}"),
        line_no: 1 + number % 2,
        kind: DocumentKind::ALL[number as usize % DocumentKind::ALL.len()],
        feed: ["", "feed-b"][number as usize % 2].to_owned(),
    }
}

pub fn company(number: u32) -> Company {
    Company {
        identifier: format!("18064{number:07}"),
        country: Some(Country::KZ),
        name: "Вымысел Прибор".to_owned(),
        name_latin: "Vymysel Pribor".to_owned(),
        registered: Some(day("2018-06-01")),
        address: "Алматы".to_owned(),
        phone: "+7 700 000 00 00".to_owned(),
        director: "Иванов И.".to_owned(),
        owners: vec!["Петров П.".to_owned(), "Омаров О.".to_owned()],
        activity_code: "46690".to_owned(),
        status: "active".to_owned(),
    }
}

pub fn finding(tenant: &str, number: u32) -> Finding {
    let evidence =
        |kind, bits| Evidence { kind, ours: "здесь".to_owned(), theirs: "there".to_owned(), bits: Bits(bits) };
    let link = Link {
        onward: document_key(7),
        onward_date: day("2024-06-01"),
        onward_consignee: "ООО \"Пример\"".to_owned(),
        onward_country: Some(Country::RU),
        path: vec![document_key(1), document_key(2)],
        quantity: "3.000001".parse().unwrap(),
        unit: Unit::Piece,
        probability: Probability::from_f64(0.871_234),
        evidence: vec![evidence(EvidenceKind::Prior, -3_100), evidence(EvidenceKind::HsCode, 4_200)],
    };
    let rejected = RejectedAlternative {
        onward: document_key(7),
        instead: number.is_multiple_of(2).then(|| order_key(9)),
        quantity: Amount::from_whole(2),
        bits_ahead: Bits(-1_500),
    };
    let indicator = IndicatorResult {
        indicator: "new_buyer".to_owned(),
        outcome: [IndicatorOutcome::Raised, IndicatorOutcome::Clear, IndicatorOutcome::NotComputable]
            [number as usize % 3],
        detail: "first order 12 days after registration".to_owned(),
    };
    Finding {
        tenant: tenant.to_owned(),
        order: order_key(number),
        score: Probability::from_f64(f64::from(number % 1000) / 999.0),
        level: [Level::None, Level::Low, Level::Medium, Level::High][number as usize % 4],
        priority: Amount::from_millionths(i64::from(number) * 1_234_567),
        attributed: Amount::from_whole(3),
        attributed_low: Amount::from_whole(1),
        attributed_high: Amount::from_whole(5),
        unit: Unit::Piece,
        kind: FindingKind::ThroughIntermediary,
        links: vec![link],
        rejected: vec![rejected],
        indicators: vec![indicator],
        summary: "3 PCE went on through another firm".to_owned(),
        limits_reached: vec!["500 candidates".to_owned()],
        engine_version: "0.1.0".to_owned(),
        policy_version: "7".to_owned(),
        case_hash: [number as u8; 32],
    }
}

pub fn orders_batch(request_id: &str, numbers: std::ops::Range<u32>) -> Batch {
    let records = numbers.map(|number| Record::Order(Box::new(order(number)))).collect();
    Batch { request_id: request_id.to_owned(), records }
}

fn day(text: &str) -> Day {
    Day::parse_iso(text).unwrap()
}
