//! The orchestrator. Answers `POST /orders`: orders places it, payments charges it, orders settles it, and the client
//! gets `{order, payment}` in one answer; `POST /orders/{order_id}/cancel`: payments gives the money back; and
//! `POST /webhooks/stripe`: the payment provider says by itself what became of a payment. On the command `reconcile`,
//! which comes on a schedule, the same steps end what was left half way; on `resolve` they do so as a person says.
//! Checkout has no table; every step is idempotent under the order's id.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::aws;
use shared::clock::Clock;
use shared::command;
use shared::config::{self, Environment};
use shared::contract::OrderAndPayment;
use shared::edge::Lock;
use shared::error::{Error, FunctionError};
use shared::http::{self, Event, Request, Response};
use shared::telemetry::{Log, Telemetry};

mod answer;
mod basket;
mod card;
mod errand;
mod finish;
mod functions;
mod handlers;
mod reconcile;
mod resolve;
mod webhook;

use errand::Errand;
use functions::Functions;
use reconcile::Reconciled;
use resolve::Resolve;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// Who comes in, where an edge stands in front.
    pub lock: Lock,
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
    /// Reads `ORDERS_FUNCTION`, `PAYMENTS_FUNCTION`, `IN_FLIGHT_SECONDS`, what [`Lock::read`] reads and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            aws: aws::Config::read(&environment)?,
            lock: Lock::read(&environment)?,
            orders: environment.required("ORDERS_FUNCTION")?,
            payments: environment.required("PAYMENTS_FUNCTION")?,
            in_flight: Duration::from_secs(environment.parsed("IN_FLIGHT_SECONDS")?),
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// What checkout does without a request. The braces matter: serde lets a unit variant pass with unknown members.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// End what was left half way. Answered by [`Reconciled`].
    Reconcile {},
    /// End one order as a person says. Answered by [`OrderAndPayment`].
    Resolve(Resolve),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Reconciled(Reconciled),
    Order(Box<OrderAndPayment>),
}

impl shared::contract::Command for Command {
    fn name(&self) -> &'static str {
        match self {
            Command::Reconcile {} => "reconcile",
            Command::Resolve(_) => "resolve",
        }
    }
}

/// The function.
pub struct App {
    functions: Functions,
    in_flight: Duration,
    clock: Clock,
    lock: Lock,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            functions: Functions::new(config.aws.lambda(), config.orders, config.payments),
            in_flight: config.in_flight,
            clock: config.clock,
            lock: config.lock,
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
    /// Only a command fails; a request is answered with a problem.
    pub async fn handle(self: Arc<Self>, event: lambda_http::Request) -> Result<Response, FunctionError> {
        let errand = errand::of(&event, &self.clock);
        match Event::read(event, &self.lock) {
            Event::Http(request) => {
                let (id, trace_id) = (request.request_id().to_owned(), request.trace_id().map(str::to_owned));
                let errand = errand.for_request(Some(id), trace_id);
                Ok(http::serve(&self.telemetry, &request, self.route(&request, &errand)).await)
            }
            Event::Direct(json) => {
                let reply = command::serve(&self.telemetry, &json, |command| self.command(command, &errand)).await?;
                command::reply(&reply)
            }
        }
    }

    async fn command(&self, command: Command, errand: &Errand) -> Result<Reply, Error> {
        match command {
            Command::Reconcile {} => self.reconcile(errand).await.map(Reply::Reconciled),
            Command::Resolve(resolve) => self.resolve(errand, resolve).await.map(|both| Reply::Order(Box::new(both))),
        }
    }

    async fn route(&self, request: &Request, errand: &Errand) -> Result<Response, Error> {
        match request.route_key() {
            "POST /orders" => self.create(request, errand).await,
            "POST /orders/{order_id}/cancel" => self.cancel(request, errand).await,
            "POST /webhooks/stripe" => self.webhook(request, errand).await,
            _ => Err(http::unknown_route(request)),
        }
    }
}
