//! Runs the template's schedules, as EventBridge Scheduler does: each invocation by itself, whatever became of the last.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use shared::clock::{Clock, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::functions::{Functions, Invocation};
use crate::gateway::invocation_id;
use crate::template::{ACCOUNT_ID, REGION, Schedule, Scheduler, Template};

/// The schedules, running; dropping this ends them.
pub struct Schedules(JoinSet<()>);

impl Schedules {
    /// Runs every schedule that has a pace. Its first invocation comes after one interval. The clock is for what their events
    /// say.
    pub fn run(template: &Template, functions: &Arc<Functions>, clock: &Clock) -> Schedules {
        let mut running = JoinSet::new();
        for declared in &template.functions {
            let Some(function) = functions.by_id(&declared.logical_id) else { continue };
            for schedule in &declared.schedules {
                let Some(every) = schedule.every else { continue };
                let (function, schedule, clock) = (Arc::clone(function), schedule.clone(), clock.clone());
                running.spawn(async move {
                    let mut ticks = interval_at(Instant::now() + every, every);
                    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                    let mut under_way = JoinSet::new();
                    loop {
                        ticks.tick().await;
                        while under_way.try_join_next().is_some() {}
                        let invocation = Invocation { request_id: invocation_id(), trace_id: None };
                        let (function, event) = (Arc::clone(&function), event(&schedule, clock.now()));
                        under_way.spawn(async move { function.invoke_later(event, invocation).await });
                    }
                });
            }
        }
        Schedules(running)
    }

    /// Ends them; an invocation under way goes on by itself.
    pub async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

/// What a function is sent: the schedule's input, or what AWS makes in its place.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html>
fn event(schedule: &Schedule, now: Timestamp) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    // The newer service has the detail as a text.
    let (source, detail) = match schedule.by {
        Scheduler::Rule => ("aws.events", json!({})),
        Scheduler::Schedule => ("aws.scheduler", json!("{}")),
    };
    let time = OffsetDateTime::from_unix_timestamp(now.as_secs()).ok().and_then(|time| time.format(&Rfc3339).ok());
    let event = json!({
        "version": "0",
        "id": invocation_id(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": time.unwrap_or_default(),
        "region": REGION,
        "resources": [schedule.arn],
        "detail": detail,
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests;
