//! An order's life. Answers `GET /orders`, `GET /orders/{order_id}`, `GET /fulfilment`, `GET /fulfilment/{order_id}` and
//! `POST /orders/{order_id}/fulfilment`; checkout invokes it directly with the commands `place`,
//! `settle`, `cancel`, `claim`, `backlog` and `find`, a person with `{"command":"erase_addresses","user_id":…}`.

use std::sync::Arc;

use lambda_http::RequestExt;
use serde::Serialize;
use shared::aws::{self, WARM_UP};
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::contract::{Backlog, Due, OrderAndPayment, OrdersCommand, Placed};
use shared::edge::Lock;
use shared::errand::Errand;
use shared::error::{Error, FunctionError};
use shared::http::{Event, Request, Response};
use shared::telemetry::{Log, Telemetry};
use shared::{command, http};

mod commands;
mod handlers;
mod order;
mod store;

pub use order::HALF_WAY;
use store::{Erased, Store};

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// Who comes in, where an edge stands in front.
    pub lock: Lock,
    /// The name of the orders table.
    pub orders_table: String,
    /// The name of the products table.
    pub products_table: String,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `ORDERS_TABLE`, `PRODUCTS_TABLE`, what [`Lock::read`] reads and AWS's own variables.
    ///
    /// # Errors
    /// Something is missing.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            aws: aws::Config::read(&environment)?,
            lock: Lock::read(&environment)?,
            orders_table: environment.required("ORDERS_TABLE")?,
            products_table: environment.required("PRODUCTS_TABLE")?,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    store: Store,
    clock: Clock,
    lock: Lock,
    telemetry: Telemetry,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Placed(Placed),
    Order(Box<OrderAndPayment>),
    Due(Due),
    Backlog(Backlog),
    Erased(Erased),
}

impl Reply {
    fn order(both: OrderAndPayment) -> Reply {
        Reply::Order(Box::new(both))
    }
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            store: Store::new(config.aws.dynamodb(), config.orders_table, config.products_table),
            clock: config.clock,
            lock: config.lock,
            telemetry: Telemetry::new("orders", config.log),
        }
    }

    /// Opens the connection to DynamoDB while the start still has a full CPU.
    pub async fn warm_up(&self) {
        let _ = tokio::time::timeout(WARM_UP, self.store.touch()).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Only a command fails; a request is answered with a problem.
    pub async fn handle(self: Arc<Self>, event: lambda_http::Request) -> Result<Response, FunctionError> {
        let errand = Errand::of(event.lambda_context_ref(), &self.clock);
        let work = async {
            match Event::read(event, &self.lock) {
                Event::Http(request) => Ok(http::serve(&self.telemetry, &request, self.route(&request)).await),
                Event::Direct(json) => {
                    let reply = command::serve(&self.telemetry, &json, |command| self.command(command)).await?;
                    command::reply(&reply)
                }
            }
        };
        errand.run(work).await
    }

    async fn route(&self, request: &Request) -> Result<Response, Error> {
        match request.route_key() {
            "GET /orders" => self.list(request).await,
            "GET /orders/{order_id}" => self.detail(request).await,
            "GET /fulfilment" => self.queue(request).await,
            "GET /fulfilment/{order_id}" => self.queued(request).await,
            "POST /orders/{order_id}/fulfilment" => self.fulfil(request).await,
            _ => Err(http::unknown_route(request)),
        }
    }

    async fn command(&self, command: OrdersCommand) -> Result<Reply, Error> {
        match command {
            OrdersCommand::Place(place) => self.place(place).await.map(Reply::Placed),
            OrdersCommand::Settle(settle) => self.settle(settle).await.map(Reply::order),
            OrdersCommand::Cancel(cancel) => self.cancel(cancel).await.map(Reply::order),
            OrdersCommand::Claim(claim) => self.claim(claim).await.map(Reply::Due),
            OrdersCommand::Backlog {} => self.backlog().await.map(Reply::Backlog),
            OrdersCommand::Find(find) => self.find(find).await.map(Reply::order),
            OrdersCommand::EraseAddresses(erase) => self.erase_addresses(erase).await.map(Reply::Erased),
        }
    }
}
