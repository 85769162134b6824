//! What the schedule does with orders that were left half way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::direct::{failed, invoke, json_of};
use crate::shop::{Setup, Shop, VISA, an_order, random};

const WHY: &str = "invokes functions directly and moves the clock";
const HALF_WAY: Duration = Duration::from_secs(31);

/// Runs the schedule's command.
pub async fn reconcile(shop: &Shop) -> Value {
    json_of(&invoke(shop, "checkout", &json!({"command": "reconcile"})).await)
}

/// Places an order as checkout does, and goes no further.
async fn place(shop: &Shop, customer: &Client, product: &str, quantity: i64) -> Value {
    let user = customer.get("/users/me").await.is(200).text_at("/id");
    let place = json!({
        "command": "place", "order_id": format!("ord_{}", (random() + &random()) .chars().take(52).collect::<String>()),
        "user_id": user, "fingerprint": "f", "items": [{"product_id": product, "quantity": quantity}],
    });
    let placed = json_of(&invoke(shop, "orders", &place).await);
    assert_eq!(placed["outcome"], "new", "{placed}");
    placed
}

fn charge(placed: &Value) -> Value {
    let order = &placed["order"];
    json!({"command": "charge", "order_id": order["id"], "amount": order["total"], "method": VISA})
}

async fn read(customer: &Client, placed: &Value) -> (String, String) {
    let order = placed["order"]["id"].as_str().expect("an id");
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    (read.text_at("/order/status"), read.text_at("/payment/status"))
}

#[tokio::test]
async fn an_order_that_was_never_charged_is_voided_and_a_late_charge_finds_that() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &id, 2).await;
    assert_eq!(reconcile(&shop).await["ended"], 0, "a young order is somebody's work");
    assert_eq!(shop.stock(&id).await, 3);

    shop.advance(HALF_WAY);
    let run = reconcile(&shop).await;
    assert_eq!((&run["ended"], &run["failed"]), (&json!(1), &json!(0)), "{run}");
    assert_eq!(read(&customer, &placed).await, ("FAILED".to_owned(), "VOIDED".to_owned()));
    assert_eq!(shop.stock(&id).await, 5);

    let late = json_of(&invoke(&shop, "payments", &charge(&placed)).await);
    assert_eq!(late["status"], "VOIDED", "{late}");
    assert_eq!(reconcile(&shop).await["ended"], 0);
    assert_eq!(shop.stock(&id).await, 5);
}

#[tokio::test]
async fn a_repeat_of_a_voided_order_says_that_it_lapsed() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let send = || customer.post("/orders", &an_order(&id, 2, "pm_sandbox_unknown")).key(&key);
    let order = send().await.is(202).text_at("/order/id");
    // As if the charge had never reached payments.
    let payments = shop.inner().base().template.table("PaymentsTable").expect("a table").name.clone();
    let key = aws_sdk_dynamodb::types::AttributeValue::S(order.clone());
    let client = shop.inner().base().database.client();
    client.delete_item().table_name(payments).key("order_id", key).send().await.expect("a deletion");

    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    let first = send().await.problem(409, "order-lapsed").has("/order/status", "FAILED");
    let first = first.has("/payment/status", "VOIDED").has_header("idempotency-replayed", "true");
    let again = send().await.problem(409, "order-lapsed");
    assert_eq!(again.text_without_id(), first.text_without_id());
    assert_eq!(shop.stock(&id).await, 5);
}

#[tokio::test]
async fn an_order_whose_settling_was_lost_is_confirmed() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &id, 2).await;
    let charged = json_of(&invoke(&shop, "payments", &charge(&placed)).await);
    assert_eq!(charged["status"], "CAPTURED", "{charged}");
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(read(&customer, &placed).await, ("CONFIRMED".to_owned(), "CAPTURED".to_owned()));
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn a_cancellation_whose_refund_was_lost_ends_and_gives_the_stock_back_once() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let answer = customer.post("/orders", &an_order(&id, 2, VISA)).key(&random()).await.is(201);
    let order = answer.text_at("/order/id");
    for refunded in [false, true] {
        let cancelling = json_of(&invoke(&shop, "orders", &json!({"command": "cancel", "order_id": order})).await);
        assert_eq!(cancelling["order"]["status"], "CANCELLING", "{cancelling}");
        if refunded {
            let refund = json!({"command": "refund", "order_id": order});
            assert_eq!(json_of(&invoke(&shop, "payments", &refund).await)["status"], "REFUNDED");
        }
    }
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(read(&customer, &answer.json()).await, ("CANCELLED".to_owned(), "REFUNDED".to_owned()));
    assert_eq!(shop.stock(&id).await, 5);
}

#[tokio::test]
async fn what_stays_unknown_is_tried_less_and_less_and_given_up_after_twenty_hours() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    customer.post("/orders", &an_order(&id, 2, "pm_sandbox_unknown")).key(&random()).await.is(202);
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["open"], 1);
    assert_eq!(reconcile(&shop).await["open"], 0, "it was moved back");
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        shop.advance(Duration::from_secs(minutes * 60 - 1));
        assert_eq!(reconcile(&shop).await["open"], 0, "before {minutes} minutes");
        shop.advance(Duration::from_secs(2));
        assert_eq!(reconcile(&shop).await["open"], 1, "after {minutes} minutes");
    }
    shop.advance(Duration::from_secs(20 * 60 * 60));
    let run = reconcile(&shop).await;
    assert_eq!((&run["open"], &run["given_up"]), (&json!(0), &json!(1)), "{run}");
    assert!(run["half_way_seconds"].as_u64().is_some_and(|seconds| seconds > 20 * 60 * 60), "{run}");
    shop.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(reconcile(&shop).await["given_up"], 0, "it has left the queue");
}

#[tokio::test]
async fn many_orders_end_in_one_run_also_beside_another() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(100).await);
    let mut all = Vec::new();
    for _ in 0..60 {
        all.push(place(&shop, &customer, &id, 1).await);
    }
    shop.advance(HALF_WAY);
    let runs = tokio::join!(reconcile(&shop), reconcile(&shop), reconcile(&shop));
    let ended: u64 = [&runs.0, &runs.1, &runs.2].map(|run| run["ended"].as_u64().expect("a number")).iter().sum();
    assert_eq!(ended, 60, "{runs:?}");
    for placed in &all {
        assert_eq!(read(&customer, placed).await.0, "FAILED");
    }
    assert_eq!(shop.stock(&id).await, 100);
}

#[tokio::test]
async fn checkout_takes_no_other_command() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    for wrong in [json!({}), json!({"command": "place"}), json!([])] {
        assert_eq!(failed(&invoke(&shop, "checkout", &wrong).await), "invalid-request", "{wrong}");
    }
}
