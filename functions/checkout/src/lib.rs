//! The orchestrator. Answers `POST /orders`: orders places it, payments charges it, orders settles it, and the client
//! gets `{order, payment}` in one answer. Checkout has no table; every step is idempotent under the order's id.

use std::sync::Arc;
use std::time::Duration;

use shared::aws;
use shared::clock::Clock;
use shared::command;
use shared::config::{self, Environment};
use shared::error::{Error, FunctionError};
use shared::http::{self, Event, Request, Response};
use shared::telemetry::{Log, Telemetry};

mod answer;
mod basket;
mod card;
mod functions;
mod handlers;

use functions::Functions;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// The name or ARN of the function orders.
    pub orders: String,
    /// The name or ARN of the function payments.
    pub payments: String,
    /// How long an order without an end may still be the work of a running checkout.
    pub in_flight: Duration,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `ORDERS_FUNCTION`, `PAYMENTS_FUNCTION`, `IN_FLIGHT_SECONDS` and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            aws: aws::Config::read(&environment)?,
            orders: environment.required("ORDERS_FUNCTION")?,
            payments: environment.required("PAYMENTS_FUNCTION")?,
            in_flight: Duration::from_secs(environment.parsed("IN_FLIGHT_SECONDS")?),
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    functions: Functions,
    in_flight: Duration,
    clock: Clock,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            functions: Functions::new(config.aws.lambda(), config.orders, config.payments),
            in_flight: config.in_flight,
            clock: config.clock,
            telemetry: Telemetry::new("checkout", config.log),
        }
    }

    /// Opens the connection to Lambda while the start still has a full CPU.
    pub async fn warm_up(&self) {
        let _ = tokio::time::timeout(aws::WARM_UP, self.functions.touch()).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a request.
    pub async fn handle(self: Arc<Self>, event: lambda_http::Request) -> Result<Response, FunctionError> {
        match Event::from(event) {
            Event::Http(request) => Ok(http::serve(&self.telemetry, &request, self.route(&request)).await),
            Event::Direct(_) => command::refuse(&self.telemetry).await,
        }
    }

    async fn route(&self, request: &Request) -> Result<Response, Error> {
        match request.route_key() {
            "POST /orders" => self.create(request).await,
            _ => Err(http::unknown_route(request)),
        }
    }
}
