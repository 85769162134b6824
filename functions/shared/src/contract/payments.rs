//! What payments does for checkout.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::Command;
use crate::ids::OrderId;
use crate::money::Money;
use crate::text::Text;

/// What payments does for checkout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum PaymentsCommand {
    /// Charge an order, once. Answered by [`Payment`](super::Payment).
    Charge(Charge),
    /// Take a payment that was left half way to its end; one that never began is voided. Answered by [`Payment`](super::Payment).
    RollForward(RollForward),
    /// Give back what was captured, once. Answered by [`Payment`](super::Payment).
    Refund(Refund),
    /// Verify what the payment provider sent by itself. Answered by [`Notice`].
    Webhook(Webhook),
    /// Record what a person found out about a payment. Answered by [`Payment`](super::Payment).
    Resolve(Resolve),
}

impl Command for PaymentsCommand {
    fn name(&self) -> &'static str {
        match self {
            PaymentsCommand::Charge(_) => "charge",
            PaymentsCommand::RollForward(_) => "roll_forward",
            PaymentsCommand::Refund(_) => "refund",
            PaymentsCommand::Webhook(_) => "webhook",
            PaymentsCommand::Resolve(_) => "resolve",
        }
    }
}

/// A payment to make.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The order, and the payment's key.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// The provider's id of a payment method.
    pub method: PaymentMethod,
}

/// A payment that was left half way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollForward {
    /// The order, and the payment's key.
    pub order_id: OrderId,
    /// How much the order costs.
    pub amount: Money,
}

/// A payment to give back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// The order, and the payment's key.
    pub order_id: OrderId,
}

/// What the payment provider sent by itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The body's bytes as base64, because the signature is over the bytes.
    body: String,
    /// The header that signs them.
    pub signature: String,
}

impl Webhook {
    /// A webhook with this body.
    pub fn new(body: &[u8], signature: &str) -> Webhook {
        Webhook { body: BASE64_STANDARD.encode(body), signature: signature.to_owned() }
    }

    /// The body's bytes; `None` where it is not base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.body).ok()
    }
}

/// What a webhook is about.
#[derive(Debug, Serialize, Deserialize)]
pub struct Notice {
    /// The order whose payment has come further; none where it is about something else.
    pub order_id: Option<OrderId>,
}

/// What a person found out about a payment that the provider does not tell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The order, and the payment's key.
    pub order_id: OrderId,
    /// How much the order costs.
    pub amount: Money,
    /// What became of it.
    #[serde(rename = "as")]
    pub resolution: Resolution,
    /// What proves it.
    pub reference: Reference,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// The provider took the money.
    Captured,
    /// It did not, and never will.
    Declined,
    /// It gave the money back.
    Refunded,
}

/// Where to look it up: the provider's id, a ticket.
pub type Reference = Text<100>;

/// The provider's id of a payment method. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentMethod(…)")
    }
}

impl TryFrom<String> for PaymentMethod {
    type Error = &'static str;

    fn try_from(text: String) -> Result<PaymentMethod, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=100).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(PaymentMethod(text))
        } else {
            Err("a payment method is an id such as pm_card_visa: 1 to 100 letters, digits and underscores")
        }
    }
}

impl From<PaymentMethod> for String {
    fn from(method: PaymentMethod) -> String {
        method.0
    }
}
