//! The catalogue. Anyone may list it and look at a product; an admin creates, changes, archives and restocks.
//! It answers `GET` and `POST /products`, `GET`, `PATCH` and `DELETE /products/{product_id}`, and
//! `POST /products/{product_id}/stock`. It has no commands.

mod handlers;
mod page_cache;
mod product;
mod store;

use std::sync::Arc;

use lambda_http::RequestExt;
use shared::clock::Clock;
use shared::config::Environment;
use shared::edge::Lock;
use shared::errand::Errand;
use shared::error::{Error, FunctionError};
use shared::http::{Event, Request, Response};
use shared::money::Currency;
use shared::telemetry::{Log, Telemetry};

use crate::page_cache::PageCache;
use crate::store::Store;

pub use crate::product::{InitialStock, NewProduct};
pub use crate::store::seed_items;

/// What the function is given.
pub struct Config {
    /// The time.
    pub clock: Clock,
    /// Where its log goes.
    pub log: Log,
    /// Where DynamoDB is.
    pub aws: shared::aws::Config,
    /// Who comes in, where an edge stands in front.
    pub lock: Lock,
    /// The products table's name.
    pub table: String,
    /// The currency of every price.
    pub currency: Currency,
}

impl Config {
    /// Reads `PRODUCTS_TABLE`, `CURRENCY`, what [`Lock::read`] reads and what [`shared::aws::Config::read`] reads.
    ///
    /// # Errors
    /// One of them is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, shared::config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            clock: Clock::system(),
            log: Log::stdout(),
            aws: shared::aws::Config::read(&environment)?,
            lock: Lock::read(&environment)?,
            table: environment.required("PRODUCTS_TABLE")?,
            currency: environment.parsed("CURRENCY")?,
        })
    }
}

/// The function, ready to answer.
pub struct App {
    lock: Lock,
    telemetry: Telemetry,
    currency: Currency,
    clock: Clock,
    store: Store,
    pages: PageCache,
}

impl App {
    /// The function with this configuration. Connects to nothing yet.
    pub fn new(config: Config) -> App {
        App {
            lock: config.lock,
            telemetry: Telemetry::new("products", config.log),
            currency: config.currency,
            pages: PageCache::new(config.clock.clone()),
            clock: config.clock,
            store: Store::new(config.aws.dynamodb(), config.table),
        }
    }

    /// Opens the connection to DynamoDB. A failure shows at the first request that needs it, so it is ignored here.
    pub async fn warm_up(&self) {
        let _ = tokio::time::timeout(shared::aws::WARM_UP, self.store.touch()).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a request of the HTTP API.
    pub async fn handle(self: Arc<Self>, event: lambda_http::Request) -> Result<Response, FunctionError> {
        let errand = Errand::of(event.lambda_context_ref(), &self.clock);
        let work = async {
            match Event::read(event, &self.lock) {
                Event::Http(request) => Ok(shared::http::serve(&self.telemetry, &request, self.route(&request)).await),
                Event::Direct(_) => shared::command::refuse(&self.telemetry).await,
            }
        };
        errand.run(work).await
    }

    async fn route(&self, request: &Request) -> Result<Response, Error> {
        match request.route_key() {
            "GET /products" => self.list(request).await,
            "POST /products" => self.create(request).await,
            "GET /products/{product_id}" => self.show(request).await,
            "PATCH /products/{product_id}" => self.change(request).await,
            "DELETE /products/{product_id}" => self.archive(request).await,
            "POST /products/{product_id}/stock" => self.restock(request).await,
            _ => Err(shared::http::unknown_route(request)),
        }
    }
}
