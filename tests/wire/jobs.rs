//! Screening jobs over the wire: starting them, what is refused, progress, results that follow a job, and who may.
//!
//! Come here for what a client may rely on. That jobs find what single orders find is asked of the real engine, in
//! `jobs` of the suite.

use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::start_screening_job_request::Source;
use onward::api::wire::{self, StartScreeningJobRequest, StoredOrders, UploadedOrders};
use onward::api::{Client, ClientError, RECORDS_PER_BATCH_MAX};
use onward::model::{
    Advice, Day, JobId, JobLine, JobOutcome, JobResult, JobSource, JobState, LineFault, RecommendedAction, ScreeningJob,
};
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::fake::Fake;
use crate::house::{House, client, principal};
use crate::setup::{Server, finding, is, order, order_key, told};

async fn start(client: &Client, messages: Vec<StartScreeningJobRequest>) -> Result<wire::ScreeningJob, Status> {
    let request = client.request(tokio_stream::iter(messages));
    let answer = ScreeningServiceClient::new(client.channel()).start_screening_job(request).await?;
    Ok(answer.into_inner().job.unwrap())
}

fn stored(request_id: &str, first_day: &str, last_day: &str) -> StartScreeningJobRequest {
    let stored = StoredOrders { first_day: first_day.to_owned(), last_day: last_day.to_owned() };
    StartScreeningJobRequest {
        request_id: request_id.to_owned(),
        source: Some(Source::Stored(stored)),
        ..StartScreeningJobRequest::default()
    }
}

fn uploaded(request_id: &str, orders: Vec<wire::OrderLine>) -> StartScreeningJobRequest {
    let source = Some(Source::Uploaded(UploadedOrders {}));
    StartScreeningJobRequest { request_id: request_id.to_owned(), source, orders, order_line_count: 0 }
}

fn further(orders: Vec<wire::OrderLine>) -> StartScreeningJobRequest {
    StartScreeningJobRequest { orders, ..StartScreeningJobRequest::default() }
}

/// The same as the last message, where there are so many lines in all.
fn last(order_line_count: u64, message: StartScreeningJobRequest) -> StartScreeningJobRequest {
    StartScreeningJobRequest { order_line_count, ..message }
}

fn line(number: u32) -> wire::OrderLine {
    let held = order(number);
    let buyer = wire::Party { name: held.buyer.name, country: "KZ".to_owned(), ..wire::Party::default() };
    wire::OrderLine {
        key: Some(wire::OrderKey { order_id: held.key.order_id, line_no: held.key.line_no }),
        order_date: held.order_date.to_string(),
        buyer: Some(buyer),
        description: held.description,
        quantity: held.quantity.to_string(),
        unit: held.unit.code().to_owned(),
        ..wire::OrderLine::default()
    }
}

fn result(number: u64) -> JobResult {
    let order = order_key(number as u32);
    let outcome = match number % 3 {
        0 => JobOutcome::Conflict,
        1 => JobOutcome::Rejected(vec![LineFault {
            field: "unit".to_owned(),
            reason: "unknown_unit".to_owned(),
            description: "expected a unit".to_owned(),
            value: "heaps".to_owned(),
        }]),
        _ => {
            let finding = finding("alma", number as u32);
            let (action, risk) = (RecommendedAction::Review, finding.score);
            JobOutcome::Judged(Box::new(Advice { action, risk, reasons: Vec::new(), finding }))
        }
    };
    JobResult { line: number, order, outcome }
}

async fn upload(client: &Client, request_id: &str, numbers: std::ops::Range<u32>) -> Result<ScreeningJob, ClientError> {
    let (sender, lines) = mpsc::channel(10);
    let sending = async move {
        for number in numbers {
            sender.send(order(number)).await.unwrap();
        }
    };
    tokio::join!(client.upload_job(request_id, lines), sending).0
}

/// Asks for what is refused for this reason.
pub async fn refused(reason: wire::ErrorReason) -> Status {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    if reason == wire::ErrorReason::JobNotFound {
        let request = client.request(wire::GetScreeningJobRequest { job_id: "7".to_owned() });
        return ScreeningServiceClient::new(client.channel()).get_screening_job(request).await.unwrap_err();
    }
    for number in 0..3 {
        start(&client, vec![stored(&number.to_string(), "", "")]).await.unwrap();
    }
    start(&client, vec![stored("one more", "", "")]).await.unwrap_err()
}

#[tokio::test]
async fn a_job_over_stored_lines_is_started_once_and_shows_how_far_it_is() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    assert!(engine.state().may_jobs_work);
    let days = (Day::parse_iso("2024-01-01"), Day::parse_iso("2024-03-31"));
    let job = client.start_job("r1", days.0, days.1).await.unwrap();
    assert_eq!((job.id, job.state, job.line_count), (JobId(1), JobState::Running, None));
    assert_eq!(job.source, JobSource::Stored { first_day: days.0, last_day: days.1 });
    assert_eq!(client.start_job("r1", days.0, days.1).await.unwrap(), job, "the same request, the same job");
    let Err(ClientError::Refused { reason, .. }) = client.start_job("r1", None, days.1).await else { panic!() };
    assert_eq!(reason.as_deref(), Some("REQUEST_ID_REUSED"));
    client.start_job("r2", None, None).await.unwrap();

    engine.with_job("alma", 1, |held| {
        (held.job.line_count, held.job.running_millis) = (Some(400), 2_000);
        (held.job.counts.release, held.job.counts.hold, held.job.counts.rejected) = (60, 30, 10);
    });
    let request = client.request(wire::GetScreeningJobRequest { job_id: "1".to_owned() });
    let on_wire = ScreeningServiceClient::new(client.channel()).get_screening_job(request).await.unwrap();
    let on_wire = on_wire.into_inner().job.unwrap();
    assert_eq!((on_wire.judged_count, on_wire.order_line_count, on_wire.share), (100, Some(400), Some(0.25)));
    assert_eq!((on_wire.lines_per_second, on_wire.seconds_left), (50.0, Some(6.0)));
    let seen = client.screening_job(JobId(1)).await.unwrap().unwrap();
    assert_eq!((seen.counts.hold, seen.share(), seen.seconds_left()), (30, Some(0.25), Some(6.0)));
    let ids: Vec<u64> = client.screening_jobs().await.unwrap().iter().map(|job| job.id.0).collect();
    assert_eq!(ids, [2, 1], "the newest first");

    for _ in 0..2 {
        let cancelled = client.cancel_job(JobId(1)).await.unwrap().unwrap();
        assert_eq!((cancelled.state, cancelled.judged_count()), (JobState::Cancelled, 100));
    }
    let other = server.client_of("other").await;
    for id in [1, 7] {
        assert_eq!(other.screening_job(JobId(id)).await.unwrap(), None);
        assert_eq!(other.cancel_job(JobId(id)).await.unwrap(), None);
        let Err(ClientError::Refused { reason, .. }) = other.job_results(JobId(id), 1).next().await else { panic!() };
        assert_eq!(reason.as_deref(), Some("JOB_NOT_FOUND"));
    }
    assert_eq!(other.screening_jobs().await.unwrap(), []);
}

#[tokio::test]
async fn lines_come_with_a_job_in_any_number_of_messages_and_bad_ones_keep_their_place() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let mut bad = line(2);
    bad.quantity = "-3".to_owned();
    let messages =
        vec![uploaded("r1", vec![line(1)]), further(Vec::new()), last(3, further(vec![bad.clone(), line(3)]))];
    let job = start(&client, messages).await.unwrap();
    assert_eq!(
        (job.order_line_count, job.source),
        (Some(3), Some(wire::screening_job::Source::Uploaded(UploadedOrders {})))
    );
    {
        let state = engine.state();
        let lines = &state.jobs.values().next().unwrap().lines;
        let JobLine::Rejected(key, faults) = &lines[1] else { panic!("{lines:?}") };
        assert_eq!(
            (key, faults[0].field.as_str(), faults[0].reason.as_str()),
            (&order_key(2), "quantity", "negative_quantity")
        );
        assert!(matches!(&lines[2], JobLine::Order(line) if line.key == order_key(3)));
        assert!(state.orders.is_empty(), "they are not stored as orders");
    }
    // Cut into other messages they are the same request.
    let again = start(&client, vec![last(3, uploaded("r1", vec![line(1), bad, line(3)]))]).await.unwrap();
    assert_eq!(again.job_id, job.job_id);
    let status = start(&client, vec![last(1, uploaded("r1", vec![line(1)]))]).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    // The client of this library cuts by itself.
    let many = upload(&client, "r2", 0..600).await.unwrap();
    assert_eq!(many.line_count, Some(600));
    let Err(ClientError::Refused { message, .. }) = upload(&client, "r3", 0..0).await else { panic!() };
    assert!(message.contains("at least one"), "{message}");
}

#[tokio::test]
async fn what_is_no_job_is_refused_by_field_and_leaves_nothing() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let nameless = StartScreeningJobRequest { request_id: String::new(), ..stored("", "", "") };
    let sourceless = StartScreeningJobRequest { source: None, ..stored("r", "", "") };
    let mixed = StartScreeningJobRequest { orders: vec![line(1)], ..stored("r", "", "") };
    let many = vec![wire::OrderLine::default(); RECORDS_PER_BATCH_MAX + 1];
    let cases = [
        (vec![], "request_id"),
        (vec![nameless], "request_id"),
        (vec![sourceless], "source"),
        (vec![stored("r", "yesterday", "")], "stored.first_day"),
        (vec![stored("r", "2024-02-02", "2024-02-01")], "stored.last_day"),
        (vec![mixed], "orders"),
        (vec![stored("r", "", ""), further(vec![line(1)])], "orders"),
        (vec![uploaded("r", vec![])], "orders"),
        (vec![uploaded("r", vec![line(1)]), uploaded("r", vec![line(2)])], "source"),
        (vec![uploaded("r", vec![line(1)]), further(many)], "orders"),
        (vec![uploaded("r", vec![line(1)])], "order_line_count"),
        (vec![uploaded("r", vec![line(1)]), last(3, further(vec![line(2)]))], "order_line_count"),
    ];
    for (messages, field) in cases {
        let status = start(&client, messages).await.unwrap_err();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, field), "{status:?}");
    }
    // A client that breaks off in the middle.
    let (messages, receiver) = mpsc::channel(1);
    let request = client.request(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let mut service = ScreeningServiceClient::new(client.channel());
    let calling = tokio::spawn(async move { service.start_screening_job(request).await.map(drop) });
    messages.send(uploaded("r", vec![line(1)])).await.unwrap();
    messages.send(further(vec![line(2)])).await.unwrap();
    let mut changes = onward::api::Engine::job_changes(&engine);
    while engine.state().uploads.values().all(|lines| lines.len() < 2) {
        changes.changed().await.unwrap();
    }
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    // To the server it looks as if the client had said everything.
    drop(messages);
    while !engine.state().uploads.is_empty() {
        changes.changed().await.unwrap();
    }
    assert!(engine.state().jobs.is_empty());
}

#[tokio::test]
async fn results_follow_a_running_job_and_can_be_gone_on_with() {
    let engine = Fake::new();
    let mut server = Server::start(&engine).await;
    let client = server.client().await;
    let job = upload(&client, "r1", 0..50).await.unwrap().id;
    engine.with_job("alma", job.0, |held| held.results.extend((1..=20).map(result)));
    let mut results = client.job_results(job, 0);
    for number in 1..=20 {
        assert_eq!(results.next().await.unwrap(), Some(result(number)));
    }
    let follower = tokio::spawn(async move { (results.next().await, results) });
    engine.with_job("alma", job.0, |held| held.results.extend((21..=50).map(result)));
    let (next, mut results) = follower.await.unwrap();
    assert_eq!(next.unwrap(), Some(result(21)));
    engine.with_job("alma", job.0, |held| held.job.state = JobState::Done);
    for number in 22..=50 {
        assert_eq!(results.next().await.unwrap(), Some(result(number)));
    }
    assert_eq!(results.next().await.unwrap(), None, "the job has ended");
    let mut rest = client.job_results(job, 49);
    assert_eq!(rest.next().await.unwrap(), Some(result(49)));
    assert_eq!(client.job_results(job, 51).next().await.unwrap(), None);

    engine.with_job("alma", job.0, |held| held.job.state = JobState::Running);
    let request = wire::StreamScreeningJobResultsRequest { job_id: job.to_string(), first_line: 51 };
    let mut service = ScreeningServiceClient::new(client.channel());
    let mut stream = service.stream_screening_job_results(client.request(request)).await.unwrap().into_inner();
    server.stop();
    let status = stream.message().await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unavailable, "SHUTTING_DOWN"));
    server.stopped().await;
    assert!(!engine.state().may_jobs_work, "jobs pause when the server ends");
}

#[tokio::test]
async fn who_may_start_jobs_and_who_may_only_look() {
    let roles = ["ingest", "analyst", "approver", "auditor", "admin"];
    let house = House::new(&roles.map(|role| principal(role, "alma", &format!("\"{role}\""))));
    let engine = Fake::new();
    let server = house.serve(&engine, house.options()).await;
    for role in roles {
        let client = client(&server, role).await;
        let refused = |error: ClientError| match error {
            ClientError::Refused { reason, .. } => reason.unwrap(),
            other => panic!("{other}"),
        };
        let (may_start, may_look) = (["analyst", "approver", "admin"].contains(&role), role != "ingest");
        let started = client.start_job(role, None, None).await.map_err(refused);
        assert_eq!(started.err().as_deref(), (!may_start).then_some("ROLE_MISSING"), "{role}");
        let cancelled = client.cancel_job(JobId(9)).await.map_err(refused);
        assert_eq!(cancelled.err().as_deref(), (!may_start).then_some("ROLE_MISSING"), "{role}");
        let listed = client.screening_jobs().await.map_err(refused);
        assert_eq!(listed.err().as_deref(), (!may_look).then_some("ROLE_MISSING"), "{role}");
        let read = client.job_results(JobId(9), 1).next().await.map_err(refused);
        assert_eq!(read.err().as_deref(), Some(if may_look { "JOB_NOT_FOUND" } else { "ROLE_MISSING" }), "{role}");
    }
}
