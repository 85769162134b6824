//! The users table. Two items an account: the login record under the normalised name, so that one read signs in, and
//! the account under its id. Beside the account its sessions; refresh and reset tokens each under its hash.
//!
//! Both items of an account count its epoch, and every session and reset token has the one that it began in. So one
//! more in the transaction that changes a password or a role ends all of them, also one that begins at that moment.

mod closing;
mod passwords;
mod sessions;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use serde::{Deserialize, Serialize};
use shared::aws::{self, Item, OnConditionFailed, built, condition_failed};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::identity::Role;
use shared::ids::UserId;
use shared::text::Text;
use shared::transaction::{self, Cancelled};

use crate::account::{Email, Username};
use crate::attempts::{Counter, Key};
use crate::handlers::{Account, ProfileChange};
use crate::password::{Hasher, Password};

/// The users table.
pub struct Store {
    client: Client,
    table: String,
}

/// What signing in needs.
#[derive(Serialize, Deserialize)]
pub struct Login {
    pk: String,
    sk: String,
    /// Whose name it is.
    pub user_id: UserId,
    /// A PHC string.
    pub password_hash: String,
    /// The role that tokens carry.
    pub role: Role,
    /// The account's epoch.
    #[serde(default)]
    pub epoch: u64,
}

#[derive(Serialize, Deserialize)]
struct AccountRecord {
    pk: String,
    sk: String,
    user_id: UserId,
    username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display_name: Option<Text<100>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Email>,
    role: Role,
    #[serde(default)]
    epoch: u64,
    created_at: Timestamp,
}

fn login_key(normalised: &str) -> (String, String) {
    (format!("name#{normalised}"), "login".to_owned())
}

fn account_key(user: &UserId) -> (String, String) {
    (format!("user#{user}"), "account".to_owned())
}

/// The two items of an account.
fn items(account: &Account, password_hash: &str) -> Result<[Item; 2], Error> {
    let (pk, sk) = login_key(&account.username.normalised());
    let login = Login {
        pk,
        sk,
        user_id: account.id.clone(),
        password_hash: password_hash.to_owned(),
        role: account.role,
        epoch: 0,
    };
    let (pk, sk) = account_key(&account.id);
    let record = AccountRecord {
        pk,
        sk,
        user_id: account.id.clone(),
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        email: account.email.clone(),
        role: account.role,
        epoch: 0,
        created_at: account.created_at,
    };
    Ok([aws::item(&login)?, aws::item(&record)?])
}

/// The items of a sample user, whose password may be weaker than the rules for new ones.
///
/// # Errors
/// The name cannot be one.
pub fn sample_account(username: &str, password: &str, role: Role, now: Timestamp) -> Result<Vec<Item>, Error> {
    let account = Account {
        id: UserId::random(),
        username: username.parse().map_err(|detail| Error::field("/username", detail))?,
        display_name: None,
        email: None,
        role,
        created_at: now,
    };
    let hash = Hasher::new().hash(&Password::of_sample(password))?;
    Ok(items(&account, &hash)?.into())
}

impl Store {
    /// This table through this client.
    pub fn new(client: Client, table: String) -> Store {
        Store { client, table }
    }

    /// A read that finds nothing.
    pub async fn touch(&self) {
        let _ = self.login("").await;
    }

    /// Puts a new account.
    pub async fn create(&self, account: &Account, password_hash: &str) -> Result<(), Error> {
        let mut puts = Vec::new();
        for item in items(account, password_hash)? {
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(pk)").build();
            puts.push(TransactWriteItem::builder().put(put.map_err(built)?).build());
        }
        let written = transaction::write(&self.client, puts).await;
        written.map_err(|cancelled| cancelled.on_condition_failed(|| Error::UsernameTaken))
    }

    /// The login record of a normalised name.
    pub async fn login(&self, normalised: &str) -> Result<Option<Login>, Error> {
        self.get(login_key(normalised)).await?.map(aws::record).transpose()
    }

    /// What signing in needs, in one read: the login record of a normalised name, and a counter of attempts.
    pub async fn sign_in(&self, normalised: &str, counter: &Key) -> Result<(Option<Login>, Option<Counter>), Error> {
        let keys = [login_key(normalised), (counter.pk.clone(), counter.sk.clone())].map(key_item);
        let (mut login, mut seen) = (None, None);
        for item in aws::batch_get(&self.client, &self.table, keys.into(), true).await? {
            match item.get("pk").and_then(|pk| pk.as_s().ok()) {
                Some(pk) if *pk == counter.pk => seen = Some(aws::record(item)?),
                _ => login = Some(aws::record(item)?),
            }
        }
        Ok((login, seen))
    }

    /// Puts another hash of the same password in the place of `login`'s, unless the password was changed since.
    pub async fn renew_hash(&self, login: &Login, password_hash: String) -> Result<(), Error> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key("pk", AttributeValue::S(login.pk.clone()))
            .key("sk", AttributeValue::S(login.sk.clone()))
            .update_expression("SET password_hash = :new")
            .condition_expression("password_hash = :old")
            .expression_attribute_values(":new", AttributeValue::S(password_hash))
            .expression_attribute_values(":old", AttributeValue::S(login.password_hash.clone()));
        match update.send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            other => other.map(|_| ()).map_err(Error::from),
        }
    }

    /// An account; a closed one is not found.
    pub async fn account(&self, user: &UserId) -> Result<Account, Error> {
        let record = closing::open(self.get(account_key(user)).await?)?;
        record.map(Account::from).ok_or(Error::NotFound("user"))
    }

    /// An account's name and login record; a closed one is not found.
    pub async fn login_of(&self, user: &UserId) -> Result<(Username, Login), Error> {
        let username = self.account(user).await?.username;
        let login = self.login(&username.normalised()).await?;
        let login = login.filter(|login| login.user_id == *user).ok_or(Error::NotFound("user"))?;
        Ok((username, login))
    }

    /// Changes what an owner may change.
    pub async fn change(&self, user: &UserId, change: ProfileChange) -> Result<Account, Error> {
        let (pk, sk) = account_key(user);
        let mut update = self.client.update_item().table_name(&self.table);
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        let values = [
            ("display_name", change.display_name.map(|name| name.map(|name| name.to_string()))),
            (
                "email",
                change.email.map(|email| email.as_ref().map(aws::attribute).transpose()).transpose()?.map(string),
            ),
        ];
        for (name, value) in values {
            match value {
                None => {}
                Some(None) => remove.push(name.to_owned()),
                Some(Some(text)) => {
                    set.push(format!("{name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), AttributeValue::S(text));
                }
            }
        }
        let mut expression = String::new();
        for (verb, parts) in [("SET", set), ("REMOVE", remove)] {
            if !parts.is_empty() {
                expression.push_str(&format!("{verb} {} ", parts.join(", ")));
            }
        }
        let updated = update
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression(expression)
            // A closed account is still there, without a name.
            .condition_expression("attribute_exists(username)")
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .on_condition_failed(|| Error::NotFound("user"))?;
        Ok(aws::record::<AccountRecord>(updated.attributes.unwrap_or_default())?.into())
    }

    /// Gives an account the admin's role, in both of its items, and ends all that began before.
    pub async fn make_admin(&self, username: &Username, user: &UserId) -> Result<(), Error> {
        let mut updates = Vec::new();
        for key in [login_key(&username.normalised()), account_key(user)] {
            let update = self
                .in_next_epoch(key, user)?
                .update_expression("SET #role = :role ADD epoch :one")
                .condition_expression("user_id = :user")
                .expression_attribute_names("#role", "role")
                .expression_attribute_values(":role", aws::attribute(&Role::Admin)?)
                .build();
            updates.push(TransactWriteItem::builder().update(update.map_err(built)?).build());
        }
        let written = transaction::write(&self.client, updates).await;
        written.map_err(|cancelled| cancelled.on_condition_failed(|| Error::NotFound("user")))
    }

    /// An update of an item of an account, to be completed with an expression that adds `:one` to `epoch`, and a condition
    /// that the item is that of `:user`.
    fn in_next_epoch(&self, key: (String, String), user: &UserId) -> Result<UpdateBuilder, Error> {
        let update = Update::builder().table_name(&self.table).set_key(Some(key_item(key)));
        let update = update.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        Ok(update.expression_attribute_values(":user", aws::attribute(user)?))
    }

    /// A put as a part of a transaction.
    fn put(&self, key: (String, String), record: &impl Serialize) -> Result<TransactWriteItem, Error> {
        let put = Put::builder().table_name(&self.table).set_item(Some(keyed(key, record)?)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(built)?).build())
    }

    async fn get(&self, (pk, sk): (String, String)) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk)).consistent_read(true);
        Ok(get.send().await?.item)
    }
}

/// Whether a transaction was done, or refused because something has changed.
fn done(written: Result<(), Cancelled>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(Cancelled::Refused(_)) => Ok(false),
        Err(Cancelled::Failed(error)) => Err(error),
    }
}

/// A record under its key.
fn keyed(key: (String, String), record: &impl Serialize) -> Result<Item, Error> {
    let mut item = aws::item(record)?;
    item.extend(key_item(key));
    Ok(item)
}

fn key_item((pk, sk): (String, String)) -> Item {
    Item::from([("pk".to_owned(), AttributeValue::S(pk)), ("sk".to_owned(), AttributeValue::S(sk))])
}

fn string(value: Option<AttributeValue>) -> Option<String> {
    value.and_then(|value| value.as_s().ok().cloned())
}

impl From<AccountRecord> for Account {
    fn from(record: AccountRecord) -> Account {
        Account {
            id: record.user_id,
            username: record.username,
            display_name: record.display_name,
            email: record.email,
            role: record.role,
            created_at: record.created_at,
        }
    }
}
