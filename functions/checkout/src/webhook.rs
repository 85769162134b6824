//! What the payment provider says by itself. It only says which order to look at: what became of the payment is asked
//! for, so that an event that comes twice, late or out of order does no harm.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::contract::{Find, Webhook};
use shared::error::Error;
use shared::http::{self, Request, Response};

use crate::App;
use crate::errand::Errand;

impl App {
    /// Takes the order that an event is about to its end. The provider repeats an event until it is answered by 200.
    ///
    /// # Errors
    /// The event is not the provider's, the shop's provider sends none, or a step failed.
    pub(crate) async fn webhook(&self, request: &Request, errand: &Errand) -> Result<Response, Error> {
        let webhook = Webhook::new(request.body()?, request.header("stripe-signature").unwrap_or_default());
        let notice = self.functions.webhook(errand, webhook).await.map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("webhook"),
            error => error,
        })?;
        if let Some(order_id) = notice.order_id {
            let both = self.functions.find(errand, Find { order_id }).await.map_err(later)?;
            self.finish(errand, both, None).await.map_err(later)?;
        }
        http::json(StatusCode::OK, &json!({}))
    }
}

/// Whatever stands in the way of a step, the provider is to send the event again.
fn later(error: Error) -> Error {
    Error::Unavailable(error.cause().unwrap_or(error.code()).to_owned())
}
