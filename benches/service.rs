//! The service as a child process, and what the system says of it: memory, processor time, load of the machine.
//!
//! Come here for how it is started and ended. Figures of the system are read from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use onward::api::Client;

/// Ticks of processor time in a second, as Linux tells them.
const TICKS_PER_SECOND: f64 = 100.0;

/// What to start, and where its store lies.
pub struct Place {
    /// The built program.
    pub program: String,
    /// Where the folder of a store is made; where the system keeps temporary files when nothing is said.
    pub folder: Option<PathBuf>,
}

/// A new folder that vanishes with its owner. The crate for it would have the library built otherwise than the release.
struct Folder(PathBuf);

impl Folder {
    fn new_in(place: &Path) -> Self {
        let path = place.join(format!("onward-load-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A service on a new store; ended with its owner.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: String,
    folder: Folder,
}

/// Processor time of service and client at one moment.
pub struct Processor {
    at: Instant,
    service: f64,
    client: f64,
}

impl Place {
    /// Starts a service with these options on a new store.
    pub fn start(&self, options: &[&str]) -> Served {
        let folder = Folder::new_in(self.folder.as_deref().unwrap_or(&std::env::temp_dir()));
        let mut child = Command::new(&self.program)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-filter", "error", "--data"])
            .arg(folder.0.join("onward.redb"))
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
        let address = address.trim_end_matches('.').to_owned();
        Served { child, address, folder }
    }
}

impl Served {
    /// A connection of its own on behalf of a tenant.
    pub async fn client(&self, tenant: &str) -> Client {
        Client::connect(&format!("http://{}", self.address), tenant).await.unwrap()
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Size of the store file in MiB.
    pub fn store_mib(&self) -> f64 {
        fs::metadata(self.folder.0.join("onward.redb")).unwrap().len() as f64 / (1024.0 * 1024.0)
    }

    /// Processor time up to now.
    pub fn processor(&self) -> Processor {
        let (service, client) = (seconds_of(&self.child.id().to_string()), seconds_of("self"));
        Processor { at: Instant::now(), service, client }
    }

    /// How many cores service and client have used since then.
    pub fn cores_since(&self, before: &Processor) -> (f64, f64) {
        let (now, wall) = (self.processor(), before.at.elapsed().as_secs_f64());
        ((now.service - before.service) / wall, (now.client - before.client) / wall)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Load of the machine over the last minute, ours and that of everything else.
pub fn machine_load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap().split_whitespace().next().unwrap().to_owned()
}

fn seconds_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
