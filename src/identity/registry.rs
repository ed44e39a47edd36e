//! Everyone the service knows at one moment, found by what they show.
//!
//! Come here for what makes a credential good. Whatever is wrong with one, the answer is the same: refused.

use std::collections::HashMap;
use std::sync::Arc;

use super::api_key::{API_KEY_PREFIX, HashKey, KeyHash};
use super::role::Permissions;
use super::tenant::Tenant;
use super::token::TokenRules;

/// Longest bearer text that is looked at.
const BEARER_BYTES_MAX: usize = 8 * 1024;

/// Somebody who may call: a person or a program of one tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// Its name in the principals file.
    pub name: String,
    /// To whom it belongs.
    pub tenant: Tenant,
    /// What it may do.
    pub permissions: Permissions,
}

/// What a caller shows.
#[derive(Clone)]
pub enum Credential {
    /// An API key or a token.
    Bearer(Arc<str>),
    /// The names in a certificate that was verified.
    Certificate(Arc<[String]>),
}

/// Not known, or no longer: which of the two is nobody's business.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the credential is not accepted")]
pub struct NotIdentified;

/// An API key of a principal.
#[derive(Clone, Debug)]
pub(super) struct KeyEntry {
    pub(super) principal: usize,
    /// The first moment at which it is no longer good, in milliseconds since 1970.
    pub(super) ends_at_millis: u64,
}

/// The content of the principals file in the form in which it is looked up.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) principals: Vec<Arc<Principal>>,
    pub(super) hash_key: Option<HashKey>,
    pub(super) by_key: HashMap<KeyHash, KeyEntry>,
    pub(super) by_certificate_name: HashMap<String, usize>,
    pub(super) by_subject: HashMap<String, usize>,
    pub(super) tokens: Option<TokenRules>,
}

impl Registry {
    /// Whose credential this is, at a time in milliseconds since 1970.
    pub(super) fn identify(&self, credential: &Credential, now_millis: u64) -> Result<Arc<Principal>, NotIdentified> {
        let place = match credential {
            Credential::Bearer(text) if text.len() > BEARER_BYTES_MAX => None,
            Credential::Bearer(text) if text.starts_with(API_KEY_PREFIX) => self.by_api_key(text, now_millis),
            Credential::Bearer(text) => self.by_token(text),
            Credential::Certificate(names) => self.by_names(names),
        };
        place.and_then(|place| self.principals.get(place).cloned()).ok_or(NotIdentified)
    }

    /// Looked up by a hash that nobody can compute without the hash key: the time it takes tells nothing.
    fn by_api_key(&self, text: &str, now_millis: u64) -> Option<usize> {
        let entry = self.by_key.get(&self.hash_key.as_ref()?.hash(text))?;
        (now_millis < entry.ends_at_millis).then_some(entry.principal)
    }

    fn by_token(&self, text: &str) -> Option<usize> {
        let subject = self.tokens.as_ref()?.subject(text)?;
        self.by_subject.get(&subject).copied()
    }

    /// A certificate whose names stand for two principals stands for none.
    fn by_names(&self, names: &[String]) -> Option<usize> {
        let mut known = names.iter().filter_map(|name| self.by_certificate_name.get(name).copied());
        let first = known.next()?;
        known.all(|other| other == first).then_some(first)
    }
}
