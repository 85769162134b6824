//! Charges an order once. Only checkout invokes it, with the commands `charge`, `roll_forward`
//! and `refund`; it has no route, and refuses events of the API.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use shared::aws::{self, WARM_UP};
use shared::clock::Clock;
use shared::command;
use shared::config::{self, Environment};
use shared::contract::{Payment, PaymentsCommand};
use shared::error::{Error, FunctionError};
use shared::telemetry::{Log, Telemetry};

mod commands;
mod payment;
mod provider;
mod sandbox;
mod store;

pub use provider::Provider;
use store::Store;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// The table's name.
    pub table: String,
    /// Who moves the money.
    pub provider: Provider,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `PAYMENTS_TABLE`, `PAYMENT_PROVIDER` and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            aws: aws::Config::read(&environment)?,
            table: environment.required("PAYMENTS_TABLE")?,
            provider: environment.parsed("PAYMENT_PROVIDER")?,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    store: Store,
    provider: Provider,
    clock: Clock,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            store: Store::new(config.aws.dynamodb(), config.table),
            provider: config.provider,
            clock: config.clock,
            telemetry: Telemetry::new("payments", config.log),
        }
    }

    /// Opens the connection to DynamoDB while the start still has a full CPU.
    pub async fn warm_up(&self) {
        let _ = tokio::time::timeout(WARM_UP, self.store.touch()).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a command, or the command failed.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Box<RawValue>>) -> Result<Payment, FunctionError> {
        command::serve(&self.telemetry, event.payload.get(), |command| self.command(command)).await
    }

    async fn command(&self, command: PaymentsCommand) -> Result<Payment, Error> {
        match command {
            PaymentsCommand::Charge(charge) => self.charge(charge).await,
            PaymentsCommand::RollForward(roll_forward) => self.roll_forward(roll_forward).await,
            PaymentsCommand::Refund(refund) => self.refund(refund).await,
        }
    }
}
