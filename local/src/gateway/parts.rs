//! Parts of a request in the spelling that events have: headers, cookies, query parameters, the body.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;

use crate::unverified::{BROKEN_TEXT_STAYS_TEXT, JSON_SUFFIX_IS_TEXT};

/// A header's value; several lines are joined by `,` without a space.
pub fn joined<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes).map(String::from_utf8_lossy);
    let first = values.next()?;
    let rest: Vec<Cow<'_, str>> = values.collect();
    if rest.is_empty() { Some(first) } else { Some(Cow::Owned(format!("{first},{}", rest.join(",")))) }
}

/// The cookies of every `cookie` line, verbatim.
pub fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let mut cookies = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let split = line.split(';').map(str::trim).filter(|cookie| !cookie.is_empty());
        cookies.extend(split.map(|cookie| Cow::Owned(cookie.to_owned())));
    }
    cookies
}

/// Decoded parameters in the order of their first appearance; the values of a repeated one are joined by `,`.
pub fn query_parameters(query: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let mut parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    // Where each is among them: whoever sends thousands must not make them be searched for each other.
    let mut known: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        match known.get(&name).and_then(|at| parameters.get_mut(*at)) {
            Some((_, values)) => {
                let values = values.to_mut();
                values.push(',');
                values.push_str(&value);
            }
            None => {
                known.insert(name.clone(), parameters.len());
                parameters.push((name, value));
            }
        }
    }
    parameters
}

fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// A body as it stands in an event: text for the media types that AWS takes for text, base64 for every other and for
/// none.
pub fn text_or_base64<'b>(head: &Parts, body: &'b [u8]) -> (Cow<'b, str>, bool) {
    let value = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is = |known: &str| media_type.eq_ignore_ascii_case(known.as_bytes());
    let text = media_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"))
        || is("application/json")
        || is("application/xml")
        || is("application/javascript")
        || JSON_SUFFIX_IS_TEXT && media_type.to_ascii_lowercase().ends_with(b"+json");
    if text && (BROKEN_TEXT_STAYS_TEXT || std::str::from_utf8(body).is_ok()) {
        (String::from_utf8_lossy(body), false)
    } else {
        (Cow::Owned(STANDARD.encode(body)), true)
    }
}
