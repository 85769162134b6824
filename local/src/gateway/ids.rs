//! The identifiers that a request gets: the API's, X-Ray's, and Lambda's for each invocation.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use shared::clock::Timestamp;
use shared::ids::random;

/// The API's id of a request: eleven bytes in URL-safe base64, so sixteen characters of which the last is `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// The id that an answer's header `apigw-requestid` has.
    pub fn parse(header: &str) -> Option<RequestId> {
        header.as_bytes().try_into().ok().filter(|_| header.is_ascii()).map(RequestId)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies one request.
pub struct Ids {
    /// The API's id.
    pub request: RequestId,
    /// The value of `X-Amzn-Trace-Id`: `Root=1-8hex-24hex`.
    pub trace: String,
    /// Lambda's id of the function's invocation.
    pub invocation: String,
}

impl Ids {
    /// New ones. One question to the operating system serves all three.
    pub fn new(now: Timestamp) -> Self {
        let bytes = random::<39>();
        let (request, bytes) = bytes.split_at(11);
        let (trace, invocation) = bytes.split_at(12);
        let mut id = [b'='; 16];
        // Eleven bytes are sixteen characters: the slice always fits.
        let _ = URL_SAFE.encode_slice(request, &mut id);
        Self { request: RequestId(id), trace: root(now, trace), invocation: uuid(invocation) }
    }
}

fn root(now: Timestamp, trace: &[u8]) -> String {
    let mut root = format!("Root=1-{:08x}-", now.as_secs());
    hex(&mut root, trace);
    root
}

/// A new value of `X-Amzn-Trace-Id`, for an invocation that nobody traces.
pub fn trace_id(now: Timestamp) -> String {
    root(now, &random::<12>()) + ";Sampled=0"
}

/// A new id for an invocation.
pub fn invocation_id() -> String {
    uuid(&random::<16>())
}

/// Sixteen bytes in the spelling of a UUID.
fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        hex(&mut text, &[*byte]);
    }
    text
}

/// Every request has twenty-eight such bytes; the standard formatter would be a tenth of what the gateway costs.
fn hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shapes_that_aws_gives_them() {
        let ids = Ids::new(Timestamp::from_millis(1_744_668_856_000));
        assert!(ids.request.as_str().len() == 16 && ids.request.as_str().ends_with('='), "{}", ids.request);
        assert!(ids.trace.starts_with("Root=1-67fd88b8-") && ids.trace.len() == 40, "{}", ids.trace);
        assert_eq!(ids.invocation.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_ne!(ids.request, Ids::new(Timestamp::from_millis(0)).request);
    }
}
