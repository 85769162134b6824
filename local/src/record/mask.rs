//! Takes the secrets out of what is recorded, and nothing else: whatever is not masked keeps its bytes.
//!
//! What becomes `***`:
//! - each value whose name contains `authorization`, `cookie`, `token`, `secret`, `password`, `passwd`, `passphrase`,
//!   `passcode`, `credential`, `signature`, `api-key`, `access-key`, `auth-key`, `private-key`, `signing-key`,
//!   `card-number`, `security-code`, `cvc`, `cvv`, `pwd`, `session-id` or `sessid`, or is `pass`, `pin`, `otp`, `totp`,
//!   `auth`, `x-auth` or `session`, in any case and with any punctuation, but not `token_type`, `token_id` and `token_use`:
//!   of headers, query, path, stage variables, an authorizer's context, and JSON at any depth. A scheme
//!   (`Bearer`, `Basic` …), a cookie's name, `true`, `false`, `null` and the empty text stay;
//! - an authorizer event's `identitySource`;
//! - such members of a `body`, plain or in base64, that is JSON or a form, and of JSON that is text inside of JSON. A
//!   body that is neither, but names a secret, or that is compressed, goes as a whole;
//! - any other text in which such a name has a value, as in `a;token=x` or `login(password: "x")`, as a whole;
//! - such parameters in `rawQueryString`, and in the query and the fragment of a URL;
//! - in any text, what looks like a JWT or comes after `Bearer`, and the number of a payment card, which a number of its own can be too;
//! - what was masked by its name, from six characters on, wherever else the event or its answer repeats it: a path, the
//!   message of an error. (The first 64 such texts of an invocation.)
//!
//! What stays: a secret under a name that does not say so, in the middle of other text, and what a sentence says after a
//! colon (`password: too short`).

mod body;
mod json;
mod names;
mod text;

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use body::{BODY, Writing};
use json::{Members, is_json, quoted, spliced};
use names::{gives_a_secret, has_cookies, is_attribute, is_plain, is_secret};

/// What stands in place of a secret.
pub const MASK: &str = "***";
/// JSON nested deeper than this is masked: nobody sends it who means well, and each level is read once more.
const DEEPEST: usize = 32;
/// Shorter text is repeated by chance.
const SHORTEST: usize = 6;
/// As many secrets as are looked for elsewhere.
const MOST: usize = 64;

/// What was masked of one invocation.
#[derive(Default)]
pub struct Masks {
    /// Secrets that were found by their names, the longest first.
    found: Vec<String>,
}

impl Masks {
    /// An event or an answer without its secrets. What is no JSON cannot be looked into, and is masked as a whole.
    pub fn mask(&mut self, json: &[u8]) -> Vec<u8> {
        let Some(text) = std::str::from_utf8(json).ok().filter(|text| is_json(text)) else {
            return format!("\"{MASK}\"").into_bytes();
        };
        // The second time, what the first has found is known.
        let once = self.value(text, 0);
        let twice = self.value(once.as_deref().unwrap_or(text), 0);
        twice.or(once).map_or_else(|| json.to_vec(), String::into_bytes)
    }

    /// This JSON masked; `None` where nothing is to be masked. So it is with everything below.
    fn value(&mut self, json: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return Some(quoted(MASK));
        }
        match json.trim_start().as_bytes().first()? {
            b'{' => self.object(json, depth, |masks, name, json, writing| masks.member(name, json, writing, depth + 1)),
            b'[' => self.array(json, |masks, item| masks.value(item, depth + 1)),
            b'"' => self.string(json, |masks, text| masks.text(text, depth + 1)),
            b'0'..=b'9' => text::is_card_number(json.trim()).then(|| quoted(MASK)),
            _ => None,
        }
    }

    fn member(&mut self, name: &str, json: &str, writing: Writing, depth: usize) -> Option<String> {
        match name {
            // The template's own text, which a replay needs; an authorizer may have it as its identity.
            "routeKey" => self.string(json, |_, text| text::without_tokens(text)),
            "identitySource" => self.secret(json, "", depth),
            name if is_secret(name) => self.secret(json, name, depth),
            "rawQueryString" => self.string(json, |masks, text| masks.query(text, depth)),
            BODY if json.starts_with('"') => self.string(json, |masks, text| masks.body(text, writing, depth)),
            _ => self.value(json, depth),
        }
    }

    /// Masks a value for its name.
    fn secret(&mut self, json: &str, name: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return Some(quoted(MASK));
        }
        match json.trim_start().as_bytes().first()? {
            b'{' => self.object(json, depth, |masks, _, json, _| masks.secret(json, name, depth + 1)),
            b'[' => self.array(json, |masks, item| masks.secret(item, name, depth + 1)),
            b'"' if has_cookies(name) => self.string(json, |masks, text| masks.cookies(text)),
            b'"' => self.string(json, |masks, text| masks.concealed(text)),
            b't' | b'f' | b'n' => None,
            _ => Some(quoted(MASK)),
        }
    }

    /// Text in place of a secret, which is looked for elsewhere from now on.
    fn concealed(&mut self, secret: &str) -> Option<String> {
        if secret.is_empty() || secret == MASK {
            return None;
        }
        let (shown, secret) = match text::scheme(secret) {
            Some((scheme, secret)) => (format!("{scheme} {MASK}"), secret),
            None => (MASK.to_owned(), secret),
        };
        self.remember(secret);
        Some(shown).filter(|_| secret != MASK)
    }

    fn remember(&mut self, secret: &str) {
        if secret.len() < SHORTEST || self.found.len() >= MOST || self.found.iter().any(|found| found == secret) {
            return;
        }
        let at = self.found.partition_point(|found| found.len() > secret.len());
        self.found.insert(at, secret.to_owned());
    }

    /// `a=1; b=2` becomes `a=***; b=***`. A set-cookie's attributes are treated alike, but are not looked for elsewhere.
    fn cookies(&mut self, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let has_more = text.contains(';');
        let cookie = |cookie: &str| {
            let whole = cookie.trim();
            match cookie.split_once('=').filter(|(name, _)| is_plain(name.trim())) {
                // A cookie that is deleted has attributes. Otherwise this may be the end of a secret in base64.
                Some((_, "")) if has_more => return cookie.to_owned(),
                Some((name, value)) if value.contains(|char| char != '=') => {
                    if !is_attribute(name.trim()) {
                        self.remember(value.trim().trim_matches('"'));
                    }
                    return format!("{name}={MASK}");
                }
                // As the name of a secret it has to be seen where else it stands.
                Some((name, _)) if is_secret(name.trim()) => {}
                None if is_attribute(whole) => {}
                _ => self.remember(whole),
            }
            MASK.to_owned()
        };
        let masked: Vec<String> = text.split(';').map(cookie).collect();
        Some(masked.join(";")).filter(|masked| masked != text)
    }

    /// Text that has no name, or a harmless one.
    fn text(&mut self, text: &str, depth: usize) -> Option<String> {
        if text.trim_start().starts_with(['{', '[']) && is_json(text) {
            return self.value(text, depth);
        }
        if let Some(json) = text::json_in_base64(text).filter(|json| is_json(json)) {
            return self.value(&json, depth).map(|masked| body::base64(masked.as_bytes()));
        }
        if text::is_card_number(text) {
            return Some(MASK.to_owned());
        }
        let mut masked = Cow::Borrowed(text);
        if let Some(url) = self.url(&masked, depth) {
            masked = Cow::Owned(url);
        }
        if let Some(without) = text::without_tokens(&masked) {
            masked = Cow::Owned(without);
        }
        if let Some(without) = text::without_cards(&masked) {
            masked = Cow::Owned(without);
        }
        for secret in &self.found {
            if masked.contains(secret.as_str()) {
                masked = Cow::Owned(masked.replace(secret.as_str(), MASK));
            }
        }
        if gives_a_secret(&masked) {
            return Some(MASK.to_owned());
        }
        (masked != text).then(|| masked.into_owned())
    }

    fn object(
        &mut self,
        json: &str,
        depth: usize,
        mut mask: impl FnMut(&mut Self, &str, &str, Writing) -> Option<String>,
    ) -> Option<String> {
        // A name with half of a surrogate pair is JSON, but no text.
        let Ok(members) = serde_json::from_str::<Members<'_>>(json) else { return Some(quoted(MASK)) };
        let (writing, Members(members)) = (Writing::of(&members), members);
        let mut edits = Vec::new();
        let mut names = HashSet::new();
        for (at, (name, value)) in members.iter().enumerate() {
            if let Some(masked) = mask(self, name, value.get(), writing) {
                edits.push((at, masked));
            }
            if let Some(masked) = self.name(name, depth) {
                names.insert(at);
                edits.push((at, masked));
            }
        }
        if names.is_empty() {
            let edits = edits.into_iter().map(|(at, masked)| (members[at].1.get(), masked));
            return spliced(json, edits);
        }
        let mut all: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            members.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.get()))).collect();
        // Of a member whose name was masked, the value's edit came first, if there was one.
        for (at, masked) in edits.into_iter().rev() {
            if names.remove(&at) {
                all[at].0 = Cow::Owned(masked);
            } else {
                all[at].1 = Cow::Owned(masked);
            }
        }
        let all: Vec<String> = all.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        Some(format!("{{{}}}", all.join(",")))
    }

    /// A name is masked where it holds more than one.
    fn name(&mut self, name: &str, depth: usize) -> Option<String> {
        match (is_secret(name), is_plain(name)) {
            (true, false) => Some(MASK.to_owned()),
            (true, true) => text::without_tokens(name),
            (false, _) => self.text(name, depth + 1),
        }
    }

    fn array(&mut self, json: &str, mut mask: impl FnMut(&mut Self, &str) -> Option<String>) -> Option<String> {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else { return Some(quoted(MASK)) };
        let edits: Vec<_> = items.iter().filter_map(|item| Some((item.get(), mask(self, item.get())?))).collect();
        spliced(json, edits.into_iter())
    }

    fn string(&mut self, json: &str, mask: impl FnOnce(&mut Self, &str) -> Option<String>) -> Option<String> {
        match serde_json::from_str::<Cow<'_, str>>(json) {
            Ok(text) => mask(self, &text).map(|masked| quoted(&masked)),
            // Half of a surrogate pair is JSON, but no text.
            Err(_) => Some(quoted(MASK)),
        }
    }
}

#[cfg(test)]
mod tests;
