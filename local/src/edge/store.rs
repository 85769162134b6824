//! What the edge keeps: answers, each with what RFC 9111 makes of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, DATE, ETAG, HeaderMap, LAST_MODIFIED};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// How many bytes are kept. CloudFront has as much as it likes.
const BYTES: u64 = 64 * 1024 * 1024;
/// About how many answers that is.
const ANSWERS: usize = 8 * 1024;
/// Unverified on AWS: an answer that must not be used unasked (`no-cache`, `must-revalidate`) is none for when the API fails
/// either. Of others CloudFront's documentation says that they go on being used until they are evicted, unless
/// `stale-if-error` says for how long.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html>
const NOT_ON_ERROR: [&str; 4] = ["no-cache", "must-revalidate", "proxy-revalidate", "s-maxage=0"];

/// The cache key: path and query as sent, and the headers that the behaviour names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of a request.
    pub fn new(head: &Parts, headers: &[String]) -> Key {
        let mut key = head.uri.path_and_query().map_or("/", |all| all.as_str()).to_owned();
        for name in headers {
            // No header can have a line end in it.
            key.push('\n');
            for value in head.headers.get_all(name) {
                key.push_str(&String::from_utf8_lossy(value.as_bytes()));
                key.push(',');
            }
        }
        Key(key.into())
    }
}

/// As much of a request as the cache goes by: CloudFront does as the API says, and what a viewer's own `Cache-Control` or
/// `Pragma` asks for is nothing to it.
pub fn view(head: &Parts, headers: &[String]) -> Request<()> {
    let mut view = Request::new(());
    *view.uri_mut() = head.uri.clone();
    for (name, value) in &head.headers {
        if headers.iter().any(|header| header == name.as_str()) {
            view.headers_mut().append(name, value.clone());
        }
    }
    view
}

/// An answer of the API.
pub struct Kept {
    /// Its status.
    pub status: StatusCode,
    /// Its headers as they came, those of the connection aside.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What RFC 9111 makes of it; `None` of one that is not kept.
    policy: Option<CachePolicy>,
    directives: Directives,
}

/// What RFC 5861 adds.
#[derive(Clone, Copy, Default)]
struct Directives {
    while_revalidating: Duration,
    /// `None`: as long as it is there.
    on_error: Option<Duration>,
}

/// What an answer is good for now.
pub enum State {
    /// For any viewer.
    Fresh,
    /// For any viewer, while the API is asked, under these conditions, whether it still holds.
    WhileRevalidating(HeaderMap),
    /// For nobody before the API was asked under these conditions.
    Stale(HeaderMap),
}

impl Kept {
    /// An answer, to keep if that is allowed and of any use; otherwise it is for the one viewer who asked.
    pub fn new(view: &Request<()>, head: http::response::Parts, body: Bytes, now: SystemTime) -> Kept {
        let policy = policy(view, head.status, &head.headers, now);
        let useful = !policy.is_stale(now) || [ETAG, LAST_MODIFIED].iter().any(|tag| head.headers.contains_key(tag));
        let mut kept = Kept::passing(head.status, head.headers, body);
        // Errors are not kept: the template's distribution says so.
        if kept.status == StatusCode::OK && policy.is_storable() && useful {
            kept.directives = directives(&kept.headers);
            kept.policy = Some(policy);
        }
        kept
    }

    /// Whether it is to be kept.
    pub fn is_kept(&self) -> bool {
        self.policy.is_some()
    }

    /// An answer that is not kept.
    pub fn passing(status: StatusCode, headers: HeaderMap, body: Bytes) -> Kept {
        Kept { status, headers, body, policy: None, directives: Directives::default() }
    }

    /// How long ago the API gave it.
    pub fn age(&self, now: SystemTime) -> Duration {
        self.policy.as_ref().map(|policy| policy.age(now)).unwrap_or_default()
    }

    /// What it is good for.
    pub fn state(&self, view: &Request<()>, now: SystemTime) -> State {
        let Some(policy) = &self.policy else { return State::Stale(HeaderMap::new()) };
        match policy.before_request(view, now) {
            BeforeRequest::Fresh(_) => State::Fresh,
            BeforeRequest::Stale { request, matches: true } => {
                let soon = self.directives.while_revalidating;
                if !soon.is_zero() && was_fresh(policy, now, soon) {
                    State::WhileRevalidating(request.headers)
                } else {
                    State::Stale(request.headers)
                }
            }
            BeforeRequest::Stale { .. } => State::Stale(HeaderMap::new()),
        }
    }

    /// Whether it is better than an error of the API.
    pub fn holds_on_error(&self, now: SystemTime) -> bool {
        let Some(policy) = &self.policy else { return false };
        self.directives.on_error.is_none_or(|long| !long.is_zero() && was_fresh(policy, now, long))
    }

    /// The same body with what the API's 304 says of it; `None` if that answer is no such 304.
    pub fn renewed(&self, view: &Request<()>, head: &http::response::Parts, now: SystemTime) -> Option<Kept> {
        let answer = response(head.status, &head.headers);
        match self.policy.as_ref()?.after_response(view, &answer, now) {
            AfterResponse::NotModified(policy, parts) => {
                let mut headers = self.headers.clone();
                for (name, value) in parts.headers.iter().chain(&head.headers) {
                    let replaced = name != http::header::AGE && (headers.contains_key(name) || name == DATE);
                    if replaced && name != http::header::CONTENT_LENGTH {
                        headers.insert(name, value.clone());
                    }
                }
                let directives = directives(&headers);
                Some(Kept { status: self.status, headers, body: self.body.clone(), policy: Some(policy), directives })
            }
            AfterResponse::Modified(..) => None,
        }
    }
}

/// Whether the answer was fresh so long ago.
fn was_fresh(policy: &CachePolicy, now: SystemTime, ago: Duration) -> bool {
    now.checked_sub(ago).is_none_or(|then| !policy.is_stale(then))
}

fn policy(view: &Request<()>, status: StatusCode, headers: &HeaderMap, now: SystemTime) -> CachePolicy {
    // Nothing is guessed from Last-Modified: the template's DefaultTTL is 0.
    let options = CacheOptions { cache_heuristic: 0.0, ..CacheOptions::default() };
    CachePolicy::new_options(view, &response(status, headers), now, options)
}

/// The answer without its `Date`: the edge counts by the shop's clock, which a test may move.
fn response(status: StatusCode, headers: &HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    response.headers_mut().remove(DATE);
    response
}

fn directives(headers: &HeaderMap) -> Directives {
    let mut directives = Directives::default();
    for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',').map(|directive| directive.trim().to_ascii_lowercase()) {
            let seconds = |name: &str| {
                let value = directive.strip_prefix(name)?.strip_prefix('=')?;
                Some(Duration::from_secs(value.trim_matches('"').parse().ok()?))
            };
            if let Some(long) = seconds("stale-while-revalidate") {
                directives.while_revalidating = long;
            }
            if let Some(long) = seconds("stale-if-error") {
                directives.on_error.get_or_insert(long);
            }
            if NOT_ON_ERROR.contains(&directive.as_str()) {
                directives.on_error = Some(Duration::ZERO);
            }
        }
    }
    directives
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Kept>> for Weight {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        let headers: usize = kept.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        // The policy has headers of its own.
        let all = key.0.len() + 2 * headers + kept.body.len() + size_of::<Kept>();
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}

/// The kept answers, of which the least wanted give way.
pub struct Store(Cache<Key, Arc<Kept>, Weight>);

impl Store {
    /// An empty one.
    pub fn new() -> Store {
        Store(Cache::with_weighter(ANSWERS, BYTES, Weight))
    }

    /// The answer under this key.
    pub fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        self.0.get(key)
    }

    /// Keeps an answer in place of one that is there.
    pub fn put(&self, key: Key, kept: Arc<Kept>) {
        self.0.insert(key, kept);
    }

    /// Forgets an answer.
    pub fn remove(&self, key: &Key) {
        self.0.remove(key);
    }
}
