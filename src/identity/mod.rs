//! Who is who: principals, their credentials, their roles, and the file that names them.
//!
//! Come here to learn how a credential becomes a principal of one tenant ([`Identities::identify`]) and what a role
//! allows ([`Role::allows`]). Which call needs which permission is a table in `api`; how credentials travel is `api`'s too.
//! Nothing here guesses: what is not in the file does not exist, and a file with a fault changes nothing.

mod api_key;
mod certificate;
mod file;
mod identities;
mod registry;
mod role;
mod tenant;
mod token;

#[cfg(test)]
mod tests;

pub use api_key::{API_KEY_PREFIX, HashKey, HashKeyFault, KeyHash, NewKey};
pub use certificate::certificate_names;
pub use file::{LIVE_KEYS_MAX, PRINCIPALS_MAX, PrincipalsFault, PrincipalsFaults};
pub use identities::{Identities, Reloaded};
pub use registry::{Credential, NotIdentified, Principal};
pub use role::{Permission, Permissions, Role};
pub use tenant::{TENANT_BYTES_MAX, TENANT_DEFAULT, Tenant, is_tenant_name};
