//! The lists that the engine judges by, over the wire and page by page.

use std::sync::Arc;

use onward::api::wire::list_service_client::ListServiceClient;
use onward::api::wire::{Corridor, GoodsList, ListCorridorsRequest, ListGoodsListsRequest, ListPartyListsRequest};
use onward::model::{Corridor as Screened, Country};
use onward::screening::{Service, ServiceOptions};
use onward::store::{Store, StoreOptions};
use tonic::Code;

use crate::fake::Fake;
use crate::setup::{Server, is, told};

#[tokio::test]
async fn lists_say_what_is_judged_by() {
    let store = Store::open_in_memory(StoreOptions::default(), Arc::new(|| 1_700_000_000_000)).unwrap();
    let corridor = Screened { ostensible: Country::RU, actual: Country::KZ };
    let service = Service::start(store, ServiceOptions { corridor, ..ServiceOptions::default() }).unwrap();
    let server = Server::start(&service).await;
    let client = server.client().await;
    let mut lists = ListServiceClient::new(client.channel());

    let goods = lists.list_goods_lists(client.request(ListGoodsListsRequest::default())).await.unwrap().into_inner();
    let (list_id, title) = ("common_high_priority".to_owned(), "Common High Priority List".to_owned());
    assert_eq!(goods.goods_lists, [GoodsList { list_id, title, edition: "2024-02-23".to_owned(), code_count: 50 }]);
    let parties = lists.list_party_lists(client.request(ListPartyListsRequest::default())).await.unwrap().into_inner();
    assert_eq!(parties.party_lists, []);
    let corridors = lists.list_corridors(client.request(ListCorridorsRequest::default())).await.unwrap().into_inner();
    // As the service was told, and not what is usual.
    let told = Corridor { ostensible_country: "RU".to_owned(), actual_country: "KZ".to_owned() };
    assert_eq!(corridors.corridors, [told]);
    assert_eq!([goods.next_page_token, parties.next_page_token, corridors.next_page_token], ["", "", ""]);
}

#[tokio::test]
async fn corridors_come_page_by_page_and_in_order() {
    let server = Server::start(&Fake::new()).await;
    let client = server.client().await;
    let mut lists = ListServiceClient::new(client.channel());
    let mut request = ListCorridorsRequest { page_size: 1, page_token: String::new() };
    let mut seen = Vec::new();
    loop {
        let page = lists.list_corridors(client.request(request.clone())).await.unwrap().into_inner();
        seen.extend(page.corridors.into_iter().map(|corridor| corridor.ostensible_country));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, ["KZ", "RU"]);

    // A token of one list is no token of another.
    let first = ListCorridorsRequest { page_size: 1, page_token: String::new() };
    let page_token = lists.list_corridors(client.request(first)).await.unwrap().into_inner().next_page_token;
    let other = ListPartyListsRequest { page_size: 1, page_token };
    let status = lists.list_party_lists(client.request(other)).await.unwrap_err();
    assert_eq!(told(&status), is(Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
}
