//! The core of checkout's protocol, checked in every order of events: [`model`] says what there is and what can happen,
//! [`steps`] what the functions do, [`provider`] what the payment provider does.
//!
//! At any moment the client may send its order again, the schedule (or the provider's webhook) may take it up, and
//! somebody may cancel it, up to three calls being at work at once. A call may be lost before each of its steps; it may
//! be sent again while the first sending is still to arrive; the provider may decline, and fail before or after it has
//! done what it was asked for, and then replays that failure.
//!
//! What the model leaves out makes it stricter, or does not matter to it:
//! - There is no time. A call may take for ever, a repeat is never told to wait, the schedule takes up what has just
//!   been placed: so nothing here is right only because something else is slow. Only keys are forgotten, and persons
//!   resolve, when no call is under way, as after a day.
//! - One order with one line of one unit, beside another order's unit. Transactions over more items are as atomic.
//! - A step is one effect: a read and a write with a condition on what was read are two steps, a transaction is one.
//! - The status `PACKED`, prices, fingerprints, and what of a message only tells who sent it, do not occur.

use std::io::Write;
use std::time::Instant;

use shared::contract::OrderStatus;
use stateright::{Checker, Model, Property};

use model::{Action, Call, Payment, Protocol, Shop, Shortcut, Step};
use provider::Luck;

mod model;
mod provider;
mod steps;

const ONE_CHARGE: &str = "an order is charged once at most";
const NOT_CHARGED_BUT_FAILED: &str = "no order has failed that is charged";
const STOCK_BALANCES: &str = "no stock is invented, and none leaks";

impl Model for Protocol {
    type State = Shop;
    type Action = Action;

    fn init_states(&self) -> Vec<Shop> {
        vec![Shop::open()]
    }

    fn actions(&self, shop: &Shop, actions: &mut Vec<Action>) {
        let room = shop.calls.len() < self.side_by_side;
        if room {
            actions.extend([Action::Order, Action::Reconcile, Action::CancelOrder]);
        }
        actions.push(Action::Ship);
        for call in &shop.calls {
            actions.extend(call.step.luck().iter().map(|luck| Action::Run(*call, *luck)));
            actions.push(Action::Lose(*call));
            if room && call.awaited {
                actions.push(Action::SendAgain(*call));
            }
        }
        if shop.calls.is_empty() {
            actions.extend([Action::ADayPasses, Action::Resolve]);
        }
    }

    fn next_state(&self, shop: &Shop, action: Action) -> Option<Shop> {
        let mut next = shop.clone();
        let called = |step| Call { step, awaited: true, cancelling: false };
        match action {
            Action::Order => next.call(called(Step::Place)),
            Action::Reconcile if self.takes(Shortcut::DecidedByAge) && shop.order == Some(OrderStatus::Pending) => {
                next.call(called(Step::Settle(Payment::Voided)));
            }
            Action::Reconcile => next.call(shop.taken_up()?),
            Action::CancelOrder => next.call(called(Step::Find)),
            Action::Ship if shop.order == Some(OrderStatus::Confirmed) => next.order = Some(OrderStatus::Shipped),
            Action::Ship => return None,
            Action::Run(call, luck) => self.run(&mut next, call, luck),
            Action::SendAgain(call) => next.call(Call { awaited: false, ..call }),
            Action::Lose(call) => next.end(&call),
            Action::ADayPasses => next.provider.forget(),
            Action::Resolve if shop.is_at_rest() => return None,
            Action::Resolve => next.resolve(),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::<Protocol>::always(ONE_CHARGE, |_, shop| shop.provider.charges <= 1),
            Property::<Protocol>::always("an order is refunded once at most, and only if it was charged", |_, shop| {
                shop.provider.refunds <= shop.provider.charges.min(1)
            }),
            Property::<Protocol>::always(NOT_CHARGED_BUT_FAILED, |_, shop| {
                shop.order != Some(OrderStatus::Failed) || shop.provider.charges == 0
            }),
            Property::<Protocol>::always(
                "an order is confirmed when it is charged, cancelled when it is refunded",
                |_, shop| {
                    let paid = (shop.provider.charges, shop.provider.refunds);
                    match shop.order {
                        Some(OrderStatus::Confirmed | OrderStatus::Shipped) => paid == (1, 0),
                        Some(OrderStatus::Cancelled) => paid == (1, 1),
                        _ => true,
                    }
                },
            ),
            Property::<Protocol>::always(STOCK_BALANCES, |_, shop| shop.stock_balances()),
            Property::<Protocol>::always("what was told as final stays", |_, shop| match shop.told {
                Some(OrderStatus::Failed) => shop.order == Some(OrderStatus::Failed),
                Some(_) => shop.order != Some(OrderStatus::Failed),
                None => true,
            }),
            // Calls can be lost, so every state of the tables is found without any under way, too.
            Property::<Protocol>::always("three runs of reconcile end an order, or a person does", |protocol, shop| {
                !shop.calls.is_empty()
                    || protocol.reconcile_ends(shop, 3)
                    || (shop.provider.has_lost_the_refund() && protocol.a_person_ends(shop))
            }),
            Property::<Protocol>::sometimes("an order is shipped", |_, shop| shop.order == Some(OrderStatus::Shipped)),
            Property::<Protocol>::sometimes("an order is cancelled", |_, shop| {
                shop.order == Some(OrderStatus::Cancelled)
            }),
            Property::<Protocol>::sometimes("an order is declined", |_, shop| {
                (shop.order, shop.payment) == (Some(OrderStatus::Failed), Some(Payment::Declined))
            }),
            Property::<Protocol>::sometimes("an order is given up", |_, shop| {
                (shop.order, shop.payment) == (Some(OrderStatus::Failed), Some(Payment::Voided))
            }),
            Property::<Protocol>::sometimes("a person is needed", |protocol, shop| {
                shop.calls.is_empty() && !protocol.reconcile_ends(shop, 3)
            }),
        ]
    }
}

impl Protocol {
    /// Whether so many runs, with nothing else under way and nothing lost, end an order whatever the provider decides.
    fn reconcile_ends(&self, shop: &Shop, runs: u32) -> bool {
        let Some(call) = shop.taken_up() else { return true };
        if runs == 0 {
            return false;
        }
        self.ends_of(shop, call).iter().all(|shop| self.reconcile_ends(shop, runs - 1))
    }

    fn a_person_ends(&self, shop: &Shop) -> bool {
        let mut resolved = shop.clone();
        resolved.resolve();
        let [settle] = resolved.calls[..] else { return false };
        resolved.calls.clear();
        self.ends_of(&resolved, settle).iter().all(Shop::is_at_rest)
    }

    /// Where a call comes to, alone.
    fn ends_of(&self, shop: &Shop, call: Call) -> Vec<Shop> {
        let mut called = shop.clone();
        called.call(call);
        let (mut open, mut ends) = (vec![called], Vec::new());
        while let Some(shop) = open.pop() {
            let Some(call) = shop.calls.first().copied() else {
                ends.push(shop);
                continue;
            };
            for luck in call.step.luck().iter().filter(|luck| matches!(luck, Luck::Does | Luck::Declines)) {
                let mut next = shop.clone();
                self.run(&mut next, call, *luck);
                open.push(next);
            }
        }
        ends
    }
}

/// A way to break the protocol that has more events than this is not looked for.
const DEEPEST: usize = 16;

/// The shortest way to break a property.
fn shortest_way(shortcut: Shortcut, property: &'static str) -> Option<(Vec<Action>, usize)> {
    (1..=DEEPEST).find_map(|depth| {
        let protocol = Protocol { shortcut: Some(shortcut), side_by_side: 2 };
        let found = protocol.checker().target_max_depth(depth).spawn_bfs().join();
        Some((found.discovery(property)?.into_actions(), found.unique_state_count()))
    })
}

#[test]
fn no_order_of_events_breaks_the_protocol() {
    let started = Instant::now();
    let checked = Protocol { shortcut: None, side_by_side: 3 }.checker().threads(2).spawn_bfs().join();
    let (states, depth, took) = (checked.unique_state_count(), checked.max_depth(), started.elapsed());
    let _ = writeln!(std::io::stderr().lock(), "protocol: {states} states, at most {depth} events deep, {took:.1?}");
    checked.assert_properties();
}

#[test]
fn every_shortcut_breaks_it() {
    for (shortcut, property) in [
        (Shortcut::NewPaymentKey, ONE_CHARGE),
        (Shortcut::NotFoundSoCancel, NOT_CHARGED_BUT_FAILED),
        (Shortcut::DecidedByAge, NOT_CHARGED_BUT_FAILED),
        (Shortcut::PlainAdd, STOCK_BALANCES),
        (Shortcut::SettledUnconditionally, STOCK_BALANCES),
        (Shortcut::TombstoneIgnored, NOT_CHARGED_BUT_FAILED),
    ] {
        let (events, states) = shortest_way(shortcut, property).expect("a way to break the protocol by its shortcut");
        let mut text = format!("{shortcut:?}, so that it does not hold that {property} ({states} states):\n");
        for event in events {
            text.push_str(&format!("    {event:?}\n"));
        }
        let _ = write!(std::io::stderr().lock(), "{text}");
    }
}
