//! How findings changed, when and why, as clients ask for it.
//!
//! Come here when a page of changes looks wrong. Whether each cause is the right one is asked in the suite `changes`.

use std::collections::BTreeSet;
use std::sync::Arc;

use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::{self, ListFindingChangesRequest};
use onward::api::{Client, ClientError};
use onward::model::{CauseKind, Finding, FindingChange, OrderKey, Probability, Record, RecordName};
use onward::screening::{Service, ServiceOptions};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{AcceptBatch, Store, StoreOptions};
use tonic::Code;
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::setup::{Server, finding, is, order_key, told};

async fn all(client: &Client, order: Option<&OrderKey>, start_millis: u64, page_size: u32) -> Vec<FindingChange> {
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.finding_changes(order, start_millis, page_size, token).await.unwrap();
        let (changes, next) = page.expect("there must be a finding");
        assert!(page_size == 0 || changes.len() <= page_size as usize);
        seen.extend(changes);
        if next.is_empty() {
            return seen;
        }
        token = next;
    }
}

/// Five findings that change six times each, and another tenant's.
fn engine() -> Fake {
    let engine = Fake::new();
    for revision in 0..7 {
        for number in 0..5 {
            let score = Probability::from_f64(f64::from(revision) / 10.0);
            engine.put_finding(Finding { score, ..finding("alma", number) });
        }
        engine.put_finding(Finding { case_hash: [revision as u8; 32], ..finding("other", 1) });
    }
    engine
}

#[tokio::test]
async fn changes_come_in_their_order_and_in_pages() {
    let engine = engine();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let held = engine.state().changes["alma"].clone();
    let changed: Vec<FindingChange> = held.iter().filter(|change| change.revision > 1).cloned().collect();
    assert_eq!(changed.len(), 30);
    let of_order: Vec<FindingChange> = held.iter().filter(|change| change.order == order_key(2)).cloned().collect();
    for page_size in [0, 1, 4, 30, 1_000_000] {
        assert_eq!(all(&client, None, 0, page_size).await, changed, "page size {page_size}");
        assert_eq!(all(&client, Some(&order_key(2)), 0, page_size).await, of_order, "page size {page_size}");
    }
    // The first finding is told with its order line only: it replaces nothing.
    assert!(of_order[0].difference.before.is_none() && of_order[1].difference.before.is_some());
    let since = |changes: &[FindingChange]| -> Vec<FindingChange> {
        changes.iter().filter(|change| change.judged_at_millis.unwrap() >= 20_000).cloned().collect()
    };
    assert_eq!(all(&client, None, 20_000, 4).await, since(&changed));
    assert_eq!(all(&client, Some(&order_key(2)), 20_000, 1).await, since(&of_order));
    assert_eq!(all(&client, None, 10_000_000, 1).await, []);
}

#[tokio::test]
async fn page_tokens_belong_to_their_list() {
    let server = Server::start(&engine()).await;
    let client = server.client().await;
    let order = order_key(2);
    let token = |page: Option<(Vec<FindingChange>, String)>| page.unwrap().1;
    let of_all = token(client.finding_changes(None, 0, 2, String::new()).await.unwrap());
    let of_order = token(client.finding_changes(Some(&order), 0, 2, String::new()).await.unwrap());
    let wrong = [
        (None, 0, &of_order),
        (None, 5, &of_all),
        (Some(&order), 0, &of_all),
        (Some(&order), 5, &of_order),
        (Some(&order_key(3)), 0, &of_order),
    ];
    let expected = is(Code::InvalidArgument, "PAGE_TOKEN_INVALID");
    let mut others: Vec<_> =
        wrong.into_iter().map(|(order, start, token)| (client.clone(), order, start, token)).collect();
    others.push((server.client_of("other").await, None, 0, &of_all));
    for (client, order, start_millis, token) in others {
        match client.finding_changes(order, start_millis, 2, token.clone()).await {
            Err(ClientError::Refused { code, reason, .. }) => assert_eq!((code, reason.unwrap_or_default()), expected),
            other => panic!("{order:?} {start_millis}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_or_is_not_there_is_said() {
    let server = Server::start(&engine()).await;
    let client = server.client().await;
    let ask = async |request: ListFindingChangesRequest| {
        let mut screening = ScreeningServiceClient::new(client.channel());
        screening.list_finding_changes(client.request(request)).await.unwrap_err()
    };
    let key = |order_id: &str| Some(wire::OrderKey { order_id: order_id.to_owned(), line_no: 1 });
    let absent = ask(ListFindingChangesRequest { order: key("nobody"), ..Default::default() }).await;
    assert_eq!(told(&absent), is(Code::NotFound, "FINDING_NOT_FOUND"));
    assert_eq!(client.finding_changes(Some(&order_key(99)), 0, 0, String::new()).await, Ok(None));
    let unnamed = ask(ListFindingChangesRequest { order: key(""), ..Default::default() }).await;
    let start_time = Some(prost_types::Timestamp { seconds: -1, nanos: 0 });
    let before_time = ask(ListFindingChangesRequest { start_time, ..Default::default() }).await;
    for (status, field) in [(unnamed, "order.order_id"), (before_time, "start_time")] {
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
}

async fn send(service: &Service, records: Vec<Record>) {
    let batch = AcceptBatch { tenant: "alma".to_owned(), records, shared: true, ..AcceptBatch::default() };
    service.accept(batch).await.unwrap();
    service.settled().await.unwrap();
}

/// The real engine: rows of a register come late, and who asks is told which findings they changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_comes_late_is_named_to_whoever_asks_what_changed() {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(41, 60, 300, Profile::Harder), &mut world).unwrap();
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let server = Server::start(&service).await;
    let (client, stranger) = (server.client().await, server.client_of("other").await);
    let late = world.companies.split_off(world.companies.len() - 20);
    let orders: Vec<OrderKey> = world.orders.iter().map(|line| line.key.clone()).collect();
    let first = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    let papers = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line)));
    let lines = world.orders.into_iter().map(|line| Record::Order(Box::new(line)));
    send(&service, first.chain(papers).chain(lines).collect()).await;
    assert_eq!(all(&client, None, 0, 0).await, []);
    let rows: BTreeSet<RecordName> =
        late.iter().map(|company| RecordName::Company(company.country, company.identifier.clone())).collect();
    send(&service, late.into_iter().map(|company| Record::Company(Box::new(company))).collect()).await;

    let changes = all(&client, None, 0, 3).await;
    let naming = changes.iter().filter(|change| {
        let mut causes = change.causes.iter();
        causes.any(|cause| cause.record.as_ref().is_some_and(|record| rows.contains(record)))
    });
    let naming: BTreeSet<&OrderKey> = naming.map(|change| &change.order).collect();
    assert!(!naming.is_empty(), "{changes:?}");
    let changed: BTreeSet<&OrderKey> = changes.iter().map(|change| &change.order).collect();
    for order in &orders {
        let revisions = all(&client, Some(order), 0, 0).await;
        assert_eq!(revisions.len(), 1 + usize::from(changed.contains(order)), "{}", order.order_id);
        assert_eq!(revisions[0].causes[0].kind, CauseKind::OrderLine);
        // As a stranger sees it: nothing is there.
        assert_eq!(stranger.finding_changes(Some(order), 0, 0, String::new()).await, Ok(None));
    }
    assert_eq!(all(&stranger, None, 0, 0).await, []);
}
