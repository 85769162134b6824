//! One function a route, and one a command.

use std::sync::Arc;

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::contract;
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::identity::{ACCESS_TOKEN_SECONDS, Role};
use shared::ids::UserId;
use shared::text::Text;

use crate::App;
use crate::account::{Email, Username};
use crate::password::Password;

/// An account, as its owner sees it.
#[derive(Debug, Serialize)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// The name to be called by.
    pub display_name: Option<Text<100>>,
    /// Where to write to.
    pub email: Option<Email>,
    /// What its owner may do.
    pub role: Role,
    /// Since when it exists.
    pub created_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    username: Username,
    password: Password,
    display_name: Option<Text<100>>,
    email: Option<Email>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: Password,
}

#[derive(Serialize)]
struct Token {
    token: String,
    token_type: &'static str,
    expires_in: i64,
}

/// What may change; `null` takes a value away, an absent member leaves it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// The name to be called by.
    #[serde(default, deserialize_with = "http::present")]
    pub display_name: Option<Option<Text<100>>>,
    /// Where to write to.
    #[serde(default, deserialize_with = "http::present")]
    pub email: Option<Option<Email>>,
}

/// What a person with the right to invoke the function may have it do.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes an account an admin's. Tokens issued before keep their role until they end.
    MakeAdmin {
        /// Whose.
        username: Username,
    },
}

impl contract::Command for Command {
    fn name(&self) -> &'static str {
        match self {
            Command::MakeAdmin { .. } => "make_admin",
        }
    }
}

impl App {
    pub(crate) async fn register(&self, request: &Request) -> Result<Response, Error> {
        let registration: Registration = request.json()?;
        registration.password.check_new()?;
        let hasher = Arc::clone(&self.hasher);
        let hash = blocking(move || hasher.hash(&registration.password)).await?;
        let account = Account {
            id: UserId::random(),
            username: registration.username,
            display_name: registration.display_name,
            email: registration.email,
            role: Role::Customer,
            created_at: self.clock.now(),
        };
        self.store.create(&account, &hash).await?;
        http::json(StatusCode::CREATED, &account)
    }

    pub(crate) async fn login(&self, request: &Request) -> Result<Response, Error> {
        let credentials: Credentials = request.json()?;
        // A name that cannot exist is an unknown user like any other, with the same read; as a key it could be too long.
        let name = credentials.username.parse().map(|name: Username| name.normalised()).unwrap_or_default();
        let known = self.store.login(&name).await?;
        let hasher = Arc::clone(&self.hasher);
        let stored = known.as_ref().map(|login| login.password_hash.clone());
        let correct = blocking(move || hasher.verify(&credentials.password, stored.as_deref())).await?;
        let login = known.filter(|_| correct).ok_or(Error::InvalidCredentials)?;
        let token = self.signer.access_token(login.user_id, login.role, self.clock.now()).await?;
        http::json(StatusCode::OK, &Token { token, token_type: "Bearer", expires_in: ACCESS_TOKEN_SECONDS })
    }

    pub(crate) async fn profile(&self, request: &Request) -> Result<Response, Error> {
        let account = self.store.account(&request.caller()?.user_id).await?;
        http::json(StatusCode::OK, &account)
    }

    pub(crate) async fn change_profile(&self, request: &Request) -> Result<Response, Error> {
        let caller = request.caller()?;
        let change: ProfileChange = request.json()?;
        if change.display_name.is_none() && change.email.is_none() {
            return Err(Error::field("", "nothing to change: send display_name or email"));
        }
        let account = self.store.change(&caller.user_id, change).await?;
        http::json(StatusCode::OK, &account)
    }

    pub(crate) async fn make_admin(&self, username: &Username) -> Result<Account, Error> {
        let login = self.store.login(&username.normalised()).await?.ok_or(Error::NotFound("user"))?;
        self.store.make_admin(username, &login.user_id).await?;
        self.store.account(&login.user_id).await
    }
}

/// Hashing takes tens of milliseconds of CPU: on its own thread, other requests go on. (A function on Lambda has one
/// request at a time and a thread costs it nothing.)
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Internal(format!("hashing did not end: {error}"))))
}
