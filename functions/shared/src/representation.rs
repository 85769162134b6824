//! A public body with its entity tag, and the conditional answer (RFC 9110 §13.1.2).

use lambda_http::Body;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use lambda_http::http::{HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::http::{self, Response};
use crate::ids::base32;

/// Ready JSON and its strong entity tag.
pub struct Representation {
    body: String,
    etag: HeaderValue,
}

impl Representation {
    /// The representation of `value`.
    ///
    /// # Errors
    /// The value cannot be JSON, which would be a bug.
    pub fn of(value: &impl Serialize) -> Result<Representation, Error> {
        let body = serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
        let etag = format!("\"{}\"", base32(&Sha256::digest(&body)));
        let etag = HeaderValue::try_from(etag).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Representation { body, etag })
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// 200 with the body, or 304 where the client's `If-None-Match` says that it has it.
    pub fn answer(&self, if_none_match: Option<&str>, cache_control: &'static str) -> Response {
        let mut response = if if_none_match.is_some_and(|list| self.is_among(list)) {
            http::empty(StatusCode::NOT_MODIFIED)
        } else {
            let mut response = Response::new(Body::Text(self.body.clone()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        };
        response.headers_mut().insert(ETAG, self.etag.clone());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        // Where the API answers other origins (CORS), it names the one that asked: no cache may show it to another one.
        response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
        response
    }

    /// Weak comparison with each tag of the list. A foreign tag with a comma in it comes apart here, but no part of
    /// it can look like a tag of ours: those stand in quotes, which a tag cannot contain.
    fn is_among(&self, list: &str) -> bool {
        let same = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes();
        list.trim() == "*" || list.split(',').map(str::trim).any(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_it_gets_304_with_the_same_tag_and_cache_control() {
        let it = Representation::of(&"tea").expect("JSON");
        let tag = it.etag.to_str().expect("ASCII").to_owned();
        for list in [tag.clone(), format!("W/{tag}"), format!("\"a,b\" , {tag}"), " * ".to_owned()] {
            let response = it.answer(Some(&list), "no-cache");
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{list}");
            assert_eq!(response.headers()[ETAG], it.etag);
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
            assert!(response.body().is_empty());
        }
    }

    #[test]
    fn a_client_that_has_another_gets_the_body() {
        let it = Representation::of(&"tea").expect("JSON");
        let bare = it.etag.to_str().expect("ASCII").trim_matches('"').to_owned();
        for list in [None, Some(""), Some("\"other\""), Some("\"*\""), Some(bare.as_str())] {
            let response = it.answer(list, "no-cache");
            assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"\"tea\""[..]), "{list:?}");
        }
    }

    #[test]
    fn different_bodies_have_different_tags() {
        let tag = |text| Representation::of(&text).expect("JSON").etag;
        assert_ne!(tag("tea"), tag("coffee"));
        assert_eq!(tag("tea"), tag("tea"));
    }
}
