//! Orders that Stripe is paid by: whatever becomes of its answers, money moves once, and the shop says what it knows.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::provider::{Call, Provider, Trouble};
use crate::shop::{Setup, Shop, VISA, an_order, random};
use crate::steps::{HALF_WAY, reconcile};

mod webhooks;

const WHY: &str = "has a payment provider of its own";
/// What two pieces of the test's product cost.
const TOTAL: i64 = 3998;
/// A secret that was refused is read again after so long.
const A_MINUTE: Duration = Duration::from_secs(60);

async fn order(customer: &Client, product: &str, method: &str) -> Answer {
    customer.post("/orders", &an_order(product, 2, method)).key(&random()).await
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
        customer.cancel(&id).await.is(200).has("/payment/status", "REFUNDED");
    }
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
    assert_eq!(provider.calls(), [Call::Prepare, Call::Confirm, Call::Refund]);
    assert_eq!(shop.stock(&product).await, 5);
    for secret in [provider.secret_key(), provider.webhook_secret(), VISA.to_owned()] {
        assert!(shop.log().text().iter().all(|line| !line.contains(&secret)), "{secret} is in the log");
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn a_decline_has_stripes_code_and_no_money_moves() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    for (method, code, intents) in [
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", vec!["requires_payment_method"]),
        // Nobody is there to authenticate, so that Stripe is to decline at once.
        ("pm_card_authenticationRequired", "authentication_required", vec!["requires_payment_method"]),
        ("pm_nobody_knows", "resource_missing", vec![]),
    ] {
        let declined = order(&customer, &product, method).await.problem(402, "payment-declined");
        let declined = declined.has("/payment/decline_code", code).has("/payment/provider", "stripe");
        let id = declined.text_at("/order/id");
        assert_eq!(provider.intents(&id), intents, "{method}");
        assert_eq!(provider.ledger(&id), [0; 0], "{method}");
    }
    assert_eq!(shop.stock(&product).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn money_whose_answer_is_lost_is_unknown_and_then_the_orders_and_moved_once() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::FailsAfter, Trouble::ReplyLost, Trouble::Nonsense, Trouble::Hangs] {
        provider.always(Call::Confirm, trouble);
        let begun = Instant::now();
        let unknown = order(&customer, &product, VISA).await.is(202).has("/payment/status", "UNKNOWN");
        let waited = begun.elapsed();
        // Whoever gives up early does not know what became of the money.
        let patient = Duration::from_secs(5)..Duration::from_secs(9);
        assert!(trouble != Trouble::Hangs || patient.contains(&waited), "waited {waited:?}");
        let id = unknown.text_at("/order/id");
        assert_eq!(provider.ledger(&id), [TOTAL], "{trouble:?}");
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{trouble:?}");
        assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL], "{trouble:?}");
        provider.recovers();
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn a_decline_has_the_same_code_when_its_answer_is_lost() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    for (method, code) in [
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ] {
        provider.trouble(Call::Confirm, Trouble::FailsAfter);
        let id = order(&customer, &product, method).await.is(202).text_at("/order/id");
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{method}");
        let read = customer.get(&format!("/orders/{id}")).await.is(200).has("/order/status", "FAILED");
        read.has("/payment/decline_code", code);
        assert_eq!(provider.ledger(&id), [0; 0], "{method}");
    }
    shop.books_balance().await;
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
    customer.cancel(&id).await.is(200).has("/payment/status", "REFUNDED");
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
    shop.books_balance().await;
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
    shop.books_balance().await;
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
        assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"), "{status}");
        assert_eq!(provider.ledger(&id), [TOTAL], "{status}");
    }
    shop.books_balance().await;
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
    assert_eq!(customer.statuses(&id).await, two("FAILED", "DECLINED"));
    assert_eq!((provider.intents(&id), provider.ledger(&id)), (vec!["canceled"], vec![]));
    assert_eq!(shop.stock(&product).await, 5);
    shop.books_balance().await;
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
        assert_eq!(customer.statuses(&id).await, two("FAILED", "VOIDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [0; 0], "{trouble:?}");
        provider.recovers();
    }
    assert_eq!(shop.stock(&product).await, 50);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::FailsAfter, Trouble::ReplyLost, Trouble::Nonsense, Trouble::Refused(429)] {
        let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
        provider.always(Call::Refund, trouble);
        customer.cancel(&id).await.is(202).has("/order/status", "CANCELLING");
        provider.recovers();
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["ended"], 1, "{trouble:?}");
        assert_eq!(customer.statuses(&id).await, two("CANCELLED", "REFUNDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL], "{trouble:?}");
    }
    assert_eq!(shop.stock(&product).await, 50);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_that_failed_inside_stripe_is_asked_for_under_another_key() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
    provider.trouble(Call::Refund, Trouble::FailsBefore);
    customer.cancel(&id).await.is(202).has("/order/status", "CANCELLING");
    let asked = provider.calls().len();
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(provider.calls()[asked..], [Call::ListRefunds, Call::Refund, Call::Refund]);
    assert_eq!(customer.statuses(&id).await, two("CANCELLED", "REFUNDED"));
    assert_eq!((provider.ledger(&id), provider.refused_refunds()), (vec![TOTAL, -TOTAL], 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_that_stays_open_or_fails_is_not_asked_for_again() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    for trouble in [Trouble::Open, Trouble::Fails] {
        let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
        provider.trouble(Call::Refund, trouble);
        customer.cancel(&id).await.is(202).has("/order/status", "CANCELLING");
        let asked = provider.calls().len();
        shop.advance(HALF_WAY);
        assert_eq!(reconcile(&shop).await["open"], 1, "{trouble:?}");
        assert_eq!(provider.calls()[asked..], [Call::ListRefunds], "{trouble:?}");
        assert_eq!(customer.statuses(&id).await, two("CANCELLING", "CAPTURED"), "{trouble:?}");

        // It arrives in the end; a failed one by somebody's hand.
        let arrived = provider.refunds(&id);
        send(&shop, &provider, &arrived).await.is(200);
        assert_eq!(customer.statuses(&id).await, two("CANCELLED", "REFUNDED"), "{trouble:?}");
        assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL], "{trouble:?}");
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn the_secrets_may_also_be_given() {
    let provider = Provider::start().await;
    let mut setup: Setup = provider.setup();
    for (name, value) in
        [("STRIPE_SECRET_KEY", provider.secret_key()), ("STRIPE_WEBHOOK_SECRET", provider.webhook_secret())]
    {
        setup.variables.insert(name.to_owned(), value);
    }
    setup.variables.remove("AWS_ENDPOINT_URL_SSM");
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, VISA).await.is(201).text_at("/order/id");
    assert_eq!(provider.ledger(&id), [TOTAL]);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_secret_key_that_was_replaced_is_read_again_but_once_a_minute() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(50).await);
    order(&customer, &product, VISA).await.is(201);
    provider.replaces_its_secrets();
    order(&customer, &product, VISA).await.is(202);
    shop.advance(A_MINUTE);
    order(&customer, &product, VISA).await.is(201);
    provider.replaces_its_secrets();
    let read = provider.secrets_read();
    order(&customer, &product, VISA).await.is(202);
    assert_eq!(provider.secrets_read(), read);
    shop.advance(A_MINUTE);
    assert_eq!(reconcile(&shop).await["ended"], 2);
    shop.books_balance().await;
}
