//! The payments table: one item for each order.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use shared::aws;
use shared::clock::Timestamp;
use shared::contract::Charge;
use shared::error::Error;
use shared::ids::OrderId;
use shared::money::{Currency, Money};

use crate::payment::{Outcome, Status};

/// The payments table.
pub struct Store {
    client: Client,
    table: String,
}

/// A payment's item.
#[derive(Serialize, Deserialize)]
pub struct PaymentRecord {
    /// The order it pays.
    pub order_id: OrderId,
    /// Where it is in its life.
    pub status: Status,
    amount: i64,
    currency: Currency,
    /// Who moves the money.
    pub provider: String,
    /// The provider's id of it.
    pub intent: String,
    /// Why not, once it is declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl PaymentRecord {
    /// How much.
    pub fn amount(&self) -> Result<Money, Error> {
        Money::new(self.amount, self.currency).map_err(|error| Error::Internal(error.to_owned()))
    }
}

impl Store {
    /// This table through this client.
    pub fn new(client: Client, table: String) -> Store {
        Store { client, table }
    }

    /// A read that finds nothing.
    pub async fn touch(&self) {
        let key = AttributeValue::S("-".to_owned());
        let _ = self.client.get_item().table_name(&self.table).key("order_id", key).send().await;
    }

    /// Records that a payment starts, and gives the record: this one, or the one that was there first.
    pub async fn start(
        &self,
        charge: &Charge,
        provider: &str,
        intent: String,
        now: Timestamp,
    ) -> Result<PaymentRecord, Error> {
        let record = PaymentRecord {
            order_id: charge.order_id.clone(),
            status: Status::Started,
            amount: charge.amount.amount(),
            currency: charge.amount.currency(),
            provider: provider.to_owned(),
            intent,
            decline_code: None,
            created_at: now,
            updated_at: now,
        };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(aws::item(&record)?));
        let put = put.condition_expression("attribute_not_exists(order_id)");
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(record),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    aws::record(failed.item.clone().unwrap_or_default())
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Records how a started payment ended, and gives the record as it is then: this end, or the one that another
    /// attempt recorded first.
    pub async fn end(
        &self,
        order: &OrderId,
        status: Status,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<PaymentRecord, Error> {
        let key = AttributeValue::S(order.to_string());
        let mut update = self.client.update_item().table_name(&self.table).key("order_id", key.clone());
        let mut expression = "SET #status = :status, updated_at = :now".to_owned();
        if let Outcome::Declined(code) = outcome {
            expression.push_str(", decline_code = :code");
            update = update.expression_attribute_values(":code", AttributeValue::S(code.clone()));
        }
        let updated = update
            .update_expression(expression)
            .condition_expression("#status = :started")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", aws::attribute(&status)?)
            .expression_attribute_values(":started", aws::attribute(&Status::Started)?)
            .expression_attribute_values(":now", aws::attribute(&now)?)
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            Ok(output) => aws::record(output.attributes.unwrap_or_default()),
            Err(error) if aws::condition_failed(&error) => {
                let get = self.client.get_item().table_name(&self.table).key("order_id", key).consistent_read(true);
                aws::record(get.send().await?.item.unwrap_or_default())
            }
            Err(error) => Err(error.into()),
        }
    }
}
