//! A client of the shop. It checks on every answer what a test forgets to check, and whatever fails prints the request
//! and the answer.

use std::fmt::{self, Display};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use crate::deployed;
use crate::lines::Lines;
use crate::transport::Transport;

/// The codes of every problem that a function may answer a request with.
const CODES: [&str; 26] = [
    "invalid-request",
    "malformed-json",
    "invalid-idempotency-key",
    "invalid-cursor",
    "card-data-refused",
    "invalid-signature",
    "invalid-reset-token",
    "unauthenticated",
    "invalid-credentials",
    "invalid-refresh-token",
    "payment-declined",
    "forbidden",
    "not-found",
    "username-taken",
    "out-of-stock",
    "product-unavailable",
    "request-in-progress",
    "wrong-status",
    "not-cancellable",
    "order-lapsed",
    "price-changed",
    "stock-too-low",
    "body-too-large",
    "idempotency-key-reused",
    "too-many-attempts",
    "unavailable",
];

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

    /// Sends the request, and again as long as the answer has a `Retry-After`, as a client then has to: many at once
    /// may be more than the machine can do in time.
    pub async fn until_answered(self) -> Answer {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.clone().await;
            if answer.header("retry-after").is_none() || Instant::now() > patience {
                return answer;
            }
            tokio::time::sleep(Duration::from_secs(answer.number_in("retry-after"))).await;
        }
    }

    /// Sets a body that calls itself JSON, whatever it is.
    pub fn text(mut self, body: &str) -> Call {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/json")
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let received = self.http.send(&self.method, &self.url, &self.headers, &self.body).await;
            let (status, headers, body) = received.unwrap_or_else(|error| panic!("no answer: {error}\n\n{self}"));
            let answer = Answer { request: self, status, headers, body };
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

/// An answer, with the request that it belongs to.
pub struct Answer {
    request: Call,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        self.check(self.status == status, format!("expected status {status}"));
        self
    }

    /// Fails the test unless this is the problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Answer {
        self.check(self.status == status, format!("expected problem {code} with status {status}"));
        self.has("/code", code)
    }

    /// Fails the test unless this is an answer of the HTTP API itself, which is all it ever says.
    #[track_caller]
    pub fn message(self, status: u16, message: &str) -> Answer {
        self.check(self.status == status, format!("expected status {status}"));
        self.check(
            self.json() == serde_json::json!({ "message": message }),
            format!("expected only the message {message:?}"),
        );
        self
    }

    /// Fails the test unless the JSON body has this value at this JSON Pointer.
    #[track_caller]
    pub fn has(self, pointer: &str, expected: impl Into<Value>) -> Answer {
        let expected = expected.into();
        let found = self.json().pointer(pointer).cloned();
        self.check(found.as_ref() == Some(&expected), format!("expected {pointer} to be {expected}, found {found:?}"));
        self
    }

    /// Fails the test unless the problem points at this field of the body.
    #[track_caller]
    pub fn points_at(self, pointer: &str) -> Answer {
        let errors = self.at("/errors");
        let pointed = errors.as_array().into_iter().flatten().any(|fault| fault["pointer"] == pointer);
        self.check(pointed, format!("expected an error at {pointer:?}"));
        self
    }

    /// Fails the test unless this header has this value.
    #[track_caller]
    pub fn has_header(self, name: &str, value: &str) -> Answer {
        self.check(self.header(name) == Some(value), format!("expected the header {name}: {value}"));
        self
    }

    /// The JSON body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| self.fail(format!("the body is not JSON: {error}")))
    }

    /// The value at this JSON Pointer.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_else(|| self.fail(format!("nothing at {pointer}")))
    }

    /// The text at this JSON Pointer.
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> String {
        let value = self.at(pointer);
        value.as_str().unwrap_or_else(|| self.fail(format!("no text at {pointer}"))).to_owned()
    }

    /// The items of a page of a list.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        let items = self.at("/items");
        items.as_array().unwrap_or_else(|| self.fail("items is not a list")).clone()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that counts seconds, or anything else.
    #[track_caller]
    pub fn number_in(&self, header: &str) -> u64 {
        let number = self.header(header).and_then(|value| value.parse().ok());
        number.unwrap_or_else(|| self.fail(format!("no number in the header {header}")))
    }

    /// The API's id of the request.
    #[track_caller]
    pub fn request_id(&self) -> String {
        self.header("apigw-requestid").unwrap_or_else(|| self.fail("no apigw-requestid")).to_owned()
    }

    /// The body's text without the request's own id, which is all that two answers to equal requests may differ in.
    #[track_caller]
    pub fn text_without_id(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        // The id in a problem is the API's, which is checked on every answer, but not where a stand-in has two.
        match serde_json::from_str::<Value>(&text).ok().as_ref().and_then(|json| json["request_id"].as_str()) {
            Some(id) => text.replace(id, ""),
            None => text.replace(&self.request_id(), ""),
        }
    }

    /// Fails the test, unless `holds`, with the request and the answer.
    #[track_caller]
    pub fn check(&self, holds: bool, otherwise: impl Display) {
        if !holds {
            self.fail(otherwise);
        }
    }

    /// Fails the test with the request and the answer.
    #[track_caller]
    pub fn fail(&self, why: impl Display) -> ! {
        panic!("{why}\n\n{self}")
    }

    fn check_what_always_holds(&self) {
        let id = self.request_id();
        self.check(id.len() == 16 && id.ends_with('='), "apigw-requestid is not base64 of 11 bytes");
        self.check(self.status != 500, "something is broken inside");
        if !matches!(self.status, 204 | 304) {
            let length = self.number_in("content-length");
            self.check(length == self.body.len() as u64, "content-length is not the body's");
            self.check(self.header("content-type").is_some(), "no content-type");
        }
        if self.status == 405 {
            self.fail("an HTTP API never answers 405");
        }
        match (self.status, self.header("content-type")) {
            (400.., Some("application/problem+json")) => self.check_problem(&id),
            (400.., _) => {
                let json = self.json();
                let only_message =
                    json.as_object().is_some_and(|object| object.len() == 1 && object["message"].is_string());
                self.check(only_message, "neither a problem of a function nor a message of the API");
            }
            (_, content_type) => {
                self.check(content_type != Some("application/problem+json"), "a success that calls itself a problem");
                self.check(self.body.is_empty() || self.json().is_object(), "a body that is not a JSON object");
            }
        }
    }

    fn check_problem(&self, request_id: &str) {
        let code = self.text_at("/code");
        self.check(CODES.contains(&code.as_str()), "a code that no client could know");
        self.check(self.text_at("/type") == format!("urn:portico:problem:{code}"), "type does not end in the code");
        self.check(self.at("/status") == self.status, "status differs from the status line");
        let same = self.text_at("/request_id") == request_id
            || deployed::stand_in_differs("it gives a function another request id than the client");
        self.check(same, "request_id differs from apigw-requestid");
        self.check(!self.text_at("/title").is_empty() && !self.text_at("/detail").is_empty(), "no title or no detail");
        self.check(self.header("cache-control") == Some("no-store"), "a problem that a cache may keep");
        let errors = self.json().get("errors").cloned();
        self.check((code == "invalid-request") == errors.is_some(), "errors go with invalid-request, and only with it");
        for fault in errors.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let place = fault["pointer"].is_string() != fault["parameter"].is_string();
            self.check(place && fault["detail"].is_string(), "an error without a place, or without a detail");
        }
        let limited = code == "too-many-attempts";
        for name in ["ratelimit-policy", "ratelimit"] {
            self.check(limited == self.header(name).is_some(), format!("{name} goes with too many attempts"));
        }
        let again = limited || matches!(code.as_str(), "request-in-progress" | "unavailable");
        self.check(again == self.header("retry-after").is_some(), "Retry-After goes with what is worth a repeat");
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.request)?;
        writeln!(f, "< {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "< {name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        writeln!(f, "< {}", excerpt(&self.body))?;
        let id = self.header("apigw-requestid").unwrap_or_default();
        let lines = self.request.log.as_ref().map(|log| log.of_request(id));
        lines.into_iter().flatten().try_for_each(|line| writeln!(f, "= {line}"))
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
