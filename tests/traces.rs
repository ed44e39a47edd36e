//! Spans as a collector gets them: the built program, and a collector that reads the bytes by its own definitions.
//!
//! Come here when a span gets another field. Without the feature `otel` the program must say that it sends none.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod installed;

#[cfg(not(feature = "otel"))]
#[test]
fn a_build_that_sends_no_spans_says_so() {
    let arguments = ["serve", "--data", "a", "--check", "--otlp-endpoint", "http://127.0.0.1:4317"];
    let output = installed::onward(&arguments);
    assert_eq!(output.status.code(), Some(64));
    let said = installed::text(&output.stderr);
    assert!(said.contains("--otlp-endpoint: this build sends no spans"), "{said}");
}

#[cfg(feature = "otel")]
mod exported {
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};

    use onward::api::wire::GetFindingRequest;
    use onward::api::wire::OrderKey;
    use onward::api::wire::screening_service_client::ScreeningServiceClient;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::body::Body;
    use tonic::codegen::{Service, http};
    use tonic::server::{Grpc, NamedService, UnaryService};
    use tonic::{Request, Response, Status};
    use tonic_prost::ProstCodec;

    use super::installed::{Place, Service as Onward, said};

    /// The part of `opentelemetry/proto/trace/v1/trace.proto` that is looked at.
    #[derive(Clone, PartialEq, prost::Message)]
    struct ExportRequest {
        #[prost(message, repeated, tag = "1")]
        resource_spans: Vec<ResourceSpans>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ResourceSpans {
        #[prost(message, repeated, tag = "2")]
        scope_spans: Vec<ScopeSpans>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ScopeSpans {
        #[prost(message, repeated, tag = "2")]
        spans: Vec<Span>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Span {
        #[prost(bytes = "vec", tag = "1")]
        trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        span_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        parent_span_id: Vec<u8>,
        #[prost(string, tag = "5")]
        name: String,
        #[prost(message, repeated, tag = "9")]
        attributes: Vec<Attribute>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Attribute {
        #[prost(string, tag = "1")]
        key: String,
        #[prost(message, optional, tag = "2")]
        value: Option<AnyValue>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct AnyValue {
        #[prost(string, optional, tag = "1")]
        string_value: Option<String>,
        #[prost(int64, optional, tag = "3")]
        int_value: Option<i64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ExportResponse {}

    /// Takes whatever is exported.
    #[derive(Clone, Default)]
    struct Collector(Arc<Mutex<Vec<ExportRequest>>>);

    impl NamedService for Collector {
        const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
    }

    impl UnaryService<ExportRequest> for Collector {
        type Response = ExportResponse;
        type Future = std::future::Ready<Result<Response<ExportResponse>, Status>>;

        fn call(&mut self, request: Request<ExportRequest>) -> Self::Future {
            self.0.lock().unwrap().push(request.into_inner());
            std::future::ready(Ok(Response::new(ExportResponse {})))
        }
    }

    impl Service<http::Request<Body>> for Collector {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            let collector = self.clone();
            Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(collector, request).await) })
        }
    }

    impl Collector {
        /// Listens until the runtime is gone.
        async fn listen(&self) -> SocketAddr {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = tonic::transport::Server::builder().add_service(self.clone());
            tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
            address
        }

        fn spans(&self) -> Vec<Span> {
            let requests = self.0.lock().unwrap();
            let resources = requests.iter().flat_map(|request| &request.resource_spans);
            resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
        }
    }

    const ORDERS: &str = "order_id,line_no,order_date,buyer_name,buyer_country,quantity,unit,description\n\
                          SO-77,1,2024-03-01,Primer Trade LLP,KZ,10,PCE,bearings\n";

    /// What may stand in spans besides numbers and our own rooms: kinds, codes and the methods that are called here.
    const WORDS: [&str; 6] = ["orders", "none", "0", "IngestOrders", "WaitUntilScreened", "GetFinding"];

    #[test]
    fn a_collector_gets_every_kind_of_span_and_no_names() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let collector = Collector::default();
        let address = runtime.block_on(collector.listen());
        let place = Place::new();
        place.write("orders.csv", ORDERS);
        let (data, endpoint) = (place.path("store"), format!("http://{address}"));
        let options = [
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
            "--otlp-endpoint",
            &endpoint,
            "--trace-filter",
            "onward=debug",
        ];
        let service = Onward::start(&options);
        let orders = place.path("orders.csv");
        said(&["import", "--server", &service.address, "--orders", &orders, "--wait"]);
        runtime.block_on(async {
            let mut client = ScreeningServiceClient::connect(service.address.clone()).await.unwrap();
            let order = Some(OrderKey { order_id: "SO-77".to_owned(), line_no: 1 });
            let mut request = Request::new(GetFindingRequest { order });
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            request.metadata_mut().insert("traceparent", parent.parse().unwrap());
            client.get_finding(request).await.unwrap();
        });
        let (code, _) = service.terminate();
        assert_eq!(code, Some(0));

        let spans = collector.spans();
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["batch", "call", "case", "commit", "record", "round"]));
        let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
        let parent_of = |name: &str| {
            let span = spans.iter().find(|span| span.name == name).unwrap();
            by_id.get(span.parent_span_id.as_slice()).map(|parent| parent.name.as_str())
        };
        let parents = ["record", "batch", "case", "round", "commit"].map(parent_of);
        assert_eq!(parents, [Some("batch"), Some("call"), Some("round"), None, None]);
        let followed: Vec<&Span> = spans.iter().filter(|span| span.trace_id[..2] == [0x0a, 0xf7]).collect();
        assert!(
            matches!(followed[..], [call] if call.name == "call" && call.parent_span_id[0] == 0xb7),
            "{followed:?}"
        );

        let texts = spans.iter().flat_map(|span| &span.attributes);
        let texts = texts.filter_map(|attribute| attribute.value.as_ref()?.string_value.as_deref());
        for text in texts {
            assert!(WORDS.contains(&text) || text.starts_with("onward::"), "a span says {text}");
        }
    }

    #[test]
    fn a_collector_that_is_away_does_not_hold_the_service_up() {
        let place = Place::new();
        let data = place.path("store");
        // Port 1 is nobody's.
        let service =
            Onward::start(&["--data", &data, "--listen", "127.0.0.1:0", "--otlp-endpoint", "http://127.0.0.1:1"]);
        place.write("orders.csv", ORDERS);
        said(&["import", "--server", &service.address, "--orders", &place.path("orders.csv"), "--wait"]);
        let (code, _) = service.terminate();
        assert_eq!(code, Some(0));
    }
}
