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
use crate::password::Password;
use crate::token::ResetToken;

/// How often a password is set again that others have changed meanwhile.
const ATTEMPTS: usize = 3;

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
        let change: Change = request.json()?;
        check(&change.new_password)?;
        let (current, new) = (Arc::new(change.current_password), Arc::new(change.new_password));
        for _ in 0..ATTEMPTS {
            let login = self.store.login_of(&user).await?;
            let (hasher, current, stored) =
                (Arc::clone(&self.hasher), Arc::clone(&current), login.password_hash.clone());
            if !blocking(move || hasher.verify(&current, Some(&stored))).await? {
                return Err(Error::InvalidCredentials);
            }
            if self.store.set_password(&login, &self.hash(&new).await?, None).await? {
                return Ok(http::empty(StatusCode::NO_CONTENT));
            }
        }
        Err(changed_by_others())
    }

    pub(crate) async fn reset_password(&self, request: &Request) -> Result<Response, Error> {
        let Reset { reset_token, new_password } = request.json()?;
        let (token, new) = (reset_token.hash(), Arc::new(new_password));
        for _ in 0..ATTEMPTS {
            let login = self.store.login_by_reset(&token, self.clock.now()).await?;
            let login = login.ok_or(Error::InvalidResetToken)?;
            // A password that cannot be accepted leaves the token unused.
            check(&new)?;
            if self.store.set_password(&login, &self.hash(&new).await?, Some(&token)).await? {
                return Ok(http::empty(StatusCode::NO_CONTENT));
            }
        }
        Err(changed_by_others())
    }

    pub(crate) async fn issue_reset(&self, username: &Username) -> Result<Issued, Error> {
        let login = self.store.login(&username.normalised()).await?.ok_or(Error::NotFound("user"))?;
        let (reset_token, expires_at) = (ResetToken::random(), self.clock.now().plus(RESET_LIFETIME));
        self.store.issue_reset(&login, &reset_token.hash(), expires_at).await?;
        Ok(Issued { reset_token, expires_at })
    }

    async fn hash(&self, password: &Arc<Password>) -> Result<String, Error> {
        let (hasher, password) = (Arc::clone(&self.hasher), Arc::clone(password));
        blocking(move || hasher.hash(&password)).await
    }
}

/// The rules for new passwords, for a field of this name.
fn check(password: &Password) -> Result<(), Error> {
    password.check_new().map_err(|error| match error {
        Error::Invalid(mut faults) => {
            for fault in &mut faults {
                fault.pointer = Some("/new_password".to_owned());
            }
            Error::Invalid(faults)
        }
        other => other,
    })
}

fn changed_by_others() -> Error {
    Error::Unavailable(format!("others changed the password {ATTEMPTS} times"))
}
