//! The service on the wire: gRPC in, gRPC out. tonic and prost live only here.
//!
//! Come here to serve an engine ([`serve`]), to call a server ([`Client`]), or to see what the service asks of the
//! engine behind it ([`Engine`]). The contract itself is `proto/onward/v1`. What records mean and how they are judged
//! are other rooms.
//!
//! The way of a call: `connections` (TLS) -> `web` (only where pages may call) -> `guard` (deadline, limits by `places`,
//! turns, end) -> `access` (who, and may they, by `permissions`) -> a service -> `identity` (which tenant) -> `from_proto` -> the engine -> `to_proto`, or `errors`.

mod access;
mod addresses;
mod alert_service;
mod audit_client;
mod audit_service;
mod changes;
mod client;
mod codec;
mod connections;
mod drain;
mod engine;
mod errors;
mod evidence_pack;
mod explain;
mod frame_meter;
mod from_proto;
mod guard;
#[doc(hidden)]
pub mod hostile;
mod identity;
mod ingest;
mod ingest_client;
mod job_client;
mod jobs;
mod list_service;
mod page;
mod permissions;
mod places;
mod records_services;
mod request_body;
mod review_client;
mod reviewing;
mod screening_service;
mod serve;
mod service;
mod tls;
mod to_proto;
mod turns;
mod unsent;
mod watch;
mod watch_client;
mod web;
pub mod wire;

pub use audit_client::{PackError, ReceivedPack};
pub use client::{Client, ClientError, ClientOptions, FindingPage, Secret};
pub use engine::{
    Acknowledged, CompanyName, CursorError, Dossier, Engine, EngineError, JobStarted, RecordOutcome, SubscriptionState,
};
pub use errors::{ERROR_DOMAIN, reason_of, reason_word};
pub use from_proto::NotUnderstood;
pub use identity::{CALLER_UNKNOWN, TENANT_METADATA};
pub use ingest::{BATCHES_PER_STREAM_MAX, RECORDS_PER_BATCH_MAX, REQUEST_ID_BYTES_MAX, is_request_id};
pub use ingest_client::{Batch, BatchReport, IngestSummary, RecordKind};
pub use job_client::JobResults;
pub use page::{PAGE_BYTES_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
pub use permissions::{Need, need_of, served_calls};
pub use serve::{MESSAGE_BYTES_MAX, SERVICES, ServeError, ServeOptions, reload, serve};
pub use tls::{ServerTls, TlsFault, TlsFiles};
pub use watch_client::{Watch, Watched};

/// Asks the engine on a thread that may block.
async fn read<E: Engine, T: Send + 'static>(
    engine: &E,
    ask: impl FnOnce(&E) -> Result<T, EngineError> + Send + 'static,
) -> Result<T, tonic::Status> {
    let (engine, turn) = (engine.clone(), turns::turn_to_read().await);
    let reading = move || {
        // Kept to the end of the work, also when nobody waits for it any more.
        let _turn = turn;
        ask(&engine)
    };
    let answer = tokio::task::spawn_blocking(reading).await;
    answer.map_err(|error| errors::internal(&error.to_string()))?.map_err(|error| errors::of_engine(&error))
}
