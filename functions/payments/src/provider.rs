//! Who moves the money.

use std::str::FromStr;

use shared::contract::Charge;
use shared::error::Error;

use crate::payment::Outcome;
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

    /// Confirms a prepared payment: this moves the money, once for an id however often it is asked.
    pub async fn confirm(self, intent: &str) -> Outcome {
        match self {
            Provider::Sandbox => sandbox::confirm(intent),
        }
    }
}
