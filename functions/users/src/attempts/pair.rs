//! Failures at one account from one network. A few are free; then each has to wait twice as long as the one before. What
//! a stranger does elsewhere keeps nobody out of their own account.

use std::time::Duration;

use serde::Deserialize;
use shared::clock::Timestamp;
use shared::error::{Error, Quota};

/// As many attempts need no waiting.
pub const FREE: i64 = 5;
/// The longest wait, in seconds.
const LONGEST: u64 = 900;
/// How long after the last of them failures are forgotten.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is stored of them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Counter {
    /// Attempts that have failed, or that are under way.
    pub failures: i64,
    /// When the next one may follow, in milliseconds since 1970; before the last free one it says nothing.
    pub not_before: i64,
    /// When all is forgotten, in seconds since 1970.
    pub expires_at: i64,
}

impl Counter {
    /// What is stored with the attempt that makes so many.
    pub fn with(failures: i64, now: Timestamp) -> Counter {
        Counter {
            failures,
            not_before: now.plus(Duration::from_secs(delay(failures))).as_millis(),
            expires_at: now.plus(REMEMBERED).as_secs(),
        }
    }
}

/// How an attempt is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// As one more of those that need no waiting.
    Free,
    /// As the first one since this counter, which ended at that time, in seconds since 1970.
    Anew(i64),
    /// As the one after so many.
    After(i64),
}

/// How an attempt is booked now.
///
/// # Errors
/// It comes too early.
pub fn step(counter: Option<&Counter>, now: Timestamp) -> Result<Step, Error> {
    match counter {
        // DynamoDB's TTL deletes late, so an expired counter may still be there.
        Some(counter) if counter.expires_at <= now.as_secs() => Ok(Step::Anew(counter.expires_at)),
        Some(counter) if counter.failures >= FREE => {
            let wait = u64::try_from(counter.not_before - now.as_millis()).unwrap_or(0);
            if wait > 0 { Err(too_early(wait.div_ceil(1000))) } else { Ok(Step::After(counter.failures)) }
        }
        _ => Ok(Step::Free),
    }
}

/// Another attempt was booked at the same moment, as number `failures`: this one has to wait as if it came after that.
pub fn overtaken(failures: i64) -> Error {
    too_early(delay(failures))
}

fn too_early(seconds: u64) -> Error {
    let attempts = u32::try_from(FREE).unwrap_or(u32::MAX);
    Error::TooManyAttempts(Quota { name: "account", attempts, window: REMEMBERED.as_secs(), reset: seconds })
}

/// Seconds that have to pass after so many failures: 1 after the last free one, then twice as many after each.
fn delay(failures: i64) -> u64 {
    let doublings = u32::try_from(failures.saturating_sub(FREE).max(0)).unwrap_or(u32::MAX);
    1_u64.checked_shl(doublings).unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_400);

    fn reset(result: Result<Step, Error>) -> u64 {
        match result {
            Err(Error::TooManyAttempts(quota)) => quota.reset,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn five_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = (5..18).map(delay).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(delay(i64::MAX), LONGEST);
        assert_eq!(step(None, NOW).unwrap(), Step::Free);
        for failures in [-1, 0, 1, 4] {
            assert_eq!(step(Some(&Counter::with(failures, NOW)), NOW).unwrap(), Step::Free, "{failures}");
        }
    }

    #[test]
    fn a_wait_is_over_to_the_millisecond_and_told_in_whole_seconds() {
        let counter = Counter::with(7, NOW);
        let after = |millis: u64| step(Some(&counter), NOW.plus(Duration::from_millis(millis)));
        assert_eq!([reset(after(0)), reset(after(1)), reset(after(3000)), reset(after(3999))], [4, 4, 1, 1]);
        assert_eq!(after(4000).unwrap(), Step::After(7));
    }

    #[test]
    fn a_day_after_the_last_one_all_are_forgotten() {
        let counter = Counter::with(30, NOW);
        let day = REMEMBERED.as_secs();
        let after = |seconds: u64| step(Some(&counter), NOW.plus(Duration::from_secs(seconds))).unwrap();
        assert_eq!(after(day - 1), Step::After(30));
        assert_eq!(after(day), Step::Anew(counter.expires_at));
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_is_let_try(failures in 5_i64..60, millis in 0_u64..900_000) {
            let counter = Counter::with(failures, NOW);
            let now = NOW.plus(Duration::from_millis(millis));
            if let Err(Error::TooManyAttempts(quota)) = step(Some(&counter), now) {
                prop_assert!((1..=LONGEST).contains(&quota.reset));
                prop_assert!(step(Some(&counter), now.plus(Duration::from_secs(quota.reset))).is_ok());
                let early = now.plus(Duration::from_millis(quota.reset * 1000 - 1000));
                prop_assert!(step(Some(&counter), early).is_err());
            }
        }
    }
}
