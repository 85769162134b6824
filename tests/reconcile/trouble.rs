//! Runs in which something goes wrong: nothing of it is lost from sight, and no order keeps another back.

use std::time::Duration;

use local::chaos::{Chaos, Fault, Planned, Rule, Wire};
use serde_json::{Value, json};

use super::{LONG, WHY, id_of, lines_with, two};
use crate::direct::{failed, invoke, json_of};
use crate::shop::{Setup, Shop};
use crate::steps::{HALF_WAY, place, reconcile};
use crate::tables::text;

/// Voids and settles an order that was never charged, as a run does.
async fn settle_as_voided(shop: &Shop, placed: &Value) {
    let order = &placed["order"];
    let roll_forward = json!({"command": "roll_forward", "order_id": order["id"], "amount": order["total"]});
    let payment = json_of(&invoke(shop, "payments", &roll_forward).await);
    let settle = json!({"command": "settle", "order": order, "payment": payment});
    assert_eq!(json_of(&invoke(shop, "orders", &settle).await)["order"]["status"], "FAILED");
}

/// Every call of the database about both of these texts meets this fault.
fn plan(chaos: &Chaos, fault: Fault, about: [&str; 2]) -> Planned {
    chaos.plan(Rule::new(fault).on(Wire::Database, "UpdateItem").about(about[0]).about(about[1]))
}

#[tokio::test]
async fn an_order_that_was_given_up_is_named_until_it_has_an_end() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &id, 2).await;
    shop.advance(LONG);
    assert_eq!(reconcile(&shop).await["given_up_orders"], json!([id_of(&placed)]));
    settle_as_voided(&shop, &placed).await;
    let run = reconcile(&shop).await;
    assert_eq!((&run["given_up"], &run["given_up_orders"]), (&json!(0), &json!([])), "{run}");
    assert_eq!(shop.stock(&id).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_is_given_up_in_plain_sight_also_when_nobody_hears_of_it() {
    let chaos = Chaos::none();
    let Some(shop) = Shop::in_process(WHY, Setup { chaos: Some(chaos.clone()), ..Setup::default() }).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let order = id_of(&place(&shop, &customer, &id, 2).await);
    shop.advance(LONG);
    let lost = plan(&chaos, Fault::ReplyLost, [&order, "GIVEN_UP"]);
    let run = reconcile(&shop).await;
    assert!(lost.met() > 0);
    assert_eq!((&run["given_up"], &run["given_up_orders"]), (&json!(1), &json!([order])), "{run}");
    shop.books_balance().await;
}

#[tokio::test]
async fn a_giving_up_that_arrives_after_the_orders_end_changes_nothing() {
    let chaos = Chaos::none();
    let Some(shop) = Shop::in_process(WHY, Setup { chaos: Some(chaos.clone()), ..Setup::default() }).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = place(&shop, &customer, &id, 2).await;
    let order = id_of(&placed);
    shop.advance(LONG);
    let late = plan(&chaos, Fault::Late, [&order, "GIVEN_UP"]);
    let run = reconcile(&shop).await;
    assert_eq!((&run["failed"], &run["given_up"]), (&json!(1), &json!(0)), "{run}");
    settle_as_voided(&shop, &placed).await;
    let before = shop.order_item(&order).await;
    late.release().await;
    assert_eq!(shop.order_item(&order).await, before);
    assert_eq!(reconcile(&shop).await["given_up"], 0);
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_read_is_given_up_and_keeps_no_other_back() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let (damaged, sound) = (place(&shop, &customer, &id, 2).await, place(&shop, &customer, &id, 1).await);
    let order = id_of(&damaged);
    let total = shop.order_item(&order).await.expect("an item")["total"].clone();
    shop.set("OrdersTable", &order, "total", text("nonsense")).await;
    shop.advance(HALF_WAY);
    let run = reconcile(&shop).await;
    assert_eq!((&run["ended"], &run["failed"], &run["given_up"]), (&json!(1), &json!(1), &json!(1)), "{run}");
    assert_eq!(run["given_up_orders"], json!([order]), "{run}");
    assert_eq!(customer.statuses(&id_of(&sound)).await, two("FAILED", "VOIDED"));
    let noted = lines_with(&shop, "error.cause").into_iter().any(|line| {
        line["function"] == "checkout" && line["error.cause"].as_str().is_some_and(|cause| cause.contains(&order))
    });
    assert!(noted, "the log does not say which order cannot be read");

    shop.set("OrdersTable", &order, "total", total).await;
    settle_as_voided(&shop, &damaged).await;
    assert_eq!(reconcile(&shop).await["given_up"], 0);
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_claimed_or_ended_is_named_and_keeps_no_other_back() {
    let chaos = Chaos::none();
    let Some(shop) = Shop::in_process(WHY, Setup { chaos: Some(chaos.clone()), ..Setup::default() }).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.push(place(&shop, &customer, &id, 1).await);
    }
    let [unclaimed, unended, ended] = [0, 1, 2].map(|at| id_of(&placed[at]));
    shop.advance(HALF_WAY);
    plan(&chaos, Fault::Failed, [&unclaimed, "attempts"]);
    chaos.plan(Rule::new(Fault::Failed).on(Wire::Lambda, "roll_forward").about(&unended));
    let run = reconcile(&shop).await;
    assert_eq!((&run["ended"], &run["failed"], &run["open"]), (&json!(1), &json!(2), &json!(0)), "{run}");
    assert_eq!(customer.statuses(&ended).await, two("FAILED", "VOIDED"));
    assert_eq!(lines_with(&shop, "order.id").last().expect("a line")["order.id"], json!(unended));
    let causes = lines_with(&shop, "error.cause");
    assert!(causes.iter().any(|line| line["error.cause"].to_string().contains(&unclaimed)), "{causes:#?}");

    chaos.end();
    shop.advance(Duration::from_secs(61));
    assert_eq!(reconcile(&shop).await["ended"], 2);
    assert_eq!(shop.stock(&id).await, 5);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_run_that_fails_says_so_and_still_tells_what_it_knows() {
    let chaos = Chaos::none();
    let Some(shop) = Shop::in_process(WHY, Setup { chaos: Some(chaos.clone()), ..Setup::default() }).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    place(&shop, &customer, &id, 1).await;
    shop.advance(HALF_WAY);
    for (command, ended, known) in [("claim", 0, true), ("backlog", 1, false)] {
        chaos.plan(Rule::new(Fault::Failed).on(Wire::Lambda, command));
        assert_eq!(failed(&invoke(&shop, "checkout", &json!({"command": "reconcile"})).await), "unavailable");
        let figures = lines_with(&shop, "ended").pop().expect("figures");
        assert_eq!(figures["ended"], ended, "{command}: {figures}");
        let told = figures.get("half_way_seconds").is_some() && figures.get("given_up").is_some();
        assert_eq!(told, known, "{command}: {figures}");
        chaos.end();
    }
    shop.books_balance().await;
}
