//! How rare the words of names are: learnt from the firms held, with a prior before anything is held.
//!
//! Come here to learn why `Trade` counts little and `Tulpar` much. Counts are kept in coarse steps, so that the weights
//! of earlier answers change seldom, and always as a function of the set of firms and not of their order.

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::weights::{NUMBER_BITS, PRIOR_NAMES, RARE_WORD_FREQUENCY};
use crate::normalize::{CommonWord, common_word};

/// Word counts over the names of the shared firms.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NameStatistics {
    counts: HashMap<String, u32>,
    firms: u32,
    epoch: u64,
    /// Words whose rounded counts changed since somebody asked.
    stepped: Vec<String>,
}

impl NameStatistics {
    /// Nothing learnt: only the prior of `data/translated_words.tsv`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bits that agreement on this word is worth.
    pub fn bits(&self, token: &str) -> f64 {
        if is_number(token) {
            return NUMBER_BITS;
        }
        let prior = prior_frequency(common_word(token));
        self.bits_from(token, prior, -prior.log2())
    }

    /// The same for a word that is no number, where the caller has looked it up already.
    pub(super) fn bits_from(&self, token: &str, prior: f64, prior_bits: f64) -> f64 {
        if self.firms == 0 {
            return prior_bits;
        }
        let learnt = middle(step(self.counts.get(token).copied().unwrap_or(0)));
        -((learnt + prior * PRIOR_NAMES) / (self.firms_rounded() + PRIOR_NAMES)).log2()
    }

    /// Several firms carry this word, so it is a word and not a typing error.
    pub fn is_attested(&self, token: &str) -> bool {
        self.counts.get(token).is_some_and(|count| step(*count) > 0)
    }

    /// Firms counted, rounded to a power of two.
    pub(super) fn firms_rounded(&self) -> f64 {
        match self.firms.checked_ilog2() {
            Some(power) => 1.5 * f64::from(power).exp2(),
            None => 0.0,
        }
    }

    /// Changes when any rounded count does; equal for equal sets of firms.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Words whose rounded counts changed since this was last called; a word may stand there twice.
    pub(super) fn take_stepped(&mut self) -> Vec<String> {
        std::mem::take(&mut self.stepped)
    }

    pub(super) fn count_firm(&mut self) {
        let before = self.firms.checked_ilog2();
        self.firms += 1;
        let after = self.firms.checked_ilog2();
        if before != after {
            self.epoch = self.epoch.wrapping_add(mix(u64::MAX, u64::from(after.unwrap_or(0))));
        }
    }

    pub(super) fn count_word(&mut self, token: &str) {
        if is_number(token) {
            return;
        }
        let count = self.counts.entry(token.to_owned()).or_insert(0);
        let before = step(*count);
        *count += 1;
        let after = step(*count);
        if before != after {
            self.epoch = self.epoch.wrapping_add(mix(super::keys::hash(b"word", token.as_bytes()), u64::from(after)));
            self.stepped.push(token.to_owned());
        }
    }
}

/// Counts below four are one step, then every factor of four is one.
fn step(count: u32) -> u32 {
    count.checked_ilog2().unwrap_or(0) / 2
}

fn middle(step: u32) -> f64 {
    if step == 0 { 1.0 } else { 2.0 * f64::from(2 * step).exp2() }
}

fn mix(value: u64, step: u64) -> u64 {
    let mut mixed = value ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}

/// How frequent a word is before anything is learnt.
pub(super) fn prior_frequency(common: Option<CommonWord>) -> f64 {
    common.map_or(RARE_WORD_FREQUENCY, |word| word.per_ten_thousand / 10_000.0)
}

pub(super) fn is_number(token: &str) -> bool {
    token.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::NameStatistics;

    #[test]
    fn common_words_weigh_less_and_learning_lowers_a_weight() {
        let mut statistics = NameStatistics::new();
        assert!(statistics.bits("trade") < 6.0 && statistics.bits("tulpar") > 10.0);
        let before = (statistics.bits("tulpar"), statistics.epoch());
        for _ in 0..40 {
            statistics.count_firm();
            statistics.count_word("tulpar");
        }
        assert!(statistics.bits("tulpar") < before.0 - 4.0);
        assert!(statistics.is_attested("tulpar") && !statistics.is_attested("tulpr"));
        assert_ne!(statistics.epoch(), before.1);
    }

    #[test]
    fn the_epoch_depends_on_the_set_and_not_on_the_order() {
        let words = ["a", "b", "a", "c", "a", "b", "a", "b", "b"];
        let (mut one, mut other) = (NameStatistics::new(), NameStatistics::new());
        words.iter().for_each(|word| one.count_word(word));
        words.iter().rev().for_each(|word| other.count_word(word));
        assert_eq!(one.epoch(), other.epoch());
    }
}
