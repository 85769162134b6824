//! The same order sent again: the same answer, whatever has happened since, and never a second order.

use serde_json::json;

use crate::shop::{Shop, VISA, an_order, random};

#[tokio::test]
async fn a_replay_is_equal_byte_for_byte_also_after_the_order_was_shipped() {
    let shop = Shop::start().await;
    let (admin, customer, id, key) = (shop.admin().await, shop.customer().await, shop.product(5).await, random());
    let send = || customer.post("/orders", &an_order(&id, 2, VISA)).key(&key);
    let first = send().await.is(201);
    let order = first.text_at("/order/id");
    let fulfil = format!("/orders/{order}/fulfilment");
    for step in [
        None,
        Some(json!({"status": "PACKED"})),
        Some(json!({"status": "SHIPPED", "carrier": "DHL", "tracking_number": "00340434161094042557"})),
        Some(json!({"status": "DELIVERED"})),
    ] {
        if let Some(step) = step {
            admin.post(&fulfil, &step).await.is(200);
        }
        let replay = send().await.is(201).has_header("idempotency-replayed", "true");
        let replay = replay.has_header("location", &format!("/orders/{order}"));
        replay.check(replay.body == first.body, format!("differs from {first}"));
    }
    customer.get(&format!("/orders/{order}")).await.is(200).has("/order/status", "DELIVERED");
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn a_decline_is_replayed_and_a_new_key_tries_again() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let send = || customer.post("/orders", &an_order(&id, 2, "pm_card_chargeDeclined")).key(&key);
    let first = send().await.problem(402, "payment-declined");
    let replay = send().await.problem(402, "payment-declined").has_header("idempotency-replayed", "true");
    assert_eq!(replay.text_without_id(), first.text_without_id(), "\n{first}\n{replay}");
    assert_eq!(shop.stock(&id).await, 5);
    customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.problem(422, "idempotency-key-reused");
    customer.post("/orders", &an_order(&id, 2, VISA)).key(&random()).await.is(201);
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn the_same_request_in_another_form_is_a_replay() {
    let shop = Shop::start().await;
    let (customer, lamp, desk) = (shop.customer().await, shop.product(9).await, shop.product(9).await);
    let key = random();
    let order = json!({
        "items": [{"product_id": lamp, "quantity": 3}, {"product_id": desk, "quantity": 1}],
        "payment": {"method": VISA},
        "shipping_address": {
            "name": "Caf\u{e9}", "lines": ["1"], "postal_code": "1", "city": "London", "country": "GB",
        },
    });
    let first = customer.post("/orders", &order).key(&key).await.is(201);
    let other_form = format!(
        r#" {{ "shipping_address": {{"country":"GB","city":" London ","postal_code":"1","lines":["1"],"name":"Cafe\u0301"}},
        "payment":{{"method":"{VISA}"}},
        "items":[{{"quantity":1,"product_id":"{lamp}"}},{{"product_id":"{desk}","quantity":1}},{{"product_id":"{lamp}","quantity":2}}] }}"#
    );
    let replay = customer.post("/orders", &json!(null)).text(&other_form).key(&key).await.is(201);
    replay.check(replay.body == first.body, format!("differs from {first}"));
    assert_eq!(shop.stock(&lamp).await, 6);
}

#[tokio::test]
async fn another_request_under_a_used_key_changes_nothing() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(50).await, random());
    let first = customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
    let mut elsewhere = an_order(&id, 1, VISA);
    elsewhere["shipping_address"]["city"] = json!("Paris");
    let mut nowhere = an_order(&id, 1, VISA);
    nowhere.as_object_mut().expect("an object").remove("shipping_address");
    let other_product = shop.product(5).await;
    for other in [
        an_order(&id, 2, VISA),
        an_order(&other_product, 1, VISA),
        an_order(&id, 1, "pm_card_mastercard"),
        an_order(&id, 1, "pm_card_chargeDeclined"),
        elsewhere,
        nowhere,
    ] {
        customer.post("/orders", &other).key(&key).await.problem(422, "idempotency-key-reused");
    }
    let replay = customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
    replay.check(replay.body == first.body, format!("differs from {first}"));
    assert_eq!((shop.stock(&id).await, shop.stock(&other_product).await), (49, 5));
    customer.get("/orders").await.is(200).has("/items/0/order/id", first.text_at("/order/id"));
}

#[tokio::test]
async fn a_replay_does_not_ask_whether_the_product_is_still_sold() {
    let shop = Shop::start().await;
    let (admin, customer, id, key) = (shop.admin().await, shop.customer().await, shop.product(2).await, random());
    let first = customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.is(201);
    let replay = customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.is(201);
    replay.check(replay.body == first.body, "sold out since, and answered differently");
    admin.delete(&format!("/products/{id}")).await.is(204);
    let replay = customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.is(201);
    replay.check(replay.body == first.body, "archived since, and answered differently");
}
