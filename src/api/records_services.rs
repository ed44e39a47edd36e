//! `OrderService`, `ShipmentService`, `CompanyService`: taking records in and reading them.
//!
//! Come here for the three services that differ in their record only. The ingest stream itself is in `ingest`.

use std::marker::PhantomData;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::engine::{CompanyName, Engine};
use super::identity::Tenant;
use super::ingest::{self, Answer, IngestKind, IngestLimits};
use super::page::Query;
use super::wire::company_service_server::CompanyService;
use super::wire::order_service_server::OrderService;
use super::wire::shipment_service_server::ShipmentService;
use super::{errors, from_proto, read, to_proto, wire};
use crate::intake::FieldFault;
use crate::model::{Company, OrderLine, Record, ShipmentLine};

/// Serves one kind of record, marked by the kind's ingest.
pub(super) struct RecordsService<K, E> {
    pub(super) engine: E,
    pub(super) limits: IngestLimits,
    pub(super) kind: PhantomData<fn() -> K>,
}

impl<K, E> RecordsService<K, E> {
    /// Serves records of this kind from the engine.
    pub(super) fn new(engine: E, limits: IngestLimits) -> Self {
        Self { engine, limits, kind: PhantomData }
    }
}

/// Order lines.
pub(super) struct Orders;
/// Shipment lines.
pub(super) struct Shipments;
/// Company rows.
pub(super) struct Companies;

/// The messages of the three ingest methods have the same fields under different names.
macro_rules! ingest_kind {
    ($kind:ident, $request:ident, $response:ident, $line:ident, $field:ident, $read:path, $record:path) => {
        impl IngestKind for $kind {
            type Request = wire::$request;
            type Response = wire::$response;
            type Line = wire::$line;
            const RECORDS_FIELD: &'static str = stringify!($field);

            fn take(request: wire::$request) -> (String, Vec<wire::$line>) {
                (request.request_id, request.$field)
            }

            fn record(line: &wire::$line) -> Result<Record, Vec<FieldFault>> {
                $read(line).map(|record| $record(Box::new(record)))
            }

            fn respond(answer: Answer) -> wire::$response {
                wire::$response {
                    request_id: answer.request_id,
                    status: answer.status.into(),
                    outcomes: answer.outcomes,
                    retry_after_millis: answer.retry_after_millis,
                    reason: answer.reason.into(),
                }
            }
        }
    };
}

ingest_kind!(
    Orders,
    IngestOrdersRequest,
    IngestOrdersResponse,
    OrderLine,
    orders,
    from_proto::order_line,
    Record::Order
);
ingest_kind!(
    Shipments,
    IngestShipmentsRequest,
    IngestShipmentsResponse,
    ShipmentLine,
    shipments,
    from_proto::shipment_line,
    Record::Shipment
);
ingest_kind!(
    Companies,
    IngestCompaniesRequest,
    IngestCompaniesResponse,
    Company,
    companies,
    from_proto::company,
    Record::Company
);

#[tonic::async_trait]
impl<E: Engine> OrderService for RecordsService<Orders, E> {
    type IngestOrdersStream = ReceiverStream<Result<wire::IngestOrdersResponse, Status>>;

    async fn ingest_orders(
        &self,
        request: Request<Streaming<wire::IngestOrdersRequest>>,
    ) -> Result<Response<Self::IngestOrdersStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let (engine, limits) = (self.engine.clone(), self.limits.clone());
        Ok(Response::new(ingest::answer::<Orders, E>(engine, limits, tenant, request.into_inner())))
    }

    async fn get_order(
        &self,
        request: Request<wire::GetOrderRequest>,
    ) -> Result<Response<wire::GetOrderResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let key = from_proto::order_key(request.into_inner().key).map_err(|fault| errors::key_fault("key", fault))?;
        let found = read(&self.engine, move |engine| engine.order(tenant.name(), &key)).await?;
        let line =
            found.ok_or_else(|| errors::not_found(wire::ErrorReason::OrderNotFound, "there is no such order line"))?;
        Ok(Response::new(wire::GetOrderResponse { order: Some(to_proto::order_line(&line)) }))
    }

    async fn list_orders(
        &self,
        request: Request<wire::ListOrdersRequest>,
    ) -> Result<Response<wire::ListOrdersResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListOrders", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after, limit| engine.orders(tenant.name(), after, limit),
                |line: &OrderLine| line.key.clone(),
                |_| true,
                to_proto::order_line,
            )
            .await?;
        Ok(Response::new(wire::ListOrdersResponse { orders: page.rows, next_page_token: page.next_page_token }))
    }
}

#[tonic::async_trait]
impl<E: Engine> ShipmentService for RecordsService<Shipments, E> {
    type IngestShipmentsStream = ReceiverStream<Result<wire::IngestShipmentsResponse, Status>>;

    async fn ingest_shipments(
        &self,
        request: Request<Streaming<wire::IngestShipmentsRequest>>,
    ) -> Result<Response<Self::IngestShipmentsStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let (engine, limits) = (self.engine.clone(), self.limits.clone());
        Ok(Response::new(ingest::answer::<Shipments, E>(engine, limits, tenant, request.into_inner())))
    }

    async fn get_shipment(
        &self,
        request: Request<wire::GetShipmentRequest>,
    ) -> Result<Response<wire::GetShipmentResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let key =
            from_proto::document_key(request.into_inner().key).map_err(|fault| errors::key_fault("key", fault))?;
        let found = read(&self.engine, move |engine| engine.shipment(tenant.name(), &key)).await?;
        let line = found
            .ok_or_else(|| errors::not_found(wire::ErrorReason::ShipmentNotFound, "there is no such shipment line"))?;
        Ok(Response::new(wire::GetShipmentResponse { shipment: Some(to_proto::shipment_line(&line)) }))
    }

    async fn list_shipments(
        &self,
        request: Request<wire::ListShipmentsRequest>,
    ) -> Result<Response<wire::ListShipmentsResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListShipments", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after, limit| engine.shipments(tenant.name(), after, limit),
                |line: &ShipmentLine| line.key.clone(),
                |_| true,
                to_proto::shipment_line,
            )
            .await?;
        Ok(Response::new(wire::ListShipmentsResponse { shipments: page.rows, next_page_token: page.next_page_token }))
    }
}

#[tonic::async_trait]
impl<E: Engine> CompanyService for RecordsService<Companies, E> {
    type IngestCompaniesStream = ReceiverStream<Result<wire::IngestCompaniesResponse, Status>>;

    async fn ingest_companies(
        &self,
        request: Request<Streaming<wire::IngestCompaniesRequest>>,
    ) -> Result<Response<Self::IngestCompaniesStream>, Status> {
        let tenant = Tenant::of(&request)?;
        let (engine, limits) = (self.engine.clone(), self.limits.clone());
        Ok(Response::new(ingest::answer::<Companies, E>(engine, limits, tenant, request.into_inner())))
    }

    async fn get_company(
        &self,
        request: Request<wire::GetCompanyRequest>,
    ) -> Result<Response<wire::GetCompanyResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let name =
            from_proto::company_name(request.into_inner().key).map_err(|fault| errors::key_fault("key", fault))?;
        let found = read(&self.engine, move |engine| engine.company(tenant.name(), &name)).await?;
        let company = found
            .ok_or_else(|| errors::not_found(wire::ErrorReason::CompanyNotFound, "there is no such company row"))?;
        Ok(Response::new(wire::GetCompanyResponse { company: Some(to_proto::company(&company)) }))
    }

    async fn list_companies(
        &self,
        request: Request<wire::ListCompaniesRequest>,
    ) -> Result<Response<wire::ListCompaniesResponse>, Status> {
        let tenant = Tenant::of(&request)?;
        let request = request.into_inner();
        let page = Query::new("ListCompanies", &tenant, "", request.page_size, request.page_token)
            .run(
                &self.engine,
                move |engine, after, limit| engine.companies(tenant.name(), after, limit),
                |company: &Company| CompanyName::of(company),
                |_| true,
                to_proto::company,
            )
            .await?;
        Ok(Response::new(wire::ListCompaniesResponse { companies: page.rows, next_page_token: page.next_page_token }))
    }
}
