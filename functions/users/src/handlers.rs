//! One function a route, and one a command: accounts and login here, sessions and passwords in files of their own.

mod passwords;
mod sessions;

use std::sync::Arc;

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::contract;
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::identity::Role;
use shared::ids::UserId;
use shared::text::Text;

use crate::App;
use crate::account::{Email, Username};
use crate::attempts::Kind;
use crate::password::Password;

pub use passwords::Issued;

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
    /// Makes an account an admin's, and ends its sessions. Access tokens issued before keep their role until they end.
    MakeAdmin {
        /// Whose.
        username: Username,
    },
    /// Issues a token that sets a new password once, without the old one.
    IssuePasswordReset {
        /// Whose.
        username: Username,
    },
}

/// What a command answers. It may hold a secret, and so is never logged.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// The account as it is now.
    Account(Account),
    /// What sets a new password.
    Reset(Issued),
}

impl contract::Command for Command {
    fn name(&self) -> &'static str {
        match self {
            Command::MakeAdmin { .. } => "make_admin",
            Command::IssuePasswordReset { .. } => "issue_password_reset",
        }
    }
}

impl App {
    pub(crate) async fn register(&self, request: &Request) -> Result<Response, Error> {
        let registration: Registration = request.json()?;
        registration.password.check_new(&registration.username, "/password")?;
        // It stays booked: who makes accounts, or tries which names are taken, makes few of them.
        let _ = self.attempts.book(Kind::Registration, request).await?;
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
        let login = self.prove(Kind::Login, &credentials.username, credentials.password, request).await?;
        self.begin_session(request, &login).await
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

    pub(crate) async fn close(&self, request: &Request) -> Result<Response, Error> {
        self.store.close(&request.caller()?.user_id, self.clock.now()).await?;
        Ok(http::empty(StatusCode::NO_CONTENT))
    }

    pub(crate) async fn make_admin(&self, username: &Username, request_id: &str) -> Result<Account, Error> {
        let login = self.store.login(&username.normalised()).await?.ok_or(Error::NotFound("user"))?;
        self.store.make_admin(username, &login.user_id).await?;
        self.telemetry.event(request_id, "admin-made", &login.user_id);
        self.store.account(&login.user_id).await
    }
}

/// Hashing takes tens of milliseconds of CPU: on its own thread, other requests go on. (A function on Lambda has one
/// request at a time and a thread costs it nothing.)
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Internal(format!("hashing did not end: {error}"))))
}
