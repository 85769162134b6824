//! The books themselves: what is added up while the tables are read, and what is doubtful then. Nothing here knows a
//! database.
//!
//! What is kept until the end is a record for each product, about 200 bytes: 210 MB for a million. An order is kept only
//! while its other half, the payment, has not been read. Both tables are read side by side and have the same key, so that
//! is not for long; did the halves come in opposite orders, a million of each would take another 170 MB.

use std::collections::{BTreeMap, BTreeSet};

use shared::contract::OrderStatus;
use shared::ids::{OrderId, ProductId};
use shared::money::Quantity;

use crate::pair::{self, Bill, Payment};
use crate::report::{Draft, Report};

/// The numbers of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    pub received: i64,
    pub available: i64,
    pub reserved: i64,
}

/// An order, as far as the books need it.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: OrderId,
    pub bill: Bill,
    pub lines: Vec<(ProductId, Quantity)>,
}

/// The orders of a product by what they mean to its stock. An order moves through these from left to right (a pending one
/// may skip the middle), and never back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines of pending orders: they are what is reserved.
    pub pending: Lines,
    /// Lines of orders that were paid and not cancelled: they have left the stock.
    pub sold: Lines,
    /// Lines of orders that failed or were cancelled: they are back.
    pub returned: Lines,
}

/// How many lines, and the sum of their quantities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    lines: u32,
    pub units: i64,
}

impl Tally {
    /// Adds a line of an order in this status.
    pub fn add(&mut self, status: OrderStatus, quantity: Quantity) {
        let lines = match status {
            OrderStatus::Pending => &mut self.pending,
            OrderStatus::Confirmed
            | OrderStatus::Packed
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Cancelling => &mut self.sold,
            OrderStatus::Failed | OrderStatus::Cancelled => &mut self.returned,
        };
        lines.lines += 1;
        lines.units += quantity.get();
    }
}

/// What is wrong with a product's stock beside its orders, one sentence each.
pub fn faults(id: &ProductId, stock: Option<Stock>, tally: &Tally) -> Vec<String> {
    let Some(Stock { received, available, reserved }) = stock else {
        let ordered = *tally != Tally::default();
        return if ordered { vec![format!("Product {id} was ordered, but has no stock item.")] } else { Vec::new() };
    };
    let (pending, sold) = (tally.pending.units, tally.sold.units);
    let mut faults = Vec::new();
    let accounted = i128::from(available) + i128::from(reserved) + i128::from(sold);
    if i128::from(received) != accounted {
        faults.push(format!(
            "Product {id} has received {received}, but {available} available, {reserved} reserved and {sold} sold make \
             {accounted}."
        ));
    }
    if reserved != pending {
        faults.push(format!("Product {id} has {reserved} reserved, but its pending orders come to {pending}."));
    }
    for (name, number) in [("received", received), ("available", available), ("reserved", reserved)] {
        if number < 0 {
            faults.push(format!("Product {id} has {number} {name}, which is below zero."));
        }
    }
    faults
}

/// The books, while they are added up.
#[derive(Default)]
pub struct Books {
    draft: Draft,
    products: BTreeMap<ProductId, Product>,
    /// Orders without their payments yet, and payments without their orders.
    halves: BTreeMap<OrderId, Half>,
    pairs: BTreeSet<OrderId>,
}

#[derive(Default)]
struct Product {
    stock: Option<Stock>,
    /// Its stock item is one that cannot be read.
    unreadable: bool,
    tally: Tally,
}

enum Half {
    Order(Bill),
    Payment(Payment),
}

/// What reading every table once leaves open. It may be only that something changed meanwhile.
pub struct Doubts {
    /// What is certain so far.
    pub draft: Draft,
    /// Orders that do not agree with their payments.
    pub pairs: Vec<OrderId>,
    /// Products whose stock does not agree with their orders, and the last count of those.
    pub products: BTreeMap<ProductId, Tally>,
}

impl Books {
    /// Adds an order.
    pub fn order(&mut self, order: Order) {
        self.draft.report.orders += 1;
        for (product, quantity) in order.lines {
            self.products.entry(product).or_default().tally.add(order.bill.status, quantity);
        }
        match self.halves.remove(&order.id) {
            Some(Half::Payment(payment)) => self.pair(order.id, Some(&order.bill), Some(&payment)),
            _ => drop(self.halves.insert(order.id, Half::Order(order.bill))),
        }
    }

    /// Adds a payment.
    pub fn payment(&mut self, order: OrderId, payment: Payment) {
        self.draft.report.payments += 1;
        match self.halves.remove(&order) {
            Some(Half::Order(bill)) => self.pair(order, Some(&bill), Some(&payment)),
            _ => drop(self.halves.insert(order, Half::Payment(payment))),
        }
    }

    /// Adds a stock, which must have been read after all orders.
    pub fn stock(&mut self, product: ProductId, stock: Stock) {
        self.draft.report.products += 1;
        self.products.entry(product).or_default().stock = Some(stock);
    }

    /// Notes an item that cannot be read and whose key tells nothing.
    pub fn unreadable(&mut self, sentence: String) {
        self.draft.differ(sentence);
    }

    /// Notes an order or a payment that cannot be read.
    pub fn unreadable_order(&mut self, order: OrderId) {
        self.pairs.insert(order);
    }

    /// Notes a stock that cannot be read.
    pub fn unreadable_stock(&mut self, product: ProductId) {
        self.products.entry(product).or_default().unreadable = true;
    }

    /// What is doubtful, once everything was added.
    pub fn close(mut self) -> Doubts {
        for (order, half) in std::mem::take(&mut self.halves) {
            match half {
                Half::Order(bill) => self.pair(order, Some(&bill), None),
                Half::Payment(payment) => self.pair(order, None, Some(&payment)),
            }
        }
        let doubtful = |(id, product): &(ProductId, Product)| {
            product.unreadable || !faults(id, product.stock, &product.tally).is_empty()
        };
        let products = self.products.into_iter().filter(doubtful).map(|(id, product)| (id, product.tally)).collect();
        Doubts { draft: self.draft, pairs: self.pairs.into_iter().collect(), products }
    }

    fn pair(&mut self, id: OrderId, bill: Option<&Bill>, payment: Option<&Payment>) {
        if self.pairs.contains(&id) || !pair::faults(&id, bill, payment).is_empty() {
            self.pairs.insert(id);
        } else {
            pair::book(&mut self.draft, bill, payment);
        }
    }
}

impl Doubts {
    /// Decides on a pair that was read again together.
    pub fn pair(&mut self, id: &OrderId, bill: Option<&Bill>, payment: Option<&Payment>) {
        pair::book(&mut self.draft, bill, payment);
        for fault in pair::faults(id, bill, payment) {
            self.draft.differ(fault);
        }
    }

    /// Decides on a product whose stock was read again after its orders had been counted and before they were counted
    /// again, if the counts allow it. If not, it stays doubtful, with the later count.
    ///
    /// An order never goes back to what it was to the stock, and none is ever deleted. So equal counts mean that no order
    /// changed in between, and that all that there were at the moment of the stock have been counted.
    pub fn product(&mut self, id: &ProductId, stock: Option<Stock>, again: Tally) {
        match self.products.get_mut(id) {
            Some(tally) if *tally != again => *tally = again,
            _ => {
                self.products.remove(id);
                for fault in faults(id, stock, &again) {
                    self.draft.differ(fault);
                }
            }
        }
    }

    /// The report.
    pub fn finish(self) -> Report {
        self.draft.finish()
    }
}

#[cfg(test)]
mod tests;
