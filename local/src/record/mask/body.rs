//! Bodies, forms and queries, whose format nobody names reliably: what can be read as JSON is JSON, what can be read as a
//! form is a form.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use super::json::{Members, is_json};
use super::names::{is_plain, is_secret, names_a_secret};
use super::{MASK, Masks, text};

/// The name of a body.
pub(super) const BODY: &str = "body";

/// The base64 of a body.
pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// How a body is written, by the members beside it.
#[derive(Clone, Copy, Default)]
pub(super) struct Writing {
    encoded: bool,
    compressed: bool,
}

impl Writing {
    /// Of the body among these members. They are read once for all of them: a body may be there as often as somebody
    /// wants.
    pub(super) fn of(members: &Members<'_>) -> Writing {
        match members.0.iter().any(|(name, _)| name == BODY) {
            true => Writing {
                encoded: members.first("isBase64Encoded") == Some("true"),
                compressed: members.first("headers").is_some_and(says_compressed),
            },
            false => Writing::default(),
        }
    }
}

impl Masks {
    /// A request's or an answer's body.
    pub(super) fn body(&mut self, body: &str, writing: Writing, depth: usize) -> Option<String> {
        let Writing { encoded, compressed } = writing;
        let bytes = match encoded.then(|| BASE64_STANDARD.decode(body)) {
            Some(Ok(bytes)) => Cow::Owned(bytes),
            _ => Cow::Borrowed(body.as_bytes()),
        };
        if bytes.is_empty() || bytes.as_ref() == MASK.as_bytes() {
            return None;
        }
        let masked = if compressed { Some(MASK.to_owned()) } else { self.content(&bytes, depth) };
        masked.map(|masked| if encoded { base64(masked.as_bytes()) } else { masked })
    }

    fn content(&mut self, bytes: &[u8], depth: usize) -> Option<String> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            let text = String::from_utf8_lossy(bytes);
            let has_secret = names_a_secret(&text, false) || text::without_tokens(&text).is_some();
            return has_secret.then(|| MASK.to_owned());
        };
        if is_json(text) {
            self.value(text, depth)
        } else if text::json_in_base64(text).is_some_and(|json| is_json(&json)) {
            self.text(text, depth)
        } else if is_form(text) {
            self.query(text, depth)
        } else if names_a_secret(text, true) {
            Some(MASK.to_owned())
        } else {
            self.text(text, depth)
        }
    }

    /// A form, or a query: pairs of names and values.
    pub(super) fn query(&mut self, query: &str, depth: usize) -> Option<String> {
        let masked: Vec<Cow<'_, str>> = query.split('&').map(|pair| self.pair(pair, depth)).collect();
        masked.iter().any(|pair| matches!(pair, Cow::Owned(_))).then(|| masked.join("&"))
    }

    fn pair<'q>(&mut self, pair: &'q str, depth: usize) -> Cow<'q, str> {
        let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { return Cow::Borrowed(pair) };
        let raw = pair.split_once('=').map(|(name, _)| name);
        let masked = match raw {
            Some(raw) if is_secret(&name) && is_plain(&name) => {
                self.concealed(&value).map(|masked| format!("{raw}={}", encoded(&masked)))
            }
            _ if is_secret(&name) && !is_plain(&name) => Some(MASK.to_owned()),
            Some(raw) => match self.text(&name, depth + 1) {
                Some(_) => Some(MASK.to_owned()),
                None => self.text(&value, depth + 1).map(|masked| format!("{raw}={}", encoded(&masked))),
            },
            None => self.text(&name, depth + 1).map(|masked| encoded(&masked)),
        };
        masked.map_or(Cow::Borrowed(pair), Cow::Owned)
    }

    /// A URL's query, and its fragment, in which tokens travel too.
    pub(super) fn url(&mut self, text: &str, depth: usize) -> Option<String> {
        let is_url = (text.contains("://") || text.starts_with('/')) && !text.contains(char::is_whitespace);
        let at = text.find(['?', '#']).filter(|_| is_url && depth < super::DEEPEST)?;
        let (address, rest) = text.split_at(at + 1);
        let parts: Vec<Cow<'_, str>> =
            rest.split('#').map(|part| self.query(part, depth + 1).map_or(Cow::Borrowed(part), Cow::Owned)).collect();
        Some(format!("{address}{}", parts.join("#"))).filter(|masked| masked != text)
    }
}

/// Percent-encoded, the mask aside.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Whether this has the shape of a form, so that each name in it has an end.
fn is_form(text: &str) -> bool {
    let is_value = |value: &str| !value.contains(|char: char| char.is_whitespace() || "\"<>{}\\^`".contains(char));
    text.contains('=')
        && text.trim_end().split('&').all(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            is_plain(name) && is_value(value)
        })
}

/// Whether one of these headers says that the body is compressed.
fn says_compressed(headers: &str) -> bool {
    let Ok(Value::Object(headers)) = serde_json::from_str(headers) else { return false };
    headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-encoding") && value.as_str().is_none_or(|coding| coding != "identity")
    })
}
