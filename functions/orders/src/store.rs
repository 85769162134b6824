//! The orders table, and of the products table the offers and the stock numbers. Nothing outside this file and its parts
//! names their attributes.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use shared::aws::{self, Item};
use shared::contract::{OrderAndPayment, OrderStatus};
use shared::error::Error;
use shared::ids::{OrderId, ProductId, UserId};

use record::{OrderRecord, SHARDS, partition};

mod erasure;
mod place;
mod queue;
mod record;
mod steps;

pub use erasure::Erased;
pub use place::{NewOrder, NotPlaced};
pub use queue::{Claimed, Ticket};

/// The tables.
pub struct Store {
    client: Client,
    orders: String,
    products: String,
}

/// A page of orders and, if more follow, the sort key to go on after.
pub type Page = (Vec<OrderAndPayment>, Option<String>);

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

impl Store {
    /// These tables through this client.
    pub fn new(client: Client, orders: String, products: String) -> Store {
        Store { client, orders, products }
    }

    /// A read that finds nothing.
    pub async fn touch(&self) {
        let _ = self.client.get_item().table_name(&self.orders).key("order_id", text("-")).send().await;
    }

    /// An order and the digest of the request that it came from.
    pub async fn find(&self, order: &OrderId) -> Result<Option<(String, OrderAndPayment)>, Error> {
        Ok(self.record(order).await?.map(|record| (record.fingerprint.clone(), record.into())))
    }

    /// An order of `owner`; somebody else's is not found.
    pub async fn find_of(&self, owner: &UserId, order: &OrderId) -> Result<Option<OrderAndPayment>, Error> {
        Ok(self.record(order).await?.filter(|record| record.user_id == *owner).map(Into::into))
    }

    async fn record(&self, order: &OrderId) -> Result<Option<OrderRecord>, Error> {
        self.item(order.as_str()).await?.map(aws::record).transpose()
    }

    async fn item(&self, order: &str) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(&self.orders).key("order_id", text(order));
        Ok(get.consistent_read(true).send().await?.item)
    }

    /// A page of a user's orders, newest first.
    pub async fn of_user(&self, user: &UserId, after: Option<String>, limit: usize) -> Result<Page, Error> {
        let items =
            self.query("by_user", ("user_id", user.as_str()), ("placed", "<"), after.as_deref(), limit + 1).await?;
        let records = items.into_iter().map(aws::record).collect::<Result<Vec<OrderRecord>, _>>()?;
        Ok(page(records, limit, |record| record.placed.clone()))
    }

    /// A page of the orders in a status that somebody has work with, oldest first: every shard's first, merged.
    pub async fn with_status(&self, status: OrderStatus, after: Option<String>, limit: usize) -> Result<Page, Error> {
        let partitions: Vec<String> = (0..SHARDS).map(|shard| partition(status.as_str(), shard)).collect();
        let key = ("next_attempt_at", ">");
        let mut records: Vec<OrderRecord> = Vec::new();
        for partition in &partitions {
            let items = self.query("by_status", ("work", partition), key, after.as_deref(), limit + 1).await?;
            records.extend(items.into_iter().map(aws::record).collect::<Result<Vec<_>, _>>()?);
        }
        records.sort_by(|a, b| a.next_attempt_at.cmp(&b.next_attempt_at));
        Ok(page(records, limit, |record| record.next_attempt_at.clone().unwrap_or_default()))
    }

    async fn query(
        &self,
        index: &str,
        (hash, value): (&str, &str),
        (range, comparison): (&str, &str),
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let mut query = self.client.query().table_name(&self.orders).index_name(index);
        query = query.expression_attribute_names("#hash", hash).expression_attribute_values(":hash", text(value));
        let mut condition = "#hash = :hash".to_owned();
        if let Some(after) = after {
            condition.push_str(&format!(" AND #range {comparison} :after"));
            query =
                query.expression_attribute_names("#range", range).expression_attribute_values(":after", text(after));
        }
        let query = query.key_condition_expression(condition).scan_index_forward(comparison == ">");
        aws::query(query, limit).await
    }

    fn stock_update(&self, product: &ProductId, quantity: i64) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.products)
            .key("product_id", text(product.as_str()))
            .key("part", text("stock"))
            .expression_attribute_values(":q", number(quantity))
    }
}

fn page(mut records: Vec<OrderRecord>, limit: usize, key: impl Fn(&OrderRecord) -> String) -> Page {
    let more = records.len() > limit;
    records.truncate(limit);
    let next = if more { records.last().map(key) } else { None };
    (records.into_iter().map(Into::into).collect(), next)
}
