//! Accounts and sign-in. Answers `POST /users`, `POST /login`, `GET` and `PATCH /users/me` and
//! `GET /.well-known/jwks.json`; invoked directly, `{"command":"make_admin","username":…}` makes an admin.

use std::sync::Arc;

use lambda_http::RequestExt;
use shared::aws::{self, WARM_UP};
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::errand::Errand;
use shared::error::{Error, FunctionError};
use shared::http::{Event, Request, Response};
use shared::telemetry::{Log, Telemetry};
use shared::{command, http};

mod account;
mod handlers;
mod password;
mod signer;
mod store;

pub use account::{Email, Username};
use handlers::Command;
use password::Hasher;
use signer::Signer;
use store::Store;
pub use store::sample_account;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// The table's name.
    pub table: String,
    /// Signs access tokens and knows the published keys.
    pub signer: Signer,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `USERS_TABLE`, `JWKS`, `ISSUER`, `AUDIENCE`, `SIGNING_KEY`, `SIGNING_KEY_A` or `SIGNING_KEY_B`, and AWS's own
    /// variables.
    ///
    /// # Errors
    /// Something is missing; without a signing key, or with one whose public half is not published, nobody could
    /// sign in, so the function does not start.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        let aws = aws::Config::read(&environment)?;
        Ok(Config {
            signer: Signer::read(&environment, &aws)?,
            aws,
            table: environment.required("USERS_TABLE")?,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    store: Store,
    hasher: Arc<Hasher>,
    signer: Signer,
    clock: Clock,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App {
            store: Store::new(config.aws.dynamodb(), config.table),
            hasher: Arc::new(Hasher::new()),
            signer: config.signer,
            clock: config.clock,
            telemetry: Telemetry::new("users", config.log),
        }
    }

    /// Opens the connections to DynamoDB and KMS while the start still has a full CPU.
    pub async fn warm_up(&self) {
        let _ = tokio::time::timeout(WARM_UP, async { tokio::join!(self.store.touch(), self.signer.touch()) }).await;
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Only a command fails; a request is answered with a problem.
    pub async fn handle(self: Arc<Self>, event: lambda_http::Request) -> Result<Response, FunctionError> {
        let errand = Errand::of(event.lambda_context_ref(), &self.clock);
        let work = async {
            match Event::from(event) {
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
            "POST /users" => self.register(request).await,
            "POST /login" => self.login(request).await,
            "GET /users/me" => self.profile(request).await,
            "PATCH /users/me" => self.change_profile(request).await,
            "GET /.well-known/jwks.json" => self.public_keys(request).await,
            _ => Err(http::unknown_route(request)),
        }
    }

    async fn command(&self, command: Command) -> Result<handlers::Account, Error> {
        match command {
            Command::MakeAdmin { username } => self.make_admin(&username).await,
        }
    }
}
