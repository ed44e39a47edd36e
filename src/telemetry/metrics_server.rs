//! Answering for metrics: in the text form of Prometheus, on a port of their own.
//!
//! Come here for buckets and for what is measured only when somebody asks. The port is not guarded, so it belongs on
//! loopback; `config` sees to that.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::metric::{ALL, Kind};

/// Most collectors that are answered at a time.
const COLLECTORS_MAX: usize = 8;
/// Upper ends of the buckets of all times, in seconds.
const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// How often what was recorded is put into buckets when nobody asks, so that it does not pile up.
const UPKEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

/// Metrics of the whole process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Why metrics could not be set up: once for a process, and only once.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] BuildError);

impl Metrics {
    /// Begins to keep metrics.
    pub fn install() -> Result<Self, MetricsError> {
        let handle = PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder()?;
        for (name, kind, description) in ALL {
            match kind {
                Kind::Counter => metrics::describe_counter!(name, description),
                Kind::Gauge => metrics::describe_gauge!(name, description),
                Kind::Histogram => metrics::describe_histogram!(name, description),
            }
        }
        Ok(Self(handle))
    }

    /// Answers collectors, for ever. `measure` sets what is measured only when somebody asks.
    pub async fn serve(self, listener: TcpListener, measure: impl Fn() + Send + Sync + 'static) -> Infallible {
        let (measure, places): (Arc<dyn Fn() + Send + Sync>, _) =
            (Arc::new(measure), Arc::new(Semaphore::new(COLLECTORS_MAX)));
        let mut upkeep = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            tokio::select! {
                _ = upkeep.tick() => self.0.run_upkeep(),
                accepted = listener.accept() => {
                    let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else {
                        // Another tick and another try: a busy loop on a full machine would not help.
                        upkeep.tick().await;
                        continue;
                    };
                    let (metrics, measure) = (self.clone(), Arc::clone(&measure));
                    tokio::spawn(async move {
                        metrics.answer(stream, measure).await;
                        drop(place);
                    });
                }
            }
        }
    }

    async fn answer(self, stream: TcpStream, measure: Arc<dyn Fn() + Send + Sync>) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (metrics, measure) = (self.clone(), Arc::clone(&measure));
            async move { Ok::<_, Infallible>(metrics.page(&request, measure).await) }
        });
        let mut server = hyper::server::conn::http1::Builder::new();
        let serving = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        // A collector that breaks off has what it wanted, or comes again.
        drop(serving.await);
    }

    async fn page(&self, request: &Request<Incoming>, measure: Arc<dyn Fn() + Send + Sync>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET || request.uri().path() != "/metrics" {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let handle = self.0.clone();
        let page = tokio::task::spawn_blocking(move || {
            measure();
            handle.render()
        });
        let mut response = Response::new(Full::from(page.await.unwrap_or_default()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
        response
    }
}
