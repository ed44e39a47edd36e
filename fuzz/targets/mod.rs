//! What is attacked, and what must hold: one file for each target, a function over any bytes that panics where it does not.
//!
//! Come here to add a target. The engine (`fuzz/src/main.rs`) and the test of the corpora (`tests/corpora.rs`) run the
//! same functions. They use what the rooms offer everyone, and for what only a room sees its hidden door `hostile`, so
//! that nothing became public for their sake.

use std::fmt::Debug;

mod attribution;
mod column_map;
mod compressed;
mod cursors;
mod goods;
mod names;
mod page_tokens;
mod principals;
mod proto_bodies;
mod rows;
mod settings;
mod stored_values;
mod tables;
mod whole_files;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 14] = [
    ("rows", rows::run),
    ("compressed", compressed::run),
    ("whole_files", whole_files::run),
    ("column_map", column_map::run),
    ("names", names::run),
    ("goods", goods::run),
    ("cursors", cursors::run),
    ("page_tokens", page_tokens::run),
    ("proto_bodies", proto_bodies::run),
    ("principals", principals::run),
    ("settings", settings::run),
    ("tables", tables::run),
    ("stored_values", stored_values::run),
    ("attribution", attribution::run),
];

/// The target of a name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// The first byte, which chooses among a few ways, and the rest.
fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// Texts separated by zero bytes; what is no text becomes one.
fn texts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut parts = data.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned())
}

/// Holds that something said of an input stays short, whatever the input.
fn assert_short(said: &str, bytes_max: usize) {
    assert!(said.len() <= bytes_max, "{} bytes are said: {:?}", said.len(), said.chars().take(200).collect::<String>());
}

/// Holds that what was understood and written back is understood again, as the same.
fn assert_settled<E: Debug>(again: impl Fn(&[u8]) -> Result<Vec<u8>, E>, written: &[u8]) {
    let twice = again(written);
    assert_eq!(twice.ok().as_deref(), Some(written), "what was written is not read as the same");
}
