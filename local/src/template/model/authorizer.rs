//! Authorizers: functions, and the verification of JWTs.

use std::time::Duration;

/// What is asked before a protected route.
#[derive(Debug, Clone)]
pub enum Authorizer {
    /// A function decides.
    Lambda(LambdaAuthorizer),
    /// The API itself verifies a JWT.
    Jwt(JwtAuthorizer),
}

impl Authorizer {
    /// The logical id of the function that decides, if one does.
    pub fn function(&self) -> Option<&str> {
        match self {
            Authorizer::Lambda(authorizer) => Some(&authorizer.function),
            Authorizer::Jwt(_) => None,
        }
    }

    /// What must be in a request before anybody is asked.
    pub fn identity_sources(&self) -> &[IdentitySource] {
        match self {
            Authorizer::Lambda(authorizer) => &authorizer.identity_sources,
            Authorizer::Jwt(authorizer) => std::slice::from_ref(&authorizer.identity_source),
        }
    }
}

/// A Lambda authorizer of payload format 2.0.
#[derive(Debug, Clone)]
pub struct LambdaAuthorizer {
    /// The function's logical id.
    pub function: String,
    /// Whether it answers `{"isAuthorized": …}`; otherwise with an IAM policy.
    pub simple: bool,
    /// What must be there before it is asked, in the order in which SAM writes it.
    pub identity_sources: Vec<IdentitySource>,
    /// How long an answer holds for the same identity; `None` is only for the request that it was given for.
    pub ttl: Option<Duration>,
    /// The line of the template it begins on.
    pub line: usize,
}

/// An authorizer that verifies JWTs by the keys of their issuer.
#[derive(Debug, Clone)]
pub struct JwtAuthorizer {
    /// What the claim `iss` must be: an https URL.
    pub issuer: String,
    /// Of which the claim `aud`, or else `client_id`, must be one.
    pub audience: Vec<String>,
    /// Where the token is.
    pub identity_source: IdentitySource,
    /// The line of the template it begins on.
    pub line: usize,
}

/// A part of the request that identifies the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// `$request.header.X`; the name is lower case.
    Header(String),
    /// `$request.querystring.x`
    Query(String),
    /// `$context.x`, such as `routeKey`.
    Context(String),
    /// `$stageVariables.x`
    StageVariable(String),
}
