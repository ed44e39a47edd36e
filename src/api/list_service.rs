//! `ListService`: the lists that the engine judges by, so that an auditor can say which edition was in force.
//!
//! Come here when a list is added. What a list does to a finding is said in the room `indicators`.

use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::identity::Tenant;
use super::page::Query;
use super::wire;
use super::wire::list_service_server::ListService;
use crate::indicators::{GoodsList, goods_lists};
use crate::model::Corridor;

/// Serves lists: of goods as they are built in, of corridors as the engine was told.
pub(super) struct Lists<E> {
    pub(super) engine: E,
}

#[tonic::async_trait]
impl<E: Engine> ListService for Lists<E> {
    async fn list_goods_lists(
        &self,
        request: Request<wire::ListGoodsListsRequest>,
    ) -> Result<Response<wire::ListGoodsListsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListGoodsLists", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                |_, after: Option<&String>, limit| {
                    let follows = |list: &&GoodsList| after.is_none_or(|after| list.list_id > after.as_str());
                    Ok(goods_lists().iter().filter(follows).take(limit).copied().collect())
                },
                |list: &GoodsList| list.list_id.to_owned(),
                |_| true,
                on_wire,
            )
            .await?;
        let (goods_lists, next_page_token) = (page.rows, page.next_page_token);
        Ok(Response::new(wire::ListGoodsListsResponse { goods_lists, next_page_token }))
    }

    async fn list_party_lists(
        &self,
        request: Request<wire::ListPartyListsRequest>,
    ) -> Result<Response<wire::ListPartyListsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        // Onward judges by trails and not by names on lists: there is none, and a token of a page before is no token.
        let page = Query::new("ListPartyLists", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                |_, _: Option<&String>, _| Ok(Vec::<wire::PartyList>::new()),
                |list: &wire::PartyList| list.list_id.clone(),
                |_| true,
                wire::PartyList::clone,
            )
            .await?;
        let (party_lists, next_page_token) = (page.rows, page.next_page_token);
        Ok(Response::new(wire::ListPartyListsResponse { party_lists, next_page_token }))
    }

    async fn list_corridors(
        &self,
        request: Request<wire::ListCorridorsRequest>,
    ) -> Result<Response<wire::ListCorridorsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListCorridors", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                |engine, after: Option<&Corridor>, limit| {
                    let mut corridors = engine.corridors();
                    corridors.sort_unstable();
                    let follows = |corridor: &Corridor| after.is_none_or(|after| corridor > after);
                    Ok(corridors.into_iter().filter(follows).take(limit).collect())
                },
                |corridor: &Corridor| *corridor,
                |_| true,
                |corridor| wire::Corridor {
                    ostensible_country: corridor.ostensible.to_string(),
                    actual_country: corridor.actual.to_string(),
                },
            )
            .await?;
        let (corridors, next_page_token) = (page.rows, page.next_page_token);
        Ok(Response::new(wire::ListCorridorsResponse { corridors, next_page_token }))
    }
}

fn on_wire(list: &GoodsList) -> wire::GoodsList {
    wire::GoodsList {
        list_id: list.list_id.to_owned(),
        title: list.title.to_owned(),
        edition: list.edition.to_string(),
        code_count: list.code_count,
    }
}
