//! A request's line as a person reads it: columns first, so that the eye finds what it looks for, then what is special.

use std::fmt;
use std::time::Duration;

use super::{AccessLine, Verdict};

/// Columns for the route's path, which hold any that the shop has.
const ROUTE: usize = 33;
/// Characters of a path that are shown: a longer one says no more.
const SHOWN: usize = 200;

impl fmt::Display for AccessLine {
    /// `22:14:16.123 201 POST   /orders    12.34 ms  function    11.90  gateway  0.03  authorizer  0.41 allowed  id=…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.to_string();
        let time = time.get(11..23).unwrap_or(&time);
        let path = Path(&self.path).to_string();
        let method = self.method.as_str();
        // The key of a route for any method says so, and `$default` is no path.
        let route = self.route_key.as_deref();
        let route = route.map(|key| key.strip_prefix(method).and_then(|key| key.strip_prefix(' ')).unwrap_or(key));
        write!(f, "{time} {} {method:<6} {:<ROUTE$}", self.status, route.unwrap_or(&path))?;
        write!(f, " {:>8} ms", Millis(self.latency).to_string())?;
        match &self.function {
            Some(function) => write!(f, "  function {:>8}", Millis(function.latency).to_string())?,
            None => write!(f, "  function {:>8}", "-")?,
        }
        write!(f, "  gateway {:>5}", Millis(self.gateway_latency()).to_string())?;
        let verdict = match self.authorizer {
            Verdict::NotAsked => None,
            Verdict::Allowed => Some("allowed"),
            Verdict::Unidentified => Some("not asked: unidentified"),
            Verdict::Refused => Some("refused"),
            Verdict::Failed => Some("failed"),
        };
        if let Some(verdict) = verdict {
            f.write_str("  authorizer ")?;
            if let Some(latency) = self.authorizer_latency {
                write!(f, "{:>5} ", Millis(latency).to_string())?;
            }
            f.write_str(verdict)?;
        }
        if self.throttled {
            f.write_str("  throttled")?;
        }
        if self.cached {
            f.write_str("  cached")?;
        }
        if route.is_none() && !self.cached {
            f.write_str("  no route")?;
        }
        write!(f, "  id={}", self.request_id)?;
        // At the end, because it may be long.
        if route.is_some_and(|route| route != path) {
            write!(f, "  {path}")?;
        }
        match &self.failure {
            Some(failure) => write!(f, "  failure={failure:?}"),
            None => Ok(()),
        }
    }
}

/// A path that cannot do anything to a terminal.
struct Path<'a>(&'a str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", self.0.get(..end).unwrap_or_default().escape_debug()),
            None => write!(f, "{}", self.0.escape_debug()),
        }
    }
}

/// Milliseconds with two digits after the point.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0.as_micros() / 10;
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}
