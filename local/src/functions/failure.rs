//! How an invocation fails.

use std::fmt;
use std::time::Duration;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

use super::MAX_ANSWER;

/// What a failed invocation leaves behind; this is the JSON that Lambda's Invoke API answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// A name for the kind of failure.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
    /// Whether the function was not run at all, because as many as may were running (Lambda's own 429).
    #[serde(skip)]
    pub is_throttled: bool,
}

impl Failure {
    /// Of this kind.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Failure {
        Failure { error_type: error_type.into(), error_message: error_message.into(), is_throttled: false }
    }

    /// As many invocations were running as the function has reserved.
    pub fn throttled() -> Failure {
        Failure { is_throttled: true, ..Failure::new("TooManyRequestsException", "Rate Exceeded.") }
    }

    /// The function took longer than it may.
    pub fn timed_out(request_id: &str, limit: Duration) -> Failure {
        let message = format!("RequestId: {request_id} Error: Task timed out after {}.00 seconds", limit.as_secs());
        Failure::new("Sandbox.Timedout", message)
    }

    /// The answer is larger than an answer may be.
    pub fn too_large() -> Failure {
        let message = format!("Response payload size exceeded maximum allowed payload size ({MAX_ANSWER} bytes).");
        Failure::new("Function.ResponseSizeTooLarge", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::new(diagnostic.error_type, diagnostic.error_message)
    }
}
