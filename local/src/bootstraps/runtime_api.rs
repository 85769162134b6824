//! Lambda's Runtime API, of one process. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
//!
//! What AWS's documentation leaves open is as in AWS's own runtime interface emulator, whose error types these are.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::process::{Ending, Handout, Misfit, Process};
use crate::functions::{Failure, MAX_ANSWER};
use crate::server::{self, Answer, Limits, Running};

const VERSION: &str = "/2018-06-01/runtime/";
/// A process keeps its connections for as long as it is idle, and reads when it comes to it.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The most connections of one process, which needs one or two.
const CONNECTIONS: usize = 16;
/// The most bytes of a request's head: runtimes say why a function failed in a header too, in up to 1 MiB of it.
const HEAD_SIZE: usize = 1024 * 1024 + 64 * 1024;
/// As much of an error that is no JSON as helps.
const EXCERPT: usize = 1_000;

/// Answers the process on this listener.
pub fn serve(listener: TcpListener, process: Arc<Process>) -> std::io::Result<Running> {
    let limits = Limits { head: FOREVER, write: FOREVER, head_size: HEAD_SIZE, connections: CONNECTIONS };
    server::serve_within(limits, listener, move |request, _| {
        let process = Arc::clone(&process);
        async move { answer(&process, request).await }
    })
}

/// Without an answer the connection is closed: the process ends, or has asked again on another one.
async fn answer(process: &Arc<Process>, request: Request<Incoming>) -> Option<Answer> {
    let (head, body) = request.into_parts();
    // One would take an invocation away from the process.
    if server::is_of_a_page(&head.headers) {
        let message = "Web pages are not answered here, nor names of other machines: call AWS_LAMBDA_RUNTIME_API.";
        return Some(error(StatusCode::FORBIDDEN, "AccessDenied", message));
    }
    let Some(path) = head.uri.path().strip_prefix(VERSION) else { return Some(unknown()) };
    let answer = match (&head.method, path) {
        (&Method::GET, "invocation/next") => match process.next() {
            Ok(handout) => invocation(handout.await.ok()?),
            Err(misfit) => refused(misfit),
        },
        (&Method::POST, "init/error") => match read(body).await {
            Ok(body) => done(process.fail_to_start(failure(&head.headers, &body.bytes))),
            Err(refusal) => refusal?,
        },
        (&Method::POST, path) => match path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
            Some((id, "response")) => match read(body).await {
                Ok(body) => done(process.answer(id, body.outcome())),
                Err(refusal) => {
                    // One that breaks off is none: the process ends, or answers again.
                    let refusal = refusal?;
                    // If it is too late too, that is all the same to the process.
                    let _ = process.answer(id, Err(Ending::Said(Failure::too_large())));
                    refusal
                }
            },
            Some((id, "error")) => match read(body).await {
                Ok(body) => done(process.answer(id, Err(Ending::Said(failure(&head.headers, &body.bytes))))),
                Err(refusal) => {
                    let refusal = refusal?;
                    let _ = process.answer(id, Err(Ending::Said(failure(&head.headers, b""))));
                    refusal
                }
            },
            _ => unknown(),
        },
        _ => unknown(),
    };
    Some(answer)
}

fn invocation(handout: Handout) -> Answer {
    let Handout { id, deadline_ms, arn, trace_id, event } = handout;
    let mut answer = Response::new(Full::new(event));
    let headers = answer.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline_ms));
    for (name, value) in [
        ("lambda-runtime-aws-request-id", Some(id)),
        ("lambda-runtime-invoked-function-arn", Some(arn)),
        ("lambda-runtime-trace-id", trace_id),
    ] {
        // None of them can be anything but a header's value, as they come from one or from this process.
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    answer
}

fn error(status: StatusCode, kind: &str, message: &str) -> Answer {
    server::json(status, json!({"errorMessage": message, "errorType": kind}).to_string())
}

fn unknown() -> Answer {
    error(StatusCode::NOT_FOUND, "NotFound", "The Runtime API has nothing here; that for extensions is not emulated.")
}

fn refused(misfit: Misfit) -> Answer {
    match misfit {
        Misfit::UnknownId => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Misfit::WrongState => {
            error(StatusCode::FORBIDDEN, "InvalidStateTransition", "This does not fit what the runtime did before.")
        }
    }
}

fn done(result: Result<(), Misfit>) -> Answer {
    match result {
        Ok(()) => server::json(StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()),
        Err(misfit) => refused(misfit),
    }
}

/// What a process sent, whole.
struct Sent {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

impl Sent {
    /// A streamed answer is collected, as nobody here takes a stream; after it, in trailers, there may be a failure.
    fn outcome(self) -> Result<Bytes, Ending> {
        match self.trailers {
            Some(trailers) if trailers.contains_key("lambda-runtime-function-error-type") => {
                let body = trailers.get("lambda-runtime-function-error-body").map(HeaderValue::as_bytes);
                let body = STANDARD.decode(body.unwrap_or_default()).unwrap_or_default();
                Err(Ending::Said(failure(&trailers, &body)))
            }
            _ => Ok(self.bytes),
        }
    }
}

/// Reads a body, or as much as may be kept of it, and then to its end: so the process learns that it is too large, where it
/// would else find its connection closed.
async fn read(mut body: Incoming) -> Result<Sent, Option<Answer>> {
    match Limited::new(&mut body, MAX_ANSWER).collect().await {
        Ok(sent) => {
            let trailers = sent.trailers().cloned();
            Ok(Sent { bytes: sent.to_bytes(), trailers })
        }
        Err(error) if error.is::<LengthLimitError>() => {
            while let Some(Ok(_)) = body.frame().await {}
            let message = format!("Exceeded maximum allowed payload size ({MAX_ANSWER} bytes).");
            Err(Some(self::error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)))
        }
        // It went away.
        Err(_) => Err(None),
    }
}

/// What a function says of its failure; what it does not say in the body is in the header, or is Lambda's word for it.
fn failure(headers: &HeaderMap, body: &[u8]) -> Failure {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        error_type: Option<String>,
        error_message: Option<String>,
    }
    let said: Option<Said> = serde_json::from_slice(body).ok();
    let Said { error_type, error_message } = said.unwrap_or_default();
    let header = || Some(headers.get("lambda-runtime-function-error-type")?.to_str().ok()?.to_owned());
    Failure::new(
        error_type.or_else(header).unwrap_or_else(|| "Function.Unknown".to_owned()),
        error_message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().chars().take(EXCERPT).collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_may_end_with_a_failure() {
        let sent = |trailers: &[(&'static str, &str)]| {
            let trailers = trailers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            Sent { bytes: Bytes::from_static(b"part"), trailers: Some(trailers.collect()) }
        };
        assert_eq!(sent(&[]).outcome().unwrap(), "part");
        let body = STANDARD.encode(r#"{"errorMessage":"half way"}"#);
        let broken = sent(&[
            ("lambda-runtime-function-error-type", "Hello.Broken"),
            ("lambda-runtime-function-error-body", &body),
        ]);
        let failure = broken.outcome().unwrap_err().failure("id-1");
        assert_eq!(failure, Failure::new("Hello.Broken", "half way"));
    }
}
