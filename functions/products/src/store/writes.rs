//! What changes the products table. Every write carries the condition that makes it right.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use shared::aws::{self, OnConditionFailed, built};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::ids::{IdempotencyKey, ProductId};
use shared::transaction::{self, Cancelled, condition_failed};

use super::records::{MarkerRecord, PRODUCT, STOCK, StockRecord, key, seed_items};
use super::{Store, unknown};
use crate::product::{NewProduct, Patch, StockChange, list_key};

const MARKER_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// When a restock was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restocked {
    /// Just now.
    Now,
    /// By an earlier request with the same key.
    Before,
}

impl Store {
    /// Adds a product.
    pub async fn create(&self, id: &ProductId, new: &NewProduct) -> Result<(), Error> {
        let mut writes = Vec::new();
        for item in seed_items(id, new)? {
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(built)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        // No condition to fail: an id is 128 random bits.
        let impossible = || Error::Internal(format!("writing {id} was refused without a condition"));
        transaction::write(&self.client, writes).await.map_err(|cancelled| cancelled.on_condition_failed(impossible))
    }

    /// Changes a live product.
    pub async fn change(&self, id: &ProductId, patch: Patch) -> Result<(), Error> {
        let mut set = Vec::new();
        if let Some(name) = patch.name {
            set.push(("list_key", AttributeValue::S(list_key(name.as_str(), id))));
            set.push(("name", AttributeValue::S(name.to_string())));
        }
        if let Some(description) = patch.description {
            set.push(("description", AttributeValue::S(description.to_string())));
        }
        if let Some(category) = patch.category {
            set.push(("live_category", AttributeValue::S(category.to_string())));
            set.push(("category", AttributeValue::S(category.to_string())));
        }
        if let Some(price) = patch.price {
            set.push(("amount", AttributeValue::N(price.amount().to_string())));
            set.push(("currency", AttributeValue::S(price.currency().to_string())));
        }
        let remove_image = patch.image == Some(None);
        if let Some(image) = patch.image.flatten() {
            set.push(("image", AttributeValue::S(image.as_str().to_owned())));
        }

        let mut update = self.client.update_item().table_name(&self.table).set_key(Some(key(id.as_str(), PRODUCT)));
        let assignments: Vec<String> = set.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let mut expression = String::new();
        if !assignments.is_empty() {
            expression = format!("SET {}", assignments.join(", "));
        }
        if remove_image {
            expression.push_str(" REMOVE #image");
            update = update.expression_attribute_names("#image", "image");
        }
        for (name, value) in set {
            update = update.expression_attribute_names(format!("#{name}"), name);
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let update =
            update.update_expression(expression.trim_start()).condition_expression("attribute_exists(catalogue)");
        update.send().await.on_condition_failed(unknown)?;
        Ok(())
    }

    /// Takes a product out of all lists and closes its stock. Doing it again changes nothing.
    pub async fn archive(&self, id: &ProductId) -> Result<(), Error> {
        let exists = "attribute_exists(product_id)";
        let product = Update::builder().table_name(&self.table).set_key(Some(key(id.as_str(), PRODUCT)));
        let product = product.update_expression("REMOVE catalogue, live_category").condition_expression(exists);
        let stock = Update::builder().table_name(&self.table).set_key(Some(key(id.as_str(), STOCK)));
        let stock = stock.update_expression("SET #live = :no").condition_expression(exists);
        let stock = stock.expression_attribute_names("#live", "live");
        let stock = stock.expression_attribute_values(":no", AttributeValue::Bool(false));

        let writes = vec![
            TransactWriteItem::builder().update(product.build().map_err(built)?).build(),
            TransactWriteItem::builder().update(stock.build().map_err(built)?).build(),
        ];
        transaction::write(&self.client, writes).await.map_err(|cancelled| cancelled.on_condition_failed(unknown))
    }

    /// Changes the numbers of a live product's stock, once for each key within a day.
    pub async fn restock(
        &self,
        id: &ProductId,
        change: StockChange,
        idempotency_key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Restocked, Error> {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let mut stock = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str(), STOCK)))
            .update_expression("SET #available = #available + :change, #received = #received + :change")
            .expression_attribute_names("#available", "available")
            .expression_attribute_names("#received", "received")
            .expression_attribute_names("#live", "live")
            .expression_attribute_values(":change", number(change.get()))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        stock = if change.needed() > 0 {
            let stock = stock.condition_expression("#live = :yes AND #available >= :needed");
            stock.expression_attribute_values(":needed", number(change.needed()))
        } else {
            stock.condition_expression("#live = :yes")
        };

        let marker = aws::item(&MarkerRecord {
            product_id: id.clone(),
            part: format!("restock#{}", idempotency_key.digest()),
            change: change.get(),
            expires_at: now.plus(MARKER_LIFETIME).as_secs(),
        })?;
        // DynamoDB's TTL deletes late, so an expired marker may still be there.
        let marker = Put::builder()
            .table_name(&self.table)
            .set_item(Some(marker))
            .condition_expression("attribute_not_exists(part) OR expires_at < :now")
            .expression_attribute_values(":now", number(now.as_secs()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);

        let writes = vec![
            TransactWriteItem::builder().update(stock.build().map_err(built)?).build(),
            TransactWriteItem::builder().put(marker.build().map_err(built)?).build(),
        ];
        match transaction::write(&self.client, writes).await {
            Ok(()) => Ok(Restocked::Now),
            Err(Cancelled::Failed(error)) => Err(error),
            Err(Cancelled::Refused(reasons)) => refused(&reasons, change),
        }
    }
}

/// A key that was used before is judged first: its own change may be why the stock no longer allows another one.
fn refused(reasons: &[CancellationReason], change: StockChange) -> Result<Restocked, Error> {
    let [stock, marker] = reasons else {
        return Err(Error::Internal(format!("{} reasons for two writes", reasons.len())));
    };
    if condition_failed(marker) {
        let before: MarkerRecord = aws::record(marker.item().cloned().unwrap_or_default())?;
        return if before.change == change.get() { Ok(Restocked::Before) } else { Err(Error::IdempotencyKeyReused) };
    }
    if marker.code().is_some_and(|code| code != "None") {
        return Err(Error::Unavailable("this change is being made at this moment".to_owned()));
    }
    let Some(item) = stock.item().filter(|item| !item.is_empty()) else { return Err(unknown()) };
    let stock: StockRecord = aws::record(item.clone())?;
    if stock.live { Err(Error::StockTooLow { available: stock.available }) } else { Err(unknown()) }
}
