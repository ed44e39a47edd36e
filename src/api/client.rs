//! A thin client of the service, for the command line and for tests: connect, ask, and what an error means.
//!
//! Come here to call a server from Rust. Sending records is in `ingest_client`, following alerts in `watch_client`.
//! It speaks the words of the model; the generated clients of `wire` are there for everything else.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::from_proto::{self, NotUnderstood};
use super::identity::TENANT_METADATA;
use super::ingest_client::{self, Batch, BatchReport, IngestSummary, RecordKind};
use super::watch_client::Watch;
use super::wire::alert_service_client::AlertServiceClient;
use super::wire::audit_service_client::AuditServiceClient;
use super::wire::screening_service_client::ScreeningServiceClient;
use super::{errors, to_proto, wire};
use crate::identity::is_tenant_name;
use crate::model::{Advice, Alert, AlertState, Finding, Level, OrderKey, OrderLine};

/// Most bytes of one answer.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How often a silent connection is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a server on behalf of a tenant. Cheap to clone; connects again by itself.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    tenant: String,
    tenant_value: Option<MetadataValue<Ascii>>,
    secret: Option<Secret>,
}

/// As whom to call, and how to know the server. Nothing of it is needed by a service that asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// The tenant. Needed only where the credential does not say it; `None` then means the default one.
    pub tenant: Option<String>,
    /// An API key or a token.
    pub secret: Option<Secret>,
    /// The authority behind the server's certificate, PEM; `None` takes those of the system.
    pub authority: Option<Vec<u8>>,
    /// The client's own certificate and its key, PEM.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
}

/// An API key or a token: shown to the server and to nobody else.
#[derive(Clone)]
pub struct Secret(MetadataValue<Ascii>);

impl Secret {
    /// A secret by its text; white space around it is dropped. `None` when it cannot be one.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_secret = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = MetadataValue::try_from(format!("Bearer {text}")).ok().filter(|_| is_secret)?;
        value.set_sensitive(true);
        Some(Self(value))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A page of findings, and what gets the next one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingPage {
    /// In the order of their order lines.
    pub findings: Vec<Finding>,
    /// Empty on the last page.
    pub next_page_token: String,
}

/// Why a call of the client failed for good.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{0} is no address of a server: expected http://host:port or https://host:port")]
    BadAddress(String),
    /// A secret would cross a network that anybody can read.
    #[error("{0} is another machine: an API key or token goes there over https:// only")]
    SecretInTheClear(String),
    /// A certificate or key cannot be used.
    #[error("the certificate, its key or the authority cannot be used: {0}")]
    BadCertificate(String),
    /// The tenant's name is none.
    #[error("{0:?} is no name of a tenant: expected 1 to 64 of a-z 0-9 - _ .")]
    BadTenant(String),
    /// The server cannot be reached, or not for long enough.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server refused.
    #[error("the server refused: {message} ({code:?}{})", .reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default())]
    Refused {
        /// Code of gRPC.
        code: Code,
        /// Reason by `error_reason.proto`, where the server gave one.
        reason: Option<String>,
        /// Text for people.
        message: String,
    },
    /// A batch of the caller holds nothing, too much or another kind of record.
    #[error("a batch cannot be sent: {0}")]
    BadBatch(String),
    /// The server said something that this version does not understand.
    #[error("the answer of the server is not understood: {0}")]
    NotUnderstood(#[from] NotUnderstood),
}

impl Client {
    /// Connects to `http://host:port` on behalf of a tenant, to a service that asks for no credentials.
    pub async fn connect(address: &str, tenant: &str) -> Result<Self, ClientError> {
        let tenant = Some(tenant.to_owned());
        Self::connect_with(address, ClientOptions { tenant, ..ClientOptions::default() }).await
    }

    /// Connects to `http://host:port` or `https://host:port`.
    pub async fn connect_with(address: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let endpoint =
            Endpoint::from_shared(address.to_owned()).map_err(|_| ClientError::BadAddress(address.to_owned()))?;
        let ClientOptions { tenant, secret, authority, certificate } = options;
        let tenant_value = tenant.as_deref().map(|tenant| {
            let value = MetadataValue::try_from(tenant).ok().filter(|_| is_tenant_name(tenant));
            value.ok_or_else(|| ClientError::BadTenant(tenant.to_owned()))
        });
        let tenant_value = tenant_value.transpose()?;
        let is_encrypted = endpoint.uri().scheme_str() == Some("https");
        if secret.is_some() && !is_encrypted && !is_this_machine(endpoint.uri().host().unwrap_or_default()) {
            return Err(ClientError::SecretInTheClear(address.to_owned()));
        }
        let endpoint = match is_encrypted {
            true => with_tls(endpoint, authority, certificate)?,
            false => endpoint,
        };
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1);
        let channel = endpoint.connect().await.map_err(|error| ClientError::Unreachable(with_causes(&error)))?;
        Ok(Self { channel, tenant: tenant.unwrap_or_default(), tenant_value, secret })
    }

    /// Sends batches of one kind of record until the receiver is closed, and answers when each is durable.
    /// Slows down, repeats and connects again by itself; `report` hears of each batch once.
    pub async fn ingest(
        &self,
        kind: RecordKind,
        batches: tokio::sync::mpsc::Receiver<Batch>,
        report: impl FnMut(BatchReport) + Send,
    ) -> Result<IngestSummary, ClientError> {
        ingest_client::ingest(self, kind, batches, report).await
    }

    /// Follows the tenant's alerts after a cursor, or from the beginning.
    pub fn watch(&self, cursor: Option<String>) -> Watch {
        Watch::new(self.clone(), cursor)
    }

    /// The finding on an order line, where there is one.
    pub async fn finding(&self, order: &OrderKey) -> Result<Option<Finding>, ClientError> {
        let request = self.request(wire::GetFindingRequest { order: Some(to_proto::order_key(order)) });
        match self.screening().get_finding(request).await {
            Ok(answer) => match answer.into_inner().finding {
                Some(finding) => Ok(Some(from_proto::finding(&self.tenant, finding)?)),
                None => Err(NotUnderstood("finding").into()),
            },
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// What to do with an order line before it ships.
    pub async fn screen(&self, order: &OrderLine) -> Result<Advice, ClientError> {
        let order = Some(to_proto::order_line(order));
        let request = wire::ScreenOrderRequest { order, ..wire::ScreenOrderRequest::default() };
        let answer = self.screening().screen_order(self.request(request)).await?.into_inner();
        Ok(from_proto::advice(&self.tenant, answer)?)
    }

    /// A page of findings of at least this level; `page_size` 0 leaves it to the server.
    pub async fn findings(
        &self,
        min_level: Level,
        page_size: u32,
        page_token: String,
    ) -> Result<FindingPage, ClientError> {
        let min_level = from_proto::level_to(min_level).into();
        let request = self.request(wire::ListFindingsRequest { page_size, page_token, min_level });
        let answer = self.screening().list_findings(request).await?.into_inner();
        let findings = answer.findings.into_iter().map(|finding| from_proto::finding(&self.tenant, finding));
        Ok(FindingPage { findings: findings.collect::<Result<_, _>>()?, next_page_token: answer.next_page_token })
    }

    /// All findings of at least this level, page by page.
    pub async fn all_findings(&self, min_level: Level) -> Result<Vec<Finding>, ClientError> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = self.findings(min_level, 0, page_token).await?;
            all.extend(page.findings);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    /// The finding on an order line as text, where there is one.
    pub async fn explain(&self, order: &OrderKey) -> Result<Option<String>, ClientError> {
        let request = self.request(wire::ExplainFindingRequest { order: Some(to_proto::order_key(order)) });
        match self.screening().explain_finding(request).await {
            Ok(answer) => Ok(Some(answer.into_inner().text)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// All alerts of the tenant, the oldest first.
    pub async fn all_alerts(&self) -> Result<Vec<Alert>, ClientError> {
        self.alerts_in(None).await
    }

    /// All alerts of the tenant in one state, or in any, the oldest first.
    pub async fn alerts_in(&self, state: Option<AlertState>) -> Result<Vec<Alert>, ClientError> {
        let state = state.map_or(wire::AlertState::Unspecified, from_proto::alert_state_to).into();
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = self.request(wire::ListAlertsRequest { page_token, page_size: 0, state });
            let answer = self.alerts().list_alerts(request).await?.into_inner();
            for alert in answer.alerts {
                all.push(from_proto::alert(&self.tenant, alert)?);
            }
            if answer.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = answer.next_page_token;
        }
    }

    /// Waits until everything accepted so far is judged.
    pub async fn wait_until_screened(&self) -> Result<(), ClientError> {
        self.screening().wait_until_screened(self.request(wire::WaitUntilScreenedRequest {})).await?;
        Ok(())
    }

    /// On whose behalf this client calls; empty where only its credential says it.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The connection, for the generated clients of `wire`.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A request on behalf of the tenant, for the generated clients of `wire`.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(tenant) = &self.tenant_value {
            request.metadata_mut().insert(TENANT_METADATA, tenant.clone());
        }
        if let Some(Secret(secret)) = &self.secret {
            request.metadata_mut().insert("authorization", secret.clone());
        }
        request
    }

    pub(super) fn alerts(&self) -> AlertServiceClient<Channel> {
        AlertServiceClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(super) fn screening(&self) -> ScreeningServiceClient<Channel> {
        ScreeningServiceClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn with_tls(
    endpoint: Endpoint,
    authority: Option<Vec<u8>>,
    certificate: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<Endpoint, ClientError> {
    let mut tls = match authority {
        Some(authority) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let Some((certificate, key)) = certificate {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    endpoint.tls_config(tls).map_err(|error| ClientError::BadCertificate(with_causes(&error)))
}

/// An error with what is behind it: "transport error" alone helps nobody.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        let reason = errors::reason_of(&status);
        Self::Refused { code: status.code(), reason, message: status.message().to_owned() }
    }
}

/// Attempts that failed one after the other without any progress: when to try again, and when to give up.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    failures: u32,
}

/// Failed attempts after which a call is given up: about 16 s.
const FAILURES_MAX: u32 = 9;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

impl Patience {
    /// Something went well.
    pub(super) fn renew(&mut self) {
        self.failures = 0;
    }

    /// Waits before the next attempt, or says that there should be none.
    pub(super) async fn bear(&mut self, status: Status) -> Result<(), ClientError> {
        if !helps_to_repeat(&status) {
            return Err(status.into());
        }
        if self.failures >= FAILURES_MAX {
            return Err(ClientError::Unreachable(status.message().to_owned()));
        }
        let pause = PAUSE_MIN.saturating_mul(1 << self.failures).min(PAUSE_MAX);
        self.failures += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// By reason where the server gave one. Without one the transport speaks: a server that was killed shows as any of
/// these codes, depending on what it was doing.
fn helps_to_repeat(status: &Status) -> bool {
    match errors::reason_of(status) {
        Some(reason) => {
            use wire::ErrorReason::*;
            [TooManyCalls, TooManyWatches, OutcomesNotRead, DeadlinePassed, ShuttingDown, StoreUnavailable]
                .into_iter()
                .any(|helpful| errors::reason_word(helpful) == reason)
        }
        None => matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, ClientError, ClientOptions, Secret, is_this_machine};

    #[test]
    fn secrets_are_texts_that_never_show() {
        for text in ["", "  ", "two words", "\u{e9}", "a\nb"] {
            assert!(Secret::new(text).is_none(), "{text:?}");
        }
        let secret = Secret::new(" onward_abc\n").unwrap();
        assert_eq!(secret.0.to_str().unwrap(), "Bearer onward_abc");
        let options = ClientOptions { secret: Some(secret.clone()), ..ClientOptions::default() };
        assert!(!format!("{options:?} {:?}", secret.0).contains("abc"));
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for (host, expected) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost", true),
            ("10.0.0.1", false),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }

    #[tokio::test]
    async fn a_secret_never_crosses_a_network_in_the_clear() {
        let options = ClientOptions { secret: Secret::new("onward_abc"), ..ClientOptions::default() };
        let refused = Client::connect_with("http://192.0.2.1:1", options).await.unwrap_err();
        assert!(matches!(refused, ClientError::SecretInTheClear(_)), "{refused}");
    }
}
