//! Proving who one is by name and password: the one place where a password is compared.

use std::sync::Arc;

use shared::error::Error;
use shared::http::Request;

use crate::App;
use crate::account::Username;
use crate::attempts::{Booking, Kind};
use crate::handlers::blocking;
use crate::password::Password;
use crate::store::Login;

impl App {
    /// The login record of `name`, if this is its password. An unknown name, a wrong password and too many attempts at
    /// either cost the same reads, the same hash and the same writes, and look the same.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`]; [`Error::TooManyAttempts`], whether the password is right or not.
    pub(crate) async fn prove(
        &self,
        kind: Kind,
        name: &str,
        password: Password,
        request: &Request,
    ) -> Result<Login, Error> {
        // A name that cannot exist is an unknown one like any other, with the same read; as a key it could be too long.
        let normalised = name.parse().map(|name: Username| name.normalised()).ok();
        let key = self.attempts.key(normalised.as_deref().unwrap_or(name), request);
        let (known, counter) = self.store.sign_in(normalised.as_deref().unwrap_or_default(), &key).await?;
        let booking = self.attempts.book_password(kind, request, key, counter).await?;

        let hasher = Arc::clone(&self.hasher);
        let stored = known.as_ref().map(|login| login.password_hash.clone());
        let (correct, renewed) = blocking(move || {
            let correct = hasher.verify(&password, stored.as_deref())?;
            let outdated = correct && stored.is_some_and(|stored| hasher.is_outdated(&stored));
            Ok((correct, outdated.then(|| hasher.hash(&password))))
        })
        .await?;
        let login = known.filter(|_| correct).ok_or(Error::InvalidCredentials)?;

        // Who has proved it is let in, whatever becomes of the rest.
        let renewal = async {
            match renewed {
                Some(hash) => self.store.renew_hash(&login, hash?).await,
                None => Ok(()),
            }
        };
        let (given_back, renewal) = tokio::join!(booking.give_back(), renewal);
        for failed in [given_back.err(), renewal.err()].into_iter().flatten() {
            self.telemetry.note(request.request_id(), &failed);
        }
        Ok(login)
    }

    /// Gives an attempt back that has succeeded; where that fails, it counts on, and the request goes on.
    pub(crate) async fn give_back(&self, booking: Booking<'_>, request: &Request) {
        if let Err(failed) = booking.give_back().await {
            self.telemetry.note(request.request_id(), &failed);
        }
    }
}
