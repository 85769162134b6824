//! Authorizers: asked before a protected route's function. A function decides ([`lambda`]), or the API itself verifies a
//! JWT ([`jwt`]).

mod cache;
mod jwt;
mod lambda;
mod policy;

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
pub use jwt::tests::signer;
pub use jwt::{Jwks, JwtAuthorizer};
pub use lambda::LambdaAuthorizer;

use super::event::Routed;

/// What is asked before a route.
pub enum Authorizer {
    /// A function.
    Lambda(LambdaAuthorizer),
    /// The keys of an issuer.
    Jwt(JwtAuthorizer),
}

/// What came of asking.
pub enum Decision {
    /// Go on, with what is known about the caller.
    Allowed(Option<Caller>),
    /// What identifies the caller is missing, or is no good token (401). Only JWT authorizers say how to do better.
    Unidentified(Option<Challenge>),
    /// The caller may not do this (403).
    Refused(Option<Challenge>),
    /// The authorizer gave no answer, or none that can be read (500). Why is for the operator.
    Failed(String),
}

/// What a JWT authorizer says to whom it refuses.
pub struct Challenge {
    /// The value of `WWW-Authenticate` (RFC 6750 §3).
    pub value: String,
    /// Why, for the operator.
    pub why: String,
}

/// Who calls, in the spelling of an event's `requestContext.authorizer`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    /// A function's context.
    Lambda(Arc<RawValue>),
    /// The claims of a JWT.
    Jwt(Arc<RawValue>),
}

impl Caller {
    /// What an access log's `$context.authorizer.…` is looked up in: the function's context, or `{claims, scopes}`.
    pub fn into_context(self) -> Arc<RawValue> {
        match self {
            Caller::Lambda(context) | Caller::Jwt(context) => context,
        }
    }
}

impl Authorizer {
    /// Asks about a request to a route that wants one of these scopes, if any.
    pub async fn decide(&self, routed: &Routed<'_>, scopes: &[String]) -> Decision {
        match self {
            Authorizer::Lambda(authorizer) => authorizer.decide(routed).await,
            Authorizer::Jwt(authorizer) => authorizer.decide(routed, scopes).await,
        }
    }
}
