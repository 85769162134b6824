//! What the edge says by itself.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::headers::{self, XCache};
use crate::gateway;
use crate::server::Answer;

/// What CloudFront answers to a GET with a body, which it refuses. Unverified on AWS but for the status.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html>
const GET_WITH_BODY: &str = "<html><body><h1>403 ERROR</h1><p>A GET request has no body.</p></body></html>\n";
/// What CloudFront answers when the API cannot be reached. Unverified on AWS but for the status: its page says more.
const UNREACHABLE: &str = "<html><body><h1>502 ERROR</h1><p>The origin cannot be reached.</p></body></html>\n";
/// What CloudFront answers when the API takes too long. Unverified on AWS but for the status: its page says more.
const LATE: &str = "<html><body><h1>504 ERROR</h1><p>The origin gave no answer in time.</p></body></html>\n";

/// The edge's own answer of this status.
pub fn page(status: StatusCode) -> Answer {
    let html = match status {
        StatusCode::FORBIDDEN => Some(GET_WITH_BODY),
        StatusCode::BAD_GATEWAY => Some(UNREACHABLE),
        StatusCode::GATEWAY_TIMEOUT => Some(LATE),
        // The edge reads a body whole before it asks the API, where CloudFront passes it on: so it says of one what the API
        // would say.
        _ => None,
    };
    let mut answer = match html {
        Some(html) => {
            let mut answer = Response::new(Full::new(Bytes::from_static(html.as_bytes())));
            *answer.status_mut() = status;
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            answer
        }
        None => gateway::message(status),
    };
    headers::to_viewer(answer.headers_mut(), XCache::Error, None);
    answer
}
