//! One function a route.

use lambda_http::http::StatusCode;
use shared::contract::{Cancel, OrderAndPayment, OrderStatus, PaymentMethod, Place, Placed};
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::identity::Role;
use shared::ids::OrderId;

use crate::basket::Basket;
use crate::errand::Errand;
use crate::{App, answer, card};

/// When to ask again for an order whose refund is not known to be done: the schedule's next runs will have tried it.
const REFUND_SECONDS: u64 = 60;

impl App {
    pub(crate) async fn create(&self, request: &Request, errand: &Errand) -> Result<Response, Error> {
        let caller = request.caller()?;
        let key = request.idempotency_key()?;
        if card::is_in(&request.json()?) {
            return Err(Error::CardDataRefused);
        }
        let basket = request.json::<Basket>()?.canonical()?;
        let place = Place {
            order_id: OrderId::for_key(&caller.user_id, &key),
            user_id: caller.user_id,
            fingerprint: basket.fingerprint()?,
            items: basket.items,
            shipping_address: basket.shipping_address,
            expected_total: basket.expected_total,
        };
        // Whatever happens until the charge is safe to repeat under the same key.
        let placed = self.functions.place(errand, place).await;
        match placed.map_err(Error::passing)? {
            Placed::New(both) => self.charge_and_settle(errand, *both, basket.method, false).await,
            Placed::Existing { same_request: false, .. } => Err(Error::IdempotencyKeyReused),
            Placed::Existing { current, .. } => self.go_on(errand, *current, basket.method).await,
            Placed::OutOfStock { lines } => Err(Error::OutOfStock(lines)),
            Placed::ProductUnavailable { product_ids } => Err(Error::ProductUnavailable(product_ids)),
            Placed::PriceChanged { total } => Err(Error::PriceChanged(total)),
            Placed::TotalTooLarge => Err(Error::field("/items", "the total is more than an order may cost")),
            Placed::CurrenciesDiffer => Err(Error::field(
                "/items",
                "the prices are in more than one currency: order the products of each apart",
            )),
        }
    }

    /// A repeat: of a finished order it is a replay, of one in flight it is too early, and of one that was left half
    /// way it goes on with it.
    async fn go_on(&self, errand: &Errand, both: OrderAndPayment, method: PaymentMethod) -> Result<Response, Error> {
        if both.order.status != OrderStatus::Pending {
            return answer::settled(both, true, &errand.request_id);
        }
        match self.in_flight_for(&both) {
            0 => self.charge_and_settle(errand, both, method, true).await,
            retry_after => Err(Error::RequestInProgress { retry_after }),
        }
    }

    /// From here on money may move: whatever fails, the order is not known to have failed.
    async fn charge_and_settle(
        &self,
        errand: &Errand,
        both: OrderAndPayment,
        method: PaymentMethod,
        repeat: bool,
    ) -> Result<Response, Error> {
        let finished = self.finish_or_note(errand, both, Some(method)).await;
        if finished.order.status == OrderStatus::Pending {
            answer::pending(&finished, self.in_flight_for(&finished).max(1))
        } else {
            answer::settled(finished, repeat, &errand.request_id)
        }
    }

    /// The order as far as it could be taken to its end. What stood in the way is logged: the schedule goes on with it.
    async fn finish_or_note(
        &self,
        errand: &Errand,
        both: OrderAndPayment,
        method: Option<PaymentMethod>,
    ) -> OrderAndPayment {
        self.finish(errand, both.clone(), method).await.unwrap_or_else(|error| {
            self.telemetry.note_on(&errand.request_id, &both.order.id, &error);
            both
        })
    }

    pub(crate) async fn cancel(&self, request: &Request, errand: &Errand) -> Result<Response, Error> {
        let caller = request.caller()?;
        let owner = (caller.role != Role::Admin).then_some(caller.user_id);
        let order_id = request.id("order_id", "order")?;
        let both = self.functions.cancel(errand, Cancel { order_id, owner }).await?;
        let both = match both.order.status {
            // From here on it will be cancelled, now or by the schedule.
            OrderStatus::Cancelling => self.finish_or_note(errand, both, None).await,
            _ => both,
        };
        match both.order.status {
            OrderStatus::Cancelled => http::json(StatusCode::OK, &both),
            OrderStatus::Cancelling => answer::pending(&both, REFUND_SECONDS),
            OrderStatus::Pending => Err(Error::RequestInProgress { retry_after: self.in_flight_for(&both).max(1) }),
            status => Err(Error::NotCancellable(status)),
        }
    }

    /// For how many seconds more an order may be the work of a running checkout; 0 when it no longer can be.
    fn in_flight_for(&self, both: &OrderAndPayment) -> u64 {
        let left = self.in_flight.saturating_sub(self.clock.now().since(both.order.created_at));
        left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}
