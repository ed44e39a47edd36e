//! gRPC-Web: the same calls from pages in browsers.
//!
//! Come here for which pages may call and which headers they may send and see. Whose page it is says nothing about who
//! calls: that is asked of every call as ever, and no cookie is taken.

use std::time::Duration;

use tonic::codegen::http::{HeaderName, HeaderValue, Method, header};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower_http::cors::{AllowOrigin, Cors, CorsLayer};
use tower_layer::Layer;

use super::identity::TENANT_METADATA;

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A service that also answers pages of these origins.
pub(super) fn for_browsers<S: Clone>(service: S, origins: &[String]) -> Cors<GrpcWebService<S>> {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let sent = ["x-grpc-web", "x-user-agent", "grpc-timeout", TENANT_METADATA].map(HeaderName::from_static);
    let seen = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers(sent.into_iter().chain([header::CONTENT_TYPE, header::AUTHORIZATION]).collect::<Vec<_>>())
        .expose_headers(seen)
        .max_age(REMEMBERED)
        .layer(GrpcWebLayer::new().layer(service))
}
