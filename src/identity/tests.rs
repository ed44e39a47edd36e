//! Principals files and credentials, good and bad, by table.

use std::fs;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::{Credential, HashKey, Identities, KeyHash, Permission, PrincipalsFaults, Reloaded};
use crate::clock::FixedClock;

const HASH_KEY: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
/// 2026-06-15, noon.
const NOON: u64 = 1_781_524_800_000;
const DAY: u64 = 86_400_000;

fn hash(key: &str) -> KeyHash {
    HashKey::parse(HASH_KEY).unwrap().hash(key)
}

fn bearer(text: &str) -> Credential {
    Credential::Bearer(text.into())
}

fn names(names: &[&str]) -> Credential {
    Credential::Certificate(names.iter().map(|name| (*name).to_owned()).collect())
}

/// A folder with a principals file, its hash key, and a clock.
struct Place {
    folder: tempfile::TempDir,
    clock: FixedClock,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), clock: FixedClock::at(NOON) };
        place.write("hash.key", HASH_KEY);
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn open(&self, text: &str) -> Result<Identities, PrincipalsFaults> {
        self.write("principals.toml", text);
        Identities::open(&self.folder.path().join("principals.toml"), Arc::new(self.clock.clone()))
    }

    /// What is wrong with a file, without the folder.
    fn faults(&self, text: &str) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        let faults = self.open(text).unwrap_err().0;
        faults.iter().map(|fault| format!("{}: {}", fault.place, fault.detail).replace(&folder, "")).collect()
    }
}

fn who(identities: &Identities, credential: &Credential) -> Option<String> {
    let principal = identities.identify(credential).ok()?;
    Some(format!("{} of {}", principal.name, principal.tenant.name()))
}

fn two_principals() -> String {
    format!(
        r#"
hash_key_file = "hash.key"
[[principal]]
name = "erp"
tenant = "alma"
roles = ["ingest"]
keys = [
    {{ hash = "{}", expires = "2026-06-14" }},
    {{ hash = "{}", expires = "2026-06-15" }},
    {{ hash = "{}", expires = "2027-01-31" }},
]
[[principal]]
name = "desk"
tenant = "birch"
roles = ["analyst", "auditor"]
certificates = ["desk.birch.example", "spiffe://birch/desk"]
"#,
        hash("onward_old"),
        hash("onward_now"),
        hash("onward_next")
    )
}

#[test]
fn a_credential_is_one_principal_of_one_tenant_or_nobody() {
    let place = Place::new();
    let identities = place.open(&two_principals()).unwrap();
    let cases = [
        (bearer("onward_now"), Some("erp of alma")),
        (bearer("onward_next"), Some("erp of alma")),
        (bearer("onward_old"), None),
        (bearer("onward_none"), None),
        (bearer(""), None),
        (bearer("onward_now "), None),
        (bearer(&"onward_".repeat(10_000)), None),
        (names(&["desk.birch.example"]), Some("desk of birch")),
        (names(&["other.example", "spiffe://birch/desk", "desk.birch.example"]), Some("desk of birch")),
        (names(&["DESK.birch.example"]), None),
        (names(&[]), None),
    ];
    for (credential, expected) in cases {
        assert_eq!(who(&identities, &credential).as_deref(), expected);
    }
    let desk = identities.identify(&names(&["desk.birch.example"])).unwrap();
    assert!(desk.permissions.include(Permission::ReviewAlerts) && desk.permissions.include(Permission::ReadAudit));
    assert!(!desk.permissions.include(Permission::Ingest));
}

#[test]
fn a_key_ends_with_its_last_day() {
    let place = Place::new();
    let identities = place.open(&two_principals()).unwrap();
    let midnight = NOON + DAY / 2;
    place.clock.set(midnight - 1);
    assert!(who(&identities, &bearer("onward_now")).is_some());
    place.clock.set(midnight);
    assert!(who(&identities, &bearer("onward_now")).is_none());
    assert!(who(&identities, &bearer("onward_next")).is_some());
}

#[test]
fn names_of_two_principals_stand_for_nobody() {
    let place = Place::new();
    let principal = |name: &str| {
        format!(
            "[[principal]]\nname = \"{name}\"\ntenant = \"{name}\"\nroles = [\"admin\"]\ncertificates = [\"{name}.example\"]\n"
        )
    };
    let identities = place.open(&(principal("a") + &principal("b"))).unwrap();
    assert_eq!(who(&identities, &names(&["a.example"])).as_deref(), Some("a of a"));
    assert_eq!(who(&identities, &names(&["a.example", "b.example"])), None);
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let place = Place::new();
    let key = hash("onward_a");
    let text = format!(
        r#"
hash_key_file = "hash.key"
[[principal]]
name = "Erp"
tenant = ""
roles = ["root"]
keys = [{{ hash = "short", expires = "2027-01-31" }}, {{ hash = "{key}", expires = "soon" }}]
[[principal]]
name = "twice"
tenant = "a"
roles = []
certificates = ["*.example"]
[[principal]]
name = "twice"
tenant = "b"
roles = ["ingest"]
keys = [{{ hash = "{key}", expires = "2027-01-31" }}, {{ hash = "{key}", expires = "2027-01-31" }}]
subjects = ["robot"]
"#
    );
    let faults = place.faults(&text);
    let starts = [
        "principals.toml principal \"Erp\": name: expected",
        "principals.toml principal \"Erp\": tenant: expected",
        "principals.toml principal \"Erp\": roles: expected some of ingest, analyst, approver, auditor, admin",
        "principals.toml principal \"Erp\": keys: expected a hash",
        "principals.toml principal \"Erp\": keys: expected a hash",
        "principals.toml principal \"twice\": roles: expected",
        "principals.toml principal \"twice\": certificates: expected whole names",
        "principals.toml principal \"twice\": name: another principal has it",
        "principals.toml principal \"twice\": keys: the same key is there twice",
        "principals.toml principal \"twice\": subjects: there are no [tokens]",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:#?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
}

#[test]
fn faults_of_form_name_the_line_and_quote_nothing() {
    let place = Place::new();
    assert_eq!(
        place.faults("[[principal]]\nname = 7\n"),
        ["principals.toml line 2: invalid type: integer `7`, expected a string"]
    );
    let faults = place.faults("hash_key_file = \"hash.key\"\nsecret = \"x\"\n");
    assert!(faults[0].starts_with("principals.toml line 2: unknown field `secret`"), "{faults:?}");
    assert!(place.faults("hash_key_file = \"missing.key\"")[0].starts_with("missing.key: "));
    let keyed = two_principals().replace("hash_key_file = \"hash.key\"", "");
    assert!(place.faults(&keyed)[0].contains("hash_key_file: needed"));
    place.write("hash.key", "too short");
    assert!(place.faults(&two_principals())[0].contains("hash_key_file: expected 64 hexadecimal digits"));
}

#[test]
fn at_most_two_keys_of_a_principal_are_good_at_a_time() {
    let place = Place::new();
    place.clock.set(NOON - 2 * DAY);
    let faults = place.faults(&two_principals());
    assert_eq!(faults, ["principals.toml principal \"erp\": keys: expected at most 2 that are good, found 3"]);
}

#[test]
fn changes_take_effect_whole_and_faults_change_nothing() {
    let place = Place::new();
    let identities = place.open(&two_principals()).unwrap();
    assert_eq!(identities.reload(), Ok(Reloaded::Unchanged));
    place.write("principals.toml", "roles = 1");
    assert!(identities.reload().is_err());
    assert_eq!(identities.reload(), Ok(Reloaded::Unchanged), "the same fault is told once");
    assert!(who(&identities, &bearer("onward_now")).is_some());
    fs::remove_file(place.folder.path().join("principals.toml")).unwrap();
    assert!(identities.reload().is_err());
    assert!(who(&identities, &bearer("onward_now")).is_some());
    let fewer = two_principals().replace(&hash("onward_now").to_string(), &hash("onward_other").to_string());
    place.write("principals.toml", &fewer);
    assert_eq!(identities.reload(), Ok(Reloaded::Changed { principal_count: 2 }));
    assert_eq!(who(&identities, &bearer("onward_now")), None);
    // Another hash key is another house: no key opens it any more.
    place.write("hash.key", &HASH_KEY.replace("0b", "0c"));
    assert_eq!(identities.reload(), Ok(Reloaded::Changed { principal_count: 2 }));
    assert_eq!(who(&identities, &bearer("onward_next")), None);
}

// ---- tokens ------------------------------------------------------------------------------------------------------

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let joined = three.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let letters = (0..=three.len()).map(|place| LETTERS[(joined >> (18 - 6 * place)) as usize & 63] as char);
        text.extend(letters);
    }
    text
}

struct Provider {
    edwards: Ed25519KeyPair,
    nist: EcdsaKeyPair,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let nist = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self {
            edwards: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap(),
            nist: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, nist.as_ref(), &random).unwrap(),
        }
    }

    fn key_set(&self) -> String {
        let point = self.nist.public_key().as_ref();
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
        let edwards = base64url(self.edwards.public_key().as_ref());
        format!(
            r#"{{"keys":[
            {{"kty":"OKP","crv":"Ed25519","kid":"edwards","use":"sig","x":"{edwards}"}},
            {{"kty":"EC","crv":"P-256","kid":"nist","alg":"ES256","x":"{x}","y":"{y}"}},
            {{"kty":"RSA","kid":"rsa","e":"AQAB","n":"{RSA_MODULUS}"}},
            {{"kty":"oct","kid":"shared","k":"{}"}}]}}"#,
            base64url(b"a secret that providers never share")
        )
    }

    fn token(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature = match header.contains("ES256") {
            true => self.nist.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            false => self.edwards.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", base64url(&signature))
    }
}

const EDWARDS: &str = r#"{"alg":"EdDSA","kid":"edwards"}"#;
const GOOD: &str = r#"{"iss":"https://id.example","aud":"onward","sub":"robot","exp":4102444800}"#;
/// Of a key pair whose private half was thrown away after it had signed [`RSA_TOKEN`], which holds until 2100.
const RSA_MODULUS: &str = "rd4Z4DRX8Fx1yH-SLu10VuOh70_fzQrPMXYhRm4yLrJHCVj3i_XLIJaFAMrN-KLgOS8kZXtpBgEzXuy-JDlb-97dJqhBoQWj\
g0LJtFSnuRDPBdAbaR2Z5QhbTUb-965_-WCGyydmcmkVMFZIbbwafjkfA7rrfFU19m4T0v_oaJK0m2aPugsOC1QTMxSTEXtz4dXzxIyNCsku9kW-\
7x9ul-4zQmGHZ0gqkuzl1AK3rCukBDlDkqzt2TDnhIx_Q2LRaXv80a9sNbsGGDI0Tqx4zA2eNNZv5yl4kbV7hPpFRdg0GRPxn8TZ6RUMtFpwm69m\
_UHZaulWhsqvVtUU0096rw";
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJvbndhcmQi\
LCJzdWIiOiJyb2JvdCIsImV4cCI6NDEwMjQ0NDgwMH0.C3gpkh_KFjHCfDKbig_9df8ePIOzNpRydoSEGIikjQu6BDTm71EiTkVokNxoh5Pk0dIN\
XMmnVVm9CqPsg6rUFxizXb2uLE3n4B_N_TzmgqeMZIb2_7Gt3_EpIhPikT2o4NTk78F1EAa56PvcHz8xv7OWFoHJ59kMj0Gi6USK_SIRcjRZx-JZ\
lRFj4EyGXMXPGISrsXmLxWfJ1A9f-q_WhlKTiJ63DPR-po7Csu8Cd-oDn-zuV4lIMoD8-PoOcLfkZDJrK_fkpGzdMNPMgB-ah8c4eEH4sU55rpHH\
-NadaGId_t3iHdfhYiVL9oeKXnTqY-tnwEGCWT5Qpe9l9BnZGQ";

fn token_principals(algorithms: &str) -> String {
    format!(
        r#"
[tokens]
issuer = "https://id.example"
audience = "onward"
algorithms = {algorithms}
key_set_file = "keys.json"
[[principal]]
name = "robot"
tenant = "alma"
roles = ["ingest"]
subjects = ["robot"]
"#
    )
}

#[test]
fn tokens_hold_when_everything_about_them_does() {
    let (place, provider) = (Place::new(), Provider::new());
    place.write("keys.json", &provider.key_set());
    let identities = place.open(&token_principals(r#"["EdDSA", "ES256", "RS256"]"#)).unwrap();
    let with = |from: &str, to: &str| provider.token(EDWARDS, &GOOD.replace(from, to));
    let good = provider.token(EDWARDS, GOOD);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other_provider = Provider::new().token(EDWARDS, GOOD);
    let cases = [
        ("good", good.clone(), true),
        ("of another curve", provider.token(r#"{"alg":"ES256","kid":"nist"}"#, GOOD), true),
        ("rsa", RSA_TOKEN.to_owned(), true),
        ("no key id", provider.token(r#"{"alg":"EdDSA"}"#, GOOD), true),
        ("several audiences", with("\"onward\"", r#"["x","onward"]"#), true),
        ("unknown key id", provider.token(r#"{"alg":"EdDSA","kid":"other"}"#, GOOD), false),
        ("key id of another algorithm", provider.token(r#"{"alg":"EdDSA","kid":"nist"}"#, GOOD), false),
        ("signed by somebody else", other_provider, false),
        ("no signature", format!("{head}."), false),
        ("alg none", format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(GOOD.as_bytes())), false),
        ("symmetric", provider.token(r#"{"alg":"HS256","kid":"shared"}"#, GOOD), false),
        ("changed", format!("{}.{signature}", head.replace("EdDSA", "edDSA").replacen("eyJp", "eyJq", 1)), false),
        ("expired", with("4102444800", "1700000000"), false),
        ("no expiry", with(r#","exp":4102444800"#, ""), false),
        ("expiry is a text", with("4102444800", "\"4102444800\""), false),
        ("not yet good", with("\"exp\"", r#""nbf":4102444000,"exp""#), false),
        ("other issuer", with("id.example", "id.example.evil"), false),
        ("no issuer", with(r#""iss":"https://id.example","#, ""), false),
        ("other audience", with("\"onward\"", "\"backward\""), false),
        ("no audience", with(r#""aud":"onward","#, ""), false),
        ("unknown subject", with("robot", "somebody"), false),
        ("no subject", with(r#""sub":"robot","#, ""), false),
        ("no token", "a.b.c".to_owned(), false),
        ("long", format!("{good}{}", "A".repeat(9_000)), false),
    ];
    for (what, token, holds) in cases {
        assert_eq!(who(&identities, &bearer(&token)), holds.then(|| "robot of alma".to_owned()), "{what}");
    }
}

#[test]
fn only_algorithms_that_the_operator_named_are_taken() {
    let (place, provider) = (Place::new(), Provider::new());
    place.write("keys.json", &provider.key_set());
    let identities = place.open(&token_principals(r#"["ES256"]"#)).unwrap();
    assert_eq!(who(&identities, &bearer(&provider.token(EDWARDS, GOOD))), None);
    assert!(who(&identities, &bearer(&provider.token(r#"{"alg":"ES256","kid":"nist"}"#, GOOD))).is_some());
    for names in [r#"["HS256"]"#, r#"["none"]"#, "[]"] {
        assert!(!place.faults(&token_principals(names)).is_empty(), "{names}");
    }
    place.write("keys.json", r#"{"keys":[{"kty":"oct","kid":"shared","k":"c2VjcmV0"}]}"#);
    let faults = place.faults(&token_principals(r#"["ES256"]"#));
    assert!(faults[0].contains("holds no public key"), "{faults:?}");
}

#[test]
fn a_provider_that_changes_its_keys_is_followed() {
    let (place, provider) = (Place::new(), Provider::new());
    place.write("keys.json", &provider.key_set());
    let identities = place.open(&token_principals(r#"["EdDSA"]"#)).unwrap();
    let next = Provider::new();
    let token = next.token(EDWARDS, GOOD);
    assert_eq!(who(&identities, &bearer(&token)), None);
    place.write("keys.json", &next.key_set());
    assert_eq!(identities.reload(), Ok(Reloaded::Changed { principal_count: 1 }));
    assert!(who(&identities, &bearer(&token)).is_some());
    assert_eq!(who(&identities, &bearer(&provider.token(EDWARDS, GOOD))), None);
}

#[test]
fn certificates_give_their_dns_and_uri_names() {
    let mut parameters = rcgen::CertificateParams::new(vec!["erp.alma.example".to_owned()]).unwrap();
    let uri = "spiffe://alma/erp".try_into().unwrap();
    parameters.subject_alt_names.push(rcgen::SanType::URI(uri));
    parameters.subject_alt_names.push(rcgen::SanType::DnsName("*.alma.example".try_into().unwrap()));
    let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    assert_eq!(super::certificate_names(certificate.der()), ["erp.alma.example", "spiffe://alma/erp"]);
    assert!(super::certificate_names(b"no certificate").is_empty());
}
