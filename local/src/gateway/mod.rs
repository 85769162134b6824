//! An API Gateway HTTP API on one machine: it routes by the template, asks the authorizer, throttles, builds the
//! event of payload format 2.0, calls the function, and reads its answer by the API's rules. Wherever a function or
//! a client can tell, it behaves as the real one does; what the real one does not have, it does not have either.
//!
//! A request's way through it is in `call.rs`.

mod access;
mod answer;
mod authorize;
mod body;
mod call;
mod cors;
mod event;
mod ids;
mod parts;
mod routing;
mod throttle;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use shared::clock::{Clock, Timestamp};
use tokio::net::TcpListener;

#[cfg(test)]
pub use access::tests::line as an_access_line;
pub use access::{AccessLine, AccessLog, Asked, Formatter, Verdict, Wanted};
pub use answer::message;
pub use authorize::Jwks;
pub use body::{Bodies, MEMORY as BODY_MEMORY};
pub use ids::{RequestId, invocation_id, trace_id};

pub use crate::unverified::BODY_TIMEOUT;

use crate::functions::{Function, Functions};
use crate::server::{self, Limits, Running};
use crate::template::{self, AUTHORIZER_TIMEOUT, HttpApi, Template};
use authorize::{Authorizer, JwtAuthorizer, LambdaAuthorizer};
use ids::Ids;
use routing::Pattern;
use throttle::Bucket;

/// What may be chosen for a gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time.
    pub clock: Clock,
    /// Whether the template's throttles hold.
    pub throttle: bool,
    /// An address that every request seems to come from, for tests; otherwise it is the peer's.
    pub source_ip: Option<IpAddr>,
    /// Where a line for each request goes.
    pub access_log: Option<AccessLog>,
    /// Where the keys of JWTs are, by issuer; of others, the issuer's discovery document says.
    pub jwks: BTreeMap<String, Jwks>,
    /// What connections are granted.
    pub connections: Limits,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How many bytes all bodies in flight may hold.
    pub body_memory: usize,
    /// How long the API waits for an authorizer.
    pub authorizer_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            throttle: true,
            source_ip: None,
            access_log: None,
            jwks: BTreeMap::new(),
            connections: Limits::default(),
            body_timeout: BODY_TIMEOUT,
            body_memory: body::MEMORY,
            authorizer_timeout: AUTHORIZER_TIMEOUT,
        }
    }
}

/// An HTTP API with its functions behind it.
pub struct Gateway {
    api: HttpApi,
    /// In the order of precedence.
    routes: Vec<Route>,
    settings: Settings,
    bodies: Bodies,
}

/// A route, ready to answer.
struct Route {
    key: Arc<str>,
    pattern: Pattern,
    /// What answers, or why nothing does: such a route is a 501, lest its requests reach another one that is open.
    behind: Result<Behind, String>,
}

/// What a request to a route meets.
struct Behind {
    bucket: Option<Bucket>,
    authorizer: Option<Arc<Authorizer>>,
    scopes: Vec<String>,
    function: Arc<Function>,
    timeout: Duration,
}

impl Gateway {
    /// The template's API in front of these functions, which must be the same template's.
    pub fn new(template: &Template, functions: &Functions, settings: Settings) -> Self {
        let api = template.api.clone();
        let mut authorizers = BTreeMap::new();
        for (name, authorizer) in &api.authorizers {
            let authorizer = match authorizer {
                template::Authorizer::Lambda(declared) => match functions.by_id(&declared.function) {
                    Some(function) => {
                        let timeout = settings.authorizer_timeout;
                        Authorizer::Lambda(LambdaAuthorizer::new(declared, Arc::clone(function), timeout))
                    }
                    None => continue,
                },
                template::Authorizer::Jwt(declared) => {
                    let jwks = settings.jwks.get(&declared.issuer).cloned();
                    Authorizer::Jwt(JwtAuthorizer::new(
                        declared.clone(),
                        jwks,
                        settings.clock.clone(),
                        settings.authorizer_timeout,
                    ))
                }
            };
            authorizers.insert(name, Arc::new(authorizer));
        }
        let served = api.routes.iter().map(|route| Route {
            key: route.key().into(),
            pattern: Pattern::new(route),
            behind: Behind::new(route, functions, &authorizers, &settings),
        });
        let unserved = api.unserved.iter().map(|route| Route {
            key: route.key.as_str().into(),
            pattern: Pattern::of(&route.method, &route.path, &route.segments),
            behind: Err(route.why.clone()),
        });
        let mut routes: Vec<Route> = served.chain(unserved).collect();
        routes.sort_by_key(|route| route.pattern.precedence());
        Self { api, routes, bodies: Bodies::new(settings.body_timeout, settings.body_memory), settings }
    }

    /// Answers on this listener until it is stopped. Should the gateway itself panic, that is a 500 as well.
    pub fn serve(self, listener: TcpListener) -> std::io::Result<Running> {
        let gateway = Arc::new(self);
        server::serve_within(gateway.settings.connections, listener, move |request, peer| {
            let gateway = Arc::clone(&gateway);
            let now = gateway.settings.clock.now();
            let answer = async move { gateway.call(request, peer.ip()).await };
            // What requests share is whole between any two steps: atomics, and locks that hold no half-done change.
            AssertUnwindSafe(answer).catch_unwind().map(move |answer| answer.unwrap_or_else(|_| panicked(now)))
        })
    }
}

impl Behind {
    fn new(
        route: &template::Route,
        functions: &Functions,
        authorizers: &BTreeMap<&String, Arc<Authorizer>>,
        settings: &Settings,
    ) -> Result<Self, String> {
        let function = functions.by_id(&route.function);
        let authorizer = match &route.authorizer {
            // A protected route never opens because its authorizer is missing.
            Some(name) => Some(authorizers.get(name).ok_or_else(|| format!("its authorizer `{name}` is not here"))?),
            None => None,
        };
        Ok(Self {
            bucket: route.throttle.filter(|_| settings.throttle).map(Bucket::new),
            authorizer: authorizer.map(Arc::clone),
            scopes: route.scopes.clone(),
            function: function
                .map(Arc::clone)
                .ok_or_else(|| format!("its function `{}` is not here", route.function))?,
            timeout: route.integration_timeout,
        })
    }
}

/// The answer to a request whose own id is lost.
fn panicked(now: Timestamp) -> answer::Answer {
    let mut answer = answer::message(StatusCode::INTERNAL_SERVER_ERROR);
    answer::identify(&mut answer, Ids::new(now).request);
    answer
}

#[cfg(test)]
mod client;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod tests;
