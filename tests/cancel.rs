//! Cancelling an order: the money and the stock come back once, or it is said why not.

use http::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::shop::{Shop, VISA, all_at_once, an_order, random};

/// A refund that the sandbox never confirms.
const UNREFUNDABLE: &str = "pm_sandbox_unrefundable";

async fn placed(customer: &Client, product: &str, quantity: i64, method: &str) -> String {
    let placed = customer.post("/orders", &an_order(product, quantity, method)).key(&random()).await;
    placed.is(201).text_at("/order/id")
}

#[tokio::test]
async fn a_cancelled_order_gives_money_and_stock_back_once() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let send = || customer.post("/orders", &an_order(&id, 2, VISA)).key(&key);
    let first = send().await.is(201);
    let order = first.text_at("/order/id");
    let cancelled = customer.cancel(&order).await.is(200);
    let cancelled = cancelled
        .has("/order/status", "CANCELLED")
        .has("/payment/status", "REFUNDED")
        .has("/payment/amount", first.at("/payment/amount"));
    let history: Vec<_> =
        cancelled.at("/order/history").as_array().expect("steps").iter().map(|s| s["status"].clone()).collect();
    assert_eq!(history, ["PENDING", "CONFIRMED", "CANCELLING", "CANCELLED"]);
    assert_eq!(shop.stock(&id).await, 5);

    let again = customer.cancel(&order).await.is(200);
    again.check(again.json() == cancelled.json(), format!("differs from {cancelled}"));
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    read.check(read.json() == cancelled.json(), format!("reads differently from {cancelled}"));
    assert_eq!(shop.stock(&id).await, 5);

    let replay = send().await.is(201).has_header("idempotency-replayed", "true");
    replay.check(replay.body == first.body, format!("differs from {first}"));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_packed_order_is_cancelled_by_an_admin_and_a_shipped_one_by_nobody() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(9).await);
    let packed = placed(&customer, &id, 1, VISA).await;
    admin.fulfil(&packed, &["PACKED"]).await;
    admin.cancel(&packed).await.is(200).has("/order/status", "CANCELLED");

    let shipped = placed(&customer, &id, 1, VISA).await;
    admin.fulfil(&shipped, &["PACKED", "SHIPPED"]).await;
    for client in [&customer, &admin] {
        client.cancel(&shipped).await.problem(409, "not-cancellable").has("/order_status", "SHIPPED");
    }
    admin.fulfil(&shipped, &["DELIVERED"]).await;
    customer.cancel(&shipped).await.problem(409, "not-cancellable").has("/order_status", "DELIVERED");
    assert_eq!(shop.stock(&id).await, 8);
    shop.books_balance().await;
}

#[tokio::test]
async fn only_ones_own_order_is_there_to_be_cancelled() {
    let shop = Shop::start().await;
    let (customer, other, id) = (shop.customer().await, shop.customer().await, shop.product(9).await);
    let order = placed(&customer, &id, 1, VISA).await;
    other.cancel(&order).await.problem(404, "not-found");
    customer.cancel(&format!("ord_{}", "a".repeat(52))).await.problem(404, "not-found");
    customer.cancel("nonsense").await.problem(404, "not-found");
    shop.anonymous().cancel(&order).await.message(401, "Unauthorized");
    customer.get(&format!("/orders/{order}")).await.is(200).has("/order/status", "CONFIRMED");
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_without_an_end_or_without_money_is_not_cancelled() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(9).await);
    let send = |method| customer.post("/orders", &an_order(&id, 1, method)).key(&random());
    let pending = send("pm_sandbox_unknown").await.is(202).text_at("/order/id");
    let refused = customer.cancel(&pending).await.problem(409, "request-in-progress");
    refused.check(refused.number_in("retry-after") >= 1, "no time to come back");
    let failed = send("pm_card_chargeDeclined").await.problem(402, "payment-declined").text_at("/order/id");
    customer.cancel(&failed).await.problem(409, "not-cancellable").has("/order_status", "FAILED");
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_whose_outcome_is_unknown_is_202_and_the_order_goes_nowhere_else() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(5).await);
    let order = placed(&customer, &id, 2, UNREFUNDABLE).await;
    for _ in 0..2 {
        let answer = customer.cancel(&order).await.is(202).has("/order/status", "CANCELLING");
        let answer = answer.has("/payment/status", "CAPTURED").has_header("location", &format!("/orders/{order}"));
        answer.check(answer.number_in("retry-after") >= 1, "no time to come back");
    }
    let packed = admin.post(&format!("/orders/{order}/fulfilment"), &json!({"status": "PACKED"})).await;
    packed.problem(409, "wrong-status").has("/order_status", "CANCELLING");
    assert_eq!(shop.stock(&id).await, 3, "the stock is not back before the money is");
    shop.books_balance().await;
}

#[tokio::test]
async fn a_cancellation_and_the_carrier_have_exactly_one_winner() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(20).await);
    let mut cancelled = 0;
    for _ in 0..8 {
        let order = placed(&customer, &id, 1, VISA).await;
        admin.fulfil(&order, &["PACKED"]).await;
        let ship = json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "1"});
        let race = [(customer.clone(), "cancel", Value::Null), (admin.clone(), "fulfilment", ship)];
        let answers = all_at_once(race.map(|(client, step, body)| {
            let path = format!("/orders/{order}/{step}");
            async move { client.call(Method::POST, &path).text(&body.to_string()).await }
        }))
        .await;
        let [cancel, ship] = answers.as_slice() else { panic!("two answers") };
        let end = customer.get(&format!("/orders/{order}")).await.is(200).text_at("/order/status");
        match (cancel.status, ship.status) {
            (200, 409) => {
                assert_eq!(end, "CANCELLED");
                cancelled += 1;
            }
            (409, 200) => assert_eq!(end, "SHIPPED"),
            other => panic!("{other:?}\n{cancel}\n{ship}"),
        }
    }
    assert_eq!(shop.stock(&id).await, 12 + cancelled);
    shop.books_balance().await;
}
