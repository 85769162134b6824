//! Lambda authorizers: asked before a protected route's function, with simple answers, and nothing remembered.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::Routed;
use super::ids::invocation_id;
use crate::functions::{Function, Invocation};
use crate::template::IdentitySource;

/// An authorizer and its function.
pub struct Authorizer {
    /// The function.
    pub function: Arc<Function>,
    /// What must be in the request before it is asked.
    pub identity_sources: Vec<IdentitySource>,
    /// How long the API waits for it.
    pub timeout: Duration,
}

/// What came of asking.
pub enum Decision {
    /// Go on, with what the authorizer found out about the caller.
    Allowed(Option<Box<RawValue>>),
    /// Something that identifies the caller is missing; the authorizer was not asked (401).
    Unidentified,
    /// The authorizer said no (403).
    Refused,
    /// The authorizer gave no answer, or none that can be read (500). Why is for the operator.
    Failed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimpleAnswer<'a> {
    is_authorized: bool,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

impl Authorizer {
    /// Asks about a request.
    pub async fn decide(&self, routed: &Routed<'_>) -> Decision {
        let identity: Option<Vec<Cow<'_, str>>> =
            self.identity_sources.iter().map(|source| routed.identity(source)).collect();
        let Some(identity) = identity else { return Decision::Unidentified };
        let event = match routed.authorizer_event(&identity) {
            Ok(event) => Bytes::from(event),
            Err(error) => return Decision::Failed(error.to_string()),
        };
        let invocation = Invocation { request_id: invocation_id(), trace_id: Some(routed.ids.trace.clone()) };
        match tokio::time::timeout(self.timeout, self.function.invoke(event, invocation)).await {
            Ok(Ok(answer)) => read(&answer),
            Ok(Err(failure)) => Decision::Failed(failure.to_string()),
            Err(_) => Decision::Failed("the authorizer gave no answer in time".to_owned()),
        }
    }
}

fn read(answer: &[u8]) -> Decision {
    match serde_json::from_slice::<SimpleAnswer<'_>>(answer) {
        Ok(SimpleAnswer { is_authorized: false, .. }) => Decision::Refused,
        Ok(SimpleAnswer { is_authorized: true, context }) => match context {
            None => Decision::Allowed(None),
            Some(context) if context.get() == "{}" => Decision::Allowed(None),
            Some(context) if context.get().starts_with('{') => Decision::Allowed(Some(context.to_owned())),
            Some(_) => Decision::Failed("the authorizer's context is not an object".to_owned()),
        },
        Err(error) => Decision::Failed(format!("the authorizer's answer is malformed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_is_a_yes() {
        assert!(matches!(read(br#"{"isAuthorized":true}"#), Decision::Allowed(None)));
        let Decision::Allowed(Some(context)) = read(br#"{"isAuthorized":true,"context":{"n":1, "s":"x"}}"#) else {
            panic!("allowed");
        };
        assert_eq!(context.get(), r#"{"n":1, "s":"x"}"#);
        assert!(matches!(read(br#"{"isAuthorized":false,"context":{"a":1}}"#), Decision::Refused));
        for wrong in [
            r#"{"isAuthorized":"true"}"#,
            "{}",
            "null",
            "true",
            r#"{"isAuthorized":1}"#,
            r#"{"isAuthorized":true,"context":"x"}"#,
        ] {
            assert!(matches!(read(wrong.as_bytes()), Decision::Failed(_)), "{wrong}");
        }
    }
}
