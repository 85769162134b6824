//! What the logs say: one id for a whole order, and a code for each failure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sessions::refused;
use crate::shop::{Setup, Shop, VISA, an_order, random};
use crate::steps::reconcile;

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
    let deployed = &access["as_deployed"];
    assert_eq!((&deployed["request.id"], &deployed["route"]), (&json!(request), &json!("POST /orders")), "{deployed}");
    assert_eq!((&deployed["status"], &deployed["authorizer_error"]), (&json!("201"), &json!("-")), "{deployed}");
    let number = |member: &str| deployed[member].as_str().and_then(|text| text.parse::<u64>().ok());
    assert!(number("integration_latency_ms") <= number("latency_ms"), "{deployed}");
    assert!(number("integration_latency_ms").is_some() && deployed["source_ip"] == "127.0.0.1", "{deployed}");

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
async fn a_request_is_one_line_that_says_what_became_of_it() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let shown = async |answer: &crate::client::Answer| {
        let line = shop.access_log().line_of(&answer.request_id()).await["line"].clone();
        let line = line.as_str().expect("a text").to_owned();
        assert!(!line.contains('\n'), "{line}");
        line
    };
    let line = shown(&customer.get("/users/me").await.is(200)).await;
    assert!(
        line.contains(" 200 GET    /users/me ") && line.contains(" allowed ") && line.contains("  function "),
        "{line}"
    );
    let path = format!("/products/{id}");
    let line = shown(&shop.anonymous().get(&path).query("token", "hidden").await).await;
    assert!(line.contains(" GET    /products/{product_id} ") && line.ends_with(&format!("  {path}")), "{line}");
    assert!(!line.contains("authorizer") && !line.contains("hidden"), "{line}");
    let line = shown(&shop.anonymous().get("/orders").await.message(401, "Unauthorized")).await;
    assert!(line.contains(" 401 GET    /orders ") && line.contains("authorizer not asked: unidentified"), "{line}");
    let line = shown(&shop.anonymous().get("/nowhere").await.message(404, "Not Found")).await;
    assert!(line.contains(" 404 GET    /nowhere ") && line.contains("  no route  id="), "{line}");
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

/// What a metric filter of the template reads: a function's log, a member of a line, and the text that it must be, or
/// else a number.
fn read_by_metrics() -> Vec<(String, String, Option<String>)> {
    let template =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("a template");
    let (mut function, mut read) = (String::new(), Vec::new());
    for line in template.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix("LogGroupName: !Ref ").and_then(|group| group.strip_suffix("Log")) {
            function = group.to_lowercase();
        }
        let pattern = line.strip_prefix("FilterPattern: ").map(|pattern| pattern.trim_matches(['"', '\'']));
        if let Some(pattern) = pattern {
            let comparison = pattern.strip_prefix("{ $.").and_then(|rest| rest.strip_suffix(" }"));
            let (member, wanted) = comparison.and_then(|text| text.split_once(" = ")).expect("one comparison");
            let text = wanted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned);
            assert!(text.is_some() || wanted == "*", "{pattern} is not understood here");
            read.push((function.clone(), member.to_owned(), text));
        }
        if let Some(value) = line.strip_prefix("MetricValue: $.") {
            read.push((function.clone(), value.to_owned(), None));
        }
    }
    let filters = template.matches("Type: AWS::Logs::MetricFilter").count();
    assert!(filters > 0 && read.len() >= filters, "{filters} filters, but {read:?}");
    read
}

#[tokio::test]
async fn what_metrics_are_made_of_is_in_the_log() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    reconcile(&shop).await;
    shop.books().await;
    let first = shop.session(&shop.user().await).await.refresh;
    let second = shop.refreshed(&first).await.refresh;
    shop.refreshed(&second).await;
    refused(shop.refresh(&first).await);
    let lines: Vec<Value> = shop.log().text().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (function, member, text) in read_by_metrics() {
        let is_meant = |value: &Value| text.as_ref().map_or(value.is_u64(), |text| value == text);
        let is_there = lines.iter().any(|line| line["function"] == function && is_meant(&line[&member]));
        assert!(is_there, "no line of {function} has {member} as {}", text.as_deref().unwrap_or("a number"));
    }
}
