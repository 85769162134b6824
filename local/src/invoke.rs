//! Lambda's Invoke API, as far as the AWS SDK uses it to let one function call another.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::functions::{Failure, Function, Functions, Invocation, MAX_EVENT};
use crate::gateway::invocation_id;
use crate::server::{self, Answer, Running};

/// The most bytes of an event whose answer nobody waits for (1 MB).
const MAX_LATER: usize = 1024 * 1024;
/// How many KiB of such events may be under way or wait.
const ROOM: u32 = 64 * 1024;
/// What one of them takes beside its bytes.
const EACH: u32 = 4;

/// Answers on this listener, which should be a loopback one: it asks for no signature.
pub fn serve(functions: Arc<Functions>, listener: TcpListener) -> std::io::Result<Running> {
    serve_within(ROOM, functions, listener)
}

fn serve_within(room: u32, functions: Arc<Functions>, listener: TcpListener) -> std::io::Result<Running> {
    let room = Arc::new(Semaphore::new(room as usize));
    server::serve(listener, move |request, _| {
        let (functions, room) = (Arc::clone(&functions), Arc::clone(&room));
        async move {
            let id = invocation_id();
            let mut answer = call(&functions, &room, request, &id).await.unwrap_or_else(Refusal::into_answer);
            if let Ok(id) = HeaderValue::from_str(&id) {
                answer.headers_mut().insert("x-amzn-requestid", id);
            }
            answer
        }
    })
}

/// An error of the API itself, in the shape of Lambda's REST-JSON protocol.
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    /// Which limit it is, where it is one of how much there may be at once.
    reason: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, kind, reason: None, message: message.into() }
    }

    fn throttled(reason: &'static str) -> Refusal {
        let message = Failure::throttled().error_message;
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", message);
        Refusal { reason: Some(reason), ..refusal }
    }

    fn into_answer(self) -> Answer {
        let mut body = json!({"Type": "User", "Message": self.message});
        if let Some(reason) = self.reason {
            body["Reason"] = json!(reason);
        }
        let mut answer = server::json(self.status, body.to_string());
        answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(self.kind));
        answer
    }
}

/// The path is `/2015-03-31/functions/{name}/invocations`.
fn function_name(path: &str) -> Option<String> {
    let name = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())
}

async fn call(
    functions: &Functions,
    room: &Arc<Semaphore>,
    request: Request<Incoming>,
    id: &str,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    if server::is_of_a_page(&head.headers) {
        let message = "Web pages are not answered here, nor names of other machines: call 127.0.0.1 or localhost.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDeniedException", message));
    }
    let name = function_name(head.uri.path()).filter(|_| head.method == Method::POST);
    let name = name.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "UnknownOperationException", "Only Invoke is answered here.")
    })?;
    let function = functions.by_name(&name).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("Function not found: {name}"))
    })?;
    let kind = text(&head.headers, "x-amz-invocation-type");
    let event = read(body, if kind.as_deref() == Some("Event") { MAX_LATER } else { MAX_EVENT }).await?;
    let invocation = Invocation { request_id: id.to_owned(), trace_id: text(&head.headers, "x-amzn-trace-id") };
    match kind.as_deref() {
        None | Some("RequestResponse") => request_response(function, event, invocation).await,
        Some("Event") => {
            let wanted = u32::try_from(event.len() / 1024).unwrap_or(ROOM).saturating_add(EACH);
            let place = Arc::clone(room).try_acquire_many_owned(wanted);
            let place = place.map_err(|_| Refusal::throttled("CallerRateLimitExceeded"))?;
            let function = Arc::clone(function);
            tokio::spawn(async move {
                function.invoke_later(event, invocation).await;
                drop(place);
            });
            Ok(server::json(StatusCode::ACCEPTED, Bytes::new()))
        }
        Some("DryRun") => Ok(server::json(StatusCode::NO_CONTENT, Bytes::new())),
        Some(other) => {
            let message = format!("There is no invocation type {other}.");
            Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message))
        }
    }
}

async fn request_response(function: &Function, event: Bytes, invocation: Invocation) -> Result<Answer, Refusal> {
    let (body, failed) = match function.invoke(event, invocation).await {
        Ok(payload) => (payload, false),
        Err(failure) if failure.is_throttled => {
            return Err(Refusal::throttled("ReservedFunctionConcurrentInvocationLimitExceeded"));
        }
        Err(failure) => (serde_json::to_vec(&failure).unwrap_or_default().into(), true),
    };
    let mut answer = server::json(StatusCode::OK, body);
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if failed {
        answer.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    Ok(answer)
}

async fn read(body: Incoming, most: usize) -> Result<Bytes, Refusal> {
    let body = Limited::new(body, most).collect().await.map_err(|_| {
        let message = format!("Request must be smaller than {most} bytes for the InvokeFunction operation");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    })?;
    let event = match body.to_bytes() {
        empty if empty.is_empty() => Bytes::from_static(b"{}"),
        event => event,
    };
    serde_json::from_slice::<IgnoredAny>(&event).map_err(|error| {
        let message = format!("Could not parse request body into json: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    })?;
    Ok(event)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
