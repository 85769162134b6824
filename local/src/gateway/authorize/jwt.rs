//! JWT authorizers: the API itself verifies a token by the keys of its issuer, RSA signatures only, and looks at the
//! claims and scopes that AWS names.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

mod keys;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, crypto};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use shared::clock::{Clock, Timestamp};

pub use keys::Jwks;

use super::{Caller, Challenge, Decision};
use crate::gateway::event::Routed;
use crate::template;
use crate::unverified::{EVENT_HAS_ALL_SCOPES, JWT_LEEWAY, OBJECT_CLAIMS_ARE_JSON};
use keys::Keys;

/// An authorizer with the keys of its issuer.
pub struct JwtAuthorizer {
    declared: template::JwtAuthorizer,
    keys: Keys,
    timeout: Duration,
}

/// Why a token is none, in the words of `error_description` (RFC 6750 §3). Of AWS's own only those of [`Fault::Audience`],
/// [`Fault::Expired`] and [`Fault::Keys`] are known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Audience,
    Expired,
    Malformed,
    Algorithm,
    Key,
    Signature,
    Issuer,
    Early,
    /// The issuer's keys cannot be had, for the reason given.
    Keys(String),
}

impl Fault {
    fn description(&self) -> &'static str {
        match self {
            Fault::Audience => "the token does not have a valid audience",
            Fault::Expired => "the token has expired",
            Fault::Malformed => "the token is malformed",
            Fault::Algorithm => "the token's signing method is invalid",
            Fault::Key => "the token's key is unknown",
            Fault::Signature => "the token's signature is invalid",
            Fault::Issuer => "the token's issuer is invalid",
            Fault::Early => "the token is used before it was issued or is valid",
            Fault::Keys(_) => "OIDC discovery endpoint communication error",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that a verifier must understand (RFC 7515 §4.1.11); none is.
    crit: Option<Value>,
}

/// `requestContext.authorizer.jwt`: every claim as text.
#[derive(Serialize)]
struct Context<'a> {
    claims: Map<String, Value>,
    scopes: Option<Vec<&'a str>>,
}

impl JwtAuthorizer {
    /// The template's authorizer; `jwks` says where the keys are, and otherwise the issuer's discovery document does. The API
    /// waits for them so long.
    pub fn new(declared: template::JwtAuthorizer, jwks: Option<Jwks>, clock: Clock, timeout: Duration) -> Self {
        let keys = Keys::new(&declared.issuer, jwks, clock);
        Self { declared, keys, timeout }
    }

    /// Verifies a request's token and looks for one of these scopes, if there are any.
    pub async fn decide(&self, routed: &Routed<'_>, wanted: &[String]) -> Decision {
        let Some(value) = routed.identity(&self.declared.identity_source) else {
            return Decision::Unidentified(Some(Challenge { value: "Bearer".to_owned(), why: "no token".to_owned() }));
        };
        let claims = match self.verify(bearer(&value), routed.time).await {
            Ok(claims) => claims,
            Err(fault) => {
                let said = fault.description();
                let value = format!("Bearer scope=\"\" error=\"invalid_token\" error_description=\"{said}\"");
                let why = if let Fault::Keys(why) = fault { why } else { said.to_owned() };
                return Decision::Unidentified(Some(Challenge { value, why }));
            }
        };
        let granted = scopes(&claims);
        if !wanted.is_empty() && !wanted.iter().any(|scope| granted.contains(&scope.as_str())) {
            let value = format!("Bearer scope=\"{}\" error=\"insufficient_scope\"", wanted.join(" "));
            return Decision::Refused(Some(Challenge { value, why: "no scope of those wanted".to_owned() }));
        }
        let of_both = |scope: &&str| EVENT_HAS_ALL_SCOPES || wanted.iter().any(|wanted| wanted == scope);
        let context = Context {
            scopes: (!wanted.is_empty()).then(|| granted.iter().copied().filter(of_both).collect()),
            claims: claims
                .iter()
                .filter(|(_, value)| OBJECT_CLAIMS_ARE_JSON || !value.is_object())
                .map(|(name, value)| (name.clone(), Value::String(text(value))))
                .collect(),
        };
        match serde_json::to_string(&context).and_then(RawValue::from_string) {
            Ok(context) => Decision::Allowed(Some(Caller::Jwt(Arc::from(context)))),
            Err(error) => Decision::Failed(error.to_string()),
        }
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<Map<String, Value>, Fault> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Fault::Malformed)?;
        let header: Header = decode(header)?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "RS384" => Algorithm::RS384,
            "RS512" => Algorithm::RS512,
            _ => return Err(Fault::Algorithm),
        };
        if header.crit.is_some() {
            return Err(Fault::Malformed);
        }
        let keys = tokio::time::timeout(self.timeout, self.keys.current()).await;
        let keys = keys.unwrap_or_else(|_| Err("the keys did not come in time".to_owned())).map_err(Fault::Keys)?;
        let key = header.kid.and_then(|kid| keys.get(&kid)).ok_or(Fault::Key)?;
        if !crypto::verify(signature, signed.as_bytes(), key, algorithm).unwrap_or(false) {
            return Err(Fault::Signature);
        }
        let claims: Map<String, Value> = decode(claims)?;
        self.check(&claims, now.as_secs())?;
        Ok(claims)
    }

    fn check(&self, claims: &Map<String, Value>, now: i64) -> Result<(), Fault> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.declared.issuer) {
            return Err(Fault::Issuer);
        }
        let one_of_ours =
            |value: &Value| value.as_str().is_some_and(|one| self.declared.audience.iter().any(|a| a == one));
        let audience = claims.get("aud").or(claims.get("client_id"));
        if !audience.is_some_and(|value| value.as_array().map_or(one_of_ours(value), |all| all.iter().any(one_of_ours)))
        {
            return Err(Fault::Audience);
        }
        if time(claims, "exp")?.is_none_or(|exp| exp.saturating_add(JWT_LEEWAY) <= now) {
            return Err(Fault::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(claims, name)?.is_some_and(|from| from.saturating_sub(JWT_LEEWAY) > now) {
                return Err(Fault::Early);
            }
        }
        Ok(())
    }
}

/// AWS takes a token with or without the word before it.
fn bearer(value: &str) -> &str {
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim(),
        _ => value,
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Fault> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Fault::Malformed)
}

/// A claim in seconds since 1970, which may have a fraction (RFC 7519 §2, NumericDate).
#[expect(clippy::cast_possible_truncation, reason = "a float is cut to the seconds that are compared, and saturates")]
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Fault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match (value.as_i64(), value.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            (None, Some(seconds)) => Ok(Some(seconds as i64)),
            (None, None) => Err(Fault::Malformed),
        },
    }
}

/// The scopes of `scope`, a text with spaces between them (RFC 8693 §4.2), or of `scp`, which may be a list.
fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("scope").or(claims.get("scp")) {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A claim as events have it: a list is its items in brackets with spaces between them.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
pub mod tests;
