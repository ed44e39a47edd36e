//! Internal audit over the wire: checkpoints against the trail as it is stored, findings judged again, evidence packs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

use onward::alerts::{AlertPolicy, rule};

use onward::api::wire::audit_service_client::AuditServiceClient;
use onward::api::wire::screening_service_client::ScreeningServiceClient;
use onward::api::wire::{
    self, DESCRIPTOR_SET, ExportEvidencePackRequest, GetCheckpointRequest, GetCheckpointResponse,
    GetConsistencyProofRequest, GetFindingRequest, GetProofRequest, GetProofResponse, ReplayFindingRequest,
    ReplayOutcome,
};
use onward::api::{Batch, Client, Engine, EngineError, PackError};
use onward::audit::{AuditEntry, AuditKind, EntryProof, TreeHead, verify, verify_consistency};
use onward::model::{Finding, OrderKey, Record};
use onward::screening::{Service, ServiceOptions};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{Store, StoreOptions};
use prost_reflect::{DescriptorPool, DynamicMessage};
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};

use crate::fake::{Fake, audit_entry};
use crate::setup::{Server, finding, is, order_key, orders_batch, told};

async fn checkpoint(server: &Server, tenant: &str) -> Result<GetCheckpointResponse, Status> {
    let client = server.client_of(tenant).await;
    let request = client.request(GetCheckpointRequest::default());
    Ok(AuditServiceClient::new(client.channel()).get_checkpoint(request).await?.into_inner())
}

async fn accept(service: &Service, tenant: &str, batch: Batch) {
    Engine::accept(service, tenant, &batch.request_id, batch.records).await.unwrap();
    service.settled().await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_is_a_place_of_the_trail_and_tells_nothing_of_others() {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_250)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let server = Server::start(&service).await;
    let root_hash = Sha256::digest(b"").to_vec();
    let nothing = GetCheckpointResponse { sequence: 0, hash: vec![0; 32], create_time: None, tree_size: 0, root_hash };
    assert_eq!(checkpoint(&server, "alma").await.unwrap(), nothing);

    accept(&service, "birch", orders_batch("b1", 0..3)).await;
    accept(&service, "alma", orders_batch("a1", 0..2)).await;
    let noted = checkpoint(&server, "alma").await.unwrap();
    let time = noted.create_time.unwrap();
    assert_eq!((time.seconds, time.nanos), (1_700_000_000, 250_000_000));
    // Whoever holds the trail finds it there: what was noted is the head of the trail up to then.
    let trail = service.store().snapshot().unwrap().audit_entries(0, 1_000).unwrap();
    let head = verify(&trail).unwrap();
    assert_eq!((noted.sequence, &noted.hash[..]), (head.sequence, &head.hash[..]));
    assert_eq!(noted.tree_size, trail.iter().filter(|entry| entry.tenant == "alma").count() as u64);
    assert_ne!(noted.root_hash, nothing.root_hash);

    let theirs = checkpoint(&server, "birch").await.unwrap();
    let own = service.store().snapshot().unwrap().tenant("birch").unwrap().audit_entries(0, 1_000).unwrap();
    assert_eq!((theirs.sequence, &theirs.hash[..]), (own.last().unwrap().sequence, &own.last().unwrap().hash[..]));
    assert!(theirs.sequence < noted.sequence);

    accept(&service, "birch", orders_batch("b2", 3..6)).await;
    assert_eq!(checkpoint(&server, "alma").await.unwrap(), noted, "what others do must not show");
    assert_eq!(checkpoint(&server, "cedar").await.unwrap(), nothing, "as if nobody else were there");
    accept(&service, "alma", orders_batch("a2", 6..8)).await;
    let later = checkpoint(&server, "alma").await.unwrap();
    let trail = service.store().snapshot().unwrap().audit_entries(0, 1_000).unwrap();
    let head = verify(&trail).unwrap();
    assert_eq!((later.sequence, &later.hash[..]), (head.sequence, &head.hash[..]));
    assert!(later.sequence > noted.sequence);
}

/// What a proof says, in the words of the audit room.
fn entry_proof(answer: GetProofResponse) -> EntryProof {
    let entry = answer.entry.unwrap();
    let hash = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap();
    let time = entry.create_time.unwrap();
    EntryProof {
        entry: AuditEntry {
            sequence: entry.sequence,
            at_unix_millis: time.seconds as u64 * 1_000 + time.nanos as u64 / 1_000_000,
            kind: AuditKind::parse(&entry.kind).unwrap(),
            tenant: answer.tenant,
            subject: entry.subject,
            detail_hash: hash(&entry.detail_hash),
            previous: hash(&entry.previous_hash),
            hash: hash(&entry.hash),
        },
        leaf: answer.leaf_index,
        tree: TreeHead { size: answer.tree_size, root: hash(&answer.root_hash) },
        hashes: answer.hashes.iter().map(|bytes| hash(bytes)).collect(),
    }
}

/// A service whose trail has entries of two tenants by turns, and the checkpoints of one of them on the way.
async fn trail_of_two() -> (Service, Vec<TreeHead>) {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_250)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let mut kept = Vec::new();
    for round in 0..6 {
        accept(&service, "birch", orders_batch(&format!("b{round}"), round..round + 1)).await;
        let before = Engine::checkpoint(&service, "alma").unwrap();
        accept(&service, "birch", orders_batch(&format!("c{round}"), round + 50..round + 51)).await;
        assert_eq!(Engine::checkpoint(&service, "alma").unwrap(), before, "what others do must not show");
        accept(&service, "alma", orders_batch(&format!("a{round}"), round..round + 1)).await;
        kept.push(Engine::checkpoint(&service, "alma").unwrap().tree);
    }
    (service, kept)
}

#[tokio::test]
async fn every_entry_is_proven_against_every_tree_since() {
    let (service, kept) = trail_of_two().await;
    let server = Server::start(&service).await;
    let client = server.client_of("alma").await;
    let mut audit = AuditServiceClient::new(client.channel());
    let entries = Engine::audit_entries(&service, "alma", 0, 1_000).unwrap();
    let now = kept.last().unwrap();
    assert_eq!(now.size, entries.len() as u64);
    assert!(entries.windows(2).any(|pair| pair[1].sequence > pair[0].sequence + 1), "the other must be in between");
    for (leaf, entry) in (0..).zip(&entries) {
        for tree in kept.iter().filter(|tree| tree.size > leaf) {
            let request = GetProofRequest { sequence: entry.sequence, tree_size: tree.size };
            let proof = entry_proof(audit.get_proof(client.request(request)).await.unwrap().into_inner());
            assert_eq!((proof.verify(), proof.leaf, &proof.tree, &proof.entry), (Ok(()), leaf, tree, entry));
        }
        let of_now = client.entry_proof(entry.sequence, None).await.unwrap().unwrap();
        assert_eq!((of_now.verify(), of_now.tree), (Ok(()), *now));
    }
    for old in &kept {
        for tree in kept.iter().filter(|tree| tree.size >= old.size) {
            let request = GetConsistencyProofRequest { old_tree_size: old.size, tree_size: tree.size };
            let answer = audit.get_consistency_proof(client.request(request)).await.unwrap().into_inner();
            let hashes: Vec<[u8; 32]> = answer.hashes.iter().map(|hash| hash[..].try_into().unwrap()).collect();
            assert_eq!((answer.tree_size, &answer.root_hash[..]), (tree.size, &tree.root[..]));
            assert_eq!(verify_consistency(old, tree, &hashes), Ok(()));
        }
        let of_now = client.consistency_proof(old.size).await.unwrap().unwrap();
        assert_eq!((of_now.verify(old), of_now.tree), (Ok(()), *now));
    }
}

#[tokio::test]
async fn what_is_not_the_tenants_has_no_proof_and_looks_like_nothing() {
    let (service, kept) = trail_of_two().await;
    let server = Server::start(&service).await;
    let now = kept.last().unwrap().size;
    let own = Engine::audit_entries(&service, "alma", 0, 1_000).unwrap();
    let theirs = Engine::audit_entries(&service, "birch", 0, 1_000).unwrap();
    let prove = async |tenant: &str, sequence, tree_size| {
        let client = server.client_of(tenant).await;
        let request = client.request(GetProofRequest { sequence, tree_size });
        AuditServiceClient::new(client.channel()).get_proof(request).await.unwrap_err()
    };
    let absent = prove("alma", 999_999, 0).await;
    assert_eq!(told(&absent), is(Code::NotFound, "AUDIT_ENTRY_NOT_FOUND"));
    let last = own.last().unwrap().sequence;
    let mut others = vec![
        prove("alma", u64::MAX, 0).await,
        prove("alma", last, now - 1).await,
        prove("alma", last, now + 1).await,
        prove("alma", last, u64::MAX).await,
        prove("cedar", last, 0).await,
        prove("cedar", 1, 1).await,
    ];
    for entry in &theirs {
        others.push(prove("alma", entry.sequence, 0).await);
        others.push(prove("alma", entry.sequence, 1).await);
    }
    let client = server.client_of("alma").await;
    let mut audit = AuditServiceClient::new(client.channel());
    for (old_tree_size, tree_size) in [(now + 1, 0), (1, now + 1), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        let request = client.request(GetConsistencyProofRequest { old_tree_size, tree_size });
        others.push(audit.get_consistency_proof(request).await.unwrap_err());
    }
    for other in others {
        assert_eq!((other.message(), other.details()), (absent.message(), absent.details()));
    }
    assert_eq!(told(&prove("alma", 0, 0).await), is(Code::InvalidArgument, "INVALID_FIELD"));
    for (old_tree_size, tree_size) in [(0, 0), (0, now), (2, 1)] {
        let request = client.request(GetConsistencyProofRequest { old_tree_size, tree_size });
        let status = audit.get_consistency_proof(request).await.unwrap_err();
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
    }
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_is_a_fault_and_not_an_empty_one() {
    let engine = Fake::new();
    let server = Server::start(&engine).await;
    engine.state().stumble = Some(EngineError::Fault { cause: "sector 7".to_owned() });
    assert_eq!(told(&checkpoint(&server, "alma").await.unwrap_err()), is(Code::Internal, "INTERNAL"));
}

/// A service that holds one world for two tenants; the order lines of each carry its name.
async fn two_tenants() -> Service {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_250)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(5, 60, 500, Profile::default()), &mut world).unwrap();
    let batch = |request_id: &str, records| Batch { request_id: request_id.to_owned(), records };
    let companies = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    accept(&service, "alma", batch("companies", companies.collect())).await;
    let papers: Vec<Record> = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line))).collect();
    for (number, papers) in papers.chunks(100).enumerate() {
        let sender = ["alma", "birch"][number % 2];
        accept(&service, sender, batch(&format!("{sender}-papers-{number}"), papers.to_vec())).await;
    }
    for tenant in ["alma", "birch"] {
        for (number, orders) in world.orders.chunks(20).enumerate() {
            let orders = orders.iter().map(|line| {
                let mut line = line.clone();
                line.description = format!("{} for {tenant}", line.description);
                Record::Order(Box::new(line))
            });
            accept(&service, tenant, batch(&format!("{tenant}-orders-{number}"), orders.collect())).await;
        }
    }
    service
}

/// The finding of a tenant that names the most papers, among those with an alert.
fn richest(service: &Service, tenant: &str) -> Finding {
    let snapshot = service.store().snapshot().unwrap();
    let view = snapshot.tenant(tenant).unwrap();
    let findings = view.findings(None, 1_000).unwrap().into_iter().map(|stored| stored.finding);
    let with_alert = findings.filter(|finding| view.alert_of_order(&finding.order).unwrap().is_some());
    with_alert.max_by_key(|finding| (finding.papers().len(), finding.order.clone())).unwrap()
}

fn on_wire(key: &OrderKey) -> Option<wire::OrderKey> {
    Some(wire::OrderKey { order_id: key.order_id.clone(), line_no: key.line_no })
}

async fn pieces(client: &Client, key: &OrderKey) -> Result<Vec<wire::ExportEvidencePackResponse>, Status> {
    let request = client.request(ExportEvidencePackRequest { order: on_wire(key) });
    let mut stream = AuditServiceClient::new(client.channel()).export_evidence_pack(request).await?.into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.message().await? {
        pieces.push(piece);
    }
    Ok(pieces)
}

/// The files of an archive by name.
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn of(archive: &[u8]) -> Self {
        let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let mut files = BTreeMap::new();
        for place in 0..zip.len() {
            let mut file = zip.by_index(place).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            files.insert(file.name().unwrap().into_owned(), bytes);
        }
        Self(files)
    }

    fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.0[name]).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<&str> {
        self.text(name).lines().collect()
    }

    fn sum(&self, name: &str) -> String {
        hex(&Sha256::digest(&self.0[name]))
    }
}

/// A file of JSON as messages of the contract.
fn messages<M: prost::Message + Default>(name: &str, texts: &[&str]) -> Vec<M> {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let descriptor = pool.get_message_by_name(&format!("onward.v1.{name}")).unwrap();
    let message = |text: &&str| {
        let mut json = serde_json::Deserializer::from_str(text);
        DynamicMessage::deserialize(descriptor.clone(), &mut json).unwrap().transcode_to().unwrap()
    };
    texts.iter().map(message).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_holds_what_bears_on_the_finding_and_checks_itself() {
    let service = two_tenants().await;
    let server = Server::start(&service).await;
    let client = server.client_of("alma").await;
    let richest = richest(&service, "alma");
    let key = richest.order.clone();
    let pieces = pieces(&client, &key).await.unwrap();
    let (last, before) = pieces.split_last().unwrap();
    assert!(before.iter().all(|piece| piece.chunk.len() == 64 * 1024 && piece.archive_sha256.is_empty()));
    let archive: Vec<u8> = pieces.iter().flat_map(|piece| piece.chunk.clone()).collect();
    assert_eq!(last.archive_sha256, Sha256::digest(&archive).to_vec());
    let files = Files::of(&archive);

    // The manifest and the sums speak of every file.
    let manifest: serde_json::Value = serde_json::from_str(files.text("manifest.json")).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.0.len() - 2, "all but the manifest and the sums");
    for file in listed {
        assert_eq!(file["sha256"].as_str().unwrap(), files.sum(file["name"].as_str().unwrap()), "{file}");
    }
    for line in files.lines("SHA256SUMS") {
        let (hash, name) = line.split_once("  ").unwrap();
        assert_eq!(hash, files.sum(name), "{name}");
    }

    // Everything is as the service returns it.
    let request = client.request(GetFindingRequest { order: on_wire(&key) });
    let answer = ScreeningServiceClient::new(client.channel()).get_finding(request).await.unwrap().into_inner();
    assert_eq!(messages::<wire::Finding>("Finding", &[files.text("finding.json")])[0], answer.finding.unwrap());
    assert_eq!(files.text("explanation.txt"), client.explain(&key).await.unwrap().unwrap());
    assert!(files.text("order.json").contains(" for alma") && !files.text("README.txt").contains("0:none"));
    let papers = messages::<wire::ShipmentLine>("ShipmentLine", &files.lines("shipments.jsonl"));
    let numbers: BTreeSet<String> = papers.into_iter().map(|line| line.key.unwrap().document_number).collect();
    assert_eq!(numbers, richest.papers().iter().map(|paper| paper.number.clone()).collect());
    assert!(!numbers.is_empty(), "the finding must name papers");
    let companies = messages::<wire::Company>("Company", &files.lines("companies.jsonl"));
    let buyer = Engine::order(&service, "alma", &key).unwrap().unwrap().buyer;
    let is_buyer = |company: &wire::Company| company.key.as_ref().unwrap().identifier == buyer.identifier;
    assert!(buyer.identifier.is_empty() || companies.iter().any(is_buyer), "{buyer:?} is not in {companies:?}");
    let alerts = messages::<wire::Alert>("Alert", &[files.text("alert.json")]);
    assert_eq!(alerts[0].order, on_wire(&key));
    let activity = messages::<wire::AlertEvent>("AlertEvent", &files.lines("alert_activity.jsonl"));
    assert!(activity.iter().all(|event| event.alert.as_ref().unwrap().alert_id == alerts[0].alert_id));
    assert!(!activity.is_empty());

    proofs_are_of_the_entries(&service, &files);
    entries_are_of_the_trail(&service, &files, &alerts[0].alert_id, &key);
    assert!(files.0.values().all(|bytes| !String::from_utf8_lossy(bytes).contains("birch")), "another tenant shows");
    assert_eq!(self::pieces(&client, &key).await.unwrap(), pieces, "the same state is the same bytes");
}

/// A proof as a pack has it.
fn proof_of(line: &str) -> EntryProof {
    let proof: serde_json::Value = serde_json::from_str(line).unwrap();
    let hash = |value: &serde_json::Value| -> [u8; 32] {
        let digits = value.as_str().unwrap();
        let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
        (0..64).step_by(2).map(byte).collect::<Vec<_>>().try_into().unwrap()
    };
    let (entry, text) = (&proof["entry"], |field: &str| proof["entry"][field].as_str().unwrap().to_owned());
    EntryProof {
        entry: AuditEntry {
            sequence: entry["sequence"].as_u64().unwrap(),
            at_unix_millis: entry["at_unix_millis"].as_u64().unwrap(),
            kind: AuditKind::parse(&text("kind")).unwrap(),
            tenant: text("tenant"),
            subject: text("subject"),
            detail_hash: hash(&entry["detail_hash"]),
            previous: hash(&entry["previous"]),
            hash: hash(&entry["hash"]),
        },
        leaf: proof["leaf_index"].as_u64().unwrap(),
        tree: TreeHead { size: proof["tree_size"].as_u64().unwrap(), root: hash(&proof["root_hash"]) },
        hashes: proof["hashes"].as_array().unwrap().iter().map(hash).collect(),
    }
}

/// Each entry of a pack has its proof, against the tree of the checkpoint.
fn proofs_are_of_the_entries(service: &Service, files: &Files) {
    let proofs: Vec<EntryProof> = files.lines("audit_proofs.jsonl").into_iter().map(proof_of).collect();
    let entries: Vec<String> = proofs.iter().map(|proof| proof.entry.json()).collect();
    assert_eq!(entries, files.lines("audit_entries.jsonl"));
    let tree = Engine::checkpoint(service, "alma").unwrap().tree;
    for proof in &proofs {
        assert_eq!((proof.verify(), proof.tree), (Ok(()), tree));
    }
    let kept = format!("{}:{}", tree.size, hex(&tree.root));
    assert_eq!(files.text("README.txt").matches(&kept).count(), 2, "{kept}");
    assert_eq!(files.text("check_proof.py"), include_str!("../../examples/python/check_proof.py"));
}

/// The entries of a pack stand in the trail as they are, and are those of the finding.
fn entries_are_of_the_trail(service: &Service, files: &Files, alert_id: &str, key: &OrderKey) {
    let trail = service.store().snapshot().unwrap().audit_entries(0, 10_000).unwrap();
    let trail: BTreeSet<String> = trail.iter().map(AuditEntry::json).collect();
    let entries = files.lines("audit_entries.jsonl");
    assert!(entries.iter().all(|entry| trail.contains(*entry)));
    let entries: Vec<serde_json::Value> = entries.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect();
    let count = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    let subject = format!("order/{}/{}", key.order_id, key.line_no);
    for entry in &entries {
        let found = entry["subject"].as_str().unwrap();
        let is_ours = found == subject || found == format!("alert/{alert_id}") || found.starts_with("batch/alma-");
        assert!(is_ours || found == "batch/companies", "{entry}");
    }
    assert!(count("alert_raised") == 1 && count("case_judged") > 0, "{entries:?}");
    let batches: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "batch_accepted").collect();
    let of_orders = batches.iter().filter(|entry| entry["subject"].as_str().unwrap().contains("-orders-")).count();
    assert!((1..=2).contains(&of_orders), "the batch of the order line, and no batch of others: {batches:?}");
    let judged = entries.iter().rfind(|entry| entry["kind"] == "case_judged").unwrap();
    let manifest: serde_json::Value = serde_json::from_str(files.text("manifest.json")).unwrap();
    assert_eq!(judged["detail_hash"], manifest["finding"]["stored_sha256"]);
    let newest = Engine::checkpoint(service, "alma").unwrap().newest.unwrap();
    assert_eq!(manifest["checkpoint"]["sequence"], newest.sequence);
    assert!(files.text("README.txt").contains(&format!("--noted-head {}:{}", newest.sequence, hex(&newest.hash))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_is_judged_again_over_the_wire() {
    let service = two_tenants().await;
    let server = Server::start(&service).await;
    let client = server.client_of("alma").await;
    let key = richest(&service, "alma").order;
    let replay = async |key: &OrderKey| {
        let request = client.request(ReplayFindingRequest { order: on_wire(key) });
        Ok::<_, Status>(AuditServiceClient::new(client.channel()).replay_finding(request).await?.into_inner())
    };
    let answer = replay(&key).await.unwrap();
    assert_eq!(answer.outcome(), ReplayOutcome::SameBytes);
    assert_eq!((&answer.stored_hash, &answer.stored_case_hash), (&answer.judged_hash, &answer.case_hash));
    let entries = Engine::audit_entries(&service, "alma", 0, 10_000).unwrap();
    let subject = format!("order/{}/{}", key.order_id, key.line_no);
    let entry = entries.iter().rfind(|entry| entry.subject == subject).unwrap();
    assert_eq!(answer.stored_hash, entry.detail_hash, "the trail says so too");

    let mut forged = service.finding("alma", &key).unwrap().unwrap();
    forged.links.clear();
    service.store().commit_judgements(vec![forged], None, rule(AlertPolicy::default())).await.unwrap();
    let answer = replay(&key).await.unwrap();
    assert_eq!(answer.outcome(), ReplayOutcome::OtherBytes);
    assert_ne!(answer.stored_hash, answer.judged_hash);
    assert!(!answer.finding.unwrap().links.is_empty(), "as it should be");
    let told_to_us = client.replay(&key).await.unwrap().unwrap();
    assert!(told_to_us.outcome.is_fault() && told_to_us.judged.is_some());
}

#[tokio::test]
async fn what_has_no_finding_is_neither_judged_again_nor_packed() {
    let engine = Fake::new();
    engine.put_finding(finding("birch", 3));
    let server = Server::start(&engine).await;
    let client = server.client_of("alma").await;
    for key in [order_key(3), order_key(4)] {
        let request = client.request(ReplayFindingRequest { order: on_wire(&key) });
        let status = AuditServiceClient::new(client.channel()).replay_finding(request).await.unwrap_err();
        assert_eq!(told(&status), is(Code::NotFound, "FINDING_NOT_FOUND"));
        assert_eq!(told(&pieces(&client, &key).await.unwrap_err()), is(Code::NotFound, "FINDING_NOT_FOUND"));
        assert_eq!(client.replay(&key).await.unwrap(), None);
        assert_eq!(client.evidence_pack(&key, Vec::new()).await.unwrap(), None);
    }
    let mut audit = AuditServiceClient::new(client.channel());
    let status = audit.replay_finding(client.request(ReplayFindingRequest::default())).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
    let status = audit.export_evidence_pack(client.request(ExportEvidencePackRequest::default())).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELD"));
}

/// A finding whose pack is far larger than what is under way at a time.
fn heavy(engine: &Fake) -> OrderKey {
    let mut heavy = finding("alma", 3);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    heavy.summary = (0..3_000_000).map(|_| char::from(random.random_range(b'!'..=b'~'))).collect();
    engine.put_finding(heavy);
    order_key(3)
}

/// The pack of a reader who lets little be under way.
async fn read_slowly(server: &Server, key: &OrderKey) -> Streaming<wire::ExportEvidencePackResponse> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let mut audit = AuditServiceClient::new(endpoint.connect().await.unwrap());
    let mut request = Request::new(ExportEvidencePackRequest { order: on_wire(key) });
    request.metadata_mut().insert("onward-tenant", "alma".parse().unwrap());
    audit.export_evidence_pack(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_of_its_moment_whatever_comes_while_it_is_read() {
    let engine = Fake::new();
    let key = heavy(&engine);
    engine.state().audit = vec![audit_entry("birch", 1), audit_entry("alma", 2), audit_entry("alma", 3)];
    let server = Server::start(&engine).await;
    let mut before = Vec::new();
    server.client().await.evidence_pack(&key, &mut before).await.unwrap().unwrap();
    let mut stream = read_slowly(&server, &key).await;
    let mut archive = stream.message().await.unwrap().unwrap().chunk;
    engine.state().audit.push(audit_entry("alma", 4));
    while let Some(piece) = stream.message().await.unwrap() {
        archive.extend(piece.chunk);
    }
    assert!(archive == before, "an entry that came later shows");
    let files = Files::of(&archive);
    let sizes: Vec<_> = files.lines("audit_proofs.jsonl").into_iter().map(|line| proof_of(line).tree.size).collect();
    assert_eq!(sizes, [2, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_that_breaks_off_does_not_look_whole() {
    let engine = Fake::new();
    let key = heavy(&engine);
    let server = Server::start(&engine).await;
    let mut stream = read_slowly(&server, &key).await;
    assert!(!stream.message().await.unwrap().unwrap().chunk.is_empty());
    engine.state().stumble = Some(EngineError::Fault { cause: "sector 7".to_owned() });
    let status = loop {
        match stream.message().await {
            Ok(piece) => assert!(piece.unwrap().archive_sha256.is_empty(), "it looks whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(told(&status), is(Code::Internal, "INTERNAL"));
    engine.state().stumble = None;
    let client = server.client().await;
    let mut whole = Vec::new();
    let received = client.evidence_pack(&key, &mut whole).await.unwrap().unwrap();
    assert_eq!((received.bytes, received.sha256.to_vec()), (whole.len() as u64, Sha256::digest(&whole).to_vec()));
    // Whoever cannot write it is told so.
    let full = Cursor::new([0_u8; 100]);
    assert!(matches!(client.evidence_pack(&key, FullDisk(full)).await, Err(PackError::Write(_))));
}

/// Takes a few bytes and no more.
struct FullDisk(Cursor<[u8; 100]>);

impl std::io::Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut self.0, bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_packs_are_made_at_a_time_and_a_place_is_given_back() {
    let engine = Fake::new();
    let key = heavy(&engine);
    let server = Server::start(&engine).await;
    let client = server.client().await;
    let open_for = async |client: &Client| {
        let request = client.request(ExportEvidencePackRequest { order: on_wire(&key) });
        AuditServiceClient::new(client.channel()).export_evidence_pack(request).await
    };
    let open = async || open_for(&client).await;
    let mut held = Vec::new();
    // Of eight places one tenant has six.
    for _ in 0..6 {
        held.push(open().await.unwrap().into_inner());
    }
    assert_eq!(told(&open().await.unwrap_err()), is(Code::ResourceExhausted, "TOO_MANY_CALLS"));
    // Another tenant is not refused for it; it has no such finding.
    let other = open_for(&server.client_of("birch").await).await.unwrap_err();
    assert_eq!(told(&other), is(Code::NotFound, "FINDING_NOT_FOUND"));
    // One client leaves; its place is free as soon as the service has noticed.
    drop(held.pop());
    while let Err(status) = open().await {
        assert_eq!(told(&status), is(Code::ResourceExhausted, "TOO_MANY_CALLS"));
        tokio::task::yield_now().await;
    }
}
