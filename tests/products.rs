//! What an admin does to the catalogue, and that nobody else does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shop::{Shop, VISA, a_product, an_order, random};

#[tokio::test]
async fn an_admin_makes_a_product_and_everybody_finds_it() {
    let shop = Shop::start().await;
    let made = shop.admin().await.post("/products", &a_product()).await.is(201);
    let id = made.text_at("/id");
    made.check(id.starts_with("prd_"), "an id of another kind");
    let made = made.has_header("location", &format!("/products/{id}")).has("/price/amount", 1999).has("/stock", 0);
    let found = shop.anonymous().get(&format!("/products/{id}")).await.is(200);
    found.check(found.json() == made.json(), format!("differs from what making it answered: {made}"));
}

#[tokio::test]
async fn an_admin_changes_only_what_the_change_names() {
    let shop = Shop::start().await;
    let (admin, id) = (shop.admin().await, shop.product(4).await);
    let path = format!("/products/{id}");
    let before = admin.get(&path).await.is(200);
    let change = json!({"price": {"amount": 2199, "currency": "EUR"}});
    admin.patch(&path, &change).await.is(200).has("/price/amount", 2199).has("/name", before.at("/name"));
    let after = admin.get(&path).await.is(200).has("/price/amount", 2199);
    for member in ["/id", "/name", "/description", "/category", "/image", "/stock"] {
        after.check(after.at(member) == before.at(member), format!("{member} has changed"));
    }
}

#[tokio::test]
async fn an_archived_product_is_gone_and_cannot_be_ordered() {
    let shop = Shop::start().await;
    let (admin, customer, id) = (shop.admin().await, shop.customer().await, shop.product(4).await);
    admin.delete(&format!("/products/{id}")).await.is(204);
    admin.delete(&format!("/products/{id}")).await.is(204);
    shop.anonymous().get(&format!("/products/{id}")).await.problem(404, "not-found");
    let order = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await;
    order.problem(409, "product-unavailable").has("/product_ids", json!([id]));
}

#[tokio::test]
async fn a_restock_counts_once_however_often_it_is_sent() {
    let shop = Shop::start().await;
    let (admin, id, key) = (shop.admin().await, shop.product(5).await, random());
    let path = format!("/products/{id}/stock");
    let first = admin.post(&path, &json!({"change": 20})).key(&key).await.is(200);
    for _ in 0..3 {
        let again = admin.post(&path, &json!({"change": 20})).key(&key).await.is(200);
        again.check(again.body == first.body, format!("a replay that differs from {first}"));
        again.has_header("idempotency-replayed", "true");
    }
    assert_eq!(shop.stock(&id).await, 25);
    admin.post(&path, &json!({"change": 21})).key(&key).await.problem(422, "idempotency-key-reused");
    admin.post(&path, &json!({"change": -5})).key(&random()).await.is(200);
    assert_eq!(shop.stock(&id).await, 20);
    admin.post(&path, &json!({"change": -21})).key(&random()).await.problem(409, "stock-too-low");
    admin.post(&path, &json!({"change": 1})).await.problem(400, "invalid-idempotency-key");
    for wrong in
        [json!({"change": 0}), json!({"change": 1.5}), json!({"change": "1"}), json!({}), json!({"change": 1, "x": 1})]
    {
        admin.post(&path, &wrong).key(&random()).await.problem(400, "invalid-request");
    }
    assert_eq!(shop.stock(&id).await, 20);
}

#[tokio::test]
async fn a_restock_of_a_product_that_is_not_there_is_not_found() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    let nowhere = "/products/prd_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    admin.post(&format!("{nowhere}/stock"), &json!({"change": 1})).key(&random()).await.problem(404, "not-found");
    admin.patch(nowhere, &json!({"name": "Ghost"})).await.problem(404, "not-found");
    admin.delete(nowhere).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_product_that_cannot_be_accepted_points_at_the_field() {
    let shop = Shop::start().await;
    let (admin, id) = (shop.admin().await, shop.product(1).await);
    for (pointer, wrong) in [
        ("/name", json!("")),
        ("/name", json!("x".repeat(1000))),
        ("/category", json!("")),
        ("/price", json!(19.99)),
        ("/price/amount", json!(19.99)),
        ("/price", json!({"amount": -1, "currency": "EUR"})),
        ("/price/currency", json!("eur")),
        ("/price/currency", json!("USD")),
        ("/image", json!("")),
        ("/surprise", json!(1)),
    ] {
        let mut product = a_product();
        match pointer.split('/').skip(1).collect::<Vec<_>>()[..] {
            [outer, inner] => product[outer][inner] = wrong.clone(),
            [member] => product[member] = wrong.clone(),
            _ => unreachable!("{pointer}"),
        }
        admin.post("/products", &product).await.problem(400, "invalid-request").points_at(pointer);
        let top = pointer.split('/').nth(1).expect("a member");
        let change = json!({ top: product[top] });
        admin.patch(&format!("/products/{id}"), &change).await.problem(400, "invalid-request").points_at(pointer);
    }
}

#[tokio::test]
async fn a_customer_may_not_do_what_an_admin_does() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(3).await);
    let order = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201).text_at("/order/id");
    for call in [
        customer.post("/products", &a_product()),
        customer.post("/products", &json!({"nonsense": true})),
        customer.patch(&format!("/products/{id}"), &json!({"name": "Mine"})),
        customer.delete(&format!("/products/{id}")),
        customer.post(&format!("/products/{id}/stock"), &json!({"change": 1})).key(&random()),
        customer.get("/fulfilment?status=CONFIRMED"),
        customer.get(&format!("/fulfilment/{order}")),
        customer.post(&format!("/orders/{order}/fulfilment"), &json!({"status": "PACKED"})),
    ] {
        call.await.problem(403, "forbidden");
    }
    shop.advance(Duration::from_secs(3));
    shop.anonymous()
        .get(&format!("/products/{id}"))
        .await
        .is(200)
        .has("/name", a_product()["name"].clone())
        .has("/stock", 2);
    customer
        .get(&format!("/orders/{order}"))
        .await
        .is(200)
        .has("/order/status", "CONFIRMED")
        .has("/order/shipment", Value::Null);
}
