//! A request's line in the template's own format, as API Gateway fills it in:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>.
//!
//! Where the format is JSON, values are escaped as JSON asks for. AWS puts them in as they are, so there a quotation mark
//! in a `User-Agent` breaks its line (<https://github.com/DataBiosphere/azul/issues/4348>).

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{AccessLine, Verdict, Wanted};
use crate::gateway::answer::message_of;
use crate::gateway::event::{PROTOCOL, log_time};
use crate::template::{AccessFormat, HttpApi, Part, Variable};
use crate::unverified::{LOGGED_EPOCH, LOGGED_LAMBDA_STATUS, LOGGED_PATH_IS_AS_SENT};

/// The format where the template has none: what the console of API Gateway proposes for an HTTP API, and the path.
const PROPOSED: &str = concat!(
    r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime","#,
    r#""httpMethod":"$context.httpMethod","path":"$context.path","routeKey":"$context.routeKey","#,
    r#""status":"$context.status","protocol":"$context.protocol","responseLength":"$context.responseLength"}"#
);
/// What a cache in front of the API answers is in no access log of the API. It is shown as in this format.
const CACHED: &str = concat!(
    r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime","#,
    r#""httpMethod":"$context.httpMethod","path":"$context.path","cached":true,"#,
    r#""status":"$context.status","protocol":"$context.protocol","responseLength":"$context.responseLength"}"#
);
/// What stands for a variable that says nothing about this request.
const NOTHING: &str = "-";

/// Fills in a format.
#[derive(Debug, Clone)]
pub struct Formatter {
    format: AccessFormat,
    cached: AccessFormat,
    account_id: String,
    api_id: String,
    domain_name: String,
    stage: String,
}

impl Formatter {
    /// For this API and its format.
    pub fn new(api: &HttpApi) -> Self {
        let known =
            |format: &str| AccessFormat::parse(format).unwrap_or(AccessFormat { parts: Vec::new(), is_json: false });
        Self {
            format: api.access_log_format.clone().unwrap_or_else(|| known(PROPOSED)),
            cached: known(CACHED),
            account_id: api.account_id.clone(),
            api_id: api.api_id.clone(),
            domain_name: api.domain_name(),
            stage: api.stage.clone(),
        }
    }

    /// What the format has a use for.
    pub fn wanted(&self) -> Wanted {
        let uses = |wanted: fn(&Variable) -> bool| {
            self.format.parts.iter().any(|part| matches!(part, Part::Variable { variable, .. } if wanted(variable)))
        };
        Wanted {
            user_agent: uses(|variable| matches!(variable, Variable::UserAgent)),
            context: uses(|variable| matches!(variable, Variable::Authorizer(_))),
        }
    }

    /// The line, which is one line whatever the request says.
    pub fn line(&self, line: &AccessLine) -> String {
        let format = if line.cached { &self.cached } else { &self.format };
        let mut text = String::with_capacity(512);
        for part in &format.parts {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Variable { variable, in_string } => {
                    let value = self.value(variable, line);
                    let value = value.as_deref().filter(|value| !value.is_empty()).unwrap_or(NOTHING);
                    match (format.is_json, in_string) {
                        (true, true) => push_escaped(&mut text, value),
                        (true, false) => push_value(&mut text, value),
                        (false, _) => push_plain(&mut text, value),
                    }
                }
            }
        }
        text
    }

    /// The line as a JSON object: a format that is none becomes the text `access` in one.
    pub fn json(&self, line: &AccessLine) -> String {
        let text = self.line(line);
        if self.format.is_json || line.cached { text } else { serde_json::json!({ "access": text }).to_string() }
    }

    /// What went wrong in a function, as functions log it themselves: the format need not have it.
    pub fn failure(&self, line: &AccessLine) -> Option<String> {
        let (id, failure) = (line.request_id.as_str(), line.failure.as_deref()?);
        Some(serde_json::json!({"level": "ERROR", "request.id": id, "error.cause": failure}).to_string())
    }

    fn value<'a>(&'a self, variable: &Variable, line: &'a AccessLine) -> Option<Cow<'a, str>> {
        let borrowed = |text: &'a str| Some(Cow::Borrowed(text));
        let number = |number: u128| Some(Cow::Owned(number.to_string()));
        let function = line.function.as_ref();
        let has_failed = line.authorizer == Verdict::Failed;
        let error = StatusCode::from_u16(line.status).ok().filter(|status| line.is_own && !status.is_success());
        match variable {
            Variable::AccountId => borrowed(&self.account_id),
            Variable::ApiId | Variable::DomainPrefix => borrowed(&self.api_id),
            Variable::AuthorizerError => borrowed(line.failure.as_deref().filter(|_| has_failed)?),
            Variable::Authorizer(names) => found_out(line.context.as_deref()?.get(), names).map(Cow::Owned),
            Variable::DomainName => borrowed(&self.domain_name),
            Variable::Error => borrowed(message_of(error?)),
            Variable::QuotedError => Some(format!("\"{}\"", message_of(error?)).into()),
            Variable::Method => borrowed(line.method.as_str()),
            Variable::SourceIp => Some(line.source_ip.to_string().into()),
            Variable::UserAgent => borrowed(line.user_agent.as_deref()?),
            Variable::IntegrationError => borrowed(line.failure.as_deref().filter(|_| !has_failed)?),
            Variable::IntegrationLatency => number(function?.latency.as_millis()),
            Variable::LambdaStatus => {
                number(function.filter(|function| function.in_time).map(|_| LOGGED_LAMBDA_STATUS)?.into())
            }
            Variable::FunctionStatus => number(function?.status?.into()),
            Variable::InvocationId => borrowed(&function?.invocation),
            Variable::Path if LOGGED_PATH_IS_AS_SENT => borrowed(&line.path),
            Variable::Path => Some(percent_decode_str(&line.path).decode_utf8_lossy()),
            Variable::Protocol => borrowed(PROTOCOL),
            Variable::RequestId => borrowed(line.request_id.as_str()),
            Variable::Time => Some(log_time(line.time).into()),
            Variable::Epoch => number(u128::try_from(line.time.as_millis()).ok()? / LOGGED_EPOCH.as_millis()),
            Variable::Latency => number(line.latency.as_millis()),
            Variable::Length => number(line.length.into()),
            Variable::RouteKey => borrowed(line.route_key.as_deref()?),
            Variable::Stage => borrowed(&self.stage),
            Variable::Status => number(line.status.into()),
            Variable::OnlyInAws | Variable::Unknown(_) => None,
        }
    }
}

/// A text, a number or a truth value of the authorizer's context.
fn found_out(context: &str, names: &[String]) -> Option<String> {
    let mut members: BTreeMap<String, Value> = serde_json::from_str(context).ok()?;
    let (last, before) = names.split_last()?;
    for name in before {
        members = serde_json::from_value(members.remove(name)?).ok()?;
    }
    match members.remove(last)? {
        Value::String(text) => Some(text),
        scalar @ (Value::Bool(_) | Value::Number(_)) => Some(scalar.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Inside a JSON string.
fn push_escaped(text: &mut String, value: &str) {
    let quoted = Value::from(value).to_string();
    text.push_str(quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).unwrap_or_default());
}

/// Where a JSON value stands: a number, a truth value or a text in quotation marks as it is, anything else as a text.
fn push_value(text: &mut String, value: &str) {
    match serde_json::from_str::<Value>(value) {
        Ok(Value::Number(_) | Value::Bool(_) | Value::String(_)) => text.push_str(value.trim()),
        _ => text.push_str(&Value::from(value).to_string()),
    }
}

/// In a format of another kind.
fn push_plain(text: &mut String, value: &str) {
    for character in value.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}
