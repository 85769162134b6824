//! The books balance whatever state the orders are in, also while more are placed, and whatever is changed behind the
//! shop's back is found.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use local::chaos::{Chaos, Fault, Rule, Wire, Wires};
use local::cli::{self, Cli};
use serde_json::json;

use crate::client::Client;
use crate::direct::{failed, invoke};
use crate::shop::{Setup, Shop, VISA, all_at_once, an_order, random};
use crate::tables::{number, text};

mod wire;

const WHY: &str = "reads and writes the tables behind the shop's back";

/// An order of two pieces.
async fn order(customer: &Client, product: &str, method: &str) -> String {
    let answer = customer.post("/orders", &an_order(product, 2, method)).key(&random()).await;
    // A problem has the order as well.
    answer.text_at("/order/id")
}

/// What an audit finds, of which each has to name one of these in turn.
async fn finds(shop: &Shop, expected: &[&str]) {
    let report = shop.books().await;
    assert_eq!(report.found.len(), expected.len(), "{report:#?}");
    for expected in expected {
        assert!(report.found.iter().any(|found| found == expected), "{expected}\n{report:#?}");
    }
    assert_eq!((report.differences, report.undecided), (expected.len() as u64, 0), "{report:#?}");
}

#[tokio::test]
async fn a_shop_with_orders_in_every_state_balances() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(100).await);
    let before = shop.books().await;
    assert_eq!((before.products, before.orders, before.payments, before.money), (41, 0, 0, Vec::new()));

    order(&customer, &id, "pm_sandbox_unknown").await;
    order(&customer, &id, "pm_card_chargeDeclined").await;
    for steps in [&[][..], &["PACKED"], &["PACKED", "SHIPPED"], &["PACKED", "SHIPPED", "DELIVERED"]] {
        admin.fulfil(&order(&customer, &id, VISA).await, steps).await;
    }
    customer.cancel(&order(&customer, &id, VISA).await).await;
    customer.cancel(&order(&customer, &id, "pm_sandbox_unrefundable").await).await;
    admin.post(&format!("/products/{id}/stock"), &json!({"change": -5})).key(&random()).await.is(200);
    admin.delete(&format!("/products/{}", shop.product(3).await)).await.is(204);

    let report = shop.books().await;
    assert_eq!((report.differences, report.undecided), (0, 0), "{report:#?}");
    assert_eq!((report.products, report.orders, report.payments, report.open), (42, 8, 8, 2));
    let money = report.money.first().expect("euros");
    assert_eq!((money.captured, money.refunded, money.sold), (6 * 3998, 3998, 4 * 3998), "{money:?}");
    shop.books_balance().await;
}

#[tokio::test]
async fn whatever_is_changed_in_a_table_is_found_and_named() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(10).await);
    let one = order(&customer, &id, VISA).await;
    let (orders, payments) = ("OrdersTable", "PaymentsTable");
    shop.books_balance().await;

    shop.add_to_stock(&id, "available", -1).await;
    let short = format!("Product {id} has received 10, but 7 available, 0 reserved and 2 sold make 9.");
    finds(&shop, &[&short]).await;
    shop.add_to_stock(&id, "reserved", 1).await;
    finds(&shop, &[&format!("Product {id} has 1 reserved, but its pending orders come to 0.")]).await;
    shop.add_to_stock(&id, "reserved", -2).await;
    shop.add_to_stock(&id, "available", 2).await;
    finds(
        &shop,
        &[
            &format!("Product {id} has -1 reserved, but its pending orders come to 0."),
            &format!("Product {id} has -1 reserved, which is below zero."),
        ],
    )
    .await;
    shop.add_to_stock(&id, "reserved", 1).await;
    shop.add_to_stock(&id, "available", -1).await;
    shop.books_balance().await;

    shop.set(payments, &one, "status", text("DECLINED")).await;
    let pair = format!("Order {one} is CONFIRMED, but its payment is DECLINED.");
    finds(&shop, &[&pair, "In EUR, 0 captured less 0 refunded is 0, but the orders come to 3998."]).await;
    shop.set(payments, &one, "status", text("NONSENSE")).await;
    let report = shop.books().await;
    let unreadable = format!("The payment of {one} cannot be read: ");
    assert!(report.differences == 1 && report.found[0].starts_with(&unreadable), "{report:#?}");
    shop.set(payments, &one, "status", text("CAPTURED")).await;

    shop.set(payments, &one, "amount", number(4000)).await;
    let amount = format!("Order {one} costs 3998 EUR, but its payment is one of 4000 EUR.");
    finds(&shop, &[&amount, "In EUR, 4000 captured less 0 refunded is 4000, but the orders come to 3998."]).await;
    shop.set(payments, &one, "amount", number(3998)).await;
    shop.books_balance().await;

    shop.set(orders, &one, "status", text("FAILED")).await;
    finds(
        &shop,
        &[
            &format!("Order {one} is FAILED, but its payment is CAPTURED."),
            &format!("Product {id} has received 10, but 8 available, 0 reserved and 0 sold make 8."),
            "In EUR, 3998 captured less 0 refunded is 3998, but the orders come to 0.",
        ],
    )
    .await;
    shop.delete(orders, &one).await;
    finds(
        &shop,
        &[
            &format!("The payment of {one} is CAPTURED of 3998 EUR, but there is no such order."),
            &format!("Product {id} has received 10, but 8 available, 0 reserved and 0 sold make 8."),
            "In EUR, 3998 captured less 0 refunded is 3998, but the orders come to 0.",
        ],
    )
    .await;
    shop.delete(payments, &one).await;
    shop.add_to_stock(&id, "available", 2).await;
    shop.books_balance().await;
}

#[tokio::test]
async fn an_audit_beside_a_running_shop_finds_what_is_there_and_nothing_else() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, busy, still) = (shop.customer().await, shop.product(10_000).await, shop.product(10).await);
    order(&customer, &still, VISA).await;
    shop.add_to_stock(&still, "available", -1).await;
    let missing = format!("Product {still} has received 10, but 7 available, 0 reserved and 2 sold make 9.");

    let open = Arc::new(AtomicBool::new(true));
    let shoppers = (0..8).map(|number| {
        let (customer, busy, open) = (customer.clone(), busy.clone(), Arc::clone(&open));
        tokio::spawn(async move {
            let methods = [VISA, "pm_card_chargeDeclined", "pm_sandbox_unknown"];
            while open.load(Ordering::Relaxed) {
                let placed = order(&customer, &busy, methods[number % methods.len()]).await;
                if number % 2 == 0 {
                    customer.cancel(&placed).await;
                }
            }
        })
    });
    let shoppers: Vec<_> = shoppers.collect();
    let mut orders = 1;
    for _ in 0..5 {
        let report = shop.books().await;
        assert_eq!(report.found, std::slice::from_ref(&missing), "{report:#?}");
        assert!(report.orders >= orders, "{report:#?}");
        orders = report.orders;
    }
    open.store(false, Ordering::Relaxed);
    for shopper in shoppers {
        shopper.await.expect("a shopper");
    }
    assert!(orders > 20, "only {orders} orders beside the audits");
    finds(&shop, &[&missing]).await;
    shop.add_to_stock(&still, "available", 1).await;
    shop.books_balance().await;
}

#[tokio::test]
async fn many_orders_at_once_leave_books_that_balance() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(30).await);
    all_at_once((0..40).map(|_| {
        let (customer, body) = (customer.clone(), an_order(&id, 1, VISA));
        async move { customer.post("/orders", &body).key(&random()).await }
    }))
    .await;
    shop.books_balance().await;
}

#[tokio::test]
async fn audit_takes_no_other_command() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    for wrong in [json!({}), json!({"command": "reconcile"}), json!({"command": "audit", "mend": true})] {
        assert_eq!(failed(&invoke(&shop, "audit", &wrong).await), "invalid-request", "{wrong}");
    }
    let request = json!({"command": "audit", "requestContext": {"http": {}}});
    assert_eq!(failed(&invoke(&shop, "audit", &request).await), "forbidden");
}

#[tokio::test]
async fn the_log_names_the_differences_and_the_number_that_the_alarm_is_about() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let id = shop.product(10).await;
    shop.add_to_stock(&id, "received", 1).await;
    let report = shop.books().await;
    let lines = shop.log().text();
    let figures: Vec<serde_json::Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let figures = figures.iter().find(|line| line["differences"].is_u64()).expect("figures");
    assert_eq!((&figures["differences"], &figures["function"]), (&json!(1), &json!("audit")), "{figures}");
    assert_eq!(figures["found"], json!(report.found), "{figures}");
}

#[tokio::test]
async fn the_command_tells_by_its_exit_code_also_beside_a_shop_with_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("shop.db");
    let setup = Setup { data: Some(data.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let audit = async |file: &str| cli::run(Cli::parse_from(["portico", "audit", "--data", file]), |_| None).await;
    let file = data.to_str().expect("a name");
    let (customer, id) = (shop.customer().await, shop.product(10).await);
    order(&customer, &id, VISA).await;
    assert_eq!(audit(file).await, ExitCode::SUCCESS);
    shop.add_to_stock(&id, "available", 1).await;
    assert_eq!(audit(file).await, ExitCode::FAILURE);
    shop.stop().await;
    assert_eq!(audit(file).await, ExitCode::FAILURE);
    assert_eq!(audit(&format!("{file}.gone")).await, ExitCode::FAILURE);
    assert!(!folder.path().join("shop.db.gone").exists());
}

#[tokio::test]
async fn an_audit_of_a_database_elsewhere_fails_also_when_it_cannot_decide() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup { data: Some(folder.path().join("shop.db")), ..Setup::default() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (chaos, database) = (Chaos::none(), shop.inner().base().database.access());
    let wires = Wires::lay(&chaos, "http://127.0.0.1:9", database).await.expect("a proxy");
    let command = ["portico", "audit", "--dynamodb", &wires.access.url];
    let audit = async || cli::run(Cli::parse_from(command), |_| None).await;
    let (customer, id) = (shop.customer().await, shop.product(10).await);
    order(&customer, &id, VISA).await;
    assert_eq!(audit().await, ExitCode::SUCCESS);

    shop.add_to_stock(&id, "available", 1).await;
    assert_eq!(audit().await, ExitCode::FAILURE);
    // Others are in the way each time it reads again what looks like a difference.
    let conflicts = chaos.plan(Rule::new(Fault::Conflict).on(Wire::Database, "TransactGetItems"));
    assert_eq!(audit().await, ExitCode::FAILURE);
    assert!(conflicts.met() > 1);
    chaos.end();
    shop.add_to_stock(&id, "available", -1).await;
    assert_eq!(audit().await, ExitCode::SUCCESS);
    wires.stop().await;
}

#[test]
fn only_an_audit_without_differences_and_open_questions_balances() {
    for (differences, undecided, balances) in [(0, 0, true), (1, 0, false), (0, 1, false), (2, 3, false)] {
        let report = audit::Report { differences, undecided, ..audit::Report::default() };
        assert_eq!(report.balances(), balances, "{report:?}");
        let said = local::audit::lines(&report).contains(&"The books balance.".to_owned());
        assert_eq!(said, balances, "{report:?}");
    }
}
