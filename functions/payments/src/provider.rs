//! Who moves the money.

use std::str::FromStr;

use shared::contract::Charge;
use shared::error::Error;
use shared::ids::OrderId;

use crate::payment::Event;
use crate::sandbox;

/// The payment provider, a closed choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Moves no money; understands Stripe's test payment methods.
    Sandbox,
}

impl FromStr for Provider {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Provider, Self::Err> {
        match text {
            "sandbox" => Ok(Provider::Sandbox),
            _ => Err("the payment providers are: sandbox"),
        }
    }
}

impl Provider {
    /// The name that a payment carries.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Sandbox => "sandbox",
        }
    }

    /// Prepares a payment without moving money and gives the provider's id of it.
    ///
    /// # Errors
    /// The provider does not answer; nothing has been charged.
    pub async fn prepare(self, charge: &Charge) -> Result<String, Error> {
        match self {
            Provider::Sandbox => Ok(sandbox::prepare(charge)),
        }
    }

    /// Confirms a prepared payment: this moves the money, once for an id however often it is asked. `None`: the
    /// provider did not say what became of it.
    pub async fn confirm(self, intent: &str) -> Option<Event> {
        match self {
            Provider::Sandbox => sandbox::confirm(intent),
        }
    }

    /// Finds out what became of a payment that was to be confirmed, and confirms it if it still waits for that. `None`:
    /// the provider did not say.
    pub async fn look_up(self, intent: &str) -> Option<Event> {
        match self {
            Provider::Sandbox => sandbox::confirm(intent),
        }
    }

    /// Gives a captured payment back, once for an order however often it is asked. `None`: the provider did not say
    /// what became of it.
    pub async fn refund(self, _order: &OrderId, intent: &str) -> Option<Event> {
        match self {
            Provider::Sandbox => sandbox::refund(intent),
        }
    }

    /// Finds out whether a payment was given back, and asks for it if it was not. `None`: the provider did not say.
    pub async fn look_up_refund(self, _order: &OrderId, intent: &str) -> Option<Event> {
        match self {
            Provider::Sandbox => sandbox::refund(intent),
        }
    }
}
