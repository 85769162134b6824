//! The access log: one line a request, as text for a person's eyes or in the template's own format. The query string and
//! the headers that tokens are in never get into it.

mod formatted;
mod text;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::value::RawValue;
use shared::clock::Timestamp;

pub use formatted::Formatter;

use super::ids::RequestId;

/// What the log says of a request. Making one costs the request next to nothing: whoever shows it makes the text.
#[derive(Debug, Clone)]
pub struct AccessLine {
    /// When it came.
    pub time: Timestamp,
    /// The API's id of it, which is in every line of every function that had to do with it.
    pub request_id: RequestId,
    /// Who sent it.
    pub source_ip: IpAddr,
    /// Its method.
    pub method: Method,
    /// Its path as sent. It goes to the terminal, and to the template's format where that names it.
    pub path: String,
    /// The route that answered, if there is one.
    pub route_key: Option<Arc<str>>,
    /// The answer's status.
    pub status: u16,
    /// The bytes of the answer's body.
    pub length: u64,
    /// From the whole request to the whole answer.
    pub latency: Duration,
    /// Of that, the route's function, where it was asked.
    pub function: Option<Asked>,
    /// What its authorizer said.
    pub authorizer: Verdict,
    /// How long the authorizer took, where it was asked.
    pub authorizer_latency: Option<Duration>,
    /// Whether the route's throttle refused it.
    pub throttled: bool,
    /// Whether the edge answered it from its cache, so that no route did; the id is that of the request whose answer it was.
    pub cached: bool,
    /// Whether the answer is the API's own instead of a function's.
    pub is_own: bool,
    /// What went wrong in a function, which the client does not learn.
    pub failure: Option<String>,
    /// The header `User-Agent`, if [`Wanted`].
    pub user_agent: Option<String>,
    /// What the authorizer found out, as an object, if [`Wanted`].
    pub context: Option<Arc<RawValue>>,
}

/// What became of asking the route's function.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Lambda's id of the invocation.
    pub invocation: String,
    /// How long its answer took.
    pub latency: Duration,
    /// The status that it answered with; `None` if it failed, or its answer was none.
    pub status: Option<u16>,
    /// Whether it answered in time at all.
    pub in_time: bool,
}

/// What an authorizer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An open route, or the request did not get that far.
    NotAsked,
    /// Go on.
    Allowed,
    /// Nothing in the request says who is calling.
    Unidentified,
    /// No.
    Refused,
    /// It did not answer properly.
    Failed,
}

impl AccessLine {
    /// What of the whole is neither the function's time nor the authorizer's.
    pub fn gateway_latency(&self) -> Duration {
        let function = self.function.as_ref().map_or(Duration::ZERO, |function| function.latency);
        self.latency.saturating_sub(function).saturating_sub(self.authorizer_latency.unwrap_or_default())
    }
}

/// What a log has a use for, of what is not for everybody's eyes: whatever nobody wants is not even kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The header `User-Agent`.
    pub user_agent: bool,
    /// What the authorizer found out.
    pub context: bool,
}

/// Where lines go.
#[derive(Clone)]
pub struct AccessLog {
    sink: Arc<dyn Fn(AccessLine) + Send + Sync>,
    wanted: Wanted,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl AccessLog {
    /// Hands each line to `sink`, which must not block.
    pub fn to_sink(sink: impl Fn(AccessLine) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(sink), wanted: Wanted::default() }
    }

    /// The same, whose lines have this as well.
    pub fn with(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// What its lines are to have.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Logs a request.
    pub fn write(&self, line: AccessLine) {
        (self.sink)(line);
    }
}

#[cfg(test)]
pub mod tests;
