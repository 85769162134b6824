//! One function a route.

use shared::contract::{Charge, OrderAndPayment, OrderStatus, PaymentMethod, PaymentStatus, Place, Placed, Settle};
use shared::error::Error;
use shared::http::{Request, Response};
use shared::ids::OrderId;

use crate::basket::Basket;
use crate::{App, answer, card};

impl App {
    pub(crate) async fn create(&self, request: &Request) -> Result<Response, Error> {
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
        };
        // Whatever happens until the charge is safe to repeat under the same key.
        let placed = self.functions.place(request, place).await;
        match placed.map_err(|error| Error::Unavailable(error.cause().unwrap_or(error.code()).to_owned()))? {
            Placed::New(both) => self.charge_and_settle(request, *both, basket.method, false).await,
            Placed::Existing { same_request: false, .. } => Err(Error::IdempotencyKeyReused),
            Placed::Existing { current, .. } => self.go_on(request, *current, basket.method).await,
            Placed::OutOfStock { lines } => Err(Error::OutOfStock(lines)),
            Placed::ProductUnavailable { product_ids } => Err(Error::ProductUnavailable(product_ids)),
            Placed::TotalRefused => Err(Error::field("/items", "the total is more than an order may cost")),
        }
    }

    /// A repeat: of a finished order it is a replay, of one in flight it is too early, and of one that was left half
    /// way it goes on with it.
    async fn go_on(&self, request: &Request, both: OrderAndPayment, method: PaymentMethod) -> Result<Response, Error> {
        if both.order.status != OrderStatus::Pending {
            return answer::settled(both, true, request.request_id());
        }
        match self.in_flight_for(&both) {
            0 => self.charge_and_settle(request, both, method, true).await,
            retry_after => Err(Error::RequestInProgress { retry_after }),
        }
    }

    /// From here on money may move: whatever fails, the order is not known to have failed.
    async fn charge_and_settle(
        &self,
        request: &Request,
        both: OrderAndPayment,
        method: PaymentMethod,
        repeat: bool,
    ) -> Result<Response, Error> {
        let charge = Charge { order_id: both.order.id.clone(), amount: both.order.total, method };
        let settled = match self.functions.charge(request, charge).await {
            Ok(payment) if payment.status == PaymentStatus::Unknown => Ok(None),
            Ok(payment) => {
                self.functions.settle(request, Settle { order: both.order.clone(), payment }).await.map(Some)
            }
            Err(error) => Err(error),
        };
        let settled = settled.unwrap_or_else(|error| {
            self.telemetry.note(request.request_id(), &error);
            None
        });
        match settled {
            Some(settled) => answer::settled(settled, repeat, request.request_id()),
            None => answer::pending(&both, self.in_flight_for(&both).max(1)),
        }
    }

    /// For how many seconds more an order may be the work of a running checkout; 0 when it no longer can be.
    fn in_flight_for(&self, both: &OrderAndPayment) -> u64 {
        let left = self.in_flight.saturating_sub(self.clock.now().since(both.order.created_at));
        left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}
