//! The names of metrics, with what they count. Labels are words of the program: never a name, an identifier or goods.
//!
//! Come here to add a metric; a test holds `docs/operating.md` against the list. Rooms record by the `metrics` facade,
//! which costs nothing while nobody listens.

/// Records that were answered, by kind and outcome.
pub const RECORDS: &str = "onward_records_total";
/// Batches that were answered: done, slow_down, refused.
pub const BATCHES: &str = "onward_batches_total";
/// What was refused because there was too much of it, by what it is.
pub const SHED: &str = "onward_shed_total";
/// Connections that are open, after their TLS handshake.
pub const CONNECTIONS_OPEN: &str = "onward_connections_open";
/// Connections that were ended because of what their client did or did not do, by what it was.
pub const CONNECTIONS_CUT: &str = "onward_connections_cut_total";
/// Batches that are being worked on.
pub const BATCHES_IN_WORK: &str = "onward_batches_in_work";
/// When the last batch of a kind was stored, in seconds since 1970.
pub const LAST_BATCH: &str = "onward_last_batch_unix_seconds";
/// Calls that ended, by method and gRPC code.
pub const CALLS: &str = "onward_calls_total";
/// Calls that are open, streams included.
pub const CALLS_OPEN: &str = "onward_calls_open";
/// How long calls took, streams included.
pub const CALL_SECONDS: &str = "onward_call_seconds";
/// From the commit of an alert event to its handing over to a watcher who was there.
pub const ALERT_LAG: &str = "onward_alert_lag_seconds";
/// How long a round of judging took.
pub const JUDGE_SECONDS: &str = "onward_judge_seconds";
/// How long a transaction took, from its first batch until it was on the disk.
pub const COMMIT_SECONDS: &str = "onward_commit_seconds";
/// Findings that were judged again on demand, by outcome; `other_bytes` and `overdue` are faults.
pub const REPLAYS: &str = "onward_replays_total";
/// Lines of screening jobs that got their result, by outcome.
pub const JOB_LINES: &str = "onward_job_lines_total";
/// Screening jobs that wait or work.
pub const JOBS_RUNNING: &str = "onward_jobs_running";
/// Records that are stored and not judged yet.
pub const RECORDS_WAITING: &str = "onward_records_waiting";
/// Size of the store file.
pub const STORE_BYTES: &str = "onward_store_bytes";
/// Whether the store can be written to: 1 or 0.
pub const STORE_WRITABLE: &str = "onward_store_writable";
/// How often the store opened itself again after a fault of the disk.
pub const STORE_REOPENINGS: &str = "onward_store_reopenings_total";

/// Outcomes of records: the label, and how the name of the status on the wire ends.
pub const OUTCOMES: [(&str, &str); 4] =
    [("stored", "_STORED"), ("unchanged", "_UNCHANGED"), ("conflict", "_CONFLICT"), ("rejected", "_REJECTED")];

/// Every metric, with its description.
pub(super) const ALL: [(&str, Kind, &str); 20] = [
    (RECORDS, Kind::Counter, "Records that were answered, by kind and outcome."),
    (BATCHES, Kind::Counter, "Batches that were answered: done, slow_down, refused."),
    (SHED, Kind::Counter, "What was refused because there was too much of it, by what it is."),
    (CONNECTIONS_OPEN, Kind::Gauge, "Connections that are open, after their TLS handshake."),
    (CONNECTIONS_CUT, Kind::Counter, "Connections that were ended because of what their client did, by what it was."),
    (BATCHES_IN_WORK, Kind::Gauge, "Batches that are being worked on."),
    (LAST_BATCH, Kind::Gauge, "When the last batch of a kind was stored, in seconds since 1970."),
    (CALLS, Kind::Counter, "Calls that ended, by method and gRPC code."),
    (CALLS_OPEN, Kind::Gauge, "Calls that are open, streams included."),
    (CALL_SECONDS, Kind::Histogram, "How long calls took, streams included."),
    (ALERT_LAG, Kind::Histogram, "From the commit of an alert event to its handing over to a watcher who was there."),
    (JUDGE_SECONDS, Kind::Histogram, "How long a round of judging took."),
    (COMMIT_SECONDS, Kind::Histogram, "How long a transaction took, until it was on the disk."),
    (REPLAYS, Kind::Counter, "Findings that were judged again; other_bytes and overdue are faults."),
    (JOB_LINES, Kind::Counter, "Lines of screening jobs that got their result, by outcome."),
    (JOBS_RUNNING, Kind::Gauge, "Screening jobs that wait or work."),
    (RECORDS_WAITING, Kind::Gauge, "Records that are stored and not judged yet."),
    (STORE_BYTES, Kind::Gauge, "Size of the store file."),
    (STORE_WRITABLE, Kind::Gauge, "Whether the store can be written to: 1 or 0."),
    (STORE_REOPENINGS, Kind::Counter, "How often the store opened itself again after a fault of the disk."),
];

/// How a metric behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Is what it is now.
    Gauge,
    /// Is spread over buckets.
    Histogram,
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn the_handbook_names_every_metric() {
        let handbook = include_str!("../../docs/operating.md");
        for (name, _, _) in ALL {
            assert!(handbook.contains(&format!("| `{name}` |")), "docs/operating.md has no row for {name}");
        }
    }
}
