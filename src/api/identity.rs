//! Who calls: what the door found out about the caller, as handlers see it.
//!
//! Come here to learn on whose behalf a handler works. Handlers take the [`Tenant`] and the [`Caller`] from here and
//! never read metadata themselves. Who may come in is decided in `access`; who is known is the room `identity`.

use std::sync::Arc;

use tonic::{Request, Status};

use super::errors;
use crate::identity::{Permission, Permissions};

pub(super) use crate::identity::Tenant;

/// The metadata key in which callers of an open service name their tenant.
pub const TENANT_METADATA: &str = "onward-tenant";

/// The name of callers of an open service, which asks nobody who they are.
pub const CALLER_UNKNOWN: &str = "anonymous";

/// Who makes a call. Only the door makes one, and it comes with every request that the door let in.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) tenant: Tenant,
    pub(super) name: Arc<str>,
    pub(super) permissions: Permissions,
}

impl Caller {
    /// Who made this request.
    pub(super) fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        request.extensions().get().ok_or_else(|| errors::internal("a request came in past the door"))
    }

    /// The name under which it is known.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may do something that goes beyond the call itself.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.permissions.include(permission)
    }
}

impl Tenant {
    /// The tenant on whose behalf a request is made.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        Caller::of(request).map(|caller| caller.tenant.clone())
    }
}
