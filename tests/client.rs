//! A client of the shop. It checks on every answer what a test forgets to check, and whatever fails prints the request
//! and the answer.

use std::fmt::{self, Display};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use url::Url;

use crate::lines::Lines;
use crate::transport::Transport;
pub use answer::Answer;

mod answer;

/// Who calls, and where.
#[derive(Clone)]
pub struct Client {
    pub http: Transport,
    pub base: Url,
    pub token: Option<String>,
    /// What the functions log, where that can be read: a failed test prints what belongs to its request.
    pub log: Option<Arc<Lines>>,
}

impl Client {
    /// A request without a body.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A request with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// A request with a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    /// A request with a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    /// A request without a body.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Any request; `path` may have a query, encoded as it should be sent.
    pub fn call(&self, method: Method, path: &str) -> Call {
        // A deployment's address may have a path of its own: its stage.
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).expect("a path");
        let mut headers = Vec::new();
        if let Some(token) = &self.token {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        Call { http: self.http.clone(), log: self.log.clone(), method, url, headers, body: Vec::new() }
    }

    /// The same place, with this `Authorization` token.
    pub fn with_token(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same place, called from this address. All of 127.0.0.0/8 is this machine (RFC 6890 §2.2.2), so a shop in this
    /// process sees callers in several networks.
    pub fn from(&self, address: &str) -> Client {
        Client { http: Transport::from(address.parse().expect("an address")), ..self.clone() }
    }
}

/// How often a client asks a stand-in again that had no time for it.
const REPEATS: u8 = 3;

/// A request that is being put together; awaiting it sends it.
#[derive(Clone)]
pub struct Call {
    http: Transport,
    log: Option<Arc<Lines>>,
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Sets a header, in place of one that is there already.
    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.retain(|(present, _)| present != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the `Idempotency-Key`.
    pub fn key(self, key: &str) -> Call {
        self.header("idempotency-key", key)
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: &str, value: impl Display) -> Call {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// Sets the body.
    pub fn json(self, body: &Value) -> Call {
        self.text(&body.to_string())
    }

    /// Sets a body that calls itself JSON, whatever it is.
    pub fn text(mut self, body: &str) -> Call {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/json")
    }

    /// Whether sending it twice does no more than sending it once.
    fn may_be_repeated(&self) -> bool {
        self.method.is_safe() || self.headers.iter().any(|(name, _)| name == "idempotency-key")
    }

    async fn sent(self) -> Answer {
        let received = self.http.send(&self.method, &self.url, &self.headers, &self.body).await;
        let (status, headers, body) = received.unwrap_or_else(|error| panic!("no answer: {error}\n\n{self}"));
        Answer { request: self, status, headers, body }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut left = if self.may_be_repeated() { REPEATS } else { 0 };
            let mut answer = self.clone().sent().await;
            while left > 0 && answer.is_of_a_busy_stand_in() {
                left -= 1;
                answer = self.clone().sent().await;
            }
            answer.check_what_always_holds();
            answer
        })
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "> {} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            writeln!(f, "> {name}: {value}")?;
        }
        writeln!(f, "> {}", excerpt(&self.body))
    }
}

/// As much of a body as helps.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(4000) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], body.len()),
        None => text.into_owned(),
    }
}
