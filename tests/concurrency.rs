//! Many at once: nothing is sold twice, and one order stays one order.

use crate::shop::{Shop, VISA, all_at_once, an_order, random};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_buyers_of_ten_pieces_buy_exactly_ten() {
    let shop = Shop::start().await;
    let id = shop.product(10).await;
    let mut customers = Vec::new();
    for _ in 0..10 {
        customers.push(shop.customer().await);
    }
    let calls = (0..100).map(|number| {
        let call = customers[number % 10].post("/orders", &an_order(&id, 1, VISA)).key(&random());
        call.until_answered()
    });
    let answers = all_at_once(calls).await;
    let confirmed = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers {
        if answer.status == 201 {
            answer.has("/order/status", "CONFIRMED").has("/payment/status", "CAPTURED");
        } else {
            answer.problem(409, "out-of-stock").has("/lines/0/available", 0);
        }
    }
    assert_eq!(confirmed, 10, "ten pieces make ten orders");
    assert_eq!(shop.stock(&id).await, 0);
    let mut listed = 0;
    for customer in &customers {
        listed += customer.get("/orders?limit=100").await.is(200).items().len();
    }
    assert_eq!(listed, 10, "an order refused for its stock leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_sent_twenty_times_at_once_is_one_order() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(50).await, random());
    let calls = (0..20).map(|_| {
        let call = customer.post("/orders", &an_order(&id, 3, VISA)).key(&key);
        async move { call.await }
    });
    let answers = all_at_once(calls).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty(), "nobody was told of the order");
    let firsts = made.iter().filter(|answer| answer.header("idempotency-replayed") != Some("true")).count();
    assert!(firsts <= 1, "{firsts} answers claim to be the first");
    for answer in &made {
        answer.check(answer.body == made[0].body, format!("differs from {}", made[0]));
    }
    let expected = made[0].body.clone();
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "request-in-progress");
    }
    let after = customer.post("/orders", &an_order(&id, 3, VISA)).key(&key).await.is(201);
    after.check(after.body == expected, "a later replay differs");
    assert_eq!(customer.get("/orders").await.is(200).items().len(), 1);
    assert_eq!(shop.stock(&id).await, 47);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_restock_sent_twenty_times_at_once_counts_once() {
    let shop = Shop::start().await;
    let (admin, id, key) = (shop.admin().await, shop.product(1).await, random());
    let calls = (0..20).map(|_| {
        let call = admin.post(&format!("/products/{id}/stock"), &serde_json::json!({"change": 7})).key(&key);
        async move { call.await }
    });
    for answer in all_at_once(calls).await {
        answer.is(200);
    }
    assert_eq!(shop.stock(&id).await, 8);
}
