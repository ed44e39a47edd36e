//! What papers write, folded into forms that can be compared: names, scripts, legal forms, identifiers, addresses.
//!
//! Come here to learn why two spellings meet. Everything is a pure function of its text and of the small tables in
//! `data/`. Nothing here decides whether two parties or goods are the same: that is `resolve` and `goods`.

// -- parties --------------------------------------------------------------------------------------------------
mod addresses;
mod common_words;
mod contacts;
mod identifiers;
mod legal_forms;
mod mentions;
mod names;
mod script;

pub use addresses::address;
pub use common_words::{CommonWord, Spelling, WordEntry, common_word, letters_of, word_entry};
pub use contacts::{email_domain, person, phone};
pub use identifiers::identifier;
pub use mentions::mention;
pub use names::name;
pub use script::skeleton;
