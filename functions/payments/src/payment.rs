//! A payment's states.

use serde::{Deserialize, Serialize};
use shared::contract::{PaymentStatus, Reference, Resolution};

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
    /// Given up before it started. A charge that comes later finds this and moves no money.
    Voided,
    /// The provider may have been asked to give the money back.
    Refunding,
    /// The money is back.
    Refunded,
}

/// What happens to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The provider took the money.
    Captured,
    /// The provider refused, with its decline code.
    Declined(String),
    /// The order was cancelled.
    RefundAsked,
    /// The provider gave the money back.
    Refunded,
    /// A person found out what became of it, and this proves it.
    Resolved(Resolution, Reference),
}

/// The status after `event`, or `None` where a payment in `status` cannot have it happen.
pub fn next(status: Status, event: &Event) -> Option<Status> {
    match (status, event) {
        (Status::Started, Event::Captured) => Some(Status::Captured),
        (Status::Started, Event::Declined(_)) => Some(Status::Declined),
        (Status::Captured, Event::RefundAsked) => Some(Status::Refunding),
        (Status::Refunding, Event::Refunded) => Some(Status::Refunded),
        (Status::Started, Event::Resolved(Resolution::Captured, _)) => Some(Status::Captured),
        (Status::Started, Event::Resolved(Resolution::Declined, _)) => Some(Status::Declined),
        // In one step, also where nobody came as far as to ask the provider: in between somebody might.
        (Status::Captured | Status::Refunding, Event::Resolved(Resolution::Refunded, _)) => Some(Status::Refunded),
        _ => None,
    }
}

impl Status {
    /// Whether this is what a person's resolution says.
    pub fn is(self, resolution: Resolution) -> bool {
        match self {
            Status::Captured => resolution == Resolution::Captured,
            Status::Declined | Status::Voided => resolution == Resolution::Declined,
            Status::Refunded => resolution == Resolution::Refunded,
            Status::Started | Status::Refunding => false,
        }
    }

    /// Whether the provider says, by `event`, that money is elsewhere than this.
    pub fn contradicts(self, event: &Event) -> bool {
        match event {
            Event::Captured => matches!(self, Status::Started | Status::Declined | Status::Voided),
            Event::Declined(_) => !matches!(self, Status::Declined | Status::Voided),
            Event::Refunded => self != Status::Refunded,
            Event::RefundAsked | Event::Resolved(..) => false,
        }
    }

    /// What the other functions are told of it.
    pub fn seen(self) -> PaymentStatus {
        match self {
            Status::Started => PaymentStatus::Unknown,
            Status::Captured => PaymentStatus::Captured,
            Status::Declined => PaymentStatus::Declined,
            Status::Voided => PaymentStatus::Voided,
            Status::Refunding => PaymentStatus::Refunding,
            Status::Refunded => PaymentStatus::Refunded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [Status; 6] =
        [Status::Started, Status::Captured, Status::Declined, Status::Voided, Status::Refunding, Status::Refunded];

    const RESOLUTIONS: [Resolution; 3] = [Resolution::Captured, Resolution::Declined, Resolution::Refunded];

    fn resolved(resolution: Resolution) -> Event {
        Event::Resolved(resolution, "re_1".parse().expect("a reference"))
    }

    fn events() -> Vec<Event> {
        let asked = [Event::Captured, Event::Declined("x".to_owned()), Event::RefundAsked, Event::Refunded];
        asked.into_iter().chain(RESOLUTIONS.map(resolved)).collect()
    }

    fn ways_on(status: Status) -> Vec<Status> {
        events().iter().filter_map(|event| next(status, event)).collect()
    }

    #[test]
    fn every_state_is_a_first_one_or_reached_from_one() {
        let mut reached = vec![Status::Started, Status::Declined, Status::Voided];
        let mut at = 0;
        while let Some(status) = reached.get(at).copied() {
            reached.extend(ways_on(status).into_iter().filter(|after| !reached.contains(after)).collect::<Vec<_>>());
            at += 1;
        }
        for status in STATUSES {
            assert!(reached.contains(&status), "{status:?}");
        }
    }

    #[test]
    fn what_the_provider_says_contradicts_nothing_that_it_leads_to_or_that_follows() {
        let said = |event: &Event| STATUSES.into_iter().filter(|status| !status.contradicts(event)).collect::<Vec<_>>();
        assert_eq!(said(&Event::Captured), [Status::Captured, Status::Refunding, Status::Refunded]);
        assert_eq!(said(&Event::Declined("x".to_owned())), [Status::Declined, Status::Voided]);
        assert_eq!(said(&Event::Refunded), [Status::Refunded]);
        for event in events() {
            for after in STATUSES.into_iter().filter_map(|status| next(status, &event)) {
                assert!(!after.contradicts(&event), "{event:?}");
            }
        }
    }

    #[test]
    fn exactly_the_states_that_ask_the_provider_or_can_be_refunded_have_a_way_on() {
        for status in STATUSES {
            let goes_on = matches!(status, Status::Started | Status::Captured | Status::Refunding);
            assert_eq!(!ways_on(status).is_empty(), goes_on, "{status:?}");
        }
    }

    #[test]
    fn money_is_taken_once_and_given_back_once() {
        for status in STATUSES {
            for after in ways_on(status) {
                assert_ne!(after, Status::Started, "{status:?}");
                assert!(after != Status::Captured || status == Status::Started, "{status:?}");
                let taken = matches!(status, Status::Captured | Status::Refunding);
                assert!(after != Status::Refunded || taken, "{status:?}");
            }
        }
    }

    #[test]
    fn a_person_can_say_only_what_the_provider_could_have_said_and_says_it_once() {
        for status in STATUSES {
            for resolution in RESOLUTIONS {
                let after = next(status, &resolved(resolution));
                assert!(after.is_none_or(|after| after.is(resolution)), "{status:?} {resolution:?}");
                assert!(after.is_none() || !status.is(resolution), "{status:?} {resolution:?}");
            }
        }
        assert_eq!(next(Status::Captured, &Event::Refunded), None, "the provider gives back what it was asked for");
    }
}
