//! Checkout's errands: no step of them is started with under 3 s left, so that it can be ended, and its reply be read.

use std::time::Duration;

use lambda_http::RequestExt;
use shared::clock::Clock;
pub use shared::errand::Errand;

/// What a step needs at the least; besides it half a second is kept back for the answer.
const LEAST: Duration = Duration::from_millis(2500);

/// The errand of an event.
pub fn of(event: &lambda_http::Request, clock: &Clock) -> Errand {
    Errand::of(event.lambda_context_ref(), clock).in_steps_of(LEAST)
}

#[cfg(test)]
mod tests {
    use lambda_http::Context;

    use super::*;

    #[test]
    fn no_step_is_started_with_under_three_seconds_left() {
        let clock = Clock::system();
        for (left, starts) in [(2990, false), (3200, true)] {
            let mut context = Context::default();
            let deadline = clock.now().plus(Duration::from_millis(left));
            context.deadline = u64::try_from(deadline.as_millis()).expect("a time after 1970");
            let errand = of(&lambda_http::Request::default().with_lambda_context(context), &clock);
            assert_eq!(errand.budget(Duration::from_secs(2)).is_ok(), starts, "{left}");
        }
    }
}
