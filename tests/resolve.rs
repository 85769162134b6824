//! Orders that a person ends by the command `resolve`, which only whoever may invoke checkout can send.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::direct::{failed, invoke, json_of};
use crate::reconcile::reconcile;
use crate::shop::{Setup, Shop, VISA, an_order, random};

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
}

#[tokio::test]
async fn a_refund_that_was_given_up_is_resolved_as_refunded_alone() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let order = customer.post("/orders", &an_order(&product, 2, "pm_sandbox_unrefundable")).key(&random()).await;
    let id = order.is(201).text_at("/order/id");
    customer.call(http::Method::POST, &format!("/orders/{id}/cancel")).await.is(202);
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
}

#[tokio::test]
async fn a_payment_that_never_began_can_only_have_been_declined() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, product) = (shop.customer().await, shop.product(5).await);
    let user = customer.get("/users/me").await.is(200).text_at("/id");
    let id = format!("ord_{}", (random() + &random()).chars().take(52).collect::<String>());
    let items = json!([{"product_id": product, "quantity": 2}]);
    let place = json!({"command": "place", "order_id": id, "user_id": user, "fingerprint": "f", "items": items});
    assert_eq!(json_of(&invoke(&shop, "orders", &place).await)["outcome"], "new");

    assert_eq!(failed(&invoke(&shop, "checkout", &resolve(&id, "declined")).await), "request-in-progress");
    shop.advance(Duration::from_secs(31));
    for wrong in ["captured", "refunded"] {
        assert_eq!(failed(&invoke(&shop, "checkout", &resolve(&id, wrong)).await), "wrong-payment-status", "{wrong}");
    }
    for _ in 0..2 {
        let both = json_of(&invoke(&shop, "checkout", &resolve(&id, "declined")).await);
        let statuses = (&both["order"]["status"], &both["payment"]["status"]);
        assert_eq!(statuses, (&json!("FAILED"), &json!("VOIDED")), "{both}");
        assert_eq!(shop.stock(&product).await, 5);
    }
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
}
