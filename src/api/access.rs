//! The door: who may make this call, asked before it begins and again while it lasts.
//!
//! Come here for how credentials travel and what becomes of an open stream whose caller may no longer have it.
//! A bearer text (`authorization: Bearer ..`) goes before a client certificate; where both are missing, or the service
//! was told to ask nobody, see [`Door::admit`]. The tenant is the credential's; a request cannot choose one.

use std::sync::Arc;
use std::time::Duration;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;

use super::connections::Peer;
use super::errors;
use super::identity::{CALLER_UNKNOWN, Caller, TENANT_METADATA, Tenant};
use super::permissions::{Need, need_of};
use super::tls::PeerCertificate;
use super::wire::ErrorReason;
use crate::identity::{
    Credential, Identities, Permission, Permissions, Principal, TENANT_DEFAULT, certificate_names, is_tenant_name,
};

/// How often an open call is asked again whether it may go on. Twice in the second that is promised: files are read
/// as often.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Lets calls in.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// `None` asks nobody who they are: for a service that only its own machine can reach.
    pub(super) identities: Option<Identities>,
}

/// The right to one call, which may end before the call does.
pub(super) struct Access(Option<Recheck>);

struct Recheck {
    identities: Identities,
    shown: Shown,
    principal: Arc<Principal>,
    needed: Permission,
    method: String,
}

/// What the caller showed.
struct Shown {
    credential: Credential,
    /// Where it is a certificate.
    certificate: Option<Arc<PeerCertificate>>,
}

impl Door {
    /// Lets a call in, and notes in it who the caller is; or says why not.
    pub(super) fn admit(&self, request: &mut http::Request<Body>) -> Result<Access, Status> {
        let needed = match need_of(request.uri().path()) {
            None => return Err(errors::not_implemented(method_of(request.uri().path()))),
            Some(Need::Nothing) => return Ok(Access(None)),
            Some(Need::Permission(permission)) => permission,
        };
        let Some(identities) = &self.identities else {
            let (tenant, name) = (tenant_by_name(request.headers())?, Arc::from(CALLER_UNKNOWN));
            request.extensions_mut().insert(Caller { tenant, name, permissions: Permissions::ALL });
            return Ok(Access(None));
        };
        let shown = shown(request)?;
        let principal = identities.identify(&shown.credential).map_err(|_| errors::credential_refused())?;
        refuse_other_tenant(request.headers(), &principal.tenant)?;
        let method = method_of(request.uri().path()).to_owned();
        let recheck = Recheck { identities: identities.clone(), shown, principal, needed, method };
        recheck.check()?;
        let Principal { name, tenant, permissions } = &*recheck.principal;
        let caller = Caller { tenant: tenant.clone(), name: Arc::from(name.as_str()), permissions: *permissions };
        request.extensions_mut().insert(caller);
        Ok(Access(Some(recheck)))
    }
}

impl Access {
    /// Resolves when the right ends, with what to tell the caller.
    pub(super) async fn lost(self) -> Status {
        let Some(recheck) = self.0 else { return std::future::pending().await };
        loop {
            tokio::time::sleep(RECHECK_INTERVAL).await;
            if let Err(status) = recheck.check() {
                return status;
            }
        }
    }
}

impl Recheck {
    fn check(&self) -> Result<(), Status> {
        let is_trusted = self.shown.certificate.as_ref().is_none_or(|certificate| certificate.is_trusted());
        let found = self.identities.identify(&self.shown.credential).ok().filter(|_| is_trusted);
        let found = found.ok_or_else(errors::credential_refused)?;
        // A credential that was given to somebody else must not carry an open stream over to them.
        if found.name != self.principal.name || found.tenant != self.principal.tenant {
            return Err(errors::credential_refused());
        }
        match found.permissions.include(self.needed) {
            true => Ok(()),
            false => Err(errors::role_missing(&self.method, self.needed)),
        }
    }
}

fn method_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What the caller shows. A bearer text that is no good is not made good by a certificate.
fn shown(request: &http::Request<Body>) -> Result<Shown, Status> {
    let mut values = request.headers().get_all(http::header::AUTHORIZATION).iter();
    if let Some(value) = values.next() {
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        let (scheme, text) = text.and_then(|text| text.split_once(' ')).ok_or_else(errors::credential_refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(errors::credential_refused());
        }
        return Ok(Shown { credential: Credential::Bearer(text.trim().into()), certificate: None });
    }
    let certificate = request.extensions().get::<Peer>().and_then(|peer| peer.certificate.clone());
    let certificate = certificate.ok_or_else(errors::credential_missing)?;
    let names = certificate_names(certificate.end_entity());
    Ok(Shown { credential: Credential::Certificate(names.into()), certificate: Some(certificate) })
}

/// Clients of an open service name their tenant. Where the credential says it, the name may be there and must agree.
fn refuse_other_tenant(headers: &http::HeaderMap, tenant: &Tenant) -> Result<(), Status> {
    let agrees = headers.get_all(TENANT_METADATA).iter().all(|name| name.as_bytes() == tenant.name().as_bytes());
    if agrees { Ok(()) } else { Err(errors::tenant_not_yours()) }
}

/// The tenant that a caller of an open service names.
fn tenant_by_name(headers: &http::HeaderMap) -> Result<Tenant, Status> {
    let mut values = headers.get_all(TENANT_METADATA).iter();
    let name = match values.next() {
        None => Some(TENANT_DEFAULT),
        // Two names leave open who is meant: refuse instead of taking one.
        Some(value) => value.to_str().ok().filter(|name| values.next().is_none() && is_tenant_name(name)),
    };
    name.and_then(Tenant::named).ok_or_else(|| {
        errors::invalid(
            ErrorReason::TenantInvalid,
            TENANT_METADATA,
            "expected one name of 1 to 64 of a-z 0-9 - _ . in the metadata onward-tenant",
        )
    })
}

#[cfg(test)]
mod tests {
    use tonic::codegen::http::{HeaderMap, HeaderValue};

    use super::{TENANT_METADATA, tenant_by_name};

    #[test]
    fn an_open_service_takes_the_tenant_by_name_and_refuses_odd_names() {
        let tenant = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TENANT_METADATA, HeaderValue::from_str(value).unwrap());
            }
            tenant_by_name(&headers).ok().map(|tenant| tenant.name().to_owned())
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
