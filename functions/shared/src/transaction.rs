//! `TransactWriteItems`, with what the SDK leaves to its caller: it does not retry cancelled transactions.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use tokio::time::Instant;

use crate::error::Error;
use crate::ids;

/// Why a transaction was not done.
#[derive(Debug)]
pub enum Cancelled {
    /// At least one condition did not hold; a reason for each item, in order.
    Refused(Vec<CancellationReason>),
    /// It could not be done.
    Failed(Error),
}

impl From<Error> for Cancelled {
    fn from(error: Error) -> Cancelled {
        Cancelled::Failed(error)
    }
}

impl Cancelled {
    /// The outcome where any failed condition means the same thing.
    pub fn on_condition_failed(self, outcome: impl FnOnce() -> Error) -> Error {
        match self {
            Cancelled::Refused(_) => outcome(),
            Cancelled::Failed(error) => error,
        }
    }
}

/// Whether this item's condition is what stood in the way.
pub fn condition_failed(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

const ATTEMPTS: u32 = 6;
const DEADLINE: Duration = Duration::from_millis(1500);
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_millis(400);

/// Writes all items or none. A transaction that was cancelled by others at the same items, or throttled, is sent again
/// up to five times within 1.5 s, with full jitter, under the same client request token.
///
/// # Errors
/// See [`Cancelled`].
pub async fn write(client: &Client, items: Vec<TransactWriteItem>) -> Result<(), Cancelled> {
    let token = ids::base32(&ids::random::<16>());
    let started = Instant::now();
    for attempt in 1.. {
        let request =
            client.transact_write_items().set_transact_items(Some(items.clone())).client_request_token(&token);
        let error = match request.send().await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let passing = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                if reasons.iter().any(condition_failed) {
                    return Err(Cancelled::Refused(reasons.to_vec()));
                }
                reasons.iter().all(is_passing)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => true,
            _ => false,
        };
        if !passing {
            return Err(Cancelled::Failed(error.into()));
        }
        let delay = jitter(ceiling(attempt));
        if attempt == ATTEMPTS || started.elapsed() + delay > DEADLINE {
            return Err(Cancelled::Failed(Error::Unavailable(format!("cancelled {attempt} times by others"))));
        }
        tokio::time::sleep(delay).await;
    }
    Err(Cancelled::Failed(Error::Internal("a transaction without an attempt".to_owned())))
}

/// Whether this item's reason is none, or one that will pass: others at the same item, or throttling.
pub fn is_passing(reason: &CancellationReason) -> bool {
    match reason.code() {
        None | Some("None" | "TransactionConflict" | "ProvisionedThroughputExceeded") => true,
        Some(code) => code.starts_with("Throttling"),
    }
}

/// Full jitter: any time up to this, so that those who got in each other's way do not meet again.
pub fn jitter(ceiling: Duration) -> Duration {
    let ceiling = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(u64::from_be_bytes(ids::random()) % (ceiling + 1))
}

/// The longest pause after attempt number `attempt`, from 1.
fn ceiling(attempt: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << attempt.min(16)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_ceiling() {
        let ceilings: Vec<u128> = [1, 2, 3, 4, 5, 16, u32::MAX].map(|attempt| ceiling(attempt).as_millis()).to_vec();
        assert_eq!(ceilings, [40, 80, 160, 320, 400, 400, 400]);
    }

    #[test]
    fn jitter_is_anything_up_to_its_ceiling() {
        let drawn: Vec<u128> = (0..1000).map(|_| jitter(Duration::from_millis(3)).as_millis()).collect();
        for millis in 0..=3 {
            assert!(drawn.contains(&millis), "{millis} never comes");
        }
        assert!(drawn.iter().all(|millis| *millis <= 3));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_reason_passes_if_it_is_none_or_about_the_moment() {
        let passes = |code: &str| is_passing(&CancellationReason::builder().code(code).build());
        for code in ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert!(passes(code), "{code}");
        }
        for code in ["ConditionalCheckFailed", "ValidationError", "ItemCollectionSizeLimitExceeded"] {
            assert!(!passes(code), "{code}");
        }
    }
}
