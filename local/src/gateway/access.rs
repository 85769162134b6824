//! The access log: one line a request, handed over by a channel to a thread that writes. It has no query string and
//! no header, so no token gets into it.

use std::fmt;
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
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
    /// Its path as sent.
    pub path: String,
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
        let path = self.path.escape_debug();
        write!(f, "{time} {} {path} {} {}", self.method, self.status, Millis(self.latency))?;
        if let Some(latency) = self.integration_latency {
            write!(f, " (function {})", Millis(latency))?;
        }
        if self.route_key.is_none() {
            f.write_str(" no route")?;
        }
        if self.throttled {
            f.write_str(" throttled")?;
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

/// How long the writer lets lines gather: waking a thread for each would cost more than the request.
const GATHER: Duration = Duration::from_millis(10);

impl AccessLog {
    /// Hands each line to `sink`, which must not block.
    pub fn to_sink(sink: impl Fn(AccessLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Writes each line as text, from a thread of its own. The thread ends when the last clone of this log is gone;
    /// joining it then makes sure that every line is written.
    pub fn to_writer(output: impl Write + Send + 'static) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel();
        let writer = std::thread::spawn(move || write_all(&receiver, output));
        let log = Self::to_sink(move |line| {
            // The thread only ends with an output that takes nothing any more: then nobody reads the log.
            let _ = sender.send(line);
        });
        (log, writer)
    }

    /// Logs a request.
    pub fn write(&self, line: AccessLine) {
        (self.0)(line);
    }
}

fn write_all(lines: &Receiver<AccessLine>, output: impl Write) {
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        while let Some(line) = next {
            if writeln!(output, "{line}").is_err() {
                return;
            }
            next = lines.try_recv().ok();
        }
        if output.flush().is_err() {
            return;
        }
        std::thread::sleep(GATHER);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::ids::Ids;
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_says_what_happened_and_every_line_is_written() {
        let time = Timestamp::from_millis(1_744_668_856_123);
        let line = AccessLine {
            time,
            request_id: Ids::new(time).request,
            source_ip: [127, 0, 0, 1].into(),
            method: "POST".to_owned(),
            path: "/orders".to_owned(),
            route_key: Some("POST /orders".into()),
            status: 201,
            latency: Duration::from_micros(12_345),
            integration_latency: Some(Duration::from_micros(11_900)),
            authorizer: Verdict::Allowed,
            throttled: false,
            failure: None,
        };
        let id = line.request_id;
        let output = Shared::default();
        let (log, writer) = AccessLog::to_writer(output.clone());
        log.write(line.clone());
        log.write(AccessLine {
            status: 404,
            path: "/\u{1b}".to_owned(),
            route_key: None,
            integration_latency: None,
            ..line
        });
        drop(log);
        writer.join().unwrap();
        let written = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            written,
            format!(
                "22:14:16.123 POST /orders 201 12.3 ms (function 11.9 ms) id={id}\n\
                 22:14:16.123 POST /\\u{{1b}} 404 12.3 ms no route id={id}\n"
            )
        );
    }
}
