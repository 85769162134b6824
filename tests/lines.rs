//! What a running shop has logged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::gateway::AccessLog;
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

    /// What the template's access log format has of a line, and all that the local gateway knows of it.
    pub fn access_log(self: &Arc<Lines>) -> AccessLog {
        let lines = Arc::clone(self);
        AccessLog::to_sink(move |line| {
            let everything = format!("{line} {line:?}");
            let (id, route) = (line.request_id.as_str(), line.route_key.as_deref());
            let line = json!({"request.id": id, "route": route, "status": line.status, "everything": everything});
            lines.push(line.to_string());
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
