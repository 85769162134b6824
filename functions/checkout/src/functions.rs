//! The functions that checkout invokes, each with its budget of time.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::contract::{
    Backlog, Cancel, Charge, Claim, Due, Envelope, Find, Notice, OrderAndPayment, OrdersCommand, Payment,
    PaymentsCommand, Place, Placed, Refund, Resolve, RollForward, Settle, Webhook,
};
use shared::error::Error;

use crate::errand::Errand;

/// Together with what lies between them these fit into the function's 15 s.
const PLACE: Duration = Duration::from_secs(2);
const CHARGE: Duration = Duration::from_secs(8);
const SETTLE: Duration = Duration::from_secs(2);
const CLAIM: Duration = Duration::from_secs(4);
/// A run of the schedule keeps so long back for it.
pub const BACKLOG: Duration = Duration::from_secs(3);
const FIND: Duration = Duration::from_secs(2);
const WEBHOOK: Duration = Duration::from_secs(4);

/// What Lambda says of an invocation that failed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_type: String,
}

/// What a failed function tells by its error type; `None` where it only says that it failed.
fn told(error_type: &str) -> Option<Error> {
    let told = [Error::NotFound("order"), Error::InvalidSignature, Error::WrongPaymentStatus];
    told.into_iter().find(|error| error.code() == error_type)
}

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
    pub async fn place(&self, errand: &Errand, place: Place) -> Result<Placed, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Place(place), PLACE).await
    }

    /// Charges an order.
    ///
    /// # Errors
    /// No reply: the order may or may not have been charged.
    pub async fn charge(&self, errand: &Errand, charge: Charge) -> Result<Payment, Error> {
        self.invoke(errand, &self.payments, PaymentsCommand::Charge(charge), CHARGE).await
    }

    /// Settles an order.
    ///
    /// # Errors
    /// No reply: the order may or may not be settled.
    pub async fn settle(&self, errand: &Errand, settle: Settle) -> Result<OrderAndPayment, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Settle(settle), SETTLE).await
    }

    /// Takes a payment that was left half way to its end.
    ///
    /// # Errors
    /// No reply: the payment may or may not be at its end.
    pub async fn roll_forward(&self, errand: &Errand, roll_forward: RollForward) -> Result<Payment, Error> {
        self.invoke(errand, &self.payments, PaymentsCommand::RollForward(roll_forward), CHARGE).await
    }

    /// Gives a payment back.
    ///
    /// # Errors
    /// No reply: the money may or may not be on its way.
    pub async fn refund(&self, errand: &Errand, refund: Refund) -> Result<Payment, Error> {
        self.invoke(errand, &self.payments, PaymentsCommand::Refund(refund), CHARGE).await
    }

    /// Begins to cancel an order.
    ///
    /// # Errors
    /// There is no such order, or no reply: it may or may not be being cancelled.
    pub async fn cancel(&self, errand: &Errand, cancel: Cancel) -> Result<OrderAndPayment, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Cancel(cancel), SETTLE).await
    }

    /// Takes orders that were left half way out of the queue for a while.
    ///
    /// # Errors
    /// No reply: some may have been moved back in the queue for nothing.
    pub async fn claim(&self, errand: &Errand, claim: Claim) -> Result<Due, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Claim(claim), CLAIM).await
    }

    /// Asks what is in the queue of orders that were left half way.
    ///
    /// # Errors
    /// No reply.
    pub async fn backlog(&self, errand: &Errand) -> Result<Backlog, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Backlog {}, BACKLOG).await
    }

    /// Reads an order.
    ///
    /// # Errors
    /// There is no such order, or no reply.
    pub async fn find(&self, errand: &Errand, find: Find) -> Result<OrderAndPayment, Error> {
        self.invoke(errand, &self.orders, OrdersCommand::Find(find), FIND).await
    }

    /// Verifies what the payment provider sent by itself.
    ///
    /// # Errors
    /// It was not the provider, the provider sends nothing, or no reply.
    pub async fn webhook(&self, errand: &Errand, webhook: Webhook) -> Result<Notice, Error> {
        self.invoke(errand, &self.payments, PaymentsCommand::Webhook(webhook), WEBHOOK).await
    }

    /// Records what a person found out about a payment.
    ///
    /// # Errors
    /// Something else is recorded, or no reply: it may or may not be recorded.
    pub async fn resolve(&self, errand: &Errand, resolve: Resolve) -> Result<Payment, Error> {
        self.invoke(errand, &self.payments, PaymentsCommand::Resolve(resolve), SETTLE).await
    }

    async fn invoke<C: Serialize, R: DeserializeOwned>(
        &self,
        errand: &Errand,
        function: &str,
        command: C,
        budget: Duration,
    ) -> Result<R, Error> {
        let envelope =
            Envelope { request_id: Some(errand.request_id.clone()), trace_id: errand.trace_id.clone(), command };
        let payload = serde_json::to_vec(&envelope).map_err(|error| Error::Internal(error.to_string()))?;
        let budget = errand.budget(budget)?;
        let invocation = self.client.invoke().function_name(function).payload(Blob::new(payload)).send();
        let answer = tokio::time::timeout(budget, invocation).await;
        let answer = answer.map_err(|_| Error::Unavailable(format!("{function} did not answer in time")))??;
        // A function that failed is an Invoke that succeeded.
        let payload = answer.payload.unwrap_or_default();
        if let Some(kind) = answer.function_error {
            let Failure { error_type } = serde_json::from_slice(payload.as_ref()).unwrap_or_default();
            let failed = || Error::Unavailable(format!("{function} failed ({kind}, {error_type})"));
            return Err(told(&error_type).unwrap_or_else(failed));
        }
        serde_json::from_slice(payload.as_ref())
            .map_err(|error| Error::Unavailable(format!("{function} answered something else: {error}")))
    }
}
