//! Runs the template's schedules, as EventBridge Scheduler does: each invocation by itself, whatever became of the last.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::functions::{Functions, Invocation};
use crate::gateway::invocation_id;
use crate::template::Template;

/// The schedules, running; dropping this ends them.
pub struct Schedules(JoinSet<()>);

impl Schedules {
    /// Runs every schedule that has a pace. Its first invocation comes after one interval.
    pub fn run(template: &Template, functions: &Arc<Functions>) -> Schedules {
        let mut running = JoinSet::new();
        for declared in &template.functions {
            let Some(function) = functions.by_id(&declared.logical_id) else { continue };
            for schedule in &declared.schedules {
                let Some(every) = schedule.every else { continue };
                let (function, input) = (Arc::clone(function), Bytes::from(schedule.input.clone()));
                running.spawn(async move {
                    let mut ticks = interval_at(Instant::now() + every, every);
                    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                    let mut under_way = JoinSet::new();
                    loop {
                        ticks.tick().await;
                        while under_way.try_join_next().is_some() {}
                        let invocation = Invocation { request_id: invocation_id(), trace_id: None };
                        let (function, input) = (Arc::clone(&function), input.clone());
                        under_way.spawn(async move { function.invoke_later(input, invocation).await });
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

#[cfg(test)]
mod tests;
