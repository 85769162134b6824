//! The command that takes a user's shipping addresses out of the orders that are over, through the invoke door.

use serde_json::{Value, json};

use crate::direct::{failed, invoke, json_of};
use crate::shop::{Setup, Shop, VISA, an_order, random};

const WHY: &str = "invokes functions directly";
const ADDRESS: &str = "/order/shipping_address";

#[tokio::test]
async fn addresses_of_orders_that_are_over_are_erased_and_the_others_kept() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, other, admin) = (shop.customer().await, shop.customer().await, shop.admin().await);
    let id = shop.product(500).await;
    let user = customer.get("/users/me").await.is(200).text_at("/id");
    let erase = json!({"command": "erase_addresses", "user_id": user});
    assert_eq!(json_of(&invoke(&shop, "orders", &erase).await), json!({"erased": 0, "kept": 0}));

    let order = |method: &'static str, status: u16| {
        let (customer, id) = (customer.clone(), id.clone());
        async move {
            let (key, body) = (random(), an_order(&id, 1, method));
            let placed = customer.post("/orders", &body).key(&key).await.is(status);
            (key, placed.text_at("/order/id"))
        }
    };
    let (declined_key, declined) = order("pm_card_chargeDeclined", 402).await;
    let (delivered_key, delivered) = order(VISA, 201).await;
    let (_, cancelled) = order(VISA, 201).await;
    let (_, confirmed) = order(VISA, 201).await;
    let (_, shipped) = order(VISA, 201).await;
    let strangers = other.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201).text_at("/order/id");
    other.post(&format!("/orders/{strangers}/cancel"), &json!({})).await.is(200);
    customer.post(&format!("/orders/{cancelled}/cancel"), &json!({})).await.is(200);
    for (order, steps) in [(&delivered, 3), (&shipped, 2)] {
        let all = [
            json!({"status": "PACKED"}),
            json!({"status": "SHIPPED", "carrier": "Post", "tracking_number": "1"}),
            json!({"status": "DELIVERED"}),
        ];
        for step in all.iter().take(steps) {
            admin.post(&format!("/orders/{order}/fulfilment"), step).await.is(200);
        }
    }

    assert_eq!(json_of(&invoke(&shop, "orders", &erase).await), json!({"erased": 3, "kept": 2}));
    assert_eq!(json_of(&invoke(&shop, "orders", &erase).await), json!({"erased": 0, "kept": 2}), "a repeat");
    for order in [&declined, &delivered, &cancelled] {
        customer.get(&format!("/orders/{order}")).await.is(200).has(ADDRESS, Value::Null);
    }
    for order in [&confirmed, &shipped] {
        customer.get(&format!("/orders/{order}")).await.is(200).has("/order/shipping_address/city", "London");
    }
    other.get(&format!("/orders/{strangers}")).await.is(200).has("/order/shipping_address/city", "London");

    // A replay still knows the request, and shows what is left of the order.
    let replay = customer.post("/orders", &an_order(&id, 1, VISA)).key(&delivered_key).await.is(201);
    replay.has("/order/id", delivered.as_str()).has(ADDRESS, Value::Null);
    let body = an_order(&id, 1, "pm_card_chargeDeclined");
    customer.post("/orders", &body).key(&declined_key).await.is(402).has(ADDRESS, Value::Null);
    customer.post("/orders", &an_order(&id, 2, VISA)).key(&delivered_key).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn addresses_are_erased_page_by_page() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(1).await);
    let user = customer.get("/users/me").await.is(200).text_at("/id");
    for _ in 0..55 {
        customer.post("/orders", &an_order(&id, 1, "pm_card_chargeDeclined")).key(&random()).await.is(402);
    }
    let erase = json!({"command": "erase_addresses", "user_id": user});
    assert_eq!(json_of(&invoke(&shop, "orders", &erase).await), json!({"erased": 55, "kept": 0}));
}

#[tokio::test]
async fn only_a_user_is_erased() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let user = format!("usr_{}", "a".repeat(26));
    for wrong in [json!({}), json!({"user_id": "ada"}), json!({"user_id": user, "all": true})] {
        let mut command = wrong.clone();
        command["command"] = json!("erase_addresses");
        assert_eq!(failed(&invoke(&shop, "orders", &command).await), "invalid-request", "{wrong}");
    }
}
