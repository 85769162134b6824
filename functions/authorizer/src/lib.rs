//! The gateway authorizer: the HTTP API asks it before every protected route, with payload format 2.0, and it gives
//! the simple answer `{"isAuthorized": bool, "context": {user_id, role, token_id, expires_at}}`.
//! It holds public keys only and reaches no network and no table.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::edge::Lock;
use shared::error::FunctionError;
use shared::identity::{Caller, Jwks};
use shared::ids::UserId;
use shared::telemetry::{Log, Subject, Telemetry};

mod verifier;

pub use verifier::{Refusal, Verifier};

/// What the function is given.
pub struct Config {
    /// The keys that tokens are accepted from.
    pub jwks: Jwks,
    /// The issuer that tokens must name.
    pub issuer: String,
    /// The audience that tokens must name.
    pub audience: String,
    /// Who comes in, where an edge stands in front.
    pub lock: Lock,
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads `JWKS`, `ISSUER`, `AUDIENCE` and what [`Lock::read`] reads.
    ///
    /// # Errors
    /// One is missing, `JWKS` is not a key set, or the edge's secret is none.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let environment = Environment::new(lookup);
        Ok(Config {
            jwks: environment.parsed("JWKS")?,
            issuer: environment.required("ISSUER")?,
            audience: environment.required("AUDIENCE")?,
            lock: Lock::read(&environment)?,
            clock: Clock::system(),
            log: Log::stdout(),
        })
    }
}

/// The function.
pub struct App {
    lock: Lock,
    verifier: Verifier,
    clock: Clock,
    telemetry: Telemetry,
}

/// The part of the API's question that matters here. Everything is optional, because whatever cannot be read is a
/// refusal and never a failure: a failure would be a 500.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Question {
    identity_source: Vec<String>,
    route_key: String,
    request_context: Context,
    headers: Headers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    request_id: String,
}

/// Without `Debug`: the edge's secret is among them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Headers {
    #[serde(rename = "x-amzn-trace-id")]
    trace_id: Option<String>,
    #[serde(rename = "x-origin-secret")]
    secret: Option<String>,
    #[serde(rename = "x-viewer-address")]
    address: Option<String>,
}

/// The simple answer of an authorizer (payload format 2.0).
#[derive(Debug, Serialize)]
pub struct Answer {
    /// Whether the route may be called.
    #[serde(rename = "isAuthorized")]
    pub is_authorized: bool,
    /// Who is calling; the API hands it to the route's function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Caller>,
}

impl App {
    /// The function with this configuration. Keys that are not ES256 keys are left out: nothing verifies by them.
    pub fn new(config: Config) -> App {
        App {
            lock: config.lock,
            verifier: Verifier::new(&config.jwks, config.issuer, config.audience),
            clock: config.clock,
            telemetry: Telemetry::new("authorizer", config.log),
        }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// None: whatever is wrong is a refusal.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<serde_json::Value>) -> Result<Answer, FunctionError> {
        let question: Question = serde_json::from_value(event.payload).unwrap_or_default();
        let subject = Subject {
            request_id: question.request_context.request_id,
            trace_id: question.headers.trace_id.clone(),
            route: Some(question.route_key),
            ..Subject::default()
        };
        let Headers { secret, address, .. } = &question.headers;
        let through_edge = self.lock.admit(secret.as_deref().map(str::as_bytes), address.as_deref(), None).is_ok();
        let verify = async {
            if !through_edge {
                return Ok(None);
            }
            // The template names one source; of several it would not be known which one the function believes.
            let [authorization] = &question.identity_source[..] else { return Ok(None) };
            Ok(self.verifier.verify(authorization, self.clock.now()).ok().map(Caller::from))
        };
        // Even a panic inside is a refusal here.
        let caller = self.telemetry.observe(&subject, describe, verify).await.unwrap_or_default();
        Ok(Answer { is_authorized: caller.is_some(), context: caller })
    }
}

fn describe(caller: &Option<Caller>) -> (u16, Option<&UserId>) {
    match caller {
        Some(caller) => (200, Some(&caller.user_id)),
        None => (403, None),
    }
}
