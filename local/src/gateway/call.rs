//! A request's way through the gateway: read whole, checked, routed, throttled, authorized, answered by the function.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::{Body, Incoming};
use serde_json::value::RawValue;
use shared::clock::Timestamp;

use super::access::{AccessLine, AccessLog, Asked, Verdict, Wanted};
use super::answer::{self, Answer};
use super::authorize::{Caller, Challenge, Decision};
use super::cors;
use super::event::{Routed, user_agent};
use super::ids::Ids;
use super::routing::RequestPath;
use super::{Gateway, Route};
use crate::functions::{Invocation, MAX_EVENT};
use crate::unverified::{BROKEN_PATH, HEAD_TOO_LARGE, NO_CONCURRENCY_LEFT};

/// The most bytes of request line and headers together.
const MAX_HEAD: usize = 10_240;

/// What a request's way leaves for the access log.
struct Trail<'g> {
    route: Option<&'g Route>,
    verdict: Verdict,
    authorizer_latency: Option<Duration>,
    throttled: bool,
    /// Whether the API answered what a browser asks before a request.
    preflight: bool,
    function: Option<Asked>,
    failure: Option<String>,
    /// What `WWW-Authenticate` says.
    challenge: Option<String>,
    /// What the log has a use for.
    wanted: Wanted,
    context: Option<Arc<RawValue>>,
}

impl Gateway {
    /// Answers one request.
    pub async fn call(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let started = Instant::now();
        let time = self.settings.clock.now();
        let ids = Ids::new(time);
        let source_ip = self.settings.source_ip.unwrap_or(peer);
        let (head, body) = request.into_parts();
        let mut trail = Trail {
            route: None,
            verdict: Verdict::NotAsked,
            authorizer_latency: None,
            throttled: false,
            preflight: false,
            function: None,
            failure: None,
            challenge: None,
            wanted: self.settings.access_log.as_ref().map_or(Wanted::default(), AccessLog::wanted),
            context: None,
        };
        let mut unread = !body.is_end_stream();
        let outcome = match check(&head) {
            Ok(()) => match self.bodies.read(&head, body).await {
                Ok(body) => {
                    unread = false;
                    self.answer(&head, &body.bytes, &ids, time, source_ip, &mut trail).await
                }
                Err(status) => Err(status),
            },
            Err(status) => Err(status),
        };
        let own = outcome.is_err();
        let mut answer = outcome.unwrap_or_else(answer::message);
        if let Some(cors) = &self.api.cors
            && !trail.preflight
        {
            cors::apply(cors, &head.headers, answer.headers_mut(), own);
        }
        if let Some(Ok(challenge)) = trail.challenge.as_deref().map(HeaderValue::from_str) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer::identify(&mut answer, ids.request);
        if unread {
            // Where a body has not ended no other request can begin.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(log) = &self.settings.access_log {
            log.write(AccessLine {
                time,
                request_id: ids.request,
                source_ip,
                path: head.uri.path().to_owned(),
                user_agent: trail.wanted.user_agent.then(|| user_agent(&head.headers).to_owned()),
                method: head.method,
                route_key: trail.route.map(|route| route.key.clone()),
                status: answer.status().as_u16(),
                length: answer.body().size_hint().lower(),
                latency: started.elapsed(),
                function: trail.function,
                authorizer: trail.verdict,
                authorizer_latency: trail.authorizer_latency,
                throttled: trail.throttled,
                cached: false,
                is_own: own || trail.preflight,
                failure: trail.failure,
                context: trail.context,
            });
        }
        answer
    }

    async fn answer<'g>(
        &'g self,
        head: &Parts,
        body: &Bytes,
        ids: &Ids,
        time: Timestamp,
        source_ip: IpAddr,
        trail: &mut Trail<'g>,
    ) -> Result<Answer, StatusCode> {
        let path = RequestPath::parse(head.uri.path()).ok_or(BROKEN_PATH)?;
        let segments = path.in_stage(&self.api.stage).ok_or(StatusCode::NOT_FOUND)?;
        let method = head.method.as_str();
        let route = self.routes.iter().find(|route| route.pattern.matches(method, segments));
        if let (None, Some(cors)) = (route, &self.api.cors)
            && let Some(answer) = cors::preflight(cors, head)
        {
            trail.preflight = true;
            return Ok(answer);
        }
        let route = route.ok_or(StatusCode::NOT_FOUND)?;
        trail.route = Some(route);
        let behind = match &route.behind {
            Ok(behind) => behind,
            Err(why) => {
                trail.failure = Some(why.clone());
                return Err(StatusCode::NOT_IMPLEMENTED);
            }
        };
        if behind.bucket.as_ref().is_some_and(|bucket| !bucket.take(time)) {
            trail.throttled = true;
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        let routed = Routed {
            api: &self.api,
            ids,
            time,
            source_ip: &source_ip.to_string(),
            head,
            body,
            raw_path: &path.decoded(),
            segments,
            route_key: &route.key,
            path_parameters: route.pattern.parameters(segments),
        };
        let caller = match &behind.authorizer {
            None => None,
            Some(authorizer) => {
                let asked = Instant::now();
                let decision = authorizer.decide(&routed, &behind.scopes).await;
                trail.authorizer_latency = Some(asked.elapsed());
                match decision {
                    Decision::Allowed(caller) => {
                        trail.verdict = Verdict::Allowed;
                        caller
                    }
                    Decision::Unidentified(challenge) => {
                        trail.authorizer_latency = None;
                        trail.refuse(Verdict::Unidentified, challenge);
                        return Err(StatusCode::UNAUTHORIZED);
                    }
                    Decision::Refused(challenge) => {
                        trail.refuse(Verdict::Refused, challenge);
                        return Err(StatusCode::FORBIDDEN);
                    }
                    Decision::Failed(why) => {
                        trail.verdict = Verdict::Failed;
                        return Err(trail.fail(why));
                    }
                }
            }
        };
        let event = routed.event(caller.as_ref()).map_err(|error| trail.fail(error.to_string()))?;
        if trail.wanted.context {
            trail.context = caller.map(Caller::into_context);
        }
        if event.len() > MAX_EVENT {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let asked = Instant::now();
        let invocation = Invocation { request_id: ids.invocation.clone(), trace_id: Some(ids.trace.clone()) };
        let outcome = tokio::time::timeout(behind.timeout, behind.function.invoke(event.into(), invocation)).await;
        let (latency, in_time) = (asked.elapsed(), outcome.is_ok());
        let answer = match outcome {
            Ok(Ok(payload)) => answer::read(&payload).map_err(|malformed| trail.fail(malformed.to_string())),
            Ok(Err(failure)) if failure.is_throttled => {
                trail.failure = Some(failure.to_string());
                Err(NO_CONCURRENCY_LEFT)
            }
            Ok(Err(failure)) => Err(trail.fail(failure.to_string())),
            Err(_) => {
                trail.failure = Some("the function goes on, but the API waits no longer".to_owned());
                Err(StatusCode::SERVICE_UNAVAILABLE)
            }
        };
        trail.function = Some(Asked {
            invocation: ids.invocation.clone(),
            latency,
            status: answer.as_ref().ok().map(|answer| answer.status().as_u16()),
            in_time,
        });
        answer
    }
}

impl Trail<'_> {
    /// Keeps what an authorizer said, for the client and for the operator.
    fn refuse(&mut self, verdict: Verdict, challenge: Option<Challenge>) {
        self.verdict = verdict;
        if let Some(Challenge { value, why }) = challenge {
            (self.challenge, self.failure) = (Some(value), Some(why));
        }
    }

    /// Keeps for the operator what the client does not learn.
    fn fail(&mut self, why: String) -> StatusCode {
        self.failure = Some(why);
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Refuses what never gets to a route: too large a head, a target that is not ASCII (the server itself refuses what
/// else RFC 3986 forbids), and a host that `lambda_http` could make no URL of: it panics then.
fn check(head: &Parts) -> Result<(), StatusCode> {
    let line = head.method.as_str().len() + head.uri.path().len() + head.uri.query().unwrap_or_default().len() + 12;
    let headers: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if line + headers > MAX_HEAD {
        return Err(HEAD_TOO_LARGE);
    }
    if !head.uri.path().is_ascii() || !head.uri.query().unwrap_or_default().is_ascii() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next().map(HeaderValue::as_bytes), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

fn is_host(host: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
    match std::str::from_utf8(host) {
        Ok(host) if host.bytes().all(|byte| plain(&byte)) => url::Url::parse(&format!("https://{host}/")).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_or_is_refused() {
        for host in ["localhost:3000", "a1b2c3d4e5.execute-api.localhost:3000", "127.0.0.1", "[::1]:3000", "my_host"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in ["", "a b", "localhost:99999", "a@b", "a/b", "999.999", "xn--a", "[::1", "a?b", "ä", ":80"] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
