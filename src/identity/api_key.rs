//! API keys: random texts of which only a keyed hash is kept.
//!
//! Come here for the form of keys and hashes. A key has 256 random bits, so that one round of HMAC is enough: there is
//! nothing to guess. Without the hash key the hashes tell nothing, not even whether two files hold the same key.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// How every key begins, so that one that was left lying about is recognised.
pub const API_KEY_PREFIX: &str = "onward_";

const RANDOM_BYTES: usize = 32;

/// The secret with which keys are hashed. One for a service; kept apart from the principals file.
#[derive(Clone)]
pub struct HashKey(hmac::Key);

/// The keyed hash of an API key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 32]);

/// A key that was just made, to be handed over and forgotten.
pub struct NewKey {
    text: String,
}

/// Why there is no hash key.
#[derive(Debug, thiserror::Error)]
pub enum HashKeyFault {
    /// The text is none.
    #[error("expected 64 hexadecimal digits")]
    Malformed,
    /// No random number could be had.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl HashKey {
    /// Reads the text of a hash key file.
    pub fn parse(text: &str) -> Result<Self, HashKeyFault> {
        let bytes = unhex(text.trim()).ok_or(HashKeyFault::Malformed)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// Reads the file, or makes it when it is missing; only its owner can read it.
    pub fn open_or_create(path: &Path) -> Result<Self, HashKeyFault> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = hex(&random()?);
                write_secret(path, &text)?;
                Self::parse(&text)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The hash of an API key.
    pub fn hash(&self, api_key: &str) -> KeyHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.0, api_key.as_bytes()).as_ref());
        KeyHash(hash)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashKey")
    }
}

impl KeyHash {
    /// Reads 64 hexadecimal digits, lower case.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell two apart.
        write!(formatter, "KeyHash({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl NewKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, HashKeyFault> {
        Ok(Self { text: format!("{API_KEY_PREFIX}{}", hex(&random()?)) })
    }

    /// What goes into the principals file.
    pub fn hash(&self, hash_key: &HashKey) -> KeyHash {
        hash_key.hash(&self.text)
    }

    /// Writes the key into a new file that only its owner can read. An existing file is left alone.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        write_secret(path, &self.text)
    }
}

fn random() -> Result<[u8; RANDOM_BYTES], HashKeyFault> {
    let mut bytes = [0; RANDOM_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| HashKeyFault::NoRandomness)?;
    Ok(bytes)
}

fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower case only, so that each value has one text.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{API_KEY_PREFIX, HashKey, KeyHash, NewKey};

    #[test]
    fn hashes_are_hmac_sha256_and_depend_on_both_keys() {
        let hash_key = HashKey::parse(&"0b".repeat(32)).unwrap();
        let other = HashKey::parse(&"0c".repeat(32)).unwrap();
        // By `openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b..`.
        let expected = "ad2607ec781380ae561c04f8a8f76edbdf1db8f9631a03270a08807e1d3bc630";
        let hash = hash_key.hash("onward_0");
        assert_eq!(hash.to_string(), expected);
        assert_ne!(hash, other.hash("onward_0"));
        assert_ne!(hash, hash_key.hash("onward_1"));
        assert_eq!(KeyHash::parse(&hash.to_string()), Some(hash));
        for text in ["", "0b", &"0B".repeat(32), &"0b".repeat(31), &"0b".repeat(33), &format!("{}0", "0b".repeat(31))] {
            assert!(HashKey::parse(text).is_err() && KeyHash::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn keys_are_new_and_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (hash_path, key_path) = (folder.path().join("hash.key"), folder.path().join("erp.key"));
        let made = HashKey::open_or_create(&hash_path).unwrap();
        let read = HashKey::open_or_create(&hash_path).unwrap();
        let key = NewKey::generate().unwrap();
        assert_eq!(key.hash(&made), key.hash(&read));
        assert_ne!(key.hash(&made), NewKey::generate().unwrap().hash(&made));
        key.write_to(&key_path).unwrap();
        let text = std::fs::read_to_string(&key_path).unwrap();
        assert!(text.starts_with(API_KEY_PREFIX) && text.trim_end().len() == API_KEY_PREFIX.len() + 64);
        assert_eq!(made.hash(text.trim_end()), key.hash(&made));
        assert!(key.write_to(&key_path).is_err(), "an existing key must not be overwritten");
        #[cfg(unix)]
        for path in [hash_path, key_path] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
