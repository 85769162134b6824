//! What the logs say: one id for a whole order, and a code for each failure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::shop::{Setup, Shop, VISA, an_order, random};

#[tokio::test]
async fn one_order_is_one_id_in_every_log() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let placed = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201);
    let request = placed.request_id();
    let user = customer.get("/users/me").await.is(200).text_at("/id");

    let access = shop.access_log().line_of(&request).await;
    assert_eq!(access["route"], "POST /orders", "{access}");
    assert_eq!(access["status"], 201, "{access}");

    let lines = shop.log().of_request(&request);
    let mut wrote = BTreeSet::new();
    for line in &lines {
        let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
        wrote.insert((text("function"), format!("{}{}", text("route"), text("command"))));
        assert_eq!(line["level"], "INFO", "{line}");
        assert!(line["duration_ms"].is_u64() && line["cold"].is_boolean() && line["status"].is_u64(), "{line}");
        assert_eq!(line["trace.id"], lines[0]["trace.id"], "one trace: {lines:#?}");
    }
    let functions: Vec<_> = wrote.iter().map(|(function, what)| (function.as_str(), what.as_str())).collect();
    let steps = [("checkout", "POST /orders"), ("orders", "place"), ("orders", "settle"), ("payments", "charge")];
    assert!(steps.iter().all(|step| functions.contains(step)), "{functions:?}");
    assert!(functions.iter().any(|(function, _)| *function == "authorizer"), "{functions:?}");
    assert_eq!(lines.len(), 5, "one line for each invocation: {lines:#?}");
    for line in lines.iter().filter(|line| matches!(line["function"].as_str(), Some("authorizer" | "checkout"))) {
        assert_eq!(line["user.id"], user, "{line}");
    }
}

#[tokio::test]
async fn a_failure_has_its_code_in_the_log() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    let customer = shop.customer().await;
    let refused = customer.get(&format!("/orders/ord_{}", "a".repeat(52))).await.problem(404, "not-found");
    let lines = shop.log().of_request(&refused.request_id());
    let line = lines.iter().find(|line| line["function"] == "orders").expect("a line of orders");
    assert_eq!((&line["status"], &line["error.code"]), (&json!(404), &json!("not-found")), "{line}");
    let unknown = shop.anonymous().get("/nowhere").await.message(404, "Not Found");
    let line = shop.access_log().line_of(&unknown.request_id()).await;
    assert_eq!((&line["route"], &line["status"]), (&Value::Null, &json!(404)), "{line}");
}
