//! TLS of the server: certificate, key and the authority of clients, read from files and read again when they change.
//!
//! Come here for what a renewed certificate needs: nothing but the files. New connections get the new certificate,
//! open ones go on; a client certificate is verified again while its connection is open. The protocol is `rustls`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

/// HTTP/2, the only protocol of gRPC.
const PROTOCOL: &[u8] = b"h2";
/// For how many seconds a client certificate that was found good is taken to be so.
const VERIFIED_SECONDS_MAX: u64 = 1;

/// Where the server finds what it needs for TLS. All files are PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// Its certificate, followed by those that lead to the authority.
    pub certificate: PathBuf,
    /// The key of its certificate.
    pub key: PathBuf,
    /// The authority whose certificates clients may show.
    pub client_authority: Option<PathBuf>,
}

/// What is wrong with one of the files.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct TlsFault {
    path: String,
    detail: String,
}

/// TLS as it is in force. Clones share one state.
#[derive(Clone)]
pub struct ServerTls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    client_verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// Counts the changes.
    generation: u64,
    texts: Texts,
    /// What was wrong the last time, so that it is told once.
    told: Option<TlsFault>,
}

/// Contents of the files, in the order of [`TlsFiles`].
type Texts = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// A client's certificate, verified when its connection was made.
pub(super) struct PeerCertificate {
    chain: Vec<CertificateDer<'static>>,
    tls: ServerTls,
    /// Generation and second in which it was last found good.
    verified: Mutex<(u64, u64)>,
}

impl ServerTls {
    /// Reads the files.
    pub fn open(files: TlsFiles) -> Result<Self, TlsFault> {
        let texts = read(&files)?;
        let (config, client_verifier) = configure(&files, &texts)?;
        let current = Current { config, client_verifier, generation: 0, texts, told: None };
        Ok(Self(Arc::new(Inner { files, current: RwLock::new(current) })))
    }

    /// Reads the files again; says whether they changed.
    ///
    /// # Errors
    /// What is wrong, once. What was in force before stays.
    pub fn reload(&self) -> Result<bool, TlsFault> {
        let read = read(&self.0.files).and_then(|texts| {
            let is_same = self.0.current.read().unwrap_or_else(PoisonError::into_inner).texts == texts;
            if is_same { Ok(None) } else { configure(&self.0.files, &texts).map(|made| Some((made, texts))) }
        });
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(None) => {
                current.told = None;
                Ok(false)
            }
            Ok(Some(((config, client_verifier), texts))) => {
                let generation = current.generation + 1;
                *current = Current { config, client_verifier, generation, texts, told: None };
                Ok(true)
            }
            Err(fault) if current.told.as_ref() == Some(&fault) => Ok(false),
            Err(fault) => {
                current.told = Some(fault.clone());
                Err(fault)
            }
        }
    }

    /// For the next connection.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// The certificate of a client that just came in, where it showed one.
    pub(super) fn peer(&self, chain: Option<&[CertificateDer<'static>]>) -> Option<Arc<PeerCertificate>> {
        let chain = chain.filter(|chain| !chain.is_empty())?.to_vec();
        // Never verified: the connection may have been made a moment before the authority changed.
        Some(Arc::new(PeerCertificate { chain, tls: self.clone(), verified: Mutex::new((u64::MAX, 0)) }))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerTls({})", self.0.files.certificate.display())
    }
}

impl PeerCertificate {
    /// The client's own certificate.
    pub(super) fn end_entity(&self) -> &[u8] {
        &self.chain[0]
    }

    /// Whether the authority that is in force now stands behind it now.
    pub(super) fn is_trusted(&self) -> bool {
        let now = UnixTime::now();
        let (verifier, generation) = {
            let current = self.tls.0.current.read().unwrap_or_else(PoisonError::into_inner);
            (current.client_verifier.clone(), current.generation)
        };
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.0 == generation && now.as_secs() < verified.1 + VERIFIED_SECONDS_MAX {
            return true;
        }
        let (own, others) = (&self.chain[0], &self.chain[1..]);
        let is_trusted = verifier.is_some_and(|verifier| verifier.verify_client_cert(own, others, now).is_ok());
        if is_trusted {
            *verified = (generation, now.as_secs());
        }
        is_trusted
    }
}

fn read(files: &TlsFiles) -> Result<Texts, TlsFault> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| fault(path, &error.to_string()));
    Ok((read(&files.certificate)?, read(&files.key)?, files.client_authority.as_ref().map(read).transpose()?))
}

type Configured = (Arc<ServerConfig>, Option<Arc<dyn ClientCertVerifier>>);

fn configure(files: &TlsFiles, (certificate, key, authority): &Texts) -> Result<Configured, TlsFault> {
    let chain = certificates(&files.certificate, certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| fault(&files.key, "expected a private key in PEM"))?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(&files.certificate, &error.to_string()))?;
    let mut client_verifier: Option<Arc<dyn ClientCertVerifier>> = None;
    let builder = match (&files.client_authority, authority) {
        (Some(path), Some(text)) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path, text)? {
                roots.add(root).map_err(|error| fault(path, &error.to_string()))?;
            }
            // A client may come with an API key or a token instead.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| fault(path, &error.to_string()))?;
            client_verifier = Some(Arc::clone(&verifier));
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| fault(&files.key, &format!("does not go with the certificate: {error}")))?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok((Arc::new(config), client_verifier))
}

fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = read.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| fault(path, "expected certificates in PEM"))
}

fn fault(path: &Path, detail: &str) -> TlsFault {
    TlsFault { path: path.display().to_string(), detail: detail.to_owned() }
}
