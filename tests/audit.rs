//! The books balance whatever state the orders are in, also while more are placed, and whatever is changed behind the
//! shop's back is found.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;
use http::Method;
use local::cli::{self, Cli};
use serde_json::json;

use crate::client::Client;
use crate::direct::{failed, invoke};
use crate::shop::{Setup, Shop, VISA, all_at_once, an_order, random};

mod wire;

const WHY: &str = "reads and writes the tables behind the shop's back";

/// An order of two pieces.
async fn order(customer: &Client, product: &str, method: &str) -> String {
    let answer = customer.post("/orders", &an_order(product, 2, method)).key(&random()).await;
    // A problem has the order as well.
    answer.text_at("/order/id")
}

async fn fulfil(admin: &Client, order: &str, steps: &[&str]) {
    for status in steps {
        let step = match *status {
            "SHIPPED" => json!({"status": status, "carrier": "DHL", "tracking_number": "1"}),
            _ => json!({"status": status}),
        };
        admin.post(&format!("/orders/{order}/fulfilment"), &step).await.is(200);
    }
}

async fn cancel(customer: &Client, order: &str) {
    customer.call(Method::POST, &format!("/orders/{order}/cancel")).await;
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The items that a difference can be in.
struct Tables<'a>(&'a Shop);

impl Tables<'_> {
    /// Sets an attribute of an item of an order or a payment.
    async fn set(&self, table: &str, order: &str, attribute: &str, value: AttributeValue) {
        let client = self.0.inner().base().database.client();
        let update = client.update_item().table_name(self.0.table(table)).key("order_id", text(order));
        let update = update.update_expression("SET #attribute = :value");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", value).send().await.expect("an update");
    }

    /// Adds to a number of a stock.
    async fn add(&self, product: &str, attribute: &str, change: i64) {
        let client = self.0.inner().base().database.client();
        let update = client.update_item().table_name(self.0.table("ProductsTable"));
        let update = update.key("product_id", text(product)).key("part", text("stock"));
        let update = update.update_expression("ADD #attribute :change");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":change", number(change)).send().await.expect("an update");
    }

    async fn delete(&self, table: &str, order: &str) {
        let client = self.0.inner().base().database.client();
        let delete = client.delete_item().table_name(self.0.table(table)).key("order_id", text(order));
        delete.send().await.expect("a deletion");
    }
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
        fulfil(&admin, &order(&customer, &id, VISA).await, steps).await;
    }
    cancel(&customer, &order(&customer, &id, VISA).await).await;
    cancel(&customer, &order(&customer, &id, "pm_sandbox_unrefundable").await).await;
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
    let (tables, one) = (Tables(&shop), order(&customer, &id, VISA).await);
    let (orders, payments) = ("OrdersTable", "PaymentsTable");
    shop.books_balance().await;

    tables.add(&id, "available", -1).await;
    let short = format!("Product {id} has received 10, but 7 available, 0 reserved and 2 sold make 9.");
    finds(&shop, &[&short]).await;
    tables.add(&id, "reserved", 1).await;
    finds(&shop, &[&format!("Product {id} has 1 reserved, but its pending orders come to 0.")]).await;
    tables.add(&id, "reserved", -2).await;
    tables.add(&id, "available", 2).await;
    finds(
        &shop,
        &[
            &format!("Product {id} has -1 reserved, but its pending orders come to 0."),
            &format!("Product {id} has -1 reserved, which is below zero."),
        ],
    )
    .await;
    tables.add(&id, "reserved", 1).await;
    tables.add(&id, "available", -1).await;
    shop.books_balance().await;

    tables.set(payments, &one, "status", text("DECLINED")).await;
    let pair = format!("Order {one} is CONFIRMED, but its payment is DECLINED.");
    finds(&shop, &[&pair, "In EUR, 0 captured less 0 refunded is 0, but the orders come to 3998."]).await;
    tables.set(payments, &one, "status", text("NONSENSE")).await;
    let report = shop.books().await;
    let unreadable = format!("The payment of {one} cannot be read: ");
    assert!(report.differences == 1 && report.found[0].starts_with(&unreadable), "{report:#?}");
    tables.set(payments, &one, "status", text("CAPTURED")).await;

    tables.set(payments, &one, "amount", number(4000)).await;
    let amount = format!("Order {one} costs 3998 EUR, but its payment is one of 4000 EUR.");
    finds(&shop, &[&amount, "In EUR, 4000 captured less 0 refunded is 4000, but the orders come to 3998."]).await;
    tables.set(payments, &one, "amount", number(3998)).await;
    shop.books_balance().await;

    tables.set(orders, &one, "status", text("FAILED")).await;
    finds(
        &shop,
        &[
            &format!("Order {one} is FAILED, but its payment is CAPTURED."),
            &format!("Product {id} has received 10, but 8 available, 0 reserved and 0 sold make 8."),
            "In EUR, 3998 captured less 0 refunded is 3998, but the orders come to 0.",
        ],
    )
    .await;
    tables.delete(orders, &one).await;
    finds(
        &shop,
        &[
            &format!("The payment of {one} is CAPTURED of 3998 EUR, but there is no such order."),
            &format!("Product {id} has received 10, but 8 available, 0 reserved and 0 sold make 8."),
            "In EUR, 3998 captured less 0 refunded is 3998, but the orders come to 0.",
        ],
    )
    .await;
    tables.delete(payments, &one).await;
    tables.add(&id, "available", 2).await;
    shop.books_balance().await;
}

#[tokio::test]
async fn an_audit_beside_a_running_shop_finds_what_is_there_and_nothing_else() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, busy, still) = (shop.customer().await, shop.product(10_000).await, shop.product(10).await);
    order(&customer, &still, VISA).await;
    Tables(&shop).add(&still, "available", -1).await;
    let missing = format!("Product {still} has received 10, but 7 available, 0 reserved and 2 sold make 9.");

    let open = Arc::new(AtomicBool::new(true));
    let shoppers = (0..8).map(|number| {
        let (customer, busy, open) = (customer.clone(), busy.clone(), Arc::clone(&open));
        tokio::spawn(async move {
            let methods = [VISA, "pm_card_chargeDeclined", "pm_sandbox_unknown"];
            while open.load(Ordering::Relaxed) {
                let placed = order(&customer, &busy, methods[number % methods.len()]).await;
                if number % 2 == 0 {
                    cancel(&customer, &placed).await;
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
    Tables(&shop).add(&still, "available", 1).await;
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
    Tables(&shop).add(&id, "received", 1).await;
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
    Tables(&shop).add(&id, "available", 1).await;
    assert_eq!(audit(file).await, ExitCode::FAILURE);
    shop.stop().await;
    assert_eq!(audit(file).await, ExitCode::FAILURE);
    assert_eq!(audit(&format!("{file}.gone")).await, ExitCode::FAILURE);
    assert!(!folder.path().join("shop.db.gone").exists());
}
