//! Screening jobs: many order lines judged as one order would be, with progress and a result for each line.
//!
//! Come here for what a job is and what it remembers. How it is run is `screening`, how it lies in the store is `store`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Advice, Day, OrderKey, OrderLine, RecommendedAction};

/// Names a job within its tenant: from 1, in the order of their starts, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl FromStr for JobId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Which order lines a job judges.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum JobSource {
    /// Those stored when it was started, of these order days, both ends included.
    Stored {
        /// First day; `None` for the oldest.
        first_day: Option<Day>,
        /// Last day; `None` for the newest.
        last_day: Option<Day>,
    },
    /// Those that came with it.
    Uploaded,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum JobState {
    /// It waits or works.
    Running,
    /// Every line has its result.
    Done,
    /// Somebody cancelled it; the results it has stay.
    Cancelled,
    /// It could not go on; the results it has stay.
    Failed,
}

impl JobState {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// How many lines got which result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct JobCounts {
    /// Nothing speaks against them.
    pub release: u64,
    /// A person should look.
    pub review: u64,
    /// They should not ship before a person has cleared them.
    pub hold: u64,
    /// Another order line of that name is stored.
    pub conflict: u64,
    /// They break the rules for records.
    pub rejected: u64,
}

impl JobCounts {
    /// Counts a result.
    pub fn add(&mut self, outcome: &JobOutcome) {
        let count = match outcome {
            JobOutcome::Judged(advice) => match advice.action {
                RecommendedAction::Release => &mut self.release,
                RecommendedAction::Review => &mut self.review,
                RecommendedAction::Hold => &mut self.hold,
            },
            JobOutcome::Conflict => &mut self.conflict,
            JobOutcome::Rejected(_) => &mut self.rejected,
        };
        *count += 1;
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.release + self.review + self.hold + self.conflict + self.rejected
    }
}

/// A job as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScreeningJob {
    /// Its name.
    pub id: JobId,
    /// The request that started it.
    pub request_id: String,
    /// Which lines.
    pub source: JobSource,
    /// Where it stands.
    pub state: JobState,
    /// The last record that was stored when it was started: it judges beside these, and of these.
    pub through_sequence: u64,
    /// How many lines there are; `None` until they are counted.
    pub line_count: Option<u64>,
    /// How many have their result, by result.
    pub counts: JobCounts,
    /// The last stored order line that has its result.
    pub after: Option<OrderKey>,
    /// How long it has been running, without the time in which no service ran.
    pub running_millis: u64,
    /// When it was started, in milliseconds since 1970.
    pub created_at_millis: u64,
    /// When it ended.
    pub ended_at_millis: Option<u64>,
    /// Why it failed; empty unless it did.
    pub failure: String,
}

impl ScreeningJob {
    /// How many lines have their result.
    pub fn judged_count(&self) -> u64 {
        self.counts.total()
    }

    /// Which share of the lines has its result; nothing until they are counted.
    pub fn share(&self) -> Option<f64> {
        match self.line_count? {
            0 => Some(1.0),
            count => Some(self.judged_count() as f64 / count as f64),
        }
    }

    /// Lines judged in a second of running.
    pub fn lines_per_second(&self) -> f64 {
        match self.running_millis {
            0 => 0.0,
            millis => self.judged_count() as f64 * 1_000.0 / millis as f64,
        }
    }

    /// How long it will take at this rate; nothing while that cannot be told, and when it has ended.
    pub fn seconds_left(&self) -> Option<f64> {
        let rate = self.lines_per_second();
        let left = self.line_count?.saturating_sub(self.judged_count());
        (self.state == JobState::Running && rate > 0.0).then(|| left as f64 / rate)
    }
}

/// One line that came with a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum JobLine {
    /// A good one.
    Order(Box<OrderLine>),
    /// One that breaks the rules for records, as far as its name can be read.
    Rejected(OrderKey, Vec<LineFault>),
}

/// One thing that is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineFault {
    /// Column of the contract; empty when it is the line as a whole.
    pub field: String,
    /// Why, in one stable word.
    pub reason: String,
    /// What was expected, in one sentence.
    pub description: String,
    /// The value, shortened.
    pub value: String,
}

/// What a job found on one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JobResult {
    /// Its place in the job, from 1.
    pub line: u64,
    /// Which order line.
    pub order: OrderKey,
    /// What came of it.
    pub outcome: JobOutcome,
}

/// What came of one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum JobOutcome {
    /// What to do with it, and why.
    Judged(Box<Advice>),
    /// Another order line of this name is stored.
    Conflict,
    /// It breaks the rules for records.
    Rejected(Vec<LineFault>),
}

impl JobOutcome {
    /// The word in tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Judged(_) => "judged",
            Self::Conflict => "conflict",
            Self::Rejected(_) => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JobCounts, JobId, JobSource, JobState, ScreeningJob};

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        let mut job = ScreeningJob {
            id: JobId(7),
            request_id: "a".to_owned(),
            source: JobSource::Uploaded,
            state: JobState::Running,
            through_sequence: 0,
            line_count: None,
            counts: JobCounts::default(),
            after: None,
            running_millis: 0,
            created_at_millis: 1,
            ended_at_millis: None,
            failure: String::new(),
        };
        assert_eq!((job.share(), job.lines_per_second(), job.seconds_left()), (None, 0.0, None));
        job.line_count = Some(400);
        assert_eq!((job.share(), job.seconds_left()), (Some(0.0), None), "no rate, no time left");
        (job.counts.release, job.counts.hold, job.running_millis) = (70, 30, 2_000);
        assert_eq!((job.share(), job.lines_per_second(), job.seconds_left()), (Some(0.25), 50.0, Some(6.0)));
        job.state = JobState::Cancelled;
        assert_eq!((job.share(), job.seconds_left()), (Some(0.25), None), "what has ended has no time left");
        (job.line_count, job.counts) = (Some(0), JobCounts::default());
        assert_eq!(job.share(), Some(1.0));
    }
}
