//! Tokens of an identity provider: JSON Web Tokens, verified against keys and rules from the principals file.
//!
//! Come here for which tokens are taken. The algorithms are named by the operator and never by the token; symmetric
//! ones are none of them. Parsing and rules are the `jsonwebtoken` crate's, the arithmetic is `ring`'s, which TLS
//! brings along anyway. Nothing is fetched: the provider's keys are a file, which is read again when it changes.

use std::fmt;
use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey, Validation, decode, decode_header,
};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far the clocks of provider and service may differ.
const CLOCK_DIFFERENCE_SECONDS_MAX: u64 = 10;
/// Most keys of a provider.
pub(super) const PROVIDER_KEYS_MAX: usize = 100;

/// Algorithms that may be named. All are asymmetric: the service must not be able to make tokens.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Which tokens are taken.
pub(super) struct TokenRules {
    /// One for each algorithm: the library takes several only when all are of one family.
    rules: Vec<(Algorithm, Validation)>,
    keys: Vec<ProviderKey>,
}

struct ProviderKey {
    id: Option<String>,
    /// What the key is for, where the provider says.
    algorithm: Option<String>,
    key: DecodingKey,
}

/// What is read of a token beside the rules that `jsonwebtoken` checks.
#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

/// The algorithm of a name, where it may be used.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

/// The names that may be used, for messages.
pub(super) fn algorithm_names() -> String {
    ALGORITHMS.map(|(name, _)| name).join(", ")
}

impl TokenRules {
    /// Rules from the settings and the provider's keys, a JSON Web Key Set.
    pub(super) fn new(
        issuer: &str,
        audience: &str,
        algorithms: Vec<Algorithm>,
        key_set: &str,
    ) -> Result<Self, &'static str> {
        let set: JwkSet = serde_json::from_str(key_set).map_err(|_| "expected a JSON Web Key Set")?;
        if set.keys.len() > PROVIDER_KEYS_MAX {
            return Err("expected at most 100 keys");
        }
        let keys: Vec<_> = set.keys.iter().filter_map(provider_key).collect();
        if keys.is_empty() {
            return Err("holds no public key for signatures");
        }
        if algorithms.is_empty() {
            return Err("expected at least one algorithm");
        }
        let rule = |algorithm: Algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = CLOCK_DIFFERENCE_SECONDS_MAX;
            validation.validate_nbf = true;
            validation.set_issuer(&[issuer]);
            validation.set_audience(&[audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            (algorithm, validation)
        };
        Ok(Self { rules: algorithms.into_iter().map(rule).collect(), keys })
    }

    /// The subject of a token that holds.
    pub(super) fn subject(&self, token: &str) -> Option<String> {
        install_ring();
        let header = (token.len() <= TOKEN_BYTES_MAX).then(|| decode_header(token).ok()).flatten()?;
        let (_, rule) = self.rules.iter().find(|(algorithm, _)| *algorithm == header.alg)?;
        let (name, _) = ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == header.alg)?;
        // A provider that changes its keys has two for a while; without an id each is tried.
        let fitting = self.keys.iter().filter(|key| header.kid.is_none() || key.id == header.kid);
        let mut fitting = fitting.filter(|key| key.algorithm.as_deref().is_none_or(|algorithm| algorithm == *name));
        fitting.find_map(|key| decode::<Claims>(token, &key.key, rule).ok()).map(|data| data.claims.sub)
    }
}

impl fmt::Debug for TokenRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenRules({} keys)", self.keys.len())
    }
}

/// A key of the set, unless it is symmetric or for something else than signatures.
fn provider_key(jwk: &Jwk) -> Option<ProviderKey> {
    let is_for_signatures = !matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
    let key = DecodingKey::from_jwk(jwk).ok().filter(|key| key.family() != AlgorithmFamily::Hmac)?;
    let algorithm = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
    is_for_signatures.then(|| ProviderKey { id: jwk.common.key_id.clone(), algorithm, key })
}

/// `jsonwebtoken` asks the whole process once which arithmetic to use.
fn install_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: no_signer,
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    static ONCE: Once = Once::new();
    // Refused only when somebody was here before; then that arithmetic is used.
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let arithmetic = arithmetic(*algorithm).ok_or(ErrorKind::UnsupportedAlgorithm)?;
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, arithmetic, key: key.clone() }))
}

#[derive(Clone, Copy)]
enum Arithmetic {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

fn arithmetic(algorithm: Algorithm) -> Option<Arithmetic> {
    match algorithm {
        Algorithm::RS256 => Some(Arithmetic::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256)),
        Algorithm::RS384 => Some(Arithmetic::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384)),
        Algorithm::RS512 => Some(Arithmetic::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512)),
        Algorithm::PS256 => Some(Arithmetic::Rsa(&signature::RSA_PSS_2048_8192_SHA256)),
        Algorithm::PS384 => Some(Arithmetic::Rsa(&signature::RSA_PSS_2048_8192_SHA384)),
        Algorithm::PS512 => Some(Arithmetic::Rsa(&signature::RSA_PSS_2048_8192_SHA512)),
        Algorithm::ES256 => Some(Arithmetic::Curve(&signature::ECDSA_P256_SHA256_FIXED)),
        Algorithm::ES384 => Some(Arithmetic::Curve(&signature::ECDSA_P384_SHA384_FIXED)),
        Algorithm::EdDSA => Some(Arithmetic::Curve(&signature::ED25519)),
        _ => None,
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    arithmetic: Arithmetic,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let holds = match (self.arithmetic, self.key.kind()) {
            (Arithmetic::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Arithmetic::Curve(curve), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(curve, point).verify(message, signature)
            }
            _ => return Err(SignatureError::new()),
        };
        holds.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
