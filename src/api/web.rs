//! gRPC-Web: the same calls from pages in browsers.
//!
//! Come here for which pages may call and which headers they may send and see. Whose page it is says nothing about who
//! calls: that is asked of every call as ever, and no cookie is taken. A browser may answer for its user by a
//! certificate, though, whatever page makes the call, so a page that is not named is refused and not merely kept from
//! reading what came of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower_http::cors::{AllowOrigin, Cors, CorsLayer};
use tower_layer::Layer;

use super::identity::TENANT_METADATA;

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A service that also answers pages of these origins, and no other pages.
pub(super) fn for_browsers<S: Clone>(service: S, origins: &[String]) -> Cors<KnownPages<GrpcWebService<S>>> {
    let origins: Arc<[_]> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let sent = ["x-grpc-web", "x-user-agent", "grpc-timeout", TENANT_METADATA].map(HeaderName::from_static);
    let seen = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::POST])
        .allow_headers(sent.into_iter().chain([header::CONTENT_TYPE, header::AUTHORIZATION]).collect::<Vec<_>>())
        .expose_headers(seen)
        .max_age(REMEMBERED)
        .layer(KnownPages { inner: GrpcWebLayer::new().layer(service), origins })
}

/// Lets through what comes from no page, or from one that is named.
#[derive(Clone)]
pub(super) struct KnownPages<S> {
    inner: S,
    origins: Arc<[HeaderValue]>,
}

impl<S, B> Service<Request<B>> for KnownPages<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.headers().get_all(header::ORIGIN).iter().all(|origin| self.origins.contains(origin)) {
            return Box::pin(self.inner.call(request));
        }
        // A bare status: no page may read more of it, and to a gRPC-Web client it is PERMISSION_DENIED.
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Box::pin(std::future::ready(Ok(refusal)))
    }
}
