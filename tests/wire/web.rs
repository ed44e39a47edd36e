//! Calls from pages in browsers: gRPC-Web over HTTP/1 as a browser puts it on the wire.

use onward::api::ServeOptions;
use onward::api::wire::{ListOrdersRequest, ListOrdersResponse, WatchAlertsRequest};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fake::Fake;
use crate::house::{House, key_of, principal};
use crate::setup::{PATIENCE, Server};

const PAGE: &str = "https://desk.acme.example";

/// What came back: the head in small letters, and the messages and trailers of the body.
struct Answer {
    head: String,
    messages: Vec<Vec<u8>>,
    trailers: String,
}

impl Answer {
    /// A field of the head or of the trailers.
    fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().chain(self.trailers.lines());
        lines.filter_map(|line| line.split_once(':')).find(|(known, _)| *known == name).map(|(_, value)| value.trim())
    }
}

async fn house(options: ServeOptions) -> (House, Server, Fake) {
    let house = House::new(&[principal("desk", "birch", r#""analyst""#)]);
    let engine = Fake::new();
    let options = ServeOptions { identities: Some(house.identities()), ..options };
    let server = house.serve(&engine, options).await;
    (house, server, engine)
}

fn for_the_page() -> ServeOptions {
    ServeOptions { web_origins: vec![PAGE.to_owned()], ..crate::setup::options() }
}

/// Sends a request over a connection of its own.
async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = format!("{method} /onward.v1.{path} HTTP/1.1\r\nhost: onward\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[request.as_bytes(), body].concat()).await.unwrap();
    stream
}

/// Reads until the server closes the connection.
async fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer of HTTP/1");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    let mut rest = &bytes[end + 4..];
    let mut body = Vec::new();
    if head.contains("transfer-encoding: chunked") {
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            body.extend_from_slice(&rest[line + 2..line + 2 + size]);
            rest = &rest[line + 2 + size + 2..];
        }
    } else {
        body = rest.to_vec();
    }
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    let mut body = body.as_slice();
    while let Some((flags, rest)) = body.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>().unwrap();
        let (frame, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        match flags {
            0 => messages.push(frame.to_vec()),
            0x80 => trailers = String::from_utf8(frame.to_vec()).unwrap(),
            other => panic!("no such frame: {other}"),
        }
        body = rest;
    }
    Answer { head, messages, trailers }
}

fn framed(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    [&[0], &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
}

#[tokio::test]
async fn a_page_asks_first_and_only_known_pages_may() {
    let (_house, server, _) = house(for_the_page()).await;
    for (origin, allowed) in [(PAGE, Some(PAGE)), ("https://elsewhere.example", None)] {
        let wanted = "authorization,content-type,x-grpc-web";
        let headers =
            [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", wanted)];
        let answer = read(send(&server, "OPTIONS", "OrderService/ListOrders", &headers, &[]).await).await;
        assert!(answer.head.starts_with("http/1.1 200"), "{}", answer.head);
        assert_eq!(answer.field("access-control-allow-origin"), allowed);
        let allows = answer.field("access-control-allow-headers").unwrap_or_default();
        assert!(wanted.split(',').all(|name| allows.contains(name)), "{allows}");
    }
}

#[tokio::test]
async fn a_page_calls_as_any_client_and_is_asked_who_it_is() {
    let (_house, server, engine) = house(for_the_page()).await;
    engine.state().orders.insert(("birch".to_owned(), crate::setup::order_key(1)), crate::setup::order(1));
    let key = format!("Bearer {}", key_of("desk"));
    let plain = [("origin", PAGE), ("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let body = framed(&ListOrdersRequest::default());
    let known = [&plain[..], &[("authorization", &key)]].concat();
    let answer = read(send(&server, "POST", "OrderService/ListOrders", &known, &body).await).await;
    assert_eq!(answer.field("grpc-status"), Some("0"));
    assert_eq!(answer.field("access-control-allow-origin"), Some(PAGE));
    assert!(answer.field("access-control-expose-headers").unwrap().contains("grpc-status-details-bin"));
    let orders = ListOrdersResponse::decode(answer.messages[0].as_slice()).unwrap().orders;
    assert_eq!(orders[0].key.as_ref().unwrap().order_id, crate::setup::order_key(1).order_id);

    let unknown = read(send(&server, "POST", "OrderService/ListOrders", &plain, &body).await).await;
    assert_eq!((unknown.field("grpc-status"), unknown.messages.len()), (Some("16"), 0));
}

#[tokio::test]
async fn a_call_of_a_page_that_is_not_named_is_not_carried_out() {
    let (_house, server, engine) = house(for_the_page()).await;
    engine.state().orders.insert(("birch".to_owned(), crate::setup::order_key(1)), crate::setup::order(1));
    let key = format!("Bearer {}", key_of("desk"));
    let body = framed(&ListOrdersRequest::default());
    let elsewhere = "https://elsewhere.example";
    for origins in [&[elsewhere][..], &["null"], &[PAGE, elsewhere], &["https://desk.acme.example:8443"]] {
        for kind in ["application/grpc-web+proto", "application/grpc-web-text"] {
            let plain = [("content-type", kind), ("authorization", key.as_str())];
            let headers: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).chain(plain).collect();
            let answer = read(send(&server, "POST", "OrderService/ListOrders", &headers, &body).await).await;
            assert!(answer.head.starts_with("http/1.1 403"), "{origins:?}: {}", answer.head);
            assert!(answer.messages.is_empty() && answer.trailers.is_empty(), "{origins:?}");
        }
    }
    let nobodys = [("content-type", "application/grpc-web+proto"), ("authorization", key.as_str())];
    let answer = read(send(&server, "POST", "OrderService/ListOrders", &nobodys, &body).await).await;
    assert_eq!(answer.field("grpc-status"), Some("0"), "a program that is no page is asked for its key only");
}

#[tokio::test]
async fn a_page_watches_until_the_server_ends() {
    let (_house, mut server, engine) = house(for_the_page()).await;
    let key = format!("Bearer {}", key_of("desk"));
    let headers = [("origin", PAGE), ("content-type", "application/grpc-web+proto"), ("authorization", &key)];
    let body = framed(&WatchAlertsRequest::default());
    let stream = send(&server, "POST", "AlertService/WatchAlerts", &headers, &body).await;
    engine.raise("birch", crate::setup::order_key(1));
    // Something of the answer is there: the call runs, and is not cut before it has begun.
    stream.readable().await.unwrap();
    server.stop();
    let answer = read(stream).await;
    assert_eq!(answer.field("grpc-status"), Some("14"), "{}", answer.trailers);
    assert!(!answer.messages.is_empty());
    server.stopped().await;
}

#[tokio::test]
async fn without_the_switch_there_is_neither_http_1_nor_grpc_web() {
    let (_house, server, _) = house(crate::setup::options()).await;
    let headers = [("origin", PAGE), ("content-type", "application/grpc-web+proto")];
    let mut stream = send(&server, "POST", "OrderService/ListOrders", &headers, &[]).await;
    let mut bytes = Vec::new();
    // Closed, maybe by a reset, with nothing that a browser would understand.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    assert!(!bytes.starts_with(b"HTTP/1"), "{}", String::from_utf8_lossy(&bytes));
}
