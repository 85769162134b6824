//! Lambda's Invoke API, as far as the AWS SDK uses it to let one function call another.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpListener;

use crate::functions::{Function, Functions, Invocation, MAX_EVENT};
use crate::gateway::invocation_id;
use crate::server::{self, Running};

type Answer = Response<Full<Bytes>>;

/// Answers on this listener, which should be a loopback one: it asks for no signature.
pub fn serve(functions: Arc<Functions>, listener: TcpListener) -> std::io::Result<Running> {
    server::serve(listener, move |request, _| {
        let functions = Arc::clone(&functions);
        async move {
            let id = invocation_id();
            let mut answer = call(&functions, request, &id).await.unwrap_or_else(Refusal::into_answer);
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
    message: String,
}

impl Refusal {
    fn into_answer(self) -> Answer {
        let mut body = json!({"Type": "User", "Message": self.message});
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            body["Reason"] = json!("ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        let mut answer = reply(self.status, body.to_string().into());
        answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(self.kind));
        answer
    }
}

fn reply(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

/// The path is `/2015-03-31/functions/{name}/invocations`.
fn function_name(path: &str) -> Option<String> {
    let name = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())
}

async fn call(functions: &Functions, request: Request<Incoming>, id: &str) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let name = function_name(head.uri.path()).filter(|_| head.method == Method::POST);
    let name = name.ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        kind: "UnknownOperationException",
        message: "Only Invoke is answered here.".to_owned(),
    })?;
    let function = functions.by_name(&name).ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        kind: "ResourceNotFoundException",
        message: format!("Function not found: {name}"),
    })?;
    let event = read(body).await?;
    let invocation = Invocation { request_id: id.to_owned(), trace_id: text(&head.headers, "x-amzn-trace-id") };
    match text(&head.headers, "x-amz-invocation-type").as_deref() {
        None | Some("RequestResponse") => request_response(function, event, invocation).await,
        Some("Event") => {
            let function = Arc::clone(function);
            tokio::spawn(async move { function.invoke_later(event, invocation).await });
            Ok(reply(StatusCode::ACCEPTED, Bytes::new()))
        }
        Some("DryRun") => Ok(reply(StatusCode::NO_CONTENT, Bytes::new())),
        Some(other) => Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            kind: "InvalidParameterValueException",
            message: format!("There is no invocation type {other}."),
        }),
    }
}

async fn request_response(function: &Function, event: Bytes, invocation: Invocation) -> Result<Answer, Refusal> {
    let (body, failed) = match function.invoke(event, invocation).await {
        Ok(payload) => (payload, false),
        Err(failure) if failure.is_throttled => {
            return Err(Refusal {
                status: StatusCode::TOO_MANY_REQUESTS,
                kind: "TooManyRequestsException",
                message: failure.error_message,
            });
        }
        Err(failure) => (serde_json::to_vec(&failure).unwrap_or_default().into(), true),
    };
    let mut answer = reply(StatusCode::OK, body);
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if failed {
        answer.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    Ok(answer)
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let body = Limited::new(body, MAX_EVENT).collect().await.map_err(|_| Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        kind: "RequestTooLargeException",
        message: format!("Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"),
    })?;
    let event = match body.to_bytes() {
        empty if empty.is_empty() => Bytes::from_static(b"{}"),
        event => event,
    };
    serde_json::from_slice::<IgnoredAny>(&event).map_err(|error| Refusal {
        status: StatusCode::BAD_REQUEST,
        kind: "InvalidRequestContentException",
        message: format!("Could not parse request body into json: {error}"),
    })?;
    Ok(event)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
