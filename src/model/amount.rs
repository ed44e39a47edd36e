//! Exact decimal amounts: quantities, weights and money, never floating point.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// A decimal number with six digits after the point, held as an integer count of millionths.
///
/// Range about +-9.2 * 10^12; sums saturate instead of wrapping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Amount(i64);

/// Why a text is no amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number with a point.
    #[error("not a decimal number")]
    NotANumber,
    /// Beyond the range or finer than six digits after the point.
    #[error("out of range or more than six digits after the point")]
    OutOfRange,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Millionths in one.
    pub const SCALE: i64 = 1_000_000;

    /// The amount of this many millionths.
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// A whole number.
    pub const fn from_whole(whole: i64) -> Self {
        Self(whole.saturating_mul(Self::SCALE))
    }

    /// The nearest amount to a floating number; saturates, and not-a-number gives zero.
    pub fn from_f64_rounded(number: f64) -> Self {
        Self((number * Self::SCALE as f64).round() as i64)
    }

    /// Millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// As a floating number, for scoring only.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }

    /// Sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Difference, not below zero.
    #[must_use]
    pub fn minus_floor(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// True above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iterator: I) -> Self {
        iterator.fold(Self::ZERO, Self::plus)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let decimal = Decimal::from_str(text).map_err(|_| AmountError::NotANumber)?;
        let scaled = decimal.checked_mul(Decimal::from(Self::SCALE)).ok_or(AmountError::OutOfRange)?;
        if !scaled.fract().is_zero() {
            return Err(AmountError::OutOfRange);
        }
        scaled.to_i64().map(Self).ok_or(AmountError::OutOfRange)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = Decimal::new(self.0, 6).normalize();
        fmt::Display::fmt(&decimal, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, AmountError};

    #[test]
    fn amounts_are_exact_and_shown_without_trailing_zeros() {
        let cases = [("0.1", 100_000, "0.1"), ("8.0", 8_000_000, "8"), ("-2.50", -2_500_000, "-2.5"), ("0", 0, "0")];
        for (text, millionths, shown) in cases {
            let amount: Amount = text.parse().unwrap();
            assert_eq!((amount.millionths(), amount.to_string().as_str()), (millionths, shown));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "1,5", "abc", "1.2.3", "NaN", "0x10"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::NotANumber), "{text}");
        }
        for text in ["0.0000001", "99999999999999", "123456789012345678901234567"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::OutOfRange), "{text}");
        }
    }
}
