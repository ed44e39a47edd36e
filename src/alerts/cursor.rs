//! Cursors: where a client stands in its tenant's stream of alert events, as an opaque text.
//!
//! Come here for what a cursor is bound to and why one is refused. A cursor names a place and gives no right:
//! who may watch is decided by identity. A text is valid for one tenant in one store and cannot be made up.

use sha2::{Digest, Sha256};

use crate::store::{Store, StoreIdentity};

/// Most characters of a cursor; longer texts are refused unread.
pub const CURSOR_TEXT_MAX: usize = 2 * CURSOR_BYTES;

/// Version, store, tenant, sequence, seal.
const CURSOR_BYTES: usize = 1 + 8 + 8 + 8 + 16;
const SEALED_BYTES: usize = CURSOR_BYTES - 16;
const VERSION: u8 = 1;

/// Writes and reads the cursors of one store.
#[derive(Clone, Debug)]
pub struct Cursors {
    identity: StoreIdentity,
}

/// Why a cursor is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CursorError {
    /// No cursor at all, or one that was changed.
    #[error("this is no cursor of this service, or it was changed")]
    Malformed,
    /// Written by another version of the service.
    #[error("the cursor has version {found}, this service reads version {supported}")]
    OtherVersion {
        /// Version of the cursor.
        found: u8,
        /// Version that is understood.
        supported: u8,
    },
    /// From another store: the service was set up anew or restored from elsewhere. Start from the beginning.
    #[error("the cursor is from another store")]
    OtherStore,
    /// From another tenant's stream.
    #[error("the cursor is from another tenant")]
    OtherTenant,
}

impl Cursors {
    /// The cursors of this store.
    pub fn new(store: &Store) -> Self {
        Self { identity: store.identity() }
    }

    /// The cursor of a tenant after this event; 0 stands before the first one.
    pub fn format(&self, tenant: &str, sequence: u64) -> String {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.store_mark());
        bytes.extend_from_slice(&self.tenant_mark(tenant));
        bytes.extend_from_slice(&sequence.to_be_bytes());
        let seal = self.keyed_hash(b"cursor", &bytes);
        bytes.extend_from_slice(&seal[..16]);
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect()
    }

    /// The place in this tenant's stream that a cursor names.
    pub fn parse(&self, tenant: &str, text: &str) -> Result<u64, CursorError> {
        let bytes = unhex(text).ok_or(CursorError::Malformed)?;
        let version = bytes.first().copied().ok_or(CursorError::Malformed)?;
        if version != VERSION {
            return Err(CursorError::OtherVersion { found: version, supported: VERSION });
        }
        let bytes: &[u8; CURSOR_BYTES] = bytes.as_slice().try_into().map_err(|_| CursorError::Malformed)?;
        // The store comes first: another store has another seal, and "changed" would be the wrong thing to say.
        if bytes[1..9] != self.store_mark() {
            return Err(CursorError::OtherStore);
        }
        let (sealed, seal) = bytes.split_at(SEALED_BYTES);
        if !is_equal_slowly(seal, &self.keyed_hash(b"cursor", sealed)[..16]) {
            return Err(CursorError::Malformed);
        }
        if sealed[9..17] != self.tenant_mark(tenant) {
            return Err(CursorError::OtherTenant);
        }
        Ok(sealed[17..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn store_mark(&self) -> [u8; 8] {
        first_eight(&Sha256::digest(self.identity.id).into())
    }

    /// Keyed, so that nobody can try out tenant names.
    fn tenant_mark(&self, tenant: &str) -> [u8; 8] {
        first_eight(&self.keyed_hash(b"tenant", tenant.as_bytes()))
    }

    /// HMAC-SHA-256 (RFC 2104) with the store's secret, over a purpose of six letters and a message.
    fn keyed_hash(&self, purpose: &[u8; 6], message: &[u8]) -> [u8; 32] {
        let mut inner_pad = [0x36u8; 64];
        let mut outer_pad = [0x5cu8; 64];
        for (index, byte) in self.identity.secret.iter().enumerate() {
            inner_pad[index] ^= byte;
            outer_pad[index] ^= byte;
        }
        let inner = Sha256::new().chain_update(inner_pad).chain_update(purpose).chain_update(message).finalize();
        Sha256::new().chain_update(outer_pad).chain_update(inner).finalize().into()
    }
}

fn first_eight(hash: &[u8; 32]) -> [u8; 8] {
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash[..8]);
    mark
}

/// Takes the same time wherever the difference is, so that a seal cannot be guessed byte by byte.
fn is_equal_slowly(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

/// Lower case only, so that each cursor has one text.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > CURSOR_TEXT_MAX || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::{CursorError, Cursors};
    use crate::store::{Store, StoreIdentity, StoreOptions};

    fn cursors(id: u8, secret: u8) -> Cursors {
        Cursors { identity: StoreIdentity { id: [id; 16], secret: [secret; 32] } }
    }

    #[test]
    fn cursors_are_bound_to_store_tenant_and_version() {
        let (here, elsewhere) = (cursors(1, 2), cursors(3, 4));
        let text = here.format("steppe", 77);
        assert_eq!(here.parse("steppe", &text), Ok(77));
        assert_eq!(here.parse("taiga", &text), Err(CursorError::OtherTenant));
        assert_eq!(elsewhere.parse("steppe", &text), Err(CursorError::OtherStore));
        assert_eq!(cursors(1, 9).parse("steppe", &text), Err(CursorError::Malformed));
        let newer = format!("02{}", &text[2..]);
        assert_eq!(here.parse("steppe", &newer), Err(CursorError::OtherVersion { found: 2, supported: 1 }));
        for text in ["", "0", "01", "zz", &text.to_uppercase(), &text[..text.len() - 2], &format!("{text}00"), "ä"] {
            assert_eq!(here.parse("steppe", text), Err(CursorError::Malformed), "{text}");
        }
    }

    #[test]
    fn the_store_hands_its_identity_to_its_cursors_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let open = || Store::open(&path, StoreOptions::default(), Arc::new(|| 0)).unwrap();
        let text = Cursors::new(&open()).format("steppe", 5);
        assert_eq!(Cursors::new(&open()).parse("steppe", &text), Ok(5));
        let other = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 0)).unwrap();
        assert_eq!(Cursors::new(&other).parse("steppe", &text), Err(CursorError::OtherStore));
    }

    proptest! {
        #[test]
        fn any_sequence_survives_and_any_change_is_refused(
            sequence in any::<u64>(), at in any::<prop::sample::Index>(), to in prop::sample::select(b"0123456789abcdef".to_vec())
        ) {
            let cursors = cursors(7, 8);
            let text = cursors.format("steppe", sequence);
            prop_assert_eq!(cursors.parse("steppe", &text), Ok(sequence));
            let mut changed = text.clone().into_bytes();
            let index = at.index(changed.len());
            changed[index] = to;
            let changed = String::from_utf8(changed).unwrap();
            if changed != text {
                prop_assert!(cursors.parse("steppe", &changed).is_err());
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,100}") {
            prop_assert!(cursors(1, 2).parse("steppe", &text).is_err());
        }
    }
}
