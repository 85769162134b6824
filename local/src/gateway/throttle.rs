//! A route's throttle: a token bucket, kept as one number (the generic cell rate algorithm), so that it costs one
//! compare-and-swap and no lock.

use std::sync::atomic::{AtomicU64, Ordering};

use shared::clock::Timestamp;

use crate::template::Throttle;

/// A second in nanoseconds, times the thousand of [`Throttle::rate_milli`].
const NANOS_TIMES_MILLI: u64 = 1_000_000_000_000;

/// A token bucket.
#[derive(Debug)]
pub struct Bucket {
    /// How long one token takes to come back, in nanoseconds.
    interval: u64,
    /// How long the whole bucket takes.
    capacity: u64,
    /// When the bucket will be full again, in nanoseconds since 1970.
    full_at: AtomicU64,
}

impl Bucket {
    /// A full bucket.
    pub fn new(throttle: Throttle) -> Self {
        // A rate of nothing never gives a token back.
        let interval = NANOS_TIMES_MILLI.checked_div(throttle.rate_milli).unwrap_or(u64::MAX);
        let burst = if throttle.rate_milli == 0 { 0 } else { throttle.burst };
        Self { interval, capacity: interval.saturating_mul(burst), full_at: AtomicU64::new(0) }
    }

    /// Takes a token, if there is one.
    pub fn take(&self, now: Timestamp) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or_default().saturating_mul(1_000_000);
        let taken = self.full_at.try_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now).saturating_add(self.interval);
            (full_at.saturating_sub(now) <= self.capacity).then_some(full_at)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bucket(rate_milli: u64, burst: u64) -> Bucket {
        Bucket::new(Throttle { rate_milli, burst })
    }

    fn taken(bucket: &Bucket, now: Timestamp) -> usize {
        (0..1000).filter(|_| bucket.take(now)).count()
    }

    #[test]
    fn a_burst_goes_through_and_then_the_rate() {
        let (bucket, start) = (bucket(10_000, 20), Timestamp::from_millis(1_750_000_000_000));
        assert_eq!(taken(&bucket, start), 20);
        assert_eq!(taken(&bucket, start.plus(Duration::from_millis(99))), 0);
        assert_eq!(taken(&bucket, start.plus(Duration::from_millis(100))), 1);
        assert_eq!(taken(&bucket, start.plus(Duration::from_millis(600))), 5);
        assert_eq!(taken(&bucket, start.plus(Duration::from_secs(3600))), 20, "never more than the burst");
    }

    #[test]
    fn a_fractional_rate_is_one_request_in_many_seconds() {
        let (bucket, start) = (bucket(500, 1), Timestamp::from_millis(1_750_000_000_000));
        assert_eq!(taken(&bucket, start), 1);
        assert_eq!(taken(&bucket, start.plus(Duration::from_millis(1_999))), 0);
        assert_eq!(taken(&bucket, start.plus(Duration::from_secs(2))), 1);
    }

    #[test]
    fn nothing_lets_nothing_through() {
        let now = Timestamp::from_millis(1_750_000_000_000);
        for (rate, burst) in [(0, 0), (0, 5), (1_000, 0)] {
            assert_eq!(taken(&bucket(rate, burst), now), 0, "{rate} {burst}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_extra() {
        let (bucket, start) = (bucket(1_000, 2), Timestamp::from_millis(1_750_000_000_000));
        assert_eq!(taken(&bucket, start), 2);
        assert_eq!(taken(&bucket, Timestamp::from_millis(1_749_999_999_000)), 0);
    }
}
