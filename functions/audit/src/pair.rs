//! Which payment an order may have: the table of permitted pairs.

use serde::Deserialize;
use shared::contract::{OrderStatus, PaymentStatus};
use shared::ids::OrderId;
use shared::money::Money;

use crate::report::Draft;

/// Where a payment is in its life, as the payments table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Paid {
    Started,
    Captured,
    Declined,
    Voided,
    Refunding,
    Refunded,
}

/// What an order says of money.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    pub status: OrderStatus,
    pub total: Money,
    /// What its lines come to; `None` where they cannot be added up.
    pub lines: Option<Money>,
    /// What it shows of its payment.
    pub shown: PaymentStatus,
}

/// A payment.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    pub status: Paid,
    pub amount: Money,
}

/// The payments that an order may have in a status, `None` being none: also those between two steps. Payments is asked
/// first and the order settled after it, so a payment may be ahead of its order, but never behind it.
fn permitted(status: OrderStatus) -> &'static [Option<Paid>] {
    use Paid::{Captured, Declined, Refunded, Refunding, Started, Voided};
    match status {
        OrderStatus::Pending => &[None, Some(Started), Some(Captured), Some(Declined), Some(Voided)],
        OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped | OrderStatus::Delivered => {
            &[Some(Captured)]
        }
        OrderStatus::Failed => &[Some(Declined), Some(Voided)],
        OrderStatus::Cancelling => &[Some(Captured), Some(Refunding), Some(Refunded)],
        OrderStatus::Cancelled => &[Some(Refunded)],
    }
}

/// What an order must show of its payment: what payments said when the order came into its status.
fn shows(status: OrderStatus, payment: Paid) -> PaymentStatus {
    match (status, payment) {
        (OrderStatus::Pending, _) | (_, Paid::Started) => PaymentStatus::Unknown,
        (OrderStatus::Cancelling, _) | (_, Paid::Captured) => PaymentStatus::Captured,
        (_, Paid::Declined) => PaymentStatus::Declined,
        (_, Paid::Voided) => PaymentStatus::Voided,
        (_, Paid::Refunding) => PaymentStatus::Refunding,
        (_, Paid::Refunded) => PaymentStatus::Refunded,
    }
}

/// What is wrong with an order and its payment, one sentence each.
pub fn faults(id: &OrderId, bill: Option<&Bill>, payment: Option<&Payment>) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(Bill { status, total, lines, shown }) = bill else {
        if let Some(Payment { status, amount }) = payment {
            faults.push(format!(
                "The payment of {id} is {} of {}, but there is no such order.",
                said(status),
                sum(amount)
            ));
        }
        return faults;
    };
    let is = status.as_str();
    if lines.as_ref() != Some(total) {
        let lines = lines.as_ref().map_or("no sum".to_owned(), sum);
        faults.push(format!("Order {id} costs {}, but its lines come to {lines}.", sum(total)));
    }
    if !permitted(*status).contains(&payment.map(|payment| payment.status)) {
        let payment =
            payment.map_or("it has no payment".to_owned(), |one| format!("its payment is {}", said(&one.status)));
        faults.push(format!("Order {id} is {is}, but {payment}."));
    } else if let Some(payment) = payment
        && *shown != shows(*status, payment.status)
    {
        let (shown, payment) = (said(shown), said(&payment.status));
        faults.push(format!("Order {id} is {is} and shows its payment as {shown}, but that is {payment}."));
    }
    if let Some(payment) = payment
        && payment.amount != *total
    {
        faults.push(format!("Order {id} costs {}, but its payment is one of {}.", sum(total), sum(&payment.amount)));
    }
    faults
}

/// Adds an order and its payment to the money.
pub fn book(draft: &mut Draft, bill: Option<&Bill>, payment: Option<&Payment>) {
    if let Some(Bill { status, total, .. }) = bill {
        match status {
            OrderStatus::Pending | OrderStatus::Cancelling => draft.report.open += 1,
            OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped | OrderStatus::Delivered => {
                draft.money(total.currency()).sold += total.amount();
            }
            OrderStatus::Failed | OrderStatus::Cancelled => {}
        }
    }
    if let Some(Payment { status, amount }) = payment {
        let money = draft.money(amount.currency());
        match status {
            Paid::Captured | Paid::Refunding => money.captured += amount.amount(),
            Paid::Refunded => {
                money.captured += amount.amount();
                money.refunded += amount.amount();
            }
            Paid::Started | Paid::Declined | Paid::Voided => {}
        }
    }
}

fn sum(money: &Money) -> String {
    format!("{} {}", money.amount(), money.currency())
}

/// A status as the tables have it.
fn said(status: &impl std::fmt::Debug) -> String {
    format!("{status:?}").to_uppercase()
}
