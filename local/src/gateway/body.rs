//! Request bodies: read whole before anybody is asked, within a time, and within what all of them together may hold.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::unverified::BODY_LATE;

/// The most bytes of a body.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// The most bytes of a body that is too large which are read all the same.
const MAX_DISCARDED: usize = 10 * MAX_BODY;
/// The most bytes of all bodies in flight, unless [`Settings`](super::Settings) say otherwise.
pub const MEMORY: usize = 256 * 1024 * 1024;
/// The bytes that memory is counted in.
const UNIT: usize = 1024;

/// What reads bodies.
#[derive(Debug)]
pub struct Bodies {
    memory: Semaphore,
    limit: Duration,
}

/// A body, which gives its share of the memory back when it is dropped.
#[derive(Debug)]
pub struct Body<'b> {
    /// All of it.
    pub bytes: Bytes,
    _share: Option<SemaphorePermit<'b>>,
}

impl Bodies {
    /// For bodies that each may take so long to arrive and together may hold so many bytes. Whoever sends more has to wait,
    /// and is late if that takes too long.
    pub fn new(limit: Duration, memory: usize) -> Self {
        Self { memory: Semaphore::new(memory / UNIT), limit }
    }

    /// Reads a request's body whole.
    ///
    /// # Errors
    /// What to answer where there is none, too much of it, or it comes too late.
    pub async fn read(&self, head: &Parts, mut body: Incoming) -> Result<Body<'_>, StatusCode> {
        if body.is_end_stream() {
            return Ok(Body { bytes: Bytes::new(), _share: None });
        }
        let read = tokio::time::timeout(self.limit, self.collect(&mut body)).await.unwrap_or(Err(BODY_LATE));
        let is_too_large = matches!(read, Err(StatusCode::PAYLOAD_TOO_LARGE));
        if is_too_large && !head.headers.contains_key(header::EXPECT) {
            tokio::spawn(tokio::time::timeout(self.limit, discard(body)));
        }
        read
    }

    async fn collect(&self, body: &mut Incoming) -> Result<Body<'_>, StatusCode> {
        if body.size_hint().lower() > u64::try_from(MAX_BODY).unwrap_or(u64::MAX) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let mut share: Option<SemaphorePermit<'_>> = None;
        // Most bodies come in one piece, which is not copied.
        let (mut first, mut more) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            // The client went away or sent something that is no body.
            let Ok(piece) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
            if first.len().max(more.len()) + piece.len() > MAX_BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            let units = u32::try_from(piece.len().div_ceil(UNIT)).unwrap_or(u32::MAX);
            // The semaphore is never closed.
            let part = self.memory.acquire_many(units).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            match &mut share {
                Some(share) => share.merge(part),
                None => share = Some(part),
            }
            if first.is_empty() {
                first = piece;
                continue;
            }
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
        Ok(Body { bytes: if more.is_empty() { first } else { more.freeze() }, _share: share })
    }
}

/// Takes what is left of a body that is too large. Many clients look for an answer only when they have sent all: one whose
/// connection was closed before would never see why. (One that expects to be told whether to send anything looks at once.)
async fn discard(body: Incoming) {
    let mut rest = Limited::new(body, MAX_DISCARDED);
    while let Some(Ok(_)) = rest.frame().await {}
}
