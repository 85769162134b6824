//! What the payment provider says by itself. It only says which order to look at: what became of the payment is asked
//! for, so that an event that comes twice, late or out of order does no harm.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::contract::{Find, OrderStatus, Webhook};
use shared::error::Error;
use shared::http::{self, Request, Response};

use crate::App;
use crate::errand::Errand;

impl App {
    /// Takes the order that an event is about to its end. The provider repeats an event until it is answered by 200.
    ///
    /// # Errors
    /// The event is not the provider's, the shop's provider sends none, a step failed, or the order still has no end.
    pub(crate) async fn webhook(&self, request: &Request, errand: &Errand) -> Result<Response, Error> {
        // Whoever signs nothing does not get as far as another function.
        let signature = request.header("stripe-signature").filter(|signature| !signature.trim().is_empty());
        let webhook = Webhook::new(request.body()?, signature.ok_or(Error::InvalidSignature)?);
        let notice = self.functions.webhook(errand, webhook).await.map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("webhook"),
            error => error,
        })?;
        if let Some(order_id) = notice.order_id {
            let both = self.functions.find(errand, Find { order_id }).await.map_err(Error::passing)?;
            let both = self.finish(errand, both, None).await.map_err(Error::passing)?;
            if matches!(both.order.status, OrderStatus::Pending | OrderStatus::Cancelling) {
                return Err(Error::Unavailable(format!("order {} has no end yet", both.order.id)));
            }
        }
        http::json(StatusCode::OK, &json!({}))
    }
}
