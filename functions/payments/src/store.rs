//! The payments table: one item for each order.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use shared::aws;
use shared::clock::Timestamp;
use shared::contract::{Charge, Reference};
use shared::error::Error;
use shared::ids::OrderId;
use shared::money::{Currency, Money};

use crate::payment::{self, Event, Status};

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
    /// The provider's id of it; empty where it was never asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub intent: String,
    /// Why not, once it is declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// What proves its end, where a person recorded that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// How the first record of a payment was put.
pub enum Begun {
    /// It is this one.
    Now(PaymentRecord),
    /// Another one was there first.
    Before(PaymentRecord),
}

impl PaymentRecord {
    /// A payment whose provider is about to be asked.
    pub fn started(charge: &Charge, provider: &str, intent: String, now: Timestamp) -> PaymentRecord {
        PaymentRecord {
            intent,
            ..PaymentRecord::first(&charge.order_id, Status::Started, charge.amount, provider, now)
        }
    }

    /// A payment that the provider would not even prepare.
    pub fn declined(charge: &Charge, provider: &str, code: String, now: Timestamp) -> PaymentRecord {
        PaymentRecord {
            decline_code: Some(code),
            ..PaymentRecord::first(&charge.order_id, Status::Declined, charge.amount, provider, now)
        }
    }

    /// A payment that is never to be.
    pub fn voided(order_id: &OrderId, amount: Money, provider: &str, now: Timestamp) -> PaymentRecord {
        PaymentRecord::first(order_id, Status::Voided, amount, provider, now)
    }

    /// The same, with what proves it.
    pub fn proved_by(self, reference: Reference) -> PaymentRecord {
        PaymentRecord { reference: Some(reference), ..self }
    }

    fn first(order_id: &OrderId, status: Status, amount: Money, provider: &str, now: Timestamp) -> PaymentRecord {
        PaymentRecord {
            order_id: order_id.clone(),
            status,
            amount: amount.amount(),
            currency: amount.currency(),
            provider: provider.to_owned(),
            intent: String::new(),
            decline_code: None,
            reference: None,
            created_at: now,
            updated_at: now,
        }
    }

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

    /// Puts the first record of an order's payment, and gives it, or the one that was there first.
    pub async fn begin(&self, record: PaymentRecord) -> Result<Begun, Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(aws::item(&record)?));
        let put = put.condition_expression("attribute_not_exists(order_id)");
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Begun::Now(record)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    aws::record(failed.item.clone().unwrap_or_default()).map(Begun::Before)
                }
                _ => Err(error.into()),
            },
        }
    }

    /// A payment.
    pub async fn find(&self, order: &OrderId) -> Result<Option<PaymentRecord>, Error> {
        let get = self.client.get_item().table_name(&self.table).key("order_id", AttributeValue::S(order.to_string()));
        get.consistent_read(true).send().await?.item.map(aws::record).transpose()
    }

    /// Records what happened to a payment, and gives the record as it is then: after this event, or after what another
    /// attempt recorded first.
    pub async fn advance(&self, record: &PaymentRecord, event: &Event, now: Timestamp) -> Result<PaymentRecord, Error> {
        let after = payment::next(record.status, event)
            .ok_or_else(|| Error::Internal(format!("a payment {:?} cannot be {event:?}", record.status)))?;
        let key = AttributeValue::S(record.order_id.to_string());
        let mut update = self.client.update_item().table_name(&self.table).key("order_id", key);
        let mut expression = "SET #status = :after, updated_at = :now".to_owned();
        let text = match event {
            Event::Declined(code) => Some(("decline_code", code.clone())),
            Event::Resolved(_, reference) => Some(("reference", reference.to_string())),
            Event::Captured | Event::RefundAsked | Event::Refunded => None,
        };
        if let Some((name, value)) = text {
            expression.push_str(", #text = :text");
            update = update.expression_attribute_names("#text", name);
            update = update.expression_attribute_values(":text", AttributeValue::S(value));
        }
        let updated = update
            .update_expression(expression)
            .condition_expression("#status = :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":after", aws::attribute(&after)?)
            .expression_attribute_values(":before", aws::attribute(&record.status)?)
            .expression_attribute_values(":now", aws::attribute(&now)?)
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            Ok(output) => aws::record(output.attributes.unwrap_or_default()),
            Err(error) if aws::condition_failed(&error) => {
                self.find(&record.order_id).await?.ok_or(Error::NotFound("payment"))
            }
            Err(error) => Err(error.into()),
        }
    }
}
