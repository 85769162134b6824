//! Stripe, by its REST API (<https://docs.stripe.com/api>). A payment is a PaymentIntent: making one moves no money,
//! confirming it does, once; whatever answer was lost, retrieving it says what became of it.
//!
//! An intent takes cards alone, and not what `automatic_payment_methods` would add: with a card the outcome is known at
//! once, while other methods may stay open for days, for which a shop that answers in one request has no place.

use shared::config::{self, Environment};
use shared::contract::Charge;
use shared::errand::Errand;
use shared::error::Error;
use shared::ids::{self, OrderId};
use shared::{aws, contract};

use crate::payment::Event;
use crate::provider::{Intent, Prepared};
use crate::secret::{Secret, Stored};
use answer::{List, PaymentIntent, Refund, Refunds, Verdict};
use api::{ALL, Answer, Api, Ask};

mod answer;
mod api;
mod event;
#[cfg(test)]
mod mock;
mod signature;

/// Where Stripe is.
const URL: &str = "https://api.stripe.com";

/// An account at Stripe.
pub struct Stripe {
    api: Api,
    webhook_secret: Stored,
}

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
            api: Api::new(&url, Stored::read(environment, aws, "STRIPE_SECRET_KEY")?)?,
            webhook_secret: Stored::read(environment, aws, "STRIPE_WEBHOOK_SECRET")?,
        })
    }

    /// Reads the secrets and opens a connection, as far as that is possible.
    pub async fn touch(&self, errand: &Errand) {
        let _ = tokio::join!(self.api.touch(errand), self.webhook_secret.get(errand));
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
        match self.api.call::<PaymentIntent>(Ask::post("payment_intents", &form, Some(&key)), errand).await? {
            Ok(intent) if intent.has_plain_id() => Ok(Prepared::Intent(intent.id)),
            Ok(_) => Err(Error::Internal("the id of an intent that Stripe has made cannot stand in a URL".to_owned())),
            Err(failure) if failure.is_about_the_payment() => Ok(Prepared::Refused(failure.decline_code())),
            Err(failure) => Err(Error::Internal(failure.to_string())),
        }
    }

    /// Confirms an intent, always under the order's id. Where the issuer wants the customer to authenticate, Stripe is to
    /// refuse the card, so that its own record of the attempt says why.
    pub async fn confirm(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let path = format!("payment_intents/{}/confirm", intent.id);
        let form = [("error_on_requires_action", "true")];
        let ask = Ask::post(&path, &form, Some(intent.order.as_str())).for_up_to(ALL);
        let failure = match self.api.call::<PaymentIntent>(ask, errand).await? {
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

    /// Sees to it that an intent is never captured. `None`: Stripe is at it, and neither can be said.
    pub async fn abandon(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self.ask_to_cancel(intent, errand).await? {
            Ok(canceled) => Ok(canceled.is_canceled().then(|| Event::Declined("canceled".to_owned()))),
            // An intent that Stripe does not have is one that it will never capture.
            Err(failure) if failure.status == 404 => Ok(Some(Event::Declined(failure.decline_code()))),
            Err(_) => match self.retrieve(intent, errand).await? {
                Verdict::Ended(event) => Ok(Some(event)),
                Verdict::Confirm | Verdict::Cancel(_) | Verdict::Open => Ok(None),
            },
        }
    }

    /// Asks for a refund of the whole.
    pub async fn refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let refund = self.ask_for_refund(&format!("{}#refund", intent.order), intent, errand).await?;
        done(refund)
    }

    /// Looks for refunds of an intent, and asks for one if there is none. One that has failed is for a person to see to.
    pub async fn look_up_refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let path = format!("refunds?payment_intent={}&limit=100", intent.id);
        let refunds = self.api.call::<List<Refund>>(Ask::get(&path), errand).await?;
        let refunds = refunds.map_err(|failure| Error::Unavailable(failure.to_string()))?;
        match refunds.of(intent.amount.amount()) {
            Refunds::Done => Ok(Some(Event::Refunded)),
            Refunds::Open => Ok(None),
            Refunds::Failed => Err(Error::Unavailable("the refund has failed: see Stripe for why".to_owned())),
            Refunds::Missing => self.refund_again(intent, errand).await,
        }
    }

    /// Asks for a refund that Stripe does not have. If the first attempt failed inside Stripe, that failure is all it
    /// answers under the first key for a day, so another key follows: there is no refund, and were there one after all,
    /// Stripe would refuse a second, as it gives back no more than it has taken.
    async fn refund_again(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        let key = format!("{}#refund", intent.order);
        match self.ask_for_refund(&key, intent, errand).await? {
            Err(failure) if failure.status >= 500 => {
                done(self.ask_for_refund(&format!("{key}#2"), intent, errand).await?)
            }
            refund => done(refund),
        }
    }

    async fn ask_for_refund(&self, key: &str, intent: &Intent<'_>, errand: &Errand) -> Result<Answer<Refund>, Error> {
        let form = [("payment_intent", intent.id), ("metadata[order_id]", intent.order.as_str())];
        self.api.call(Ask::post("refunds", &form, Some(key)).for_up_to(ALL), errand).await
    }

    /// The order that a webhook's body is about; none where it is about something else.
    ///
    /// # Errors
    /// [`Error::InvalidSignature`]: Stripe has not signed it, or not just now.
    pub async fn verify(&self, webhook: &contract::Webhook, errand: &Errand) -> Result<Option<OrderId>, Error> {
        let body = webhook.bytes().ok_or(Error::InvalidSignature)?;
        let is_by = |secret: &Secret| signature::is_genuine(&webhook.signature, &body, secret.reveal(), errand.began);
        let secret = self.webhook_secret.get(errand).await?;
        if is_by(&secret) {
            return Ok(event::order(&body));
        }
        // The secret may have been replaced since it was read.
        match self.webhook_secret.instead_of(&secret, errand).await? {
            Some(replaced) if is_by(&replaced) => Ok(event::order(&body)),
            _ => Err(Error::InvalidSignature),
        }
    }

    async fn retrieve(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Verdict, Error> {
        let path = format!("payment_intents/{}", intent.id);
        match self.api.call::<PaymentIntent>(Ask::get(&path), errand).await? {
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

    /// Declines by cancelling the intent, so that it can never be captured later.
    async fn cancel(&self, intent: &Intent<'_>, code: String, errand: &Errand) -> Result<Option<Event>, Error> {
        match self.ask_to_cancel(intent, errand).await? {
            Ok(intent) => Ok(intent.is_canceled().then_some(Event::Declined(code))),
            Err(failure) => Err(Error::Unavailable(failure.to_string())),
        }
    }

    /// Cancelling has no key: to repeat it does no harm, and no stored answer stands in the way.
    async fn ask_to_cancel(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Answer<PaymentIntent>, Error> {
        let path = format!("payment_intents/{}/cancel", intent.id);
        self.api.call(Ask::post(&path, &[("cancellation_reason", "abandoned")], None), errand).await
    }
}

/// What an answer about a refund says.
fn done(refund: Answer<Refund>) -> Result<Option<Event>, Error> {
    match refund {
        Ok(refund) => Ok(refund.is_done().then_some(Event::Refunded)),
        Err(failure) => Err(Error::Unavailable(failure.to_string())),
    }
}
