//! Accounts, sign-in and sessions. Answers `POST /users`, `POST /login`, `POST /token/refresh`, `POST /logout`,
//! `POST /password/reset`, everything under `/users/me`, `GET /.well-known/jwks.json` and
//! `GET /.well-known/openid-configuration`; invoked directly, `{"command":"make_admin","username":…}` makes an admin, and
//! `{"command":"issue_password_reset","username":…}` a token that sets a new password.

use std::num::NonZeroU32;
use std::sync::Arc;

use lambda_http::RequestExt;
use shared::aws::{self, WARM_UP};
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::edge::Lock;
use shared::errand::Errand;
use shared::error::{Error, FunctionError};
use shared::http::{Event, Request, Response};
use shared::telemetry::{Log, Telemetry};
use shared::{command, http};

mod account;
mod attempts;
mod discovery;
mod handlers;
mod password;
mod session;
mod sign_in;
mod signer;
mod store;
mod token;

pub use account::{Email, Username};
use attempts::{Attempts, Limits};
use handlers::{Command, Reply};
use password::Hasher;
use signer::Signer;
use store::Store;
pub use store::sample_account;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// Who comes in, where an edge stands in front.
    pub lock: Lock,
    /// The table's name.
    pub table: String,
    /// How many attempts of one kind a network may make in a minute.
    pub attempts_per_minute: NonZeroU32,
    /// How many in an hour.
    pub attempts_per_hour: NonZeroU32,
    /// Signs access tokens and knows the published keys.
    pub signer: Signer,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `USERS_TABLE`, `ATTEMPTS_PER_MINUTE`, `ATTEMPTS_PER_HOUR`, `JWKS`, `ISSUER`, `AUDIENCE`, `SIGNING_KEY`,
    /// `SIGNING_KEY_A` or `SIGNING_KEY_B`, what [`Lock::read`] reads, and AWS's own variables.
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
            lock: Lock::read(&environment)?,
            table: environment.required("USERS_TABLE")?,
            attempts_per_minute: environment.parsed("ATTEMPTS_PER_MINUTE")?,
            attempts_per_hour: environment.parsed("ATTEMPTS_PER_HOUR")?,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    store: Store,
    attempts: Attempts,
    hasher: Arc<Hasher>,
    signer: Signer,
    clock: Clock,
    lock: Lock,
    telemetry: Telemetry,
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        let client = config.aws.dynamodb();
        let limits = Limits { per_minute: config.attempts_per_minute, per_hour: config.attempts_per_hour };
        App {
            store: Store::new(client.clone(), config.table.clone()),
            attempts: Attempts::new(client, config.table, limits, config.clock.clone()),
            hasher: Arc::new(Hasher::new()),
            signer: config.signer,
            clock: config.clock,
            lock: config.lock,
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
            match Event::read(event, &self.lock) {
                Event::Http(request) => Ok(http::serve(&self.telemetry, &request, self.route(&request)).await),
                Event::Direct(json) => {
                    let reply =
                        command::serve(&self.telemetry, &json, |command| self.command(command, &errand.request_id))
                            .await?;
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
            "POST /token/refresh" => self.refresh(request).await,
            "POST /logout" => self.logout(request).await,
            "POST /password/reset" => self.reset_password(request).await,
            "GET /users/me" => self.profile(request).await,
            "PATCH /users/me" => self.change_profile(request).await,
            "DELETE /users/me" => self.close(request).await,
            "PUT /users/me/password" => self.change_password(request).await,
            "GET /users/me/sessions" => self.sessions(request).await,
            "DELETE /users/me/sessions/{session_id}" => self.end_session(request).await,
            "GET /.well-known/jwks.json" => self.public_keys(request),
            "GET /.well-known/openid-configuration" => self.openid_configuration(request),
            _ => Err(http::unknown_route(request)),
        }
    }

    async fn command(&self, command: Command, request_id: &str) -> Result<Reply, Error> {
        match command {
            Command::MakeAdmin { username } => self.make_admin(&username, request_id).await.map(Reply::Account),
            Command::IssuePasswordReset { username } => self.issue_reset(&username, request_id).await.map(Reply::Reset),
        }
    }
}
