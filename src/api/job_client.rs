//! Screening jobs for the client: starting them over stored lines or with lines of one's own, following them, and
//! reading their results.
//!
//! Come here for how a client comes back to results after a cut. What the calls promise is in the proto file.

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use super::client::{Client, ClientError, Patience};
use super::from_proto::{self, NotUnderstood};
use super::wire::start_screening_job_request::Source;
use super::{to_proto, wire};
use crate::model::{Day, JobId, JobResult, OrderLine, ScreeningJob};

/// Lines of one message.
const LINES_PER_MESSAGE: usize = 250;
/// Bytes of lines in one message, apart from its last line: with that one far below what a server takes.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Messages that may wait to be sent.
const MESSAGES_WAITING_MAX: usize = 2;

impl Client {
    /// Starts a job over stored order lines of some days, both ends included.
    pub async fn start_job(
        &self,
        request_id: &str,
        first_day: Option<Day>,
        last_day: Option<Day>,
    ) -> Result<ScreeningJob, ClientError> {
        let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
        let stored = wire::StoredOrders { first_day: day(first_day), last_day: day(last_day) };
        let request = wire::StartScreeningJobRequest {
            request_id: request_id.to_owned(),
            source: Some(Source::Stored(stored)),
            ..wire::StartScreeningJobRequest::default()
        };
        let answer = self.screening().start_screening_job(self.request(tokio_stream::iter([request]))).await?;
        understood(answer.into_inner().job)
    }

    /// Starts a job with order lines of one's own, once the receiver is closed. Nothing is kept when this is dropped
    /// before.
    pub async fn upload_job(
        &self,
        request_id: &str,
        mut lines: mpsc::Receiver<OrderLine>,
    ) -> Result<ScreeningJob, ClientError> {
        let (messages, receiver) = mpsc::channel(MESSAGES_WAITING_MAX);
        let first = wire::StartScreeningJobRequest {
            request_id: request_id.to_owned(),
            source: Some(Source::Uploaded(wire::UploadedOrders {})),
            ..wire::StartScreeningJobRequest::default()
        };
        let sending = async move {
            let (mut message, mut bytes, mut count) = (first, 0, 0);
            while let Some(line) = lines.recv().await {
                let line = to_proto::order_line(&line);
                bytes += line.encoded_len();
                count += 1;
                message.orders.push(line);
                if message.orders.len() >= LINES_PER_MESSAGE || bytes > MESSAGE_BYTES {
                    bytes = 0;
                    // Nobody takes it when the call has ended, which the answer tells.
                    if messages.send(std::mem::take(&mut message)).await.is_err() {
                        return;
                    }
                }
            }
            // Only here: when this is dropped before, the server must not take what came for everything.
            message.order_line_count = count;
            let _ = messages.send(message).await;
        };
        let mut service = self.screening();
        let calling = service.start_screening_job(self.request(ReceiverStream::new(receiver)));
        tokio::pin!(calling);
        tokio::select! {
            answer = &mut calling => understood(answer?.into_inner().job),
            () = sending => understood(calling.await?.into_inner().job),
        }
    }

    /// A job with its progress, where there is one.
    pub async fn screening_job(&self, id: JobId) -> Result<Option<ScreeningJob>, ClientError> {
        let request = self.request(wire::GetScreeningJobRequest { job_id: id.to_string() });
        match self.screening().get_screening_job(request).await {
            Ok(answer) => understood(answer.into_inner().job).map(Some),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// All jobs of the tenant that are kept, the newest first.
    pub async fn screening_jobs(&self) -> Result<Vec<ScreeningJob>, ClientError> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = self.request(wire::ListScreeningJobsRequest { page_token, page_size: 0 });
            let answer = self.screening().list_screening_jobs(request).await?.into_inner();
            for job in answer.jobs {
                all.push(from_proto::job(job)?);
            }
            if answer.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = answer.next_page_token;
        }
    }

    /// Cancels a job, where there is one; one that has ended stays as it is.
    pub async fn cancel_job(&self, id: JobId) -> Result<Option<ScreeningJob>, ClientError> {
        let request = self.request(wire::CancelScreeningJobRequest { job_id: id.to_string() });
        match self.screening().cancel_screening_job(request).await {
            Ok(answer) => understood(answer.into_inner().job).map(Some),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// The results of a job from a line on, counted from 1.
    pub fn job_results(&self, id: JobId, first_line: u64) -> JobResults {
        JobResults {
            client: self.clone(),
            id,
            next_line: first_line.max(1),
            stream: None,
            patience: Patience::default(),
        }
    }
}

/// The results of a job, in order. Comes back by itself after a cut, without missing a line.
pub struct JobResults {
    client: Client,
    id: JobId,
    next_line: u64,
    stream: Option<Streaming<wire::StreamScreeningJobResultsResponse>>,
    patience: Patience,
}

impl JobResults {
    /// The next result; waits for it while the job runs. Nothing when the job has ended and everything came.
    pub async fn next(&mut self) -> Result<Option<JobResult>, ClientError> {
        loop {
            let status = match self.message().await {
                Ok(None) => return Ok(None),
                Ok(Some(message)) => {
                    let result = message.result.ok_or(NotUnderstood("result"))?;
                    let result = from_proto::job_result(self.client.tenant(), result)?;
                    if result.line != self.next_line {
                        return Err(NotUnderstood("line").into());
                    }
                    self.next_line += 1;
                    self.patience.renew();
                    return Ok(Some(result));
                }
                Err(status) => status,
            };
            self.stream = None;
            self.patience.bear(status).await?;
        }
    }

    async fn message(&mut self) -> Result<Option<wire::StreamScreeningJobResultsResponse>, tonic::Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let (job_id, first_line) = (self.id.to_string(), self.next_line);
                let request = self.client.request(wire::StreamScreeningJobResultsRequest { job_id, first_line });
                let stream = self.client.screening().stream_screening_job_results(request).await?.into_inner();
                self.stream.insert(stream)
            }
        };
        stream.next().await.transpose()
    }
}

fn understood(job: Option<wire::ScreeningJob>) -> Result<ScreeningJob, ClientError> {
    Ok(from_proto::job(job.ok_or(NotUnderstood("job"))?)?)
}
