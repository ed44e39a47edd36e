//! The server: puts services, limits and the guard together, serves, and ends well.
//!
//! Come here for the limits of a server and for what happens when it is told to stop. Listening is the caller's; so is
//! whether others than this machine may connect.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::access::{Door, RECHECK_INTERVAL};
use super::alert_service::Alerts;
use super::audit_service::{Audit, PACKS_MAX};
use super::connections::{self, ConnectionLimits};
use super::drain::{Drain, DrainControl, Phase};
use super::engine::Engine;
use super::guard::{CallLimits, Guard};
use super::ingest::IngestLimits;
use super::list_service::Lists;
use super::places::Places;
use super::records_services::{Companies, Orders, RecordsService, Shipments};
use super::screening_service::{JudgingTurns, Screening};
use super::tls::ServerTls;
use super::turns::Turns;
use super::watch;
use super::web;
use super::wire::{
    self, alert_service_server::AlertServiceServer, audit_service_server::AuditServiceServer,
    company_service_server::CompanyServiceServer, list_service_server::ListServiceServer,
    order_service_server::OrderServiceServer, screening_service_server::ScreeningServiceServer,
    shipment_service_server::ShipmentServiceServer,
};
use crate::identity::{Identities, Reloaded};
use crate::model::StoreCondition;

/// Most bytes of one message from a client.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of the metadata of one call.
const METADATA_BYTES_MAX: u32 = 16 * 1024;
/// How much a client may send on one stream before the server has read it. Small: many streams may be frozen.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same for all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Most bytes of one frame.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// How many calls that their client took back before they began may wait to be forgotten. One more ends the connection:
/// that is what is done about rapid resets.
const TAKEN_BACK_MAX: usize = 20;
/// How many calls of a connection may be reset because of what its client did wrong. One more ends the connection.
const RESET_FOR_FAULTS_MAX: usize = 1024;
/// How often a silent connection is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Who may call, and the limits of a server.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Who is known. Default: nobody is asked, and callers name their tenant; only for a service that no other machine
    /// can reach.
    pub identities: Option<Identities>,
    /// How connections are encrypted. Default: not at all.
    pub tls: Option<ServerTls>,
    /// Origins of the pages that may call from browsers, such as `https://desk.acme.example`. Default: none, and then
    /// neither gRPC-Web nor HTTP/1 is spoken. One that no header can carry is none.
    pub web_origins: Vec<String>,
    /// Most open connections. Default: 1,024.
    pub connections_max: usize,
    /// Most open connections from one address. Default: 512.
    pub connections_per_address_max: usize,
    /// How long a client may take for its TLS handshake, then for the opening of HTTP/2, and for the headers of each
    /// call once they have begun. Default: 10 s.
    pub opening_max: Duration,
    /// Most open calls on one connection. Default: 256.
    pub calls_per_connection_max: u32,
    /// Most open calls, streams included. Default: 2,048. A tenant has at most three quarters of these places and of
    /// those below, and less while others have some: see `places`.
    pub calls_max: usize,
    /// Most open calls that are no streams: at work or waiting for their turn. Default: 256.
    pub requests_max: usize,
    /// Most open alert watches. Default: 1,024.
    pub watches_max: usize,
    /// Most batches that are taken in at a time; beyond that clients are told to slow down. Default: 64.
    pub batches_max: usize,
    /// How long stopping may take. Default: 5 s. Streams end at once; calls that still run after three fifths of it
    /// are answered with UNAVAILABLE, connections that are still there after four fifths are closed.
    pub drain_max: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            identities: None,
            tls: None,
            web_origins: Vec::new(),
            connections_max: 1_024,
            connections_per_address_max: 512,
            opening_max: Duration::from_secs(10),
            calls_per_connection_max: 256,
            calls_max: 2_048,
            requests_max: 256,
            watches_max: 1_024,
            batches_max: 64,
            drain_max: Duration::from_secs(5),
        }
    }
}

/// Why a server could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The description of the services is broken: a fault of the build.
    #[error("the description of the services cannot be read: {0}")]
    Descriptors(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `shutdown` is done, then ends within `options.drain_max`: health says NOT_SERVING, streams end with
/// everything that a client needs to come back, nothing that was acknowledged is lost.
pub async fn serve<E: Engine>(
    listener: TcpListener,
    engine: E,
    shutdown: impl Future<Output = ()>,
    options: ServeOptions,
) -> Result<(), ServeError> {
    let (control, drain) = DrainControl::new();
    let (health, routes) = routes(&engine, &options, &drain).await?;
    let door = Door { identities: options.identities.clone() };
    let service = Guard::new(routes, door, CallLimits::new(options.calls_max, options.requests_max), drain.clone());
    let limits = ConnectionLimits {
        connections_max: options.connections_max,
        per_address_max: options.connections_per_address_max,
        opening_max: options.opening_max,
    };
    let incoming = connections::incoming(listener, options.tls.clone(), limits, drain.clone());
    let stopping = {
        let drain = drain.clone();
        async move { drain.reached(Phase::Ending).await }
    };
    let builder = Server::builder()
        .max_concurrent_streams(options.calls_per_connection_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(METADATA_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(TAKEN_BACK_MAX))
        .http2_max_local_error_reset_streams(Some(RESET_FOR_FAULTS_MAX))
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1));
    let serving: Pin<Box<dyn Future<Output = Result<(), tonic::transport::Error>> + Send>> =
        if options.web_origins.is_empty() {
            Box::pin(builder.serve_with_incoming_shutdown(service, incoming, stopping))
        } else {
            let service = web::for_browsers(service, &options.web_origins);
            Box::pin(builder.accept_http1(true).serve_with_incoming_shutdown(service, incoming, stopping))
        };
    engine.let_jobs_work(true);
    let (conditions, telling, draining_now) = (engine.condition(), health.clone(), drain.clone());
    let draining = async {
        shutdown.await;
        tracing::info!("stopping");
        engine.let_jobs_work(false);
        drain_in_phases(&control, &health, options.drain_max).await;
    };
    tokio::select! {
        biased;
        served = serving => {
            // Connections that the transport has let go of must not outlive the server.
            control.enter(Phase::Over);
            served?;
        }
        () = draining => tracing::warn!("stopped with connections still open"),
        () = keep_current(&options) => {}
        () = keep_health_true(conditions, &telling, &draining_now) => {}
    }
    tracing::info!("stopped");
    Ok(())
}

/// Reads the files of identities and TLS again and again, for ever.
async fn keep_current(options: &ServeOptions) {
    loop {
        tokio::time::sleep(RECHECK_INTERVAL).await;
        let (identities, tls) = (options.identities.clone(), options.tls.clone());
        if identities.is_none() && tls.is_none() {
            return std::future::pending().await;
        }
        let reading = tokio::task::spawn_blocking(move || reload(identities.as_ref(), tls.as_ref()));
        if let Err(error) = reading.await {
            tracing::error!(%error, "the files of identities and TLS could not be read again");
        }
    }
}

/// Says for ever which services can do what they are there for: while nothing can be stored, those that take records
/// cannot. Reading and watching go on, so that the server as a whole serves.
async fn keep_health_true(mut conditions: channel::Receiver<StoreCondition>, health: &HealthReporter, drain: &Drain) {
    loop {
        let condition = *conditions.borrow_and_update();
        if drain.has_reached(Phase::Ending) {
            return std::future::pending().await;
        }
        let status = match condition {
            StoreCondition::Writable => ServingStatus::Serving,
            StoreCondition::Full | StoreCondition::Broken => ServingStatus::NotServing,
        };
        for service in TAKING_SERVICES {
            health.set_service_status(service, status).await;
        }
        if conditions.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Reads the files of identities and TLS again, and says in the log what came of it. A served server does this by
/// itself twice a second.
pub fn reload(identities: Option<&Identities>, tls: Option<&ServerTls>) {
    match identities.map(Identities::reload) {
        Some(Ok(Reloaded::Changed { principal_count })) => tracing::info!(principal_count, "principals changed"),
        Some(Err(faults)) => tracing::error!(%faults, "the principals stay as they were"),
        Some(Ok(Reloaded::Unchanged)) | None => {}
    }
    match tls.map(ServerTls::reload) {
        Some(Ok(true)) => tracing::info!("certificates changed"),
        Some(Err(fault)) => tracing::error!(%fault, "the certificates stay as they were"),
        Some(Ok(false)) | None => {}
    }
}

async fn drain_in_phases(control: &DrainControl, health: &HealthReporter, drain_max: Duration) {
    for service in std::iter::once("").chain(SERVICES) {
        health.set_service_status(service, ServingStatus::NotServing).await;
    }
    control.enter(Phase::Ending);
    tokio::time::sleep(drain_max * 3 / 5).await;
    control.enter(Phase::Cutting);
    tokio::time::sleep(drain_max / 5).await;
    control.enter(Phase::Over);
    tokio::time::sleep(drain_max / 10).await;
}

/// The services of `onward.v1`, as health and reflection name them.
pub const SERVICES: [&str; 7] = [
    OrderServiceServer::<()>::NAME,
    ShipmentServiceServer::<()>::NAME,
    CompanyServiceServer::<()>::NAME,
    ScreeningServiceServer::<()>::NAME,
    AlertServiceServer::<()>::NAME,
    AuditServiceServer::<()>::NAME,
    ListServiceServer::<()>::NAME,
];

/// The services that take records.
const TAKING_SERVICES: [&str; 3] =
    [OrderServiceServer::<()>::NAME, ShipmentServiceServer::<()>::NAME, CompanyServiceServer::<()>::NAME];

/// Every service takes and gives gzip, and takes messages up to the limit.
macro_rules! with_limits {
    ($server:expr) => {
        $server
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
    };
}

async fn routes<E: Engine>(
    engine: &E,
    options: &ServeOptions,
    drain: &Drain,
) -> Result<(HealthReporter, Routes), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in SERVICES {
        health.set_service_status(service, ServingStatus::Serving).await;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let ingest = IngestLimits { batches: Places::new(options.batches_max), drain: drain.clone() };
    let alerts = Alerts {
        engine: engine.clone(),
        watches: Places::new(options.watches_max),
        reads: Turns::new(watch::READS_MAX),
        drain: drain.clone(),
    };
    let orders = RecordsService::<Orders, E>::new(engine.clone(), ingest.clone());
    let shipments = RecordsService::<Shipments, E>::new(engine.clone(), ingest.clone());
    let companies = RecordsService::<Companies, E>::new(engine.clone(), ingest);
    let judgements = JudgingTurns::new();
    let screening = Screening { engine: engine.clone(), judgements: judgements.clone(), drain: drain.clone() };
    let packs = Places::new(PACKS_MAX);
    let audit = Audit { engine: engine.clone(), judgements, packs };
    let routes = Routes::new(health_service)
        .add_service(reflection)
        .add_service(with_limits!(OrderServiceServer::new(orders)))
        .add_service(with_limits!(ShipmentServiceServer::new(shipments)))
        .add_service(with_limits!(CompanyServiceServer::new(companies)))
        .add_service(with_limits!(ScreeningServiceServer::new(screening)))
        .add_service(with_limits!(AlertServiceServer::new(alerts)))
        .add_service(with_limits!(AuditServiceServer::new(audit)))
        .add_service(with_limits!(ListServiceServer::new(Lists { engine: engine.clone() })))
        .prepare();
    Ok((health, routes))
}
