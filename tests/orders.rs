//! Placing an order, in every way that it can end, and reading it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shop::{Setup, Shop, VISA, a_product, an_order, random};
use crate::steps::all_answered;

#[tokio::test]
async fn an_order_is_confirmed_and_paid() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = customer.post("/orders", &an_order(&id, 2, VISA)).key(&random()).await.is(201);
    let order = placed.text_at("/order/id");
    placed.check(order.starts_with("ord_") && order.len() == 56, "an id of another kind");
    placed.check(placed.header("idempotency-replayed") != Some("true"), "the first answer is no replay");
    let placed = placed
        .has_header("location", &format!("/orders/{order}"))
        .has("/order/status", "CONFIRMED")
        .has("/order/items/0/product_id", id.as_str())
        .has("/order/items/0/name", a_product()["name"].clone())
        .has("/order/items/0/quantity", 2)
        .has("/order/items/0/unit_price", json!({"amount": 1999, "currency": "EUR"}))
        .has("/order/items/0/total", json!({"amount": 3998, "currency": "EUR"}))
        .has("/order/total", json!({"amount": 3998, "currency": "EUR"}))
        .has("/order/history/0/status", "PENDING")
        .has("/order/history/1/status", "CONFIRMED")
        .has("/order/shipping_address/country", "GB")
        .has("/order/shipment", Value::Null)
        .has("/payment/id", order.replace("ord_", "pay_"))
        .has("/payment/status", "CAPTURED")
        .has("/payment/amount", json!({"amount": 3998, "currency": "EUR"}))
        .has("/payment/provider", "sandbox")
        .has("/payment/decline_code", Value::Null);
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    read.check(read.json() == placed.json(), format!("reads differently from {placed}"));
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn lines_of_one_product_are_merged_and_prices_are_the_servers() {
    let shop = Shop::start().await;
    let (customer, lamp, desk) = (shop.customer().await, shop.product(9).await, shop.product(9).await);
    let order = json!({
        "items": [
            {"product_id": lamp, "quantity": 1},
            {"product_id": desk, "quantity": 2},
            {"product_id": lamp, "quantity": 3},
        ],
        "payment": {"method": VISA},
    });
    let placed = customer.post("/orders", &order).key(&random()).await.is(201);
    placed.check(placed.at("/order/items").as_array().map(Vec::len) == Some(2), "two products are two lines");
    let placed = placed.has("/order/total/amount", 6 * 1999).has("/order/shipping_address", Value::Null);
    let priced = json!({"items": [{"product_id": lamp, "quantity": 1, "unit_price": 1}], "payment": {"method": VISA}});
    customer
        .post("/orders", &priced)
        .key(&random())
        .await
        .problem(400, "invalid-request")
        .points_at("/items/0/unit_price");
    drop(placed);
    assert_eq!((shop.stock(&lamp).await, shop.stock(&desk).await), (5, 7));
}

#[tokio::test]
async fn an_order_keeps_the_price_it_was_placed_at() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(5).await);
    let placed = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201);
    let dearer = json!({"name": "Renamed", "price": {"amount": 9999, "currency": "EUR"}});
    admin.patch(&format!("/products/{id}"), &dearer).await.is(200);
    let order = placed.text_at("/order/id");
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    read.check(read.json() == placed.json(), "an order that changed with its product");
    customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201).has("/order/total/amount", 9999);
}

#[tokio::test]
async fn a_total_that_the_client_does_not_expect_stores_nothing_and_leaves_the_key_unused() {
    let shop = Shop::start().await;
    let (admin, customer, id, key) = (shop.admin().await, shop.customer().await, shop.product(5).await, random());
    let expecting = |amount: i64, currency: &str| {
        let mut order = an_order(&id, 2, VISA);
        order["expected_total"] = json!({"amount": amount, "currency": currency});
        customer.post("/orders", &order).key(&key)
    };
    let dearer = json!({"price": {"amount": 2500, "currency": "EUR"}});
    admin.patch(&format!("/products/{id}"), &dearer).await.is(200);
    for (amount, currency) in [(3998, "EUR"), (5000, "USD")] {
        let refused = expecting(amount, currency).await.problem(409, "price-changed");
        refused.has("/total", json!({"amount": 5000, "currency": "EUR"}));
    }
    assert_eq!(shop.stock(&id).await, 5);
    let placed = expecting(5000, "EUR").await.is(201);
    // It is no part of the request: once the order is there, a repeat finds it whatever it expects.
    let replay = expecting(1, "EUR").await.is(201).has_header("idempotency-replayed", "true");
    replay.check(replay.body == placed.body, format!("differs from {placed}"));
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn a_declined_payment_gives_the_stock_back() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    for (method, decline_code) in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ] {
        let declined = customer.post("/orders", &an_order(&id, 5, method)).key(&random()).await;
        let declined = declined
            .problem(402, "payment-declined")
            .has("/order/status", "FAILED")
            .has("/payment/status", "DECLINED")
            .has("/payment/decline_code", decline_code);
        let order = declined.text_at("/order/id");
        let read = customer.get(&format!("/orders/{order}")).await.is(200);
        read.check(read.at("/order") == declined.at("/order"), format!("reads differently from {declined}"));
        assert_eq!(shop.stock(&id).await, 5);
    }
    customer.post("/orders", &an_order(&id, 5, VISA)).key(&random()).await.is(201);
    assert_eq!(shop.stock(&id).await, 0);
}

#[tokio::test]
async fn an_unknown_payment_is_pending_and_an_immediate_repeat_is_in_progress() {
    let why = "moves the clock past the time that an order may take";
    let Some(shop) = Shop::in_process(why, Setup::default()).await else {
        return;
    };
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let order = an_order(&id, 2, "pm_sandbox_unknown");
    let send = || customer.post("/orders", &order).key(&key);

    let first = send().await.is(202).has("/order/status", "PENDING").has("/payment/status", "UNKNOWN");
    let first = first.has("/payment/provider", Value::Null).has("/payment/decline_code", Value::Null);
    let path = format!("/orders/{}", first.text_at("/order/id"));
    let first = first.has_header("location", &path);
    first.check((1..=15).contains(&first.number_in("retry-after")), "not the time until the order is old enough");

    let repeat = send().await.problem(409, "request-in-progress");
    repeat.check((1..=15).contains(&repeat.number_in("retry-after")), "not the time until the order is old enough");
    shop.advance(Duration::from_secs(20));
    let later = send().await.is(202).has("/order/status", "PENDING").has_header("location", &path);
    later.check(later.number_in("retry-after") >= 1, "no time to wait");
    customer.get(&path).await.is(200).has("/order/status", "PENDING").has("/payment/status", "UNKNOWN");
    assert_eq!(shop.stock(&id).await, 3, "an unknown payment holds its stock");
}

#[tokio::test]
async fn more_than_there_is_is_out_of_stock_and_leaves_the_key_unused() {
    let shop = Shop::start().await;
    let (customer, scarce, plenty) = (shop.customer().await, shop.product(2).await, shop.product(50).await);
    let order = |quantity: i64| {
        json!({
            "items": [{"product_id": plenty, "quantity": 10}, {"product_id": scarce, "quantity": quantity}],
            "payment": {"method": VISA},
        })
    };
    let key = random();
    let refused = customer.post("/orders", &order(3)).key(&key).await.problem(409, "out-of-stock");
    refused.has("/lines", json!([{"product_id": scarce, "asked": 3, "available": 2}]));
    assert_eq!((shop.stock(&scarce).await, shop.stock(&plenty).await), (2, 50));
    customer.post("/orders", &order(2)).key(&key).await.is(201);
    assert_eq!((shop.stock(&scarce).await, shop.stock(&plenty).await), (0, 40));
}

#[tokio::test]
async fn a_list_of_orders_is_paged_newest_first() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(50).await);
    let mut placed = Vec::new();
    for _ in 0..5 {
        shop.advance(Duration::from_millis(5));
        let answer = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201);
        placed.insert(0, answer.json());
    }
    for limit in [1, 2, 5, 100] {
        let mut seen = Vec::new();
        let mut call = customer.get("/orders").query("limit", limit);
        loop {
            let page = call.await.is(200);
            page.check(page.items().len() <= limit, "a page longer than its limit");
            seen.extend(page.items());
            let Some(cursor) = page.at("/next").as_str().map(str::to_owned) else {
                break;
            };
            call = customer.get("/orders").query("limit", limit).query("cursor", cursor);
        }
        assert_eq!(seen, placed, "pages of {limit}");
    }
}

#[tokio::test]
async fn another_users_order_is_not_there() {
    let shop = Shop::start().await;
    let (anna, ben, id) = (shop.customer().await, shop.customer().await, shop.product(5).await);
    let key = random();
    let annas = anna.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201).text_at("/order/id");
    ben.get(&format!("/orders/{annas}")).await.problem(404, "not-found");
    ben.get("/orders").await.is(200).has("/items", json!([]));
    let nobodys = format!("/orders/ord_{}", "a".repeat(52));
    let (other, none) = (ben.get(&format!("/orders/{annas}")).await, ben.get(&nobodys).await.problem(404, "not-found"));
    assert_eq!(other.text_without_id(), none.text_without_id(), "\n{other}\n{none}");
    ben.get("/orders/nonsense").await.problem(404, "not-found");
    shop.admin().await.get(&format!("/orders/{annas}")).await.problem(404, "not-found");

    let bens = ben.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201).text_at("/order/id");
    assert_ne!(annas, bens, "equal keys of two users are two orders");
    anna.get("/orders?limit=1").await.is(200).has("/items/0/order/id", annas.as_str()).has("/next", Value::Null);
}

#[tokio::test]
async fn a_cursor_of_another_users_orders_is_refused() {
    let shop = Shop::start().await;
    let (anna, ben, id) = (shop.customer().await, shop.customer().await, shop.product(5).await);
    for customer in [&anna, &ben] {
        for _ in 0..2 {
            customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201);
        }
    }
    let cursor = anna.get("/orders?limit=1").await.is(200).text_at("/next");
    ben.get("/orders?limit=1").query("cursor", &cursor).await.problem(400, "invalid-cursor");
    anna.get("/orders?limit=1").query("cursor", &cursor).await.is(200);
}

/// DynamoDB ends an answer at 1 MB, which 60 orders of this size pass.
#[tokio::test]
async fn a_page_of_large_orders_is_whole() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let mut items = Vec::new();
    for number in 0..50 {
        let product = json!({
            "name": format!("{number:02} {}", "ö".repeat(97)), "description": "d", "category": "c",
            "price": {"amount": 1, "currency": "EUR"},
        });
        items.push(json!({"product_id": shop.product_like(&product, 1000).await, "quantity": 1}));
    }
    let line = "ö".repeat(100);
    let body = json!({
        "items": items,
        "payment": {"method": VISA},
        "shipping_address": {
            "name": line, "lines": [line, line, line, line], "postal_code": "1", "city": line, "country": "DE",
        },
    });
    let calls: Vec<_> = (0..60).map(|_| customer.post("/orders", &body).key(&random())).collect();
    for placed in all_answered(&shop, &calls, 1).await {
        placed.is(201);
    }
    let page = customer.get("/orders?limit=100").await.is(200);
    assert_eq!(page.items().len(), 60);
    page.has("/next", Value::Null);
}
