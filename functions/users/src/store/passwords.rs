//! New passwords, and the tokens that set one without the old.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use serde::{Deserialize, Serialize};
use shared::aws::{self, built};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::ids::UserId;
use shared::transaction;

use super::{Login, Store, account_key, done, key_item, keyed};
use crate::account::Username;
use crate::token::Hash;

#[derive(Serialize, Deserialize)]
struct ResetRecord {
    user_id: UserId,
    epoch: u64,
    expires_at: i64,
}

fn reset_key(token: &Hash) -> (String, String) {
    (format!("reset#{token}"), "reset".to_owned())
}

impl Store {
    /// Sets a password in place of the one that was `seen`, ends every session and every reset token, and deletes the
    /// reset token that it was set by. False: the account is closed, or one of its passwords or its role was changed since.
    ///
    /// A closed account has no login record, or its name is somebody else's by now. A new password or role leads into a later
    /// epoch, so that of two requests with one reset token one is refused. (A comparison with an attribute that is not there
    /// is false: a record without an epoch is of the first.)
    pub async fn set_password(&self, seen: &Login, hash: &str, used: Option<&Hash>) -> Result<bool, Error> {
        let login = self
            .in_next_epoch((seen.pk.clone(), seen.sk.clone()), &seen.user_id)?
            .update_expression("SET password_hash = :hash ADD epoch :one")
            .condition_expression("user_id = :user AND NOT (epoch > :epoch)")
            .expression_attribute_values(":hash", AttributeValue::S(hash.to_owned()))
            .expression_attribute_values(":epoch", aws::attribute(&seen.epoch)?)
            .build();
        let account = self
            .in_next_epoch(account_key(&seen.user_id), &seen.user_id)?
            .update_expression("ADD epoch :one")
            .condition_expression("user_id = :user")
            .build();
        let mut items = Vec::new();
        for update in [login, account] {
            items.push(TransactWriteItem::builder().update(update.map_err(built)?).build());
        }
        if let Some(used) = used {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(key_item(reset_key(used)))).build();
            items.push(TransactWriteItem::builder().delete(delete.map_err(built)?).build());
        }
        done(transaction::write(&self.client, items).await)
    }

    /// Keeps a reset token for an account.
    pub async fn issue_reset(&self, login: &Login, token: &Hash, expires_at: Timestamp) -> Result<(), Error> {
        let record =
            ResetRecord { user_id: login.user_id.clone(), epoch: login.epoch, expires_at: expires_at.as_secs() };
        let item = keyed(reset_key(token), &record)?;
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Name and login record of the account that a reset token is for; `None` for a token that is unknown, used or expired, or
    /// of an epoch that has passed.
    pub async fn login_by_reset(&self, token: &Hash, now: Timestamp) -> Result<Option<(Username, Login)>, Error> {
        let record: Option<ResetRecord> = self.get(reset_key(token)).await?.map(aws::record).transpose()?;
        let Some(record) = record.filter(|record| now.as_secs() < record.expires_at) else { return Ok(None) };
        match self.login_of(&record.user_id).await {
            Ok(found) => Ok(Some(found).filter(|(_, login)| login.epoch == record.epoch)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
