//! What a running shop has logged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::gateway::{AccessLog, Formatter};
use local::shop::OpenAccessLog;
use serde_json::{Value, json};
use shared::telemetry::Log;
use tokio::sync::Notify;

/// Lines of a log.
#[derive(Default)]
pub struct Lines {
    lines: Mutex<Vec<String>>,
    more: Notify,
}

impl Lines {
    /// A log that writes here.
    pub fn log(self: &Arc<Lines>) -> Log {
        let lines = Arc::clone(self);
        Log::to(move |line| lines.push(line.to_owned()))
    }

    /// An access log that writes here: of each request its `line` as the terminal shows it, the same `as_deployed` in the
    /// template's format, and `everything` that the local gateway knows of it.
    pub fn access_log(self: &Arc<Lines>) -> OpenAccessLog {
        let lines = Arc::clone(self);
        Box::new(move |api| {
            let formatter = Formatter::new(api);
            let wanted = formatter.wanted();
            let log = AccessLog::to_sink(move |line| {
                let (id, route) = (line.request_id.as_str(), line.route_key.as_deref());
                let (shown, everything) = (line.to_string(), format!("{line:?}"));
                let as_deployed: Value = serde_json::from_str(&formatter.json(&line)).expect("a JSON line");
                let line = json!({
                    "request.id": id, "route": route, "status": line.status, "line": shown, "as_deployed": as_deployed,
                    "everything": everything,
                });
                lines.push(line.to_string());
            });
            log.with(wanted)
        })
    }

    fn push(&self, line: String) {
        self.lines.lock().expect("a whole log").push(line);
        self.more.notify_waiters();
    }

    /// Every line so far.
    pub fn text(&self) -> Vec<String> {
        self.lines.lock().expect("a whole log").clone()
    }

    /// Every line so far that belongs to a request.
    pub fn of_request(&self, id: &str) -> Vec<Value> {
        let lines = self.text();
        let parsed =
            lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not a JSON line: {line}")));
        parsed.filter(|line: &Value| line["request.id"] == id).collect()
    }

    /// The line of a request, which may be written a moment after its answer has been read.
    pub async fn line_of(&self, id: &str) -> Value {
        let found = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(line) = self.of_request(id).into_iter().next() {
                    return line;
                }
                more.await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), found).await;
        found.unwrap_or_else(|_| panic!("no line of the request {id} in\n{}", self.text().join("\n")))
    }
}
