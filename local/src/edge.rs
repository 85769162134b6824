//! The edge in front of the API: what the template's CloudFront distribution does, on one machine. It caches what its
//! behaviours say, as RFC 9111 has a shared cache do it, passes everything else, and shows the API its secret.
//!
//! It talks HTTP to the API, so a function sees here what it would see behind CloudFront.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{AUTHORIZATION, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use shared::clock::Clock;
use tokio::net::TcpListener;

use crate::Error;
use crate::gateway::{self, AccessLine, AccessLog, BODY_TIMEOUT, RequestId, Verdict};
use crate::server::{self, Answer, Running};
use crate::template::{self, Behaviour};
use headers::XCache;
use store::{Kept, Key, State, Store};

mod headers;
mod store;

/// What CloudFront answers when the API cannot be reached. Unverified on AWS but for the status: its page says more.
const UNREACHABLE: &str = "<html><body><h1>502 ERROR</h1><p>The origin cannot be reached.</p></body></html>\n";
/// What CloudFront answers to a GET with a body, which it refuses. Unverified on AWS but for the status.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html>
const GET_WITH_BODY: &str = "<html><body><h1>403 ERROR</h1><p>A GET request has no body.</p></body></html>\n";

/// An edge with the API behind it.
pub struct Edge {
    behaviours: Vec<Behaviour>,
    origin: Authority,
    secret: HeaderValue,
    clock: Clock,
    log: Option<AccessLog>,
    client: Client<HttpConnector, Full<Bytes>>,
    store: Store,
    /// What is being asked of the API for the cache: whoever wants the same meanwhile waits for the one answer.
    fetches: Mutex<HashMap<Key, Fetch>>,
}

type Fetch = Shared<BoxFuture<'static, Option<Fetched>>>;

/// An answer for the viewers that wait for it.
#[derive(Clone)]
struct Fetched {
    answer: Arc<Kept>,
    how: XCache,
    /// Whether others than who asked first may have it.
    shared: bool,
}

/// A request that the cache may answer, apart from its body: it has none.
#[derive(Clone)]
struct Asked {
    key: Key,
    head: Arc<Parts>,
    /// As much of it as the cache goes by.
    view: Arc<Request<()>>,
    viewer: IpAddr,
}

impl Edge {
    /// The template's distribution with the API at `origin`, to which it shows `secret`; it logs what it answers itself.
    ///
    /// # Errors
    /// The secret cannot stand in a header.
    pub fn new(
        template: template::Edge,
        origin: SocketAddr,
        secret: &str,
        clock: Clock,
        log: Option<AccessLog>,
    ) -> Result<Edge, Error> {
        let broken = |what: &str| Error::new(format!("the edge's {what} cannot stand in a request."));
        let mut secret = HeaderValue::from_str(secret).map_err(|_| broken("secret"))?;
        secret.set_sensitive(true);
        Ok(Edge {
            behaviours: template.behaviours,
            origin: origin.to_string().parse().map_err(|_| broken("origin"))?,
            secret,
            clock,
            log,
            client: Client::builder(TokioExecutor::new()).build_http(),
            store: Store::new(),
            fetches: Mutex::default(),
        })
    }

    /// Answers on this listener until it is stopped.
    pub fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<Running> {
        server::serve(listener, move |request, peer| {
            let edge = Arc::clone(&self);
            async move { edge.call(request, peer.ip()).await }
        })
    }

    async fn call(self: Arc<Self>, request: Request<Incoming>, viewer: IpAddr) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        if head.method == Method::GET && !body.is_end_stream() {
            return page(StatusCode::FORBIDDEN, GET_WITH_BODY);
        }
        let behaviour = self.behaviours.iter().find(|behaviour| matches(&behaviour.path, head.uri.path()));
        // What somebody is authorised to see is nobody else's. CloudFront has Authorization in the cache key.
        let cached_by = behaviour
            .and_then(|behaviour| behaviour.cached_by.as_ref())
            .filter(|_| !head.headers.contains_key(AUTHORIZATION) && body.is_end_stream());
        let Some(headers) = cached_by else {
            return self.pass(head, body, viewer).await;
        };
        let asked = match head.method {
            Method::GET | Method::HEAD => Asked {
                key: Key::new(&head, headers),
                view: Arc::new(store::view(&head, headers)),
                head: Arc::new(head),
                viewer,
            },
            _ => return self.pass(head, body, viewer).await,
        };
        let (answer, cached) = self.look_up(&asked).await;
        if cached {
            self.log(&asked, &answer, started);
        }
        answer
    }

    /// The answer from the cache or for it, and whether the cache alone gave it.
    async fn look_up(self: &Arc<Self>, asked: &Asked) -> (Answer, bool) {
        let now = self.now();
        let kept = self.store.get(&asked.key);
        let state = kept.as_ref().map(|kept| kept.state(&asked.view, now));
        match (&kept, &state) {
            (Some(kept), Some(State::Fresh)) => return (hit(asked, kept, now), true),
            (Some(kept), Some(State::WhileRevalidating(_))) => {
                // Nobody waits for it.
                drop(self.fetch(asked, Some(Arc::clone(kept))));
                return (hit(asked, kept, now), true);
            }
            _ => {}
        }
        // A HEAD is answered from what a GET has brought, but brings nothing itself.
        if asked.head.method == Method::HEAD {
            return (self.send(&asked.head, Bytes::new(), asked.viewer, &HeaderMap::new()).await, false);
        }
        let (fetch, first) = self.fetch(asked, kept);
        match fetch.await {
            Some(Fetched { answer, how, shared }) if first || shared => {
                let age = (how == XCache::Hit).then(|| answer.age(now));
                (asked_for(asked, &answer, how, age), how == XCache::Hit)
            }
            _ => (self.send(&asked.head, Bytes::new(), asked.viewer, &HeaderMap::new()).await, false),
        }
    }

    /// What somebody else is asking already, or else the asking; and whether it is the latter. It goes on when nobody waits.
    fn fetch(self: &Arc<Self>, asked: &Asked, kept: Option<Arc<Kept>>) -> (Fetch, bool) {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = fetches.get(&asked.key) {
            return (fetch.clone(), false);
        }
        let task = {
            let (edge, asked) = (Arc::clone(self), asked.clone());
            tokio::spawn(async move {
                // Also when asking panics: the next viewer asks again.
                let _over = Over(&edge, &asked.key);
                edge.ask(&asked, kept).await
            })
        };
        let fetch = async move { task.await.ok() }.boxed().shared();
        fetches.insert(asked.key.clone(), fetch.clone());
        (fetch, true)
    }

    /// Asks the API: whether what was kept still holds, or for an answer to keep.
    async fn ask(&self, asked: &Asked, kept: Option<Arc<Kept>>) -> Fetched {
        let state = kept.as_ref().map(|kept| kept.state(&asked.view, self.now()));
        let conditions = match state {
            Some(State::WhileRevalidating(conditions) | State::Stale(conditions)) => conditions,
            Some(State::Fresh) | None => HeaderMap::new(),
        };
        // A HEAD may be the one who finds that the answer is stale: its own has no body to keep.
        let mut head = Parts::clone(&asked.head);
        head.method = Method::GET;
        let answered = self.send_on(&head, Bytes::new(), asked.viewer, Some(&conditions)).await;
        let now = self.now();
        let failed = answered.as_ref().is_none_or(|(head, _)| matches!(head.status.as_u16(), 500 | 502 | 503 | 504));
        if let Some(kept) = kept.as_ref().filter(|kept| failed && kept.holds_on_error(now)) {
            return Fetched { answer: Arc::clone(kept), how: XCache::Hit, shared: true };
        }
        let Some((head, body)) = answered else {
            let page =
                Kept::passing(StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::from_static(UNREACHABLE.as_bytes()));
            return Fetched { answer: Arc::new(page), how: XCache::Error, shared: true };
        };
        if let Some(renewed) = kept.as_ref().and_then(|kept| kept.renewed(&asked.view, &head, now)) {
            let answer = Arc::new(renewed);
            self.store.put(asked.key.clone(), Arc::clone(&answer));
            return Fetched { answer, how: XCache::RefreshHit, shared: true };
        }
        let status = head.status;
        let is_error = status.is_client_error() || status.is_server_error();
        let answer = Arc::new(Kept::new(&asked.view, head, body, now));
        let shared = answer.is_kept();
        if shared {
            self.store.put(asked.key.clone(), Arc::clone(&answer));
        } else if !is_error || matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            // Another refusal is about who asked, with headers of their own as CloudFront passes them, and not about what
            // is kept.
            self.store.remove(&asked.key);
        }
        let how = if is_error { XCache::Error } else { XCache::Miss };
        Fetched { answer, how, shared }
    }

    /// Passes a request on as it is.
    async fn pass(&self, head: Parts, body: Incoming, viewer: IpAddr) -> Answer {
        match gateway::read_body(&head, body, BODY_TIMEOUT).await {
            Ok(body) => self.send(&head, body, viewer, &HeaderMap::new()).await,
            Err(status) => gateway::message(status),
        }
    }

    async fn send(&self, head: &Parts, body: Bytes, viewer: IpAddr, conditions: &HeaderMap) -> Answer {
        let conditions = (!conditions.is_empty()).then_some(conditions);
        let Some((head, body)) = self.send_on(head, body, viewer, conditions).await else {
            return page(StatusCode::BAD_GATEWAY, UNREACHABLE);
        };
        let how = if head.status.as_u16() >= 400 { XCache::Error } else { XCache::Miss };
        let mut answer = Response::from_parts(head, Full::new(body));
        headers::to_viewer(answer.headers_mut(), how, None);
        answer
    }

    /// One exchange with the API; `None` if there is no answer. With `conditions`, those take the place of the viewer's.
    async fn send_on(
        &self,
        head: &Parts,
        body: Bytes,
        viewer: IpAddr,
        conditions: Option<&HeaderMap>,
    ) -> Option<(http::response::Parts, Bytes)> {
        let mut uri = head.uri.clone().into_parts();
        (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(self.origin.clone()));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = Uri::from_parts(uri).ok()?;
        *request.headers_mut() = headers::to_origin(&head.headers, viewer, &self.secret);
        if let Some(conditions) = conditions {
            headers::unconditional(request.headers_mut());
            for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
                if let Some(value) = conditions.get(&name) {
                    request.headers_mut().insert(name, value.clone());
                }
            }
        }
        let (mut head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        headers::end_to_end(&mut head.headers);
        Some((head, body))
    }

    fn log(&self, asked: &Asked, answer: &Answer, started: Instant) {
        let id = answer.headers().get("apigw-requestid").and_then(|id| id.to_str().ok());
        let (Some(log), Some(request_id)) = (&self.log, id.and_then(RequestId::parse)) else { return };
        log.write(AccessLine {
            time: self.clock.now(),
            request_id,
            source_ip: asked.viewer,
            method: asked.head.method.clone(),
            path: asked.head.uri.path().to_owned(),
            route_key: None,
            status: answer.status().as_u16(),
            length: answer.body().size_hint().lower(),
            latency: started.elapsed(),
            function: None,
            authorizer: Verdict::NotAsked,
            authorizer_latency: None,
            throttled: false,
            cached: true,
            is_own: false,
            failure: None,
            user_agent: None,
            context: None,
        });
    }

    fn now(&self) -> SystemTime {
        let millis = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }
}

/// Ends a fetch when it is dropped.
struct Over<'e>(&'e Edge, &'e Key);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).remove(self.1);
    }
}

fn hit(asked: &Asked, kept: &Kept, now: SystemTime) -> Answer {
    asked_for(asked, kept, XCache::Hit, Some(kept.age(now)))
}

/// The answer as this viewer wants it: 304 if it is there already.
fn asked_for(asked: &Asked, kept: &Kept, how: XCache, age: Option<Duration>) -> Answer {
    let mut headers = kept.headers.clone();
    let known = kept.status == StatusCode::OK && headers::has_already(&asked.head.headers, &headers);
    let (status, body) = if known {
        headers::without_body(&mut headers);
        (StatusCode::NOT_MODIFIED, Bytes::new())
    } else {
        (kept.status, kept.body.clone())
    };
    headers::to_viewer(&mut headers, how, age);
    let mut answer = Response::new(Full::new(body));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    answer
}

/// What the edge says by itself.
fn page(status: StatusCode, html: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(html.as_bytes())));
    *answer.status_mut() = status;
    headers::to_viewer(answer.headers_mut(), XCache::Error, None);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

/// Whether a path pattern, in which `*` is any text and `?` any character, is this path's.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    // Where to go on after the last `*`, if what follows it does not fit.
    let (mut at, mut done, mut star) = (0, 0, None);
    while done < path.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, done));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == path[done] => (at, done) = (at + 1, done + 1),
            _ => match star {
                Some((after, from)) => {
                    (at, done) = (after + 1, from + 1);
                    star = Some((after, done));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
