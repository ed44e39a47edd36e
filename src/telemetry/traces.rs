//! Spans on their way to a collector, by the OpenTelemetry protocol; the only file that knows of it.
//!
//! Come here for what is sent and how a caller's trace goes on in ours. Without the feature `otel` there is nothing to
//! send with, and everything here does nothing. Spans carry what logs carry: methods, codes, counts and times. Counts are
//! signed, as the protocol's numbers are: unsigned ones would arrive as texts.

/// Where spans go, and which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceSettings {
    /// The collector, such as `http://127.0.0.1:4317`: OTLP over gRPC.
    pub endpoint: String,
    /// Which spans, such as `onward=info`.
    pub filter: String,
}

/// Whether this build can send spans.
pub const CAN_EXPORT: bool = cfg!(feature = "otel");

/// Sends what is left when it is told to.
#[must_use]
pub struct TraceExport {
    #[cfg(feature = "otel")]
    pub(super) provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl TraceExport {
    /// Sends what has not been sent yet and stops. Blocks for two seconds at most: a collector that is gone must not
    /// keep the service from ending.
    pub fn finish(self) {
        #[cfg(feature = "otel")]
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(std::time::Duration::from_secs(2))
        {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Makes a span part of the caller's trace, where a header `traceparent` names one (W3C Trace Context).
#[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "there is no trace to go on with"))]
pub fn go_on_with_trace<'a>(span: &tracing::Span, header: impl Fn(&str) -> Option<&'a str>) {
    #[cfg(feature = "otel")]
    export::go_on_with_trace(span, &header);
}

#[cfg(feature = "otel")]
pub(super) mod export {
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_otlp::{SpanExporter, WithExportConfig};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};

    use super::TraceSettings;
    use crate::telemetry::TelemetryError;

    /// What makes spans of the program into spans of the protocol, and what sends them in the background.
    pub(in crate::telemetry) fn layer<S>(
        settings: &TraceSettings,
    ) -> Result<(OpenTelemetryLayer<S, opentelemetry_sdk::trace::Tracer>, SdkTracerProvider), TelemetryError>
    where
        S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(&settings.endpoint).build();
        let exporter = exporter.map_err(|error| TelemetryError::NoExport(error.to_string()))?;
        let resource = Resource::builder().with_service_name("onward").build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("onward"));
        // Places in our code and threads are of no use to an operator, and cost on every span.
        Ok((layer.with_location(false).with_threads(false), provider))
    }

    struct Headers<'f, 'a>(&'f dyn Fn(&str) -> Option<&'a str>);

    impl Extractor for Headers<'_, '_> {
        fn get(&self, key: &str) -> Option<&str> {
            (self.0)(key)
        }

        fn keys(&self) -> Vec<&str> {
            Vec::new()
        }
    }

    pub(super) fn go_on_with_trace<'a>(span: &tracing::Span, header: &dyn Fn(&str) -> Option<&'a str>) {
        let context = TraceContextPropagator::new().extract(&Headers(header));
        if context.span().span_context().is_valid() {
            // Refused only where spans are not exported, and then there is nothing to go on with.
            let _ = span.set_parent(context);
        }
    }
}
