//! An answer: what always holds of one, and what a test wants of it.

use std::fmt::{self, Display};

use http::HeaderMap;
use serde_json::Value;

use super::{Call, excerpt};
use crate::deployed;

/// The codes of every problem that a function may answer a request with.
const CODES: [&str; 27] = [
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
    "not-through-edge",
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

/// An answer, with the request that it belongs to.
pub struct Answer {
    pub(super) request: Call,
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

    /// Whether a stand-in had no time for a function or for what it said. There one process is all of AWS, and functions
    /// are granted no second more for a busy machine.
    pub(super) fn is_of_a_busy_stand_in(&self) -> bool {
        let json = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let too_late = match self.status {
            500 => json["message"] == "Internal Server Error", // the authorizer
            502 => json["errorType"] == "Sandbox.Timedout",
            _ => false,
        };
        too_late && deployed::stand_in_differs("it may be too busy to hear an answer in time")
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

    pub(super) fn check_what_always_holds(&self) {
        let id = self.request_id();
        self.check(id.len() == 16 && id.ends_with('='), "apigw-requestid is not base64 of 11 bytes");
        self.check(self.status != 500, "something is broken inside");
        if !matches!(self.status, 204 | 304) {
            let length = self.number_in("content-length");
            self.check(length == self.body.len() as u64, "content-length is not the body's");
            self.check(self.header("content-type").is_some(), "no content-type");
        }
        if self.is_of_a_function() {
            self.check(self.header("x-content-type-options") == Some("nosniff"), "an answer whose type may be guessed");
            self.check(self.header("cache-control").is_some(), "nothing says whether this may be stored");
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

    /// Whether a function has said this: neither the HTTP API by itself, nor its answer to a preflight.
    fn is_of_a_function(&self) -> bool {
        let problem = self.header("content-type") == Some("application/problem+json");
        problem || self.status < 400 && self.request.method != http::Method::OPTIONS
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
