//! An order's states, and what its lines cost.

use shared::contract::{Item, Line, OrderStatus};
use shared::error::Shortage;
use shared::money::Money;

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its payment was captured.
    Captured,
    /// Its payment was declined.
    Declined,
    /// It was packed.
    Packed,
    /// It was handed to the carrier.
    Shipped,
    /// It arrived.
    Delivered,
}

/// The status after `event`, or `None` where an order in `status` cannot have it happen.
pub fn next(status: OrderStatus, event: Event) -> Option<OrderStatus> {
    match (status, event) {
        (OrderStatus::Pending, Event::Captured) => Some(OrderStatus::Confirmed),
        (OrderStatus::Pending, Event::Declined) => Some(OrderStatus::Failed),
        (OrderStatus::Confirmed, Event::Packed) => Some(OrderStatus::Packed),
        (OrderStatus::Packed, Event::Shipped) => Some(OrderStatus::Shipped),
        (OrderStatus::Shipped, Event::Delivered) => Some(OrderStatus::Delivered),
        _ => None,
    }
}

/// The only status from which `event` goes.
pub fn before(event: Event) -> OrderStatus {
    match event {
        Event::Captured | Event::Declined => OrderStatus::Pending,
        Event::Packed => OrderStatus::Confirmed,
        Event::Shipped => OrderStatus::Packed,
        Event::Delivered => OrderStatus::Shipped,
    }
}

/// Whether somebody still has work with an order: the payment, the warehouse, the carrier.
pub fn has_work(status: OrderStatus) -> bool {
    match status {
        OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped => true,
        OrderStatus::Failed | OrderStatus::Delivered => false,
    }
}

/// A product's name and price at the moment of an order.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// The price of one.
    pub price: Money,
}

/// An item as a line at an offer; `None` past the largest amount.
pub fn line(item: Item, offer: Offer) -> Option<Line> {
    let total = offer.price.times(item.quantity)?;
    Some(Line {
        product_id: item.product_id,
        name: offer.name,
        quantity: item.quantity,
        unit_price: offer.price,
        total,
    })
}

/// The sum of lines; `None` without a line, past the largest amount, or when the currencies differ.
pub fn total(lines: &[Line]) -> Option<Money> {
    let (first, rest) = lines.split_first()?;
    rest.iter().try_fold(first.total, |sum, line| sum.plus(line.total))
}

/// What a line lacks.
pub fn shortage(line: &Line, available: i64) -> Shortage {
    Shortage { product_id: line.product_id.clone(), asked: line.quantity.get(), available }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [OrderStatus; 6] = [
        OrderStatus::Pending,
        OrderStatus::Confirmed,
        OrderStatus::Failed,
        OrderStatus::Packed,
        OrderStatus::Shipped,
        OrderStatus::Delivered,
    ];
    const EVENTS: [Event; 5] = [Event::Captured, Event::Declined, Event::Packed, Event::Shipped, Event::Delivered];

    #[test]
    fn an_event_goes_from_exactly_the_status_before_it() {
        for event in EVENTS {
            for status in STATUSES {
                assert_eq!(next(status, event).is_some(), status == before(event), "{status:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_status_with_work_has_a_way_on_and_no_other_has() {
        for status in STATUSES {
            let goes_on = EVENTS.into_iter().any(|event| next(status, event).is_some());
            assert_eq!(goes_on, has_work(status), "{status:?}");
        }
    }

    #[test]
    fn every_status_but_the_first_is_reached() {
        for status in STATUSES.into_iter().filter(|status| *status != OrderStatus::Pending) {
            assert!(STATUSES.into_iter().any(|from| EVENTS.into_iter().any(|event| next(from, event) == Some(status))));
        }
    }
}
