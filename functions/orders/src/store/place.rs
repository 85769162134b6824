//! Putting an order, with its stock reserved.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use serde::Deserialize;
use shared::aws::{self, built};
use shared::contract::{Order, OrderAndPayment, Payment};
use shared::error::{Error, Shortage};
use shared::ids::{ProductId, UserId};
use shared::money::{Currency, Money};
use shared::transaction::{self, Cancelled, condition_failed};

use super::record::OrderRecord;
use super::{Store, text};
use crate::order::{Offer, shortage};

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

impl Store {
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
}
