//! Closing an account: its name is free again, and what is left of it says whose orders they were.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use serde::Serialize;
use shared::aws::{self, Item, built};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::ids::UserId;
use shared::transaction;

use super::{AccountRecord, Store, account_key, done, key_item, login_key};

/// What takes the place of a closed account.
#[derive(Serialize)]
struct Closed {
    user_id: UserId,
    closed_at: Timestamp,
}

/// An account's item, unless it is closed.
pub(super) fn open(item: Option<Item>) -> Result<Option<AccountRecord>, Error> {
    item.filter(|item| !item.contains_key("closed_at")).map(aws::record).transpose()
}

impl Store {
    /// Closes an account. One that is closed already stays so.
    pub async fn close(&self, user: &UserId, now: Timestamp) -> Result<(), Error> {
        let item = self.get(account_key(user)).await?.ok_or(Error::NotFound("user"))?;
        let Some(account) = open(Some(item))? else { return Ok(()) };
        let login = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key_item(login_key(&account.username.normalised()))))
            .condition_expression("user_id = :user")
            .expression_attribute_values(":user", aws::attribute(user)?)
            .build();
        let login = TransactWriteItem::builder().delete(login.map_err(built)?).build();
        let closed = self.put(account_key(user), &Closed { user_id: user.clone(), closed_at: now })?;
        if done(transaction::write(&self.client, vec![login, closed]).await)? {
            return Ok(());
        }
        // Another request was quicker, or the two items of the account are not a pair.
        match open(self.get(account_key(user)).await?)? {
            None => Ok(()),
            Some(_) => Err(Error::Internal("the name of an account is not its own".to_owned())),
        }
    }
}
