//! Orders that a person ends by the command `resolve`, which only whoever may invoke checkout can send.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::direct::{failed, invoke, json_of};
use crate::provider::{Call, Done, Provider, SLOW, Trouble};
use crate::shop::{Setup, Shop, VISA, an_order, random};
use crate::steps::{HALF_WAY, place, reconcile};
use crate::tables::text;

const WHY: &str = "invokes functions directly and moves the clock";
/// After so long, and a last look at it, an order is given up.
const LONG: Duration = Duration::from_secs(20 * 60 * 60 + 1);

fn resolve(order: &str, resolution: &str) -> Value {
    json!({"command": "resolve", "order_id": order, "as": resolution, "reference": "ticket 4711"})
}

/// An order that was given up, of which nobody knows whether it was paid.
async fn given_up(shop: &Shop, customer: &Client, product: &str) -> String {
    let unknown = customer.post("/orders", &an_order(product, 2, "pm_sandbox_unknown")).key(&random()).await.is(202);
    shop.advance(LONG);
    let given_up = reconcile(shop).await;
    assert_eq!(given_up["given_up"], 1, "{given_up}");
    unknown.text_at("/order/id")
}

/// The two statuses after a person has said this of an order.
async fn resolved(shop: &Shop, order: &str, resolution: &str) -> (String, String) {
    let both = json_of(&invoke(shop, "checkout", &resolve(order, resolution)).await);
    let status = |of: &str| both[of]["status"].as_str().unwrap_or_else(|| panic!("no status: {both}")).to_owned();
    (status("order"), status("payment"))
}

/// Why what a person says of an order is refused.
async fn refused(shop: &Shop, order: &str, resolution: &str) -> String {
    failed(&invoke(shop, "checkout", &resolve(order, resolution)).await)
}

fn two(order: &str, payment: &str) -> (String, String) {
    (order.to_owned(), payment.to_owned())
}

fn last(both: &Value) -> Value {
    both["order"]["history"].as_array().expect("steps").last().expect("a step").clone()
}

#[tokio::test]
async fn an_order_that_was_given_up_ends_as_a_person_says_and_remembers_why() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (mut customer, product) = (shop.customer().await, shop.product(5).await);
    for (resolution, opposite, order, payment, left) in
        [("captured", "declined", "CONFIRMED", "CAPTURED", 3), ("declined", "captured", "FAILED", "DECLINED", 3)]
    {
        let id = given_up(&shop, &customer, &product).await;
        let first = json_of(&invoke(&shop, "checkout", &resolve(&id, resolution)).await);
        assert_eq!(
            (&first["order"]["status"], &first["payment"]["status"]),
            (&json!(order), &json!(payment)),
            "{first}"
        );
        assert_eq!(last(&first)["reference"], "ticket 4711", "{first}");
        assert!(first["order"]["history"][0].get("reference").is_none(), "{first}");
        assert_eq!(shop.stock(&product).await, left);

        let again = json_of(&invoke(&shop, "checkout", &resolve(&id, resolution)).await);
        assert_eq!(again, first, "the same again changes nothing");
        for contradiction in [opposite, "refunded"] {
            let refused = invoke(&shop, "checkout", &resolve(&id, contradiction)).await;
            assert_eq!(failed(&refused), "wrong-payment-status", "{contradiction}");
        }
        // The token has run out meanwhile.
        customer = shop.customer().await;
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_that_was_given_up_is_resolved_as_refunded_alone() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 2, "pm_sandbox_unrefundable")).key(&random()).await;
    let id = order.is(201).text_at("/order/id");
    customer.cancel(&id).await.is(202);
    shop.advance(LONG);
    assert_eq!(reconcile(&shop).await["given_up"], 1);
    for wrong in ["captured", "declined"] {
        assert_eq!(failed(&invoke(&shop, "checkout", &resolve(&id, wrong)).await), "wrong-payment-status", "{wrong}");
    }
    for _ in 0..2 {
        let both = json_of(&invoke(&shop, "checkout", &resolve(&id, "refunded")).await);
        let statuses = (&both["order"]["status"], &both["payment"]["status"]);
        assert_eq!(statuses, (&json!("CANCELLED"), &json!("REFUNDED")), "{both}");
        assert_eq!(last(&both)["reference"], "ticket 4711", "{both}");
        assert_eq!(shop.stock(&product).await, 5);
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn a_payment_that_never_began_can_only_have_been_declined() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &product, 2).await;
    let id = placed["order"]["id"].as_str().expect("an id");
    assert_eq!(failed(&invoke(&shop, "checkout", &resolve(id, "declined")).await), "request-in-progress");
    shop.advance(HALF_WAY);
    for wrong in ["captured", "refunded"] {
        assert_eq!(failed(&invoke(&shop, "checkout", &resolve(id, wrong)).await), "wrong-payment-status", "{wrong}");
    }
    for _ in 0..2 {
        let both = json_of(&invoke(&shop, "checkout", &resolve(id, "declined")).await);
        let statuses = (&both["order"]["status"], &both["payment"]["status"]);
        assert_eq!(statuses, (&json!("FAILED"), &json!("VOIDED")), "{both}");
        assert_eq!(shop.stock(&product).await, 5);
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_said_well_is_refused() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let placed = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random()).await.is(201);
    let id = placed.text_at("/order/id");
    let nobody = format!("ord_{}", "a".repeat(52));
    assert_eq!(failed(&invoke(&shop, "checkout", &resolve(&nobody, "captured")).await), "not-found");
    for (member, value) in
        [("as", json!("paid")), ("reference", json!(" ")), ("order_id", json!("x")), ("more", json!(1))]
    {
        let mut wrong = resolve(&id, "captured");
        wrong[member] = value;
        assert_eq!(failed(&invoke(&shop, "checkout", &wrong).await), "invalid-request", "{wrong}");
    }
    // That it was paid is so already; that it was refunded is not, and nobody asked for that.
    let both = json_of(&invoke(&shop, "checkout", &resolve(&id, "captured")).await);
    assert_eq!(both["order"], placed.at("/order"), "{both}");
    assert_eq!(failed(&invoke(&shop, "checkout", &resolve(&id, "refunded")).await), "wrong-payment-status");
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_that_payments_never_heard_of_is_resolved_like_any_other() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random()).await;
    let id = order.is(201).text_at("/order/id");
    let cancelling = json_of(&invoke(&shop, "orders", &json!({"command": "cancel", "order_id": id})).await);
    assert_eq!(cancelling["order"]["status"], "CANCELLING", "{cancelling}");
    shop.advance(LONG);
    assert_eq!(reconcile(&shop).await["given_up"], 1);
    for _ in 0..2 {
        assert_eq!(resolved(&shop, &id, "refunded").await, two("CANCELLED", "REFUNDED"));
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_only_fails_ends_by_a_persons_word() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random()).await;
    let id = order.is(201).text_at("/order/id");
    provider.always(Call::Refund, Trouble::FailsBefore);
    customer.cancel(&id).await.is(202);
    shop.advance(HALF_WAY);
    assert_eq!(reconcile(&shop).await["open"], 1);
    provider.recovers();
    shop.advance(LONG);
    assert_eq!(reconcile(&shop).await["given_up"], 1);
    assert_eq!(resolved(&shop, &id, "refunded").await, two("CANCELLED", "REFUNDED"));
    assert_eq!((provider.ledger(&id).len(), provider.refused_refunds()), (1, 0), "the provider gave nothing back");
    assert_eq!(shop.stock(&product).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn money_that_was_taken_is_not_declined_by_whoever_thinks_so() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let held = provider.hold(Call::Confirm, Done::Before);
    let call = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random());
    let order = tokio::spawn(call.into_future());
    held.reached().await;
    let id = provider.orders().remove(0);
    shop.advance(HALF_WAY);
    assert_eq!(refused(&shop, &id, "declined").await, "wrong-payment-status");
    assert_eq!(shop.payment_status(&id).await.as_deref(), Some("CAPTURED"));
    held.release();
    order.await.expect("an answer").is(201).has("/order/status", "CONFIRMED");
    assert_eq!(provider.ledger(&id).len(), 1);
    shop.books_balance().await;
}

#[tokio::test]
async fn what_a_person_declines_can_never_be_charged_any_more() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let held = provider.hold(Call::Confirm, Done::After);
    let call = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random());
    let order = tokio::spawn(call.into_future());
    held.reached().await;
    let id = provider.orders().remove(0);
    shop.advance(HALF_WAY);
    assert_eq!(resolved(&shop, &id, "declined").await, two("FAILED", "DECLINED"));
    held.release();
    order.await.expect("an answer").is(402).has("/order/status", "FAILED");
    assert_eq!((provider.intents(&id), provider.ledger(&id)), (vec!["canceled"], vec![]));
    assert_eq!(shop.stock(&product).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_bare_word_counts_only_of_what_the_provider_does_not_know() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = || async {
        let order = customer.post("/orders", &an_order(&product, 2, SLOW)).key(&random()).await;
        order.is(202).text_at("/order/id")
    };
    let (open, lost) = (order().await, order().await);
    provider.forgets(&lost);
    shop.advance(HALF_WAY);
    assert_eq!(refused(&shop, &open, "declined").await, "wrong-payment-status");
    assert_eq!(resolved(&shop, &lost, "declined").await, two("FAILED", "DECLINED"));
    provider.trouble(Call::Cancel, Trouble::Refused(503));
    assert_eq!(refused(&shop, &open, "declined").await, "unavailable", "nobody can know");
    assert_eq!(customer.statuses(&open).await, two("PENDING", "UNKNOWN"));
    provider.captures(&open);
    assert_eq!(reconcile(&shop).await["ended"], 1);
    assert_eq!(customer.statuses(&open).await, two("CONFIRMED", "CAPTURED"));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_record_that_contradicts_the_provider_is_in_the_log() {
    let provider = Provider::start().await;
    let Some(shop) = Shop::in_process(WHY, provider.setup()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let held = provider.hold(Call::Confirm, Done::Before);
    let call = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random());
    let order = tokio::spawn(call.into_future());
    held.reached().await;
    let id = provider.orders().remove(0);
    shop.set("PaymentsTable", &id, "status", text("DECLINED")).await;
    held.release();
    order.await.expect("an answer").is(402);
    let noted = format!("order {id}: its payment is recorded as Declined, and the provider says Captured");
    let lines = shop.log().text();
    assert!(lines.iter().any(|line| line.contains(&noted) && line.contains("internal")), "{lines:#?}");
}
