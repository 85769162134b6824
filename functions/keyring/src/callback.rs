//! Telling CloudFormation the outcome, by PUT to the URL that it gave.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde::Serialize;
use shared::error::Error;
use shared::https::Https;

/// How long the answer may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// The resource's name where CloudFormation has none for it yet. It never changes: another one would have
/// CloudFormation delete the resource under its old name.
const PHYSICAL_ID: &str = "keyring";

/// What became of the request.
pub enum Outcome<T> {
    /// It was done; these are the resource's attributes.
    Success(T),
    /// It was not, for this reason.
    Failed(String),
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response<T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl<T: Serialize> Response<T> {
    /// The answer to a request of these ids; a resource that has a name already keeps it.
    pub fn new(
        stack_id: String,
        request_id: String,
        logical_resource_id: String,
        physical_resource_id: Option<String>,
        outcome: Outcome<Option<T>>,
    ) -> Response<T> {
        let (status, data, reason) = match outcome {
            Outcome::Success(data) => ("SUCCESS", data, None),
            Outcome::Failed(reason) => ("FAILED", None, Some(reason)),
        };
        let physical_resource_id = physical_resource_id.unwrap_or_else(|| PHYSICAL_ID.to_owned());
        Response { status, reason, physical_resource_id, stack_id, request_id, logical_resource_id, data }
    }
}

/// Sends the answer.
///
/// # Errors
/// It did not arrive.
pub async fn send<T: Serialize>(url: &str, response: &Response<T>) -> Result<(), Error> {
    let body = serde_json::to_vec(response).map_err(|error| Error::Internal(error.to_string()))?;
    // The URL is signed for a request without Content-Type.
    let request = Request::builder().method(Method::PUT).uri(url).body(Bytes::from(body));
    let request = request.map_err(|error| Error::Internal(format!("the ResponseURL is none: {error}")))?;
    let undelivered = |why: &str| Error::Unavailable(format!("CloudFormation did not take the answer: {why}"));
    // The client is made when it is needed, which is once in a deployment.
    let sent = Https::new()?.send(request, PATIENCE).await;
    let status = sent.map_err(|error| undelivered(error.cause().unwrap_or(error.title())))?.status();
    if status.is_success() { Ok(()) } else { Err(undelivered(status.as_str())) }
}
