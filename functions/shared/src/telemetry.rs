//! One JSON line for each invocation of each function.

use std::any::Any;
use std::future::Future;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::FutureExt;
use serde::Serialize;

use crate::error::Error;
use crate::ids::{OrderId, UserId};

/// Where lines go: a function's standard output (which Lambda sends to CloudWatch Logs), or whoever runs it.
#[derive(Clone)]
pub struct Log(Sink);

#[derive(Clone)]
enum Sink {
    Stdout,
    Given(Arc<dyn Fn(&str) + Send + Sync>),
}

impl Log {
    /// Lines go to standard output.
    pub fn stdout() -> Log {
        Log(Sink::Stdout)
    }

    /// Lines go to `sink`, each without its line end.
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Log {
        Log(Sink::Given(Arc::new(sink)))
    }

    fn write(&self, mut line: String) {
        match &self.0 {
            Sink::Stdout => {
                line.push('\n');
                // There is nowhere to report that the log cannot be written.
                let _ = std::io::stdout().lock().write_all(line.as_bytes());
            }
            Sink::Given(sink) => sink(&line),
        }
    }
}

/// Awaits the opening of a function's connections, and writes a line that says how long the start waited for it.
pub async fn started(function: &str, warm_up: impl Future<Output = ()>) {
    let begun = Instant::now();
    warm_up.await;
    let warm_up_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let line = Start { level: "INFO", function, event: "start", warm_up_us };
    if let Ok(line) = serde_json::to_string(&line) {
        Log::stdout().write(line);
    }
}

#[derive(Serialize)]
struct Start<'a> {
    level: &'static str,
    function: &'a str,
    event: &'static str,
    warm_up_us: u64,
}

/// One function's logging.
pub struct Telemetry {
    function: &'static str,
    log: Log,
    cold: AtomicBool,
}

/// What an invocation was about; the part of its line that is known before it runs.
#[derive(Default)]
pub struct Subject {
    /// The API's request id, also for a command that the request caused.
    pub request_id: String,
    /// The X-Ray trace header's value.
    pub trace_id: Option<String>,
    /// The route key of an HTTP request.
    pub route: Option<String>,
    /// The name of a command.
    pub command: Option<&'static str>,
    /// Who called.
    pub user_id: Option<UserId>,
}

#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    #[serde(rename = "request.id")]
    request_id: &'a str,
    #[serde(rename = "trace.id", skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    function: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    status: u16,
    duration_ms: u64,
    cold: bool,
    #[serde(rename = "user.id", skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(rename = "error.code", skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(rename = "error.cause", skip_serializing_if = "Option::is_none")]
    error_cause: Option<&'a str>,
}

/// The text that a panic was given.
pub fn panic_message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied())
}

#[derive(Serialize)]
struct Note<'a> {
    level: &'static str,
    #[serde(rename = "request.id")]
    request_id: &'a str,
    function: &'a str,
    #[serde(rename = "order.id", skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a OrderId>,
    #[serde(rename = "error.code")]
    error_code: &'a str,
    #[serde(rename = "error.cause", skip_serializing_if = "Option::is_none")]
    error_cause: Option<&'a str>,
}

#[derive(Serialize)]
struct Event<'a> {
    level: &'static str,
    #[serde(rename = "request.id")]
    request_id: &'a str,
    function: &'a str,
    event: &'static str,
    #[serde(rename = "user.id")]
    user_id: &'a UserId,
}

#[derive(Serialize)]
struct Figures<'a, F> {
    level: &'static str,
    #[serde(rename = "request.id")]
    request_id: &'a str,
    function: &'a str,
    #[serde(flatten)]
    figures: &'a F,
}

impl Telemetry {
    /// Logs a failure that the answer does not show, because the request goes on without it.
    pub fn note(&self, request_id: &str, error: &Error) {
        self.write_note(request_id, None, error);
    }

    /// The same, about an order.
    pub fn note_on(&self, request_id: &str, order: &OrderId, error: &Error) {
        self.write_note(request_id, Some(order), error);
    }

    fn write_note(&self, request_id: &str, order_id: Option<&OrderId>, error: &Error) {
        let (error_code, error_cause) = (error.code(), error.cause());
        let note = Note { level: "WARN", request_id, function: self.function, order_id, error_code, error_cause };
        if let Ok(line) = serde_json::to_string(&note) {
            self.log.write(line);
        }
    }

    /// Logs that something happened to a user that somebody may want to look into. A metric filter of the template counts
    /// those of one name that an alarm is for.
    pub fn event(&self, request_id: &str, event: &'static str, user_id: &UserId) {
        let event = Event { level: "WARN", request_id, function: self.function, event, user_id };
        if let Ok(line) = serde_json::to_string(&event) {
            self.log.write(line);
        }
    }

    /// Logs figures of an invocation. The template's metric filters make metrics of them.
    pub fn figures(&self, request_id: &str, figures: &impl Serialize) {
        let line = Figures { level: "INFO", request_id, function: self.function, figures };
        if let Ok(line) = serde_json::to_string(&line) {
            self.log.write(line);
        }
    }

    /// For `function`.
    pub fn new(function: &'static str, log: Log) -> Telemetry {
        Telemetry { function, log, cold: AtomicBool::new(true) }
    }

    /// Runs one invocation to its end and writes its line. A panic becomes [`Error::Internal`], so that it is logged
    /// and answered like any other failure. `describe` reads the HTTP status off a success, and the user where only
    /// the work itself finds out who called.
    pub async fn observe<T>(
        &self,
        subject: &Subject,
        describe: impl for<'t> Fn(&'t T) -> (u16, Option<&'t UserId>),
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let cold = self.cold.swap(false, Ordering::Relaxed);
        let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
            Err(Error::Internal(format!("panicked: {}", panic_message(&*panic).unwrap_or("without a message"))))
        });
        let error = result.as_ref().err();
        let (status, user_id) = match &result {
            Ok(answer) => describe(answer),
            Err(error) => (error.status(), None),
        };
        let line = Line {
            level: if status >= 500 { "ERROR" } else { "INFO" },
            request_id: &subject.request_id,
            trace_id: subject.trace_id.as_deref(),
            function: self.function,
            route: subject.route.as_deref(),
            command: subject.command,
            status,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            cold,
            user_id: user_id.or(subject.user_id.as_ref()),
            error_code: error.map(Error::code),
            error_cause: error.and_then(Error::cause),
        };
        if let Ok(line) = serde_json::to_string(&line) {
            self.log.write(line);
        }
        result
    }
}
