//! Seeded worlds with their truth: orders, movements and a register as the file contract has them, and beside
//! them what really happened.
//!
//! Come here to make input for a test, a benchmark, a demonstration or a back-test. The stories follow published
//! cases and figures; what no source gives is an assumption and labelled so in [`Parameters`].
//! Nothing here judges anything, and nothing here shares code with `normalize`: worlds written with the reader's
//! own tables would flatter the reader.

mod alphabet;
mod block;
mod catalogue;
mod csv_writer;
mod dice;
mod firm;
mod generate;
mod goods;
mod goods_unseen;
mod honest;
mod identifiers;
mod options;
mod papers;
mod parameters;
mod place;
mod sink;
mod spelling;
mod trail;
mod words;
mod words_unseen;

#[cfg(test)]
mod tests;

pub use csv_writer::CsvWorldWriter;
pub use generate::{WorldSummary, generate};
pub use options::{Profile, ProfileError, WorldOptions};
pub use parameters::{Deciles, Parameters};
pub use sink::{MemoryWorld, TruthLink, TruthOrder, TruthParty, TruthPartyKind, WorldSink};
