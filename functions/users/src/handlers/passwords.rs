//! New passwords: by whoever knows the old one, or by whoever was given a reset token.

use std::sync::Arc;
use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::error::Error;
use shared::http::{self, Request, Response};

use super::blocking;
use crate::App;
use crate::account::Username;
use crate::attempts::Kind;
use crate::password::Password;
use crate::store::Login;
use crate::token::{Hash, ResetToken};

/// How long a reset token is good: as long as it takes to hand it over and to use it.
const RESET_LIFETIME: Duration = Duration::from_secs(60 * 60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    current_password: Password,
    new_password: Password,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    reset_token: ResetToken,
    new_password: Password,
}

/// What sets a new password, for whoever is to hand it to the account's owner.
#[derive(Serialize)]
pub struct Issued {
    reset_token: ResetToken,
    expires_at: Timestamp,
}

impl App {
    pub(crate) async fn change_password(&self, request: &Request) -> Result<Response, Error> {
        let user = request.caller()?.user_id;
        let Change { current_password, new_password } = request.json()?;
        let username = self.store.account(&user).await?.username;
        new_password.check_new(&username, "/new_password")?;
        let login = self.prove(Kind::Change, username.as_str(), current_password, request).await?;
        if login.user_id != user {
            // The account was closed meanwhile, and its name is another's by now.
            return Err(Error::NotFound("user"));
        }
        self.set_password(&login, new_password, None).await
    }

    pub(crate) async fn reset_password(&self, request: &Request) -> Result<Response, Error> {
        let Reset { reset_token, new_password } = request.json()?;
        let booking = self.attempts.book(Kind::Reset, request).await?;
        let token = reset_token.hash();
        let known = self.store.login_by_reset(&token, self.clock.now()).await;
        if !matches!(known, Ok(None)) {
            self.give_back(booking, request).await;
        }
        let (username, login) = known?.ok_or(Error::InvalidResetToken)?;
        // A password that cannot be accepted leaves the token unused.
        new_password.check_new(&username, "/new_password")?;
        let response = self.set_password(&login, new_password, Some(&token)).await?;
        self.telemetry.event(request.request_id(), "password-reset", &login.user_id);
        Ok(response)
    }

    pub(crate) async fn issue_reset(&self, username: &Username, request_id: &str) -> Result<Issued, Error> {
        let login = self.store.login(&username.normalised()).await?.ok_or(Error::NotFound("user"))?;
        let (reset_token, expires_at) = (ResetToken::random(), self.clock.now().plus(RESET_LIFETIME));
        self.store.issue_reset(&login, &reset_token.hash(), expires_at).await?;
        self.telemetry.event(request_id, "password-reset-issued", &login.user_id);
        Ok(Issued { reset_token, expires_at })
    }

    async fn set_password(&self, seen: &Login, new: Password, used: Option<&Hash>) -> Result<Response, Error> {
        let hasher = Arc::clone(&self.hasher);
        let hash = blocking(move || hasher.hash(&new)).await?;
        if self.store.set_password(seen, &hash, used).await? {
            Ok(http::empty(StatusCode::NO_CONTENT))
        } else {
            // A repeat is judged by what is there now: the old password, or the reset token, may be good no more.
            Err(Error::Unavailable("another password was set meanwhile".to_owned()))
        }
    }
}
