//! What a client is told about its order. A final answer is rendered from what never changes after settling, so a
//! replay has the first answer's bytes, whatever became of the order since.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{LOCATION, RETRY_AFTER};
use shared::contract::{OrderAndPayment, OrderStatus, PaymentStatus};
use shared::error::Error;
use shared::http::{self, Response};

/// The final answer: 201 for an order that was confirmed, 402 for one whose payment was declined, 409 for one that was
/// given up. `replayed` says that the key was seen before, also where this very request has taken the order to its end.
///
/// # Errors
/// The order has no end yet.
pub fn settled(both: OrderAndPayment, replayed: bool, request_id: &str) -> Result<Response, Error> {
    let both = as_settled(both)?;
    let mut response = match (both.order.status, both.payment.status) {
        (OrderStatus::Failed, PaymentStatus::Voided) => http::problem(&Error::OrderLapsed(Box::new(both)), request_id),
        (OrderStatus::Failed, _) => http::problem(&Error::PaymentDeclined(Box::new(both)), request_id),
        _ => {
            let mut response = http::json(StatusCode::CREATED, &both)?;
            http::set(&mut response, LOCATION, &format!("/orders/{}", both.order.id))?;
            response
        }
    };
    if replayed {
        http::set(&mut response, http::REPLAYED, "true")?;
    }
    Ok(response)
}

/// The answer while the payment's outcome is not known: 202, and when to ask again.
///
/// # Errors
/// A header cannot be set, which would be a bug.
pub fn pending(both: &OrderAndPayment, retry_after: u64) -> Result<Response, Error> {
    let mut response = http::json(StatusCode::ACCEPTED, both)?;
    http::set(&mut response, LOCATION, &format!("/orders/{}", both.order.id))?;
    http::set(&mut response, RETRY_AFTER, &retry_after.to_string())?;
    Ok(response)
}

/// The order as it was when it was settled.
fn as_settled(mut both: OrderAndPayment) -> Result<OrderAndPayment, Error> {
    let order = &mut both.order;
    let end = order.history.iter().position(|step| matches!(step.status, OrderStatus::Confirmed | OrderStatus::Failed));
    let end = end.ok_or_else(|| Error::Internal(format!("order {} was never settled", order.id)))?;
    order.history.truncate(end + 1);
    if let Some(step) = order.history.last() {
        order.status = step.status;
        order.updated_at = step.at;
    }
    order.shipment = None;
    if order.status == OrderStatus::Confirmed {
        // It may have been refunded since.
        both.payment.status = PaymentStatus::Captured;
    }
    Ok(both)
}
