//! A function of the template with its code: an invocation of it, from event to answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lambda_runtime::Context;
use shared::clock::Clock;
use shared::telemetry::panic_message;

use super::handler::Call;
use super::{Failure, Handler, MAX_ANSWER};
use crate::gateway::trace_id;
use crate::record::Recording;
use crate::template;

/// Lambda lets no function run longer.
const LONGEST: Duration = Duration::from_secs(900);
/// How long an event waits that the function has no place for.
const QUEUED: Duration = Duration::from_secs(6 * 60 * 60);
/// After how long it is tried again, first and at most.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What an invocation is told about itself.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of this invocation.
    pub request_id: String,
    /// The value of `X-Amzn-Trace-Id`; one is made where the caller has none.
    pub trace_id: Option<String>,
}

/// A function of the template with its code.
#[derive(Clone)]
pub struct Function {
    /// Its deployed name.
    pub name: String,
    /// Its binary, by which other tools know it.
    pub binary: String,
    arn: String,
    timeout: Duration,
    is_off: bool,
    handler: Handler,
    clock: Clock,
    recording: Option<Recording>,
    /// After how long an event is tried again, first.
    again: Duration,
}

impl Function {
    /// What the template declares, with this code.
    pub fn new(declared: &template::Function, handler: Handler, clock: &Clock) -> Function {
        Function {
            name: declared.name.clone(),
            binary: declared.binary().to_owned(),
            arn: declared.arn.clone(),
            timeout: declared.timeout,
            is_off: declared.reserved_concurrency == Some(0),
            handler,
            clock: clock.clone(),
            recording: None,
            again: AGAIN,
        }
    }

    /// The same function, whose invocations are recorded.
    pub fn recorded(&self, recording: Recording) -> Function {
        Function { recording: Some(recording), ..self.clone() }
    }

    /// Runs the handler, and records it where that is wanted.
    pub async fn invoke(&self, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        let Some(recording) = self.recording.clone() else { return self.run(event, invocation).await };
        let function = self.clone();
        record(recording, event.clone(), async move { function.run(event, invocation).await }).await
    }

    /// Runs the handler for somebody who does not wait for an answer. Where Lambda would refuse one who does, because as
    /// many invocations are running as the function has reserved, this one waits, as Lambda lets it for six hours.
    pub async fn invoke_later(&self, event: Bytes, invocation: Invocation) {
        // The function logs what became of it.
        let _ = match self.recording.clone() {
            None => self.run_later(event, invocation).await,
            Some(recording) => {
                let function = self.clone();
                record(recording, event.clone(), async move { function.run_later(event, invocation).await }).await
            }
        };
    }

    async fn run(&self, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        // Beyond the longest time of all a handler that keeps time has lost it; in its queue it may wait as long before that.
        let limit = match (self.handler.keeps_time, &self.handler.later) {
            (true, Some(_)) => 2 * LONGEST,
            (true, None) => LONGEST,
            (false, _) => self.timeout,
        };
        self.call(&self.handler.call, limit, event, invocation).await
    }

    /// Where the handler has no queue itself, it is tried until it has room.
    async fn run_later(&self, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        if let Some(later) = &self.handler.later {
            return self.call(later, QUEUED + LONGEST, event, invocation).await;
        }
        let (began, mut pause) = (Instant::now(), self.again);
        loop {
            let outcome = self.run(event.clone(), invocation.clone()).await;
            let is_over = self.is_off || began.elapsed() > QUEUED;
            if is_over || !matches!(&outcome, Err(failure) if failure.is_throttled) {
                return outcome;
            }
            // Not all in step: what waits would find the same room, and leave it idle between.
            let most = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
            tokio::time::sleep(Duration::from_micros(fastrand::u64(most / 2..=most))).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Runs the handler, in a task of its own: a caller that goes away does not stop it half way, as it does not in
    /// Lambda. After `limit` it is stopped, and whatever panics is a failure of this call alone.
    async fn call(&self, call: &Call, limit: Duration, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        let now = self.clock.now();
        let Invocation { request_id, trace_id: given } = invocation;
        let mut context = Context::default();
        context.request_id.clone_from(&request_id);
        context.deadline = u64::try_from(now.plus(limit).as_millis()).unwrap_or_default();
        context.invoked_function_arn.clone_from(&self.arn);
        context.xray_trace_id = Some(given.unwrap_or_else(|| trace_id(now)));
        let call = Call::clone(call);
        let reply = async move { tokio::time::timeout(limit, call(event, context)).await };
        match tokio::spawn(reply).await {
            Ok(Ok(Ok(answer))) if answer.len() > MAX_ANSWER => Err(Failure::too_large()),
            Ok(Ok(Ok(answer))) => Ok(answer.into()),
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(_)) => Err(Failure::timed_out(&request_id, limit)),
            Err(stopped) => Err(Failure::new("Runtime.ExitError", cause(stopped))),
        }
    }
}

/// Records an invocation, in a task of its own: what becomes of it is recorded also when the caller has gone away.
async fn record(
    recording: Recording,
    event: Bytes,
    run: impl Future<Output = Result<Bytes, Failure>> + Send + 'static,
) -> Result<Bytes, Failure> {
    let recorded = async move {
        let id = recording.event(&event).await;
        drop(event);
        let outcome = run.await;
        recording.outcome(id, &outcome).await;
        outcome
    };
    tokio::spawn(recorded).await.unwrap_or_else(|stopped| Err(Failure::new("Runtime.ExitError", cause(stopped))))
}

fn cause(stopped: tokio::task::JoinError) -> String {
    let Ok(panic) = stopped.try_into_panic() else { return "the invocation was cancelled".to_owned() };
    format!("Lambda panicked: {}", panic_message(&*panic).unwrap_or_default())
}

#[cfg(test)]
mod tests;
