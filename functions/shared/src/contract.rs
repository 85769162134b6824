//! What checkout, orders and payments say to each other through Lambda's Invoke API, and the two-part shape
//! `{order, payment}` that a client sees of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Shortage;
use crate::ids::{OrderId, PaymentId, ProductId, UserId};
use crate::money::{Money, Quantity};
use crate::text::Text;

/// A command with the ids of the request that caused it, so that one `POST /orders` is one id in every log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<C> {
    /// The API's request id; absent when a person types the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The X-Ray trace header's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The command; its name is the member `command`.
    #[serde(flatten)]
    pub command: C,
}

/// A command's name, for the log.
pub trait Command {
    /// The name as it stands in the member `command`.
    fn name(&self) -> &'static str;
}

/// What orders does for checkout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum OrdersCommand {
    /// Put the order and reserve its stock, once. Answered by [`Placed`].
    Place(Place),
    /// Take an order on as its payment says: end it, or take its stock back. Answered by [`OrderAndPayment`].
    Settle(Settle),
    /// Begin to cancel an order. Answered by [`OrderAndPayment`]: the order as it is then, cancelled or not.
    Cancel(Cancel),
    /// Hand out orders that were left half way, each moved back in the queue first. Answered by [`Due`].
    Claim(Claim),
    /// Read an order. Answered by [`OrderAndPayment`].
    Find(Find),
    /// For a person: take a user's shipping addresses out of the orders that are at their end. Answered by how many were
    /// erased, and how many kept because somebody still has work with the order.
    EraseAddresses(EraseAddresses),
}

impl Command for OrdersCommand {
    fn name(&self) -> &'static str {
        match self {
            OrdersCommand::Place(_) => "place",
            OrdersCommand::Settle(_) => "settle",
            OrdersCommand::Cancel(_) => "cancel",
            OrdersCommand::Claim(_) => "claim",
            OrdersCommand::Find(_) => "find",
            OrdersCommand::EraseAddresses(_) => "erase_addresses",
        }
    }
}

/// What payments does for checkout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum PaymentsCommand {
    /// Charge an order, once. Answered by [`Payment`].
    Charge(Charge),
    /// Take a payment that was left half way to its end; one that never began is voided. Answered by [`Payment`].
    RollForward(RollForward),
    /// Give back what was captured, once. Answered by [`Payment`].
    Refund(Refund),
    /// Verify what the payment provider sent by itself. Answered by [`Notice`].
    Webhook(Webhook),
    /// Record what a person found out about a payment. Answered by [`Payment`].
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

/// An order to place. Lines are merged and sorted by product.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The id that user and idempotency key give.
    pub order_id: OrderId,
    /// Whose order it is.
    pub user_id: UserId,
    /// The digest of the canonical request: an equal one is a repeat, another one a key used twice.
    pub fingerprint: String,
    /// At least one.
    pub items: Vec<Item>,
    /// Where to send it.
    #[serde(default)]
    pub shipping_address: Option<Address>,
    /// What the client thinks that it costs; another total is refused.
    #[serde(default)]
    pub expected_total: Option<Money>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The product.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// How placing went.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Placed {
    /// The order is new, and pending.
    New(Box<OrderAndPayment>),
    /// The order was there already, whatever became of it since.
    Existing {
        /// Whether it came from the same request.
        same_request: bool,
        /// The order as it is now.
        current: Box<OrderAndPayment>,
    },
    /// Nothing was stored: too little in stock.
    OutOfStock {
        /// The lines that cannot be filled.
        lines: Vec<Shortage>,
    },
    /// Nothing was stored: not for sale.
    ProductUnavailable {
        /// The products.
        product_ids: Vec<ProductId>,
    },
    /// Nothing was stored: the client expects another total.
    PriceChanged {
        /// The total of now.
        total: Money,
    },
    /// Nothing was stored: the total is past [`Money::MAX`], or the currencies differ.
    TotalRefused,
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

/// What became of an order's payment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The order as it was read last, so that orders need not read it first; the write compares status and lines.
    pub order: Order,
    /// What payments answered. Captured, declined and voided end a pending order, refunded one that is being cancelled.
    pub payment: Payment,
    /// What proves it, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// An order to cancel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The order.
    pub order_id: OrderId,
    /// Whose it must be; absent when an admin asks.
    #[serde(default)]
    pub owner: Option<UserId>,
}

/// A part of the queue of orders that were left half way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// At most how many.
    pub limit: usize,
}

/// Orders that were left half way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Due {
    /// Pending ones and ones that are being cancelled.
    pub orders: Vec<OrderAndPayment>,
    /// For how many seconds the oldest of them has been waiting.
    pub oldest_seconds: u64,
    /// How many were given up: they wait for a person.
    pub given_up: usize,
}

/// An order to read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The order.
    pub order_id: OrderId,
}

/// A user whose shipping addresses are to be erased.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseAddresses {
    /// The user.
    pub user_id: UserId,
}

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

/// An order and its payment, as every answer shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAndPayment {
    /// The order.
    pub order: Order,
    /// The payment as far as the order knows it.
    pub payment: Payment,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Its lines, with the prices of the moment it was placed.
    pub items: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// Every status it has had, oldest first.
    pub history: Vec<Step>,
    /// Where it goes.
    pub shipping_address: Option<Address>,
    /// How it went, once it is shipped.
    pub shipment: Option<Shipment>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub product_id: ProductId,
    /// Its name when the order was placed.
    pub name: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub total: Money,
}

/// A status and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The status.
    pub status: OrderStatus,
    /// Since when.
    pub at: Timestamp,
    /// What proves it, where a person has taken the order on by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderStatus {
    /// Stock reserved, payment not known.
    Pending,
    /// Paid.
    Confirmed,
    /// Not paid; the stock is back.
    Failed,
    /// In its box.
    Packed,
    /// With the carrier.
    Shipped,
    /// With the customer.
    Delivered,
    /// Given up by the customer or an admin; the money is on its way back.
    Cancelling,
    /// The money and the stock are back.
    Cancelled,
}

impl OrderStatus {
    /// The status as JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "PENDING",
            OrderStatus::Confirmed => "CONFIRMED",
            OrderStatus::Failed => "FAILED",
            OrderStatus::Packed => "PACKED",
            OrderStatus::Shipped => "SHIPPED",
            OrderStatus::Delivered => "DELIVERED",
            OrderStatus::Cancelling => "CANCELLING",
            OrderStatus::Cancelled => "CANCELLED",
        }
    }
}

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    pub name: Text<100>,
    /// Street and house, 1 to 4 lines.
    pub lines: AddressLines,
    /// The postal code.
    pub postal_code: Text<20>,
    /// The city.
    pub city: Text<100>,
    /// An ISO 3166-1 alpha-2 code.
    pub country: Country,
}

/// 1 to 4 lines of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Text<100>>")]
pub struct AddressLines(Vec<Text<100>>);

impl TryFrom<Vec<Text<100>>> for AddressLines {
    type Error = &'static str;

    fn try_from(lines: Vec<Text<100>>) -> Result<AddressLines, Self::Error> {
        if (1..=4).contains(&lines.len()) { Ok(AddressLines(lines)) } else { Err("an address has 1 to 4 lines") }
    }
}

/// A country: an ISO 3166-1 alpha-2 code, two upper-case letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Country, Self::Error> {
        if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Country(code))
        } else {
            Err("a country is an ISO 3166-1 code of two upper-case letters")
        }
    }
}

/// How an order was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Who carries it.
    pub carrier: Text<50>,
    /// The carrier's number for it.
    pub tracking_number: Text<100>,
    /// When it was handed over.
    pub shipped_at: Timestamp,
}

/// A payment, as an order's answer shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What is known of it.
    pub status: PaymentStatus,
    /// How much.
    pub amount: Money,
    /// Who moved the money; `null` until that is known.
    pub provider: Option<String>,
    /// Why not, once it is declined: the provider's decline code.
    pub decline_code: Option<String>,
}

impl Payment {
    /// What is said of `order`'s payment until payments has answered.
    pub fn unknown(order: &OrderId, amount: Money) -> Payment {
        Payment {
            id: PaymentId::of_order(order),
            status: PaymentStatus::Unknown,
            amount,
            provider: None,
            decline_code: None,
        }
    }
}

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentStatus {
    /// Not known yet. A view: payments never stores it.
    Unknown,
    /// The money is ours.
    Captured,
    /// The provider refused.
    Declined,
    /// Given up before the provider was asked: no money moved, and none will.
    Voided,
    /// The money is on its way back. A view of payments' alone: an order's copy stays captured until it is back.
    Refunding,
    /// The money is back.
    Refunded,
}
