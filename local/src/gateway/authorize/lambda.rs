//! Lambda authorizers: a function that is told of the request and answers yes or no, or with an IAM policy.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cache::Cache;
use super::policy::{Document, Policy};
use super::{Caller, Decision};
use crate::functions::{Function, Invocation};
use crate::gateway::event::Routed;
use crate::gateway::ids::invocation_id;
use crate::template::{self, IdentitySource};
use crate::unverified::POLICY_NEEDS_A_PRINCIPAL;

/// An authorizer and its function.
pub struct LambdaAuthorizer {
    function: Arc<Function>,
    simple: bool,
    identity_sources: Vec<IdentitySource>,
    cache: Option<Cache>,
    timeout: Duration,
}

/// An answer that was understood; it is what a cache keeps.
#[derive(Debug, Clone)]
pub struct Answer {
    verdict: Verdict,
    context: Option<Arc<RawValue>>,
}

#[derive(Debug, Clone)]
enum Verdict {
    /// For whatever it is asked about: AWS's own warning is that a kept yes is a yes for every route.
    Simple(bool),
    /// Looked up for each request, also when the policy was kept: one written for the first route alone refuses the
    /// second.
    Policy(Arc<Policy>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimpleAnswer<'a> {
    is_authorized: bool,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyAnswer<'a> {
    principal_id: Option<String>,
    policy_document: Document,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

impl LambdaAuthorizer {
    /// The template's authorizer with its function, for which the API waits so long.
    pub fn new(declared: &template::LambdaAuthorizer, function: Arc<Function>, timeout: Duration) -> Self {
        Self {
            function,
            simple: declared.simple,
            identity_sources: declared.identity_sources.clone(),
            cache: declared.ttl.map(Cache::new),
            timeout,
        }
    }

    /// Asks about a request, or remembers what was said of its caller.
    pub async fn decide(&self, routed: &Routed<'_>) -> Decision {
        let identity: Option<Vec<Cow<'_, str>>> =
            self.identity_sources.iter().map(|source| routed.identity(source)).collect();
        let Some(identity) = identity else { return Decision::Unidentified(None) };
        let arn = routed.route_arn();
        if let Some(cache) = &self.cache
            && let Some(answer) = cache.get(&identity, routed.time)
        {
            return answer.decide(&arn);
        }
        let answer = match self.ask(routed, &identity, &arn).await {
            Ok(answer) => answer,
            Err(why) => return Decision::Failed(why),
        };
        if let Some(cache) = &self.cache {
            cache.put(&identity, answer.clone(), routed.time);
        }
        answer.decide(&arn)
    }

    async fn ask(&self, routed: &Routed<'_>, identity: &[Cow<'_, str>], arn: &str) -> Result<Answer, String> {
        let event = routed.authorizer_event(identity, arn).map_err(|error| error.to_string())?;
        let invocation = Invocation { request_id: invocation_id(), trace_id: Some(routed.ids.trace.clone()) };
        match tokio::time::timeout(self.timeout, self.function.invoke(Bytes::from(event), invocation)).await {
            Ok(Ok(answer)) if self.simple => simple(&answer),
            Ok(Ok(answer)) => policy(&answer),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err("the authorizer gave no answer in time".to_owned()),
        }
    }
}

impl Answer {
    /// About how many bytes it keeps.
    pub fn size(&self) -> usize {
        let policy = match &self.verdict {
            Verdict::Simple(_) => 0,
            Verdict::Policy(policy) => policy.size(),
        };
        size_of::<Answer>() + policy + self.context.as_ref().map_or(0, |context| context.get().len())
    }

    fn decide(self, arn: &str) -> Decision {
        let allowed = match &self.verdict {
            Verdict::Simple(allowed) => *allowed,
            Verdict::Policy(policy) => policy.allows(arn),
        };
        if allowed { Decision::Allowed(self.context.map(Caller::Lambda)) } else { Decision::Refused(None) }
    }
}

fn simple(answer: &[u8]) -> Result<Answer, String> {
    let SimpleAnswer { is_authorized, context } = serde_json::from_slice(answer).map_err(malformed)?;
    Ok(Answer { verdict: Verdict::Simple(is_authorized), context: read(context)? })
}

fn policy(answer: &[u8]) -> Result<Answer, String> {
    let PolicyAnswer { principal_id, policy_document, context } = serde_json::from_slice(answer).map_err(malformed)?;
    if principal_id.is_none() && POLICY_NEEDS_A_PRINCIPAL {
        return Err(malformed("it has no principalId"));
    }
    let policy = Policy::read(policy_document).map_err(malformed)?;
    Ok(Answer { verdict: Verdict::Policy(Arc::new(policy)), context: read(context)? })
}

fn malformed(why: impl std::fmt::Display) -> String {
    format!("the authorizer's answer is malformed: {why}")
}

/// What an event tells the function; an empty object is nothing.
fn read(context: Option<&RawValue>) -> Result<Option<Arc<RawValue>>, String> {
    let Some(context) = context else { return Ok(None) };
    match context.get().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(members) if members.trim().is_empty() => Ok(None),
        Some(_) => Ok(Some(Arc::from(context.to_owned()))),
        None => Err(malformed("its context is not an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_is_a_yes() {
        let decide = |answer: &str| simple(answer.as_bytes()).map(|answer| answer.decide(""));
        for nothing in ["", r#","context":{}"#, r#","context":{ }"#, r#","context":null"#] {
            let answer = format!(r#"{{"isAuthorized":true{nothing}}}"#);
            assert!(matches!(decide(&answer), Ok(Decision::Allowed(None))), "{answer}");
        }
        let Ok(Decision::Allowed(Some(Caller::Lambda(context)))) =
            decide(r#"{"isAuthorized":true,"context":{"n":1, "s":"x"}}"#)
        else {
            panic!("allowed");
        };
        assert_eq!(context.get(), r#"{"n":1, "s":"x"}"#);
        assert!(matches!(decide(r#"{"isAuthorized":false,"context":{"a":1}}"#), Ok(Decision::Refused(None))));
        for wrong in [
            r#"{"isAuthorized":"true"}"#,
            "{}",
            "null",
            "true",
            r#"{"isAuthorized":1}"#,
            r#"{"isAuthorized":true,"context":"x"}"#,
            r#"{"isAuthorized":true,"context":[]}"#,
            r#"{"principalId":"me","policyDocument":{"Statement":[]}}"#,
        ] {
            assert!(decide(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_policy_is_asked_about_the_call() {
        let answer = policy(
            br#"{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":{"Action":"execute-api:Invoke",
            "Effect":"Allow","Resource":"arn:*/GET/a"}},"context":{"a":1}}"#,
        )
        .unwrap();
        assert!(matches!(answer.clone().decide("arn:x/GET/a"), Decision::Allowed(Some(_))));
        assert!(matches!(answer.decide("arn:x/GET/b"), Decision::Refused(None)));
        for wrong in [
            r#"{"isAuthorized":true}"#,
            r#"{"policyDocument":{"Statement":[]}}"#,
            r#"{"principalId":"me"}"#,
            r#"{"principalId":"me","policyDocument":{}}"#,
            r#"{"principalId":"me","policyDocument":{"Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}}"#,
        ] {
            assert!(policy(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
