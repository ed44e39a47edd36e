//! What the proto files promise about themselves, and what every server shows: health, reflection, names, reasons.

use std::collections::{BTreeMap, BTreeSet};

use onward::api::SERVICES;
use onward::api::wire::{self, DESCRIPTOR_SET};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::fake::Fake;
use crate::setup::Server;

fn our_files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package() == "onward.v1").collect()
}

/// Paths of everything that has a name, as source information writes them, with that name.
fn named_things(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let mut things = BTreeMap::new();
    for (index, message) in (0..).zip(&file.message_type) {
        message_things(&mut things, vec![4, index], message);
    }
    for (index, words) in (0..).zip(&file.enum_type) {
        things.insert(vec![5, index], words.name().to_owned());
        for (value_index, value) in (0..).zip(&words.value) {
            things.insert(vec![5, index, 2, value_index], value.name().to_owned());
        }
    }
    for (index, service) in (0..).zip(&file.service) {
        things.insert(vec![6, index], service.name().to_owned());
        for (method_index, method) in (0..).zip(&service.method) {
            things.insert(vec![6, index, 2, method_index], format!("{}.{}", service.name(), method.name()));
        }
    }
    things
}

fn message_things(things: &mut BTreeMap<Vec<i32>, String>, path: Vec<i32>, message: &DescriptorProto) {
    let at = |kind: i32, index: i32| [path.as_slice(), &[kind, index]].concat();
    for (index, field) in (0..).zip(&message.field) {
        things.insert(at(2, index), format!("{}.{}", message.name(), field.name()));
    }
    for (index, oneof) in (0..).zip(&message.oneof_decl) {
        // An `optional` field makes a oneof that nobody wrote.
        if !oneof.name().starts_with('_') {
            things.insert(at(8, index), format!("{}.{}", message.name(), oneof.name()));
        }
    }
    assert!(message.nested_type.is_empty() && message.enum_type.is_empty(), "{}: keep it flat", message.name());
    things.insert(path, message.name().to_owned());
}

#[test]
fn every_name_of_the_contract_has_a_comment() {
    let mut count = 0;
    for file in our_files() {
        let info = file.source_code_info.clone().unwrap();
        let commented: BTreeSet<_> = info
            .location
            .iter()
            .filter(|place| !place.leading_comments().trim().is_empty())
            .map(|place| place.path.clone())
            .collect();
        for (path, name) in named_things(&file) {
            assert!(commented.contains(&path), "{}: {name} has no comment", file.name());
            count += 1;
        }
    }
    assert!(count > 400, "only {count} names were looked at");
}

#[test]
fn fields_say_how_they_behave() {
    for file in our_files() {
        let info = file.source_code_info.clone().unwrap();
        let things = named_things(&file);
        // Fields of messages: path message, index, field, index.
        for place in info.location.iter().filter(|place| matches!(place.path[..], [4, _, 2, _])) {
            let comment = place.leading_comments().trim_start();
            let is_stated = ["Required", "Optional.", "Output only."].iter().any(|word| comment.starts_with(word));
            assert!(is_stated, "{}: {} is {comment:?}", file.name(), things[&place.path]);
        }
    }
}

#[test]
fn the_contract_keeps_its_manners() {
    let (mut requests, mut responses) = (BTreeSet::new(), BTreeSet::new());
    for file in our_files() {
        for words in &file.enum_type {
            let zero = words.value.iter().find(|value| value.number() == 0).unwrap();
            assert!(zero.name().ends_with("_UNSPECIFIED"), "{}", zero.name());
        }
        for service in &file.service {
            assert!(service.name().ends_with("Service"));
            for method in &service.method {
                let name = method.name();
                assert_eq!(method.input_type(), format!(".onward.v1.{name}Request"));
                assert_eq!(method.output_type(), format!(".onward.v1.{name}Response"));
                assert!(requests.insert(method.input_type().to_owned()), "{name} shares its request");
                assert!(responses.insert(method.output_type().to_owned()), "{name} shares its response");
            }
        }
        for message in &file.message_type {
            let has = |name: &str| message.field.iter().any(|field| field.name() == name);
            let lists = message.name().starts_with("List");
            assert_eq!(lists && message.name().ends_with("Request"), has("page_token"), "{}", message.name());
            assert_eq!(lists && message.name().ends_with("Response"), has("next_page_token"), "{}", message.name());
        }
    }
    assert_eq!(SERVICES.len(), our_files().iter().map(|file| file.service.len()).sum::<usize>());
}

#[tokio::test]
async fn reflection_shows_every_service_with_its_comments() {
    let server = Server::start(&Fake::new()).await;
    let mut client = ServerReflectionClient::new(server.client().await.channel());
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let symbol = "onward.v1.AlertService.WatchAlerts".to_owned();
    let requests =
        [ask(MessageRequest::ListServices(String::new())), ask(MessageRequest::FileContainingSymbol(symbol))];
    let mut answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut next = async || answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = next().await else { panic!("no list") };
    let listed: BTreeSet<_> = listed.service.into_iter().map(|service| service.name).collect();
    for service in SERVICES.iter().chain(&["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"]) {
        assert!(listed.contains(*service), "{service} is not in {listed:?}");
    }
    let MessageResponse::FileDescriptorResponse(files) = next().await else { panic!("no file") };
    let file = FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
    assert_eq!(file.name(), "onward/v1/alert_service.proto");
    assert!(file.source_code_info.is_some());
}

#[tokio::test]
async fn health_is_serving_for_the_server_and_each_service() {
    let server = Server::start(&Fake::new()).await;
    let mut client = HealthClient::new(server.client().await.channel());
    for service in SERVICES.iter().chain(&[""]) {
        let answer = client.check(HealthCheckRequest { service: (*service).to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status, 1, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "onward.v1.NoService".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn every_call_of_the_contract_is_served() {
    let server = Server::start(&Fake::new()).await;
    let mut count = 0;
    for file in our_files() {
        let comments = file.source_code_info.clone().unwrap().location;
        assert!(comments.iter().all(|place| !place.leading_comments().contains("ot served yet")), "{}", file.name());
        for service in &file.service {
            for method in &service.method {
                let client = server.client().await;
                let mut grpc = tonic::client::Grpc::new(client.channel());
                grpc.ready().await.unwrap();
                // An empty message stands for any: what matters is whether somebody answers.
                let path = format!("/onward.v1.{}/{}", service.name(), method.name());
                let codec =
                    tonic_prost::ProstCodec::<wire::GetCheckpointRequest, wire::GetCheckpointRequest>::default();
                let requests = tokio_stream::iter([wire::GetCheckpointRequest::default()]);
                let answer = grpc.streaming(client.request(requests), path.parse().unwrap(), codec).await;
                let mut answers = match answer {
                    Ok(answers) => answers.into_inner(),
                    Err(status) => {
                        assert_ne!(status.code(), Code::Unimplemented, "{path}: {status}");
                        continue;
                    }
                };
                if !method.name().starts_with("Watch")
                    && let Err(status) = answers.message().await
                {
                    assert_ne!(status.code(), Code::Unimplemented, "{path}: {status}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count} calls were answered");
}
