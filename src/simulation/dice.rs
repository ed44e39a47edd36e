//! Randomness that depends on the seed and on what it is for, and on nothing else.
//!
//! Every entity throws its own dice, so that a company can be made again from its index alone. Only integer and
//! basic floating arithmetic is used: libraries disagree in the last digit of logarithms.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Deciles;

/// What dice are thrown for. Part of what the stream is derived from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The parts that makers offer.
    Part = 1,
    /// A company.
    Firm = 2,
    /// The stories of a block.
    Story = 3,
    /// The order of rows in a block.
    Shuffle = 4,
    /// The head of a paper.
    Paper = 5,
    /// A line of a paper.
    PaperLine = 6,
    /// The honest trade of a block.
    Honest = 7,
    /// The rates of a world.
    Rates = 8,
}

/// A stream of random numbers.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of one entity.
    pub(super) fn of(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        key[24..].copy_from_slice(b"onward01");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A whole number below `bound`; zero when the bound is zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A whole number in a range, both ends included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as u64 + 1) as i64
    }

    /// A number from zero to below one.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in a range.
    pub(super) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list that is never empty by construction; the default when it is.
    pub(super) fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        list.get(self.below(list.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// A place in a list of this length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A place in a list of weights.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        weights.len().saturating_sub(1)
    }

    /// A number with these deciles, linear between them.
    pub(super) fn deciles(&mut self, deciles: &Deciles) -> f64 {
        let place = self.unit() * 10.0;
        let step = (place as usize).min(9);
        let (low, high) = (deciles.0[step], deciles.0[step + 1]);
        low + (high - low) * (place - step as f64)
    }

    /// The same, as whole days.
    pub(super) fn days(&mut self, deciles: &Deciles) -> i32 {
        self.deciles(deciles) as i32
    }

    /// Puts a list in random order.
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dice, Purpose};
    use crate::simulation::Deciles;

    #[test]
    fn dice_follow_seed_purpose_and_index() {
        let roll = |seed, purpose, index| Dice::of(seed, purpose, index).below(u64::MAX);
        let first = roll(1, Purpose::Firm, 7);
        assert_eq!(first, roll(1, Purpose::Firm, 7));
        for other in [roll(2, Purpose::Firm, 7), roll(1, Purpose::Story, 7), roll(1, Purpose::Firm, 8)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn draws_stay_inside_their_bounds_and_reach_them() {
        let mut dice = Dice::of(3, Purpose::Story, 0);
        let deciles = Deciles([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        let mut seen = [false; 4];
        for _ in 0..1000 {
            seen[dice.below(4) as usize] = true;
            assert!((-2..=2).contains(&dice.between(-2, 2)));
            assert!((1.0..=11.0).contains(&dice.deciles(&deciles)));
            assert!(dice.weighted(&[0.0, 1.0, 0.0]) == 1);
        }
        assert_eq!((seen, dice.below(0)), ([true; 4], 0));
    }
}
