//! The weights under which true ways would have been chosen most often: a conditional logit with a prior.
//!
//! Every onward paper is a choice: one of its ways, or goods of another seller, which always weighs nothing. The
//! probability of a way is its odds over the sum of all odds, just as `flow` shares a paper out. The weights maximise
//! the probability of what is true, less the squared distance from what was assumed (McFadden 1974; the prior makes it a
//! maximum a posteriori estimate). The problem is convex, so Newton's method ends at the one best answer.

/// One way, as a row of numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Way {
    /// Rows of the table that count, with their shares.
    pub shares: Vec<(usize, f64)>,
    /// What counts besides, in bits: the identity of the firms.
    pub offset_bits: f64,
    /// Whether goods really went this way.
    pub is_true: bool,
}

/// One onward paper and the ways that may explain it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Choice {
    /// All of them.
    pub ways: Vec<Way>,
}

/// An estimate.
#[derive(Clone, PartialEq, Debug)]
pub struct Fit {
    /// Bits for each row.
    pub bits: Vec<f64>,
    /// True ways behind each row.
    pub links: Vec<u32>,
    /// What is left unexplained, in bits a choice.
    pub loss_bits: f64,
}

/// Newton steps at most; ten are usual.
const STEPS_MAX: usize = 60;
/// A step that moves no weight by more than this many bits is the last.
const STEP_BITS_MIN: f64 = 1e-7;
/// How often a step is halved before it is given up.
const HALVINGS_MAX: usize = 30;

const NATS_PER_BIT: f64 = std::f64::consts::LN_2;

/// Estimates a weight for each row. `spread_bits` is the standard deviation of the prior around what is assumed.
pub fn fit(choices: &[Choice], assumed: &[f64], spread_bits: f64) -> Fit {
    let problem = Problem { choices, assumed, pull: 1.0 / (spread_bits * spread_bits) };
    let mut bits = assumed.to_vec();
    let mut loss = problem.loss(&bits);
    for _ in 0..STEPS_MAX {
        let (gradient, curvature) = problem.slope(&bits);
        let Some(step) = solved(curvature, gradient) else { break };
        let mut share = 1.0;
        let better = (0..HALVINGS_MAX).find_map(|_| {
            let next: Vec<f64> = bits.iter().zip(&step).map(|(bits, step)| bits - share * step).collect();
            share /= 2.0;
            Some((problem.loss(&next), next)).filter(|(next_loss, _)| *next_loss < loss)
        });
        let Some((next_loss, next)) = better else { break };
        let moved = bits.iter().zip(&next).map(|(old, new)| (old - new).abs()).fold(0.0, f64::max);
        (bits, loss) = (next, next_loss);
        if moved < STEP_BITS_MIN {
            break;
        }
    }
    let unexplained = problem.data_loss(&bits) / NATS_PER_BIT / choices.len().max(1) as f64;
    Fit { bits, links: links(choices, assumed.len()), loss_bits: unexplained }
}

fn links(choices: &[Choice], rows: usize) -> Vec<u32> {
    let mut links = vec![0; rows];
    for way in choices.iter().flat_map(|choice| &choice.ways).filter(|way| way.is_true) {
        way.shares.iter().filter(|(_, share)| *share >= 0.5).for_each(|(row, _)| links[*row] += 1);
    }
    links
}

struct Problem<'a> {
    choices: &'a [Choice],
    assumed: &'a [f64],
    /// Nats for a squared bit of distance from what is assumed, doubled.
    pull: f64,
}

impl Problem<'_> {
    fn loss(&self, bits: &[f64]) -> f64 {
        let prior: f64 = bits.iter().zip(self.assumed).map(|(bits, assumed)| (bits - assumed).powi(2)).sum();
        self.data_loss(bits) + self.pull / 2.0 * prior
    }

    /// Nats that the truth surprises by.
    fn data_loss(&self, bits: &[f64]) -> f64 {
        let surprise = |choice: &Choice| {
            let (logs, total) = odds(choice, bits);
            let true_count = choice.ways.iter().filter(|way| way.is_true).count();
            let of_true: f64 = choice.ways.iter().zip(&logs).filter(|(way, _)| way.is_true).map(|(_, log)| log).sum();
            total - if true_count == 0 { 0.0 } else { of_true / true_count as f64 }
        };
        self.choices.iter().map(surprise).sum()
    }

    /// Gradient and second derivatives of the loss, the latter as a full square by rows.
    fn slope(&self, bits: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let rows = bits.len();
        let mut gradient: Vec<f64> =
            bits.iter().zip(self.assumed).map(|(bits, assumed)| self.pull * (bits - assumed)).collect();
        let mut curvature = vec![0.0; rows * rows];
        (0..rows).for_each(|row| curvature[row * rows + row] = self.pull);
        let mut mean = vec![0.0; rows];
        for choice in self.choices {
            let (logs, total) = odds(choice, bits);
            let true_count = choice.ways.iter().filter(|way| way.is_true).count().max(1) as f64;
            let mut touched: Vec<usize> = Vec::new();
            for (way, log) in choice.ways.iter().zip(&logs) {
                let probability = (log - total).exp();
                let excess = probability - if way.is_true { 1.0 / true_count } else { 0.0 };
                for (row, share) in &way.shares {
                    gradient[*row] += NATS_PER_BIT * excess * share;
                    mean[*row] += probability * share;
                    touched.push(*row);
                    for (other, other_share) in &way.shares {
                        curvature[row * rows + other] +=
                            NATS_PER_BIT * NATS_PER_BIT * probability * share * other_share;
                    }
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for row in &touched {
                for other in &touched {
                    curvature[row * rows + other] -= NATS_PER_BIT * NATS_PER_BIT * mean[*row] * mean[*other];
                }
            }
            touched.iter().for_each(|row| mean[*row] = 0.0);
        }
        (gradient, curvature)
    }
}

/// Natural logarithms of the odds of each way, and of the sum of all odds, "another seller" included.
fn odds(choice: &Choice, bits: &[f64]) -> (Vec<f64>, f64) {
    let log = |way: &Way| {
        let sum: f64 = way.shares.iter().map(|(row, share)| bits[*row] * share).sum();
        NATS_PER_BIT * (sum + way.offset_bits)
    };
    let logs: Vec<f64> = choice.ways.iter().map(log).collect();
    let top = logs.iter().copied().fold(0.0, f64::max);
    let total = top + (logs.iter().map(|log| (log - top).exp()).sum::<f64>() + (-top).exp()).ln();
    (logs, total)
}

/// Solves a symmetric positive definite system by Cholesky's decomposition, in place; `None` when it is not one.
/// Thirty lines of our own: the system has some hundred rows and is solved a dozen times, only when weights are
/// estimated, which is no reason for a linear algebra library.
fn solved(mut square: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|place| square[row * size + place] * square[column * size + place]).sum();
            let rest = square[row * size + column] - known;
            if row != column {
                square[row * size + column] = rest / square[column * size + column];
            } else if rest > 0.0 {
                square[row * size + row] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    for row in 0..size {
        let known: f64 = (0..row).map(|place| square[row * size + place] * right[place]).sum();
        right[row] = (right[row] - known) / square[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|place| square[place * size + row] * right[place]).sum();
        right[row] = (right[row] - known) / square[row * size + row];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::{Choice, Way, fit, solved};

    fn way(rows: &[usize], is_true: bool) -> Way {
        Way { shares: rows.iter().map(|row| (*row, 1.0)).collect(), offset_bits: 0.0, is_true }
    }

    #[test]
    fn a_system_is_solved() {
        let found = solved(vec![4.0, 2.0, 2.0, 3.0], vec![10.0, 9.0]).unwrap();
        assert!((found[0] - 1.5).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12, "{found:?}");
        assert_eq!(solved(vec![1.0, 2.0, 2.0, 1.0], vec![1.0, 1.0]), None);
    }

    #[test]
    fn frequencies_come_back_as_odds() {
        // Of a hundred papers with one such way each, eighty went it: odds of four to one are two bits.
        let choices: Vec<Choice> = (0..100).map(|number| Choice { ways: vec![way(&[0], number < 80)] }).collect();
        let found = fit(&choices, &[0.0], 100.0);
        assert!((found.bits[0] - 2.0).abs() < 0.01, "{found:?}");
        assert_eq!(found.links, [80]);
    }

    #[test]
    fn where_nothing_is_known_the_assumption_stands() {
        let found = fit(&[Choice { ways: vec![way(&[0], true)] }], &[1.0, -3.0], 1.0);
        assert!(found.bits[0] > 1.0 && found.bits[0] < 2.0, "one paper moves it a little: {found:?}");
        assert_eq!(found.bits[1], -3.0);
    }

    #[test]
    fn ways_of_one_paper_compete() {
        // The second reading tells the true one of two ways apart; the first is shared by both and by strangers.
        let pair = || Choice { ways: vec![way(&[0, 1], true), way(&[0], false)] };
        let stranger = || Choice { ways: vec![way(&[0], false)] };
        let choices: Vec<Choice> = (0..50).flat_map(|_| [pair(), stranger()]).collect();
        let found = fit(&choices, &[0.0, 0.0], 2.0);
        assert!(found.bits[1] > 3.0 && found.bits[0] < 0.0, "{found:?}");
    }
}
