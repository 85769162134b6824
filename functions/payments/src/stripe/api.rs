//! A call to Stripe: what stands in its request, how long it may take, and what kind of answer came.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use shared::aws;
use shared::config;
use shared::errand::Errand;
use shared::error::Error;
use shared::https::Https;

use super::answer::{Failed, Failure};
use crate::secret::{Secret, Stored};

/// The shapes and the behaviour that this code is written for, whatever the account's own version is.
const VERSION: &str = "2025-03-31.basil";

/// How long a call may take that moves no money, and that leaves time for another.
pub const CALL: Duration = Duration::from_secs(3);
/// How long a call may take that moves money: all the time there is, because giving it up leaves the outcome unknown.
pub const ALL: Duration = Duration::MAX;

/// A readable answer: what was asked for, or why it was refused. A call gives an error where there is none.
pub type Answer<T> = Result<T, Failure>;

/// Stripe's API, as one account sees it.
pub struct Api {
    url: String,
    https: Https,
    secret_key: Stored,
}

/// What is asked for.
pub struct Ask<'a> {
    method: Method,
    path: &'a str,
    form: String,
    key: Option<&'a str>,
    patience: Duration,
}

impl<'a> Ask<'a> {
    /// A question, which is no change.
    pub fn get(path: &'a str) -> Ask<'a> {
        Ask { method: Method::GET, path, form: String::new(), key: None, patience: CALL }
    }

    /// A change, under an idempotency key where its nature does not make it repeatable.
    pub fn post(path: &'a str, form: &[(&str, &str)], key: Option<&'a str>) -> Ask<'a> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Ask { method: Method::POST, path, form, key, patience: CALL }
    }

    /// The same, given this long.
    pub fn for_up_to(self, patience: Duration) -> Ask<'a> {
        Ask { patience, ..self }
    }
}

impl Api {
    /// The API at `url`, for the account that the secret key is of.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(url: &str, secret_key: Stored) -> Result<Api, config::Error> {
        Ok(Api {
            url: url.trim_end_matches('/').to_owned(),
            https: Https::new().map_err(|error| config::Error::new(error.cause().unwrap_or(error.title())))?,
            secret_key,
        })
    }

    /// Reads the secret key and opens a connection, as far as that is possible.
    pub async fn touch(&self, errand: &Errand) {
        let connect = async {
            if let Ok(request) = Request::get(format!("{}/", self.url)).body(Bytes::new()) {
                let _ = self.https.send(request, aws::WARM_UP).await;
            }
        };
        let _ = tokio::join!(self.secret_key.get(errand), connect);
    }

    /// One call. What says nothing about the payment is an error: no answer, one that cannot be read, Stripe's own
    /// failures (but for one that it only repeats: <https://docs.stripe.com/api/idempotent_requests>), and refusals that
    /// have to do with the moment or with the account.
    pub async fn call<T: DeserializeOwned>(&self, ask: Ask<'_>, errand: &Errand) -> Result<Answer<T>, Error> {
        let secret_key = self.secret_key.get(errand).await?;
        let mut answer = self.send(&ask, &secret_key, errand).await?;
        // The key may have been replaced since it was read. Stripe has stored nothing of what it did not let in.
        if answer.status() == StatusCode::UNAUTHORIZED
            && let Some(replaced) = self.secret_key.instead_of(&secret_key, errand).await?
        {
            answer = self.send(&ask, &replaced, errand).await?;
        }
        let (status, body) = (answer.status(), answer.body());
        let unreadable = |_| Error::Unavailable(format!("Stripe answered {status} with something else than JSON"));
        if status.is_success() {
            return serde_json::from_slice(body).map(Ok).map_err(unreadable);
        }
        let Failed { error: mut failure } = serde_json::from_slice(body).map_err(unreadable)?;
        failure.status = status.as_u16();
        match failure.status {
            400 | 402 | 404 => Ok(Err(failure)),
            500.. if answer.headers().contains_key("idempotent-replayed") => Ok(Err(failure)),
            _ => Err(Error::Unavailable(failure.to_string())),
        }
    }

    /// Sends a request, and again if the connection breaks: one that was kept may have been closed meanwhile. Each of
    /// these can be repeated, by its key or by its nature.
    async fn send(&self, ask: &Ask<'_>, secret_key: &Secret, errand: &Errand) -> Result<Response<Bytes>, Error> {
        let (request, patience) = (self.request(ask, secret_key)?, errand.budget(ask.patience)?);
        let begun = Instant::now();
        let answer = self.https.send(request.clone(), patience).await;
        match patience.saturating_sub(begun.elapsed()) {
            left if answer.is_err() && !left.is_zero() => self.https.send(request, left).await,
            _ => answer,
        }
    }

    fn request(&self, ask: &Ask<'_>, secret_key: &Secret) -> Result<Request<Bytes>, Error> {
        let unfit = |what: &str| Error::Internal(format!("{what} cannot stand in a request to Stripe"));
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", secret_key.reveal())).map_err(|_| unfit("the secret key"))?;
        bearer.set_sensitive(true);
        let mut request = Request::builder().method(&ask.method).uri(format!("{}/v1/{}", self.url, ask.path));
        request = request.header(AUTHORIZATION, bearer).header("Stripe-Version", VERSION);
        if ask.method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = ask.key {
            request = request.header("Idempotency-Key", key);
        }
        request.body(ask.form.clone().into()).map_err(|_| unfit("STRIPE_URL or an id"))
    }
}
