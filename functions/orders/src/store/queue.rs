//! The queue of orders that checkout has left half way, and that of the orders that were given up. What is read of an order
//! here before it is claimed is its place in the index alone, so that an item that cannot be read blocks no other.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures_util::future::try_join_all;
use shared::aws::{self, Item};
use shared::clock::Timestamp;
use shared::contract::{Backlog, OrderAndPayment, OrderStatus};
use shared::error::Error;

use super::record::{GIVEN_UP, OrderRecord, SHARDS, given_up, partition, sort_key};
use super::{Store, number, text};
use crate::order;

/// So many orders of each partition are looked at to say what is in the queue.
const LOOKED_AT: usize = 100;

/// An order's place in the queue.
pub struct Ticket {
    /// The order's id.
    pub order: String,
    work: String,
    due: String,
}

/// What became of a ticket.
pub enum Claimed {
    /// It was moved back in the queue. The order is as the table has it, which the index may not have yet.
    Order(Box<OrderAndPayment>),
    /// It was too old to go on with, and waits for a person now.
    GivenUp,
    /// So does this one, because it cannot be read.
    Unreadable(Error),
    /// Somebody else was quicker.
    Gone,
}

impl Store {
    /// The orders that are due, the most overdue first.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Ticket>, Error> {
        let mut due: Vec<_> =
            self.look(&half_way(), Some(now), limit).await?.into_iter().filter_map(ticket_of).collect();
        due.sort_by(|a, b| a.due.cmp(&b.due));
        due.truncate(limit);
        Ok(due)
    }

    /// Moves an order back in the queue before somebody takes it up, or out of it when nobody should.
    pub async fn claim(&self, ticket: &Ticket, now: Timestamp) -> Result<Claimed, Error> {
        let Some(item) = self.item(&ticket.order).await? else { return Ok(Claimed::Gone) };
        let record: OrderRecord = match aws::record(item) {
            Ok(record) => record,
            Err(error) => {
                return Ok(if self.give_up(ticket).await? { Claimed::Unreadable(error) } else { Claimed::Gone });
            }
        };
        if record.work.as_ref() != Some(&ticket.work) {
            return Ok(Claimed::Gone);
        }
        if now.since(record.updated_at) > order::GIVEN_UP {
            return Ok(if self.give_up(ticket).await? { Claimed::GivenUp } else { Claimed::Gone });
        }
        let attempts = record.attempts.unwrap_or_default().saturating_add(1);
        let next = sort_key(now.plus(order::pause(attempts)), &record.order_id);
        let update = self.client.update_item().table_name(&self.orders).key("order_id", text(&ticket.order));
        let update = update
            .update_expression("SET next_attempt_at = :next, attempts = :attempts")
            .condition_expression("#status = :status AND next_attempt_at = :seen")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", aws::attribute(&record.status)?)
            .expression_attribute_values(":seen", text(&ticket.due))
            .expression_attribute_values(":next", text(next))
            .expression_attribute_values(":attempts", number(attempts.into()));
        match update.return_values(ReturnValue::AllNew).send().await {
            Ok(output) => {
                let record: OrderRecord = aws::record(output.attributes.unwrap_or_default())?;
                Ok(Claimed::Order(Box::new(record.into())))
            }
            Err(error) if aws::condition_failed(&error) => Ok(Claimed::Gone),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts an order among those that were given up, unless it has left its place meanwhile.
    async fn give_up(&self, ticket: &Ticket) -> Result<bool, Error> {
        let update = self.client.update_item().table_name(&self.orders).key("order_id", text(&ticket.order));
        let update = update
            .update_expression("SET #work = :given_up")
            .condition_expression("#work = :work")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":work", text(&ticket.work))
            .expression_attribute_values(":given_up", text(given_up(&ticket.order)));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if aws::condition_failed(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What is in the queues.
    pub async fn backlog(&self, now: Timestamp) -> Result<Backlog, Error> {
        let given_up = self.look(&shards(GIVEN_UP), None, LOOKED_AT).await?;
        let waiting = self.look(&half_way(), None, LOOKED_AT).await?;
        let since = waiting.iter().filter_map(|item| text_in(item, "updated_at")?.parse::<Timestamp>().ok());
        Ok(Backlog {
            oldest_seconds: since.map(|since| now.since(since).as_secs()).max().unwrap_or_default(),
            given_up: given_up.iter().filter_map(|item| text_in(item, "order_id").cloned()).collect(),
        })
    }

    /// The first `limit` places of each of these partitions, or those that are due before some time.
    async fn look(&self, partitions: &[String], before: Option<Timestamp>, limit: usize) -> Result<Vec<Item>, Error> {
        let found = try_join_all(partitions.iter().map(|partition| {
            let mut query = self.client.query().table_name(&self.orders).index_name("by_status");
            let mut condition = "#work = :work".to_owned();
            if let Some(before) = before {
                condition.push_str(" AND next_attempt_at < :before");
                query = query.expression_attribute_values(":before", text(before.to_string()));
            }
            let query = query
                .key_condition_expression(condition)
                .projection_expression("order_id, #work, next_attempt_at, updated_at")
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":work", text(partition));
            aws::query(query, limit)
        }));
        Ok(found.await?.into_iter().flatten().collect())
    }
}

fn shards(queue: &str) -> Vec<String> {
    (0..SHARDS).map(|shard| partition(queue, shard)).collect()
}

fn half_way() -> Vec<String> {
    [OrderStatus::Pending, OrderStatus::Cancelling].iter().flat_map(|status| shards(status.as_str())).collect()
}

fn text_in<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> Option<&'a String> {
    item.get(name)?.as_s().ok()
}

fn ticket_of(item: Item) -> Option<Ticket> {
    let part = |name: &str| text_in(&item, name).cloned();
    Some(Ticket { order: part("order_id")?, work: part("work")?, due: part("next_attempt_at")? })
}
