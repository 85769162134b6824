//! The matrix's table: each place where an order can be lost, and in which three ways.

use local::chaos::Fault::{Conflict, Dropped, Failed, FailedAfter, Late, ReplyLost as Unanswered, Throttled};
use local::chaos::{Fault, Rule, Wire};

use crate::provider::{Call, Trouble};
use crate::shop::VISA;

/// When the loss strikes, seen from the step that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
    ReplyLost,
}

/// How an order ends, in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is no order.
    Nothing,
    Confirmed,
    /// Failed, because the payment was declined.
    Declined,
    /// Failed, because it was given up before any charge.
    Lapsed,
    Cancelled,
}

/// What is under way when the loss strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `POST /orders`.
    Order,
    /// The same, and the client breaks off itself.
    BrokenOff(BreakOff),
    /// `POST /orders/{order_id}/cancel` of a confirmed order.
    Cancel,
    /// A run of the schedule, over an order that is captured and not settled.
    Reconcile,
}

/// Where a client breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakOff {
    /// Half of the request is sent.
    HalfSent,
    /// The request is sent.
    Sent,
    /// The answer has begun.
    Answered,
}

/// A call that goes wrong: where, what it asks for, which of those about the order (from number, how many), and how.
type Wrong = (Wire, &'static str, (u64, u64), Fault);

/// What goes wrong, and what has to come of it.
pub struct Case {
    pub step: Step,
    pub method: &'static str,
    wrong: Vec<Wrong>,
    /// What goes wrong at the payment provider, call by call.
    pub troubles: &'static [(Call, Trouble)],
    /// The first answer's status, where there is one.
    pub answer: Option<u16>,
    /// What a client that repeats its request leads to; one of these.
    pub by_client: &'static [End],
    /// What the schedule alone leads to; one of these.
    pub by_schedule: &'static [End],
}

impl Case {
    /// The rules that make it go wrong for this order.
    pub fn rules(&self, order: &str) -> Vec<Rule> {
        let rule = |(wire, kind, (first, many), fault): &Wrong| {
            let rule = Rule::new(*fault).on(*wire, kind).some(*first, *many);
            // A claim is about no order yet.
            if *kind == "claim" { rule } else { rule.about(order) }
        };
        self.wrong.iter().map(rule).collect()
    }
}

fn order(wrong: &[Wrong], answer: u16) -> Case {
    Case {
        step: Step::Order,
        method: VISA,
        wrong: wrong.to_vec(),
        troubles: &[],
        answer: Some(answer),
        by_client: CONFIRMED,
        by_schedule: CONFIRMED,
    }
}

/// An order whose charge goes wrong at the provider.
fn charged(troubles: &'static [(Call, Trouble)]) -> Case {
    Case { troubles, ..order(&[], 202) }
}

fn broken_off(at: BreakOff) -> Case {
    Case { step: Step::BrokenOff(at), answer: None, ..order(&[], 0) }
}

fn declined(wrong: Wrong) -> Case {
    let method = "pm_card_chargeDeclined";
    Case { method, by_client: &[End::Declined], by_schedule: &[End::Declined], ..order(&[wrong], 202) }
}

fn cancel(wrong: &[Wrong]) -> Case {
    Case { step: Step::Cancel, by_client: &[End::Cancelled], by_schedule: &[End::Cancelled], ..order(wrong, 202) }
}

/// A cancellation whose refund goes wrong at the provider.
fn refunded(troubles: &'static [(Call, Trouble)]) -> Case {
    Case { troubles, ..cancel(&[]) }
}

/// A run of the schedule that something goes wrong for; the order is left to it by a charge whose reply is lost.
fn run(wrong: Wrong) -> Case {
    Case { step: Step::Reconcile, ..order(&[invoking("charge", Unanswered), wrong], 202) }
}

fn left(by_schedule: End, case: Case) -> Case {
    let by_schedule = match by_schedule {
        End::Nothing => NOTHING,
        _ => LAPSED,
    };
    Case { by_schedule, ..case }
}

const CONFIRMED: &[End] = &[End::Confirmed];
const NOTHING: &[End] = &[End::Nothing];
const LAPSED: &[End] = &[End::Lapsed];

const ONCE: (u64, u64) = (1, 1);
/// All that the SDK tries.
const EACH_TIME: (u64, u64) = (1, 3);
/// The second time, and the third.
const REPEATS: (u64, u64) = (2, 2);

fn invoking(command: &'static str, fault: Fault) -> Wrong {
    (Wire::Lambda, command, ONCE, fault)
}

fn calling(operation: &'static str, which: (u64, u64), fault: Fault) -> Wrong {
    (Wire::Database, operation, which, fault)
}

/// The place and settle of an order, in this sequence.
const TRANSACT: &str = "TransactWriteItems";
/// The first record of a payment.
const PUT: &str = "PutItem";
/// The later ones.
const UPDATE: &str = "UpdateItem";

/// Between which two moments an order is lost, for each row.
pub const ROWS: [&str; 15] = [
    "client → API",
    "validation → place",
    "place sent → reply lost",
    "place cancelled",
    "placed → charge not sent",
    "charge sent, payments never began",
    "STARTED → provider",
    "provider took it → reply lost",
    "CAPTURED → reply lost",
    "DECLINED → settle",
    "settle sent → reply lost",
    "settled → HTTP reply lost",
    "an old attempt wakes",
    "reconcile dies or overlaps itself",
    "refund sent → reply lost",
];

/// What can happen in a row and way, or why nothing can.
pub fn cases(row: usize, when: When) -> Result<Vec<Case>, &'static str> {
    let at_provider = match (row, when) {
        // Two calls, because a connection that breaks is tried once more at once.
        (8, When::Before) => charged(&[(Call::Confirm, Trouble::Refused(503))]),
        (8, When::After) => charged(&[(Call::Confirm, Trouble::FailsAfter)]),
        (8, When::ReplyLost) => charged(&[(Call::Confirm, Trouble::ReplyLost); 2]),
        (15, When::Before) => refunded(&[(Call::Refund, Trouble::Refused(503))]),
        (15, When::After) => refunded(&[(Call::Refund, Trouble::FailsAfter)]),
        (15, When::ReplyLost) => refunded(&[(Call::Refund, Trouble::ReplyLost); 2]),
        _ => return case(row, when).map(|case| vec![case]),
    };
    Ok(vec![case(row, when)?, at_provider])
}

fn case(row: usize, when: When) -> Result<Case, &'static str> {
    use When::{After, Before, ReplyLost};
    Ok(match (row, when) {
        (1, Before) => left(End::Nothing, broken_off(BreakOff::HalfSent)),
        // How far it got nobody knows.
        (1, After) => Case { by_schedule: &[End::Nothing, End::Confirmed, End::Lapsed], ..broken_off(BreakOff::Sent) },
        (1, ReplyLost) => return Err("a reply from the API is row 12"),

        (2, Before) => left(End::Nothing, order(&[invoking("place", Dropped)], 503)),
        (2, After) => left(End::Nothing, order(&[invoking("place", Throttled)], 503)),
        (2, ReplyLost) => left(End::Nothing, order(&[invoking("place", Failed)], 503)),

        (3, Before) => left(End::Nothing, order(&[calling(TRANSACT, EACH_TIME, Dropped)], 503)),
        (3, After) => left(End::Lapsed, order(&[invoking("place", FailedAfter)], 503)),
        (3, ReplyLost) => left(End::Lapsed, order(&[invoking("place", Unanswered)], 503)),

        (4, Before) => order(&[calling(TRANSACT, ONCE, Conflict)], 201),
        (4, After) => left(End::Nothing, order(&[calling(TRANSACT, (1, 6), Throttled)], 503)),
        (4, ReplyLost) => {
            let wrong = [calling(TRANSACT, ONCE, Unanswered), calling(TRANSACT, REPEATS, Dropped)];
            left(End::Lapsed, order(&wrong, 503))
        }

        (5, Before) => left(End::Lapsed, order(&[invoking("charge", Dropped)], 202)),
        (5, After | ReplyLost) => return Err("a charge that was sent is row 6"),

        (6, Before) => left(End::Lapsed, order(&[invoking("charge", Throttled)], 202)),
        (6, After) => left(End::Lapsed, order(&[invoking("charge", Failed)], 202)),
        (6, ReplyLost) => left(End::Lapsed, order(&[calling(PUT, EACH_TIME, Dropped)], 202)),

        (7, Before) => order(&[calling(PUT, ONCE, Unanswered), calling(PUT, REPEATS, Dropped)], 202),
        (7, After) => return Err("a provider that was asked is row 8"),
        (7, ReplyLost) => order(&[calling(PUT, ONCE, Unanswered)], 201),

        (8, Before) => order(&[calling(UPDATE, EACH_TIME, Dropped)], 202),
        (8, After) => order(&[calling(UPDATE, ONCE, Unanswered), calling(UPDATE, REPEATS, Dropped)], 202),
        (8, ReplyLost) => order(&[calling(UPDATE, ONCE, Unanswered)], 201),

        (9, Before) => return Err("before the capture is recorded it is row 8"),
        (9, After) => order(&[invoking("charge", FailedAfter)], 202),
        (9, ReplyLost) => order(&[invoking("charge", Unanswered)], 202),

        (10, Before) => declined(invoking("settle", Dropped)),
        (10, After) => declined(invoking("settle", FailedAfter)),
        (10, ReplyLost) => declined(invoking("settle", Unanswered)),

        (11, Before) => order(&[calling(TRANSACT, (2, 3), Dropped)], 202),
        (11, After) => order(&[calling(TRANSACT, (2, 1), Unanswered), calling(TRANSACT, (3, 2), Dropped)], 202),
        (11, ReplyLost) => order(&[invoking("settle", Unanswered)], 202),

        (12, Before | After) => return Err("without a reply to lose it is row 11"),
        (12, ReplyLost) => broken_off(BreakOff::Answered),

        (13, Before) => left(End::Lapsed, order(&[invoking("charge", Late)], 202)),
        (13, After) => order(&[invoking("settle", Late)], 202),
        (13, ReplyLost) => order(&[calling(UPDATE, ONCE, Late), calling(UPDATE, REPEATS, Dropped)], 202),

        (14, Before) => run(invoking("roll_forward", Dropped)),
        (14, After) => run(invoking("settle", FailedAfter)),
        (14, ReplyLost) => run(invoking("claim", Unanswered)),

        (15, Before) => cancel(&[invoking("refund", Dropped)]),
        (15, After) => cancel(&[invoking("refund", FailedAfter)]),
        (15, ReplyLost) => cancel(&[invoking("refund", Unanswered)]),

        _ => return Err("there are 15 rows"),
    })
}
