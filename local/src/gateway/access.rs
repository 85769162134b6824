//! The access log: one line a request. It has no query string and no header, so no token gets into it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use shared::clock::Timestamp;

use super::ids::RequestId;

/// What the log says of a request.
#[derive(Debug, Clone)]
pub struct AccessLine {
    /// When it came.
    pub time: Timestamp,
    /// The API's id of it, which is in every line of every function that had to do with it.
    pub request_id: RequestId,
    /// Who sent it.
    pub source_ip: IpAddr,
    /// Its method.
    pub method: String,
    /// Its path as sent, if no route answered: then there is a mistake in it. A path that a route has may hold what
    /// nobody should read, and the route's key says enough, as in AWS.
    pub path: Option<String>,
    /// The route that answered, if there is one.
    pub route_key: Option<Arc<str>>,
    /// The answer's status.
    pub status: u16,
    /// From the whole request to the whole answer.
    pub latency: Duration,
    /// Of that, the route's function.
    pub integration_latency: Option<Duration>,
    /// What its authorizer said.
    pub authorizer: Verdict,
    /// Whether the route's throttle refused it.
    pub throttled: bool,
    /// Whether the edge answered it from its cache; the route's key is then the edge's, and the id that of the request
    /// whose answer it was.
    pub cached: bool,
    /// What went wrong in a function, which the client does not learn.
    pub failure: Option<String>,
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

impl fmt::Display for AccessLine {
    /// `22:14:16.123 POST /orders 201 12.3 ms (function 11.9 ms) id=…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.to_string();
        let time = time.get(11..23).unwrap_or(&time);
        match (&self.route_key, &self.path) {
            (Some(key), _) => write!(f, "{time} {key}")?,
            (None, path) => write!(f, "{time} {} {}", self.method, path.as_deref().unwrap_or("-").escape_debug())?,
        }
        write!(f, " {} {}", self.status, Millis(self.latency))?;
        if let Some(latency) = self.integration_latency {
            write!(f, " (function {})", Millis(latency))?;
        }
        if self.route_key.is_none() {
            f.write_str(" no route")?;
        }
        if self.throttled {
            f.write_str(" throttled")?;
        }
        if self.cached {
            f.write_str(" cached")?;
        }
        match self.authorizer {
            Verdict::NotAsked | Verdict::Allowed => {}
            Verdict::Unidentified => f.write_str(" unidentified")?,
            Verdict::Refused => f.write_str(" refused by the authorizer")?,
            Verdict::Failed => f.write_str(" the authorizer failed")?,
        }
        write!(f, " id={}", self.request_id)?;
        match &self.failure {
            Some(failure) => write!(f, " failure={failure:?}"),
            None => Ok(()),
        }
    }
}

/// Milliseconds with one digit after the point.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_micros() / 100;
        write!(f, "{}.{} ms", tenths / 10, tenths % 10)
    }
}

/// Where lines go.
#[derive(Clone)]
pub struct AccessLog(Arc<dyn Fn(AccessLine) + Send + Sync>);

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog")
    }
}

impl AccessLog {
    /// Hands each line to `sink`, which must not block.
    pub fn to_sink(sink: impl Fn(AccessLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Logs a request.
    pub fn write(&self, line: AccessLine) {
        (self.0)(line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::Ids;
    use super::*;

    #[test]
    fn a_line_says_what_happened() {
        let time = Timestamp::from_millis(1_744_668_856_123);
        let line = AccessLine {
            time,
            request_id: Ids::new(time).request,
            source_ip: [127, 0, 0, 1].into(),
            method: "POST".to_owned(),
            path: None,
            route_key: Some("POST /orders".into()),
            status: 201,
            latency: Duration::from_micros(12_345),
            integration_latency: Some(Duration::from_micros(11_900)),
            authorizer: Verdict::Allowed,
            throttled: false,
            cached: false,
            failure: None,
        };
        let id = line.request_id;
        assert_eq!(line.to_string(), format!("22:14:16.123 POST /orders 201 12.3 ms (function 11.9 ms) id={id}"));
        let strange = AccessLine {
            status: 404,
            path: Some("/\u{1b}".to_owned()),
            route_key: None,
            integration_latency: None,
            ..line
        };
        assert_eq!(strange.to_string(), format!("22:14:16.123 POST /\\u{{1b}} 404 12.3 ms no route id={id}"));
    }
}
