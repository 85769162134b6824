//! What Stripe says by itself.

use serde_json::json;

use super::{A_MINUTE, TOTAL, WHY, order, send, two};
use crate::provider::{Call, Provider, SLOW, Trouble, sign};
use crate::shop::Shop;
use crate::steps::{HALF_WAY, reconcile};

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
        assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"));
    }
    assert_eq!(provider.ledger(&id), [TOTAL]);
    customer.cancel(&id).await.is(200);
    // An old one comes again.
    send(&shop, &provider, &event).await.is(200);
    assert_eq!(customer.statuses(&id).await, two("CANCELLED", "REFUNDED"));
    assert_eq!(provider.ledger(&id), [TOTAL, -TOTAL]);
    shop.books_balance().await;
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
    assert_eq!(customer.statuses(&id).await, two("PENDING", "UNKNOWN"));
    let rotating = format!("{},v1={}", provider.sign(&body, now), sign("whsec_next", &body, now));
    post().header("stripe-signature", &rotating).await.is(200);
    assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_webhook_about_nothing_of_ours_changes_nothing_and_one_about_what_stripe_does_not_say_is_wanted_again() {
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
    // Nothing was found out, so Stripe is to send it again.
    send(&shop, &provider, &event).await.problem(503, "unavailable");
    assert_eq!(customer.statuses(&id).await, two("PENDING", "UNKNOWN"));
    send(&shop, &provider, &event).await.is(200);
    assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_shop_without_stripe_has_no_webhook() {
    let shop = Shop::start().await;
    let event = shop.anonymous().post("/webhooks/stripe", &json!({})).header("stripe-signature", "t=1,v1=00");
    event.await.problem(404, "not-found");
}

#[tokio::test]
async fn a_signing_secret_that_was_replaced_is_read_again_but_once_a_minute_whatever_is_sent() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let id = order(&customer, &product, SLOW).await.is(202).text_at("/order/id");
    let event = provider.captures(&id);
    let forge = || shop.anonymous().post("/webhooks/stripe", &event).header("stripe-signature", "t=1,v1=00");
    shop.advance(A_MINUTE);
    forge().await.problem(400, "invalid-signature");
    let read = provider.secrets_read();
    provider.replaces_its_secrets();
    for _ in 0..3 {
        forge().await.problem(400, "invalid-signature");
    }
    send(&shop, &provider, &event).await.problem(400, "invalid-signature");
    assert_eq!(provider.secrets_read(), read);
    shop.advance(A_MINUTE);
    send(&shop, &provider, &event).await.is(200);
    assert_eq!(customer.statuses(&id).await, two("CONFIRMED", "CAPTURED"));
    shop.books_balance().await;
}
