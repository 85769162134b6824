//! What the client gets: a function's answer read by the API's rules, and the answers that the API gives itself.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// Headers of a function that the API writes itself or drops.
const DROPPED: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::DATE, header::UPGRADE, header::TRANSFER_ENCODING];

/// An answer on its way to the client.
pub type Answer = Response<Full<Bytes>>;

/// An answer that the API gives itself: `{"message":"…"}`.
pub fn message(status: StatusCode) -> Answer {
    let text = match status {
        StatusCode::BAD_REQUEST => r#"{"message":"Bad Request"}"#,
        StatusCode::UNAUTHORIZED => r#"{"message":"Unauthorized"}"#,
        StatusCode::FORBIDDEN => r#"{"message":"Forbidden"}"#,
        StatusCode::NOT_FOUND => r#"{"message":"Not Found"}"#,
        StatusCode::REQUEST_TIMEOUT => r#"{"message":"Request Timeout"}"#,
        StatusCode::PAYLOAD_TOO_LARGE => r#"{"message":"Request Entity Too Large"}"#,
        StatusCode::TOO_MANY_REQUESTS => r#"{"message":"Too Many Requests"}"#,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => r#"{"message":"Request Header Fields Too Large"}"#,
        StatusCode::SERVICE_UNAVAILABLE => r#"{"message":"Service Unavailable"}"#,
        _ => r#"{"message":"Internal Server Error"}"#,
    };
    json(status, Bytes::from_static(text.as_bytes()))
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A function's answer that is none; the client learns nothing of it but a 500.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function's answer is malformed: {}", self.0)
    }
}

/// Reads what a function answered.
pub fn read(payload: &Bytes) -> Result<Answer, Malformed> {
    match serde_json::from_slice::<Structured<'_>>(payload) {
        Ok(Structured { status_code: Some(status), headers, cookies, body, is_base64_encoded }) => {
            structured(status, headers, cookies.unwrap_or_default(), body, is_base64_encoded.unwrap_or(false))
        }
        Ok(_) => Ok(json(StatusCode::OK, payload.clone())),
        Err(_) => unstructured(payload),
    }
}

/// Whatever is JSON and has no status code is the body itself.
fn unstructured(payload: &Bytes) -> Result<Answer, Malformed> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "statusCode")]
        status_code: Option<serde::de::IgnoredAny>,
    }
    match payload.trim_ascii_start().first() {
        Some(b'"') => match serde_json::from_slice::<String>(payload) {
            Ok(text) => Ok(json(StatusCode::OK, text.into())),
            Err(_) => Err(Malformed("it is not JSON")),
        },
        Some(b'{') => match serde_json::from_slice::<Probe>(payload) {
            Ok(Probe { status_code: None }) => Ok(json(StatusCode::OK, payload.clone())),
            Ok(Probe { status_code: Some(_) }) => Err(Malformed("a field has the wrong type")),
            Err(_) => Err(Malformed("it is not JSON")),
        },
        _ => Ok(json(StatusCode::OK, payload.clone())),
    }
}

fn structured(
    status: u16,
    headers: Option<Headers>,
    cookies: Vec<Text<'_>>,
    body: Option<String>,
    encoded: bool,
) -> Result<Answer, Malformed> {
    // Interim answers (1xx) are none; which other numbers AWS refuses is unverified.
    let status = match StatusCode::from_u16(status) {
        Ok(status) if (200..600).contains(&status.as_u16()) => status,
        _ => return Err(Malformed("the status code is none")),
    };
    let body = match (body, encoded) {
        (None, _) => Bytes::new(),
        (Some(body), false) => Bytes::from(body),
        (Some(body), true) => match STANDARD.decode(body) {
            Ok(bytes) => bytes.into(),
            Err(_) => return Err(Malformed("the body is not base64")),
        },
    };
    let mut headers = headers.unwrap_or_default().0;
    for dropped in &DROPPED {
        headers.remove(dropped);
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
    status_code: Option<u16>,
    headers: Option<Headers>,
    #[serde(borrow)]
    cookies: Option<Vec<Text<'a>>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// Borrowed from the payload, where nothing is escaped in it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Headers, read without a detour. Numbers and truth values count as their text; `null` is no header.
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
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(A::Error::custom)?;
                    if let Scalar(Some(value)) = map.next_value()? {
                        headers.append(name, value);
                    }
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Map)
    }
}

/// A header's value.
struct Scalar(Option<HeaderValue>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl Visitor<'_> for Value {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a truth value or null")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                HeaderValue::from_bytes(text.as_bytes()).map(|value| Scalar(Some(value))).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(Some(number.into())))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(Some(number.into())))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                self.visit_str(&serde_json::Value::from(number).to_string())
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Scalar, E> {
                Ok(Scalar(Some(HeaderValue::from_static(if truth { "true" } else { "false" }))))
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests;
