//! Functions that run elsewhere, behind Lambda's Invoke API: `cargo lambda watch`, `sam local start-lambda`, another
//! portico. <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
//!
//! The template's `Timeout` is not applied here: whoever runs a function ends it, and `cargo lambda watch` compiles during
//! a call. A client still waits no longer than the API does, 10 s for the authorizer and 30 s for a function.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_runtime::Context;
use shared::clock::Clock;

use crate::Error;
use crate::functions::{Failure, Functions, Handler, MAX_ANSWER, Reply};
use crate::template::{self, Template};

/// How often an endpoint where nothing answers is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// As much of an unexpected answer as helps.
const EXCERPT: usize = 300;

/// An endpoint with functions.
pub struct Remote {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// By which of a function's names the endpoint knows it, once it has known one.
    known_by: AtomicUsize,
}

/// A function's names, one of which the endpoint knows: `cargo lambda watch` the binary's, `sam local` the logical id,
/// Lambda and portico the deployed one.
type Names = [String; 3];

/// What came of one request.
enum Outcome {
    Answer(Bytes),
    Failure(Failure),
    /// The endpoint knows the function, but has not run it: every answer to a dry run but that of `cargo lambda watch`.
    NotRun(Failure),
    UnknownFunction,
    NoConnection(String),
}

impl Remote {
    /// The endpoint at `url`.
    ///
    /// # Errors
    /// It is no `http://` URL.
    pub fn new(url: &str) -> Result<Remote, Error> {
        let url = url.trim_end_matches('/');
        let uri: Option<Uri> = url.parse().ok();
        if !uri.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none()) {
            return Err(Error::new(format!(
                "{url} is not where functions can be called: write it as http://localhost:9000, without TLS."
            )));
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Remote { url: url.to_owned(), client, known_by: AtomicUsize::new(0) })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The template's functions, as they are there. How long they may run is known there too.
    pub fn functions(self: &Arc<Remote>, template: &Template, clock: &Clock) -> Functions {
        let handler = |function: &template::Function| {
            let (remote, names) = (Arc::clone(self), Arc::new(names(function)));
            Handler::keeping_time(move |event, context| -> Reply {
                let (remote, names) = (Arc::clone(&remote), Arc::clone(&names));
                Box::pin(async move { remote.call(&names, event, context).await })
            })
        };
        Functions::each(template, handler, clock)
    }

    /// Calls every function once with an event that none of them does anything for, so that `cargo lambda watch` compiles
    /// them now and not while somebody waits for an answer. Others run nothing then. Waits for an endpoint that is not
    /// there yet.
    pub async fn wake(&self, template: &Template, say: impl Fn(&str)) {
        let (mut said, mut ran) = (false, true);
        for names in template.functions.iter().map(names) {
            loop {
                match self.try_names(&names, Bytes::from_static(b"{}"), None, true).await {
                    Outcome::NoConnection(why) => {
                        if !said {
                            say(&self.unreachable(&why));
                            said = true;
                        }
                        tokio::time::sleep(AGAIN).await;
                    }
                    Outcome::UnknownFunction => return say(&self.unknown(&names)),
                    Outcome::NotRun(_) => {
                        ran = false;
                        break;
                    }
                    // Even a refusal comes from a function that runs.
                    Outcome::Answer(_) | Outcome::Failure(_) => break,
                }
            }
        }
        let they = if ran { "have answered" } else { "can be reached; each starts when it is first called" };
        say(&format!("The functions at {} {they}.", self.url));
    }

    async fn call(&self, names: &Names, event: Bytes, context: Context) -> Result<Vec<u8>, Failure> {
        match self.try_names(names, event, context.xray_trace_id.as_deref(), false).await {
            Outcome::Answer(answer) => Ok(answer.into()),
            Outcome::Failure(failure) | Outcome::NotRun(failure) => Err(failure),
            Outcome::NoConnection(why) => Err(elsewhere(self.unreachable(&why))),
            Outcome::UnknownFunction => Err(elsewhere(self.unknown(names))),
        }
    }

    /// Calls by the name that the endpoint knew last, and by the others only if it does not know that one.
    async fn try_names(&self, names: &Names, event: Bytes, trace_id: Option<&str>, dry: bool) -> Outcome {
        let last = self.known_by.load(Ordering::Relaxed);
        for at in (last..names.len()).chain(0..last) {
            match self.send(&names[at], event.clone(), trace_id, dry).await {
                Outcome::UnknownFunction => {}
                Outcome::NoConnection(why) => return Outcome::NoConnection(why),
                outcome => {
                    self.known_by.store(at, Ordering::Relaxed);
                    return outcome;
                }
            }
        }
        Outcome::UnknownFunction
    }

    async fn send(&self, name: &str, event: Bytes, trace_id: Option<&str>, dry: bool) -> Outcome {
        let mut request = Request::post(format!("{}/2015-03-31/functions/{name}/invocations", self.url))
            .header("content-type", "application/json")
            .header("x-amz-invocation-type", if dry { "DryRun" } else { "RequestResponse" });
        if let Some(id) = trace_id {
            request = request.header("x-amzn-trace-id", id);
        }
        let request = match request.body(Full::new(event)) {
            Ok(request) => request,
            Err(error) => return Outcome::Failure(elsewhere(format!("{name} cannot be called: {error}"))),
        };
        let (head, body) = match self.client.request(request).await {
            Ok(response) => response.into_parts(),
            Err(error) if error.is_connect() => return Outcome::NoConnection(innermost(&error)),
            Err(error) => return Outcome::Failure(self.broken_off(name, &innermost(&error))),
        };
        match Limited::new(body, MAX_ANSWER + 1).collect().await {
            Ok(body) => self.read(name, head.status, &head.headers, body.to_bytes()),
            Err(error) => Outcome::Failure(self.broken_off(name, &error.to_string())),
        }
    }

    /// Lambda and `sam local` report a function's failure with 200 and a header, `cargo lambda watch` with 500 and, in the
    /// body, what the function said; a 500 of its own has another body. To a dry run Lambda and portico say 204,
    /// `sam local` 501, and 501 too when it could not make a container.
    fn read(&self, name: &str, status: StatusCode, headers: &HeaderMap, body: Bytes) -> Outcome {
        let header = headers.get("x-amz-function-error").map(|kind| kind.to_str().unwrap_or_default());
        let said = || serde_json::from_slice::<Failure>(&body).ok();
        let unexpected =
            || elsewhere(format!("{} answered {} for {name}: {}", self.url, status.as_u16(), excerpt(&body)));
        match (status, header) {
            (StatusCode::NOT_FOUND, _) => Outcome::UnknownFunction,
            (StatusCode::TOO_MANY_REQUESTS, _) => Outcome::Failure(Failure::throttled()),
            (StatusCode::NO_CONTENT | StatusCode::NOT_IMPLEMENTED, _) => Outcome::NotRun(unexpected()),
            (status, None) if status.is_success() => Outcome::Answer(body),
            (status, Some(kind)) if status.is_success() => {
                Outcome::Failure(said().unwrap_or_else(|| Failure::new(kind, excerpt(&body))))
            }
            _ => Outcome::Failure(said().unwrap_or_else(unexpected)),
        }
    }

    fn unreachable(&self, why: &str) -> String {
        format!(
            "no functions answer at {} ({why}): start `cargo lambda watch` or `sam local start-lambda` there.",
            self.url
        )
    }

    fn unknown(&self, names: &Names) -> String {
        let (url, names) = (&self.url, names.join(" or "));
        format!(
            "{url} knows no function {names}: start `cargo lambda watch` or `sam local start-lambda` there, in this project."
        )
    }

    fn broken_off(&self, name: &str, why: &str) -> Failure {
        elsewhere(format!("{} broke off its answer for {name} ({why}): see what it says about it.", self.url))
    }
}

fn names(function: &template::Function) -> Names {
    [function.binary().to_owned(), function.logical_id.clone(), function.name.clone()]
}

fn elsewhere(message: String) -> Failure {
    Failure::new("Elsewhere", message)
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(EXCERPT).collect()
}

fn innermost(error: &hyper_util::client::legacy::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
