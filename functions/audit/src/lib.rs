//! Balances the books: whether stock, orders and payments agree with each other. On the command `audit`, which comes on a
//! schedule, it reads the three tables and answers with a [`Report`]. It writes nothing, has no route, and refuses events
//! of the API.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::aws;
use shared::command;
use shared::config::{self, Environment};
use shared::error::{Error, FunctionError};
use shared::telemetry::{Log, Telemetry};

mod books;
mod pair;
mod report;
mod store;
mod walk;

pub use report::{MOST_NAMED, Money, Report};
use store::Store;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// The products table's name.
    pub products: String,
    /// The orders table's name.
    pub orders: String,
    /// The payments table's name.
    pub payments: String,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `PRODUCTS_TABLE`, `ORDERS_TABLE`, `PAYMENTS_TABLE` and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            aws: aws::Config::read(&environment)?,
            products: environment.required("PRODUCTS_TABLE")?,
            orders: environment.required("ORDERS_TABLE")?,
            payments: environment.required("PAYMENTS_TABLE")?,
            log: Log::stdout(),
        })
    }
}

/// What audit does. The braces matter: serde lets a unit variant pass with unknown members.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// Balance the books. Answered by [`Report`].
    Audit {},
}

impl shared::contract::Command for Command {
    fn name(&self) -> &'static str {
        match self {
            Command::Audit {} => "audit",
        }
    }
}

/// The function.
pub struct App {
    store: Store,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            store: Store::new(&config.aws, config.products, config.orders, config.payments),
            telemetry: Telemetry::new("audit", config.log),
        }
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not the command, or a table could not be read.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Box<RawValue>>) -> Result<Report, FunctionError> {
        let request_id = event.context.request_id;
        command::serve(&self.telemetry, event.payload.get(), |command| self.command(command, request_id)).await
    }

    async fn command(&self, command: Command, request_id: String) -> Result<Report, Error> {
        match command {
            Command::Audit {} => {
                // Its state would be part of the runtime's, which is deep enough.
                let report = Box::pin(self.audit()).await?;
                // Nobody reads what a schedule's invocation answers, so the log has all of it.
                self.telemetry.figures(&request_id, &report);
                Ok(report)
            }
        }
    }
}
