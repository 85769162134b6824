//! What one invocation has to go by: the ids that its log lines and commands carry, and the time that it has left.

use std::time::Duration;

use lambda_http::RequestExt;
use shared::clock::{Clock, Timestamp};
use shared::error::Error;
use shared::http::Request;

/// No step is started with less time left than this, so that it can be ended, and its reply be read.
const LEAST: Duration = Duration::from_secs(3);
/// What is kept back of the time left, for the answer.
const RESERVE: Duration = Duration::from_millis(500);

/// One invocation.
pub struct Errand {
    /// The API's request id, or Lambda's own where no request is behind it.
    pub request_id: String,
    /// The X-Ray trace header's value.
    pub trace_id: Option<String>,
    deadline: Option<Timestamp>,
    clock: Clock,
}

impl Errand {
    /// The errand of an event.
    pub fn of(event: &lambda_http::Request, clock: &Clock) -> Errand {
        let context = event.lambda_context_ref();
        let deadline = context.and_then(|context| i64::try_from(context.deadline).ok()).filter(|millis| *millis > 0);
        Errand {
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            trace_id: context.and_then(|context| context.xray_trace_id.clone()),
            deadline: deadline.map(Timestamp::from_millis),
            clock: clock.clone(),
        }
    }

    /// The same, for a request of the API's.
    pub fn for_request(self, request: &Request) -> Errand {
        let trace_id = request.trace_id().map(str::to_owned).or(self.trace_id);
        Errand { request_id: request.request_id().to_owned(), trace_id, ..self }
    }

    /// Whether another step may be started.
    pub fn has_time(&self) -> bool {
        self.left().is_none_or(|left| left >= LEAST)
    }

    /// How long a step may take that wants `budget`.
    ///
    /// # Errors
    /// There is too little time left for any step.
    pub fn budget(&self, budget: Duration) -> Result<Duration, Error> {
        match self.left() {
            None => Ok(budget),
            Some(left) if left < LEAST => Err(Error::Unavailable("too little time is left for this step".to_owned())),
            Some(left) => Ok(budget.min(left.saturating_sub(RESERVE))),
        }
    }

    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.since(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Context;

    use super::*;

    fn errand(left: Duration) -> Errand {
        let clock = Clock::system();
        let mut context = Context::default();
        context.deadline = u64::try_from(clock.now().plus(left).as_millis()).expect("a time after 1970");
        Errand::of(&lambda_http::Request::default().with_lambda_context(context), &clock)
    }

    #[test]
    fn a_step_gets_its_budget_or_what_is_left_or_nothing() {
        let wanted = Duration::from_secs(8);
        assert_eq!(errand(Duration::from_secs(15)).budget(wanted).ok(), Some(wanted));
        let less = errand(Duration::from_secs(5)).budget(wanted).expect("time enough");
        assert!(less < Duration::from_secs(5) && less > Duration::from_secs(4), "{less:?}");
        assert!(errand(Duration::from_millis(2900)).budget(wanted).is_err());
        assert!(!errand(Duration::ZERO).has_time());
    }
}
