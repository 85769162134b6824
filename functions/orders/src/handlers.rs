//! One function a route.

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::contract::{OrderAndPayment, OrderStatus, Shipment};
use shared::cursor::{self, Cursor, Scope};
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::ids::OrderId;
use shared::text::Text;

use crate::App;
use crate::order::Event;

#[derive(Serialize)]
struct Page {
    items: Vec<OrderAndPayment>,
    next: Option<Cursor>,
}

/// A step of the warehouse. The braces of the empty ones matter: serde lets a unit variant pass with unknown members.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "UPPERCASE", deny_unknown_fields)]
enum Fulfilment {
    Packed {},
    Shipped { carrier: Text<50>, tracking_number: Text<100> },
    Delivered {},
}

impl App {
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Error> {
        let caller = request.caller()?;
        let limit = cursor::limit(request)?;
        let scope = Scope { route: request.route_key(), filters: &[caller.user_id.as_str()] };
        let (items, next) = self.store.of_user(&caller.user_id, scope.position(request)?, limit).await?;
        http::json(StatusCode::OK, &Page { items, next: next.map(|position| scope.cursor(&position)) })
    }

    pub(crate) async fn detail(&self, request: &Request) -> Result<Response, Error> {
        let caller = request.caller()?;
        let order: OrderId = request.id("order_id", "order")?;
        let both = self.store.find_of(&caller.user_id, &order).await?.ok_or(Error::NotFound("order"))?;
        http::json(StatusCode::OK, &both)
    }

    pub(crate) async fn queue(&self, request: &Request) -> Result<Response, Error> {
        let admin = request.admin()?;
        let limit = cursor::limit(request)?;
        let status = match request.query("status")? {
            None | Some("CONFIRMED") => OrderStatus::Confirmed,
            Some("PACKED") => OrderStatus::Packed,
            Some("SHIPPED") => OrderStatus::Shipped,
            Some(_) => return Err(Error::parameter("status", "must be CONFIRMED, PACKED or SHIPPED")),
        };
        let scope = Scope { route: request.route_key(), filters: &[admin.user_id.as_str(), status.as_str()] };
        let (items, next) = self.store.with_status(status, scope.position(request)?, limit).await?;
        http::json(StatusCode::OK, &Page { items, next: next.map(|position| scope.cursor(&position)) })
    }

    pub(crate) async fn queued(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let order: OrderId = request.id("order_id", "order")?;
        let (_, both) = self.store.find(&order).await?.ok_or(Error::NotFound("order"))?;
        http::json(StatusCode::OK, &both)
    }

    pub(crate) async fn fulfil(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let order: OrderId = request.id("order_id", "order")?;
        let step: Fulfilment = request.json()?;
        let now = self.clock.now();
        let (event, target, shipment) = match step {
            Fulfilment::Packed {} => (Event::Packed, OrderStatus::Packed, None),
            Fulfilment::Shipped { carrier, tracking_number } => {
                (Event::Shipped, OrderStatus::Shipped, Some(Shipment { carrier, tracking_number, shipped_at: now }))
            }
            Fulfilment::Delivered {} => (Event::Delivered, OrderStatus::Delivered, None),
        };
        let (_, current) = self.store.find(&order).await?.ok_or(Error::NotFound("order"))?;
        if let Some(fulfilled) = self.store.step(&current, event, shipment.clone(), now).await? {
            return http::json(StatusCode::OK, &fulfilled);
        }
        // Somebody else, or an earlier sending of this request, was there first: the same end is success.
        let (_, current) = self.store.find(&order).await?.ok_or(Error::NotFound("order"))?;
        let same_shipment = match (&shipment, &current.order.shipment) {
            (Some(asked), Some(sent)) => asked.carrier == sent.carrier && asked.tracking_number == sent.tracking_number,
            (None, _) => true,
            (Some(_), None) => false,
        };
        if current.order.status == target && same_shipment {
            http::json(StatusCode::OK, &current)
        } else {
            Err(Error::WrongStatus(current.order.status))
        }
    }
}
