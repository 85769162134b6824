//! The keys of an issuer: a JSON Web Key Set (RFC 7517) from a file or an address, kept for as long as AWS keeps one.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::clock::{Clock, Timestamp};
use shared::https::Https;
use tokio::sync::Mutex;

use crate::unverified::JWKS_TIMEOUT;

/// How long keys are kept: an unknown `kid` does not bring the next ones sooner.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>
pub const KEPT: Duration = Duration::from_secs(2 * 60 * 60);

/// How long it is remembered that keys cannot be had, so that those who wait do not each wait for an issuer that hangs.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// An address, `http` or `https`.
    Url(String),
}

impl From<&str> for Jwks {
    fn from(text: &str) -> Self {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        if is_url { Jwks::Url(text.to_owned()) } else { Jwks::File(text.into()) }
    }
}

type ByKid = Arc<HashMap<String, DecodingKey>>;

/// One issuer's keys.
pub struct Keys {
    issuer: String,
    jwks: Option<Jwks>,
    clock: Clock,
    kept: Mutex<Option<(Timestamp, Result<ByKid, String>)>>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Key>,
}

/// Of other kinds of keys only this much is read.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// OpenID Connect Discovery 1.0 §3, as much as is needed.
#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

impl Keys {
    /// Those at `jwks`, or where the issuer's discovery document says.
    pub fn new(issuer: &str, jwks: Option<Jwks>, clock: Clock) -> Self {
        Self { issuer: issuer.to_owned(), jwks, clock, kept: Mutex::new(None) }
    }

    /// The keys by `kid`, fetched where they are too old. Who comes meanwhile waits for the same fetch, also for its failure.
    ///
    /// # Errors
    /// A sentence: they cannot be had. A second later they are asked for again.
    pub async fn current(&self) -> Result<ByKid, String> {
        let mut kept = self.kept.lock().await;
        if let Some((until, outcome)) = &*kept
            && self.clock.now() < *until
        {
            return outcome.clone();
        }
        let outcome = self.fetch().await.map(|set| Arc::new(by_kid(set)));
        let long = if outcome.is_ok() { KEPT } else { FAILURE_KEPT };
        *kept = Some((self.clock.now().plus(long), outcome.clone()));
        outcome
    }

    async fn fetch(&self) -> Result<Set, String> {
        match &self.jwks {
            Some(Jwks::File(path)) => {
                let read = tokio::fs::read(path).await;
                let bytes = read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
                json(&bytes, &path.display().to_string())
            }
            Some(Jwks::Url(url)) => get(url).await,
            None => {
                let issuer = self.issuer.trim_end_matches('/');
                let Discovery { jwks_uri } = get(&format!("{issuer}/.well-known/openid-configuration")).await?;
                get(&jwks_uri).await
            }
        }
    }
}

async fn get<T: DeserializeOwned>(url: &str) -> Result<T, String> {
    let failed = |why: &dyn std::fmt::Debug| format!("{url} cannot be read: {why:?}");
    let request = Request::get(url).body(Bytes::new()).map_err(|error| failed(&error))?;
    let https = Https::new().map_err(|error| failed(&error))?;
    let answer = https.send(request, JWKS_TIMEOUT).await.map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(failed(&answer.status()));
    }
    json(answer.body(), url)
}

fn json<T: DeserializeOwned>(bytes: &[u8], from: &str) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{from} has no such JSON: {error}"))
}

fn by_kid(set: Set) -> HashMap<String, DecodingKey> {
    let usable = |key: &Key| key.kty == "RSA" && key.usage.as_deref().is_none_or(|usage| usage == "sig");
    let key = |key: Key| Some((key.kid?, DecodingKey::from_rsa_components(&key.n?, &key.e?).ok()?));
    set.keys.into_iter().filter(usable).filter_map(key).collect()
}
