//! The tenant: a name that only a credential, or a service that asks for none, can give.
//!
//! Come here for what a tenant may be called.

/// The tenant of callers of an open service that name none.
pub const TENANT_DEFAULT: &str = "default";

/// Longest tenant name in bytes.
pub const TENANT_BYTES_MAX: usize = 64;

/// The tenant on whose behalf something is done.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tenant(String);

impl Tenant {
    /// A tenant by its name, where that is one. For the principals file and for an open service: whoever answers
    /// calls has the tenant from there and never makes one.
    pub fn named(name: &str) -> Option<Self> {
        is_tenant_name(name).then(|| Self(name.to_owned()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Whether a text can name a tenant.
pub fn is_tenant_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=TENANT_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}
