//! What an audit has found.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::money::Currency;

/// So many differences are named; the rest are only counted.
pub const MOST_NAMED: usize = 100;

/// What an audit has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Products with a stock.
    pub products: u64,
    /// Orders.
    pub orders: u64,
    /// Payments.
    pub payments: u64,
    /// Orders that are pending or being cancelled, whose money and stock are on their way.
    pub open: u64,
    /// What was paid, by currency.
    pub money: Vec<Money>,
    /// How many differences there are.
    pub differences: u64,
    /// The first [`MOST_NAMED`] of them, one sentence each.
    pub found: Vec<String>,
    /// Products and orders that changed whenever they were read again, so that nothing can be said of them.
    pub undecided: u64,
}

/// What was paid in a currency, in its minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Which one.
    pub currency: Currency,
    /// All that was ever captured.
    pub captured: i64,
    /// What of it went back.
    pub refunded: i64,
    /// What the orders that are neither open nor failed nor cancelled come to.
    pub sold: i64,
}

impl Report {
    /// Whether the books balance: there is no difference, and none that was left open.
    pub fn balances(&self) -> bool {
        self.differences == 0 && self.undecided == 0
    }
}

/// A report that is being written.
#[derive(Default)]
pub struct Draft {
    pub report: Report,
    money: HashMap<Currency, Money>,
}

impl Draft {
    /// Notes a difference.
    pub fn differ(&mut self, sentence: String) {
        self.report.differences += 1;
        if self.report.found.len() < MOST_NAMED {
            self.report.found.push(sentence);
        }
    }

    /// The sums of a currency.
    pub fn money(&mut self, currency: Currency) -> &mut Money {
        self.money.entry(currency).or_insert(Money { currency, captured: 0, refunded: 0, sold: 0 })
    }

    /// The report, with the balance of the money: while an order is open, what was captured may belong to no sale yet.
    pub fn finish(mut self) -> Report {
        let mut money: Vec<Money> = self.money.drain().map(|(_, money)| money).collect();
        money.sort_by(|a, b| a.currency.as_str().cmp(b.currency.as_str()));
        for Money { currency, captured, refunded, sold } in &money {
            if self.report.open == 0 && captured - refunded != *sold {
                self.differ(format!(
                    "In {currency}, {captured} captured less {refunded} refunded is {}, but the orders come to {sold}.",
                    captured - refunded
                ));
            }
        }
        Report { money, ..self.report }
    }
}
