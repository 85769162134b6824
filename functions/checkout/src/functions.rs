//! The functions that checkout invokes, each with its budget of time.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::contract::{
    Charge, Envelope, OrderAndPayment, OrdersCommand, Payment, PaymentsCommand, Place, Placed, Settle,
};
use shared::error::Error;
use shared::http::Request;

/// Together with what lies between them these fit into the function's 15 s.
const PLACE: Duration = Duration::from_secs(2);
const CHARGE: Duration = Duration::from_secs(8);
const SETTLE: Duration = Duration::from_secs(2);

/// Orders and payments.
pub struct Functions {
    client: Client,
    orders: String,
    payments: String,
}

impl Functions {
    /// These functions through this client.
    pub fn new(client: Client, orders: String, payments: String) -> Functions {
        Functions { client, orders, payments }
    }

    /// Asks whether orders may be invoked, which invokes nothing.
    pub async fn touch(&self) {
        let _ = self.client.invoke().function_name(&self.orders).invocation_type(InvocationType::DryRun).send().await;
    }

    /// Places an order.
    ///
    /// # Errors
    /// No reply: the order may or may not be there, but nothing has been charged.
    pub async fn place(&self, request: &Request, place: Place) -> Result<Placed, Error> {
        self.invoke(request, &self.orders, OrdersCommand::Place(place), PLACE).await
    }

    /// Charges an order.
    ///
    /// # Errors
    /// No reply: the order may or may not have been charged.
    pub async fn charge(&self, request: &Request, charge: Charge) -> Result<Payment, Error> {
        self.invoke(request, &self.payments, PaymentsCommand::Charge(charge), CHARGE).await
    }

    /// Settles an order.
    ///
    /// # Errors
    /// No reply: the order may or may not be settled.
    pub async fn settle(&self, request: &Request, settle: Settle) -> Result<OrderAndPayment, Error> {
        self.invoke(request, &self.orders, OrdersCommand::Settle(settle), SETTLE).await
    }

    async fn invoke<C: Serialize, R: DeserializeOwned>(
        &self,
        request: &Request,
        function: &str,
        command: C,
        budget: Duration,
    ) -> Result<R, Error> {
        let envelope = Envelope {
            request_id: Some(request.request_id().to_owned()),
            trace_id: request.trace_id().map(str::to_owned),
            command,
        };
        let payload = serde_json::to_vec(&envelope).map_err(|error| Error::Internal(error.to_string()))?;
        let invocation = self.client.invoke().function_name(function).payload(Blob::new(payload)).send();
        let answer = tokio::time::timeout(budget, invocation).await;
        let answer = answer.map_err(|_| Error::Unavailable(format!("{function} did not answer in time")))??;
        // A function that failed is an Invoke that succeeded.
        if let Some(kind) = answer.function_error {
            return Err(Error::Unavailable(format!("{function} failed ({kind})")));
        }
        let payload = answer.payload.unwrap_or_default();
        serde_json::from_slice(payload.as_ref())
            .map_err(|error| Error::Unavailable(format!("{function} answered something else: {error}")))
    }
}
