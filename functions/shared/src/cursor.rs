//! Paging: a limit, and a cursor that is bound to the list it came from.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::http::Request;

/// The query parameter `limit` of every list: 1–100, 20 unless asked.
///
/// # Errors
/// Anything else is [`Error::Invalid`].
pub fn limit(request: &Request) -> Result<usize, Error> {
    let Some(text) = request.query("limit")? else {
        return Ok(20);
    };
    match text.parse() {
        Ok(limit @ 1..=100) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(limit),
        _ => Err(Error::parameter("limit", "must be a whole number from 1 to 100")),
    }
}

/// What a cursor is good for: one route, one user, one set of filters. It is bound, not secret: the owner of what a
/// list shows always comes from the token, so a forged cursor shows nothing that its forger could not see anyway.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The list's route key.
    pub route: &'a str,
    /// Everything that selects what is listed: the user, the filters.
    pub filters: &'a [&'a str],
}

const DIGEST_BYTES: usize = 12;

impl Scope<'_> {
    fn digest(&self, position: &str) -> [u8; DIGEST_BYTES] {
        let mut hash = Sha256::new();
        for part in [self.route].iter().chain(self.filters).chain([&position]) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&hash.finalize()[..DIGEST_BYTES]);
        digest
    }

    /// The cursor that continues this list after `position` (the last item's sort key).
    pub fn cursor(&self, position: &str) -> Cursor {
        let mut bytes = self.digest(position).to_vec();
        bytes.extend_from_slice(position.as_bytes());
        Cursor(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position that the request's query parameter `cursor` stands for.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`] when it is damaged or comes from another list.
    pub fn position(&self, request: &Request) -> Result<Option<String>, Error> {
        request.query("cursor")?.map(|text| self.open(text)).transpose()
    }

    fn open(&self, text: &str) -> Result<String, Error> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::InvalidCursor)?;
        let (digest, position) = bytes.split_at_checked(DIGEST_BYTES).ok_or(Error::InvalidCursor)?;
        let position = str::from_utf8(position).map_err(|_| Error::InvalidCursor)?;
        // A sort key of DynamoDB's has 1 to 1024 bytes; who forges a cursor may put anything there.
        let possible = (1..=1024).contains(&position.len());
        if possible && digest == self.digest(position) { Ok(position.to_owned()) } else { Err(Error::InvalidCursor) }
    }
}

/// An opaque cursor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cursor(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_for_its_own_list() {
        let mine = Scope { route: "GET /orders", filters: &["usr_a"] };
        let cursor = mine.cursor("2026#ord").to_string();
        assert_eq!(mine.open(&cursor).ok().as_deref(), Some("2026#ord"));
        for other in [
            Scope { route: "GET /orders", filters: &["usr_b"] },
            Scope { route: "GET /products", filters: &["usr_a"] },
            Scope { route: "GET /orders", filters: &["usr_", "a"] },
        ] {
            assert!(matches!(other.open(&cursor), Err(Error::InvalidCursor)));
        }
    }

    #[test]
    fn a_damaged_cursor_is_refused() {
        let scope = Scope { route: "GET /orders", filters: &[] };
        let cursor = scope.cursor("position").to_string();
        for index in 0..cursor.len() {
            let mut damaged = cursor.clone().into_bytes();
            damaged[index] = if damaged[index] == b'A' { b'B' } else { b'A' };
            assert!(scope.open(str::from_utf8(&damaged).expect("ASCII")).is_err(), "character {index}");
        }
        assert!(scope.open("").is_err());
    }
}
