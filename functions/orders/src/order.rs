//! An order's states, and what its lines cost.

use std::time::Duration;

use shared::clock::Timestamp;
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
    /// Its payment never began, and never will.
    Voided,
    /// It was packed.
    Packed,
    /// It was handed to the carrier.
    Shipped,
    /// It arrived.
    Delivered,
    /// Its customer, or an admin, no longer wants it.
    Cancelled,
    /// Its money is back.
    Refunded,
}

/// The status after `event`, or `None` where an order in `status` cannot have it happen.
pub fn next(status: OrderStatus, event: Event) -> Option<OrderStatus> {
    match (status, event) {
        (OrderStatus::Pending, Event::Captured) => Some(OrderStatus::Confirmed),
        (OrderStatus::Pending, Event::Declined | Event::Voided) => Some(OrderStatus::Failed),
        (OrderStatus::Confirmed, Event::Packed) => Some(OrderStatus::Packed),
        (OrderStatus::Packed, Event::Shipped) => Some(OrderStatus::Shipped),
        (OrderStatus::Shipped, Event::Delivered) => Some(OrderStatus::Delivered),
        (OrderStatus::Confirmed | OrderStatus::Packed, Event::Cancelled) => Some(OrderStatus::Cancelling),
        (OrderStatus::Cancelling, Event::Refunded) => Some(OrderStatus::Cancelled),
        _ => None,
    }
}

/// Who has work with an order in this status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Checkout: a payment or a refund is under way. If nobody has ended it by then, the schedule takes it up.
    Checkout,
    /// The warehouse or the carrier.
    Warehouse,
    /// Nobody: the order is at its end.
    Nobody,
}

/// Who has work with an order in this status.
pub fn work(status: OrderStatus) -> Work {
    match status {
        OrderStatus::Pending | OrderStatus::Cancelling => Work::Checkout,
        OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped => Work::Warehouse,
        OrderStatus::Failed | OrderStatus::Delivered | OrderStatus::Cancelled => Work::Nobody,
    }
}

/// For so long an order belongs to the request that is working on it: twice checkout's time-out.
pub const HALF_WAY: Duration = Duration::from_secs(30);
/// After so long nobody tries any more: payment providers forget idempotency keys after 24 hours, and a repeat could
/// then charge or refund twice.
pub const GIVEN_UP: Duration = Duration::from_secs(20 * 60 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How long after attempt number `attempts` (from 1) the next one is due: a minute, doubled each time, up to an hour.
pub fn pause(attempts: u32) -> Duration {
    let minutes = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST_PAUSE)
}

/// When somebody should look at an order that came into `status` at `since`.
pub fn due(status: OrderStatus, since: Timestamp) -> Option<Timestamp> {
    match work(status) {
        Work::Checkout => Some(since.plus(HALF_WAY)),
        Work::Warehouse => Some(since),
        Work::Nobody => None,
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

/// Why lines have no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTotal {
    /// It is past the largest amount, or that of nothing.
    OutOfRange,
    /// There is more than one currency.
    CurrenciesDiffer,
}

/// The sum of lines.
pub fn total(lines: &[Line]) -> Result<Money, NoTotal> {
    let (first, rest) = lines.split_first().ok_or(NoTotal::OutOfRange)?;
    if rest.iter().any(|line| line.total.currency() != first.total.currency()) {
        return Err(NoTotal::CurrenciesDiffer);
    }
    rest.iter().try_fold(first.total, |sum, line| sum.plus(line.total)).ok_or(NoTotal::OutOfRange)
}

/// What a line lacks.
pub fn shortage(line: &Line, available: i64) -> Shortage {
    Shortage { product_id: line.product_id.clone(), asked: line.quantity.get(), available }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::ids::ProductId;

    use super::*;

    const STATUSES: [OrderStatus; 8] = [
        OrderStatus::Pending,
        OrderStatus::Confirmed,
        OrderStatus::Failed,
        OrderStatus::Packed,
        OrderStatus::Shipped,
        OrderStatus::Delivered,
        OrderStatus::Cancelling,
        OrderStatus::Cancelled,
    ];
    const EVENTS: [Event; 8] = [
        Event::Captured,
        Event::Declined,
        Event::Voided,
        Event::Packed,
        Event::Shipped,
        Event::Delivered,
        Event::Cancelled,
        Event::Refunded,
    ];

    fn ways_on(status: OrderStatus) -> impl Iterator<Item = OrderStatus> {
        EVENTS.into_iter().filter_map(move |event| next(status, event))
    }

    #[test]
    fn a_status_has_a_way_on_unless_nobody_has_work_with_it() {
        for status in STATUSES {
            assert_eq!(ways_on(status).next().is_none(), work(status) == Work::Nobody, "{status:?}");
            assert_eq!(due(status, Timestamp::from_millis(0)).is_none(), work(status) == Work::Nobody, "{status:?}");
        }
    }

    #[test]
    fn every_status_is_reached_from_the_first_and_none_is_left_and_entered_again() {
        let mut reached = vec![OrderStatus::Pending];
        let mut at = 0;
        while let Some(status) = reached.get(at).copied() {
            for after in ways_on(status).filter(|after| !reached.contains(after)).collect::<Vec<_>>() {
                reached.push(after);
            }
            at += 1;
        }
        for status in STATUSES {
            assert!(reached.contains(&status), "{status:?}");
            assert!(!leads(status, status, STATUSES.len()), "{status:?} comes again");
        }
    }

    fn leads(from: OrderStatus, to: OrderStatus, steps: usize) -> bool {
        steps > 0 && ways_on(from).any(|after| after == to || leads(after, to, steps - 1))
    }

    #[test]
    fn attempts_are_a_minute_then_twice_as_long_then_an_hour_apart() {
        let minutes: Vec<u64> =
            [1, 2, 3, 7, 8, 64, 65, u32::MAX].into_iter().map(|n| pause(n).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 60, 60, 60, 60, 60]);
    }

    /// A line's price and quantity. Every second price is so large that lines and sums of them may be too much.
    fn priced() -> impl Strategy<Value = (i64, i64)> {
        (prop_oneof![0..100_000_i64, 0..=Money::MAX], 1..=999_i64)
    }

    fn line_of((price, quantity): (i64, i64), currency: &str) -> Option<Line> {
        let product_id = ProductId::of_sample("1");
        let item = Item { product_id, quantity: quantity.try_into().expect("a quantity") };
        let price = Money::new(price, currency.parse().expect("a currency")).expect("a price");
        line(item, Offer { name: String::new(), price })
    }

    fn exact(total: i128) -> Option<i128> {
        (total <= i128::from(Money::MAX)).then_some(total)
    }

    proptest! {
        #[test]
        fn a_line_costs_exactly_price_by_quantity_or_too_much(priced in priced()) {
            let cost = line_of(priced, "EUR").map(|line| i128::from(line.total.amount()));
            prop_assert_eq!(cost, exact(i128::from(priced.0) * i128::from(priced.1)));
        }

        #[test]
        fn an_order_costs_exactly_the_sum_of_its_lines_or_too_much(priced in prop::collection::vec(priced(), 1..=50)) {
            let lines: Vec<Line> = priced.into_iter().filter_map(|priced| line_of(priced, "EUR")).collect();
            let sum = lines.iter().map(|line| i128::from(line.unit_price.amount()) * i128::from(line.quantity.get())).sum();
            let cost = total(&lines).ok().map(|total| i128::from(total.amount()));
            prop_assert_eq!(cost, exact(sum).filter(|_| !lines.is_empty()));
        }

        #[test]
        fn two_currencies_have_no_sum(priced in prop::collection::vec((0..100_i64, 1..=9_i64), 2..=50)) {
            let mut lines: Vec<Line> = priced.iter().filter_map(|priced| line_of(*priced, "EUR")).collect();
            lines.extend(line_of((1, 1), "USD"));
            prop_assert_eq!(total(&lines), Err(NoTotal::CurrenciesDiffer));
        }
    }
}
