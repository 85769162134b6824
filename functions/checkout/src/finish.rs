//! The one way in which an order is taken to its end, whoever drives it: the client that placed it, a repeat, the
//! schedule, a cancellation.

use shared::contract::{
    Charge, OrderAndPayment, OrderStatus, Payment, PaymentMethod, PaymentStatus, Reference, Refund, RollForward, Settle,
};
use shared::error::Error;

use crate::App;
use crate::errand::Errand;

impl App {
    /// Charges, or refunds, and settles: whatever the order still lacks. It is given as it is then, which is as it was
    /// where the provider did not say what became of the money. Without a `method` nothing is charged that was not
    /// begun: it is voided.
    ///
    /// # Errors
    /// A step failed, and may or may not have been done. All of it can be repeated.
    pub(crate) async fn finish(
        &self,
        errand: &Errand,
        both: OrderAndPayment,
        method: Option<PaymentMethod>,
    ) -> Result<OrderAndPayment, Error> {
        let (order_id, amount) = (both.order.id.clone(), both.order.total);
        let payment = match (both.order.status, method) {
            (OrderStatus::Pending, Some(method)) => {
                self.functions.charge(errand, Charge { order_id, amount, method }).await?
            }
            (OrderStatus::Pending, None) => {
                self.functions.roll_forward(errand, RollForward { order_id, amount }).await?
            }
            (OrderStatus::Cancelling, _) => self.functions.refund(errand, Refund { order_id }).await?,
            _ => return Ok(both),
        };
        self.settle(errand, both, payment, None).await
    }

    /// Settles an order as its payment says, if that says anything yet. A person's `reference` goes into its history.
    ///
    /// # Errors
    /// As [`App::finish`].
    pub(crate) async fn settle(
        &self,
        errand: &Errand,
        both: OrderAndPayment,
        payment: Payment,
        reference: Option<Reference>,
    ) -> Result<OrderAndPayment, Error> {
        match payment.status {
            PaymentStatus::Unknown | PaymentStatus::Refunding => Ok(both),
            PaymentStatus::Captured | PaymentStatus::Declined | PaymentStatus::Voided | PaymentStatus::Refunded => {
                self.functions.settle(errand, Settle { order: both.order, payment, reference }).await
            }
        }
    }
}
