//! What papers write, folded so that equal things become equal: names, scripts, legal forms, identifiers, addresses,
//! tariff codes, part numbers, descriptions, units and currencies.
//!
//! Come here to learn why two spellings meet. Everything is a pure function of its text and of the small tables in
//! `data/`. Nothing here decides whether two parties or goods are the same: that is `resolve` and `goods`.

// Parties.
mod addresses;
mod common_words;
mod contacts;
mod identifiers;
mod legal_forms;
mod letters;
mod mentions;
mod names;
mod script;
mod table_hasher;

pub use addresses::address;
pub use common_words::{
    CommonWord, Spelling, WordClass, WordEntry, common_word, is_ending, is_mixed, letters_of, word_entry,
};
pub use contacts::{email_domain, person, phone};
pub use identifiers::identifier;
pub use mentions::{mention, mention_with};
pub use names::name;
pub use script::skeleton;

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
