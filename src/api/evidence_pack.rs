//! Everything that bears on one finding as one archive, written while it is sent.
//!
//! Come here for what is in an evidence pack and in which form. The same state of the store gives the same bytes: files
//! have a stated order and no times. Only one record, one page of entries and one chunk are held at a time. What belongs
//! to a finding is gathered by the engine; nothing is judged here.

use std::io::{self, Write};
use std::time::Duration;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, OwnedPermit, error::SendError};
use tonic::Status;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::engine::{Dossier, Engine, EngineError};
use super::wire::ErrorReason;
use super::{errors, explain, to_proto, wire};
use crate::audit::{AuditEntry, AuditKind, Checkpoint, hex};
use crate::model::Finding;

/// Most bytes of one piece of the archive.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// How long a piece may wait for a client that does not read.
const READ_WAIT_MAX: Duration = Duration::from_secs(30);
/// Rows that are read at a time.
const PAGE_ROWS: usize = 500;
/// Checks the proofs of a pack; for whoever has nothing of ours.
const CHECK_PROOF: &str = include_str!("../../examples/python/check_proof.py");
/// Pieces on their way: the next one, and the word on why there is none.
const PIECES_MAX: usize = 2;

type Piece = Result<wire::ExportEvidencePackResponse, Status>;

/// Why a pack was not finished.
#[derive(Debug)]
enum Fault {
    /// Nobody reads any more.
    ClientLeft,
    /// The client is there and does not read.
    NotRead,
    /// The engine could not tell something.
    Engine(EngineError),
    /// The archive could not be written: a fault of ours.
    Form(String),
}

/// Writes the pack of a finding piece by piece for as long as somebody reads; blocks. Begin it with what
/// [`pieces`] gives.
pub(super) fn send<E: Engine>(engine: &E, tenant: &str, dossier: &Dossier, pieces: Pieces) {
    let Pieces { sender, last_word } = pieces;
    let out = ChunkWriter::new(sender, READ_WAIT_MAX);
    end(write(engine, tenant, dossier, out), last_word);
}

/// Says why there are no more pieces, unless it is because that was all.
fn end(written: Result<(), Fault>, last_word: OwnedPermit<Piece>) {
    let status = match written {
        Ok(()) | Err(Fault::ClientLeft) => return,
        Err(Fault::NotRead) => {
            errors::exhausted(ErrorReason::OutcomesNotRead, "the pieces of the evidence pack are not read")
        }
        Err(Fault::Engine(error)) => errors::of_engine(&error),
        Err(Fault::Form(cause)) => errors::internal(&cause),
    };
    last_word.send(Err(status));
}

/// Where pieces go, with a place kept free for saying why they end.
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
    last_word: OwnedPermit<Piece>,
}

/// A channel for the pieces of one pack.
pub(super) fn pieces() -> Result<(Pieces, mpsc::Receiver<Piece>), Status> {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let last_word = sender.clone().try_reserve_owned().map_err(|error| errors::internal(&error.to_string()))?;
    Ok((Pieces { sender, last_word }, receiver))
}

fn write<E: Engine>(engine: &E, tenant: &str, dossier: &Dossier, out: ChunkWriter) -> Result<(), Fault> {
    let finding = &dossier.finding;
    let form = JsonForm::new()?;
    let mut archive = Archive::new(out);
    archive.text("README.txt", &readme(dossier))?;
    archive.file("finding.json", |file| form.pretty("Finding", &to_proto::finding(finding), file))?;
    archive.file("finding.stored", |file| Ok(file.write_all(&dossier.form)?))?;
    archive.text("explanation.txt", &explain::explanation(finding))?;
    if let Some(order) = engine.order(tenant, &finding.order)? {
        archive.file("order.json", |file| form.pretty("OrderLine", &to_proto::order_line(&order), file))?;
    }
    archive.file("other_orders.jsonl", |file| {
        for key in finding.other_orders() {
            if let Some(order) = engine.order(tenant, key)? {
                form.line("OrderLine", &to_proto::order_line(&order), file)?;
            }
        }
        Ok(())
    })?;
    archive.file("shipments.jsonl", |file| {
        for key in finding.papers() {
            if let Some(line) = engine.shipment(tenant, key)? {
                form.line("ShipmentLine", &to_proto::shipment_line(&line), file)?;
            }
        }
        Ok(())
    })?;
    archive.file("companies.jsonl", |file| {
        for name in &dossier.companies {
            if let Some(company) = engine.company(tenant, name)? {
                form.line("Company", &to_proto::company(&company), file)?;
            }
        }
        Ok(())
    })?;
    if let Some(alert) = &dossier.alert {
        archive.file("alert.json", |file| form.pretty("Alert", &to_proto::alert(alert), file))?;
        archive.file("alert_activity.jsonl", |file| activity(engine, tenant, dossier, &form, file))?;
    }
    archive.file("audit_entries.jsonl", |file| {
        audit_entries(engine, tenant, dossier, |entry| Ok(writeln!(file, "{}", entry.json())?))
    })?;
    archive.file("audit_proofs.jsonl", |file| {
        let size = dossier.checkpoint.tree.size;
        audit_entries(engine, tenant, dossier, |entry| {
            // Against the tree of the checkpoint, whatever came since.
            let proof = engine.entry_proof(tenant, entry.sequence, Some(size))?;
            let proof = proof.ok_or_else(|| Fault::Form(format!("no proof of audit entry {}", entry.sequence)))?;
            Ok(writeln!(file, "{}", proof.json())?)
        })
    })?;
    archive.text("check_proof.py", CHECK_PROOF)?;
    let manifest = manifest(tenant, dossier, &archive.files);
    archive.text("manifest.json", &manifest)?;
    let sums: Vec<String> = archive.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect();
    archive.text("SHA256SUMS", &sums.concat())?;
    archive.finish()
}

/// What happened to the alert, up to the state of the dossier.
fn activity<E: Engine>(
    engine: &E,
    tenant: &str,
    dossier: &Dossier,
    form: &JsonForm,
    file: &mut dyn Write,
) -> Result<(), Fault> {
    let Some(alert) = &dossier.alert else { return Ok(()) };
    let mut after = 0;
    loop {
        let page = engine.alert_activity(tenant, alert.id, after, PAGE_ROWS)?;
        for event in page.iter().filter(|event| event.sequence <= dossier.newest_alert_sequence) {
            form.line("AlertEvent", &to_proto::alert_event(event), file)?;
        }
        match page.last().filter(|_| page.len() == PAGE_ROWS) {
            Some(last) => after = last.sequence,
            None => return Ok(()),
        }
    }
}

/// Hands on the entries on the order line, on its alert and on the tenant's batches that brought what the finding names,
/// up to the checkpoint.
fn audit_entries<E: Engine>(
    engine: &E,
    tenant: &str,
    dossier: &Dossier,
    mut take: impl FnMut(&AuditEntry) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let newest = dossier.checkpoint.newest.as_ref().map_or(0, |entry| entry.sequence);
    let mut after = dossier.trail_after;
    loop {
        let page = engine.audit_entries(tenant, after, PAGE_ROWS)?;
        for entry in page.iter().filter(|entry| entry.sequence <= newest && bears_on(entry, dossier)) {
            take(entry)?;
        }
        match page.last().filter(|last| page.len() == PAGE_ROWS && last.sequence < newest) {
            Some(last) => after = last.sequence,
            None => return Ok(()),
        }
    }
}

fn bears_on(entry: &AuditEntry, dossier: &Dossier) -> bool {
    let order = &dossier.finding.order;
    match entry.kind {
        AuditKind::BatchAccepted => dossier.batches.contains(&entry.sequence),
        AuditKind::CaseJudged => entry.subject == format!("order/{}/{}", order.order_id, order.line_no),
        AuditKind::AlertRaised | AuditKind::AlertUpdated | AuditKind::AlertClosed | AuditKind::AlertReviewed => {
            dossier.alert.as_ref().is_some_and(|alert| entry.subject == format!("alert/{}", alert.id))
        }
        AuditKind::AlertSettingsChanged | AuditKind::JobStarted | AuditKind::JobCancelled => false,
    }
}

/// How an auditor reads and checks the archive.
fn readme(dossier: &Dossier) -> String {
    let Finding { order, engine_version, policy_version, .. } = &dossier.finding;
    // An order number is the tenant's own text: it must not look like lines of this one.
    let order_id: String = order.order_id.chars().filter(|letter| !letter.is_control()).collect();
    let Checkpoint { newest, tree } = &dossier.checkpoint;
    let head =
        newest.as_ref().map_or_else(|| "0:none".to_owned(), |entry| format!("{}:{}", entry.sequence, hex(&entry.hash)));
    format!(
        "Evidence on order {order_id}, line {line_no}\n\
         \n\
         Onward suspects; a person decides. This archive holds what it has on one finding, as it stood when the archive\n\
         was made.\n\
         \n\
         finding.json          the finding, as the service returns it (JSON of protobuf, see onward/v1/resources.proto)\n\
         finding.stored        the same, byte for byte as it is stored\n\
         explanation.txt       the finding in words\n\
         order.json            the order line\n\
         other_orders.jsonl    other order lines of the tenant that the finding names\n\
         shipments.jsonl       the papers that the finding names\n\
         companies.jsonl       register rows of the firms that buyer, senders and receivers may stand for\n\
         alert.json            the alert on the order line, where there is one\n\
         alert_activity.jsonl  everything that happened to it, the oldest first\n\
         audit_entries.jsonl   entries of the trail on the order line, its alert, and the tenant's batches that brought\n\
         \x20                     the above; papers and register rows may also have come from others\n\
         audit_proofs.jsonl    for each of them the way to the root of the tenant's tree\n\
         check_proof.py        checks them; read it before you run it\n\
         manifest.json         versions, hashes, the checkpoint\n\
         SHA256SUMS            the SHA-256 of every file\n\
         \n\
         Engine: {engine_version}\n\
         Policy: {policy_version}\n\
         The policy names the versions of all weights; lists and tables are those built into the engine.\n\
         \n\
         How to check it\n\
         \n\
         1. That the files are whole:\n\
         \x20      sha256sum --check SHA256SUMS\n\
         2. That the finding is the one that was recorded when it was judged:\n\
         \x20      sha256sum finding.stored\n\
         \x20  prints the detail_hash of the last line with kind case_judged in audit_entries.jsonl.\n\
         3. That these entries stand in the trail and nothing before them was changed. On a copy of the store:\n\
         \x20      onward audit verify --data copy.redb --noted-head {head}\n\
         \x20      onward audit export --data copy.redb --out trail.jsonl\n\
         \x20      grep --fixed-strings --line-regexp --file audit_entries.jsonl trail.jsonl | cmp - audit_entries.jsonl\n\
         \x20  The first says that the trail is whole, the last says nothing.\n\
         4. The same without the store and without any program of ours:\n\
         \x20      python3 check_proof.py audit_proofs.jsonl {tree_size}:{tree_root}\n\
         \x20  computes the hash of each entry and leads it to the root of the tree of then. What is hashed stands in\n\
         \x20  docs/auditing.md and RFC 9162, section 2.1. That the tree is the trail's own, and still is, says a root that\n\
         \x20  you kept yourself (onward audit checkpoint), or on the running service:\n\
         \x20      onward audit verify --kept-tree {tree_size}:{tree_root}\n\
         5. That the finding follows from its records, on the running service:\n\
         \x20      onward audit replay ORDER_ID LINE\n",
        line_no = order.line_no,
        tree_size = tree.size,
        tree_root = hex(&tree.root),
    )
}

fn manifest(tenant: &str, dossier: &Dossier, files: &[Listed]) -> String {
    let finding = &dossier.finding;
    let file = |file: &Listed| serde_json::json!({"name": file.name, "bytes": file.bytes, "sha256": file.sha256});
    let value = serde_json::json!({
        "format": "onward evidence pack 1",
        "tenant": tenant,
        "order_id": finding.order.order_id,
        "line_no": finding.order.line_no,
        "finding": {
            "revision": dossier.revision,
            "stored_sha256": hex(&Sha256::digest(&dossier.form)),
            "case_sha256": hex(&finding.case_hash),
            "engine_version": finding.engine_version,
            "policy_version": finding.policy_version,
        },
        "checkpoint": dossier.checkpoint.newest.as_ref().map(|entry| serde_json::json!({
            "sequence": entry.sequence, "hash": hex(&entry.hash),
            "tree_size": dossier.checkpoint.tree.size, "root_hash": hex(&dossier.checkpoint.tree.root),
        })),
        "files": files.iter().map(file).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

/// Messages as the JSON of the protobuf specification, with the names of the proto files.
struct JsonForm {
    pool: DescriptorPool,
}

impl JsonForm {
    fn new() -> Result<Self, Fault> {
        DescriptorPool::decode(wire::DESCRIPTOR_SET).map(|pool| Self { pool }).map_err(Fault::form)
    }

    fn dynamic(&self, name: &str, message: &impl Message) -> Result<DynamicMessage, Fault> {
        let name = format!("onward.v1.{name}");
        let descriptor = self.pool.get_message_by_name(&name).ok_or(Fault::Form(name))?;
        DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(Fault::form)
    }

    fn pretty(&self, name: &str, message: &impl Message, out: &mut dyn Write) -> Result<(), Fault> {
        let dynamic = self.dynamic(name, message)?;
        let mut serializer = serde_json::Serializer::pretty(&mut *out);
        dynamic.serialize_with_options(&mut serializer, &options())?;
        Ok(out.write_all(b"\n")?)
    }

    fn line(&self, name: &str, message: &impl Message, out: &mut dyn Write) -> Result<(), Fault> {
        let dynamic = self.dynamic(name, message)?;
        let mut serializer = serde_json::Serializer::new(&mut *out);
        dynamic.serialize_with_options(&mut serializer, &options())?;
        Ok(out.write_all(b"\n")?)
    }
}

const fn options() -> SerializeOptions {
    SerializeOptions::new().use_proto_field_name(true)
}

/// A file of the archive, for the manifest.
struct Listed {
    name: &'static str,
    bytes: u64,
    sha256: String,
}

/// The archive being written.
struct Archive {
    zip: ZipWriter<StreamWriter<ChunkWriter>>,
    files: Vec<Listed>,
}

impl Archive {
    fn new(out: ChunkWriter) -> Self {
        Self { zip: ZipWriter::new_stream(out), files: Vec::new() }
    }

    /// A file, written by whoever knows its content.
    fn file(
        &mut self,
        name: &'static str,
        write: impl FnOnce(&mut Hashed<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        // No time and no machine shows: the same content is the same bytes everywhere.
        let options = SimpleFileOptions::default()
            .compression_method(if name.ends_with(".txt") {
                CompressionMethod::Stored
            } else {
                CompressionMethod::Deflated
            })
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644);
        self.zip.start_file(name, options)?;
        let mut hashed = Hashed { out: &mut self.zip, hasher: Sha256::new(), bytes: 0 };
        write(&mut hashed)?;
        let Hashed { hasher, bytes, .. } = hashed;
        self.files.push(Listed { name, bytes, sha256: hex(&hasher.finalize()) });
        Ok(())
    }

    fn text(&mut self, name: &'static str, text: &str) -> Result<(), Fault> {
        self.file(name, |file| Ok(file.write_all(text.as_bytes())?))
    }

    fn finish(self) -> Result<(), Fault> {
        Ok(self.zip.finish()?.into_inner().finish()?)
    }
}

/// Counts and hashes what is written.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Cuts what is written into pieces and hands them over, each when the one before was taken.
struct ChunkWriter {
    sender: mpsc::Sender<Piece>,
    read_wait_max: Duration,
    chunk: Vec<u8>,
    hasher: Sha256,
}

impl ChunkWriter {
    fn new(sender: mpsc::Sender<Piece>, read_wait_max: Duration) -> Self {
        Self { sender, read_wait_max, chunk: Vec::with_capacity(CHUNK_BYTES_MAX), hasher: Sha256::new() }
    }

    fn send(&mut self, archive_sha256: Vec<u8>) -> io::Result<()> {
        self.hasher.update(&self.chunk);
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES_MAX));
        let piece = Ok(wire::ExportEvidencePackResponse { chunk, archive_sha256 });
        let sending = self.sender.send(piece);
        // The timer belongs to the runtime, which this thread is not part of.
        match Handle::current().block_on(async { tokio::time::timeout(self.read_wait_max, sending).await }) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SendError(_))) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends the rest, with the hash of everything: only a pack that is whole ends so.
    fn finish(mut self) -> io::Result<()> {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.chunk);
        self.send(hasher.finalize().to_vec())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES_MAX {
            self.send(Vec::new())?;
        }
        let count = bytes.len().min(CHUNK_BYTES_MAX - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Fault {
    fn form(error: impl std::fmt::Display) -> Self {
        Self::Form(error.to_string())
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClientLeft,
            io::ErrorKind::TimedOut => Self::NotRead,
            _ => Self::form(error),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() { io::Error::from(error).into() } else { Self::form(error) }
    }
}

impl From<zip::result::ZipError> for Fault {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => error.into(),
            error => Self::form(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use tonic::Code;

    use super::{CHUNK_BYTES_MAX, ChunkWriter, Fault, Pieces, end, errors, pieces};

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn who_does_not_read_is_cut_off_and_told_and_who_left_is_not_waited_for() {
        let (Pieces { sender, last_word }, mut receiver) = pieces().unwrap();
        let writing = tokio::task::spawn_blocking(move || {
            let mut out = ChunkWriter::new(sender, Duration::ZERO);
            let written = out.write_all(&vec![0; 4 * CHUNK_BYTES_MAX]).map_err(Fault::from);
            assert!(matches!(written, Err(Fault::NotRead)), "{written:?}");
            end(written, last_word);
        });
        writing.await.unwrap();
        let first = receiver.recv().await.unwrap().unwrap();
        assert_eq!((first.chunk.len(), first.archive_sha256.len()), (CHUNK_BYTES_MAX, 0));
        let status = receiver.recv().await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(errors::reason_of(&status).as_deref(), Some("OUTCOMES_NOT_READ"));
        assert!(receiver.recv().await.is_none());

        let (Pieces { sender, last_word: _last_word }, receiver) = pieces().unwrap();
        drop(receiver);
        let writing = tokio::task::spawn_blocking(move || {
            let mut out = ChunkWriter::new(sender, Duration::MAX);
            out.write_all(&vec![0; 4 * CHUNK_BYTES_MAX]).map_err(Fault::from)
        });
        assert!(matches!(writing.await.unwrap(), Err(Fault::ClientLeft)));
    }
}
