//! Stripe, by its REST API (<https://docs.stripe.com/api>). A payment is a PaymentIntent: making one moves no money,
//! confirming it does, once; whatever answer was lost, retrieving it says what became of it.
//!
//! An intent takes cards alone, and not what `automatic_payment_methods` would add: with a card the outcome is known at
//! once, while other methods may stay open for days, for which a shop that answers in one request has no place.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use shared::clock::Timestamp;
use shared::config::{self, Environment};
use shared::contract::Charge;
use shared::error::Error;
use shared::https::Https;
use shared::ids::{self, OrderId};
use shared::{aws, contract};

use crate::errand::Errand;
use crate::payment::Event;
use crate::provider::{Intent, Prepared};
use crate::secret::Stored;
use answer::{Failed, Failure, List, PaymentIntent, Refund, Refunds, Verdict};

mod answer;
mod event;
#[cfg(test)]
mod mock;
mod signature;

/// The shapes and the behaviour that this file is written for, whatever the account's own version is.
const VERSION: &str = "2025-03-31.basil";
/// Where Stripe is.
const URL: &str = "https://api.stripe.com";

/// An account at Stripe.
pub struct Stripe {
    url: String,
    https: Https,
    secret_key: Stored,
    webhook_secret: Stored,
}

/// A readable answer: what was asked for, or why it was refused. A call gives an error where there is none.
type Answer<T> = Result<T, Failure>;

impl Stripe {
    /// Reads `STRIPE_URL`, `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET`, or where the latter two are kept:
    /// `STRIPE_SECRET_KEY_PARAMETER` and `STRIPE_WEBHOOK_SECRET_PARAMETER`.
    ///
    /// # Errors
    /// One is missing, or TLS cannot be set up.
    pub fn read<F: Fn(&str) -> Option<String>>(
        environment: &Environment<F>,
        aws: &aws::Config,
    ) -> Result<Stripe, config::Error> {
        let url = environment.optional("STRIPE_URL").unwrap_or_else(|| URL.to_owned());
        Ok(Stripe {
            url: url.trim_end_matches('/').to_owned(),
            https: Https::new().map_err(|error| config::Error::new(error.cause().unwrap_or(error.title())))?,
            secret_key: Stored::read(environment, aws, "STRIPE_SECRET_KEY")?,
            webhook_secret: Stored::read(environment, aws, "STRIPE_WEBHOOK_SECRET")?,
        })
    }

    /// Reads the secrets and opens a connection, as far as that is possible.
    pub async fn touch(&self) {
        let connect = async {
            if let Ok(request) = Request::get(format!("{}/", self.url)).body(Bytes::new()) {
                let _ = self.https.send(request, aws::WARM_UP).await;
            }
        };
        let _ = tokio::join!(self.secret_key.get(), self.webhook_secret.get(), connect);
    }

    /// Makes an intent, under a key of its own: one that is never confirmed does no harm.
    pub async fn prepare(&self, charge: &Charge, errand: &Errand) -> Result<Prepared, Error> {
        let (amount, currency) = (charge.amount.amount().to_string(), charge.amount.currency().to_string());
        let form = [
            ("amount", amount.as_str()),
            ("currency", &currency.to_ascii_lowercase()),
            ("payment_method", charge.method.as_str()),
            ("payment_method_types[]", "card"),
            ("confirm", "false"),
            ("metadata[order_id]", charge.order_id.as_str()),
        ];
        let key = ids::base32(&ids::random::<16>());
        match self.post::<PaymentIntent>("payment_intents", &form, Some(&key), errand).await? {
            Ok(intent) if intent.has_plain_id() => Ok(Prepared::Intent(intent.id)),
            Ok(_) => Err(Error::Internal("Stripe has made an intent whose id is none".to_owned())),
            Err(failure) if failure.is_about_the_payment() => Ok(Prepared::Refused(failure.decline_code())),
            Err(failure) => Err(Error::Internal(failure.to_string())),
        }
    }

    /// Confirms an intent, always under the order's id.
    pub async fn confirm(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let path = format!("payment_intents/{}/confirm", intent.id);
        let failure = match self.post::<PaymentIntent>(&path, &[], Some(intent.order.as_str()), errand).await? {
            Ok(confirmed) => return self.end(confirmed.verdict(), intent, errand).await,
            Err(failure) if failure.is_decline() => return Ok(Some(Event::Declined(failure.decline_code()))),
            Err(failure) => failure,
        };
        // It may have been confirmed before. If not, it never will be: Stripe refuses it as it is, or repeats a failure
        // that it has stored under the key.
        match self.retrieve(intent, errand).await? {
            Verdict::Confirm => self.cancel(intent, failure.decline_code(), errand).await,
            verdict => self.end(verdict, intent, errand).await,
        }
    }

    /// Retrieves an intent, and goes on with it.
    pub async fn look_up(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self.retrieve(intent, errand).await? {
            Verdict::Confirm => self.confirm(intent, errand).await,
            verdict => self.end(verdict, intent, errand).await,
        }
    }

    /// Asks for a refund of the whole.
    pub async fn refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let form = [("payment_intent", intent.id), ("metadata[order_id]", intent.order.as_str())];
        let key = format!("{}#refund", intent.order);
        match self.post::<Refund>("refunds", &form, Some(&key), errand).await? {
            Ok(refund) => Ok(refund.is_done().then_some(Event::Refunded)),
            Err(failure) => Err(Error::Unavailable(failure.to_string())),
        }
    }

    /// Looks for refunds of an intent, and asks for one if there is none. One that has failed is for a person to see to.
    pub async fn look_up_refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let path = format!("refunds?payment_intent={}&limit=100", intent.id);
        let refunds = self.get::<List<Refund>>(&path, errand).await?;
        let refunds = refunds.map_err(|failure| Error::Unavailable(failure.to_string()))?;
        match refunds.of(intent.amount.amount()) {
            Refunds::Done => Ok(Some(Event::Refunded)),
            Refunds::Open => Ok(None),
            Refunds::Failed => Err(Error::Unavailable("the refund has failed: see Stripe for why".to_owned())),
            Refunds::Missing => self.refund(intent, errand).await,
        }
    }

    /// The order that a webhook's body is about; none where it is about something else.
    ///
    /// # Errors
    /// [`Error::InvalidSignature`]: Stripe has not signed it, or not just now.
    pub async fn verify(&self, webhook: &contract::Webhook, now: Timestamp) -> Result<Option<OrderId>, Error> {
        let body = webhook.bytes().ok_or(Error::InvalidSignature)?;
        let secret = self.webhook_secret.get().await?;
        if !signature::is_genuine(&webhook.signature, &body, secret.reveal(), now) {
            return Err(Error::InvalidSignature);
        }
        Ok(event::order(&body))
    }

    async fn retrieve(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Verdict, Error> {
        match self.get::<PaymentIntent>(&format!("payment_intents/{}", intent.id), errand).await? {
            Ok(intent) => Ok(intent.verdict()),
            Err(failure) => Err(Error::Unavailable(failure.to_string())),
        }
    }

    async fn end(&self, verdict: Verdict, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match verdict {
            Verdict::Ended(event) => Ok(Some(event)),
            Verdict::Cancel(code) => self.cancel(intent, code, errand).await,
            Verdict::Confirm | Verdict::Open => Ok(None),
        }
    }

    /// Declines by cancelling the intent, so that it can never be captured later. It has no key: to repeat it does no
    /// harm, and no stored answer stands in the way.
    async fn cancel(&self, intent: &Intent<'_>, code: String, errand: &Errand) -> Result<Option<Event>, Error> {
        let path = format!("payment_intents/{}/cancel", intent.id);
        match self.post::<PaymentIntent>(&path, &[("cancellation_reason", "abandoned")], None, errand).await? {
            Ok(intent) => Ok(intent.is_canceled().then_some(Event::Declined(code))),
            Err(failure) => Err(Error::Unavailable(failure.to_string())),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, errand: &Errand) -> Result<Answer<T>, Error> {
        self.call(Method::GET, path, Bytes::new(), None, errand).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        key: Option<&str>,
        errand: &Errand,
    ) -> Result<Answer<T>, Error> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.call(Method::POST, path, form.into(), key, errand).await
    }

    /// Sends a request, and again if the connection breaks: one that was kept may have been closed meanwhile. Each of
    /// these can be repeated, by its key or by its nature.
    async fn send(&self, request: Request<Bytes>, patience: Duration) -> Result<Response<Bytes>, Error> {
        let begun = Instant::now();
        let answer = self.https.send(request.clone(), patience).await;
        match patience.saturating_sub(begun.elapsed()) {
            left if answer.is_err() && !left.is_zero() => self.https.send(request, left).await,
            _ => answer,
        }
    }

    /// One call. What says nothing about the payment is an error: no answer, one that cannot be read, Stripe's own
    /// failures (but for one that it only repeats: <https://docs.stripe.com/api/idempotent_requests>), and refusals that
    /// have to do with the moment or with the account.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: Bytes,
        key: Option<&str>,
        errand: &Errand,
    ) -> Result<Answer<T>, Error> {
        let bearer = format!("Bearer {}", self.secret_key.get().await?.reveal());
        let patience = errand.patience()?;
        let unfit = |what: &str| Error::Internal(format!("{what} cannot stand in a request to Stripe"));
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| unfit("the secret key"))?;
        bearer.set_sensitive(true);
        let is_post = method == Method::POST;
        let mut request = Request::builder().method(method).uri(format!("{}/v1/{path}", self.url));
        request = request.header(AUTHORIZATION, bearer).header("Stripe-Version", VERSION);
        if is_post {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let request = request.body(form).map_err(|_| unfit("STRIPE_URL or an id"))?;
        let answer = self.send(request, patience).await?;
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
}
