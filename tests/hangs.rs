//! Whatever an order needs and gets no answer from, its client gets one in time: 503 where nothing can have been charged,
//! 202 where it can. So do the payment provider and the schedule. And the order ends.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use local::chaos::{Chaos, Fault, Rule, Wire};
use serde_json::{Value, json};

use crate::direct::invoke;
use crate::provider::{Call, Provider, SLOW, Trouble};
use crate::shop::{Setup, Shop, VISA, a_product, an_order, product_by, random};
use crate::steps::{HALF_WAY, order_of, place, reconcile};

/// The API would answer by itself after 30 s; a customer has gone by then.
const IN_TIME: Duration = Duration::from_secs(15);
const WHY: &str = "lets calls hang";
/// What two pieces of the test's product cost.
const TOTAL: i64 = 3998;

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

/// Which call the provider does not answer; the one before it that fails, if that leads to it; how the order has ended
/// then; and the money that has moved.
const HANGS_OF_THE_PROVIDER: [(Call, Option<Call>, &str, &[i64]); 5] = [
    (Call::Prepare, None, "FAILED", &[]),
    (Call::Confirm, None, "CONFIRMED", &[TOTAL]),
    (Call::Retrieve, Some(Call::Confirm), "CONFIRMED", &[TOTAL]),
    (Call::Refund, None, "CANCELLED", &[TOTAL, -TOTAL]),
    (Call::ListRefunds, Some(Call::Refund), "CANCELLED", &[TOTAL, -TOTAL]),
];

/// The commands of a run of the schedule.
const HANGS_OF_THE_SCHEDULE: [&str; 4] = ["claim", "roll_forward", "settle", "backlog"];

/// The commands that a webhook leads to.
const HANGS_OF_A_WEBHOOK: [&str; 4] = ["webhook", "find", "roll_forward", "settle"];

#[tokio::test]
async fn what_hangs_is_answered_for_in_time_and_the_order_ends() {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let user = customer.user_id().await;

    let mut calls = Vec::new();
    for (number, (what, wire, kind, nth, status, end)) in HANGS.into_iter().chain(HANGS_OF_A_CANCELLATION).enumerate() {
        let (product, key) = (product_by(&admin, &a_product(), 5).await, random());
        let order = order_of(&user, &key);
        let mut call = customer.post("/orders", &an_order(&product, 2, VISA)).key(&key);
        if number >= HANGS.len() {
            call.clone().await.is(201);
            call = customer.cancel(&order);
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
    run_the_schedule(&shop).await;
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

#[tokio::test]
async fn a_provider_that_hangs_keeps_nobody_waiting_and_moves_money_once() {
    all_of(HANGS_OF_THE_PROVIDER.map(|(call, before, end, moved)| a_provider_hangs(call, before, end, moved))).await;
}

async fn a_provider_hangs(call: Call, before: Option<Call>, end: &str, moved: &[i64]) {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product, key) = (shop.customer().await, shop.product(5).await, random());
    let order = order_of(&customer.user_id().await, &key);
    let mut request = customer.post("/orders", &an_order(&product, 2, VISA)).key(&key);
    if end == "CANCELLED" {
        request.clone().await.is(201);
        request = customer.cancel(&order);
    }
    if let Some(before) = before {
        provider.trouble(before, Trouble::FailsAfter);
        request.clone().await.is(202);
        shop.advance(HALF_WAY);
    }
    provider.always(call, Trouble::Hangs);
    let (answer, took) = timed(request.into_future()).await;
    let answer = answer.is(202);
    answer.check(took < IN_TIME, format!("{call:?}: took {took:?}"));
    answer.check(answer.number_in("retry-after") > 0, format!("{call:?}: no time to come back"));
    assert_eq!(provider.calls().last(), Some(&call), "nothing hung");

    shop.advance(HALF_WAY);
    let (_, took) = timed(reconcile(&shop)).await;
    assert!(took < IN_TIME, "{call:?}: the schedule took {took:?}");
    provider.recovers();
    run_the_schedule(&shop).await;
    assert_eq!(customer.statuses(&order).await.0, end, "{call:?}");
    assert_eq!(provider.ledger(&order), moved, "{call:?}");
    shop.books_balance().await;
}

#[tokio::test]
async fn secrets_that_cannot_be_read_keep_nobody_waiting() {
    let provider = Provider::start().await;
    // It is connected to, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut setup = provider.setup();
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    setup.variables.insert("AWS_ENDPOINT_URL_SSM".to_owned(), url);
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let request = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random());
    let (answer, took) = timed(request.into_future()).await;
    let order = answer.is(202).text_at("/order/id");
    assert!(took < IN_TIME, "took {took:?}");
    assert_eq!(provider.calls(), []);

    shop.advance(HALF_WAY);
    reconcile(&shop).await;
    assert_eq!(customer.statuses(&order).await, ("FAILED".to_owned(), "VOIDED".to_owned()));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_run_of_the_schedule_in_which_something_hangs_ends_in_time_and_the_next_ends_the_order() {
    all_of(HANGS_OF_THE_SCHEDULE.map(a_run_hangs)).await;
}

async fn a_run_hangs(command: &'static str) {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &product, 2).await;
    shop.advance(HALF_WAY);
    let planned = chaos.plan(Rule::new(Fault::Hang).on(Wire::Lambda, command));
    let (_, took) = timed(invoke(&shop, "checkout", &json!({"command": "reconcile"}))).await;
    assert!(took < IN_TIME, "{command}: took {took:?}");
    assert!(planned.met() > 0, "{command}: nothing hung");
    chaos.end();
    run_the_schedule(&shop).await;
    let order = placed["order"]["id"].as_str().expect("an id");
    assert_eq!(customer.statuses(order).await.0, "FAILED", "{command}");
    shop.books_balance().await;
}

#[tokio::test]
async fn a_webhook_that_something_hangs_for_is_answered_in_time_and_sent_again() {
    all_of(HANGS_OF_A_WEBHOOK.map(a_webhook_hangs)).await;
}

async fn a_webhook_hangs(command: &'static str) {
    let (chaos, provider) = (Chaos::none(), Provider::start().await);
    let setup = Setup { chaos: Some(chaos.clone()), ..provider.setup() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 2, SLOW)).key(&random()).await.is(202);
    let order = order.text_at("/order/id");
    let event = provider.captures(&order);
    let signature = provider.sign(&event.to_string(), shop.inner().clock().now());
    let send = || shop.anonymous().post("/webhooks/stripe", &event).header("stripe-signature", &signature);
    let planned = chaos.plan(Rule::new(Fault::Hang).on(Wire::Lambda, command));
    let (answer, took) = timed(send().into_future()).await;
    answer.problem(503, "unavailable");
    assert!(took < IN_TIME, "{command}: took {took:?}");
    assert!(planned.met() > 0, "{command}: nothing hung");
    chaos.end();
    send().await.is(200);
    assert_eq!(customer.statuses(&order).await.0, "CONFIRMED", "{command}");
    assert_eq!(provider.ledger(&order), [TOTAL], "{command}");
    shop.books_balance().await;
}

async fn run_the_schedule(shop: &Shop) {
    for seconds in [31, 61, 121] {
        shop.advance(Duration::from_secs(seconds));
        reconcile(shop).await;
    }
}

/// Each has a shop of its own, so they need not wait for each other.
async fn all_of<F: Future<Output = ()> + Send + 'static>(tests: impl IntoIterator<Item = F>) {
    let tests: Vec<_> = tests.into_iter().map(tokio::spawn).collect();
    for test in tests {
        test.await.expect("a test that passes");
    }
}

async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let answer = call.await;
    (answer, started.elapsed())
}
