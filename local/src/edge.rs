//! The edge in front of the API: what the template's CloudFront distribution does, on one machine. It caches what its
//! behaviours say, as RFC 9111 has a shared cache do it, passes everything else, and shows the API its secret.
//!
//! It talks HTTP to the API, so a function sees here what it would see behind CloudFront.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use shared::clock::Clock;
use tokio::net::TcpListener;
use wildmatch::WildMatch;

use crate::Error;
use crate::gateway::{AccessLine, AccessLog, BODY_MEMORY, BODY_TIMEOUT, Bodies, RequestId, Verdict};
use crate::server::{self, Answer, Limits, Running};
use crate::template::{self, Behaviour};
use fetching::{Fetch, Fetched, ORIGIN_TIMEOUT};
use headers::XCache;
use page::page;
use store::{Kept, Key, State, Store};

mod fetching;
mod headers;
mod page;
mod store;

/// Who gave an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Api,
    Cache,
    Edge,
}

/// An edge with the API behind it.
pub struct Edge {
    behaviours: Vec<(WildMatch, Behaviour)>,
    origin: Authority,
    secret: HeaderValue,
    clock: Clock,
    log: Option<AccessLog>,
    client: Client<HttpConnector, Full<Bytes>>,
    bodies: Bodies,
    /// How long it waits for the API's answer.
    patience: Duration,
    store: Store,
    /// What is being asked of the API for the cache: whoever wants the same meanwhile waits for the one answer.
    fetches: Mutex<HashMap<Key, Fetch>>,
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
            behaviours: template.behaviours.into_iter().map(|one| (path_pattern(&one.path), one)).collect(),
            origin: origin.to_string().parse().map_err(|_| broken("origin"))?,
            secret,
            clock,
            log,
            client: Client::builder(TokioExecutor::new()).build_http(),
            bodies: Bodies::new(BODY_TIMEOUT, BODY_MEMORY),
            patience: ORIGIN_TIMEOUT,
            store: Store::new(),
            fetches: Mutex::default(),
        })
    }

    /// Answers on this listener until it is stopped, within these limits.
    pub fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits) -> std::io::Result<Running> {
        server::serve_within(limits, listener, move |request, peer| {
            let edge = Arc::clone(&self);
            async move { edge.call(request, peer.ip()).await }
        })
    }

    async fn call(self: Arc<Self>, request: Request<Incoming>, viewer: IpAddr) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let head = Arc::new(head);
        let (answer, by) = self.answer(&head, body, viewer).await;
        if by != By::Api {
            self.log(&head, viewer, &answer, by, started);
        }
        answer
    }

    async fn answer(self: &Arc<Self>, head: &Arc<Parts>, body: Incoming, viewer: IpAddr) -> (Answer, By) {
        if head.method == Method::GET && !body.is_end_stream() {
            return (page(StatusCode::FORBIDDEN), By::Edge);
        }
        let behaviour = self.behaviours.iter().find(|(pattern, _)| pattern.matches(head.uri.path()));
        // What somebody is authorised to see is nobody else's. CloudFront has Authorization in the cache key.
        let cached_by = behaviour
            .and_then(|(_, behaviour)| behaviour.cached_by.as_ref())
            .filter(|_| matches!(head.method, Method::GET | Method::HEAD))
            .filter(|_| !head.headers.contains_key(AUTHORIZATION) && body.is_end_stream());
        let Some(headers) = cached_by else {
            return self.pass(head, body, viewer).await;
        };
        let (key, view) = (Key::new(head, headers), Arc::new(store::view(head, headers)));
        self.look_up(&Asked { key, view, head: Arc::clone(head), viewer }).await
    }

    /// The answer from the cache or for it.
    async fn look_up(self: &Arc<Self>, asked: &Asked) -> (Answer, By) {
        let now = self.now();
        let kept = self.store.get(&asked.key);
        let state = kept.as_ref().map(|kept| kept.state(&asked.view, now));
        match (&kept, &state) {
            (Some(kept), Some(State::Fresh)) => return (hit(asked, kept, now), By::Cache),
            (Some(kept), Some(State::WhileRevalidating(_))) => {
                // Nobody waits for it.
                drop(self.fetch(asked, Some(Arc::clone(kept))));
                return (hit(asked, kept, now), By::Cache);
            }
            _ => {}
        }
        // A HEAD is answered from what a GET has brought, but brings nothing itself.
        if asked.head.method == Method::HEAD {
            return self.send(&asked.head, Bytes::new(), asked.viewer).await;
        }
        let (fetch, first) = self.fetch(asked, kept);
        match fetch.await {
            Some(Ok(Fetched { answer, how: XCache::Hit, .. })) => (hit(asked, &answer, now), By::Cache),
            Some(Ok(Fetched { answer, how, shared })) if first || shared => {
                (asked_for(asked, &answer, how, None), By::Api)
            }
            Some(Err(status)) => (page(status), By::Edge),
            _ => self.send(&asked.head, Bytes::new(), asked.viewer).await,
        }
    }

    /// Passes a request on as it is.
    async fn pass(&self, head: &Parts, body: Incoming, viewer: IpAddr) -> (Answer, By) {
        match self.bodies.read(head, body).await {
            Ok(body) => self.send(head, body.bytes.clone(), viewer).await,
            Err(status) => (page(status), By::Edge),
        }
    }

    async fn send(&self, head: &Parts, body: Bytes, viewer: IpAddr) -> (Answer, By) {
        let (head, body) = match self.exchange(head, body, viewer, None).await {
            Ok(answer) => answer,
            Err(status) => return (page(status), By::Edge),
        };
        let how = XCache::of(head.status);
        let mut answer = Response::from_parts(head, Full::new(body));
        headers::to_viewer(answer.headers_mut(), how, None);
        (answer, By::Api)
    }

    /// Logs an answer of the cache under the id of the request whose answer it was, and one of the edge's own under the
    /// beginning of its `x-amz-cf-id`: the API has logged neither.
    fn log(&self, head: &Parts, viewer: IpAddr, answer: &Answer, by: By, started: Instant) {
        let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let id = match by {
            By::Edge => text("x-amz-cf-id").and_then(|id| id.get(..16)),
            By::Cache | By::Api => text("apigw-requestid"),
        };
        let (Some(log), Some(request_id)) = (&self.log, id.and_then(RequestId::parse)) else { return };
        let status = answer.status();
        let failure = match status {
            _ if by != By::Edge => None,
            StatusCode::BAD_GATEWAY => Some("the edge cannot reach the API".to_owned()),
            StatusCode::GATEWAY_TIMEOUT => Some("the API gave the edge no answer in time".to_owned()),
            _ => None,
        };
        log.write(AccessLine {
            time: self.clock.now(),
            request_id,
            source_ip: viewer,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            route_key: None,
            status: status.as_u16(),
            length: answer.body().size_hint().lower(),
            latency: started.elapsed(),
            function: None,
            authorizer: Verdict::NotAsked,
            authorizer_latency: None,
            throttled: false,
            cached: by == By::Cache,
            is_own: by == By::Edge,
            failure,
            user_agent: None,
            context: None,
        });
    }

    fn now(&self) -> SystemTime {
        let millis = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }
}

/// A behaviour's path pattern, in which `*` is any text and `?` any character.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern>
fn path_pattern(pattern: &str) -> WildMatch {
    WildMatch::new(pattern)
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

#[cfg(test)]
mod tests;
