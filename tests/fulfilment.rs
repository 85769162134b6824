//! What the warehouse does: the queue, the steps, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::shop::{Shop, VISA, an_order, random};

#[tokio::test]
async fn an_order_goes_through_the_warehouse() {
    let shop = Shop::start().await;
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let order = placed(&shop, &customer).await;
    let fulfil = format!("/orders/{order}/fulfilment");
    assert!(is_queued(&admin, "CONFIRMED", &order).await, "a paid order waits to be packed");

    shop.advance(Duration::from_secs(60));
    admin.post(&fulfil, &json!({"status": "PACKED"})).await.is(200).has("/order/status", "PACKED");
    assert!(!is_queued(&admin, "CONFIRMED", &order).await, "a packed order is not packed again");
    assert!(is_queued(&admin, "PACKED", &order).await, "a packed order waits to be shipped");

    let shipped = json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "00340434161094042557"});
    let answer = admin.post(&fulfil, &shipped).await.is(200).has("/order/status", "SHIPPED");
    let answer =
        answer.has("/order/shipment/carrier", "DHL").has("/order/shipment/tracking_number", "00340434161094042557");
    answer.check(answer.text_at("/order/shipment/shipped_at") == answer.text_at("/order/updated_at"), "shipped when?");

    let delivered =
        admin.post(&fulfil, &json!({"status": "DELIVERED"})).await.is(200).has("/order/status", "DELIVERED");
    assert!(!is_queued(&admin, "SHIPPED", &order).await, "nobody has work with a delivered order");
    let history: Vec<_> =
        delivered.at("/order/history").as_array().into_iter().flatten().map(|step| step["status"].clone()).collect();
    let steps = ["PENDING", "CONFIRMED", "PACKED", "SHIPPED", "DELIVERED"];
    delivered.check(history == steps, "not every step is in the history");
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    read.check(read.json() == delivered.json(), format!("the customer sees it differently: {delivered}"));
    let detail = admin.get(&format!("/fulfilment/{order}")).await.is(200);
    detail.check(detail.json() == delivered.json(), format!("the warehouse sees it differently: {delivered}"));
}

#[tokio::test]
async fn the_same_step_again_changes_nothing() {
    let shop = Shop::start().await;
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let fulfil = format!("/orders/{}/fulfilment", placed(&shop, &customer).await);
    let shipped = json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "1Z999"});
    for step in [json!({"status": "PACKED"}), shipped, json!({"status": "DELIVERED"})] {
        let first = admin.post(&fulfil, &step).await.is(200);
        shop.advance(Duration::from_secs(60));
        let again = admin.post(&fulfil, &step).await.is(200);
        again.check(again.body == first.body, format!("differs from {first}"));
    }
}

#[tokio::test]
async fn a_step_that_does_not_follow_is_refused_with_the_current_status() {
    let shop = Shop::start().await;
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let fulfil = format!("/orders/{}/fulfilment", placed(&shop, &customer).await);
    let packed = json!({"status": "PACKED"});
    let shipped = json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "1Z999"});
    let delivered = json!({"status": "DELIVERED"});
    let refused = async |step: &Value, current: &str| {
        admin.post(&fulfil, step).await.problem(409, "wrong-status").has("/order_status", current)
    };
    refused(&shipped, "CONFIRMED").await;
    refused(&delivered, "CONFIRMED").await;
    admin.post(&fulfil, &packed).await.is(200);
    refused(&delivered, "PACKED").await;
    admin.post(&fulfil, &shipped).await.is(200);
    refused(&packed, "SHIPPED").await;
    let elsewhere = json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "another"});
    refused(&elsewhere, "SHIPPED").await;
    admin.post(&fulfil, &delivered).await.is(200);
    refused(&shipped, "DELIVERED").await;
    refused(&packed, "DELIVERED").await;
}

#[tokio::test]
async fn an_order_that_was_not_paid_is_not_packed() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(5).await);
    for (method, code, status) in [("pm_card_chargeDeclined", 402, "FAILED"), ("pm_sandbox_unknown", 202, "PENDING")] {
        let answer = customer.post("/orders", &an_order(&id, 1, method)).key(&random()).await.is(code);
        let fulfil = format!("/orders/{}/fulfilment", answer.text_at("/order/id"));
        let refused = admin.post(&fulfil, &json!({"status": "PACKED"})).await.problem(409, "wrong-status");
        refused.has("/order_status", status);
    }
}

#[tokio::test]
async fn a_step_that_cannot_be_accepted_is_invalid() {
    let shop = Shop::start().await;
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let fulfil = format!("/orders/{}/fulfilment", placed(&shop, &customer).await);
    for wrong in [
        json!({}),
        json!({"status": "LOST"}),
        json!({"status": "CONFIRMED"}),
        json!({"status": "FAILED"}),
        json!({"status": "PACKED", "carrier": "DHL"}),
        json!({"status": "SHIPPED"}),
        json!({"status": "SHIPPED", "carrier": "DHL"}),
        json!({"status": "SHIPPED", "carrier": "", "tracking_number": "1"}),
        json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "1", "driver": "Bob"}),
        json!({"status": "DELIVERED", "carrier": "DHL", "tracking_number": "1"}),
    ] {
        admin.post(&fulfil, &wrong).await.problem(400, "invalid-request");
    }
    for wrong in ["LOST", "confirmed", "PENDING", "DELIVERED", ""] {
        let refused = admin.get("/fulfilment").query("status", wrong).await.problem(400, "invalid-request");
        refused.has("/errors/0/parameter", "status");
    }
    let nowhere = format!("ord_{}", "a".repeat(52));
    admin.get(&format!("/fulfilment/{nowhere}")).await.problem(404, "not-found");
    let missing = admin.post(&format!("/orders/{nowhere}/fulfilment"), &json!({"status": "PACKED"})).await;
    missing.problem(404, "not-found");
}

#[tokio::test]
async fn the_queue_is_paged() {
    let shop = Shop::start().await;
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(placed(&shop, &customer).await);
    }
    for limit in [1, 3, 100] {
        let queue = queue(&admin, "CONFIRMED", limit).await;
        for order in &orders {
            let times = queue.iter().filter(|item| item["order"]["id"] == *order).count();
            assert_eq!(times, 1, "{order} in pages of {limit}");
        }
    }
}

/// The id of a new order that is paid.
async fn placed(shop: &Shop, customer: &Client) -> String {
    let id = shop.product(1).await;
    customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201).text_at("/order/id")
}

async fn is_queued(admin: &Client, status: &str, order: &str) -> bool {
    queue(admin, status, 100).await.iter().any(|item| item["order"]["id"] == order)
}

/// Everything in the queue of a status.
async fn queue(admin: &Client, status: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut call = admin.get("/fulfilment").query("status", status).query("limit", limit);
    loop {
        let page = call.await.is(200);
        page.check(page.items().len() <= limit, "a page longer than its limit");
        let fits = page.items().iter().all(|item| item["order"]["status"] == status && item["payment"].is_object());
        page.check(fits, "a queue of something else");
        items.extend(page.items());
        let Some(cursor) = page.at("/next").as_str().map(str::to_owned) else {
            return items;
        };
        call = admin.get("/fulfilment").query("status", status).query("limit", limit).query("cursor", cursor);
    }
}
