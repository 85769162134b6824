//! Random histories balance, wherever they are broken off, and each single thing that is changed behind their back is
//! found.

use proptest::prelude::*;
use proptest::sample::Index;
use shared::contract::PaymentStatus;

use super::*;
use crate::pair::Paid;
use tables::{Tables, euros, few_steps, order_id, product, scan, steps, tally};

mod tables;

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
    fn what_goes_on_beside_an_audit_is_no_difference(
        first in steps(), then in prop::collection::vec(few_steps(), 5), late in any::<u64>(),
    ) {
        // What the tables hold from one reading to the next.
        let mut moments = vec![Tables::of(&first)];
        for steps in &then {
            moments.push(moments[moments.len() - 1].clone().after(steps));
        }
        let mut books = Books::default();
        for (_, order) in scan(&moments[0].orders, &moments[1].orders, late) {
            books.order(order.clone());
        }
        for (id, payment) in scan(&moments[1].payments, &moments[2].payments, late) {
            books.payment(id.clone(), *payment);
        }
        for (id, stock) in &moments[2].stocks {
            books.stock(id.clone(), *stock);
        }
        let mut doubts = books.close();
        for id in std::mem::take(&mut doubts.pairs) {
            doubts.pair(&id, moments[3].orders.get(&id).map(|order| &order.bill), moments[3].payments.get(&id));
        }
        for id in doubts.products.clone().into_keys() {
            let again = scan(&moments[4].orders, &moments[5].orders, late.rotate_left(17));
            doubts.product(&id, moments[3].stocks.get(&id).copied(), tally(again.into_iter().map(|(_, order)| order), &id));
        }
        // And once more, when all is still.
        let last = &moments[5];
        for id in doubts.products.clone().into_keys() {
            for _ in 0..2 {
                doubts.product(&id, last.stocks.get(&id).copied(), last.tally(&id));
            }
        }
        prop_assert!(doubts.products.is_empty());
        prop_assert_eq!(doubts.finish().found, Vec::<String>::new());
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
