//! Who moves the money.

use shared::aws;
use shared::config::{self, Environment};
use shared::contract::{Charge, Webhook};
use shared::errand::Errand;
use shared::error::Error;
use shared::ids::OrderId;
use shared::money::Money;

use crate::payment::Event;
use crate::sandbox;
use crate::stripe::Stripe;

/// The payment provider, a closed choice.
pub enum Provider {
    /// Moves no money; understands Stripe's test payment methods.
    Sandbox,
    /// Stripe.
    Stripe(Box<Stripe>),
}

/// How preparing a payment went.
pub enum Prepared {
    /// It waits under this id for being confirmed.
    Intent(String),
    /// The provider will have nothing to do with it, with this decline code.
    Refused(String),
}

/// A payment that was prepared.
#[derive(Clone, Copy)]
pub struct Intent<'a> {
    /// The order it pays.
    pub order: &'a OrderId,
    /// The provider's id of it.
    pub id: &'a str,
    /// How much.
    pub amount: Money,
}

impl Provider {
    /// Reads `PAYMENT_PROVIDER`, and what the provider needs.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read<F: Fn(&str) -> Option<String>>(
        environment: &Environment<F>,
        aws: &aws::Config,
    ) -> Result<Provider, config::Error> {
        match environment.required("PAYMENT_PROVIDER")?.as_str() {
            "sandbox" => Ok(Provider::Sandbox),
            "stripe" => Stripe::read(environment, aws).map(|stripe| Provider::Stripe(Box::new(stripe))),
            _ => Err(config::Error::new("PAYMENT_PROVIDER is none: choose sandbox or stripe")),
        }
    }

    /// The name that a payment carries.
    pub fn name(&self) -> &'static str {
        match self {
            Provider::Sandbox => "sandbox",
            Provider::Stripe(_) => "stripe",
        }
    }

    /// Opens what connections it needs.
    pub async fn touch(&self, errand: &Errand) {
        match self {
            Provider::Sandbox => {}
            Provider::Stripe(stripe) => stripe.touch(errand).await,
        }
    }

    /// Prepares a payment without moving money.
    ///
    /// # Errors
    /// The provider does not answer; nothing has been charged.
    pub async fn prepare(&self, charge: &Charge, errand: &Errand) -> Result<Prepared, Error> {
        match self {
            Provider::Sandbox => Ok(Prepared::Intent(sandbox::prepare(charge))),
            Provider::Stripe(stripe) => stripe.prepare(charge, errand).await,
        }
    }

    /// Confirms a prepared payment: this moves the money, once for an intent however often it is asked. `None`: the
    /// provider does not know yet what becomes of it.
    ///
    /// # Errors
    /// The provider did not say what became of it.
    pub async fn confirm(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self {
            Provider::Sandbox => Ok(sandbox::confirm(intent.id)),
            Provider::Stripe(stripe) => stripe.confirm(intent, errand).await,
        }
    }

    /// Finds out what became of a payment that was to be confirmed, and confirms it if it still waits for that. `None`
    /// and errors as with [`Provider::confirm`].
    ///
    /// # Errors
    /// The provider did not say.
    pub async fn look_up(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self {
            Provider::Sandbox => Ok(sandbox::confirm(intent.id)),
            Provider::Stripe(stripe) => stripe.look_up(intent, errand).await,
        }
    }

    /// Sees to it that a payment is never captured, if it is not yet: declined then, also where the provider does not
    /// know it. `None`: it is being captured, or not, at this moment.
    ///
    /// # Errors
    /// The provider did not say.
    pub async fn abandon(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self {
            Provider::Sandbox => Ok(Some(sandbox::abandon(intent.id))),
            Provider::Stripe(stripe) => stripe.abandon(intent, errand).await,
        }
    }

    /// Gives a captured payment back, once for an order however often it is asked. `None`: it is under way.
    ///
    /// # Errors
    /// The provider did not say what became of it.
    pub async fn refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self {
            Provider::Sandbox => Ok(sandbox::refund(intent.id)),
            Provider::Stripe(stripe) => stripe.refund(intent, errand).await,
        }
    }

    /// Finds out whether a payment was given back, and asks for it if nobody has. `None`: it is under way.
    ///
    /// # Errors
    /// The provider did not say, or has failed to give it back.
    pub async fn look_up_refund(&self, intent: &Intent<'_>, errand: &Errand) -> Result<Option<Event>, Error> {
        match self {
            Provider::Sandbox => Ok(sandbox::refund(intent.id)),
            Provider::Stripe(stripe) => stripe.look_up_refund(intent, errand).await,
        }
    }

    /// The order that a webhook is about; none where it is about something else.
    ///
    /// # Errors
    /// The provider sends none, or has not sent this one.
    pub async fn verify(&self, webhook: &Webhook, errand: &Errand) -> Result<Option<OrderId>, Error> {
        match self {
            Provider::Sandbox => Err(Error::NotFound("webhook")),
            Provider::Stripe(stripe) => stripe.verify(webhook, errand).await,
        }
    }
}
