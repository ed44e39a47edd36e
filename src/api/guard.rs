//! Around every call: the door, deadline, number of open calls, end of the server, one line of log.
//!
//! Come here because a deadline must bound streams too, which the gRPC library does not do, and because a stream that
//! never ends must not keep the server from ending. What a call does is none of this file's business.

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;
use std::time::Duration;

use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, Service, http};
use tracing::Instrument;

use super::access::{Access, Door};
use super::drain::{Drain, Phase};
use super::errors;
use super::identity::{Caller, Tenant};
use super::permissions::{is_lasting, method_label};
use super::places::{Place, Places};
use super::request_body;
use super::turns::{Turns, reading_by_turns};
use super::unsent::Unsent;
use super::wire::ErrorReason;
use crate::clock::Stopwatch;
use crate::telemetry::{go_on_with_trace, metric};

/// Health checks get through when nothing else does, or a busy server would be taken for a dead one.
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// How much earlier than the gRPC library we answer a passed deadline: the library would say CANCELLED.
const DEADLINE_LEAD_MAX: Duration = Duration::from_millis(10);

/// Reads from the store at a time, for each core: one waits for the disk while another one computes.
const READS_PER_CORE: usize = 2;

/// A service with a guard around each call.
#[derive(Clone)]
pub(super) struct Guard<S> {
    inner: S,
    door: Door,
    limits: CallLimits,
    drain: Drain,
}

/// How many calls there may be, and how many work at a time.
#[derive(Clone)]
pub(super) struct CallLimits {
    /// One place for each open call, streams included.
    calls: Arc<Semaphore>,
    /// The same, shared among tenants.
    calls_of_tenants: Places,
    /// One for each call with one answer, whether it works or waits.
    requests: Places,
    /// One for each call that reads from the store just now.
    reads: Turns,
}

impl CallLimits {
    /// At most `calls_max` open at a time, of which `requests_max` are to be answered at once.
    pub(super) fn new(calls_max: usize, requests_max: usize) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(calls_max)),
            calls_of_tenants: Places::new(calls_max),
            requests: Places::new(requests_max),
            reads: Turns::new(READS_PER_CORE * available_parallelism().map_or(1, NonZero::get)),
        }
    }
}

/// What a call holds while it lasts.
#[derive(Default)]
struct Held {
    _call: Option<OwnedSemaphorePermit>,
    _call_of_tenant: Option<Place>,
    _request: Option<Place>,
}

impl<S> Guard<S> {
    /// Calls that the door lets in, within limits.
    pub(super) fn new(inner: S, door: Door, limits: CallLimits, drain: Drain) -> Self {
        Self { inner, door, limits, drain }
    }
}

type StopFuture = Pin<Box<dyn Future<Output = Status> + Send>>;
type CallFuture = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl<S> Service<http::Request<Body>> for Guard<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = CallFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> CallFuture {
        let mut request = request.map(request_body::read_to_its_end);
        let path = request.uri().path();
        let mut log = CallLog::start(path);
        let call = match Arc::clone(&self.limits.calls).try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) if path == HEALTH_CHECK => None,
            Err(_) => {
                let text = "too many calls are open on this server";
                return log.refused(errors::shed("calls", ErrorReason::TooManyCalls, text));
            }
        };
        let is_lasting = is_lasting(path);
        let access = match self.door.admit(&mut request) {
            Ok(access) => access,
            Err(status) => return log.refused(status),
        };
        let tenant = request.extensions().get().map(|caller: &Caller| caller.tenant.clone());
        let mut held = Held { _call: call, ..Held::default() };
        if let Some(tenant) = &tenant
            && let Err(status) = held.take_places(&self.limits, tenant, is_lasting)
        {
            return log.refused(status);
        }
        let mut stop = stop(deadline(request.headers()), self.drain.clone(), access);
        let headers = request.headers();
        go_on_with_trace(&log.span, |name| headers.get(name).and_then(|value| value.to_str().ok()));
        let span = log.span.clone();
        let answer = span.in_scope(|| self.inner.call(request)).instrument(span);
        let answer = reading_by_turns(self.limits.reads.clone(), tenant, answer);
        Box::pin(async move {
            tokio::select! {
                biased;
                answer = answer => answer.map(|answer| guarded(answer, stop, log, held)),
                status = &mut stop => {
                    log.ended_by_us(&status);
                    Ok(status.into_http())
                }
            }
        })
    }
}

impl Held {
    /// Takes what a call of the tenant needs, or says that the tenant has as much as it may have.
    fn take_places(&mut self, limits: &CallLimits, tenant: &Tenant, is_lasting: bool) -> Result<(), Status> {
        let too_many = |what, text| errors::shed(what, ErrorReason::TooManyCalls, text);
        let text = "the tenant has too many calls open on this server";
        self._call_of_tenant =
            Some(limits.calls_of_tenants.take(tenant).ok_or_else(|| too_many("calls_of_tenant", text))?);
        if !is_lasting {
            let text = "the tenant has too many calls to be answered on this server";
            self._request = Some(limits.requests.take(tenant).ok_or_else(|| too_many("requests", text))?);
        }
        Ok(())
    }
}

/// When and why the call must end, whatever it is doing.
fn stop(timeout: Option<Duration>, drain: Drain, access: Access) -> StopFuture {
    // Begins to count here, not when it is first looked at.
    let deadline = timeout.map(|timeout| tokio::time::sleep(timeout - DEADLINE_LEAD_MAX.min(timeout / 10)));
    Box::pin(async move {
        let deadline_passes = async {
            match deadline {
                Some(deadline) => deadline.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = deadline_passes => errors::deadline_passed(),
            () = drain.reached(Phase::Cutting) => errors::shutting_down(),
            status = access.lost() => status,
        }
    })
}

/// The time that the client gives the call: up to eight digits and a unit. Anything else is no deadline.
fn deadline(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn guarded(answer: http::Response<Body>, stop: StopFuture, mut log: CallLog, held: Held) -> http::Response<Body> {
    log.code = code_in(answer.headers());
    answer.map(|inner| Body::new(GuardedBody { inner: Some(inner), stop, unsent: Unsent::default(), log, _held: held }))
}

fn code_in(headers: &http::HeaderMap) -> Option<i32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// The rest of an answer: ends by itself, or when it must.
struct GuardedBody {
    /// Dropped when it ends, so that whoever feeds it stops.
    inner: Option<Body>,
    stop: StopFuture,
    unsent: Unsent,
    log: CallLog,
    _held: Held,
}

impl HttpBody for GuardedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        // First the end: a stream that always has something to say must end too.
        if let Poll::Ready(status) = this.stop.as_mut().poll(context) {
            this.inner = None;
            this.log.ended_by_us(&status);
            let mut trailers = http::HeaderMap::new();
            return Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))));
        }
        ready!(this.unsent.poll_room(context));
        let frame = ready!(Pin::new(inner).poll_frame(context));
        let frame = frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| this.unsent.count(bytes))));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.log.code = code_in(trailers);
                }
            }
            Some(Err(_)) | None => this.inner = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// Tells the log of a call when it is over. Says which method, how it ended and how long it took: nothing of content.
struct CallLog {
    method: String,
    watch: Stopwatch,
    /// The gRPC code; `None` when the client left first.
    code: Option<i32>,
    /// Open as long as the call is.
    span: tracing::Span,
}

impl CallLog {
    fn ended_by_us(&mut self, status: &Status) {
        self.code = Some(status.code() as i32);
    }

    /// The answer to a call that does not begin.
    fn refused(mut self, status: Status) -> CallFuture {
        self.ended_by_us(&status);
        Box::pin(std::future::ready(Ok(status.into_http())))
    }

    fn start(path: &str) -> Self {
        metrics::gauge!(metric::CALLS_OPEN).increment(1.0);
        // A word of the table, as for metrics: what strangers write goes nowhere.
        let span = tracing::info_span!("call", method = method_label(path), code = tracing::field::Empty);
        Self { method: path.to_owned(), watch: Stopwatch::start(), code: None, span }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        metrics::gauge!(metric::CALLS_OPEN).decrement(1.0);
        // A label from the table and not from the caller, who could make up any number of them.
        let method = method_label(&self.method);
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.span.record("code", &*code);
        metrics::counter!(metric::CALLS, "method" => method, "code" => code).increment(1);
        metrics::histogram!(metric::CALL_SECONDS, "method" => method).record(self.watch.seconds());
        tracing::debug!(method = self.method, code = self.code, millis = self.watch.millis(), "call");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use http_body::{Body as HttpBody, Frame};
    use tonic::body::Body;
    use tonic::codegen::http::{self, HeaderMap, HeaderValue};
    use tonic::codegen::{Bytes, Service};
    use tonic::{Code, Status};

    use super::super::access::Door;
    use super::super::drain::{DrainControl, Phase};
    use super::super::errors::reason_of;
    use super::{CallLimits, Guard, HEALTH_CHECK, deadline};

    const OPEN: Door = Door { identities: None };
    const CALL: &str = "/onward.v1.OrderService/GetOrder";

    /// Answers never, or with a body that never ends.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Endless {
        Answer,
        SilentBody,
        ChattyBody,
    }

    impl Service<http::Request<Body>> for Endless {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: http::Request<Body>) -> Self::Future {
            match *self {
                Self::Answer => Box::pin(std::future::pending()),
                body => Box::pin(std::future::ready(Ok(http::Response::new(Body::new(body))))),
            }
        }
    }

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            match *self {
                Self::ChattyBody => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"more"))))),
                _ => Poll::Pending,
            }
        }
    }

    fn request(path: &str, timeout: Option<&'static str>) -> http::Request<Body> {
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        if let Some(timeout) = timeout {
            request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
        }
        request
    }

    /// How an answer ends, in its headers or in the trailers of its body. One that never ends fails its test.
    async fn ending(answer: http::Response<Body>) -> (Code, String) {
        tokio::time::timeout(Duration::from_secs(20), ending_of(answer)).await.expect("the answer ends")
    }

    async fn ending_of(answer: http::Response<Body>) -> (Code, String) {
        let mut headers = answer.headers().clone();
        let mut body = answer.into_body();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            if let Ok(trailers) = frame.unwrap().into_trailers() {
                headers = trailers;
            }
            tokio::task::yield_now().await;
        }
        let status = Status::from_header_map(&headers).unwrap();
        (status.code(), reason_of(&status).unwrap())
    }

    #[tokio::test]
    async fn deadlines_end_calls_and_streams_whatever_they_do() {
        let (_control, drain) = DrainControl::new();
        for endless in [Endless::Answer, Endless::SilentBody, Endless::ChattyBody] {
            let mut guard = Guard::new(endless, OPEN, CallLimits::new(1, 1), drain.clone());
            let answer = guard.call(request(CALL, Some("30m"))).await.unwrap();
            assert_eq!(ending(answer).await, (Code::DeadlineExceeded, "DEADLINE_PASSED".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_server_that_ends_ends_its_calls_without_a_deadline_too() {
        for endless in [Endless::Answer, Endless::SilentBody, Endless::ChattyBody] {
            let (control, drain) = DrainControl::new();
            let mut guard = Guard::new(endless, OPEN, CallLimits::new(1, 1), drain);
            let answer = tokio::spawn(guard.call(request(CALL, None)));
            control.enter(Phase::Ending);
            control.enter(Phase::Cutting);
            let answer = answer.await.unwrap().unwrap();
            assert_eq!(ending(answer).await, (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_place_is_held_until_the_body_is_gone() {
        let (_control, drain) = DrainControl::new();
        let mut guard = Guard::new(Endless::SilentBody, OPEN, CallLimits::new(1, 1), drain);
        let first = guard.call(request(CALL, None)).await.unwrap();
        let refused = guard.call(request(CALL, None)).await.unwrap();
        assert_eq!(ending(refused).await, (Code::ResourceExhausted, "TOO_MANY_CALLS".to_owned()));
        let health = guard.call(request(HEALTH_CHECK, None)).await.unwrap();
        assert!(health.headers().get("grpc-status").is_none());
        drop(first);
        let next = guard.call(request(CALL, None)).await.unwrap();
        assert!(next.headers().get("grpc-status").is_none());
    }

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let cases = [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("1500m", Some(Duration::from_millis(1500))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("123456789S", None),
            ("+1S", None),
            ("S", None),
            ("", None),
            ("10", None),
            ("1s", None),
            ("1\u{e9}", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(deadline(&headers), expected, "{text}");
        }
    }
}
