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
const FIRST_DELAY_MS: u64 = 20;
const LONGEST_DELAY_MS: u64 = 400;

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
        let delay = jittered(attempt);
        if attempt == ATTEMPTS || started.elapsed() + delay > DEADLINE {
            return Err(Cancelled::Failed(Error::Unavailable(format!("cancelled {attempt} times by others"))));
        }
        tokio::time::sleep(delay).await;
    }
    Err(Cancelled::Failed(Error::Internal("a transaction without an attempt".to_owned())))
}

fn is_passing(reason: &CancellationReason) -> bool {
    match reason.code() {
        None | Some("None" | "TransactionConflict" | "ProvisionedThroughputExceeded") => true,
        Some(code) => code.starts_with("Throttling"),
    }
}

fn jittered(attempt: u32) -> Duration {
    let ceiling = (FIRST_DELAY_MS << attempt.min(16)).min(LONGEST_DELAY_MS);
    Duration::from_millis(u64::from_be_bytes(ids::random()) % (ceiling + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_ceiling() {
        for attempt in 1..40 {
            assert!(jittered(attempt) <= Duration::from_millis(LONGEST_DELAY_MS));
        }
    }
}
