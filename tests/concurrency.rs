//! Many at once: nothing is sold twice, and one order stays one order.

use std::sync::Arc;
use std::time::Duration;

use local::chaos::{Chaos, Fault, Rate, Rule, Wire};
use tokio::sync::Semaphore;

use crate::client::Call;
use crate::shop::{Setup, Shop, VISA, all_at_once, an_order, random};
use crate::tables::Stock;

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
async fn one_order_sent_a_hundred_times_at_once_is_one_order() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(50).await, random());
    let calls = (0..100).map(|_| {
        let call = customer.post("/orders", &an_order(&id, 1, VISA)).key(&key);
        async move {
            let mut answer = call.clone().await;
            // So many at once may be more than the machine can do in time.
            for _ in 0..10 {
                if answer.status == 503 {
                    answer = call.clone().await;
                }
            }
            answer
        }
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
    let after = customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
    after.check(after.body == expected, "a later replay differs");
    assert_eq!(customer.get("/orders").await.is(200).items().len(), 1);
    assert_eq!(shop.stock(&id).await, 49);
}

/// Conflicts with other transactions, which neither the embedded database nor DynamoDB Local ever has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_buyers_of_two_hundred_pieces_buy_them_all_whatever_gets_in_their_way() {
    let (chaos, seed) = (Chaos::none(), fastrand::u64(..));
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process("puts conflicts before the database", setup).await else { return };
    let id = shop.product(200).await;
    let mut customers = Vec::new();
    for _ in 0..10 {
        customers.push(shop.customer().await);
    }
    let conflict = Rule::new(Fault::Conflict).on(Wire::Database, "TransactWriteItems");
    let conflicts = chaos.plan(conflict.by_chance(Rate::percent(20), seed));

    let door = Arc::new(Semaphore::new(50));
    let customers = customers.iter().cycle();
    let mut open: Vec<Call> =
        customers.take(1000).map(|customer| customer.post("/orders", &an_order(&id, 1, VISA)).key(&random())).collect();
    let (mut confirmed, mut refused) = (0, 0);
    for _ in 0..10 {
        let calls = open.iter().map(|call| {
            let (call, door) = (call.clone(), Arc::clone(&door));
            async move {
                let _through = door.acquire().await;
                call.await
            }
        });
        let answers = all_at_once(calls.collect::<Vec<_>>()).await;
        let mut again = Vec::new();
        for (call, answer) in open.into_iter().zip(answers) {
            match answer.status {
                201 => confirmed += 1,
                _ if answer.header("retry-after").is_some() => again.push(call),
                _ => {
                    answer.problem(409, "out-of-stock").has("/lines/0/available", 0);
                    refused += 1;
                }
            }
        }
        open = again;
        // As long as any Retry-After says.
        shop.advance(Duration::from_secs(16));
    }
    assert!(open.is_empty(), "seed {seed}: {} buyers still wait", open.len());
    assert!(conflicts.met() > 200, "seed {seed}: only {} conflicts", conflicts.met());
    assert_eq!((confirmed, refused), (200, 800), "seed {seed}");
    assert_eq!(shop.stock_numbers(&id).await, Stock { received: 200, available: 0, reserved: 0 }, "seed {seed}");
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
