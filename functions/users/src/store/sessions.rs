//! Sessions beside their account, and each refresh token under its hash.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use serde::{Deserialize, Serialize};
use shared::aws::{self, Item, built, condition_failed};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::identity::Role;
use shared::ids::{SessionId, UserId};
use shared::transaction;

use super::{Store, account_key, closing, done, key_item, keyed};
use crate::session::Session;
use crate::token::Hash;

const SESSION: &str = "session#";

/// So many sessions are read at a time, live or not, and at most so many times for a page.
const READ_AT_ONCE: i32 = 100;
const READS: usize = 10;

/// A refresh token that was given out.
#[derive(Serialize, Deserialize)]
pub struct TokenRecord {
    /// Whose it is.
    pub user_id: UserId,
    /// The session that it belongs to.
    pub session_id: SessionId,
    /// When it ends, in seconds since 1970.
    expires_at: i64,
}

/// The account of a session.
pub struct Standing {
    /// What its owner may do now.
    pub role: Role,
    /// Its epoch.
    pub epoch: u64,
}

fn session_key(user: &UserId, session: &SessionId) -> (String, String) {
    (format!("user#{user}"), format!("{SESSION}{session}"))
}

fn token_key(token: &Hash) -> (String, String) {
    (format!("refresh#{token}"), "refresh".to_owned())
}

impl Store {
    /// Puts a new session and its first token.
    pub async fn begin(&self, session: &Session) -> Result<(), Error> {
        let key = session_key(&session.user_id, &session.session_id);
        let written = transaction::write(&self.client, vec![self.put(key, session)?, self.current_token(session)?]);
        written.await.map_err(|cancelled| {
            cancelled.on_condition_failed(|| Error::Internal("refused without a condition".to_owned()))
        })
    }

    /// A refresh token that was given out and has not expired, whether it is good or not.
    pub async fn token(&self, token: &Hash, now: Timestamp) -> Result<Option<TokenRecord>, Error> {
        let record: Option<TokenRecord> = self.get(token_key(token)).await?.map(aws::record).transpose()?;
        Ok(record.filter(|record| now.as_secs() < record.expires_at))
    }

    /// A token's session, and the account that it is of; `None` without the one or the other.
    pub async fn session(&self, token: &TokenRecord) -> Result<Option<(Session, Standing)>, Error> {
        let keys = [session_key(&token.user_id, &token.session_id), account_key(&token.user_id)].map(key_item);
        let (mut session, mut account) = (None, None);
        for item in aws::batch_get(&self.client, &self.table, keys.into(), true).await? {
            match item.get("sk").and_then(|sk| sk.as_s().ok()) {
                Some(sk) if sk.starts_with(SESSION) => session = Some(aws::record(item)?),
                _ => account = closing::open(Some(item))?,
            }
        }
        Ok(session.zip(account.map(|account| Standing { role: account.role, epoch: account.epoch })))
    }

    /// Lets a session go on from what was `seen` of it. False: it is not so any more.
    pub async fn go_on(&self, seen: &Session, next: &Session) -> Result<bool, Error> {
        let key = session_key(&seen.user_id, &seen.session_id);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(keyed(key, next)?))
            .condition_expression("current_hash = :seen")
            .expression_attribute_values(":seen", aws::attribute(&seen.current_hash)?)
            .build();
        let put = TransactWriteItem::builder().put(put.map_err(built)?).build();
        done(transaction::write(&self.client, vec![put, self.current_token(next)?]).await)
    }

    /// Ends a session. False: it is not there (any more).
    pub async fn end(&self, user: &UserId, session: &SessionId) -> Result<bool, Error> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(key_item(session_key(user, session))));
        match delete.condition_expression("attribute_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Live sessions of a user, by their ids, and after which one the next page begins, if there may be one. Of a user with
    /// very many that are over, a page may be short.
    pub async fn live_sessions(
        &self,
        user: &UserId,
        after: Option<&SessionId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Session>, Option<SessionId>), Error> {
        let account = closing::open(self.get(account_key(user)).await?)?.ok_or(Error::NotFound("user"))?;
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :session)")
            .expression_attribute_values(":pk", AttributeValue::S(account_key(user).0))
            .expression_attribute_values(":session", AttributeValue::S(SESSION.to_owned()))
            .consistent_read(true)
            .limit(READ_AT_ONCE);
        let mut start: Option<Item> = after.map(|session| key_item(session_key(user, session)));
        let (mut live, mut read) = (Vec::<Session>::new(), None);
        for _ in 0..READS {
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            for item in answer.items.unwrap_or_default() {
                let session: Session = aws::record(item)?;
                read = Some(session.session_id.clone());
                if session.is_live(account.epoch, now) {
                    if live.len() == limit {
                        let last = live.last().map(|last| last.session_id.clone());
                        return Ok((live, last));
                    }
                    live.push(session);
                }
            }
            if answer.last_evaluated_key.is_none() {
                return Ok((live, None));
            }
            start = answer.last_evaluated_key;
        }
        Ok((live, read))
    }

    fn current_token(&self, session: &Session) -> Result<TransactWriteItem, Error> {
        let record = TokenRecord {
            user_id: session.user_id.clone(),
            session_id: session.session_id.clone(),
            expires_at: session.expires_at,
        };
        self.put(token_key(&session.current_hash), &record)
    }
}
