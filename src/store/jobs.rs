//! Screening jobs in the store: started, fed with lines, moved on together with their results, cancelled, forgotten.
//!
//! Come here for what is durable of a job and when. Results and the place up to which they go are written in one
//! transaction, so that a job goes on where it was after any end of the service. Judging is `screening`; reading is
//! `tenant_view`.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::batch::{NAME_BYTES_MAX, RECORD_BYTES_MAX, within};
use super::codec::{decode, encode};
use super::draft::Draft;
use super::handle::{Store, block_on};
use crate::audit::{AuditHash, AuditKind, digest};
use crate::model::{JobCounts, JobId, JobLine, JobResult, JobSource, JobState, OrderKey, ScreeningJob};

/// Most jobs of a tenant that run or whose lines are coming.
pub const JOBS_OPEN_MAX: usize = 10;
/// Most jobs of a tenant that have ended; older ones are removed with their results.
pub const JOBS_ENDED_MAX: usize = 20;
/// Most lines that come with a job.
pub const UPLOADED_LINES_MAX: u64 = 100_000;
/// Most stored order lines that a job judges.
pub const JOB_LINES_MAX: u64 = 1_000_000;
/// Most lines or results of gone jobs that are removed in one transaction.
const REMOVED_PER_COMMIT_MAX: usize = 1_000;

/// What came of starting a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobStart {
    /// It runs; or it was started before by the same request, and stands like this.
    Started(Box<ScreeningJob>),
    /// The tenant has [`JOBS_OPEN_MAX`] open.
    TooMany,
}

/// What came of sending lines for a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UploadOutcome {
    /// So many are there now.
    Lines(u64),
    /// It would be more than [`UPLOADED_LINES_MAX`], or more than [`JOBS_OPEN_MAX`] jobs; nothing was taken.
    TooMany,
    /// There is no such upload.
    Gone,
}

/// How far a job has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobStep {
    /// Which job.
    pub job: JobId,
    /// Results of the lines that follow those judged before, in their order.
    pub results: Vec<JobResult>,
    /// The last stored order line among them.
    pub after: Option<OrderKey>,
    /// How many lines there are, where that has been counted.
    pub line_count: Option<u64>,
    /// How long it has been running since the step before.
    pub running_millis: u64,
    /// Why it cannot go on; `None` while it can.
    pub failure: Option<String>,
}

/// What is remembered of the request that started a job.
#[derive(Serialize, Deserialize)]
pub(super) struct RememberedJob {
    content_hash: AuditHash,
    job: JobId,
}

/// A job whose lines are coming, or one that is gone but for its lines and results.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    line_count: u64,
    /// Over all lines so far.
    content_hash: AuditHash,
    pub is_gone: bool,
}

impl Store {
    /// Starts a job over stored order lines. The same request id with the same source gives the first job again.
    pub async fn start_job(&self, tenant: &str, request_id: &str, source: JobSource) -> Result<JobStart, StoreError> {
        within("request id", 0, request_id.len(), NAME_BYTES_MAX)?;
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        let hash = digest(&encode(&source)?);
        self.job(0, move |draft| draft.start_job(&tenant, &request_id, source.clone(), hash, None)).await
    }

    /// Makes room for the lines of a job, under the name that the job will have. Nothing when too many are open; a
    /// request that has started a job already is let in all the same.
    pub async fn begin_upload(&self, tenant: &str, request_id: &str) -> Result<Option<JobId>, StoreError> {
        within("request id", 0, request_id.len(), NAME_BYTES_MAX)?;
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        self.job(0, move |draft| draft.begin_upload(&tenant, &request_id)).await
    }

    /// Adds lines to an upload; durable when it returns.
    pub async fn add_job_lines(
        &self,
        tenant: &str,
        upload: JobId,
        lines: Vec<JobLine>,
    ) -> Result<UploadOutcome, StoreError> {
        let encoded = lines.iter().enumerate().map(|(index, line)| {
            let bytes = encode(line)?;
            within("line", index, bytes.len(), RECORD_BYTES_MAX).map(|()| bytes)
        });
        let lines = encoded.collect::<Result<Vec<_>, _>>()?;
        let (tenant, bytes) = (tenant.to_owned(), lines.iter().map(Vec::len).sum());
        self.job(bytes, move |draft| draft.add_job_lines(&tenant, upload, &lines)).await
    }

    /// Starts the job whose lines have come. The same request id with the same lines gives the first job again.
    pub async fn finish_upload(&self, tenant: &str, upload: JobId, request_id: &str) -> Result<JobStart, StoreError> {
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        let started = self.job(0, move |draft| draft.finish_upload(&tenant, upload, &request_id)).await?;
        started.ok_or_else(|| StoreError::Damaged { what: format!("upload {upload} is missing") })
    }

    /// Gives up an upload, so that its lines are removed.
    pub async fn drop_upload(&self, tenant: &str, upload: JobId) -> Result<(), StoreError> {
        let tenant = tenant.to_owned();
        self.job(0, move |draft| draft.drop_upload(&tenant, upload)).await
    }

    /// Cancels a job; one that has ended stays as it is. Nothing when there is none.
    pub async fn cancel_job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, StoreError> {
        let tenant = tenant.to_owned();
        self.job(0, move |draft| draft.cancel_job(&tenant, id)).await
    }

    /// Moves a running job on: its results and its place together, or neither. Ends it when all lines have their
    /// result. Nothing is written when it has ended meanwhile or is elsewhere; the job as it stands then.
    pub fn step_job_blocking(&self, tenant: &str, step: JobStep) -> Result<Option<ScreeningJob>, StoreError> {
        let encoded = step.results.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        let (tenant, bytes) = (tenant.to_owned(), encoded.iter().map(Vec::len).sum());
        block_on(self.job(bytes, move |draft| draft.step_job(&tenant, &step, &encoded)))
    }

    /// Gives up uploads that were cut off by the end of the service before; for its start only.
    pub fn drop_all_uploads_blocking(&self) -> Result<(), StoreError> {
        block_on(self.job(0, move |draft| draft.drop_all_uploads()))
    }

    /// Removes some lines and results of jobs that are gone; whether there may be more.
    pub fn sweep_jobs_blocking(&self) -> Result<bool, StoreError> {
        block_on(self.job(0, move |draft| draft.sweep_jobs()))
    }
}

impl Draft<'_> {
    fn start_job(
        &mut self,
        tenant: &str,
        request_id: &str,
        source: JobSource,
        content_hash: AuditHash,
        upload: Option<(JobId, u64)>,
    ) -> Result<JobStart, StoreError> {
        within("tenant", 0, tenant.len(), NAME_BYTES_MAX)?;
        let known = self.tables.tenants.get(tenant)?.map(|scope| scope.value());
        if let Some(scope) = known
            && let Some(remembered) = self.remembered_job(scope, request_id)?
        {
            if remembered.content_hash != content_hash {
                return Err(StoreError::RequestIdReused);
            }
            let job = self.screening_job(scope, remembered.job)?;
            let job = job.ok_or_else(|| StoreError::Damaged { what: format!("job {} is missing", remembered.job) })?;
            return Ok(JobStart::Started(Box::new(job)));
        }
        let scope = self.tables.scope_of(tenant)?;
        if upload.is_none() && self.open_job_count(scope)? >= JOBS_OPEN_MAX {
            return Ok(JobStart::TooMany);
        }
        let id = match upload {
            Some((id, _)) => id,
            None => self.next_job_id(scope)?,
        };
        let job = ScreeningJob {
            id,
            request_id: request_id.to_owned(),
            source,
            state: JobState::Running,
            through_sequence: self.newest_record_sequence(),
            line_count: upload.map(|(_, line_count)| line_count),
            counts: JobCounts::default(),
            after: None,
            running_millis: 0,
            created_at_millis: self.at_millis,
            ended_at_millis: None,
            failure: String::new(),
        };
        self.tables.jobs_running.insert((scope, id.0), ())?;
        let bytes = self.put_job(scope, &job)?;
        let remembered = encode(&RememberedJob { content_hash, job: id })?;
        self.tables.job_requests.insert((scope, request_id), remembered.as_slice())?;
        self.audit(scope, AuditKind::JobStarted, tenant.to_owned(), format!("job/{id}"), digest(&bytes))?;
        self.forget_old_jobs(scope)?;
        Ok(JobStart::Started(Box::new(job)))
    }

    fn begin_upload(&mut self, tenant: &str, request_id: &str) -> Result<Option<JobId>, StoreError> {
        within("tenant", 0, tenant.len(), NAME_BYTES_MAX)?;
        let scope = self.tables.scope_of(tenant)?;
        let is_repeated = self.remembered_job(scope, request_id)?.is_some();
        // A request that is sent again gets a place of its own, so that repeating cannot pile up either.
        if self.open_job_count(scope)? >= JOBS_OPEN_MAX + usize::from(is_repeated) {
            return Ok(None);
        }
        let id = self.next_job_id(scope)?;
        self.put_upload(scope, id.0, &Upload { line_count: 0, content_hash: [0; 32], is_gone: false })?;
        Ok(Some(id))
    }

    fn add_job_lines(&mut self, tenant: &str, id: JobId, lines: &[Vec<u8>]) -> Result<UploadOutcome, StoreError> {
        let Some((scope, mut upload)) = self.upload(tenant, id)? else { return Ok(UploadOutcome::Gone) };
        if upload.line_count + lines.len() as u64 > UPLOADED_LINES_MAX {
            return Ok(UploadOutcome::TooMany);
        }
        for line in lines {
            upload.line_count += 1;
            upload.content_hash = digest(&[upload.content_hash.as_slice(), line].concat());
            self.tables.job_lines.insert((scope, id.0, upload.line_count), line.as_slice())?;
        }
        self.put_upload(scope, id.0, &upload)?;
        Ok(UploadOutcome::Lines(upload.line_count))
    }

    fn finish_upload(&mut self, tenant: &str, id: JobId, request_id: &str) -> Result<Option<JobStart>, StoreError> {
        let Some((scope, upload)) = self.upload(tenant, id)? else { return Ok(None) };
        let lines = Some((id, upload.line_count));
        let started = self.start_job(tenant, request_id, JobSource::Uploaded, upload.content_hash, lines)?;
        match &started {
            JobStart::Started(job) if job.id == id => drop(self.tables.job_uploads.remove((scope, id.0))?),
            // The lines were sent before, under the same request.
            _ => self.put_upload(scope, id.0, &Upload { is_gone: true, ..upload })?,
        }
        Ok(Some(started))
    }

    fn drop_upload(&mut self, tenant: &str, id: JobId) -> Result<(), StoreError> {
        match self.upload(tenant, id)? {
            Some((scope, upload)) => self.put_upload(scope, id.0, &Upload { is_gone: true, ..upload }),
            None => Ok(()),
        }
    }

    fn drop_all_uploads(&mut self) -> Result<(), StoreError> {
        let keys = self.tables.job_uploads.iter()?.map(|row| Ok(row?.0.value()));
        let keys: Vec<(u32, u64)> = keys.collect::<Result<_, StoreError>>()?;
        for (scope, id) in keys {
            self.put_upload(scope, id, &Upload { line_count: 0, content_hash: [0; 32], is_gone: true })?;
        }
        Ok(())
    }

    fn cancel_job(&mut self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, StoreError> {
        let Some(scope) = self.tables.tenants.get(tenant)?.map(|scope| scope.value()) else { return Ok(None) };
        let Some(mut job) = self.screening_job(scope, id)? else { return Ok(None) };
        if job.state == JobState::Running {
            self.end_job(scope, &mut job, JobState::Cancelled)?;
            let bytes = self.put_job(scope, &job)?;
            self.audit(scope, AuditKind::JobCancelled, tenant.to_owned(), format!("job/{id}"), digest(&bytes))?;
        }
        Ok(Some(job))
    }

    fn step_job(
        &mut self,
        tenant: &str,
        step: &JobStep,
        encoded: &[Vec<u8>],
    ) -> Result<Option<ScreeningJob>, StoreError> {
        let Some(scope) = self.tables.tenants.get(tenant)?.map(|scope| scope.value()) else { return Ok(None) };
        let Some(mut job) = self.screening_job(scope, step.job)? else { return Ok(None) };
        let follows = |result: &JobResult| result.line == job.judged_count() + 1;
        if job.state != JobState::Running || !step.results.first().is_none_or(follows) {
            return Ok(Some(job));
        }
        for (result, bytes) in step.results.iter().zip(encoded) {
            job.counts.add(&result.outcome);
            self.tables.job_results.insert((scope, job.id.0, result.line), bytes.as_slice())?;
            self.tables.job_lines.remove((scope, job.id.0, result.line))?;
        }
        job.after = step.after.clone().or(job.after);
        job.line_count = step.line_count.or(job.line_count);
        job.running_millis += step.running_millis;
        if let Some(failure) = &step.failure {
            job.failure.clone_from(failure);
            self.end_job(scope, &mut job, JobState::Failed)?;
        } else if job.line_count == Some(job.judged_count()) {
            self.end_job(scope, &mut job, JobState::Done)?;
        }
        self.put_job(scope, &job)?;
        Ok(Some(job))
    }

    fn end_job(&mut self, scope: u32, job: &mut ScreeningJob, state: JobState) -> Result<(), StoreError> {
        (job.state, job.ended_at_millis) = (state, Some(self.at_millis));
        self.tables.jobs_running.remove((scope, job.id.0))?;
        Ok(())
    }

    /// Removes the oldest jobs that have ended where there are too many, all but their lines and results.
    fn forget_old_jobs(&mut self, scope: u32) -> Result<(), StoreError> {
        let rows = self.tables.jobs.range((scope, 0)..=(scope, u64::MAX))?;
        let jobs = rows.map(|row| decode::<ScreeningJob>(row?.1.value(), "job"));
        let mut ended = jobs.collect::<Result<Vec<_>, StoreError>>()?;
        ended.retain(|job| job.state != JobState::Running);
        for job in ended.iter().take(ended.len().saturating_sub(JOBS_ENDED_MAX)) {
            self.tables.jobs.remove((scope, job.id.0))?;
            self.tables.job_requests.remove((scope, job.request_id.as_str()))?;
            self.put_upload(scope, job.id.0, &Upload { line_count: 0, content_hash: [0; 32], is_gone: true })?;
        }
        Ok(())
    }

    fn sweep_jobs(&mut self) -> Result<bool, StoreError> {
        let mut gone = None;
        for row in self.tables.job_uploads.iter()? {
            let (key, value) = row?;
            if decode::<Upload>(value.value(), "upload")?.is_gone {
                gone = Some(key.value());
                break;
            }
        }
        let Some((scope, id)) = gone else { return Ok(false) };
        let mut removed = 0;
        for table in [&mut self.tables.job_lines, &mut self.tables.job_results] {
            let rows = table.extract_from_if((scope, id, 0)..=(scope, id, u64::MAX), |_, _| true)?;
            for row in rows.take(REMOVED_PER_COMMIT_MAX - removed) {
                row?;
                removed += 1;
            }
        }
        if removed < REMOVED_PER_COMMIT_MAX {
            self.tables.job_uploads.remove((scope, id))?;
        }
        self.is_changed = true;
        Ok(true)
    }

    fn remembered_job(&self, scope: u32, request_id: &str) -> Result<Option<RememberedJob>, StoreError> {
        let row = self.tables.job_requests.get((scope, request_id))?;
        row.map(|row| decode(row.value(), "job request")).transpose()
    }

    fn screening_job(&self, scope: u32, id: JobId) -> Result<Option<ScreeningJob>, StoreError> {
        self.tables.jobs.get((scope, id.0))?.map(|row| decode(row.value(), "job")).transpose()
    }

    fn put_job(&mut self, scope: u32, job: &ScreeningJob) -> Result<Vec<u8>, StoreError> {
        let bytes = encode(job)?;
        self.tables.jobs.insert((scope, job.id.0), bytes.as_slice())?;
        self.is_changed = true;
        Ok(bytes)
    }

    /// An upload whose lines are still coming.
    fn upload(&self, tenant: &str, id: JobId) -> Result<Option<(u32, Upload)>, StoreError> {
        let Some(scope) = self.tables.tenants.get(tenant)?.map(|scope| scope.value()) else { return Ok(None) };
        let Some(row) = self.tables.job_uploads.get((scope, id.0))? else { return Ok(None) };
        let upload: Upload = decode(row.value(), "upload")?;
        Ok((!upload.is_gone).then_some((scope, upload)))
    }

    fn put_upload(&mut self, scope: u32, id: u64, upload: &Upload) -> Result<(), StoreError> {
        self.tables.job_uploads.insert((scope, id), encode(upload)?.as_slice())?;
        self.is_changed = true;
        Ok(())
    }

    fn open_job_count(&self, scope: u32) -> Result<usize, StoreError> {
        let range = (scope, 0)..=(scope, u64::MAX);
        let mut count = self.tables.jobs_running.range(range.clone())?.count();
        for row in self.tables.job_uploads.range(range)? {
            count += usize::from(!decode::<Upload>(row?.1.value(), "upload")?.is_gone);
        }
        Ok(count)
    }

    fn next_job_id(&self, scope: u32) -> Result<JobId, StoreError> {
        let range = (scope, 0)..=(scope, u64::MAX);
        let job = self.tables.jobs.range(range.clone())?.next_back().transpose()?.map_or(0, |row| row.0.value().1);
        let upload = self.tables.job_uploads.range(range)?.next_back().transpose()?.map_or(0, |row| row.0.value().1);
        Ok(JobId(job.max(upload) + 1))
    }
}
