//! Who calls: the one place that turns a request into a tenant.
//!
//! For now the caller names its tenant itself in the metadata `onward-tenant`, without proof; the service therefore
//! listens on loopback only. Credentials (client certificates, tokens, keys) will replace this here and nowhere else:
//! every handler takes the [`Tenant`] that this file gives out and never reads metadata itself.

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::errors;
use super::wire::ErrorReason;

/// The metadata key that names the tenant.
pub const TENANT_METADATA: &str = "onward-tenant";

/// The tenant of callers that name none.
pub const TENANT_DEFAULT: &str = "default";

/// Longest tenant name in bytes.
pub const TENANT_BYTES_MAX: usize = 64;

/// The tenant on whose behalf a call is made. Only a request can give one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tenant(String);

impl Tenant {
    /// The tenant of a request.
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        Self::from_metadata(request.metadata())
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    fn from_metadata(metadata: &MetadataMap) -> Result<Self, Status> {
        let mut values = metadata.get_all(TENANT_METADATA).iter();
        let Some(value) = values.next() else { return Ok(Self(TENANT_DEFAULT.to_owned())) };
        // Two names leave open who is meant: refuse instead of taking one.
        let name = value.to_str().ok().filter(|name| values.next().is_none() && is_tenant_name(name));
        name.map(|name| Self(name.to_owned())).ok_or_else(|| {
            errors::invalid(
                ErrorReason::TenantInvalid,
                TENANT_METADATA,
                "expected one name of 1 to 64 of a-z 0-9 - _ . in the metadata onward-tenant",
            )
        })
    }
}

/// Whether a text can name a tenant.
pub fn is_tenant_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=TENANT_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use tonic::metadata::{MetadataMap, MetadataValue};

    use super::{TENANT_METADATA, Tenant};

    #[test]
    fn tenants_come_from_metadata_and_odd_names_are_refused() {
        let tenant = |values: &[&str]| {
            let mut metadata = MetadataMap::new();
            for value in values {
                metadata.append(TENANT_METADATA, MetadataValue::try_from(*value).unwrap());
            }
            Tenant::from_metadata(&metadata).ok().map(|tenant| tenant.0)
        };
        let long = "a".repeat(64);
        let cases: [(&[&str], Option<&str>); 9] = [
            (&[], Some("default")),
            (&["alma-tools.2"], Some("alma-tools.2")),
            (&[&long], Some(&long)),
            (&[&format!("{long}a")], None),
            (&[""], None),
            (&["Alma"], None),
            (&["a b"], None),
            (&["../a"], None),
            (&["a", "b"], None),
        ];
        for (values, expected) in cases {
            assert_eq!(tenant(values).as_deref(), expected, "{values:?}");
        }
    }
}
