//! Ending an order by hand, once a person has found out what the payment provider does not tell. Only whoever may
//! invoke checkout directly can do it, and the order's history keeps what proves it.

use serde::Deserialize;
use shared::contract::{self, Find, OrderAndPayment, OrderStatus, Reference, Resolution};
use shared::error::Error;
use shared::ids::OrderId;

use crate::App;
use crate::errand::Errand;

/// An order to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    order_id: OrderId,
    #[serde(rename = "as")]
    resolution: Resolution,
    reference: Reference,
}

impl App {
    /// Records on the payment what became of it, and settles the order by that as if the provider had said so. The same
    /// again changes nothing.
    ///
    /// # Errors
    /// There is no such order, it may still be somebody's work, or something else is recorded of its payment.
    pub(crate) async fn resolve(&self, errand: &Errand, resolve: Resolve) -> Result<OrderAndPayment, Error> {
        let Resolve { order_id, resolution, reference } = resolve;
        let both = self.functions.find(errand, Find { order_id: order_id.clone() }).await?;
        if matches!(both.order.status, OrderStatus::Pending | OrderStatus::Cancelling) {
            // The schedule takes an order up after this long; before, its client's own request may be at it.
            let half_way = self.in_flight * 2;
            let left = half_way.saturating_sub(self.clock.now().since(both.order.updated_at));
            if !left.is_zero() {
                return Err(Error::RequestInProgress { retry_after: left.as_secs() + 1 });
            }
        }
        // The money of an order that nobody has cancelled was not to go back.
        let is_cancelled = matches!(both.order.status, OrderStatus::Cancelling | OrderStatus::Cancelled);
        if resolution == Resolution::Refunded && !is_cancelled {
            return Err(Error::WrongPaymentStatus);
        }
        let (amount, proof) = (both.order.total, reference.clone());
        let resolve = contract::Resolve { order_id, amount, resolution, reference: proof };
        let payment = self.functions.resolve(errand, resolve).await?;
        self.settle(errand, both, payment, Some(reference)).await
    }
}
