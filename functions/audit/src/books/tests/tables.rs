//! A shop's tables, and what can happen to them.

use std::collections::BTreeMap;
use std::str::FromStr;

use proptest::prelude::*;
use proptest::sample::Index;
use shared::contract::{OrderStatus, PaymentStatus};
use shared::ids::{OrderId, ProductId};
use shared::money::{Currency, Money, Quantity};

use crate::books::{Books, Order, Stock, Tally};
use crate::pair::{Bill, Paid, Payment};
use crate::report::Report;

/// What the tables hold.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub stocks: BTreeMap<ProductId, Stock>,
    pub orders: BTreeMap<OrderId, Order>,
    pub payments: BTreeMap<OrderId, Payment>,
}

pub fn id<T: FromStr<Err = String>>(prefix: &str, digits: usize, number: usize) -> T {
    let digit = char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
    let text = format!("{prefix}{}", digit.to_string().repeat(1 + number / 26) + &"2".repeat(digits - 1 - number / 26));
    text.parse().expect("an id")
}

pub fn product(number: usize) -> ProductId {
    id("prd_", 26, number)
}

pub fn order_id(number: usize) -> OrderId {
    id("ord_", 52, number)
}

pub fn euros(amount: i64) -> Money {
    Money::new(amount, "EUR".parse::<Currency>().expect("a currency")).expect("an amount")
}

/// One step of anybody's: to which of the things that there are, and which of the ways on.
pub type Step = (u8, Index, u8);

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<u8>(), any::<Index>(), any::<u8>()), 0..120)
}

pub fn few_steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<u8>(), any::<Index>(), any::<u8>()), 0..6)
}

impl Tables {
    pub fn of(steps: &[Step]) -> Tables {
        let mut tables = Tables::default();
        for number in 0..3 {
            tables.stocks.insert(product(number), Stock { received: 0, available: 0, reserved: 0 });
        }
        tables.after(steps)
    }

    pub fn after(mut self, steps: &[Step]) -> Tables {
        for (kind, which, way) in steps {
            match kind % 8 {
                0 => self.restock(which.index(3), i64::from(*way)),
                1 | 2 => self.place(which.index(3), i64::from(way % 5) + 1),
                _ if !self.orders.is_empty() => self.go_on(which.index(self.orders.len()), way % 2 == 0),
                _ => {}
            }
        }
        self
    }

    pub fn restock(&mut self, number: usize, units: i64) {
        let stock = self.stocks.get_mut(&product(number)).expect("a stock");
        stock.received += units;
        stock.available += units;
    }

    pub fn place(&mut self, first: usize, units: i64) {
        let lines = [product(first), product((first + 1) % 3)];
        let wanted = Quantity::try_from(units).expect("a quantity");
        if lines.iter().any(|line| self.stocks[line].available < units) {
            return;
        }
        for line in &lines {
            let stock = self.stocks.get_mut(line).expect("a stock");
            stock.available -= units;
            stock.reserved += units;
        }
        let total = euros(units * 100);
        let bill = Bill { status: OrderStatus::Pending, total, lines: Some(total), shown: PaymentStatus::Unknown };
        let id = order_id(self.orders.len());
        let lines = lines.map(|line| (line, wanted)).into();
        self.orders.insert(id.clone(), Order { id, bill, lines });
    }

    /// The next step of an order or its payment.
    pub fn go_on(&mut self, number: usize, way: bool) {
        let order = self.orders.get_mut(&order_id(number)).expect("an order");
        let bill = order.bill;
        let paid = self.payments.get(&order.id).map(|payment| payment.status);
        let mut stocked = |available: i64, reserved: i64| {
            for (line, quantity) in &order.lines {
                let stock = self.stocks.get_mut(line).expect("a stock");
                stock.available += available * quantity.get();
                stock.reserved += reserved * quantity.get();
            }
        };
        let mut settled = |status, shown| (order.bill.status, order.bill.shown) = (status, shown);
        let mut pays = |status| {
            self.payments.insert(order.id.clone(), Payment { status, amount: bill.total });
        };
        let captured = PaymentStatus::Captured;
        match (bill.status, paid) {
            (OrderStatus::Pending, None) => pays(if way { Paid::Started } else { Paid::Voided }),
            (OrderStatus::Pending, Some(Paid::Started)) => pays(if way { Paid::Captured } else { Paid::Declined }),
            (OrderStatus::Pending, Some(paid)) => {
                let (status, shown) = match paid {
                    Paid::Captured => (OrderStatus::Confirmed, captured),
                    Paid::Declined => (OrderStatus::Failed, PaymentStatus::Declined),
                    _ => (OrderStatus::Failed, PaymentStatus::Voided),
                };
                stocked(i64::from(status == OrderStatus::Failed), -1);
                settled(status, shown);
            }
            (OrderStatus::Confirmed, _) if way => settled(OrderStatus::Packed, captured),
            (OrderStatus::Packed, _) if way => settled(OrderStatus::Shipped, captured),
            (OrderStatus::Confirmed | OrderStatus::Packed, _) => settled(OrderStatus::Cancelling, captured),
            (OrderStatus::Shipped, _) => settled(OrderStatus::Delivered, captured),
            (OrderStatus::Cancelling, Some(Paid::Captured)) => pays(Paid::Refunding),
            (OrderStatus::Cancelling, Some(Paid::Refunding)) => pays(Paid::Refunded),
            (OrderStatus::Cancelling, _) => {
                stocked(1, 0);
                settled(OrderStatus::Cancelled, PaymentStatus::Refunded);
            }
            _ => {}
        }
    }

    /// The report, when nothing changes between one reading and the next.
    pub fn audit(&self) -> Report {
        let mut books = Books::default();
        // Neither table comes in the other's order.
        for (id, payment) in self.payments.iter().rev().take(self.payments.len() / 2) {
            books.payment(id.clone(), *payment);
        }
        for order in self.orders.values() {
            books.order(order.clone());
        }
        for (id, payment) in self.payments.iter().rev().skip(self.payments.len() / 2) {
            books.payment(id.clone(), *payment);
        }
        for (id, stock) in &self.stocks {
            books.stock(id.clone(), *stock);
        }
        let mut doubts = books.close();
        for id in std::mem::take(&mut doubts.pairs) {
            doubts.pair(&id, self.orders.get(&id).map(|order| &order.bill), self.payments.get(&id));
        }
        for (id, tally) in doubts.products.clone() {
            doubts.product(&id, self.stocks.get(&id).copied(), tally);
        }
        doubts.finish()
    }

    pub fn tally(&self, id: &ProductId) -> Tally {
        tally(self.orders.values(), id)
    }
}

pub fn tally<'a>(orders: impl IntoIterator<Item = &'a Order>, id: &ProductId) -> Tally {
    let mut tally = Tally::default();
    for order in orders {
        for (_, quantity) in order.lines.iter().filter(|(line, _)| line == id) {
            tally.add(order.bill.status, *quantity);
        }
    }
    tally
}

/// What a scan gives of a table, a part of which it reads before something happens and the rest after that.
pub fn scan<'a, T>(
    before: &'a BTreeMap<OrderId, T>,
    after: &'a BTreeMap<OrderId, T>,
    late: u64,
) -> Vec<(&'a OrderId, &'a T)> {
    let is_late = |id: &OrderId| late >> (id.as_str().bytes().map(usize::from).sum::<usize>() % 64) & 1 == 1;
    after.keys().filter_map(|id| Some((id, if is_late(id) { after.get(id)? } else { before.get(id)? }))).collect()
}
