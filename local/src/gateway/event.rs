//! The events that functions and authorizers are given: payload format 2.0, written straight from the request.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod headers;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::ser::{Serialize, Serializer};
use shared::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use headers::Headers;

use super::authorize::Caller;
use super::ids::Ids;
use super::parts::{cookies, joined, query_parameters, text_or_base64};
use crate::template::{HttpApi, IdentitySource};

/// `14/Apr/2025:22:14:16 +0000`
const LOG_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// What every request is said to have come by.
pub const PROTOCOL: &str = "HTTP/1.1";

/// A routed request, as far as events tell of it.
pub struct Routed<'a> {
    /// The API.
    pub api: &'a HttpApi,
    /// The request's ids.
    pub ids: &'a Ids,
    /// When it came.
    pub time: Timestamp,
    /// Who sent it.
    pub source_ip: &'a str,
    /// Its head.
    pub head: &'a Parts,
    /// Its body.
    pub body: &'a Bytes,
    /// Its decoded path.
    pub raw_path: &'a str,
    /// The decoded segments by which its route was chosen.
    pub segments: &'a [Cow<'a, str>],
    /// The key of the route that answers it.
    pub route_key: &'a str,
    /// The route's parameters, decoded.
    pub path_parameters: Vec<(&'a str, Cow<'a, str>)>,
}

impl Routed<'_> {
    /// The event for the route's function. `authorizer` is what an authorizer found out.
    pub fn event(&self, authorizer: Option<&Caller>) -> Result<Vec<u8>, serde_json::Error> {
        let body = (!self.body.is_empty()).then(|| text_or_base64(self.head, self.body));
        let (body, is_base64_encoded) = match body {
            Some((body, encoded)) => (Some(body), encoded),
            None => (None, false),
        };
        let event = Event {
            kind: None,
            route_arn: None,
            identity_source: None,
            body,
            is_base64_encoded: Some(is_base64_encoded),
            ..self.common(authorizer)
        };
        write(&event, self.body.len())
    }

    /// The event for the route's authorizer: no body, but what identifies the caller.
    pub fn authorizer_event(&self, identity: &[Cow<'_, str>], arn: &str) -> Result<Vec<u8>, serde_json::Error> {
        let event = Event {
            kind: Some("REQUEST"),
            route_arn: Some(arn),
            identity_source: (!identity.is_empty()).then_some(identity),
            body: None,
            is_base64_encoded: None,
            ..self.common(None)
        };
        write(&event, 0)
    }

    /// The ARN of the call. It has the stage before the method, and for a path what the route was chosen by, so that a policy
    /// speaks of the route that is taken.
    pub fn route_arn(&self) -> String {
        let HttpApi { region, account_id, api_id, stage, .. } = self.api;
        let method = self.head.method.as_str();
        let path = self.segments.join("/");
        format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{stage}/{method}/{path}")
    }

    /// What an identity source is in this request; `None` if it is missing or empty.
    pub fn identity(&self, source: &IdentitySource) -> Option<Cow<'_, str>> {
        let value = match source {
            IdentitySource::Header(name) => joined(&self.head.headers, name)?,
            IdentitySource::Query(name) => {
                self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)?
            }
            IdentitySource::Context(name) => self.context(name)?,
            IdentitySource::StageVariable(name) => Cow::Borrowed(self.api.stage_variables.get(name)?.as_str()),
        };
        (!value.is_empty()).then_some(value)
    }

    /// A variable of the request context, of those that [`template`](crate::template) lets through.
    fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        let HttpApi { account_id, api_id, stage, .. } = self.api;
        Some(Cow::Borrowed(match name {
            "accountId" => account_id,
            "apiId" | "domainPrefix" => api_id,
            "domainName" => return Some(Cow::Owned(self.api.domain_name())),
            "httpMethod" => self.head.method.as_str(),
            "identity.sourceIp" => self.source_ip,
            "identity.userAgent" => user_agent(&self.head.headers),
            "path" => self.raw_path,
            "protocol" => PROTOCOL,
            "requestId" => self.ids.request.as_str(),
            "routeKey" => self.route_key,
            "stage" => stage,
            _ => return None,
        }))
    }

    fn query(&self) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        query_parameters(self.head.uri.query().unwrap_or_default())
    }

    fn common<'s>(&'s self, authorizer: Option<&'s Caller>) -> Event<'s> {
        let api = self.api;
        Event {
            version: "2.0",
            kind: None,
            route_arn: None,
            identity_source: None,
            route_key: self.route_key,
            raw_path: self.raw_path,
            raw_query_string: self.head.uri.query().unwrap_or_default(),
            cookies: cookies(&self.head.headers),
            headers: Headers { routed: self },
            query_string_parameters: Pairs(self.query()),
            request_context: RequestContext {
                account_id: &api.account_id,
                api_id: &api.api_id,
                authorizer,
                domain_name: api.domain_name(),
                domain_prefix: &api.api_id,
                http: Http {
                    method: self.head.method.as_str(),
                    path: self.raw_path,
                    protocol: PROTOCOL,
                    source_ip: self.source_ip,
                    user_agent: user_agent(&self.head.headers),
                },
                request_id: self.ids.request.as_str(),
                route_key: self.route_key,
                stage: &api.stage,
                time: log_time(self.time),
                time_epoch: self.time.as_millis(),
            },
            body: None,
            path_parameters: Pairs(
                self.path_parameters
                    .iter()
                    .map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(&**value)))
                    .collect(),
            ),
            is_base64_encoded: None,
            stage_variables: &api.stage_variables,
        }
    }
}

/// The header `User-Agent`; empty if there is none, or it is no text.
pub fn user_agent(headers: &HeaderMap) -> &str {
    let value = headers.get(header::USER_AGENT);
    value.and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).unwrap_or_default()
}

/// A moment as servers' logs have it: `14/Apr/2025:22:14:16 +0000`.
pub fn log_time(time: Timestamp) -> String {
    let time = OffsetDateTime::from_unix_timestamp(time.as_secs()).ok();
    time.and_then(|time| time.format(LOG_TIME).ok()).unwrap_or_default()
}

fn write(event: &Event<'_>, body: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(2_048_usize.saturating_add(body));
    serde_json::to_writer(&mut json, event)?;
    Ok(json)
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_source: Option<&'a [Cow<'a, str>]>,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    query_string_parameters: Pairs<'a>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    path_parameters: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_base64_encoded: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stage_variables: &'a BTreeMap<String, String>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<&'a Caller>,
    domain_name: String,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: i64,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    source_ip: &'a str,
    user_agent: &'a str,
}

/// A JSON object in the order of its pairs.
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Pairs<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests;
