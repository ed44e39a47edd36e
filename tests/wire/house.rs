//! A house with doors: principals of two tenants, their keys, certificates, and a server that asks who comes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use onward::api::{Client, ClientError, ClientOptions, Engine, Secret, ServeOptions, ServerTls, TlsFiles};
use onward::clock::FixedClock;
use onward::identity::{HashKey, Identities};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;

use crate::setup::{Server, options};

const HASH_KEY: &str = "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f";
/// 2026-06-15, noon.
pub const NOON: u64 = 1_781_524_800_000;
/// The last day of every key that is good.
pub const LAST_DAY: &str = "2026-06-20";

/// Folder, clock and authorities.
pub struct House {
    folder: tempfile::TempDir,
    pub clock: FixedClock,
}

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// The key of a principal is its name.
pub fn key_of(principal: &str) -> String {
    format!("onward_{principal}")
}

/// A principal with one key.
pub fn principal(name: &str, tenant: &str, roles: &str) -> String {
    keyed_principal(name, tenant, roles, LAST_DAY)
}

/// A principal whose key ends with a day.
pub fn keyed_principal(name: &str, tenant: &str, roles: &str, last_day: &str) -> String {
    let hash = HashKey::parse(HASH_KEY).unwrap().hash(&key_of(name));
    format!(
        "[[principal]]\nname = \"{name}\"\ntenant = \"{tenant}\"\nroles = [{roles}]\n\
         keys = [{{ hash = \"{hash}\", expires = \"{last_day}\" }}]\n"
    )
}

impl House {
    pub fn new(principals: &[String]) -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap(), clock: FixedClock::at(NOON) };
        house.write("hash.key", HASH_KEY);
        house.admit(principals);
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        // Whole or not at all, as an operator should: the server may be reading just now.
        let aside = self.path(&format!("{name}.new"));
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
    }

    /// Writes another principals file.
    pub fn admit(&self, principals: &[String]) {
        self.write("principals.toml", &format!("hash_key_file = \"hash.key\"\n{}", principals.concat()));
    }

    pub fn identities(&self) -> Identities {
        Identities::open(&self.path("principals.toml"), Arc::new(self.clock.clone())).unwrap()
    }

    /// Writes certificate and key of a server at `localhost`.
    pub fn certify(&self, authority: &Authority) {
        let (certificate, key) = authority.certify("localhost", &["localhost"]);
        self.write("server.key", &key);
        self.write("server.pem", &certificate);
    }

    pub fn tls(&self, client_authority: Option<&Authority>) -> ServerTls {
        let client_authority = client_authority.map(|authority| {
            self.write("clients.pem", &authority.pem);
            self.path("clients.pem")
        });
        let (certificate, key) = (self.path("server.pem"), self.path("server.key"));
        ServerTls::open(TlsFiles { certificate, key, client_authority }).unwrap()
    }

    pub fn options(&self) -> ServeOptions {
        ServeOptions { identities: Some(self.identities()), ..options() }
    }

    pub async fn serve<E: Engine>(&self, engine: &E, options: ServeOptions) -> Server {
        Server::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), engine, options)
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// Certificate and key for names.
    pub fn certify(&self, common_name: &str, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A client in the clear with the key of a principal.
pub async fn client(server: &Server, principal: &str) -> Client {
    let secret = Secret::new(&key_of(principal));
    Client::connect_with(&format!("http://{}", server.address), ClientOptions { secret, ..Default::default() })
        .await
        .unwrap()
}

/// A client over TLS.
pub async fn secure_client(
    server: &Server,
    authority: &Authority,
    options: ClientOptions,
) -> Result<Client, ClientError> {
    let authority = Some(authority.pem.clone().into_bytes());
    let address = format!("https://localhost:{}", server.address.port());
    Client::connect_with(&address, ClientOptions { authority, ..options }).await
}
