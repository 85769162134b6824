//! The headers of an event.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Routed;
use crate::gateway::parts::joined;
use crate::unverified::{CALLERS_PROTOCOL_GOES_ON, CALLERS_TRACE_GOES_ON, FORWARDED_FOR_GROWS};

/// Headers that end at the API.
const NOT_FORWARDED: [&str; 7] =
    ["connection", "cookie", "expect", "proxy-authenticate", "te", "transfer-encoding", "upgrade"];
/// Headers that the API itself writes.
const REPLACED: [&str; 5] =
    ["content-length", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];

/// The forwarded headers: lower case, one value each, and those that the API adds.
pub struct Headers<'a> {
    /// The request.
    pub routed: &'a Routed<'a>,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Routed { head, ids, source_ip, body, .. } = self.routed;
        let mut map = serializer.serialize_map(None)?;
        for name in head.headers.keys() {
            let name = name.as_str();
            if NOT_FORWARDED.contains(&name) || REPLACED.contains(&name) {
                continue;
            }
            if let Some(value) = joined(&head.headers, name) {
                map.serialize_entry(name, &value)?;
            }
        }
        map.serialize_entry("content-length", &format_args!("{}", body.len()))?;
        match joined(&head.headers, "x-amzn-trace-id").filter(|_| CALLERS_TRACE_GOES_ON) {
            Some(callers) => map.serialize_entry("x-amzn-trace-id", &callers)?,
            None => map.serialize_entry("x-amzn-trace-id", &ids.trace)?,
        }
        match joined(&head.headers, "x-forwarded-for").filter(|_| FORWARDED_FOR_GROWS) {
            Some(before) => map.serialize_entry("x-forwarded-for", &format_args!("{before}, {source_ip}"))?,
            None => map.serialize_entry("x-forwarded-for", source_ip)?,
        }
        for (name, own) in [("x-forwarded-port", "443"), ("x-forwarded-proto", "https")] {
            let callers = joined(&head.headers, name).filter(|_| CALLERS_PROTOCOL_GOES_ON);
            map.serialize_entry(name, callers.as_deref().unwrap_or(own))?;
        }
        map.end()
    }
}
