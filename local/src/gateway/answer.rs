//! What the client gets: a function's answer read by the API's rules, and the answers that the API gives itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::ids::RequestId;
use crate::unverified::{
    BODY_MUST_BE_TEXT, BROKEN_BASE64_IS_MALFORMED, BROKEN_HEADER_IS_MALFORMED, HEADERS_MAY_BE_SCALARS,
    OWN_HEADERS_ARE_DROPPED, STATUS_CODES, STATUS_MAY_BE_TEXT, THROTTLED_MESSAGE,
};

/// Headers that are the API's own affair, whatever a function says.
const OWN: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::DATE, header::UPGRADE, header::TRANSFER_ENCODING];

/// An answer on its way to the client.
pub type Answer = Response<Full<Bytes>>;

/// An answer that the API gives itself: `{"message":"…"}`.
pub fn message(status: StatusCode) -> Answer {
    json(status, Bytes::from_static(body_of(status).as_bytes()))
}

/// The message in it.
pub fn message_of(status: StatusCode) -> &'static str {
    body_of(status).trim_start_matches(r#"{"message":""#).trim_end_matches(r#""}"#)
}

fn body_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => r#"{"message":"Bad Request"}"#,
        StatusCode::UNAUTHORIZED => r#"{"message":"Unauthorized"}"#,
        StatusCode::FORBIDDEN => r#"{"message":"Forbidden"}"#,
        StatusCode::NOT_FOUND => r#"{"message":"Not Found"}"#,
        StatusCode::REQUEST_TIMEOUT => r#"{"message":"Request Timeout"}"#,
        StatusCode::PAYLOAD_TOO_LARGE => r#"{"message":"Request Entity Too Large"}"#,
        StatusCode::TOO_MANY_REQUESTS => THROTTLED_MESSAGE,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => r#"{"message":"Request Header Fields Too Large"}"#,
        StatusCode::NOT_IMPLEMENTED => r#"{"message":"Not Implemented"}"#,
        StatusCode::SERVICE_UNAVAILABLE => r#"{"message":"Service Unavailable"}"#,
        _ => r#"{"message":"Internal Server Error"}"#,
    }
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Puts the id of its request on an answer.
pub fn identify(answer: &mut Answer, id: RequestId) {
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        answer.headers_mut().insert("apigw-requestid", id);
    }
}

/// A function's answer that is none; the client learns nothing of it but a 500.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function's answer is malformed: {}", self.0)
    }
}

/// Reads what a function answered: an object with a status code says itself what the answer is; anything else is the
/// body of a 200, JSON or not, but that a JSON text stands without its quotes.
pub fn read(payload: &Bytes) -> Result<Answer, Malformed> {
    match payload.trim_ascii_start().first() {
        Some(b'{') => {}
        Some(b'"') => {
            let text = serde_json::from_slice::<String>(payload).map(Bytes::from);
            return Ok(json(StatusCode::OK, text.unwrap_or_else(|_| payload.clone())));
        }
        _ => return Ok(json(StatusCode::OK, payload.clone())),
    }
    match serde_json::from_slice::<Structured<'_>>(payload) {
        Ok(Structured { status_code: Some(status), headers, cookies, body, is_base64_encoded }) => {
            structured(status, headers, cookies.unwrap_or_default(), body, is_base64_encoded.unwrap_or(false))
        }
        Err(_) if has_status_code(payload) => Err(Malformed("a field has the wrong type")),
        _ => Ok(json(StatusCode::OK, payload.clone())),
    }
}

fn has_status_code(payload: &[u8]) -> bool {
    // A map, because a struct would not have a field twice.
    serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(payload)
        .is_ok_and(|fields| fields.contains_key("statusCode"))
}

fn structured(
    status: u16,
    headers: Option<Headers>,
    cookies: Vec<Text<'_>>,
    body: Option<String>,
    encoded: bool,
) -> Result<Answer, Malformed> {
    let status = match StatusCode::from_u16(status) {
        Ok(status) if STATUS_CODES.contains(&status.as_u16()) => status,
        _ => return Err(Malformed("the status code is none")),
    };
    let body = match (body, encoded) {
        (None, _) => Bytes::new(),
        (Some(body), false) => Bytes::from(body),
        (Some(body), true) => match STANDARD.decode(&body) {
            Ok(bytes) => bytes.into(),
            Err(_) if BROKEN_BASE64_IS_MALFORMED => return Err(Malformed("the body is not base64")),
            Err(_) => body.into(),
        },
    };
    let mut headers = headers.unwrap_or_default().0;
    for own in &OWN {
        if let Some(value) = headers.remove(own)
            && !OWN_HEADERS_ARE_DROPPED
            && let Ok(name) = HeaderName::try_from(format!("x-amzn-remapped-{own}"))
        {
            headers.insert(name, value);
        }
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    if !cookies.is_empty() {
        // The list's cookies come first, then the header's.
        let last = headers.remove(header::SET_COOKIE);
        for Text(cookie) in cookies {
            let cookie =
                HeaderValue::from_bytes(cookie.as_bytes()).map_err(|_| Malformed("a cookie is no header's value"))?;
            headers.append(header::SET_COOKIE, cookie);
        }
        if let Some(last) = last {
            headers.append(header::SET_COOKIE, last);
        }
    }
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Structured<'a> {
    #[serde(default, deserialize_with = "status_code")]
    status_code: Option<u16>,
    headers: Option<Headers>,
    #[serde(borrow)]
    cookies: Option<Vec<Text<'a>>>,
    #[serde(default, deserialize_with = "body")]
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// A status code that is there; `null` is none, and so is a fraction.
fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code<'a> {
        Number(u16),
        Text(#[serde(borrow)] Cow<'a, str>),
    }
    match Code::deserialize(deserializer)? {
        Code::Number(number) => Ok(Some(number)),
        Code::Text(text) if STATUS_MAY_BE_TEXT => text.parse().map(Some).map_err(D::Error::custom),
        Code::Text(_) => Err(D::Error::custom("the status code is a text")),
    }
}

fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    if BODY_MUST_BE_TEXT {
        return Option::deserialize(deserializer);
    }
    let body = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(body.map(|body| match body {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// Borrowed from the payload, where nothing is escaped in it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Headers, read without a detour.
#[derive(Default)]
struct Headers(HeaderMap);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = HeaderMap::with_capacity(8);
                while let Some(Text(name)) = map.next_key()? {
                    match (HeaderName::from_bytes(name.as_bytes()), map.next_value()?) {
                        (_, Scalar::Nothing) => {}
                        (Ok(name), Scalar::Value(value)) => {
                            headers.append(name, value);
                        }
                        _ if BROKEN_HEADER_IS_MALFORMED => {
                            return Err(A::Error::custom("there is a header that HTTP cannot carry"));
                        }
                        _ => {}
                    }
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Map)
    }
}

/// A header's value, read without a copy in between.
enum Scalar {
    Value(HeaderValue),
    /// One that HTTP cannot carry.
    Broken,
    Nothing,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        fn scalar<E: Error>(value: HeaderValue) -> Result<Scalar, E> {
            if HEADERS_MAY_BE_SCALARS { Ok(Scalar::Value(value)) } else { Err(E::custom("a header is no text")) }
        }

        impl Visitor<'_> for Value {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a truth value or null")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(HeaderValue::from_bytes(text.as_bytes()).map_or(Scalar::Broken, Scalar::Value))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                scalar(number.into())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                scalar(number.into())
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                let text = serde_json::Value::from(number).to_string();
                scalar(HeaderValue::from_str(&text).map_err(E::custom)?)
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Scalar, E> {
                scalar(HeaderValue::from_static(if truth { "true" } else { "false" }))
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                if HEADERS_MAY_BE_SCALARS { Ok(Scalar::Nothing) } else { Err(E::custom("a header is no text")) }
            }
        }

        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests;
