//! Reading the tables, beside whatever goes on in the shop.
//!
//! Every table is read once, page by page. Of what does not agree then, an order and its payment are read again together,
//! which decides on them. A product's orders can be too many for that, and one that was placed meanwhile is not known: its
//! stock is read again, and its orders are counted again after that, until nothing has changed between the two counts.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::error::Error;
use shared::ids::{OrderId, ProductId};

use crate::App;
use crate::books::{Books, Doubts, Tally};
use crate::report::Report;
use crate::store::{Unreadable, order_of, payment_of, stock_of};

/// How often doubtful products are looked at again.
const ROUNDS: u32 = 3;
/// A transaction is written to one item before the other: by then it has reached both.
const WRITTEN: Duration = Duration::from_millis(100);

impl App {
    /// Balances the books.
    ///
    /// # Errors
    /// A table cannot be read.
    pub async fn audit(&self) -> Result<Report, Error> {
        let mut doubts = self.books().await?.close();
        self.pairs(&mut doubts).await?;
        self.products(&mut doubts).await?;
        Ok(doubts.finish())
    }

    /// Reads everything once: orders and payments side by side, so that few of them wait for their other half, and then
    /// the stocks.
    async fn books(&self) -> Result<Books, Error> {
        let mut books = Books::default();
        let (mut orders, mut payments) = (self.store.orders(), self.store.payments());
        while orders.more || payments.more {
            if orders.more && (orders.items <= payments.items || !payments.more) {
                for item in orders.next().await? {
                    match order_of(item) {
                        Ok(order) => books.order(order),
                        Err(Unreadable { key, why }) => match key.parse() {
                            Ok(id) => books.unreadable_order(id),
                            Err(_) => books.unreadable(format!("An order's item has the key {key}: {why}.")),
                        },
                    }
                }
            } else {
                for item in payments.next().await? {
                    match payment_of(item) {
                        Ok((order, payment)) => books.payment(order, payment),
                        Err(Unreadable { key, why }) => match key.parse() {
                            Ok(id) => books.unreadable_order(id),
                            Err(_) => books.unreadable(format!("A payment's item has the key {key}: {why}.")),
                        },
                    }
                }
            }
        }
        let mut stocks = self.store.stocks();
        while stocks.more {
            for item in stocks.next().await? {
                match stock_of(item) {
                    Ok((product, stock)) => books.stock(product, stock),
                    Err(Unreadable { key, why }) => match key.parse() {
                        Ok(id) => books.unreadable_stock(id),
                        Err(_) => books.unreadable(format!("A stock item has the key {key}: {why}.")),
                    },
                }
            }
        }
        Ok(books)
    }

    /// Decides on orders that do not agree with their payments.
    async fn pairs(&self, doubts: &mut Doubts) -> Result<(), Error> {
        let doubtful: Vec<OrderId> = std::mem::take(&mut doubts.pairs);
        let again = self.store.pairs(&doubtful).await?;
        doubts.draft.report.undecided += count(doubtful.len() - again.len());
        for pair in again {
            match (pair.order, pair.payment) {
                (Ok(order), Ok(payment)) => {
                    doubts.pair(&pair.id, order.as_ref().map(|order| &order.bill), payment.as_ref());
                }
                (order, payment) => {
                    if let Err(Unreadable { key, why }) = order {
                        doubts.draft.differ(format!("Order {key} cannot be read: {why}."));
                    }
                    if let Err(Unreadable { key, why }) = payment {
                        doubts.draft.differ(format!("The payment of {key} cannot be read: {why}."));
                    }
                }
            }
        }
        Ok(())
    }

    /// Decides on products whose stock does not agree with their orders.
    async fn products(&self, doubts: &mut Doubts) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let doubtful: Vec<ProductId> = doubts.products.keys().cloned().collect();
            if doubtful.is_empty() {
                break;
            }
            tokio::time::sleep(WRITTEN).await;
            let stocks = self.store.stocks_of(&doubtful).await?;
            tokio::time::sleep(WRITTEN).await;
            let mut again = self.tallies(&doubtful).await?;
            for (product, stock) in stocks {
                let tally = again.remove(&product).unwrap_or_default();
                match stock {
                    Ok(stock) => doubts.product(&product, stock, tally),
                    Err(Unreadable { key, why }) => {
                        doubts.products.remove(&product);
                        doubts.draft.differ(format!("The stock of {key} cannot be read: {why}."));
                    }
                }
            }
            // Those whose stock could not be read: it was being written to.
            doubts.products.extend(again);
        }
        doubts.draft.report.undecided += count(doubts.products.len());
        Ok(())
    }

    /// The counts of these products' orders.
    async fn tallies(&self, wanted: &[ProductId]) -> Result<BTreeMap<ProductId, Tally>, Error> {
        let mut tallies: BTreeMap<_, _> = wanted.iter().map(|product| (product.clone(), Tally::default())).collect();
        let mut orders = self.store.orders();
        while orders.more {
            for order in orders.next().await?.into_iter().filter_map(|item| order_of(item).ok()) {
                for (product, quantity) in &order.lines {
                    if let Some(tally) = tallies.get_mut(product) {
                        tally.add(order.bill.status, *quantity);
                    }
                }
            }
        }
        Ok(tallies)
    }
}

fn count(number: usize) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}
