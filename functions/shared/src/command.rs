//! Commands: what a function does when it is invoked directly, by another function or by a person with the right to.

use std::collections::HashMap;
use std::future::Future;

use lambda_http::Body;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::contract::{Command, Envelope};
use crate::error::{Error, FunctionError};
use crate::http::Response;
use crate::telemetry::{Subject, Telemetry};

/// Reads a command, runs its handler and logs it.
///
/// # Errors
/// The JSON is not a command of this function (an event of the API never is), or the handler failed.
pub async fn serve<C, R, F>(telemetry: &Telemetry, json: &str, handler: impl FnOnce(C) -> F) -> Result<R, FunctionError>
where
    C: Command + DeserializeOwned,
    F: Future<Output = Result<R, Error>>,
{
    let envelope = read::<C>(json);
    let known = envelope.as_ref().ok();
    let subject = Subject {
        request_id: known.and_then(|envelope| envelope.request_id.clone()).unwrap_or_default(),
        trace_id: known.and_then(|envelope| envelope.trace_id.clone()),
        command: known.map(|envelope| envelope.command.name()),
        ..Subject::default()
    };
    let work = async { handler(envelope?.command).await };
    telemetry.observe(&subject, |_| (200, None), work).await.map_err(FunctionError)
}

fn read<C: DeserializeOwned>(json: &str) -> Result<Envelope<C>, Error> {
    // A map, so that the member counts whatever its value, and also where it comes twice.
    let members = serde_json::from_str::<HashMap<String, IgnoredAny>>(json);
    if members.is_ok_and(|members| members.contains_key("requestContext")) {
        return Err(Error::Forbidden);
    }
    crate::http::from_json(json.as_bytes())
}

/// A command's reply from a function that also answers HTTP.
///
/// # Errors
/// The reply cannot be JSON, which would be a bug.
pub fn reply(reply: &impl Serialize) -> Result<Response, FunctionError> {
    let json = serde_json::to_string(reply).map_err(|error| FunctionError(Error::Internal(error.to_string())))?;
    Ok(Response::new(Body::Text(json)))
}

/// Refuses a direct invocation, for a function that has no commands, and logs it.
///
/// # Errors
/// Always.
pub async fn refuse(telemetry: &Telemetry) -> Result<Response, FunctionError> {
    telemetry
        .observe(&Subject::default(), |_| (200, None), async { Err(Error::Forbidden) })
        .await
        .map_err(FunctionError)
}
