//! What CloudFront takes out of requests and answers on their way, and what it adds.
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html>

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{
    AGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use shared::edge::{ADDRESS_HEADER, SECRET_HEADER};
use shared::ids::random;

/// How the edge calls itself.
const NAME: &str = "1.1 local.cloudfront.net (CloudFront)";
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const CF_ID: HeaderName = HeaderName::from_static("x-amz-cf-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Those of one connection (RFC 9110 §7.6.1).
const OF_THE_CONNECTION: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const KEEP_ALIVE: [&str; 2] = ["keep-alive", "proxy-connection"];
/// Of a viewer's, what does not get through.
const REMOVED: [&str; 3] = ["x-forwarded-proto", "x-http-method-override", "x-real-ip"];
const CONDITIONS: [HeaderName; 6] = [IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE];

/// How the cache came by an answer, as CloudFront says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XCache {
    /// The API was not asked. Unverified on AWS for answers that are used though they are stale.
    Hit,
    /// The API was asked.
    Miss,
    /// The API was asked, and said that what is kept still holds.
    RefreshHit,
    /// The API was asked, or could not be, and this is an error.
    Error,
}

impl XCache {
    /// How an answer came that the API gave with this status.
    pub fn of(status: StatusCode) -> XCache {
        if status.is_client_error() || status.is_server_error() { XCache::Error } else { XCache::Miss }
    }

    /// The header's value.
    pub fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            XCache::Hit => "Hit from cloudfront",
            XCache::Miss => "Miss from cloudfront",
            XCache::RefreshHit => "RefreshHit from cloudfront",
            XCache::Error => "Error from cloudfront",
        })
    }
}

/// Leaves out what belongs to one connection.
pub fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
    for name in KEEP_ALIVE {
        headers.remove(name);
    }
}

/// A viewer's headers as the API gets them.
pub fn to_origin(sent: &HeaderMap, viewer: IpAddr, secret: &HeaderValue) -> HeaderMap {
    let mut headers = sent.clone();
    end_to_end(&mut headers);
    for name in [HOST, EXPECT, CONTENT_LENGTH] {
        // The client writes those that belong to its own request.
        headers.remove(name);
    }
    for name in REMOVED {
        headers.remove(name);
    }
    let edges: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-edge-")).cloned().collect();
    for name in edges {
        headers.remove(name);
    }
    let text = |text: String| HeaderValue::from_str(&text).ok();
    let before: Vec<&str> = sent.get_all(&FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let via: Vec<&str> = sent.get_all(VIA).iter().filter_map(|value| value.to_str().ok()).collect();
    let joined = |before: &[&str], own: &str, between: &str| text([before, &[own]].concat().join(between));
    let added = [
        (FORWARDED_FOR, joined(&before, &viewer.to_string(), ",")),
        (VIA, joined(&via, NAME, ", ")),
        (CF_ID, Some(id())),
        (HeaderName::from_static(ADDRESS_HEADER), text(viewer.to_string())),
        (HeaderName::from_static(SECRET_HEADER), Some(secret.clone())),
    ];
    for (name, value) in added {
        headers.remove(&name);
        headers.extend(value.map(|value| (name, value)));
    }
    headers
}

/// Leaves out a viewer's conditions: the cache asks its own, and answers the viewer's itself.
pub fn unconditional(headers: &mut HeaderMap) {
    for name in CONDITIONS {
        headers.remove(name);
    }
}

/// What a viewer's answer has beside the API's headers.
pub fn to_viewer(headers: &mut HeaderMap, how: XCache, age: Option<Duration>) {
    headers.insert(X_CACHE, how.value());
    headers.insert(CF_ID, id());
    headers.append(VIA, HeaderValue::from_static(NAME));
    match age {
        Some(age) => headers.insert(AGE, HeaderValue::from(age.as_secs())),
        None => headers.remove(AGE),
    };
}

/// Leaves out what an answer without a body does not have.
pub fn without_body(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_TYPE);
}

/// Whether a viewer's `If-None-Match` names this answer, by weak comparison (RFC 9110 §13.1.2).
pub fn has_already(sent: &HeaderMap, answer: &HeaderMap) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Some(tag) = answer.get(ETAG).and_then(|tag| tag.to_str().ok()).map(strong) else { return false };
    let lists = sent.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim() == "*" || strong(one) == tag)
}

/// CloudFront's id of a request: 56 characters.
fn id() -> HeaderValue {
    HeaderValue::from_str(&BASE64_URL_SAFE_NO_PAD.encode(random::<42>())).unwrap_or(HeaderValue::from_static("-"))
}
