//! What the schedule does with orders that were left half way.

use std::time::Duration;

use lambda_http::request::LambdaRequest;
use lambda_http::{Context, RequestExt};
use serde_json::{Value, json};

use crate::direct::{checkout, failed, invoke, json_of};
use crate::shop::{Setup, Shop, VISA, an_order, random};
use crate::steps::{HALF_WAY, place, reconcile};

mod trouble;

const WHY: &str = "invokes functions directly and moves the clock";
/// After so long, and a last look at it, an order is given up.
const LONG: Duration = Duration::from_secs(20 * 60 * 60 + 1);

fn charge(placed: &Value) -> Value {
    let order = &placed["order"];
    json!({"command": "charge", "order_id": order["id"], "amount": order["total"], "method": VISA})
}

/// The id of an order.
fn id_of(placed: &Value) -> String {
    placed["order"]["id"].as_str().expect("an id").to_owned()
}

fn two(order: &str, payment: &str) -> (String, String) {
    (order.to_owned(), payment.to_owned())
}

/// The lines of the log that have this member.
fn lines_with(shop: &Shop, member: &str) -> Vec<Value> {
    let lines = shop.log().text();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get(member).is_some()).collect()
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
    assert_eq!(customer.statuses(&id_of(&placed)).await, two("FAILED", "VOIDED"));
    assert_eq!(shop.stock(&id).await, 5);

    let late = json_of(&invoke(&shop, "payments", &charge(&placed)).await);
    assert_eq!(late["status"], "VOIDED", "{late}");
    assert_eq!(reconcile(&shop).await["ended"], 0);
    assert_eq!(shop.stock(&id).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_repeat_of_a_voided_order_says_that_it_lapsed() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let send = || customer.post("/orders", &an_order(&id, 2, "pm_sandbox_unknown")).key(&key);
    let order = send().await.is(202).text_at("/order/id");
    // As if the charge had never reached payments.
    shop.delete("PaymentsTable", &order).await;

    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    let first = send().await.problem(409, "order-lapsed").has("/order/status", "FAILED");
    let first = first.has("/payment/status", "VOIDED").has_header("idempotency-replayed", "true");
    let again = send().await.problem(409, "order-lapsed");
    assert_eq!(again.text_without_id(), first.text_without_id());
    assert_eq!(shop.stock(&id).await, 5);
    shop.books_balance().await;
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
    assert_eq!(customer.statuses(&id_of(&placed)).await, two("CONFIRMED", "CAPTURED"));
    assert_eq!(shop.stock(&id).await, 3);
    shop.books_balance().await;
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
    assert_eq!(customer.statuses(&order).await, two("CANCELLED", "REFUNDED"));
    assert_eq!(shop.stock(&id).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn what_stays_unknown_is_tried_less_and_less_and_given_up_after_twenty_hours() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&id, 2, "pm_sandbox_unknown")).key(&random()).await.is(202);
    let order = order.text_at("/order/id");
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["open"], 1);
    assert_eq!(reconcile(&shop).await["open"], 0, "it was moved back");
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        shop.advance(Duration::from_secs(minutes * 60 - 20));
        assert_eq!(reconcile(&shop).await["open"], 0, "before {minutes} minutes");
        shop.advance(Duration::from_secs(21));
        assert_eq!(reconcile(&shop).await["open"], 1, "after {minutes} minutes");
    }
    let run = reconcile(&shop).await;
    assert!(
        run["half_way_seconds"].as_u64().is_some_and(|seconds| seconds > 3 * 60 * 60),
        "not only of those due: {run}"
    );
    assert_eq!(run["given_up"], 0, "{run}");
    shop.advance(LONG);
    for _ in 0..3 {
        let run = reconcile(&shop).await;
        assert_eq!((&run["open"], &run["given_up"]), (&json!(0), &json!(1)), "{run}");
        assert_eq!((&run["given_up_orders"], &run["half_way_seconds"]), (&json!([order]), &json!(0)), "{run}");
        shop.advance(Duration::from_secs(24 * 60 * 60));
    }
    assert_eq!(lines_with(&shop, "given_up_orders").last().expect("a line")["given_up_orders"], json!([order]));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_run_takes_up_no_order_that_it_may_have_no_time_to_end() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &id, 1).await;
    shop.advance(HALF_WAY);
    let before = shop.order_item(&id_of(&placed)).await;
    for (seconds, ended) in [(7, 0), (12, 1)] {
        let event: LambdaRequest = serde_json::from_value(json!({"command": "reconcile"})).expect("an event");
        let mut context = Context::default();
        let deadline = shop.inner().clock().now().plus(Duration::from_secs(seconds)).as_millis();
        context.deadline = deadline.try_into().expect("a time after 1970");
        let event = lambda_http::Request::from(event).with_lambda_context(context);
        let answer = checkout(&shop, &[]).handle(event).await.expect("an answer");
        let run: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!(run["ended"], ended, "{run}");
        if ended == 0 {
            assert_eq!(shop.order_item(&id_of(&placed)).await, before, "it was moved back for nothing");
            assert!(run["half_way_seconds"].as_u64().is_some_and(|seconds| seconds >= 31), "{run}");
        }
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn many_orders_end_once_each_also_where_runs_overlap() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(100).await);
    let mut all = Vec::new();
    for _ in 0..60 {
        all.push(place(&shop, &customer, &id, 1).await);
    }
    shop.advance(HALF_WAY);
    let mut ended = 0;
    for _ in 0..5 {
        let runs = tokio::join!(reconcile(&shop), reconcile(&shop), reconcile(&shop));
        ended += [&runs.0, &runs.1, &runs.2].map(|run| run["ended"].as_u64().expect("a number")).iter().sum::<u64>();
        if ended >= 60 {
            break;
        }
    }
    assert_eq!(ended, 60);
    for placed in &all {
        assert_eq!(customer.statuses(&id_of(placed)).await.0, "FAILED");
    }
    assert_eq!(shop.stock(&id).await, 100);
    let claims = shop.log().text().iter().filter(|line| line.contains("\"command\":\"claim\"")).count();
    assert!(claims >= 60 / 8, "{claims} claims: no more are taken up at once than are worked on");
    shop.books_balance().await;
}

#[tokio::test]
async fn checkout_takes_no_other_command() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    for wrong in [json!({}), json!({"command": "place"}), json!([])] {
        assert_eq!(failed(&invoke(&shop, "checkout", &wrong).await), "invalid-request", "{wrong}");
    }
}
