//! The counters in the users table: an item for each pair of account and network, and one for each network, kind of
//! attempt and hour. All of them end by the table's TTL.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use shared::aws::{Item, condition_failed};
use shared::clock::Timestamp;
use shared::error::Error;

use super::Kind;
use super::network::{Limits, Moment, Network};
use super::pair::{self, Counter, FREE, Step};

/// The table.
pub struct Table {
    client: Client,
    name: String,
}

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

impl Key {
    /// Of the counter of an account and a network. The name is hashed, because people write passwords in its place.
    pub fn of_pair(name: &str, network: &Network) -> Key {
        let name = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(name));
        Key { pk: format!("attempts#{name}"), sk: format!("net#{network}") }
    }
}

/// Where an attempt of a network was counted.
pub struct Counted {
    key: Key,
    minute: String,
    expires_at: i64,
}

/// An attempt that was booked at a pair.
pub struct BookedPair {
    key: Key,
    failures: i64,
    /// When the next one could follow, and when all was to be forgotten, before it was booked.
    not_before: i64,
    expires_at: i64,
}

impl Table {
    /// This table through this client.
    pub fn new(client: Client, name: String) -> Table {
        Table { client, name }
    }

    /// Counts an attempt of a network in its hour and its minute.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] when one of the two is full.
    pub async fn count(&self, kind: Kind, network: &Network, limits: Limits, now: Timestamp) -> Result<Counted, Error> {
        let moment = Moment::of(now);
        let counted = Counted {
            key: Key { pk: format!("attempts#net#{network}"), sk: format!("{}#hour#{}", kind.as_str(), moment.hour) },
            minute: format!("m{:02}", moment.minute),
            expires_at: moment.forgotten(),
        };
        // A comparison with an attribute that is not there is false.
        let update = self
            .add(&counted, 1)
            .condition_expression("NOT (attempts >= :per_hour) AND NOT (#minute >= :per_minute)")
            .expression_attribute_values(":per_hour", number(limits.per_hour.get().into()))
            .expression_attribute_values(":per_minute", number(limits.per_minute.get().into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(_) => Ok(counted),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(full)) => {
                    let in_this_hour = full.item().map_or(0, |item| whole(item, "attempts"));
                    Err(Error::TooManyAttempts(limits.used_up(in_this_hour, now)))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Takes back what [`Table::count`] has counted.
    ///
    /// # Errors
    /// As any call.
    pub async fn uncount(&self, counted: &Counted) -> Result<(), Error> {
        self.add(counted, -1).send().await?;
        Ok(())
    }

    fn add(&self, counted: &Counted, attempts: i64) -> UpdateItemFluentBuilder {
        self.update(&counted.key)
            .update_expression("ADD attempts :attempts, #minute :attempts SET expires_at = :expires_at")
            .expression_attribute_names("#minute", &counted.minute)
            .expression_attribute_values(":attempts", number(attempts))
            .expression_attribute_values(":expires_at", number(counted.expires_at))
    }

    /// Books an attempt at a pair, of whose counter `seen` was read just before.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] when it comes too early, or at the same moment as others that were booked instead.
    pub async fn book(&self, key: Key, seen: Option<Counter>, now: Timestamp) -> Result<BookedPair, Error> {
        let step = pair::step(seen.as_ref(), now)?;
        let (not_before, expires_at) =
            seen.map_or((0, now.as_secs()), |counter| (counter.not_before, counter.expires_at));
        let failures = match step {
            Step::Free => self.book_free(&key, now).await?,
            Step::After(failures) => self.book_next(&key, failures, now).await?,
            Step::Anew(ended) => match self.book_anew(&key, ended, now).await? {
                Some(failures) => failures,
                // Another attempt has begun the new counter.
                None => self.book_free(&key, now).await?,
            },
        };
        Ok(BookedPair { key, failures, not_before, expires_at })
    }

    /// Several may be booked at once, so that an owner's parallel sign-ins are not in each other's way.
    async fn book_free(&self, key: &Key, now: Timestamp) -> Result<i64, Error> {
        let next = Counter::with(FREE, now);
        let update = self
            .update(key)
            .update_expression("ADD failures :one SET not_before = :not_before, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(failures) OR failures < :free")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":free", number(FREE))
            .expression_attribute_values(":not_before", number(next.not_before))
            .expression_attribute_values(":expires_at", number(next.expires_at))
            .return_values(ReturnValue::UpdatedNew);
        match update.send().await {
            Ok(updated) => Ok(updated.attributes().map_or(FREE, |item| whole(item, "failures"))),
            Err(error) if condition_failed(&error) => Err(pair::overtaken(FREE)),
            Err(error) => Err(error.into()),
        }
    }

    /// Of any number at once, one is booked.
    async fn book_next(&self, key: &Key, failures: i64, now: Timestamp) -> Result<i64, Error> {
        let next = Counter::with(failures.saturating_add(1), now);
        let update = self
            .set(key, next)
            .condition_expression("failures = :seen")
            .expression_attribute_values(":seen", number(failures));
        match update.send().await {
            Ok(_) => Ok(next.failures),
            Err(error) if condition_failed(&error) => Err(pair::overtaken(next.failures)),
            Err(error) => Err(error.into()),
        }
    }

    /// `None` when the counter is no longer the one that ended then.
    async fn book_anew(&self, key: &Key, ended: i64, now: Timestamp) -> Result<Option<i64>, Error> {
        let first = Counter::with(1, now);
        let update = self
            .set(key, first)
            .condition_expression("expires_at = :ended")
            .expression_attribute_values(":ended", number(ended));
        match update.send().await {
            Ok(_) => Ok(Some(first.failures)),
            Err(error) if condition_failed(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes back what [`Table::book`] has booked. Unless another attempt was booked since, the next one need not wait for
    /// longer than before, and the failures before it are forgotten when they would have been.
    ///
    /// # Errors
    /// As any call.
    pub async fn unbook(&self, booked: &BookedPair) -> Result<(), Error> {
        let update = self
            .update(&booked.key)
            .update_expression("SET failures = failures - :one, not_before = :not_before, expires_at = :expires_at")
            .condition_expression("failures = :booked")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":booked", number(booked.failures))
            .expression_attribute_values(":not_before", number(booked.not_before))
            .expression_attribute_values(":expires_at", number(booked.expires_at));
        match update.send().await {
            Err(error) if condition_failed(&error) => {}
            other => return other.map(|_| ()).map_err(Error::from),
        }
        // Another attempt was booked since. (Or the answer of the call above was lost, and its repeat finds the attempt given
        // back: then one failure fewer counts, which is one guess more.)
        let update = self.update(&booked.key).update_expression("SET failures = failures - :one");
        update.expression_attribute_values(":one", number(1)).send().await?;
        Ok(())
    }

    fn set(&self, key: &Key, counter: Counter) -> UpdateItemFluentBuilder {
        self.update(key)
            .update_expression("SET failures = :failures, not_before = :not_before, expires_at = :expires_at")
            .expression_attribute_values(":failures", number(counter.failures))
            .expression_attribute_values(":not_before", number(counter.not_before))
            .expression_attribute_values(":expires_at", number(counter.expires_at))
    }

    fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name);
        update.key("pk", AttributeValue::S(key.pk.clone())).key("sk", AttributeValue::S(key.sk.clone()))
    }
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A whole number of an item; 0 if there is none.
fn whole(item: &Item, name: &str) -> i64 {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_no_name_and_differs_by_name_and_network() {
        let network = |address: &str| Network::of(address.parse().ok());
        let key = Key::of_pair("anna", &network("192.0.2.1"));
        // printf anna | sha256sum
        assert_eq!(key.pk, "attempts#VVebVXiW0M4XZMR_7WRPmzX1i61iBnSvI_NW2A7QxQM");
        assert_eq!(key.sk, "net#192.0.2.0/24");
        assert_ne!(key, Key::of_pair("ben", &network("192.0.2.1")));
        assert_ne!(key, Key::of_pair("anna", &network("198.51.100.1")));
    }
}
