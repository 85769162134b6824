//! What there is to say about a function: the lines that its processes write, and what becomes of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The most bytes of a line. The rest of a longer one is left out.
const LINE: usize = 64 * 1024;

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

/// Reads lines to the end.
pub async fn read(output: Option<impl AsyncRead + Unpin>, speaker: &Speaker) {
    let Some(output) = output else { return };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        let (ended, length) = match output.fill_buf().await {
            Err(_) | Ok([]) => break,
            Ok(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let part = &bytes[..end.unwrap_or(bytes.len())];
                line.extend_from_slice(&part[..part.len().min(LINE - line.len())]);
                (end.is_some(), end.map_or(bytes.len(), |end| end + 1))
            }
        };
        output.consume(length);
        if ended {
            say(&mut line, speaker);
        }
    }
    if !line.is_empty() {
        say(&mut line, speaker);
    }
}

fn say(line: &mut Vec<u8>, speaker: &Speaker) {
    speaker.say(News::Line(String::from_utf8_lossy(line).trim_end_matches('\r')));
    line.clear();
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn lines_are_heard_one_by_one_and_a_long_one_is_cut() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let to = Arc::clone(&heard);
        let sink: Sink = Arc::new(move |speaker, news| match news {
            News::Line(line) => to.lock().unwrap().push(format!("{}: {line}", speaker.name)),
            other => panic!("{other:?}"),
        });
        let speaker = Speaker { name: "hello".into(), width: 5, sink };
        let long = "x".repeat(LINE * 3);
        let text = format!("one\r\n\n{long}\nl\u{f6}st");
        let mut bytes = text.into_bytes();
        bytes.push(0xff);
        read(Some(bytes.as_slice()), &speaker).await;
        let heard = heard.lock().unwrap();
        assert_eq!(heard[..2], ["hello: one", "hello: "]);
        assert_eq!(heard[2].len(), "hello: ".len() + LINE);
        assert_eq!(heard[3..], ["hello: l\u{f6}st\u{fffd}"]);
    }

    #[test]
    fn milliseconds_have_a_tenth() {
        assert_eq!(Millis(Duration::from_micros(12_345)).to_string(), "12.3");
        assert_eq!(Millis(Duration::from_micros(1_234_999)).to_string(), "1234.9");
    }
}
