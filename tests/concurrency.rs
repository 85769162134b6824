//! Many at once: nothing is sold twice, and one order stays one order.

use local::chaos::{Chaos, Fault, Rate, Rule, Wire};

use crate::provider::Provider;
use crate::shop::{Setup, Shop, VISA, all_at_once, an_order, random};
use crate::steps::all_answered;
use crate::tables::Stock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_buyers_of_ten_pieces_buy_exactly_ten() {
    let (shop, provider) = Shop::start_with_provider().await;
    let id = shop.product(10).await;
    let mut customers = Vec::new();
    for _ in 0..10 {
        customers.push(shop.customer().await);
    }
    let buyers = customers.iter().cycle().take(100);
    let calls: Vec<_> = buyers.map(|buyer| buyer.post("/orders", &an_order(&id, 1, VISA)).key(&random())).collect();
    let answers = all_answered(&shop, &calls, calls.len()).await;
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
    if let Some(provider) = provider {
        let moved: Vec<_> = provider.ledgers().into_values().collect();
        assert_eq!(moved, vec![[1999]; 10], "each charged once, and nobody else");
    }
    shop.books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_sent_a_hundred_times_at_once_is_one_order() {
    let (shop, provider) = Shop::start_with_provider().await;
    let (customer, id, key) = (shop.customer().await, shop.product(50).await, random());
    let calls = vec![customer.post("/orders", &an_order(&id, 1, VISA)).key(&key); 100];
    // Whoever comes while another is at work on it is told so, and asks again.
    let answers = all_answered(&shop, &calls, calls.len()).await;
    let firsts = answers.iter().filter(|answer| answer.header("idempotency-replayed") != Some("true")).count();
    assert!(firsts <= 1, "{firsts} answers claim to be the first");
    let expected = answers[0].body.clone();
    for answer in answers {
        let answer = answer.is(201);
        answer.check(answer.body == expected, "differs from another answer");
    }
    let after = customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
    after.check(after.body == expected, "a later replay differs");
    assert_eq!(customer.get("/orders").await.is(200).items().len(), 1);
    assert_eq!(shop.stock(&id).await, 49);
    if let Some(provider) = provider {
        assert_eq!(provider.ledger(&after.text_at("/order/id")), [1999], "charged once");
    }
    shop.books_balance().await;
}

/// Conflicts with other transactions, which neither the embedded database nor DynamoDB Local ever has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_buyers_of_two_hundred_pieces_buy_them_all_whatever_gets_in_their_way() {
    let (chaos, seed, provider) = (Chaos::none(), fastrand::u64(..), Provider::start().await);
    let setup = Setup { chaos: Some(chaos.clone()), ..provider.setup() };
    let Some(shop) = Shop::in_process("puts conflicts before the database", setup).await else { return };
    let id = shop.product(200).await;
    let mut customers = Vec::new();
    for _ in 0..10 {
        customers.push(shop.customer().await);
    }
    let conflict = Rule::new(Fault::Conflict).on(Wire::Database, "TransactWriteItems");
    let conflicts = chaos.plan(conflict.by_chance(Rate::percent(20), seed));

    let buyers = customers.iter().cycle().take(1000);
    let calls: Vec<_> = buyers.map(|buyer| buyer.post("/orders", &an_order(&id, 1, VISA)).key(&random())).collect();
    let (mut confirmed, mut refused) = (0, 0);
    for answer in all_answered(&shop, &calls, 50).await {
        if answer.status == 201 {
            confirmed += 1;
        } else {
            answer.problem(409, "out-of-stock").has("/lines/0/available", 0);
            refused += 1;
        }
    }
    assert!(conflicts.met() > 200, "seed {seed}: only {} conflicts", conflicts.met());
    assert_eq!((confirmed, refused), (200, 800), "seed {seed}");
    assert_eq!(shop.stock_numbers(&id).await, Stock { received: 200, available: 0, reserved: 0 }, "seed {seed}");
    let moved: Vec<_> = provider.ledgers().into_values().collect();
    assert_eq!(moved, vec![[1999]; 200], "seed {seed}: each charged once");
    chaos.end();
    shop.books_balance().await;
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
