//! Screening jobs on the wire: taking in what a job is to judge, and sending what it found.
//!
//! Come here for what ends an upload and for how results follow a job that runs. Lines are handed to the engine as they
//! come, and results are read as they are taken: neither piles up here. What a job does is `screening`.

use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::drain::{Drain, Phase};
use super::engine::{Engine, EngineError, JobStarted};
use super::identity::Tenant;
use super::ingest::{RECORDS_PER_BATCH_MAX, check_request_id};
use super::wire::start_screening_job_request::Source;
use super::{errors, from_proto, read, to_proto, wire};
use crate::model::{JobId, JobState, ScreeningJob};
use crate::store::{JOBS_OPEN_MAX, UPLOADED_LINES_MAX};

/// Results that are read at a time for one stream.
const RESULTS_PER_READ: usize = 16;

/// The name of a job in a request.
pub(super) fn job_id(text: &str) -> Result<JobId, Status> {
    text.parse().map_err(|_| errors::invalid_field("job_id", "expected the number of a screening job"))
}

/// Takes in a job and starts it when the client has said everything.
pub(super) async fn start<E: Engine>(
    engine: E,
    drain: Drain,
    tenant: Tenant,
    requests: Streaming<wire::StartScreeningJobRequest>,
) -> Result<ScreeningJob, Status> {
    let mut requests = Requests { requests, drain };
    let first = requests.next().await?.unwrap_or_default();
    check_request_id(&first.request_id)?;
    let started = match first.source {
        None => return Err(errors::invalid_field("source", "expected `stored` or `uploaded`")),
        Some(Source::Stored(stored)) => {
            let source = from_proto::stored_orders(&stored).map_err(|fault| errors::key_fault("stored", fault))?;
            if !first.orders.is_empty() || requests.next().await?.is_some() {
                return Err(errors::invalid_field("orders", "order lines come with `uploaded` only"));
            }
            engine.start_job(tenant.name(), &first.request_id, source).await
        }
        Some(Source::Uploaded(_)) => {
            let id = engine.begin_upload(tenant.name(), &first.request_id).await;
            let id = id.map_err(|error| errors::of_engine(&error))?;
            let id = id.ok_or_else(|| errors::too_many_jobs(JOBS_OPEN_MAX))?;
            let mut upload = Upload { engine, tenant, id, line_count: 0, is_done: false };
            let mut said_count = first.order_line_count;
            upload.take(first.orders).await?;
            while let Some(further) = requests.next().await? {
                if further.source.is_some() {
                    return Err(errors::invalid_field("source", "stands in the first message only"));
                }
                said_count = further.order_line_count;
                upload.take(further.orders).await?;
            }
            if upload.line_count == 0 {
                return Err(errors::invalid_field("orders", "expected at least one order line"));
            }
            // Not every client says that it broke off: some just end.
            if said_count != upload.line_count {
                let description = format!("expected {}, as many lines as came", upload.line_count);
                return Err(errors::invalid_field("order_line_count", &description));
            }
            upload.finish(&first.request_id).await
        }
    };
    match started.map_err(|error| errors::of_engine(&error))? {
        JobStarted::Started(job) => Ok(*job),
        JobStarted::TooMany { limit } => Err(errors::too_many_jobs(limit)),
    }
}

/// What the client says, while the server is not ending.
struct Requests {
    requests: Streaming<wire::StartScreeningJobRequest>,
    drain: Drain,
}

impl Requests {
    async fn next(&mut self) -> Result<Option<wire::StartScreeningJobRequest>, Status> {
        tokio::select! {
            biased;
            () = self.drain.reached(Phase::Ending) => Err(errors::shutting_down()),
            request = self.requests.message() => request,
        }
    }
}

/// Lines that come with a job; given up when they do not come to an end.
struct Upload<E: Engine> {
    engine: E,
    tenant: Tenant,
    id: JobId,
    line_count: u64,
    is_done: bool,
}

impl<E: Engine> Upload<E> {
    async fn take(&mut self, orders: Vec<wire::OrderLine>) -> Result<(), Status> {
        let count = orders.len();
        match count {
            0 => return Ok(()),
            count if count > RECORDS_PER_BATCH_MAX => {
                return Err(errors::batch_too_large("orders", count, RECORDS_PER_BATCH_MAX));
            }
            _ => {}
        }
        // A thousand records take a millisecond or two: too long for a thread that serves others.
        let reading = tokio::task::spawn_blocking(move || orders.iter().map(from_proto::job_line).collect());
        let lines = reading.await.map_err(|error| errors::internal(&error.to_string()))?;
        let added = self.engine.add_job_lines(self.tenant.name(), self.id, lines).await;
        let added = added.map_err(|error| errors::of_engine(&error))?;
        let (there, limit) = (self.line_count as usize + count, UPLOADED_LINES_MAX as usize);
        self.line_count = added.ok_or_else(|| errors::batch_too_large("orders", there, limit))?;
        Ok(())
    }

    async fn finish(mut self, request_id: &str) -> Result<JobStarted, EngineError> {
        let started = self.engine.finish_upload(self.tenant.name(), self.id, request_id).await;
        self.is_done = started.is_ok();
        started
    }
}

impl<E: Engine> Drop for Upload<E> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_done {
            let (engine, tenant, id) = (self.engine.clone(), self.tenant.clone(), self.id);
            runtime.spawn(async move {
                if let Err(error) = engine.drop_upload(tenant.name(), id).await {
                    tracing::warn!(%error, "lines of a job that was not started stay until the service starts again");
                }
            });
        }
    }
}

/// A place in a job's results that moves as the client takes messages.
pub(super) struct Results<E> {
    pub(super) engine: E,
    pub(super) tenant: Tenant,
    pub(super) id: JobId,
    /// The last line that was handed over.
    pub(super) line: u64,
    pub(super) messages: mpsc::Sender<Result<wire::StreamScreeningJobResultsResponse, Status>>,
    pub(super) drain: Drain,
}

impl<E: Engine> Results<E> {
    /// Sends until the job has ended and everything is sent, the client leaves or the server ends.
    pub(super) async fn run(mut self) {
        if let Err(status) = self.follow().await {
            // A client that is gone need not be told.
            let _ = self.messages.send(Err(status)).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Status> {
        let mut changes = self.engine.job_changes();
        loop {
            // Marked as seen before reading: a commit in between wakes once too often, never too rarely.
            changes.borrow_and_update();
            // The job first: when it had ended before its results are read, none can follow them.
            let state = self.state().await?;
            while self.send_ready().await? {}
            if state != JobState::Running {
                return Ok(());
            }
            tokio::select! {
                () = self.drain.reached(Phase::Ending) => return Err(errors::shutting_down()),
                () = self.messages.closed() => return Ok(()),
                // The engine is gone, and so is the server.
                changed = changes.changed() => changed.map_err(|_| errors::shutting_down())?,
            }
        }
    }

    async fn state(&self) -> Result<JobState, Status> {
        let (tenant, id) = (self.tenant.clone(), self.id);
        let job = read(&self.engine, move |engine| engine.job(tenant.name(), id)).await?;
        job.map(|job| job.state).ok_or_else(errors::job_not_found)
    }

    /// Sends what there is, up to one page; false when there was nothing.
    async fn send_ready(&mut self) -> Result<bool, Status> {
        let (tenant, id, line) = (self.tenant.clone(), self.id, self.line);
        let results =
            read(&self.engine, move |engine| engine.job_results(tenant.name(), id, line, RESULTS_PER_READ)).await?;
        let has_results = !results.is_empty();
        for result in results {
            if self.drain.has_reached(Phase::Ending) {
                return Err(errors::shutting_down());
            }
            if result.line != self.line + 1 {
                // Removed meanwhile, a few at a time: a gap must not look like a result.
                return Err(errors::job_not_found());
            }
            self.line = result.line;
            let message = wire::StreamScreeningJobResultsResponse { result: Some(to_proto::job_result(result)) };
            if self.messages.send(Ok(message)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(has_results)
    }
}
