//! `ScreeningService`: findings, their explanation and changes, waiting for them, and screening jobs.
//!
//! Come here for how findings are asked for, also before an order is stored. How a job comes in and its results go out
//! is `jobs`, how changes are paged is `changes`; how findings come about is the engine's.

use std::num::NonZero;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::drain::Drain;
use super::engine::{Engine, EngineError};
use super::identity::Tenant;
use super::ingest::REQUEST_ID_BYTES_MAX;
use super::page::Query;
use super::turns::Turns;
use super::wire::screening_service_server::ScreeningService;
use super::{changes, errors, explain, from_proto, jobs, read, to_proto, wire};
use crate::model::{Finding, JobId, Level, Record, ScreeningJob};

/// Serves findings from the engine.
pub(super) struct Screening<E> {
    pub(super) engine: E,
    pub(super) judgements: JudgingTurns,
    pub(super) drain: Drain,
}

/// Turns at judging on demand: as many at a time as there are cores. How many calls may wait is the guard's business.
#[derive(Clone)]
pub(super) struct JudgingTurns(Turns);

impl JudgingTurns {
    /// One for each core.
    pub(super) fn new() -> Self {
        Self(Turns::new(std::thread::available_parallelism().map_or(1, NonZero::get)))
    }

    /// Asks the engine for a judgement once it is the tenant's turn.
    pub(super) async fn read<E: Engine, T: Send + 'static>(
        &self,
        engine: &E,
        tenant: &Tenant,
        ask: impl FnOnce(&E) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        let turn = self.0.take(tenant).await;
        read(engine, move |engine| {
            // Kept to the end of the work, also when nobody waits for it any more.
            let _turn = turn;
            ask(engine)
        })
        .await
    }
}

impl<E: Engine> Screening<E> {
    async fn find(&self, tenant: Tenant, order: Option<wire::OrderKey>) -> Result<Finding, Status> {
        let key = from_proto::order_key(order).map_err(|fault| errors::key_fault("order", fault))?;
        let found = read(&self.engine, move |engine| engine.finding(tenant.name(), &key)).await?;
        found.ok_or_else(errors::finding_not_found)
    }

    async fn find_job(&self, tenant: Tenant, id: JobId) -> Result<ScreeningJob, Status> {
        let found = read(&self.engine, move |engine| engine.job(tenant.name(), id)).await?;
        found.ok_or_else(errors::job_not_found)
    }
}

#[tonic::async_trait]
impl<E: Engine> ScreeningService for Screening<E> {
    type StreamScreeningJobResultsStream = ReceiverStream<Result<wire::StreamScreeningJobResultsResponse, Status>>;

    async fn screen_order(
        &self,
        request: Request<wire::ScreenOrderRequest>,
    ) -> Result<Response<wire::ScreenOrderResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::ScreenOrderRequest { order, store, request_id } = request.into_inner();
        let order = order.ok_or_else(|| errors::invalid_field("order", "is needed"))?;
        let line = from_proto::order_line(&order).map_err(|faults| errors::record_faults("order", faults))?;
        if store && !(1..=REQUEST_ID_BYTES_MAX).contains(&request_id.len()) {
            let description = format!("expected 1 to {REQUEST_ID_BYTES_MAX} bytes, to store under");
            return Err(errors::invalid_field("request_id", &description));
        }
        let (owner, asked) = (tenant.clone(), line.clone());
        let ask = move |engine: &E| engine.screen(owner.name(), &asked);
        let advice = self.judgements.read(&self.engine, &tenant, ask).await?;
        let mut answer = to_proto::advice(&advice.ok_or_else(errors::order_conflict)?);
        if store {
            let records = vec![Record::Order(Box::new(line))];
            let accepted = self.engine.accept(tenant.name(), &request_id, records).await;
            let outcomes = accepted.map_err(|error| errors::of_engine(&error))?;
            answer.stored = outcomes.first().map(|outcome| to_proto::record_outcome(*outcome));
        }
        Ok(Response::new(answer))
    }

    async fn get_finding(
        &self,
        request: Request<wire::GetFindingRequest>,
    ) -> Result<Response<wire::GetFindingResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let finding = self.find(tenant, request.into_inner().order).await?;
        Ok(Response::new(wire::GetFindingResponse { finding: Some(to_proto::finding(&finding)) }))
    }

    async fn list_findings(
        &self,
        request: Request<wire::ListFindingsRequest>,
    ) -> Result<Response<wire::ListFindingsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let level = wire::Level::try_from(request.min_level)
            .map_err(|_| errors::invalid_field("min_level", "expected a known level"))?;
        let min_level = from_proto::level_from(level).unwrap_or(Level::None);
        let page = Query::new("ListFindings", &tenant, min_level.as_str(), request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after, limit| engine.findings(tenant.name(), after, limit),
                |finding: &Finding| finding.order.clone(),
                move |finding| finding.level >= min_level,
                to_proto::finding,
            )
            .await?;
        Ok(Response::new(wire::ListFindingsResponse { findings: page.rows, next_page_token: page.next_page_token }))
    }

    async fn explain_finding(
        &self,
        request: Request<wire::ExplainFindingRequest>,
    ) -> Result<Response<wire::ExplainFindingResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let finding = self.find(tenant, request.into_inner().order).await?;
        Ok(Response::new(wire::ExplainFindingResponse { text: explain::explanation(&finding) }))
    }

    async fn list_finding_changes(
        &self,
        request: Request<wire::ListFindingChangesRequest>,
    ) -> Result<Response<wire::ListFindingChangesResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::ListFindingChangesRequest { page_size, page_token, order, start_time } = request.into_inner();
        let start_millis = changes::start_millis(start_time)?;
        let page = match order {
            Some(order) => {
                let order = self.find(tenant.clone(), Some(order)).await?.order;
                changes::of_order(&self.engine, tenant, order, start_millis, (page_size, page_token)).await?
            }
            None => changes::of_tenant(&self.engine, tenant, start_millis, (page_size, page_token)).await?,
        };
        Ok(Response::new(wire::ListFindingChangesResponse {
            changes: page.rows,
            next_page_token: page.next_page_token,
        }))
    }

    async fn wait_until_screened(
        &self,
        request: Request<wire::WaitUntilScreenedRequest>,
    ) -> Result<Response<wire::WaitUntilScreenedResponse>, Status> {
        Tenant::of(&request)?;
        self.engine.settled().await.map_err(|error| errors::of_engine(&error))?;
        Ok(Response::new(wire::WaitUntilScreenedResponse {}))
    }

    async fn start_screening_job(
        &self,
        request: Request<Streaming<wire::StartScreeningJobRequest>>,
    ) -> Result<Response<wire::StartScreeningJobResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let job = jobs::start(self.engine.clone(), self.drain.clone(), tenant, request.into_inner()).await?;
        Ok(Response::new(wire::StartScreeningJobResponse { job: Some(to_proto::job(&job)) }))
    }

    async fn get_screening_job(
        &self,
        request: Request<wire::GetScreeningJobRequest>,
    ) -> Result<Response<wire::GetScreeningJobResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let id = jobs::job_id(&request.into_inner().job_id)?;
        let job = self.find_job(tenant, id).await?;
        Ok(Response::new(wire::GetScreeningJobResponse { job: Some(to_proto::job(&job)) }))
    }

    async fn list_screening_jobs(
        &self,
        request: Request<wire::ListScreeningJobsRequest>,
    ) -> Result<Response<wire::ListScreeningJobsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListScreeningJobs", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, before: Option<&u64>, limit| {
                    engine.jobs(tenant.name(), before.map(|id| JobId(*id)), limit)
                },
                |job: &ScreeningJob| job.id.0,
                |_| true,
                to_proto::job,
            )
            .await?;
        Ok(Response::new(wire::ListScreeningJobsResponse { jobs: page.rows, next_page_token: page.next_page_token }))
    }

    async fn cancel_screening_job(
        &self,
        request: Request<wire::CancelScreeningJobRequest>,
    ) -> Result<Response<wire::CancelScreeningJobResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let id = jobs::job_id(&request.into_inner().job_id)?;
        let cancelled = self.engine.cancel_job(tenant.name(), id).await.map_err(|error| errors::of_engine(&error))?;
        let job = cancelled.ok_or_else(errors::job_not_found)?;
        Ok(Response::new(wire::CancelScreeningJobResponse { job: Some(to_proto::job(&job)) }))
    }

    async fn stream_screening_job_results(
        &self,
        request: Request<wire::StreamScreeningJobResultsRequest>,
    ) -> Result<Response<Self::StreamScreeningJobResultsStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let wire::StreamScreeningJobResultsRequest { job_id, first_line } = request.into_inner();
        let id = jobs::job_id(&job_id)?;
        self.find_job(tenant.clone(), id).await?;
        // Room for one message: the next one is made when the client has taken this one.
        let (messages, receiver) = mpsc::channel(1);
        let (engine, drain) = (self.engine.clone(), self.drain.clone());
        let results = jobs::Results { engine, tenant, id, line: first_line.saturating_sub(1), messages, drain };
        tokio::spawn(results.run());
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
