//! Sessions beside their account, and each refresh token under its hash.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use serde::{Deserialize, Serialize};
use shared::aws::{self, Item, OnConditionFailed, built};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::identity::Role;
use shared::ids::{SessionId, UserId};
use shared::transaction::{self, Cancelled};

use super::{Store, account_key, closing, key_item, keyed};
use crate::session::{Continued, Session};
use crate::token::Hash;

const SESSION: &str = "session#";

/// DynamoDB counts before it filters: so many sessions are read at a time, live or not.
const READ_AT_ONCE: i32 = 100;

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

    /// A refresh token that was given out, and has neither expired nor been replaced.
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
    pub async fn go_on(&self, seen: &Session, next: &Continued) -> Result<bool, Error> {
        let key = session_key(&seen.user_id, &seen.session_id);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(keyed(key, &next.session)?))
            .condition_expression("current_hash = :seen")
            .expression_attribute_values(":seen", aws::attribute(&seen.current_hash)?)
            .build();
        let put = TransactWriteItem::builder().put(put.map_err(built)?).build();
        let mut items = vec![put, self.current_token(&next.session)?];
        if let Some(replaced) = &next.replaced {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(key_item(token_key(replaced)))).build();
            items.push(TransactWriteItem::builder().delete(delete.map_err(built)?).build());
        }
        done(transaction::write(&self.client, items).await)
    }

    /// Ends a session one of whose tokens was used twice. False: the token is not one of its any more, because it was
    /// replaced while the session was read.
    pub async fn revoke(&self, token: &Hash, record: &TokenRecord) -> Result<bool, Error> {
        let key = key_item(session_key(&record.user_id, &record.session_id));
        let session = Delete::builder().table_name(&self.table).set_key(Some(key)).build();
        let token = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key_item(token_key(token))))
            .condition_expression("attribute_exists(pk)")
            .build();
        let items = [session, token]
            .map(|delete| Ok::<_, Error>(TransactWriteItem::builder().delete(delete.map_err(built)?).build()));
        done(transaction::write(&self.client, items.into_iter().collect::<Result<_, _>>()?).await)
    }

    /// Ends a session, if it is there.
    pub async fn end(&self, user: &UserId, session: &SessionId) -> Result<(), Error> {
        let key = key_item(session_key(user, session));
        self.client.delete_item().table_name(&self.table).set_key(Some(key)).send().await?;
        Ok(())
    }

    /// Ends a session that its owner sees.
    pub async fn end_of(&self, owner: &UserId, session: &SessionId) -> Result<(), Error> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(key_item(session_key(owner, session))));
        let deleted = delete.condition_expression("attribute_exists(pk)").send().await;
        deleted.on_condition_failed(|| Error::NotFound("session"))?;
        Ok(())
    }

    /// A page of a user's live sessions, by their ids, and whether more follow.
    pub async fn live_sessions(
        &self,
        user: &UserId,
        after: Option<&SessionId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Session>, bool), Error> {
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
        let mut live: Vec<Session> = Vec::new();
        loop {
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            for item in answer.items.unwrap_or_default() {
                let session: Session = aws::record(item)?;
                if session.is_live(account.epoch, now) {
                    if live.len() == limit {
                        return Ok((live, true));
                    }
                    live.push(session);
                }
            }
            if answer.last_evaluated_key.is_none() {
                return Ok((live, false));
            }
            start = answer.last_evaluated_key;
        }
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

/// Whether a transaction was done, or refused because something has changed.
pub(super) fn done(written: Result<(), Cancelled>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(Cancelled::Refused(_)) => Ok(false),
        Err(Cancelled::Failed(error)) => Err(error),
    }
}
