//! What one invocation has to go by: the ids that its log lines and commands carry, and the time that it has left.
//! Lambda ends a function at its deadline without a word, so whatever it waits for is given up before.

use std::future::Future;
use std::time::Duration;

use lambda_runtime::Context;
use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};
use crate::error::Error;

/// What is kept back of Lambda's time, for the answer.
const RESERVE: Duration = Duration::from_millis(500);
/// No step is started with less time left than this, unless its function asks for more.
const LEAST: Duration = Duration::from_millis(250);
/// The time where nobody says how long there is: the longest that Lambda lets a function run.
const LONGEST: Duration = Duration::from_secs(15 * 60);

tokio::task_local! {
    static UNTIL: Instant;
}

/// One invocation.
pub struct Errand {
    /// The API's request id, or Lambda's own where no request is behind it.
    pub request_id: String,
    /// The X-Ray trace header's value.
    pub trace_id: Option<String>,
    /// When it began.
    pub began: Timestamp,
    until: Instant,
    least: Duration,
}

impl Errand {
    /// The errand of an event that came with this context. A deadline that was over before the longest function could have
    /// begun is nobody's: `cargo lambda watch` tells each one that it ends at 1970-01-01T00:10Z.
    pub fn of(context: Option<&Context>, clock: &Clock) -> Errand {
        let began = clock.now();
        let deadline = context.and_then(|context| i64::try_from(context.deadline).ok()).map(Timestamp::from_millis);
        let deadline = deadline.filter(|deadline| began.since(*deadline) < LONGEST);
        let left = deadline.map_or(LONGEST, |deadline| deadline.since(began));
        Errand {
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            trace_id: context.and_then(|context| context.xray_trace_id.clone()),
            began,
            until: Instant::now() + left.saturating_sub(RESERVE),
            least: LEAST,
        }
    }

    /// The same, for the request that caused it, as far as its ids are known.
    pub fn for_request(self, request_id: Option<String>, trace_id: Option<String>) -> Errand {
        let request_id = request_id.unwrap_or(self.request_id);
        Errand { request_id, trace_id: trace_id.or(self.trace_id), ..self }
    }

    /// The same, in steps that are not started with less than `least` left.
    pub fn in_steps_of(self, least: Duration) -> Errand {
        Errand { least, ..self }
    }

    /// A part of it that is to take no longer than `all`, and to leave `kept` for the rest.
    pub fn part(&self, all: Duration, kept: Duration) -> Errand {
        let (request_id, trace_id) = (self.request_id.clone(), self.trace_id.clone());
        let until = Instant::now() + self.left().saturating_sub(kept).min(all);
        Errand { request_id, trace_id, until, ..*self }
    }

    /// Whether there is time for all of this.
    pub fn has_time_for(&self, wanted: Duration) -> bool {
        self.left() >= wanted.max(self.least)
    }

    /// How long a step may take that wants `wanted`.
    ///
    /// # Errors
    /// There is too little time left for any step.
    pub fn budget(&self, wanted: Duration) -> Result<Duration, Error> {
        match self.left() {
            left if left < self.least => Err(Error::Unavailable("too little time is left for this step".to_owned())),
            left => Ok(left.min(wanted)),
        }
    }

    /// Does this invocation's work: no call to AWS within it, by a client of [`crate::aws`], outlasts the errand, and
    /// none is started too late.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        UNTIL.scope(self.until, work).await
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// The time for a call that wants `wanted`, by the errand that runs; `None`: it would come too late.
pub(crate) fn time_for(wanted: Duration) -> Option<Duration> {
    match UNTIL.try_with(|until| until.saturating_duration_since(Instant::now())) {
        Ok(left) if left < LEAST => None,
        Ok(left) => Some(left.min(wanted)),
        Err(_) => Some(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(left: Duration) -> Errand {
        let clock = Clock::system();
        let mut context = Context::default();
        context.request_id = "of Lambda".to_owned();
        context.deadline = u64::try_from(clock.now().plus(left).as_millis()).expect("a time after 1970");
        Errand::of(Some(&context), &clock)
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Whether a time is this one, but for what the test itself took.
    fn is_about(time: Result<Duration, Error>, expected: u64) -> bool {
        time.is_ok_and(|time| time <= millis(expected) && time > millis(expected.saturating_sub(100)))
    }

    #[test]
    fn a_step_gets_its_budget_or_what_is_left_or_nothing() {
        let left = |left: u64| errand(millis(left)).in_steps_of(millis(2500));
        assert_eq!(left(15_000).budget(millis(8000)).ok(), Some(millis(8000)));
        assert!(is_about(left(5000).budget(millis(8000)), 4500));
        assert!(left(2990).budget(millis(100)).is_err());
        assert!(left(3200).budget(millis(100)).is_ok() && left(0).budget(millis(100)).is_err());
        assert!(left(9700).has_time_for(millis(9000)) && !left(9400).has_time_for(millis(9000)));
        assert!(!left(2990).has_time_for(millis(100)));
    }

    #[test]
    fn a_deadline_of_1970_is_nobodys() {
        let mut context = Context::default();
        for deadline in [0, 600_000, u64::MAX] {
            context.deadline = deadline;
            assert!(Errand::of(Some(&context), &Clock::system()).has_time_for(millis(890_000)), "{deadline}");
        }
    }

    #[test]
    fn a_part_ends_before_the_whole() {
        let part = |left: u64| errand(millis(left)).part(millis(7000), millis(1500));
        assert!(is_about(part(15_000).budget(LONGEST), 7000));
        assert!(is_about(part(6000).budget(LONGEST), 4000));
        assert!(part(2000).budget(LONGEST).is_err());
    }

    #[tokio::test]
    async fn the_calls_within_an_errand_know_its_end() {
        let wanted = millis(2500);
        assert_eq!(time_for(wanted), Some(wanted), "no errand, no end");
        let of = |left: u64| async move { errand(millis(left)).run(async { time_for(wanted) }).await };
        assert_eq!(of(4000).await, Some(wanted));
        assert!(is_about(of(1600).await.ok_or(Error::Forbidden), 1100));
        assert_eq!(of(740).await, None);
    }

    #[test]
    fn the_ids_are_the_requests_where_there_is_one() {
        let of = |id: Option<&str>| errand(LONGEST).for_request(id.map(str::to_owned), None).request_id;
        assert_eq!((of(None), of(Some("of the API"))), ("of Lambda".to_owned(), "of the API".to_owned()));
    }
}
