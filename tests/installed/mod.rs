//! The built program with what an operator has: a folder, keys, certificates, a service that runs.
//!
//! Come here for how tests start `onward serve` as it is installed. Used by `operating`, `lasting` and `foreign`.

#![allow(dead_code, reason = "each test takes a part of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Far more than anything here takes; a test that hangs ends with it.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onward"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ONWARD_")) {
        command.env_remove(name);
    }
    command
}

pub fn onward(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output of a command that must end well.
pub fn said(arguments: &[&str]) -> String {
    let output = onward(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A folder with what an operator has.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Makes a key into `NAME.key` and gives a principal that has it.
    pub fn principal(&self, name: &str, tenant: &str, role: &str) -> String {
        let (hash_key, out) = (self.path("hash.key"), self.path(&format!("{name}.key")));
        let line = said(&["key", "new", "--hash-key", &hash_key, "--out", &out, "--expires", "2099-12-31"]);
        format!(
            "[[principal]]\nname = \"{name}\"\ntenant = \"{tenant}\"\nroles = [\"{role}\"]\nkeys = [{}]\n",
            line.trim_end()
        )
    }

    pub fn admit(&self, principals: &[String]) {
        self.write("principals.toml", &format!("hash_key_file = \"hash.key\"\n{}", principals.concat()));
    }

    /// An authority in `ca.pem`, and a server certificate for this machine by it.
    pub fn certify(&self) {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of another name than what it signs: clients with OpenSSL take a certificate in the name of its issuer for one
        // that signed itself.
        parameters.distinguished_name.push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        self.write("ca.pem", &parameters.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(parameters, key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.write("server.pem", &CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().pem());
        self.write("server.key", &key.serialize_pem());
    }

    /// Settings of a guarded service, in `onward.toml`.
    pub fn settle(&self, more: &str) {
        let path = |name: &str| format!("{:?}", self.path(name));
        self.write(
            "onward.toml",
            &format!(
                "data = {}\nlisten = \"127.0.0.1:0\"\nprincipals = {}\ntls_cert = {}\ntls_key = {}\nlog = \"json\"\n{more}",
                path("onward.redb"),
                path("principals.toml"),
                path("server.pem"),
                path("server.key")
            ),
        );
    }
}

/// A service that is killed with its owner unless it was stopped.
pub struct Service {
    child: Child,
    pub address: String,
    log: std::sync::mpsc::Receiver<String>,
    // Held open: the service may still have something to say.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_by(program(&[&["serve"], arguments].concat()))
    }

    /// Starts it by a command that ends up as the service.
    pub fn start_by(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split_whitespace().find(|word| word.contains("://"));
        let Some(address) = address.map(|address| address.trim_end_matches('.').to_owned()) else {
            panic!("the service did not start: {line}{}", log.iter().collect::<String>());
        };
        Self { child, address, log, _stdout: stdout }
    }

    /// The next line of its log that holds a text.
    pub fn logged(&self, wanted: &str) -> String {
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(wanted) {
                return line;
            }
        }
        panic!("the log ended without {wanted:?}");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Changes what the system allows it, as `prlimit` says it.
    pub fn limit(&self, limit: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("prlimit").args(["--pid", &id, limit]).status().unwrap().success());
    }

    /// Ends it as a crash of the machine would, and returns when it is gone.
    pub fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it; gives its exit code and the rest of its log.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let code = self.child.wait().unwrap().code();
        (code, self.log.iter().collect())
    }
}

/// Reads a log as it comes: a pipe that nobody empties would stop the service.
fn lines_of(stderr: ChildStderr) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line + "\n").is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already, as it should be, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
