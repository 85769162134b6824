//! The orders table, and of the products table the offers and the stock numbers. Nothing outside this file and its part
//! `record` names their attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Deserialize;
use shared::aws::{self, Item, built};
use shared::clock::Timestamp;
use shared::contract::{Order, OrderAndPayment, OrderStatus, Payment, Reference, Settle, Shipment, Step};
use shared::error::{Error, Shortage};
use shared::ids::{OrderId, ProductId, UserId};
use shared::money::{Currency, Money};
use shared::transaction::{self, Cancelled, condition_failed};

use crate::order::{self, Event, Offer, shortage};
use record::{OrderRecord, SHARDS, partition, sort_key, work};

pub use erasure::Erased;

mod erasure;
mod record;

/// The tables.
pub struct Store {
    client: Client,
    orders: String,
    products: String,
}

/// An order to put.
pub struct NewOrder<'a> {
    /// Whose it is.
    pub user_id: &'a UserId,
    /// The digest of the request.
    pub fingerprint: &'a str,
    /// The order, pending.
    pub order: &'a Order,
    /// Its payment, unknown.
    pub payment: &'a Payment,
}

/// Why an order was not put.
pub enum NotPlaced {
    /// It is there already.
    Exists {
        /// The digest of the request that it came from.
        fingerprint: String,
        /// The order as it is now.
        current: Box<OrderAndPayment>,
    },
    /// Its products cannot be had, as far as the cancelled transaction tells.
    Refused {
        /// Whether another write to the same order was under way.
        contended: bool,
        /// Not for sale.
        gone: Vec<ProductId>,
        /// Too few.
        short: Vec<Shortage>,
    },
    /// It could not be done.
    Failed(Error),
}

/// An order that was left half way.
pub struct Claimed {
    /// Whether it was too old to go on with: it has left the queue, and waits for a person.
    pub given_up: bool,
    /// The order.
    pub order: OrderAndPayment,
}

/// A page of orders and, if more follow, the sort key to go on after.
pub type Page = (Vec<OrderAndPayment>, Option<String>);

#[derive(Deserialize)]
struct ProductRecord {
    product_id: ProductId,
    name: String,
    amount: i64,
    currency: Currency,
    #[serde(default)]
    catalogue: Option<String>,
}

#[derive(Deserialize)]
struct StockRecord {
    live: bool,
    available: i64,
}

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

    /// Name and price of those products that are for sale, read consistently just before the order is put.
    pub async fn offers(&self, products: &[ProductId]) -> Result<HashMap<ProductId, Offer>, Error> {
        let key = |product: &ProductId| {
            HashMap::from([("product_id".to_owned(), text(product.as_str())), ("part".to_owned(), text("product"))])
        };
        let keys = products.iter().map(key).collect();
        let mut offers = HashMap::new();
        for item in aws::batch_get(&self.client, &self.products, keys, true).await? {
            let product: ProductRecord = aws::record(item)?;
            if product.catalogue.is_some() {
                let price = Money::new(product.amount, product.currency).map_err(|e| Error::Internal(e.to_owned()))?;
                offers.insert(product.product_id, Offer { name: product.name, price });
            }
        }
        Ok(offers)
    }

    /// Puts an order and reserves its stock, or neither.
    pub async fn place(&self, new: &NewOrder<'_>) -> Result<(), NotPlaced> {
        let record = OrderRecord::new(new.user_id, new.fingerprint, new.order, new.payment);
        let put = Put::builder()
            .table_name(&self.orders)
            .set_item(Some(aws::item(&record).map_err(NotPlaced::Failed)?))
            .condition_expression("attribute_not_exists(order_id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let mut items =
            vec![TransactWriteItem::builder().put(put.map_err(|error| NotPlaced::Failed(built(error)))?).build()];
        for line in &new.order.items {
            let update = self
                .stock_update(&line.product_id, line.quantity.get())
                .update_expression("SET available = available - :q, reserved = reserved + :q")
                .condition_expression("live = :true AND available >= :q")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build();
            items.push(TransactWriteItem::builder().update(update.map_err(|e| NotPlaced::Failed(built(e)))?).build());
        }
        let reasons = match transaction::write(&self.client, items).await {
            Ok(()) => return Ok(()),
            Err(Cancelled::Failed(error)) => return Err(NotPlaced::Failed(error)),
            Err(Cancelled::Refused(reasons)) => reasons,
        };
        let mut reasons = reasons.into_iter();
        let put = reasons.next();
        let contended = put.as_ref().and_then(|reason| reason.code()).is_some_and(|code| code != "None");
        if let Some(reason) = put.filter(condition_failed) {
            let record: OrderRecord = aws::record(reason.item.unwrap_or_default()).map_err(NotPlaced::Failed)?;
            let fingerprint = record.fingerprint.clone();
            return Err(NotPlaced::Exists { fingerprint, current: Box::new(record.into()) });
        }
        let (mut gone, mut short) = (Vec::new(), Vec::new());
        for (line, reason) in new.order.items.iter().zip(reasons).filter(|(_, reason)| condition_failed(reason)) {
            match reason.item.map(aws::record::<StockRecord>).transpose().map_err(NotPlaced::Failed)? {
                Some(stock) if stock.live => short.push(shortage(line, stock.available)),
                _ => gone.push(line.product_id.clone()),
            }
        }
        Err(NotPlaced::Refused { contended, gone, short })
    }

    /// Takes an order on as its payment says, and its stock with it. `None`: a condition was in the way, so the order
    /// is to be read again. (Which condition says little: beside another settling of it, a stock's may fail first.)
    pub async fn settle(
        &self,
        settle: &Settle,
        event: Event,
        now: Timestamp,
    ) -> Result<Option<OrderAndPayment>, Error> {
        let Settle { order: current, payment, reference } = settle;
        let mut settled = OrderAndPayment { order: current.clone(), payment: payment.clone() };
        let Some(status) = advance(&mut settled.order, event, reference.clone(), now) else {
            return Ok(None);
        };
        let order = status_update(&settled.order, current.status)?;
        let update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", text(settled.order.id.as_str()))
            .update_expression(format!("SET payment = :payment, {}", order.expression))
            .condition_expression(format!("{STATUS_IS} AND #lines = :lines"))
            .set_expression_attribute_names(Some(order.names))
            .expression_attribute_names("#lines", "lines")
            .set_expression_attribute_values(Some(order.values))
            .expression_attribute_values(":lines", aws::attribute(&current.items)?)
            .expression_attribute_values(":payment", aws::attribute(payment)?)
            .build()
            .map_err(built)?;
        let mut items = vec![TransactWriteItem::builder().update(update).build()];
        let (expression, condition) = match status {
            OrderStatus::Confirmed => ("SET reserved = reserved - :q", Some("reserved >= :q")),
            OrderStatus::Failed => ("SET reserved = reserved - :q, available = available + :q", Some("reserved >= :q")),
            _ => ("SET available = available + :q", None),
        };
        for line in &settled.order.items {
            let update = self
                .stock_update(&line.product_id, line.quantity.get())
                .update_expression(expression)
                .set_condition_expression(condition.map(str::to_owned))
                .build()
                .map_err(built)?;
            items.push(TransactWriteItem::builder().update(update).build());
        }
        match transaction::write(&self.client, items).await {
            Ok(()) => Ok(Some(settled)),
            Err(Cancelled::Refused(_)) => Ok(None),
            Err(Cancelled::Failed(error)) => Err(error),
        }
    }

    /// Takes an order one step further that moves neither money nor stock. `None`: it is not in the status before that
    /// step.
    pub async fn step(
        &self,
        current: &OrderAndPayment,
        event: Event,
        shipment: Option<Shipment>,
        now: Timestamp,
    ) -> Result<Option<OrderAndPayment>, Error> {
        let mut order = current.order.clone();
        if advance(&mut order, event, None, now).is_none() {
            return Ok(None);
        }
        let change = status_update(&order, current.order.status)?;
        let mut update = self.client.update_item().set_expression_attribute_values(Some(change.values));
        let mut expression = format!("SET {}", change.expression);
        if let Some(shipment) = shipment {
            expression = format!("SET shipment = :shipment, {}", change.expression);
            update = update.expression_attribute_values(":shipment", aws::attribute(&shipment)?);
        }
        let updated = update
            .table_name(&self.orders)
            .key("order_id", text(order.id.as_str()))
            .update_expression(expression)
            .condition_expression(STATUS_IS)
            .set_expression_attribute_names(Some(change.names))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            Ok(output) => Ok(Some(aws::record::<OrderRecord>(output.attributes.unwrap_or_default())?.into())),
            Err(error) if aws::condition_failed(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
        let get = self.client.get_item().table_name(&self.orders).key("order_id", text(order.as_str()));
        get.consistent_read(true).send().await?.item.map(aws::record).transpose()
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
        let partitions: Vec<String> = (0..SHARDS).map(|shard| partition(status, shard)).collect();
        let key = ("next_attempt_at", ">");
        let mut records: Vec<OrderRecord> = Vec::new();
        for partition in &partitions {
            let items = self.query("by_status", ("work", partition), key, after.as_deref(), limit + 1).await?;
            records.extend(items.into_iter().map(aws::record).collect::<Result<Vec<_>, _>>()?);
        }
        records.sort_by(|a, b| a.next_attempt_at.cmp(&b.next_attempt_at));
        Ok(page(records, limit, |record| record.next_attempt_at.clone().unwrap_or_default()))
    }

    /// The orders that checkout has left half way and that are due, the most overdue first.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderRecord>, Error> {
        let mut due: Vec<OrderRecord> = Vec::new();
        for status in [OrderStatus::Pending, OrderStatus::Cancelling] {
            for shard in 0..SHARDS {
                let query = self.client.query().table_name(&self.orders).index_name("by_status");
                let query = query
                    .key_condition_expression("#work = :work AND next_attempt_at < :now")
                    .expression_attribute_names("#work", "work")
                    .expression_attribute_values(":work", text(partition(status, shard)))
                    .expression_attribute_values(":now", text(now.to_string()));
                let items = aws::query(query, limit).await?;
                due.extend(items.into_iter().map(aws::record).collect::<Result<Vec<_>, _>>()?);
            }
        }
        due.sort_by(|a, b| a.next_attempt_at.cmp(&b.next_attempt_at));
        due.truncate(limit);
        Ok(due)
    }

    /// Moves an order back in the queue, or out of it, before somebody takes it up. `None`: somebody else has been
    /// quicker. The order is given as the table has it, which the index may not have yet.
    pub async fn claim(&self, found: &OrderRecord, now: Timestamp) -> Result<Option<Claimed>, Error> {
        let given_up = now.since(found.updated_at) > order::GIVEN_UP;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.orders)
            .key("order_id", text(found.order_id.as_str()))
            .condition_expression("#status = :status AND next_attempt_at = :seen")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", aws::attribute(&found.status)?)
            .expression_attribute_values(":seen", text(found.next_attempt_at.clone().unwrap_or_default()))
            .return_values(ReturnValue::AllNew);
        update = if given_up {
            let names = update.expression_attribute_names("#work", "work");
            names.update_expression("REMOVE #work, next_attempt_at")
        } else {
            let attempts = self.record(&found.order_id).await?.and_then(|record| record.attempts).unwrap_or_default();
            let attempts = attempts.saturating_add(1);
            let next = sort_key(now.plus(order::pause(attempts)), &found.order_id);
            update
                .update_expression("SET next_attempt_at = :next, attempts = :attempts")
                .expression_attribute_values(":next", text(next))
                .expression_attribute_values(":attempts", number(attempts.into()))
        };
        match update.send().await {
            Ok(output) => {
                let record: OrderRecord = aws::record(output.attributes.unwrap_or_default())?;
                Ok(Some(Claimed { given_up, order: record.into() }))
            }
            Err(error) if aws::condition_failed(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
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

    fn stock_update(&self, product: &ProductId, quantity: i64) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.products)
            .key("product_id", text(product.as_str()))
            .key("part", text("stock"))
            .expression_attribute_values(":q", number(quantity))
    }
}

const STATUS_IS: &str = "#status = :before";

struct StatusUpdate {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// What changes with an order's status: the status, its history, and where its work is found.
fn status_update(order: &Order, before: OrderStatus) -> Result<StatusUpdate, Error> {
    let name = |name: &str| (format!("#{name}"), name.to_owned());
    let names = HashMap::from([name("status"), name("work")]);
    let mut values = HashMap::from([
        (":status".to_owned(), aws::attribute(&order.status)?),
        (":before".to_owned(), aws::attribute(&before)?),
        (":updated_at".to_owned(), aws::attribute(&order.updated_at)?),
        (":history".to_owned(), aws::attribute(&order.history)?),
    ]);
    let mut expression = "#status = :status, updated_at = :updated_at, history = :history".to_owned();
    if let Some(due) = order::due(order.status, order.updated_at) {
        expression.push_str(", #work = :work, next_attempt_at = :next REMOVE attempts");
        values.insert(":work".to_owned(), text(work(order.status, &order.id)));
        values.insert(":next".to_owned(), text(sort_key(due, &order.id)));
    } else {
        expression.push_str(" REMOVE #work, next_attempt_at, attempts");
    }
    Ok(StatusUpdate { expression, names, values })
}

/// The order after `event`; `None`, and unchanged, where it cannot happen.
fn advance(order: &mut Order, event: Event, reference: Option<Reference>, now: Timestamp) -> Option<OrderStatus> {
    let status = order::next(order.status, event)?;
    order.status = status;
    order.updated_at = now;
    order.history.push(Step { status, at: now, reference });
    Some(status)
}

fn page(mut records: Vec<OrderRecord>, limit: usize, key: impl Fn(&OrderRecord) -> String) -> Page {
    let more = records.len() > limit;
    records.truncate(limit);
    let next = if more { records.last().map(key) } else { None };
    (records.into_iter().map(Into::into).collect(), next)
}
