//! Asking the API: once for whoever wants the same at the same time, and no longer than CloudFront waits.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::request::Parts;
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};

use super::headers::{self, XCache};
use super::store::{Kept, Key, State};
use super::{Asked, Edge};

/// How long the edge waits for the API's answer: the template's `OriginReadTimeout`.
pub const ORIGIN_TIMEOUT: Duration = Duration::from_secs(45);

/// What comes of asking: an answer, or the status of the edge's own page. `None` if the edge broke down over it.
pub type Fetch = Shared<BoxFuture<'static, Option<Result<Fetched, StatusCode>>>>;

/// An answer for the viewers that wait for it.
#[derive(Clone)]
pub struct Fetched {
    /// The answer.
    pub answer: Arc<Kept>,
    /// How the cache came by it.
    pub how: XCache,
    /// Whether others than who asked first may have it.
    pub shared: bool,
}

impl Edge {
    /// What somebody else is asking already, or else the asking; and whether it is the latter. It goes on when nobody waits.
    pub(super) fn fetch(self: &Arc<Self>, asked: &Asked, kept: Option<Arc<Kept>>) -> (Fetch, bool) {
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
    async fn ask(&self, asked: &Asked, kept: Option<Arc<Kept>>) -> Result<Fetched, StatusCode> {
        let state = kept.as_ref().map(|kept| kept.state(&asked.view, self.now()));
        let conditions = match state {
            Some(State::WhileRevalidating(conditions) | State::Stale(conditions)) => conditions,
            Some(State::Fresh) | None => HeaderMap::new(),
        };
        // A HEAD may be the one who finds that the answer is stale: its own has no body to keep.
        let mut head = Parts::clone(&asked.head);
        head.method = Method::GET;
        let answered = self.exchange(&head, Bytes::new(), asked.viewer, Some(&conditions)).await;
        let now = self.now();
        let status = answered.as_ref().map_or_else(|status| *status, |(head, _)| head.status);
        let failed = matches!(status.as_u16(), 500 | 502 | 503 | 504);
        if let Some(kept) = kept.as_ref().filter(|kept| failed && kept.holds_on_error(now)) {
            return Ok(Fetched { answer: Arc::clone(kept), how: XCache::Hit, shared: true });
        }
        let (head, body) = answered?;
        if let Some(renewed) = kept.as_ref().and_then(|kept| kept.renewed(&asked.view, &head, now)) {
            let answer = Arc::new(renewed);
            self.store.put(asked.key.clone(), Arc::clone(&answer));
            return Ok(Fetched { answer, how: XCache::RefreshHit, shared: true });
        }
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
        Ok(Fetched { answer, how: XCache::of(status), shared })
    }

    /// One exchange with the API. With `conditions`, those take the place of the viewer's.
    ///
    /// # Errors
    /// The status of the edge's own page, if the API cannot be reached or takes too long.
    pub(super) async fn exchange(
        &self,
        head: &Parts,
        body: Bytes,
        viewer: IpAddr,
        conditions: Option<&HeaderMap>,
    ) -> Result<(http::response::Parts, Bytes), StatusCode> {
        let mut uri = head.uri.clone().into_parts();
        (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(self.origin.clone()));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = Uri::from_parts(uri).map_err(|_| StatusCode::BAD_GATEWAY)?;
        *request.headers_mut() = headers::to_origin(&head.headers, viewer, &self.secret);
        if let Some(conditions) = conditions {
            headers::unconditional(request.headers_mut());
            for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
                if let Some(value) = conditions.get(&name) {
                    request.headers_mut().insert(name, value.clone());
                }
            }
        }
        let exchanged = async {
            let (head, body) = self.client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?.into_parts();
            let body = body.collect().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
            Ok((head, body.to_bytes()))
        };
        let answered = tokio::time::timeout(self.patience, exchanged).await;
        let (mut head, body) = answered.unwrap_or(Err(StatusCode::GATEWAY_TIMEOUT))?;
        headers::end_to_end(&mut head.headers);
        Ok((head, body))
    }
}

/// Ends a fetch when it is dropped.
struct Over<'e>(&'e Edge, &'e Key);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).remove(self.1);
    }
}
