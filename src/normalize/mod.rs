//! The normalize room: names, scripts, identifiers, codes and units folded so that equal things become equal.
//!
//! Come here to turn what a paper says into comparable form. What the forms mean together is judged elsewhere.

// Goods.
mod currencies;
mod descriptions;
mod glossary;
mod goods;
mod goods_letters;
mod gtin;
mod hs;
mod part_numbers;
mod serials;
mod units;

pub use currencies::{RATE_AGE_DAYS_MAX, Rates, RatesError, currency};
pub use goods::{brand, goods};
pub use goods_letters::sound_key;
pub use gtin::gtin;
pub use hs::{Correlation, correlation, hs_code};
pub use part_numbers::{MODEL_TOKENS_MAX, part_number};
pub use serials::{SERIAL_RANGE_MAX, SERIALS_MAX, lots, serials};
pub use units::unit;
