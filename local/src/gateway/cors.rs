//! CORS as an HTTP API does it by its `CorsConfiguration`: it answers preflights itself, and what an integration says
//! about CORS it replaces. <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, ORIGIN,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::Full;

use super::answer::Answer;
use crate::template::Cors;
use crate::unverified::{CORS_ON_OWN_ANSWERS, FOREIGN_PREFLIGHT, PLAIN_OPTIONS_IS_PREFLIGHT};

/// What an integration does not get to say.
const REPLACED: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// The answer to a preflight; `None` if the request is none. The caller has found no route that takes `OPTIONS`: one
/// that does comes first.
pub fn preflight(cors: &Cors, head: &Parts) -> Option<Answer> {
    let asked = head.headers.contains_key(ORIGIN) && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if head.method != Method::OPTIONS || !(asked || PLAIN_OPTIONS_IS_PREFLIGHT) {
        return None;
    }
    let mut answer = Answer::new(Full::new(Bytes::new()));
    *answer.status_mut() = FOREIGN_PREFLIGHT;
    if let Some(origin) = allowed(cors, &head.headers) {
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        allow(cors, origin, headers);
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(","));
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers.join(","));
        if let Some(seconds) = cors.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
    }
    Some(answer)
}

/// Puts the configured headers on an answer to a request with an origin. `own` is an answer that the API gives itself.
pub fn apply(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap, own: bool) {
    for name in REPLACED {
        answer.remove(name);
    }
    if let Some(origin) = allowed(cors, request)
        && (!own || CORS_ON_OWN_ANSWERS)
    {
        allow(cors, origin, answer);
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(","));
    }
}

/// The origin to name to this request, if it is one of those that may.
fn allowed(cors: &Cors, request: &HeaderMap) -> Option<HeaderValue> {
    let origin = request.get(ORIGIN)?;
    if cors.origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    cors.origins.iter().any(|allowed| is_one(allowed, origin)).then(|| origin.clone())
}

/// `https://*` and `http://*` stand for every origin of that scheme.
fn is_one(allowed: &str, origin: &HeaderValue) -> bool {
    match allowed.strip_suffix('*') {
        Some(scheme @ ("https://" | "http://")) => origin.as_bytes().starts_with(scheme.as_bytes()),
        _ => origin.as_bytes() == allowed.as_bytes(),
    }
}

fn allow(cors: &Cors, origin: HeaderValue, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if cors.credentials {
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// A list that is empty, or that no header can carry, is left out.
fn set(answer: &mut HeaderMap, name: HeaderName, list: &str) {
    if let Ok(value) = HeaderValue::from_str(list)
        && !list.is_empty()
    {
        answer.insert(name, value);
    }
}
