//! Orders that Stripe is paid by: whatever becomes of its answers, money moves once, and the shop says what it knows.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::provider::{Call, Provider, SLOW, Trouble, sign};
use crate::reconcile::reconcile;
use crate::shop::{Setup, Shop, VISA, an_order, random};

const WHY: &str = "has a payment provider of its own";
const HALF_WAY: Duration = Duration::from_secs(31);
/// What two pieces of the test's product cost.
const TOTAL: i64 = 3998;

async fn order(customer: &Client, product: &str, method: &str) -> Answer {
    customer.post("/orders", &an_order(product, 2, method)).key(&random()).await
}

async fn cancel(customer: &Client, order: &str) -> Answer {
    customer.call(Method::POST, &format!("/orders/{order}/cancel")).await
}

async fn read(customer: &Client, order: &str) -> (String, String) {
    let read = customer.get(&format!("/orders/{order}")).await.is(200);
    (read.text_at("/order/status"), read.text_at("/payment/status"))
}

/// Sends a webhook that is signed now.
async fn send(shop: &Shop, provider: &Provider, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = provider.sign(&body, shop.inner().clock().now());
    shop.anonymous().post("/webhooks/stripe", event).header("stripe-signature", &signature).await
}

fn two(order: &str, payment: &str) -> (String, String) {
    (order.to_owned(), payment.to_owned())
}

#[tokio::test]
async fn an_order_is_paid_once_and_its_cancellation_refunded_once() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product, key) = (shop.customer().await, shop.product(5).await, random());
    let place = || customer.post("/orders", &an_order(&product, 2, VISA)).key(&key);
    let paid = place().await.is(201).has("/payment/status", "CAPTURED").has("/payment/provider", "stripe");
    let id = paid.text_at("/order/id");
    assert_eq!(provider.ledger(&id), [TOTAL]);
    assert_eq!(provider.calls(), [Call::Prepare, Call::Confirm]);
    let replay = place().await.is(201);
    replay.check(replay.body == paid.body, format!("differs from {paid}"));

    for _ in 0..2 {
        cancel(&customer, &id).await.is(200).has("/payment/status", "REFUNDED");
    }
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
    assert_eq!(provider.calls(), [Call::Prepare, Call::Confirm, Call::Refund]);
    assert_eq!(shop.stock(&product).await, 5);
    for secret in [&provider.secret_key, &provider.webhook_secret, VISA] {
        assert!(shop.log().text().iter().all(|line| !line.contains(secret)), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_decline_has_stripes_code_and_no_money_moves() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    for (method, code, intents) in [
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", vec!["requires_payment_method"]),
        // It would wait for the customer, and then be captured.
        ("pm_card_authenticationRequired", "authentication_required", vec!["canceled"]),
        ("pm_nobody_knows", "resource_missing", vec![]),
    ] {
        let declined = order(&customer, &product, method).await.problem(402, "payment-declined");
        let declined = declined.has("/payment/decline_code", code).has("/payment/provider", "stripe");
        let id = declined.text_at("/order/id");
        assert_eq!(provider.intents(&id), intents, "{method}");
        assert_eq!(provider.ledger(&id), [0; 0], "{method}");
    }
    assert_eq!(shop.stock(&product).await, 5);
}

#[tokio::test]
async fn money_whose_answer_is_lost_is_unknown_and_then_the_orders_and_moved_once() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::FailsAfter, Trouble::ReplyLost, Trouble::Nonsense, Trouble::Hangs] {
        provider.always(Call::Confirm, trouble);
        let unknown = order(&customer, &product, VISA).await.is(202).has("/payment/status", "UNKNOWN");
        let id = unknown.text_at("/order/id");
        assert_eq!(provider.ledger(&id), [TOTAL], "{trouble:?}");
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{trouble:?}");
        assert_eq!(read(&customer, &id).await, two("CONFIRMED", "CAPTURED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL], "{trouble:?}");
        provider.recovers();
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_another_try_and_no_second_payment_or_refund() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    for call in [Call::Prepare, Call::Confirm] {
        provider.trouble(call, Trouble::ReplyLost);
    }
    let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
    assert_eq!(provider.ledger(&id), [TOTAL]);
    assert_eq!(provider.intents(&id).len(), 1, "the same key, the same intent");
    provider.trouble(Call::Refund, Trouble::ReplyLost);
    cancel(&customer, &id).await.is(200).has("/payment/status", "REFUNDED");
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
}

#[tokio::test]
async fn a_repeat_goes_on_with_what_was_begun_even_where_nothing_new_can_be() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product, key) = (shop.customer().await, shop.product(5).await, random());
    let place = || customer.post("/orders", &an_order(&product, 2, VISA)).key(&key);
    provider.trouble(Call::Confirm, Trouble::FailsAfter);
    let id = place().await.is(202).text_at("/order/id");
    shop.advance(HALF_WAY);
    provider.trouble(Call::Prepare, Trouble::Refused(503));
    place().await.is(201).has("/order/status", "CONFIRMED");
    assert_eq!(provider.ledger(&id), [TOTAL]);
}

#[tokio::test]
async fn what_stripe_refuses_for_the_moment_is_confirmed_later_under_the_same_key() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for status in [409, 429, 503, 401] {
        provider.trouble(Call::Confirm, Trouble::Refused(status));
        let id = order(&customer, &product, VISA).await.is(202).text_at("/order/id");
        assert_eq!(provider.ledger(&id), [0; 0], "{status}");
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{status}");
        assert_eq!(read(&customer, &id).await, two("CONFIRMED", "CAPTURED"), "{status}");
        assert_eq!(provider.ledger(&id), [TOTAL], "{status}");
    }
}

#[tokio::test]
async fn a_failure_that_stripe_repeats_for_ever_ends_the_order_without_money() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    provider.trouble(Call::Confirm, Trouble::FailsBefore);
    let id = order(&customer, &product, VISA).await.is(202).text_at("/order/id");
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(read(&customer, &id).await, two("FAILED", "DECLINED"));
    assert_eq!((provider.intents(&id), provider.ledger(&id)), (vec!["canceled"], vec![]));
    assert_eq!(shop.stock(&product).await, 5);
}

#[tokio::test]
async fn an_order_that_stripe_never_heard_of_is_voided() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::Refused(429), Trouble::Refused(400), Trouble::FailsAfter, Trouble::ReplyLost] {
        provider.always(Call::Prepare, trouble);
        let id = order(&customer, &product, VISA).await.is(202).text_at("/order/id");
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{trouble:?}");
        assert_eq!(read(&customer, &id).await, two("FAILED", "VOIDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [0; 0], "{trouble:?}");
        provider.recovers();
    }
    assert_eq!(shop.stock(&product).await, 50);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::FailsAfter, Trouble::ReplyLost, Trouble::Nonsense, Trouble::Refused(429)] {
        let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
        provider.always(Call::Refund, trouble);
        cancel(&customer, &id).await.is(202).has("/order/status", "CANCELLING");
        provider.recovers();
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{trouble:?}");
        assert_eq!(read(&customer, &id).await, two("CANCELLED", "REFUNDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL], "{trouble:?}");
    }
    assert_eq!(shop.stock(&product).await, 50);
}

#[tokio::test]
async fn a_refund_that_stays_open_or_fails_is_not_asked_for_again() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::Open, Trouble::Fails] {
        let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
        provider.trouble(Call::Refund, trouble);
        cancel(&customer, &id).await.is(202).has("/order/status", "CANCELLING");
        let asked = provider.calls().len();
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["open"], 1, "{trouble:?}");
        assert_eq!(provider.calls()[asked..], [Call::ListRefunds], "{trouble:?}");
        assert_eq!(read(&customer, &id).await, two("CANCELLING", "CAPTURED"), "{trouble:?}");

        // It arrives in the end; a failed one by somebody's hand.
        let arrived = provider.refunds(&id);
        send(&shop, &provider, &arrived).await.is(200);
        assert_eq!(read(&customer, &id).await, two("CANCELLED", "REFUNDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL], "{trouble:?}");
    }
}

#[tokio::test]
async fn a_webhook_ends_an_order_at_once_and_does_nothing_a_second_time() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, SLOW).await.is(202).text_at("/order/id");
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["open"], 1, "nobody knows yet");

    let event = provider.captures(&id);
    for _ in 0..3 {
        send(&shop, &provider, &event).await.is(200);
        assert_eq!(read(&customer, &id).await, two("CONFIRMED", "CAPTURED"));
    }
    assert_eq!(provider.ledger(&id), [TOTAL]);
    cancel(&customer, &id).await.is(200);
    // An old one comes again.
    send(&shop, &provider, &event).await.is(200);
    assert_eq!(read(&customer, &id).await, two("CANCELLED", "REFUNDED"));
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
}

#[tokio::test]
async fn a_webhook_that_is_not_stripes_is_refused_and_changes_nothing() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, SLOW).await.is(202).text_at("/order/id");
    let event = provider.captures(&id);
    let (body, now) = (event.to_string(), shop.inner().clock().now());
    let old = shared::clock::Timestamp::from_millis(now.as_millis() - 301_000);
    let post = || shop.anonymous().post("/webhooks/stripe", &event);
    for forged in [
        format!("t={},v1={}", now.as_secs(), sign("whsec_guessed", &body, now)),
        provider.sign(&body, old),
        provider.sign(&format!("{body} "), now),
        "nonsense".to_owned(),
    ] {
        post().header("stripe-signature", &forged).await.problem(400, "invalid-signature");
    }
    post().await.problem(400, "invalid-signature");
    let large = "x".repeat(65 * 1024);
    let signature = provider.sign(&large, now);
    post().text(&large).header("stripe-signature", &signature).await.problem(413, "body-too-large");
    assert_eq!(read(&customer, &id).await, two("PENDING", "UNKNOWN"));
    let rotating = format!("{},v1={}", provider.sign(&body, now), sign("whsec_next", &body, now));
    post().header("stripe-signature", &rotating).await.is(200);
    assert_eq!(read(&customer, &id).await, two("CONFIRMED", "CAPTURED"));
}

#[tokio::test]
async fn a_webhook_about_nothing_of_ours_or_about_what_stripe_does_not_say_changes_nothing() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let nobody = json!({"id": "pi_1", "metadata": {"order_id": format!("ord_{}", "a".repeat(52))}});
    for (kind, object) in [("payment_intent.succeeded", nobody), ("customer.created", json!({"id": "cus_1"}))] {
        let event = json!({"id": "evt_3", "type": kind, "data": {"object": object}});
        send(&shop, &provider, &event).await.is(200);
    }
    let id = order(&customer, &product, SLOW).await.is(202).text_at("/order/id");
    let event = provider.captures(&id);
    provider.trouble(Call::Retrieve, Trouble::Refused(503));
    // What Stripe does not say is unknown, which is no failure: the schedule asks again.
    send(&shop, &provider, &event).await.is(200);
    assert_eq!(read(&customer, &id).await, two("PENDING", "UNKNOWN"));
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(read(&customer, &id).await, two("CONFIRMED", "CAPTURED"));
}

#[tokio::test]
async fn a_shop_without_stripe_has_no_webhook() {
    let shop = Shop::start().await;
    let event = shop.anonymous().post("/webhooks/stripe", &json!({})).header("stripe-signature", "t=1,v1=00");
    event.await.problem(404, "not-found");
}

#[tokio::test]
async fn the_secrets_may_also_be_given() {
    let provider = Provider::start().await;
    let mut setup: Setup = provider.setup();
    for (name, value) in
        [("STRIPE_SECRET_KEY", &provider.secret_key), ("STRIPE_WEBHOOK_SECRET", &provider.webhook_secret)]
    {
        setup.variables.insert(name.to_owned(), value.clone());
    }
    setup.variables.remove("AWS_ENDPOINT_URL_SSM");
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
    assert_eq!(provider.ledger(&id), [TOTAL]);
}
