//! What the conditions of the stores are there for. A write is held on its way, something else happens, and the write
//! arrives; or a table is as nothing that the shop does would leave it. `.ci/mutate` takes each condition away.

mod identity;

use std::time::Duration;

use local::chaos::{Chaos, Fault, Rule, Wire};
use serde_json::{Value, json};

use crate::attempts::{fail_nine_times, guess, log_in};
use crate::client::Client;
use crate::direct::{failed, invoke, json_of};
use crate::password_rules::OUTDATED;
use crate::shop::{Setup, Shop, VISA, a_product, an_order, new_username, random};
use crate::steps::{HALF_WAY, order_of, reconcile};
use crate::tables::{Stock, text};

const WHY: &str = "holds calls to the database and reads its tables";
const UNKNOWN: &str = "pm_sandbox_unknown";

async fn shop_with(chaos: &Chaos) -> Option<Shop> {
    Shop::in_process(WHY, Setup { chaos: Some(chaos.clone()), ..Setup::default() }).await
}

fn held(operation: &str, about: &str) -> Rule {
    Rule::new(Fault::Late).on(Wire::Database, operation).about(about)
}

/// A pending order of one unit, as orders and checkout know it.
async fn pending(shop: &Shop, customer: &Client, product: &str) -> (String, Value) {
    let order = customer.post("/orders", &an_order(product, 1, UNKNOWN)).key(&random()).await.is(202);
    let order = order.text_at("/order/id");
    let both = json_of(&invoke(shop, "orders", &json!({"command": "find", "order_id": order})).await);
    (order, both["order"].clone())
}

fn settle(order: &Value, status: &str) -> Value {
    let id = order["id"].as_str().expect("an id").replace("ord_", "pay_");
    let payment =
        json!({"id": id, "status": status, "amount": order["total"], "provider": "sandbox", "decline_code": null});
    json!({"command": "settle", "order": order, "payment": payment})
}

#[tokio::test]
async fn an_order_that_arrives_after_its_product_was_archived_is_not_placed() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (customer, admin, product, key) = (shop.customer().await, shop.admin().await, shop.product(5).await, random());
    let order = order_of(&customer.user_id().await, &key);
    let late = chaos.plan(held("TransactWriteItems", &order));
    customer.post("/orders", &an_order(&product, 2, VISA)).key(&key).await.problem(503, "unavailable");
    admin.delete(&format!("/products/{product}")).await.is(204);

    assert!(late.met() > 0);
    late.release().await;
    customer.get(&format!("/orders/{order}")).await.problem(404, "not-found");
    assert_eq!(shop.stock_numbers(&product).await, Stock { received: 5, available: 5, reserved: 0 });
}

#[tokio::test]
async fn an_order_is_settled_once_and_as_it_was_placed() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let (id, order) = pending(&shop, &customer, &product).await;
    // Another one, whose unit stays reserved.
    pending(&shop, &customer, &product).await;

    let mut other = order.clone();
    other["items"][0]["name"] = json!("Something else");
    assert_eq!(failed(&invoke(&shop, "orders", &settle(&other, "CAPTURED")).await), "internal");
    assert_eq!(shop.stock_numbers(&product).await, Stock { received: 5, available: 3, reserved: 2 });

    let captured = json_of(&invoke(&shop, "orders", &settle(&order, "CAPTURED")).await);
    assert_eq!(json_of(&invoke(&shop, "orders", &settle(&order, "CAPTURED")).await), captured);
    assert_eq!(failed(&invoke(&shop, "orders", &settle(&order, "DECLINED")).await), "internal");
    assert_eq!(customer.statuses(&id).await.0, "CONFIRMED");
    assert_eq!(shop.stock_numbers(&product).await, Stock { received: 5, available: 3, reserved: 1 });
}

#[tokio::test]
async fn no_order_takes_from_the_reserved_stock_what_is_not_there() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    for end in ["CAPTURED", "DECLINED"] {
        let (id, order) = pending(&shop, &customer, &product).await;
        shop.set_stock(&product, "reserved", 0).await;
        let before = shop.stock_numbers(&product).await;
        assert_eq!(failed(&invoke(&shop, "orders", &settle(&order, end)).await), "internal");
        assert_eq!(customer.statuses(&id).await.0, "PENDING", "{end}");
        assert_eq!(shop.stock_numbers(&product).await, before, "{end}");
    }
}

#[tokio::test]
async fn a_step_of_the_warehouse_that_arrives_after_a_cancellation_is_not_taken() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (customer, admin, product) = (shop.customer().await, shop.admin().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 1, VISA)).key(&random()).await.is(201);
    let order = order.text_at("/order/id");
    let late = chaos.plan(held("UpdateItem", &order).about("PACKED"));
    let step = json!({"status": "PACKED"});
    admin.post(&format!("/orders/{order}/fulfilment"), &step).await.problem(503, "unavailable");
    customer.cancel(&order).await.is(200);

    assert!(late.met() > 0);
    late.release().await;
    assert_eq!(customer.statuses(&order).await.0, "CANCELLED");
}

/// Runs the schedule so that its claim of `order` is late, lets something `happen`, and lets the claim arrive.
async fn a_late_claim_changes_nothing(happen: impl AsyncFn(&Shop, &str)) {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let (order, _) = pending(&shop, &customer, &product).await;
    shop.advance(HALF_WAY);
    let late = chaos.plan(held("UpdateItem", &order).about("attempts"));
    assert_eq!(reconcile(&shop).await["failed"], 1);
    assert!(late.met() > 0);
    chaos.end();

    happen(&shop, &order).await;
    let before = shop.order_item(&order).await;
    late.release().await;
    assert_eq!(shop.order_item(&order).await, before);
}

#[tokio::test]
async fn an_order_that_somebody_else_has_claimed_is_not_claimed_again() {
    a_late_claim_changes_nothing(async |shop, _| {
        shop.advance(Duration::from_secs(5));
        let run = reconcile(shop).await;
        assert_eq!(run["open"], 1, "{run}");
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_confirmed_the_moment_it_is_due_is_not_claimed() {
    // Its place in the warehouse's queue is then the one that it had in checkout's.
    a_late_claim_changes_nothing(async |shop, order| {
        shop.set("OrdersTable", order, "status", text("CONFIRMED")).await;
    })
    .await;
}

#[tokio::test]
async fn a_capture_that_is_recorded_late_does_not_undo_a_refund() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let late = chaos.plan(held("UpdateItem", "CAPTURED"));
    let order = customer.post("/orders", &an_order(&product, 1, VISA)).key(&random()).await.is(202);
    let order = order.text_at("/order/id");
    assert!(late.met() > 0);
    chaos.end();
    shop.advance(HALF_WAY);
    reconcile(&shop).await;
    customer.cancel(&order).await.is(200);

    late.release().await;
    assert_eq!(shop.payment_status(&order).await.as_deref(), Some("REFUNDED"));
}

#[tokio::test]
async fn a_product_whose_creation_arrives_once_more_keeps_its_stock() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (admin, name) = (shop.admin().await, random());
    let mut product = a_product();
    product["name"] = json!(name);
    let late = chaos.plan(held("TransactWriteItems", &name).nth(1));
    let id = admin.post("/products", &product).await.is(201).text_at("/id");
    admin.post(&format!("/products/{id}/stock"), &json!({"change": 5})).key(&random()).await.is(200);

    assert_eq!(late.met(), 1);
    late.release().await;
    assert_eq!(shop.stock_numbers(&id).await, Stock { received: 5, available: 5, reserved: 0 });
}

#[tokio::test]
async fn an_archived_product_is_changed_no_more() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (admin, product) = (shop.admin().await, shop.product(5).await);
    admin.delete(&format!("/products/{product}")).await.is(204);
    admin.patch(&format!("/products/{product}"), &json!({"name": "Lamp"})).await.problem(404, "not-found");
    for change in [1, -1] {
        let path = format!("/products/{product}/stock");
        admin.post(&path, &json!({"change": change})).key(&random()).await.problem(404, "not-found");
    }
    assert_eq!(shop.stock_numbers(&product).await, Stock { received: 5, available: 5, reserved: 0 });
}

#[tokio::test]
async fn archiving_makes_no_half_of_a_product() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let admin = shop.admin().await;
    for (gone, left) in [("product", "stock"), ("stock", "product")] {
        let product = shop.product(5).await;
        shop.delete_product(&product, gone).await;
        let before = shop.product_item(&product, left).await;
        admin.delete(&format!("/products/{product}")).await.problem(404, "not-found");
        assert_eq!(shop.product_item(&product, gone).await, None);
        assert_eq!(shop.product_item(&product, left).await, before);
    }
}

#[tokio::test]
async fn a_key_of_a_restock_may_be_used_again_the_day_after() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (admin, product, key) = (shop.admin().await, shop.product(5).await, random());
    let restock = |change: i64| admin.post(&format!("/products/{product}/stock"), &json!({"change": change})).key(&key);
    restock(2).await.is(200);
    restock(2).await.is(200);
    restock(3).await.problem(422, "idempotency-key-reused");
    restock(-2000).await.problem(422, "idempotency-key-reused");
    assert_eq!(shop.stock_numbers(&product).await.available, 7);
    shop.advance(Duration::from_secs(25 * 60 * 60));
    let admin = shop.admin().await;
    let again = admin.post(&format!("/products/{product}/stock"), &json!({"change": 3})).key(&key).await;
    again.is(200);
    assert_eq!(shop.stock_numbers(&product).await.available, 10);
}

#[tokio::test]
async fn nothing_makes_half_of_an_account() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (name, password) = (new_username(), random());
    shop.register(&name, &password).await.is(201);
    let customer = shop.sign_in(&name, &password).await;
    shop.delete_account(customer.user_id().await.as_str()).await;

    customer.patch("/users/me", &json!({"display_name": "Ada"})).await.problem(404, "not-found");
    customer.get("/users/me").await.problem(404, "not-found");
    let command = json!({"command": "make_admin", "username": name});
    assert_eq!(failed(&invoke(&shop, "users", &command).await), "not-found");
    customer.get("/users/me").await.problem(404, "not-found");
    shop.sign_in(&name, &password).await.get("/fulfilment").await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_attempt_that_is_given_back_late_shortens_no_wait_of_another() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (client, name, password) = (shop.anonymous(), new_username(), random());
    shop.register(&name, &password).await.is(201);
    fail_nine_times(&shop, &client, &name).await;
    shop.advance(Duration::from_secs(16));
    let late = chaos.plan(held("UpdateItem", ":booked"));
    let signed_in = log_in(&client, &name, &password).await.is(200);
    let noted = shop.log().of_request(&signed_in.request_id()).iter().any(|line| line["level"] == "WARN");
    signed_in.check(noted, "nothing says that an attempt was not given back");
    assert!(late.met() > 0);
    chaos.end();

    shop.advance(Duration::from_secs(32));
    guess(&client, &name).await.problem(401, "invalid-credentials");
    late.release().await;
    guess(&client, &name).await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn a_counter_that_is_begun_anew_late_forgets_no_failure_since() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (client, name) = (shop.anonymous(), new_username());
    guess(&client, &name).await.problem(401, "invalid-credentials");
    shop.advance(Duration::from_secs(24 * 60 * 60));
    let late = chaos.plan(held("UpdateItem", ":ended"));
    guess(&client, &name).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();

    fail_nine_times(&shop, &client, &name).await;
    late.release().await;
    guess(&client, &name).await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn a_hash_that_is_renewed_late_does_not_undo_a_change_of_password() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let (client, name) = (shop.anonymous(), new_username());
    shop.register(&name, &random()).await.is(201);
    let changed = shop.password_hash(&name).await;
    shop.set_password_hash(&name, OUTDATED.1).await;
    let late = chaos.plan(held("UpdateItem", "password_hash"));
    log_in(&client, &name, OUTDATED.0).await.is(200);
    assert!(late.met() > 0);
    chaos.end();

    shop.set_password_hash(&name, &changed).await;
    late.release().await;
    assert_eq!(shop.password_hash(&name).await, changed);
}
