//! Random histories balance, wherever they are broken off, and each single thing that is changed behind their back is
//! found.

use std::str::FromStr;

use proptest::prelude::*;
use proptest::sample::Index;
use shared::contract::PaymentStatus;
use shared::money::{Currency, Money};

use super::*;
use crate::pair::Paid;

const STATUSES: [OrderStatus; 8] = [
    OrderStatus::Pending,
    OrderStatus::Confirmed,
    OrderStatus::Packed,
    OrderStatus::Shipped,
    OrderStatus::Delivered,
    OrderStatus::Failed,
    OrderStatus::Cancelling,
    OrderStatus::Cancelled,
];
const PAID: [Paid; 6] = [Paid::Started, Paid::Captured, Paid::Declined, Paid::Voided, Paid::Refunding, Paid::Refunded];
const SHOWN: [PaymentStatus; 6] = [
    PaymentStatus::Unknown,
    PaymentStatus::Captured,
    PaymentStatus::Declined,
    PaymentStatus::Voided,
    PaymentStatus::Refunding,
    PaymentStatus::Refunded,
];

/// What the tables hold.
#[derive(Clone, Debug, Default)]
struct Tables {
    stocks: BTreeMap<ProductId, Stock>,
    orders: BTreeMap<OrderId, Order>,
    payments: BTreeMap<OrderId, Payment>,
}

fn id<T: FromStr<Err = String>>(prefix: &str, digits: usize, number: usize) -> T {
    let digit = char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
    let text = format!("{prefix}{}", digit.to_string().repeat(1 + number / 26) + &"2".repeat(digits - 1 - number / 26));
    text.parse().expect("an id")
}

fn product(number: usize) -> ProductId {
    id("prd_", 26, number)
}

fn order_id(number: usize) -> OrderId {
    id("ord_", 52, number)
}

fn euros(amount: i64) -> Money {
    Money::new(amount, "EUR".parse::<Currency>().expect("a currency")).expect("an amount")
}

/// One step of anybody's: to which of the things that there are, and which of the ways on.
type Step = (u8, Index, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<u8>(), any::<Index>(), any::<u8>()), 0..120)
}

impl Tables {
    fn of(steps: &[Step]) -> Tables {
        let mut tables = Tables::default();
        for number in 0..3 {
            tables.stocks.insert(product(number), Stock { received: 0, available: 0, reserved: 0 });
        }
        for (kind, which, way) in steps {
            match kind % 8 {
                0 => tables.restock(which.index(3), i64::from(*way)),
                1 | 2 => tables.place(which.index(3), i64::from(way % 5) + 1),
                _ if !tables.orders.is_empty() => tables.go_on(which.index(tables.orders.len()), way % 2 == 0),
                _ => {}
            }
        }
        tables
    }

    fn restock(&mut self, number: usize, units: i64) {
        let stock = self.stocks.get_mut(&product(number)).expect("a stock");
        stock.received += units;
        stock.available += units;
    }

    fn place(&mut self, first: usize, units: i64) {
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
    fn go_on(&mut self, number: usize, way: bool) {
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
    fn audit(&self) -> Report {
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
        for (id, tally) in std::mem::take(&mut doubts.products) {
            doubts.product(&id, self.stocks.get(&id).copied(), &tally);
        }
        doubts.finish()
    }
}

fn is_sold(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped | OrderStatus::Delivered)
}

/// Changes one thing behind everybody's back, and gives the id that must be named; `None` where there is nothing to
/// change, or where what comes out could also have happened.
fn tamper(tables: &mut Tables, kind: u8, which: &Index, other: &Index) -> Option<String> {
    let by = i64::try_from(other.index(9)).expect("small") - 4;
    let by = if by == 0 { 5 } else { by };
    if kind < 3 {
        let (id, stock) = tables.stocks.iter_mut().nth(which.index(3))?;
        *[&mut stock.available, &mut stock.reserved, &mut stock.received][usize::from(kind)] += by;
        return Some(id.to_string());
    }
    if kind == 3 {
        let product = product(which.index(3));
        let stock = tables.stocks.remove(&product)?;
        let ordered = tables.orders.values().any(|order| order.lines.iter().any(|(line, _)| *line == product));
        return (stock.received > 0 && ordered).then(|| product.to_string());
    }
    if tables.orders.is_empty() {
        return None;
    }
    let id = order_id(which.index(tables.orders.len()));
    let before = tables.orders.get(&id).cloned()?;
    let status = before.bill.status;
    let order = tables.orders.get_mut(&id)?;
    match kind {
        4 => {
            tables.orders.remove(&id);
            // Of an order that was never charged only the stock knows.
            let named = if tables.payments.contains_key(&id) { id.to_string() } else { before.lines[0].0.to_string() };
            return Some(named);
        }
        5 => {
            tables.payments.remove(&id)?;
            return (status != OrderStatus::Pending).then(|| id.to_string());
        }
        6 => order.bill.total = euros(order.bill.total.amount() + by.abs()),
        7 => {
            let payment = tables.payments.get_mut(&id)?;
            payment.amount = euros(payment.amount.amount() + by.abs());
        }
        8 => {
            let (product, quantity) = order.lines.first_mut()?;
            *quantity = Quantity::try_from(quantity.get() + by.abs()).ok()?;
            let product = product.to_string();
            return (!matches!(status, OrderStatus::Failed | OrderStatus::Cancelled)).then_some(product);
        }
        9 => {
            order.bill.status = *other.get(&STATUSES);
            let changed = [status, order.bill.status];
            let unseen = |status| is_sold(status) || status == OrderStatus::Cancelling;
            if changed[0] == changed[1] || changed.into_iter().all(unseen) {
                return None;
            }
            // Paid and settled by nobody, or the other way round: only the stock or the copy of the payment knows.
        }
        10 => {
            let payment = tables.payments.get_mut(&id)?;
            let before = std::mem::replace(&mut payment.status, *other.get(&PAID));
            if before == payment.status || matches!(status, OrderStatus::Pending | OrderStatus::Cancelling) {
                return None;
            }
        }
        11 => {
            tables.payments.get(&id)?;
            order.bill.shown = *other.get(&SHOWN);
            if order.bill.shown == before.bill.shown {
                return None;
            }
        }
        _ => {
            let stray = order_id(100 + which.index(50));
            let payment = Payment { status: *other.get(&PAID), amount: euros(1) };
            tables.payments.insert(stray.clone(), payment);
            return Some(stray.to_string());
        }
    }
    Some(id.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_history_balances_wherever_it_is_broken_off(steps in steps()) {
        let tables = Tables::of(&steps);
        let report = tables.audit();
        prop_assert_eq!(&report.found, &Vec::<String>::new());
        prop_assert_eq!(report.differences, 0);
        prop_assert_eq!(report.orders, u64::try_from(tables.orders.len()).expect("few"));
        prop_assert_eq!(report.payments, u64::try_from(tables.payments.len()).expect("few"));
        prop_assert_eq!(report.products, 3);
    }

    #[test]
    fn whatever_is_changed_behind_its_back_is_found_and_named(
        steps in steps(), kind in 0u8..13, which in any::<Index>(), other in any::<Index>(),
    ) {
        let before = Tables::of(&steps);
        let mut tables = before.clone();
        if let Some(named) = tamper(&mut tables, kind, &which, &other) {
            let report = tables.audit();
            prop_assert!(report.differences > 0, "{kind} {named}: {before:#?} {tables:#?}");
            prop_assert!(report.found.iter().any(|found| found.contains(&named)), "{named}: {:?}", report.found);
        }
    }
}

/// Each way in which a broken history is told of, on a shop with one sale of two pieces.
#[test]
fn a_difference_is_a_sentence_with_numbers_and_ids() {
    let sold = || {
        let mut tables = Tables::default();
        for number in 0..3 {
            tables.stocks.insert(product(number), Stock { received: 0, available: 0, reserved: 0 });
            tables.restock(number, 10);
        }
        tables.place(0, 2);
        (0..3).for_each(|_| tables.go_on(0, true));
        tables
    };
    let (prd, ord) = (product(0), order_id(0));
    let found = |change: &dyn Fn(&mut Tables)| {
        let mut tables = sold();
        change(&mut tables);
        tables.audit().found
    };
    assert!(found(&|_| {}).is_empty());
    assert_eq!(
        found(&|tables| tables.stocks.get_mut(&prd).expect("a stock").available = -1),
        [
            format!("Product {prd} has received 10, but -1 available, 0 reserved and 2 sold make 1."),
            format!("Product {prd} has -1 available, which is below zero."),
        ]
    );
    assert_eq!(
        found(&|tables| tables.stocks.get_mut(&prd).expect("a stock").reserved = 3),
        [
            format!("Product {prd} has received 10, but 8 available, 3 reserved and 2 sold make 13."),
            format!("Product {prd} has 3 reserved, but its pending orders come to 0."),
        ]
    );
    assert_eq!(
        found(&|tables| assert!(tables.stocks.remove(&prd).is_some())),
        [format!("Product {prd} was ordered, but has no stock item.")]
    );
    assert_eq!(
        found(&|tables| assert!(tables.payments.remove(&ord).is_some())),
        [
            format!("Order {ord} is CONFIRMED, but it has no payment."),
            "In EUR, 0 captured less 0 refunded is 0, but the orders come to 200.".to_owned(),
        ]
    );
    assert_eq!(
        found(&|tables| tables.payments.get_mut(&ord).expect("a payment").amount = euros(150)),
        [
            format!("Order {ord} costs 200 EUR, but its payment is one of 150 EUR."),
            "In EUR, 150 captured less 0 refunded is 150, but the orders come to 200.".to_owned(),
        ]
    );
    assert_eq!(
        found(&|tables| tables.orders.get_mut(&ord).expect("an order").bill.shown = PaymentStatus::Declined),
        [format!("Order {ord} is CONFIRMED and shows its payment as DECLINED, but that is CAPTURED.")]
    );
    assert_eq!(
        found(&|tables| tables.orders.get_mut(&ord).expect("an order").bill.lines = Some(euros(1))),
        [format!("Order {ord} costs 200 EUR, but its lines come to 1 EUR.")]
    );
}

#[test]
fn many_differences_are_counted_and_the_first_named() {
    let mut tables = Tables::default();
    for number in 0..150 {
        let payment = Payment { status: Paid::Captured, amount: euros(1) };
        tables.payments.insert(order_id(number), payment);
    }
    let report = tables.audit();
    // And the money.
    assert_eq!((report.differences, report.found.len()), (151, crate::report::MOST_NAMED));
}

#[test]
fn a_product_is_kept_in_few_bytes() {
    assert!(size_of::<(ProductId, Product)>() <= 120, "{}", size_of::<(ProductId, Product)>());
}
