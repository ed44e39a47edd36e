//! Checkpoints of the trail, over the wire and against the trail as it is stored.

use std::sync::Arc;

use onward::api::wire::audit_service_client::AuditServiceClient;
use onward::api::wire::{GetCheckpointRequest, GetCheckpointResponse};
use onward::api::{Batch, Engine, EngineError};
use onward::audit::verify;
use onward::screening::{Service, ServiceOptions};
use onward::store::{Store, StoreOptions};
use tonic::{Code, Status};

use crate::fake::Fake;
use crate::setup::{Server, is, orders_batch, told};

async fn checkpoint(server: &Server, tenant: &str) -> Result<GetCheckpointResponse, Status> {
    let client = server.client_of(tenant).await;
    let request = client.request(GetCheckpointRequest::default());
    Ok(AuditServiceClient::new(client.channel()).get_checkpoint(request).await?.into_inner())
}

async fn accept(service: &Service, tenant: &str, batch: Batch) {
    Engine::accept(service, tenant, &batch.request_id, batch.records).await.unwrap();
    service.settled().await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_is_a_place_of_the_trail_and_tells_nothing_of_others() {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_250)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let server = Server::start(&service).await;
    let nothing = GetCheckpointResponse { sequence: 0, hash: vec![0; 32], create_time: None };
    assert_eq!(checkpoint(&server, "alma").await.unwrap(), nothing);

    accept(&service, "birch", orders_batch("b1", 0..3)).await;
    accept(&service, "alma", orders_batch("a1", 0..2)).await;
    let noted = checkpoint(&server, "alma").await.unwrap();
    let time = noted.create_time.unwrap();
    assert_eq!((time.seconds, time.nanos), (1_700_000_000, 250_000_000));
    // Whoever holds the trail finds it there: what was noted is the head of the trail up to then.
    let trail = service.store().snapshot().unwrap().audit_entries(0, 1_000).unwrap();
    let head = verify(&trail).unwrap();
    assert_eq!((noted.sequence, &noted.hash[..]), (head.sequence, &head.hash[..]));

    let theirs = checkpoint(&server, "birch").await.unwrap();
    let own = service.store().snapshot().unwrap().tenant("birch").unwrap().audit_entries(0, 1_000).unwrap();
    assert_eq!((theirs.sequence, &theirs.hash[..]), (own.last().unwrap().sequence, &own.last().unwrap().hash[..]));
    assert!(theirs.sequence < noted.sequence);

    accept(&service, "birch", orders_batch("b2", 3..6)).await;
    assert_eq!(checkpoint(&server, "alma").await.unwrap(), noted, "what others do must not show");
    assert_eq!(checkpoint(&server, "cedar").await.unwrap(), nothing, "as if nobody else were there");
    accept(&service, "alma", orders_batch("a2", 6..8)).await;
    let later = checkpoint(&server, "alma").await.unwrap();
    let trail = service.store().snapshot().unwrap().audit_entries(0, 1_000).unwrap();
    let head = verify(&trail).unwrap();
    assert_eq!((later.sequence, &later.hash[..]), (head.sequence, &head.hash[..]));
    assert!(later.sequence > noted.sequence);
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_is_a_fault_and_not_an_empty_one() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    engine.state().stumble = Some(EngineError::Fault { cause: "sector 7".to_owned() });
    assert_eq!(told(&checkpoint(&server, "alma").await.unwrap_err()), is(Code::Internal, "INTERNAL"));
}
