//! What orders does for checkout.

use serde::{Deserialize, Serialize};

use super::{Address, Command, Order, OrderAndPayment, Payment, Reference};
use crate::error::Shortage;
use crate::ids::{OrderId, ProductId, UserId};
use crate::money::{Money, Quantity};

/// What orders does for checkout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrdersCommand {
    /// Put the order and reserve its stock, once. Answered by [`Placed`].
    Place(Place),
    /// Take an order on as its payment says: end it, or take its stock back. Answered by [`OrderAndPayment`].
    Settle(Settle),
    /// Begin to cancel an order. Answered by [`OrderAndPayment`]: the order as it is then, cancelled or not.
    Cancel(Cancel),
    /// Hand out orders that were left half way, each moved back in the queue first. Answered by [`Due`].
    Claim(Claim),
    /// Look at what is still in the queue. The braces matter: serde lets a unit variant pass with unknown members.
    /// Answered by [`Backlog`].
    Backlog {},
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
            OrdersCommand::Backlog {} => "backlog",
            OrdersCommand::Find(_) => "find",
            OrdersCommand::EraseAddresses(_) => "erase_addresses",
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
    /// Nothing was stored: the total is past [`Money::MAX`].
    TotalTooLarge,
    /// Nothing was stored: the products' prices are not in one currency.
    CurrenciesDiffer,
}

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

/// Orders that were left half way and are due.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Due {
    /// Pending ones and ones that are being cancelled.
    pub orders: Vec<OrderAndPayment>,
    /// Whether there may be more of them.
    pub more: bool,
    /// Those that could not be handed out, one sentence each, with the order's id.
    pub failed: Vec<String>,
}

/// What is in the queue of orders that were left half way, and in that of the orders that nobody will end any more but
/// a person. Where there are very many, a part of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// For how many seconds the oldest order without an end has been waiting. Those that were given up do not count.
    pub oldest_seconds: u64,
    /// The ids of the orders that were given up. They stay in here until they have an end.
    pub given_up: Vec<String>,
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
