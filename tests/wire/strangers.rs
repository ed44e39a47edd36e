//! Strangers at every door: each call of the contract, with made-up content, by callers who may not have it.
//!
//! Come here for what must never leak. The requests are made from the descriptors by a seeded generator: a call that is
//! added to the contract is tried without anybody writing it down. The service is the real one, holding the records of
//! one tenant; everything of it carries a mark, which no stranger may ever see. More rounds:
//! `ONWARD_STRANGER_ROUNDS=300 cargo test --test wire strangers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use onward::api::wire::DESCRIPTOR_SET;
use onward::api::{Batch, Client, Need, RecordKind, need_of};
use onward::identity::Role;
use onward::model::{Level, Record};
use onward::screening::{Service, ServiceOptions};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};
use onward::store::{Store, StoreOptions};
use prost::bytes::{Buf, BufMut};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::house::{House, client, key_of, keyed_principal, principal};

/// On everything that belongs to the tenant whose house it is.
const MARK: &str = "keepout";
const OWNER: &str = "keepout-tenant";
const ROUNDS_DEFAULT: u64 = 20;
/// How deep made-up messages are nested.
const DEPTH_MAX: usize = 4;

/// Bytes as they are, so that answers can be compared whole.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length).to_vec()))
    }
}

/// Everything that a caller gets to see.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Answer {
    messages: Vec<Vec<u8>>,
    code: i32,
    text: String,
    details: Vec<u8>,
    reason: String,
}

impl Answer {
    fn shows_the_mark(&self) -> bool {
        let all = [self.messages.concat(), self.text.clone().into_bytes(), self.details.clone()].concat();
        let all = all.to_ascii_lowercase();
        all.windows(MARK.len()).any(|window| window == MARK.as_bytes())
    }
}

/// What names something: somebody else's, or nothing at all. Of equal length.
#[derive(Clone)]
struct Names(BTreeMap<&'static str, String>);

struct Generator<'a> {
    random: ChaCha12Rng,
    names: &'a Names,
}

impl Generator<'_> {
    fn message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            // Drawn in any case: with other names the same requests come about.
            let (is_there, count) = (self.random.random_bool(0.85), self.random.random_range(0..3));
            let is_name = self.names.0.contains_key(field.name());
            if field.containing_oneof().is_some() && !is_there || depth > DEPTH_MAX || !(is_there || is_name) {
                continue;
            }
            let value = match field.is_list() {
                true => Value::List((0..count).map(|_| self.value(&field, depth)).collect()),
                false if field.is_map() => continue,
                false => self.value(&field, depth),
            };
            message.set_field(&field, value);
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let number = self.random.random_range(0..4u32);
        match field.kind() {
            Kind::Message(descriptor) => Value::Message(self.message(&descriptor, depth + 1)),
            Kind::Enum(descriptor) => {
                let values: Vec<i32> = descriptor.values().map(|value| value.number()).collect();
                Value::EnumNumber(values[number as usize % values.len()])
            }
            Kind::String => Value::String(self.text(field.name(), number)),
            Kind::Bytes => Value::Bytes(vec![7; number as usize].into()),
            Kind::Bool => Value::Bool(number % 2 == 0),
            Kind::Double => Value::F64(f64::from(number)),
            Kind::Float => Value::F32(1.0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::from(number)),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(number),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::from(number)),
        }
    }

    fn text(&mut self, field: &str, number: u32) -> String {
        match self.names.0.get(field) {
            // A place in a list is often none at all, or every list would be refused.
            Some(_) if number < 2 && field.ends_with("token") => String::new(),
            Some(name) => name.clone(),
            None => ["", "KZ", "2024-03-01", "10"][number as usize].to_owned(),
        }
    }
}

/// Calls a method with the metadata of a caller.
async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    metadata: &[(&'static str, String)],
    body: &[u8],
) -> Answer {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let mut request = Request::new(tokio_stream::iter([body.to_vec()]));
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, MetadataValue::try_from(value).unwrap());
    }
    let mut answer =
        Answer { messages: Vec::new(), code: 0, text: String::new(), details: Vec::new(), reason: String::new() };
    let end = match grpc.streaming(request, path_of(method).parse().unwrap(), Raw).await {
        Err(status) => Some(status),
        Ok(response) => {
            let mut stream = response.into_inner();
            loop {
                match stream.message().await {
                    // A watch goes on for ever: what it begins with is enough.
                    Ok(Some(message)) if method.name().starts_with("Watch") => {
                        answer.messages.push(message);
                        break None;
                    }
                    Ok(Some(message)) => answer.messages.push(message),
                    Ok(None) => break None,
                    Err(status) => break Some(status),
                }
            }
        }
    };
    if let Some(status) = end {
        answer.code = status.code() as i32;
        answer.reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        (answer.text, answer.details) = (status.message().to_owned(), status.details().to_vec());
    }
    answer
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn bearer(principal: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {}", key_of(principal)))]
}

/// Fills the house: orders of its owner under marked names, and papers that make alerts of them.
async fn move_in(owner: &Client) {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(5, 60, 500, Profile::default()), &mut world).unwrap();
    let orders = world.orders.into_iter().map(|mut line| {
        line.key.order_id = format!("{MARK}-{}", line.key.order_id);
        line.description = format!("{} {MARK}", line.description);
        line.consignee.name = format!("{MARK} Warehouse");
        Record::Order(Box::new(line))
    });
    let shipments = world.shipments.into_iter().map(|line| Record::Shipment(Box::new(line)));
    let companies = world.companies.into_iter().map(|company| Record::Company(Box::new(company)));
    let kinds: [(_, Vec<Record>); 3] = [
        (RecordKind::Companies, companies.collect()),
        (RecordKind::Shipments, shipments.collect()),
        (RecordKind::Orders, orders.collect()),
    ];
    for (kind, records) in kinds {
        let (batches, receiver) = mpsc::channel(100);
        for (number, records) in records.chunks(250).enumerate() {
            let request_id = format!("{MARK}-{kind:?}-{number}");
            batches.send(Batch { request_id, records: records.to_vec() }).await.unwrap();
        }
        drop(batches);
        owner.ingest(kind, receiver, |_| {}).await.unwrap();
    }
    owner.wait_until_screened().await.unwrap();
}

/// Names of what the owner has, and names of nothing.
async fn names(owner: &Client) -> (Names, Names) {
    let alerts = owner.all_alerts().await.unwrap();
    let alert = alerts.first().expect("the world must raise an alert");
    let page = owner.findings(Level::None, 1, String::new()).await.unwrap();
    let mut watch = owner.watch(None);
    watch.next_event().await.unwrap();
    let cursor = watch.cursor().unwrap().to_owned();
    let job = owner.start_job("keepout-job", None, None).await.unwrap().id;
    let mut results = owner.job_results(job, 1);
    while results.next().await.unwrap().is_some() {}
    let turned = |text: &str| text.chars().rev().collect::<String>();
    let there = BTreeMap::from([
        ("order_id", alert.order.order_id.clone()),
        ("alert_id", alert.id.to_string()),
        ("page_token", page.next_page_token.clone()),
        ("cursor", cursor.clone()),
        ("job_id", job.to_string()),
    ]);
    let absent = BTreeMap::from([
        ("order_id", alert.order.order_id.replace(MARK, "nothing")),
        ("alert_id", "9".repeat(alert.id.to_string().len().max(9))),
        ("page_token", turned(&page.next_page_token)),
        ("cursor", turned(&cursor)),
        ("job_id", "9".repeat(job.to_string().len().max(9))),
    ]);
    (Names(there), Names(absent))
}

/// What every stranger tries, and what comes of it.
struct Trial<'a> {
    channel: Channel,
    there: &'a Names,
    absent: &'a Names,
    calls: u64,
    /// Answers that may be one and no other, by who asks and what for.
    fixed: BTreeMap<String, Answer>,
}

impl Trial<'_> {
    async fn call(
        &mut self,
        method: &MethodDescriptor,
        who: &[(&'static str, String)],
        names: &Names,
        seed: u64,
    ) -> Answer {
        let random = ChaCha12Rng::seed_from_u64(seed);
        let body = prost::Message::encode_to_vec(&Generator { random, names }.message(&method.input(), 0));
        self.calls += 1;
        call(&self.channel, method, who, &body).await
    }

    /// Refused for this reason, with the same bytes whatever was asked.
    async fn refused(&mut self, method: &MethodDescriptor, who: &[(&'static str, String)], seed: u64, reason: &str) {
        for names in [self.there, self.absent] {
            let answer = self.call(method, who, names, seed).await;
            assert_eq!(answer.reason, reason, "{} by {who:?}: {answer:?}", method.full_name());
            assert!(answer.messages.is_empty() && !answer.shows_the_mark(), "{answer:?}");
            let kind = if reason == "ROLE_MISSING" { method.full_name() } else { "" };
            let first = self.fixed.entry(format!("{reason} {kind}")).or_insert_with(|| answer.clone());
            assert_eq!(*first, answer, "{} by {who:?} answers otherwise than before", method.full_name());
        }
    }

    /// Let in, and shown nothing: what is somebody else's looks as if it were not there.
    async fn shown_nothing(&mut self, method: &MethodDescriptor, who: &[(&'static str, String)], seed: u64) {
        let theirs = self.call(method, who, self.there, seed).await;
        let nothing = self.call(method, who, self.absent, seed).await;
        assert!(!theirs.shows_the_mark(), "{} by {who:?} leaks: {theirs:?}", method.full_name());
        assert_eq!(theirs, nothing, "{} by {who:?} tells absent from foreign", method.full_name());
    }

    async fn round(&mut self, methods: &[MethodDescriptor], round: u64) {
        for (place, method) in (0..).zip(methods) {
            let seed = round * 1_000 + place;
            let Some(Need::Permission(needed)) = need_of(&path_of(method)) else { panic!("{}", method.full_name()) };
            self.refused(method, &[], seed, "CREDENTIAL_MISSING").await;
            for who in ["past", "nobody"] {
                self.refused(method, &bearer(who), seed, "CREDENTIAL_REFUSED").await;
            }
            let mut posing = bearer("admin");
            posing.push(("onward-tenant", OWNER.to_owned()));
            self.refused(method, &posing, seed, "TENANT_NOT_YOURS").await;
            for role in Role::ALL {
                let who = bearer(role.as_str());
                if !role.allows().contains(&needed) {
                    self.refused(method, &who, seed, "ROLE_MISSING").await;
                } else if !method.name().starts_with("Ingest") && method.name() != "StartScreeningJob" {
                    // What a tenant sends or starts becomes its own; that is looked at in `identity` and `jobs`.
                    self.shown_nothing(method, &who, seed).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_learn_nothing_by_any_call() {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let service = Service::start(store, ServiceOptions::default()).unwrap();
    let mut principals = vec![principal("owner", OWNER, r#""admin""#)];
    principals.extend(Role::ALL.map(|role| principal(role.as_str(), "birch", &format!("\"{}\"", role.as_str()))));
    principals.push(keyed_principal("past", "birch", r#""admin""#, "2026-06-14"));
    let house = House::new(&principals);
    let server = house.serve(&service, house.options()).await;
    let owner = client(&server, "owner").await;
    move_in(&owner).await;
    let (there, absent) = names(&owner).await;

    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let ours = pool.services().filter(|service| service.full_name().starts_with("onward.v1."));
    let methods: Vec<_> = ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() >= 40, "only {} calls were found", methods.len());

    let channel = owner.channel();
    let mut trial = Trial { channel, there: &there, absent: &absent, calls: 0, fixed: BTreeMap::new() };
    // First that there is something to see: the owner's own calls show the mark.
    let mut seen = Vec::new();
    for method in methods.iter().filter(|method| !method.name().starts_with("Ingest")) {
        for seed in 0..8 {
            let answer = trial.call(method, &bearer("owner"), &there, seed).await;
            if answer.shows_the_mark() && seen.last() != Some(&method.name()) {
                seen.push(method.name());
            }
        }
    }
    let of_records =
        ["GetOrder", "ListOrders", "GetFinding", "ExplainFinding", "GetAlert", "ListAlerts", "ListEntries"];
    let of_jobs = ["GetScreeningJob", "ListScreeningJobs", "CancelScreeningJob", "StreamScreeningJobResults"];
    let of_audit = ["ReplayFinding", "ExportEvidencePack", "GetProof", "ListFindingChanges"];
    for wanted in of_records.into_iter().chain(of_jobs).chain(of_audit) {
        assert!(seen.contains(&wanted), "the owner must see its own by {wanted}: {seen:?}");
    }
    let rounds = std::env::var("ONWARD_STRANGER_ROUNDS").ok().and_then(|text| text.parse().ok());
    for round in 0..rounds.unwrap_or(ROUNDS_DEFAULT) {
        trial.round(&methods, round).await;
    }
    std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{} calls by strangers\n", trial.calls)).unwrap();
}
