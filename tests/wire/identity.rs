//! Who may call: keys and certificates over TLS, roles, and open streams whose caller may no longer have them.

use onward::api::wire::alert_service_client::AlertServiceClient;
use onward::api::wire::audit_service_client::AuditServiceClient;
use onward::api::wire::order_service_client::OrderServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::{
    GetOrderRequest, IngestOrdersRequest, ListEntriesRequest, ListOrdersRequest, WaitUntilScreenedRequest,
    WatchAlertsRequest, WatchAlertsResponse,
};
use onward::api::{Client, ClientError, ClientOptions, Secret, ServeOptions, TENANT_METADATA, need_of, served_calls};
use onward::api::{RecordKind, SERVICES};
use onward::identity::{Permission, Role};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};

use crate::fake::Fake;
use crate::house::{Authority, House, NOON, client, key_of, keyed_principal, principal, secure_client};
use crate::setup::{PATIENCE, is, options, order_key, orders_batch, told};

fn household() -> Vec<String> {
    vec![
        principal("erp", "alma", r#""ingest""#),
        principal("desk", "alma", r#""analyst""#),
        principal("books", "alma", r#""auditor""#),
        principal("other", "birch", r#""analyst", "ingest""#),
    ]
}

async fn list_orders(client: &Client) -> Result<usize, Status> {
    let mut orders = OrderServiceClient::new(client.channel());
    let answer = orders.list_orders(client.request(ListOrdersRequest::default())).await?;
    Ok(answer.into_inner().orders.len())
}

async fn list_entries(client: &Client) -> Result<usize, Status> {
    let mut audit = AuditServiceClient::new(client.channel());
    let answer = audit.list_entries(client.request(ListEntriesRequest::default())).await?;
    Ok(answer.into_inner().entries.len())
}

async fn watch(client: &Client) -> Streaming<WatchAlertsResponse> {
    let mut alerts = AlertServiceClient::new(client.channel());
    alerts.watch_alerts(client.request(WatchAlertsRequest::default())).await.unwrap().into_inner()
}

/// How a stream ends; what it says before is passed over.
async fn ending<M>(stream: &mut Streaming<M>) -> (Code, String) {
    let end = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return is(Code::Ok, ""),
                Err(status) => return told(&status),
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("the stream must end")
}

async fn ingest_one(client: &Client, request_id: &str) -> Result<u64, ClientError> {
    let (batches, receiver) = mpsc::channel(1);
    batches.send(orders_batch(request_id, 0..1)).await.unwrap();
    drop(batches);
    Ok(client.ingest(RecordKind::Orders, receiver, |_| {}).await?.stored)
}

#[tokio::test]
async fn the_tenant_comes_from_the_credential() {
    let (engine, house) = (Fake::new(), House::new(&household()));
    let server = house.serve(&engine, house.options()).await;
    assert_eq!(ingest_one(&client(&server, "erp").await, "a").await.unwrap(), 1);
    assert_eq!(list_orders(&client(&server, "desk").await).await.unwrap(), 1);
    let other = client(&server, "other").await;
    assert_eq!(list_orders(&other).await.unwrap(), 0);
    // The same order of somebody else is new to this tenant, not a conflict.
    assert_eq!(ingest_one(&other, "a").await.unwrap(), 1);
    assert_eq!(engine.state().orders.keys().map(|(tenant, _)| tenant.as_str()).collect::<Vec<_>>(), ["alma", "birch"]);
}

#[tokio::test]
async fn a_request_cannot_choose_its_tenant() {
    let house = House::new(&household());
    let server = house.serve(&Fake::new(), house.options()).await;
    let desk = client(&server, "desk").await;
    let named = |tenants: &[&str]| {
        let mut request = desk.request(ListOrdersRequest::default());
        for tenant in tenants {
            request.metadata_mut().append(TENANT_METADATA, MetadataValue::try_from(*tenant).unwrap());
        }
        let mut orders = OrderServiceClient::new(desk.channel());
        async move { orders.list_orders(request).await }
    };
    assert!(named(&["alma"]).await.is_ok());
    // Whether the other one exists, and whether it can, makes no difference.
    let mut answers = Vec::new();
    for tenants in [&["birch"][..], &["nobody"], &["No Name"], &["alma", "birch"]] {
        let status = named(tenants).await.unwrap_err();
        assert_eq!(told(&status), is(Code::PermissionDenied, "TENANT_NOT_YOURS"), "{tenants:?}");
        answers.push((status.message().to_owned(), status.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn credentials_that_are_no_good_are_refused_alike() {
    let house =
        House::new(&[household(), vec![keyed_principal("past", "alma", r#""analyst""#, "2026-06-14")]].concat());
    let server = house.serve(&Fake::new(), house.options()).await;
    let mut orders = OrderServiceClient::new(client(&server, "desk").await.channel());
    let mut ask = async |values: &[&str]| {
        let mut request = Request::new(ListOrdersRequest::default());
        for value in values {
            request.metadata_mut().append("authorization", MetadataValue::try_from(*value).unwrap());
        }
        orders.list_orders(request).await.map(drop).map_err(|status| (told(&status), status.details().to_vec()))
    };
    let good = format!("Bearer {}", key_of("desk"));
    assert!(ask(&[&good]).await.is_ok());
    assert!(ask(&[&good.replace("Bearer", "bearer")]).await.is_ok());
    assert_eq!(ask(&[]).await.unwrap_err().0, is(Code::Unauthenticated, "CREDENTIAL_MISSING"));
    let past = format!("Bearer {}", key_of("past"));
    let bad: [&[&str]; 8] = [
        &[&past],
        &["Bearer onward_unknown"],
        &["Bearer a.b.c"],
        &["Bearer "],
        &["Bearer"],
        &["Basic ZGVzazpkZXNr"],
        &[&good, &good],
        &[""],
    ];
    let first = ask(bad[0]).await.unwrap_err();
    assert_eq!(first.0, is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    for values in bad {
        assert_eq!(ask(values).await.unwrap_err(), first, "{values:?}");
    }
}

#[tokio::test]
async fn roles_open_their_own_doors_only() {
    let house = House::new(&household());
    let server = house.serve(&Fake::new(), house.options()).await;
    let (erp, desk, books) =
        (client(&server, "erp").await, client(&server, "desk").await, client(&server, "books").await);
    assert_eq!(told(&list_orders(&erp).await.unwrap_err()), is(Code::PermissionDenied, "ROLE_MISSING"));
    assert!(list_orders(&desk).await.is_ok() && list_orders(&books).await.is_ok());
    assert_eq!(told(&list_entries(&desk).await.unwrap_err()), is(Code::PermissionDenied, "ROLE_MISSING"));
    assert!(list_entries(&books).await.is_ok());
    let refused = ingest_one(&desk, "a").await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { reason: Some(reason), .. } if reason == "ROLE_MISSING"),
        "{refused}"
    );
    // Everybody may wait for the records to be judged.
    for client in [erp, desk, books] {
        client.wait_until_screened().await.unwrap();
    }
}

#[test]
fn the_table_names_every_call_of_the_contract_and_no_other() {
    use prost::Message;
    let set = prost_types::FileDescriptorSet::decode(onward::api::wire::DESCRIPTOR_SET).unwrap();
    let mut calls: Vec<_> = served_calls().collect();
    for file in set.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            assert!(SERVICES.contains(&name.as_str()), "{name}");
            for method in &service.method {
                let path = format!("/{name}/{}", method.name());
                assert!(need_of(&path).is_some(), "{path} has no row");
                calls.retain(|call| *call != path);
            }
        }
    }
    calls.retain(|call| !call.starts_with("/grpc.health.v1.") && !call.starts_with("/grpc.reflection.v1."));
    assert!(calls.is_empty(), "not in the contract: {calls:?}");
    for path in
        ["", "/", "/onward.v1.OrderService", "/onward.v1.OrderService/getOrder", "onward.v1.OrderService/GetOrder"]
    {
        assert_eq!(need_of(path), None, "{path}");
    }
    assert!(Role::ALL.iter().all(|role| role.allows().contains(&Permission::Connect)));
}

#[tokio::test]
async fn unknown_calls_are_refused_with_a_reason() {
    let server = House::new(&household());
    let server = server.serve(&Fake::new(), options()).await;
    let mut grpc = tonic::client::Grpc::new(server.client().await.channel());
    grpc.ready().await.unwrap();
    let path = "/onward.v1.OrderService/DropOrders".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<ListOrdersRequest, ListOrdersRequest>::default();
    let status = grpc.unary(Request::new(ListOrdersRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unimplemented, "NOT_IMPLEMENTED"));
}

#[tokio::test]
async fn open_streams_end_when_their_right_does() {
    let (engine, house) = (Fake::new(), House::new(&household()));
    let server = house.serve(&engine, house.options()).await;
    let (desk, erp) = (client(&server, "desk").await, client(&server, "erp").await);
    engine.set_settled(false);
    let mut watching = watch(&desk).await;
    watching.message().await.unwrap();
    let (requests, receiver) = mpsc::channel::<IngestOrdersRequest>(1);
    let mut orders = OrderServiceClient::new(erp.channel());
    let mut ingest = orders.ingest_orders(erp.request(ReceiverStream::new(receiver))).await.unwrap().into_inner();
    let books = client(&server, "books").await;
    let waiting = tokio::spawn(async move {
        let mut screening = ScreeningServiceClient::new(books.channel());
        screening.wait_until_screened(books.request(WaitUntilScreenedRequest {})).await.unwrap_err()
    });
    let mut unharmed = watch(&client(&server, "other").await).await;
    unharmed.message().await.unwrap();
    house.admit(&[
        // Another role, another tenant under the same key, and gone.
        principal("desk", "alma", r#""ingest""#),
        principal("erp", "birch", r#""ingest""#),
        principal("other", "birch", r#""analyst""#),
    ]);
    assert_eq!(ending(&mut watching).await, is(Code::PermissionDenied, "ROLE_MISSING"));
    assert_eq!(ending(&mut ingest).await, is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    assert_eq!(told(&waiting.await.unwrap()), is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    engine.raise("birch", order_key(1));
    assert!(unharmed.message().await.unwrap().is_some(), "the others go on");
    drop(requests);
}

#[tokio::test]
async fn open_streams_end_with_the_last_day_of_their_key() {
    let (engine, house) = (Fake::new(), House::new(&household()));
    let server = house.serve(&engine, house.options()).await;
    let mut watching = watch(&client(&server, "desk").await).await;
    watching.message().await.unwrap();
    house.clock.set(NOON + 10 * 86_400_000);
    assert_eq!(ending(&mut watching).await, is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    // What comes after is not delivered to anybody who was there before.
    engine.raise("alma", order_key(1));
    let refused = list_orders(&client(&server, "desk").await).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
}

#[tokio::test]
async fn a_principals_file_with_a_fault_locks_nobody_out() {
    let house = House::new(&household());
    let server = house.serve(&Fake::new(), house.options()).await;
    let desk = client(&server, "desk").await;
    let mut watching = watch(&desk).await;
    watching.message().await.unwrap();
    house.write("principals.toml", "[[principal]]\nname = \"desk\"\n");
    // The next good file takes effect, so the bad one has been read or passed over by then.
    house.write("principals.toml.note", "");
    assert!(list_orders(&desk).await.is_ok());
    house.admit(&household()[..1]);
    assert_eq!(ending(&mut watching).await, is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
}

fn bearer(principal: &str) -> ClientOptions {
    ClientOptions { secret: Secret::new(&key_of(principal)), ..ClientOptions::default() }
}

#[tokio::test]
async fn keys_travel_over_tls_and_clients_know_the_server() {
    let (house, authority) = (House::new(&household()), Authority::new("our authority"));
    house.certify(&authority);
    let server = house.serve(&Fake::new(), ServeOptions { tls: Some(house.tls(None)), ..house.options() }).await;
    let desk = secure_client(&server, &authority, bearer("desk")).await.unwrap();
    assert_eq!(list_orders(&desk).await.unwrap(), 0);
    // Somebody else's authority, and no TLS at all.
    let stranger = secure_client(&server, &Authority::new("another"), bearer("desk")).await.unwrap_err();
    assert!(matches!(stranger, ClientError::Unreachable(_)), "{stranger}");
    let in_the_clear = Client::connect_with(&format!("http://{}", server.address), bearer("desk")).await;
    let answer = match in_the_clear {
        Ok(client) => list_orders(&client).await.map_err(|status| status.to_string()),
        Err(error) => Err(error.to_string()),
    };
    assert!(answer.is_err());
}

fn showing(certificate: &(String, String)) -> ClientOptions {
    let (certificate, key) = certificate.clone();
    ClientOptions { certificate: Some((certificate.into_bytes(), key.into_bytes())), ..ClientOptions::default() }
}

#[tokio::test]
async fn client_certificates_are_known_by_their_names() {
    let (house, authority, clients) = (House::new(&[]), Authority::new("ours"), Authority::new("clients"));
    house.certify(&authority);
    let certified = "[[principal]]\nname = \"erp\"\ntenant = \"alma\"\nroles = [\"analyst\"]\n\
                     certificates = [\"erp.alma.example\"]\n";
    house.admit(&[certified.to_owned(), principal("desk", "birch", r#""auditor""#)]);
    let tls = Some(house.tls(Some(&clients)));
    let server = house.serve(&Fake::new(), ServeOptions { tls, ..house.options() }).await;
    let erp = clients.certify("erp", &["erp.alma.example"]);
    let client = secure_client(&server, &authority, showing(&erp)).await.unwrap();
    assert_eq!(list_orders(&client).await.unwrap(), 0);
    assert_eq!(told(&list_entries(&client).await.unwrap_err()), is(Code::PermissionDenied, "ROLE_MISSING"));
    // The common name is not a name.
    let unnamed = clients.certify("erp.alma.example", &["else.alma.example"]);
    let client = secure_client(&server, &authority, showing(&unnamed)).await.unwrap();
    assert_eq!(told(&list_orders(&client).await.unwrap_err()), is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    // Signed by somebody else: the connection does not come about.
    let forged = Authority::new("clients").certify("erp", &["erp.alma.example"]);
    let client = secure_client(&server, &authority, showing(&forged)).await;
    let answer = match client {
        Ok(client) => list_orders(&client).await.map_err(|status| told(&status)),
        Err(_) => Err(is(Code::Unavailable, "")),
    };
    assert!(answer.as_ref().is_err_and(|(_, reason)| reason.is_empty()), "{answer:?}");
    // A key goes before the certificate, and a bad key is not made good by it.
    let both = ClientOptions { secret: Secret::new(&key_of("desk")), ..showing(&erp) };
    assert!(list_entries(&secure_client(&server, &authority, both).await.unwrap()).await.is_ok());
    let bad_key = ClientOptions { secret: Secret::new("onward_unknown"), ..showing(&erp) };
    let client = secure_client(&server, &authority, bad_key).await.unwrap();
    assert_eq!(told(&list_orders(&client).await.unwrap_err()), is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    // None at all.
    let client = secure_client(&server, &authority, ClientOptions::default()).await.unwrap();
    assert_eq!(told(&list_orders(&client).await.unwrap_err()), is(Code::Unauthenticated, "CREDENTIAL_MISSING"));
}

#[tokio::test]
async fn certificates_are_renewed_while_serving() {
    let (house, first, second) = (House::new(&household()), Authority::new("first"), Authority::new("second"));
    house.certify(&first);
    let tls = house.tls(None);
    let server = house.serve(&Fake::new(), ServeOptions { tls: Some(tls.clone()), ..house.options() }).await;
    let early = secure_client(&server, &first, bearer("desk")).await.unwrap();
    let mut watching = watch(&early).await;
    watching.message().await.unwrap();
    // Half of the change is no change: the key does not go with the certificate.
    let (certificate, key) = second.certify("localhost", &["localhost"]);
    house.write("server.pem", &certificate);
    let refused = tls.reload();
    assert!(!matches!(refused, Ok(true)), "{refused:?}");
    secure_client(&server, &first, bearer("desk")).await.unwrap();
    house.write("server.key", &key);
    // The server may have read the files before us.
    tls.reload().unwrap();
    let late = secure_client(&server, &second, bearer("desk")).await.unwrap();
    assert_eq!(list_orders(&late).await.unwrap(), 0);
    assert!(secure_client(&server, &first, bearer("desk")).await.is_err());
    assert_eq!(list_orders(&early).await.unwrap(), 0, "open connections go on");
    drop(watching);
}

#[tokio::test]
async fn open_streams_end_with_the_authority_behind_their_certificate() {
    let (house, authority, clients) = (House::new(&[]), Authority::new("ours"), Authority::new("clients"));
    house.certify(&authority);
    let certified = "[[principal]]\nname = \"erp\"\ntenant = \"alma\"\nroles = [\"analyst\"]\n\
                     certificates = [\"erp.alma.example\"]\n";
    house.admit(&[certified.to_owned()]);
    let tls = Some(house.tls(Some(&clients)));
    let server = house.serve(&Fake::new(), ServeOptions { tls, ..house.options() }).await;
    let erp = clients.certify("erp", &["erp.alma.example"]);
    let client = secure_client(&server, &authority, showing(&erp)).await.unwrap();
    let mut watching = watch(&client).await;
    watching.message().await.unwrap();
    house.write("clients.pem", &Authority::new("others").pem);
    assert_eq!(ending(&mut watching).await, is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
    let mut orders = OrderServiceClient::new(client.channel());
    let status = orders.get_order(client.request(GetOrderRequest::default())).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unauthenticated, "CREDENTIAL_REFUSED"));
}
