//! A payment's states.

use serde::{Deserialize, Serialize};

/// Where a payment is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The provider may have been asked for the money: from here on it counts as possibly charged.
    Started,
    /// The money is ours.
    Captured,
    /// The provider refused.
    Declined,
}

/// What the provider says of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the money.
    Captured,
    /// It refused, with its decline code.
    Declined(String),
    /// It did not say.
    Unknown,
}

/// The status after `outcome`; `None` where nothing changes.
pub fn next(status: Status, outcome: &Outcome) -> Option<Status> {
    match (status, outcome) {
        (Status::Started, Outcome::Captured) => Some(Status::Captured),
        (Status::Started, Outcome::Declined(_)) => Some(Status::Declined),
        (Status::Started, Outcome::Unknown) | (Status::Captured | Status::Declined, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_payment_never_changes() {
        for status in [Status::Captured, Status::Declined] {
            for outcome in [Outcome::Captured, Outcome::Declined("x".to_owned()), Outcome::Unknown] {
                assert_eq!(next(status, &outcome), None);
            }
        }
    }
}
