//! What the days between two papers say: weights of a lag against papers that have nothing to do with the order.
//!
//! The curves are likelihood ratios of diverted goods against an even spread over half a year.
//! Anchor: DOMAIN facts give only "same month" cases and transit times; the rest was estimated on simulated worlds,
//! see `docs/detection.md`.

use crate::model::Bits;

/// From which day a lag counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// The arrival of this very order line in the ostensible destination.
    Arrival,
    /// The day the goods left the exporter, or the order date plus three days where that is unknown.
    Despatch,
}

/// (lag in days, bits), linear between the points, flat outside.
type Curve = &'static [(i32, f64)];

const AFTER_ARRIVAL: Curve = &[
    (-40, -9.0),
    (-3, -7.0),
    (0, -1.0),
    (2, 0.6),
    (6, 1.6),
    (20, 1.6),
    (35, 0.9),
    (55, 0.0),
    (80, -1.2),
    (120, -2.6),
    (200, -4.0),
    (400, -6.0),
];

const AFTER_DESPATCH: Curve = &[
    (-30, -9.0),
    (2, -5.0),
    (6, -1.2),
    (12, 0.2),
    (20, 1.0),
    (40, 1.3),
    (60, 0.6),
    (80, -0.5),
    (120, -2.2),
    (200, -4.0),
    (400, -6.0),
];

const BETWEEN_HOPS: Curve =
    &[(-5, -9.0), (0, -0.5), (2, 0.8), (10, 1.4), (25, 1.2), (45, 0.3), (70, -1.0), (120, -2.8), (300, -5.0)];

fn on_curve(curve: Curve, lag_days: i32) -> Bits {
    let after = curve.partition_point(|(day, _)| *day <= lag_days);
    let bits = match (after.checked_sub(1).and_then(|index| curve.get(index)), curve.get(after)) {
        (Some((day_before, bits_before)), Some((day_after, bits_after))) => {
            let share = f64::from(lag_days - day_before) / f64::from(day_after - day_before);
            bits_before + share * (bits_after - bits_before)
        }
        (Some((_, bits)), None) | (None, Some((_, bits))) => *bits,
        (None, None) => 0.0,
    };
    Bits::from_f64(bits)
}

/// Weight of the days between the anchor and the first paper on which the buyer sends the goods on.
pub fn timing_bits(anchor: Anchor, lag_days: i32) -> Bits {
    match anchor {
        Anchor::Arrival => on_curve(AFTER_ARRIVAL, lag_days),
        Anchor::Despatch => on_curve(AFTER_DESPATCH, lag_days),
    }
}

/// Weight of the days between two papers of one path.
pub fn hop_timing_bits(lag_days: i32) -> Bits {
    on_curve(BETWEEN_HOPS, lag_days)
}

#[cfg(test)]
mod tests {
    use super::{AFTER_ARRIVAL, AFTER_DESPATCH, Anchor, BETWEEN_HOPS, timing_bits};

    #[test]
    fn curves_are_in_order_of_days_and_pass_through_their_points() {
        for curve in [AFTER_ARRIVAL, AFTER_DESPATCH, BETWEEN_HOPS] {
            assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        assert_eq!(timing_bits(Anchor::Arrival, 6).to_f64(), 1.6);
        assert_eq!(timing_bits(Anchor::Arrival, 4).to_f64(), 1.1);
    }

    #[test]
    fn goods_cannot_go_on_before_they_are_there() {
        assert!(timing_bits(Anchor::Arrival, -10).to_f64() < -6.0);
        assert!(timing_bits(Anchor::Despatch, -10).to_f64() < -4.0);
        assert!(timing_bits(Anchor::Arrival, 10_000) < timing_bits(Anchor::Arrival, 50));
    }
}
