//! Lambda's Invoke API: what a call to it asks for, and how it words a fault.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use http::HeaderValue;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;

use super::Fault;
use crate::gateway::invocation_id;
use crate::server::Answer;

#[derive(Deserialize)]
struct Command {
    command: String,
}

/// The command of an invocation that has one.
pub fn kind(head: &Parts, body: &str) -> Option<String> {
    let dry = head.headers.get("x-amz-invocation-type").is_some_and(|kind| kind == "DryRun");
    if dry { None } else { serde_json::from_str(body).ok().map(|Command { command }| command) }
}

/// What can become of an invocation.
pub fn risks() -> &'static [Fault] {
    &[Fault::Dropped, Fault::ReplyLost, Fault::Late, Fault::Throttled, Fault::Failed, Fault::FailedAfter]
}

/// How Lambda words a fault, where it does.
pub fn error(fault: Fault) -> Option<Answer> {
    let id = invocation_id();
    let (status, header, value, body) = match fault {
        Fault::Throttled => (
            429,
            "x-amzn-errortype",
            "TooManyRequestsException",
            json!({"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}),
        ),
        // A function that failed is an invocation that succeeded.
        Fault::Failed | Fault::FailedAfter => {
            let message = format!("RequestId: {id} Error: Runtime exited with error: exit status 1");
            let body = json!({"errorType": "Runtime.ExitError", "errorMessage": message});
            (200, "x-amz-function-error", "Unhandled", body)
        }
        _ => return None,
    };
    let mut answer = super::proxy::answer(status, "application/json", &body);
    answer.headers_mut().insert(header, HeaderValue::from_static(value));
    if let Ok(id) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert("x-amzn-requestid", id);
    }
    Some(answer)
}
