//! An order as its item. The two indexes carry the same attributes, less what no list shows.

use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::contract::{Address, Line, Order, OrderAndPayment, OrderStatus, Payment, Shipment, Step};
use shared::ids::{OrderId, UserId};
use shared::money::Money;

use crate::order;

/// How many partitions of the index `by_status` a status is spread over.
pub const SHARDS: u8 = 4;
/// The queue of the orders that were given up. The others have the names of statuses.
pub const GIVEN_UP: &str = "GIVEN_UP";

/// The item. `placed` and `next_attempt_at` end in the order's id, so that no two orders share a sort key.
#[derive(Serialize, Deserialize)]
pub struct OrderRecord {
    pub order_id: OrderId,
    pub user_id: UserId,
    /// Not in the index `by_status`, whose order it does not give.
    #[serde(default)]
    pub placed: String,
    pub status: OrderStatus,
    pub lines: Vec<Line>,
    pub total: Money,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub history: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    pub payment: Payment,
    /// Not in the indexes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// How often the schedule has taken the order up in its present status. Not in the indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// The partition of `by_status` in which an order with this status is found.
pub fn work(status: OrderStatus, order: &OrderId) -> String {
    partition(status.as_str(), shard(order.as_str()))
}

/// The partition of `by_status` in which an order is found that nobody will end any more but a person. Its status is
/// what it was.
pub fn given_up(order: &str) -> String {
    partition(GIVEN_UP, shard(order))
}

/// A shard of a queue.
pub fn partition(queue: &str, shard: u8) -> String {
    format!("{queue}#{shard}")
}

fn shard(order: &str) -> u8 {
    order.bytes().fold(0u8, |sum, byte| sum.wrapping_add(byte)) % SHARDS
}

/// A sort key: when, then which.
pub fn sort_key(at: Timestamp, order: &OrderId) -> String {
    format!("{at}#{order}")
}

impl OrderRecord {
    /// The item of a new order.
    pub fn new(user_id: &UserId, fingerprint: &str, order: &Order, payment: &Payment) -> OrderRecord {
        OrderRecord {
            order_id: order.id.clone(),
            user_id: user_id.clone(),
            placed: sort_key(order.created_at, &order.id),
            status: order.status,
            lines: order.items.clone(),
            total: order.total,
            created_at: order.created_at,
            updated_at: order.updated_at,
            history: order.history.clone(),
            shipping_address: order.shipping_address.clone(),
            shipment: order.shipment.clone(),
            payment: payment.clone(),
            fingerprint: fingerprint.to_owned(),
            work: Some(work(order.status, &order.id)),
            next_attempt_at: order::due(order.status, order.created_at).map(|due| sort_key(due, &order.id)),
            attempts: None,
        }
    }
}

impl From<OrderRecord> for OrderAndPayment {
    fn from(record: OrderRecord) -> OrderAndPayment {
        OrderAndPayment {
            order: Order {
                id: record.order_id,
                status: record.status,
                items: record.lines,
                total: record.total,
                created_at: record.created_at,
                updated_at: record.updated_at,
                history: record.history,
                shipping_address: record.shipping_address,
                shipment: record.shipment,
            },
            payment: record.payment,
        }
    }
}
