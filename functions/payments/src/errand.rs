//! What one invocation has to go by: the id that its log lines carry, and the time that it may spend on the provider.

use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::clock::{Clock, Timestamp};
use shared::error::Error;

/// For how long the provider may keep one invocation. Checkout waits a second longer.
const IN_ALL: Duration = Duration::from_secs(7);
/// How long one call to the provider may take.
const CALL: Duration = Duration::from_secs(3);
/// No call is started with less time left than this.
const LEAST: Duration = Duration::from_millis(500);
/// What is kept back of Lambda's time, to record what the provider said.
const RESERVE: Duration = Duration::from_secs(2);

/// One invocation.
pub struct Errand {
    /// The API's request id, or Lambda's own where no request is behind it.
    pub request_id: String,
    until: Instant,
}

#[derive(Deserialize)]
struct Sent {
    request_id: Option<String>,
}

impl Errand {
    /// The errand of an event.
    pub fn of(event: &LambdaEvent<Box<RawValue>>, clock: &Clock) -> Errand {
        let sent = serde_json::from_str(event.payload.get()).unwrap_or(Sent { request_id: None });
        let request_id = sent.request_id.unwrap_or_else(|| event.context.request_id.clone());
        let left = i64::try_from(event.context.deadline)
            .ok()
            .filter(|millis| *millis > 0)
            .map(|deadline| Timestamp::from_millis(deadline).since(clock.now()).saturating_sub(RESERVE));
        Errand { request_id, until: Instant::now() + left.map_or(IN_ALL, |left| left.min(IN_ALL)) }
    }

    /// How long a call to the provider may take.
    ///
    /// # Errors
    /// There is too little time left for any call.
    pub fn patience(&self) -> Result<Duration, Error> {
        self.patience_at(Instant::now())
    }

    fn patience_at(&self, now: Instant) -> Result<Duration, Error> {
        match self.until.saturating_duration_since(now) {
            left if left < LEAST => Err(Error::Unavailable("too little time is left to ask the provider".to_owned())),
            left => Ok(left.min(CALL)),
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;

    use super::*;

    fn errand(left: Duration) -> Errand {
        let clock = Clock::system();
        let mut context = Context::default();
        context.deadline = u64::try_from(clock.now().plus(left).as_millis()).expect("a time after 1970");
        let payload = RawValue::from_string(r#"{"request_id":"r","command":"refund"}"#.to_owned()).expect("JSON");
        Errand::of(&LambdaEvent::new(payload, context), &clock)
    }

    #[test]
    fn a_call_gets_three_seconds_or_what_is_left_or_nothing() {
        let whole = errand(Duration::from_secs(15));
        let before = |left: u64| whole.patience_at(whole.until - Duration::from_millis(left)).ok();
        assert_eq!(whole.request_id, "r");
        assert_eq!(before(7000), Some(CALL));
        assert_eq!(before(2500), Some(Duration::from_millis(2500)));
        assert_eq!(before(499), None);
        assert!(whole.until <= Instant::now() + IN_ALL);
        assert!(errand(Duration::from_secs(2)).patience().is_err(), "the rest is for recording what it says");
    }
}
