//! The evidence of a finding as a set of marks, so that later evidence can be compared with it and the news be named.
//!
//! Come here for what counts as the goods, the parties, the flags and the path of a finding. A mark is a hash of one
//! such fact: an alert keeps the marks and not the texts. What a change of them means is decided in `alerts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DocumentKey, EvidenceKind, Finding, IndicatorOutcome, Link, Probability};

/// Links below this probability are what else was thought of: they come and go without any new fact.
const LINK_PROBABILITY_MIN_MILLIONTHS: u32 = 100_000;
/// Most marks of one kind that are kept one by one; one more stands for all together.
pub const MARKS_MAX: usize = 255;

/// Marks by what they stand for, each list in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EvidenceMarks {
    /// What the onward papers call the goods.
    pub goods: Vec<u64>,
    /// Who sent and received the goods.
    pub parties: Vec<u64>,
    /// Red flags that are up.
    pub flags: Vec<u64>,
    /// Onward papers with the papers between.
    pub path: Vec<u64>,
}

/// The facts behind the marks, in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EvidenceFacts {
    /// See [`EvidenceMarks::goods`].
    pub goods: BTreeMap<u64, String>,
    /// See [`EvidenceMarks::parties`].
    pub parties: BTreeMap<u64, String>,
    /// See [`EvidenceMarks::flags`].
    pub flags: BTreeMap<u64, String>,
    /// See [`EvidenceMarks::path`].
    pub path: BTreeMap<u64, String>,
}

impl EvidenceMarks {
    /// The marks of a finding.
    pub fn of(finding: &Finding) -> Self {
        EvidenceFacts::of(finding).marks()
    }
}

impl EvidenceFacts {
    /// The facts of a finding that would make a person look again if they were new.
    pub fn of(finding: &Finding) -> Self {
        let mut facts = Self::default();
        for link in finding.links.iter().filter(|link| is_telling(link.probability)) {
            facts.take(link);
        }
        for indicator in finding.indicators.iter().filter(|result| result.outcome == IndicatorOutcome::Raised) {
            put(&mut facts.flags, indicator.indicator.clone());
        }
        facts
    }

    /// The marks of these facts.
    pub fn marks(&self) -> EvidenceMarks {
        EvidenceMarks {
            goods: marks(&self.goods),
            parties: marks(&self.parties),
            flags: marks(&self.flags),
            path: marks(&self.path),
        }
    }

    fn take(&mut self, link: &Link) {
        for evidence in link.evidence.iter().filter(|evidence| !evidence.theirs.is_empty()) {
            let facts = match evidence.kind {
                EvidenceKind::Identifier | EvidenceKind::Name => &mut self.parties,
                EvidenceKind::SerialNumber
                | EvidenceKind::LotNumber
                | EvidenceKind::PartNumber
                | EvidenceKind::Gtin
                | EvidenceKind::Brand
                | EvidenceKind::HsCode
                | EvidenceKind::Description => &mut self.goods,
                _ => continue,
            };
            put(facts, evidence.theirs.clone());
        }
        put(&mut self.parties, link.onward_consignee.clone());
        let way: Vec<String> = link.path.iter().chain([&link.onward]).map(paper).collect();
        put(&mut self.path, way.join(", then "));
    }
}

fn is_telling(probability: Probability) -> bool {
    probability.millionths() >= LINK_PROBABILITY_MIN_MILLIONTHS
}

fn paper(key: &DocumentKey) -> String {
    let feed = if key.feed.is_empty() { String::new() } else { format!(" of {}", key.feed) };
    format!("{} {} line {}{feed}", key.kind.as_str(), key.number, key.line_no)
}

fn put(facts: &mut BTreeMap<u64, String>, fact: String) {
    if !fact.is_empty() {
        facts.insert(mark(fact.as_bytes()), fact);
    }
}

fn marks(facts: &BTreeMap<u64, String>) -> Vec<u64> {
    let mut marks: Vec<u64> = facts.keys().copied().collect();
    if marks.len() > MARKS_MAX {
        let all: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
        marks.truncate(MARKS_MAX);
        marks.push(mark(&all));
    }
    marks
}

fn mark(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
