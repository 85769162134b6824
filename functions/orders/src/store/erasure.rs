//! Taking what is personal out of a user's orders.

use aws_sdk_dynamodb::types::ReturnValue;
use shared::aws::{self, Item};
use shared::error::Error;
use shared::ids::{OrderId, UserId};

use super::record::OrderRecord;
use super::{Store, text};
use crate::order::{self, Work};

/// How many orders are read at once.
const PAGE: usize = 25;

/// What became of the addresses in a user's orders.
#[derive(Debug, Default, serde::Serialize)]
pub struct Erased {
    /// How many were taken out now.
    pub erased: u64,
    /// How many stay, because somebody still has work with the order.
    pub kept: u64,
}

impl Store {
    /// Takes the shipping address out of those of a user's orders that are at their end. A repeat goes on where another
    /// run has stopped. The index may lag behind for a moment: then a repeat finds what this one has missed.
    pub async fn erase_addresses(&self, user: &UserId) -> Result<Erased, Error> {
        let (mut erased, mut after) = (Erased::default(), None::<String>);
        loop {
            let items: Vec<Item> =
                self.query("by_user", ("user_id", user.as_str()), ("placed", "<"), after.as_deref(), PAGE).await?;
            let full = items.len() == PAGE;
            for item in items {
                let record: OrderRecord = aws::record(item)?;
                after = Some(record.placed);
                match (record.shipping_address, order::work(record.status)) {
                    (None, _) => {}
                    (Some(_), Work::Nobody) => erased.erased += u64::from(self.erase_address(&record.order_id).await?),
                    (Some(_), _) => erased.kept += 1,
                }
            }
            if !full {
                return Ok(erased);
            }
        }
    }

    /// An order at its end stays there, so its status need not be asked for again; and none is ever deleted, so this makes
    /// none. `false`: the index was behind, and there was no address any more.
    async fn erase_address(&self, order: &OrderId) -> Result<bool, Error> {
        let update = self.client.update_item().table_name(&self.orders).key("order_id", text(order.as_str()));
        let update = update.update_expression("REMOVE shipping_address").return_values(ReturnValue::UpdatedOld).send();
        Ok(update.await?.attributes.is_some_and(|old| old.contains_key("shipping_address")))
    }
}
