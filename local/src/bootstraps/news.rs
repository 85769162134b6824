//! What there is to say about a function: what its processes write, and what becomes of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something about a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News<'a> {
    /// A process wrote this line.
    Line(&'a str),
    /// A process was started for an invocation, and took so long to be ready for it.
    ColdStart {
        /// The how manieth of the function.
        number: u64,
        /// From its start to its first request for an invocation.
        took: Duration,
    },
    /// Something happened, in part of a sentence.
    Said(&'a str),
    /// All of it, at the end.
    Total {
        /// How often it was invoked.
        invocations: u64,
        /// How many processes were started for it.
        cold_starts: u64,
    },
}

/// A duration in milliseconds, with a tenth: `12.3`.
pub struct Millis(pub Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.as_millis(), self.0.subsec_micros() / 100 % 10)
    }
}

/// Takes news of a function.
pub type Sink = Arc<dyn Fn(&Speaker, News<'_>) + Send + Sync>;

/// A function that there may be news of.
#[derive(Clone)]
pub struct Speaker {
    /// Its name on the screen.
    pub name: Arc<str>,
    /// How many characters the longest of all functions' names has.
    pub width: usize,
    /// Who hears of it.
    pub sink: Sink,
}

impl Speaker {
    /// Says something about the function.
    pub fn say(&self, news: News<'_>) {
        (self.sink)(self, news);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_a_tenth() {
        assert_eq!(Millis(Duration::from_micros(12_345)).to_string(), "12.3");
        assert_eq!(Millis(Duration::from_micros(1_234_999)).to_string(), "1234.9");
    }
}
