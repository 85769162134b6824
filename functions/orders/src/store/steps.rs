//! Taking an order on: settling it, with its stock, and the steps that move neither stock nor money.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem, Update};
use shared::aws::{self, built};
use shared::clock::Timestamp;
use shared::contract::{Order, OrderAndPayment, OrderStatus, Reference, Settle, Shipment, Step};
use shared::error::Error;
use shared::transaction::{self, Cancelled};

use super::record::{OrderRecord, sort_key, work};
use super::{Store, text};
use crate::order::{self, Event};

impl Store {
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
            .condition_expression("#status = :before AND #lines = :lines")
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
            .condition_expression("#status = :before")
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
}

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
