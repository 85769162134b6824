//! Whatever an order needs and gets no answer from, its client gets one in time: 503 where nothing can have been charged,
//! 202 where it can. And the order ends.

use std::time::{Duration, Instant};

use http::Method;
use local::chaos::{Chaos, Fault, Rule, Wire};
use serde_json::Value;
use shared::ids::OrderId;

use crate::client::Answer;
use crate::reconcile::reconcile;
use crate::shop::{Setup, Shop, VISA, a_product, an_order, product_by, random};

/// The API would answer by itself after 30 s; a customer has gone by then.
const IN_TIME: Duration = Duration::from_secs(15);

/// What does not answer, for which of the calls about an order, what its client is told, and how it has ended then.
const HANGS: [(&str, Wire, &str, u64, u16, &str); 8] = [
    ("the database, as orders reads prices", Wire::Database, "BatchGetItem", 1, 503, "no order"),
    ("the database, as orders places", Wire::Database, "TransactWriteItems", 1, 503, "no order"),
    ("the database, as orders settles", Wire::Database, "TransactWriteItems", 2, 202, "CONFIRMED"),
    ("the database, as payments begins", Wire::Database, "PutItem", 1, 202, "FAILED"),
    ("the database, as payments goes on", Wire::Database, "UpdateItem", 1, 202, "CONFIRMED"),
    ("orders, as it is to place", Wire::Lambda, "place", 1, 503, "no order"),
    ("orders, as it is to settle", Wire::Lambda, "settle", 1, 202, "CONFIRMED"),
    ("payments, as it is to charge", Wire::Lambda, "charge", 1, 202, "FAILED"),
];

/// The same for an order that is being cancelled.
const HANGS_OF_A_CANCELLATION: [(&str, Wire, &str, u64, u16, &str); 2] = [
    ("orders, as it is to begin", Wire::Lambda, "cancel", 1, 503, "CONFIRMED"),
    ("payments, as it is to refund", Wire::Lambda, "refund", 1, 202, "CANCELLED"),
];

#[tokio::test]
async fn what_hangs_is_answered_for_in_time_and_the_order_ends() {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process("lets calls hang", setup).await else { return };
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let user = customer.get("/users/me").await.is(200).text_at("/id").parse().expect("a user's id");

    let mut calls = Vec::new();
    for (number, (what, wire, kind, nth, status, end)) in HANGS.into_iter().chain(HANGS_OF_A_CANCELLATION).enumerate() {
        let (product, key) = (product_by(&admin, &a_product(), 5).await, random());
        let order = OrderId::for_key(&user, &key.parse().expect("a key")).to_string();
        let mut call = customer.post("/orders", &an_order(&product, 2, VISA)).key(&key);
        if number >= HANGS.len() {
            call.clone().await.is(201);
            call = customer.call(Method::POST, &format!("/orders/{order}/cancel"));
        }
        // Prices are read before there is an order.
        let about = if kind == "BatchGetItem" { &product } else { &order };
        let planned = chaos.plan(Rule::new(Fault::Hang).on(wire, kind).about(about).some(nth, u64::MAX));
        calls.push((what, status, end, product, order, planned, tokio::spawn(timed(call.into_future()))));
    }
    let mut hung = Vec::new();
    for (what, status, end, product, order, planned, answer) in calls {
        let (answer, took) = answer.await.expect("an answer");
        let answer = answer.is(status);
        answer.check(took < IN_TIME, format!("{what}: took {took:?}"));
        answer.check(planned.met() > 0, format!("{what}: nothing hung"));
        answer.check(answer.number_in("retry-after") > 0, format!("{what}: no time to come back"));
        hung.push((what, end, product, order));
    }

    chaos.end();
    for seconds in [31, 61, 121] {
        shop.advance(Duration::from_secs(seconds));
        reconcile(&shop).await;
    }
    for (what, end, product, order) in hung {
        let read = customer.get(&format!("/orders/{order}")).await;
        let found = if read.status == 404 { Value::from("no order") } else { read.at("/order/status") };
        read.check(found == end, format!("{what}: expected {end}"));
        let stock = shop.stock_numbers(&product).await;
        let sold = if end == "CONFIRMED" { 2 } else { 0 };
        assert_eq!((stock.available, stock.reserved), (5 - sold, 0), "{what}");
    }
    shop.books_balance().await;
}

async fn timed(call: impl Future<Output = Answer>) -> (Answer, Duration) {
    let started = Instant::now();
    let answer = call.await;
    (answer, started.elapsed())
}
