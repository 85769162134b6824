//! Charges an order once. Only checkout invokes it, with the commands `charge`, `roll_forward`, `refund`, `webhook` and
//! `resolve`; it has no route, and refuses events of the API.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::aws::{self, WARM_UP};
use shared::clock::Clock;
use shared::command;
use shared::config::{self, Environment};
use shared::contract::{Notice, Payment, PaymentsCommand};
use shared::errand::Errand;
use shared::error::{Error, FunctionError};
use shared::telemetry::{Log, Telemetry};

mod commands;
mod payment;
mod provider;
mod sandbox;
mod secret;
mod store;
mod stripe;

pub use provider::Provider;
use store::Store;

/// For how long the provider may keep one invocation. Checkout waits a second longer.
const ASKING: Duration = Duration::from_secs(7);
/// No call to it is started with less time left than this.
const LEAST: Duration = Duration::from_millis(500);
/// What is kept back of Lambda's time, to record what the provider said.
const RECORDING: Duration = Duration::from_millis(1500);

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
    /// Reads `PAYMENTS_TABLE`, `PAYMENT_PROVIDER`, what that provider needs (see `stripe.rs`) and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        let aws = aws::Config::read(&environment)?;
        Ok(Config {
            table: environment.required("PAYMENTS_TABLE")?,
            provider: Provider::read(&environment, &aws)?,
            aws,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// What a command is answered with.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// A payment as it is then.
    Payment(Payment),
    /// What a webhook is about.
    Notice(Notice),
}

/// The part of a command that its handlers do not need.
#[derive(Default, Deserialize)]
struct Sent {
    request_id: Option<String>,
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

    /// Opens the connections to DynamoDB and the provider while the start still has a full CPU.
    pub async fn warm_up(&self) {
        let errand = Errand::of(None, &self.clock);
        let touch = async { tokio::join!(self.store.touch(), self.provider.touch(&errand)) };
        let _ = tokio::time::timeout(WARM_UP, touch).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a command, or the command failed.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Box<RawValue>>) -> Result<Reply, FunctionError> {
        let sent: Sent = serde_json::from_str(event.payload.get()).unwrap_or_default();
        let errand = Errand::of(Some(&event.context), &self.clock).for_request(sent.request_id, None);
        let asking = errand.part(ASKING, RECORDING).in_steps_of(LEAST);
        let work = command::serve(&self.telemetry, event.payload.get(), |command| self.command(command, &asking));
        errand.run(work).await
    }

    async fn command(&self, command: PaymentsCommand, errand: &Errand) -> Result<Reply, Error> {
        match command {
            PaymentsCommand::Charge(charge) => self.charge(charge, errand).await.map(Reply::Payment),
            PaymentsCommand::RollForward(roll_forward) => {
                self.roll_forward(roll_forward, errand).await.map(Reply::Payment)
            }
            PaymentsCommand::Refund(refund) => self.refund(refund, errand).await.map(Reply::Payment),
            PaymentsCommand::Webhook(webhook) => self.webhook(webhook, errand).await.map(Reply::Notice),
            PaymentsCommand::Resolve(resolve) => self.resolve(resolve, errand).await.map(Reply::Payment),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lambda_runtime::Context;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_command_whose_database_does_not_answer_fails_before_lambda_ends_it() {
        let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", deaf.local_addr().expect("an address"));
        let config = Config::read(|key| match key {
            "AWS_ENDPOINT_URL" => Some(url.clone()),
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "PAYMENTS_TABLE" => Some("x".to_owned()),
            "PAYMENT_PROVIDER" => Some("sandbox".to_owned()),
            _ => None,
        });
        let app = Arc::new(App::new(Config { log: Log::to(|_| ()), ..config.expect("a configuration") }));
        let left = Duration::from_secs(1);
        let mut context = Context::default();
        context.deadline = u64::try_from(Clock::system().now().plus(left).as_millis()).expect("a time after 1970");
        let command = format!(r#"{{"command": "refund", "order_id": "ord_{}"}}"#, "a".repeat(52));
        let payload = RawValue::from_string(command).expect("JSON");
        let begun = Instant::now();
        let failed = app.handle(LambdaEvent::new(payload, context)).await;
        assert!(matches!(failed, Err(FunctionError(Error::Unavailable(_)))));
        assert!(begun.elapsed() < left, "{:?}", begun.elapsed());
    }
}
