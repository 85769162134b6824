//! What the logs say: one id for a whole order, and nothing that is secret.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::shop::{Setup, Shop, VISA, an_order, new_username, random};
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

#[tokio::test]
async fn no_secret_is_in_any_log_line() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    let (admin, id, username) = (shop.admin().await, shop.product(50).await, new_username());
    let marked = |what: &str| format!("SECRET{what}{}", random());
    let (password, wrong_password, email) = (marked("a"), marked("b"), format!("{}@example.com", marked("c")));
    let (method, street, key, bearer, query) = (marked("d"), marked("e"), marked("f"), marked("g"), marked("h"));
    let card = "4242 4242 4242 4242";

    let anonymous = shop.anonymous();
    let registration = json!({"username": username, "password": password, "email": email});
    anonymous.post("/users", &registration).await.is(201);
    anonymous.post("/users", &registration).await.is(409);
    anonymous.post("/users", &json!({"username": new_username(), "password": "x", "email": email})).await.is(400);
    anonymous.post("/login", &json!({"username": username, "password": wrong_password})).await.is(401);
    anonymous.post("/login", &json!({"username": username, "password": {"value": wrong_password}})).await.is(400);
    anonymous.post("/login", &Value::Null).text(&format!("{{\"password\": \"{wrong_password}")).await.is(400);
    anonymous.with_token(&bearer).get("/users/me").await.is(403);
    let customer = shop.sign_in(&username, &password).await;
    customer.get("/users/me").await.is(200);
    customer.patch("/users/me", &json!({"email": format!("x{email}")})).await.is(200);
    customer.patch("/users/me", &json!({"email": [email]})).await.is(400);
    customer.get("/products").query("q", &query).await.is(200);
    customer.get("/products").query("cursor", &query).await.is(400);
    customer.get("/products").query("limit", &query).await.is(400);

    let order = |method: &str| {
        let mut order = an_order(&id, 1, method);
        order["shipping_address"]["lines"] = json!([street]);
        order
    };
    customer.post("/orders", &order(VISA)).key(&key).await.is(201);
    customer.post("/orders", &order(&method)).key(&key).await;
    customer.post("/orders", &order(&method)).key(&random()).await;
    customer.post("/orders", &order(&format!("{method} !"))).key(&random()).await.is(400);
    customer.post("/orders", &order(VISA)).key(&format!("{key} !")).await.is(400);
    customer.post("/orders", &order(card)).key(&random()).await.is(400);
    for path in ["/users/me", "/products", "/orders", "/fulfilment"] {
        for method in [Method::GET, Method::POST, Method::PATCH] {
            let body =
                json!({"password": password, "email": email, "method": method.as_str(), (street.clone()): street});
            admin.call(method, path).json(&body).key(&key).await;
        }
    }

    let token = customer.token.clone().expect("a token");
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    let last = customer.get("/users/me").await.is(200);
    shop.access_log().line_of(&last.request_id()).await;
    let lines = [shop.log().text(), shop.access_log().text()].concat();
    assert!(lines.len() > 40, "a log that says nothing proves nothing");
    let secrets =
        [password, wrong_password, email, method, street, key, bearer, query, token, signature, card.to_owned()];
    for line in lines {
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "{secret} is in the log: {line}");
        }
        assert!(!line.contains("SECRET"), "a part of a secret is in the log: {line}");
    }
}

/// The function whose log a metric filter of the template reads, and the member of a line that it wants.
fn wanted_by_metrics() -> Vec<(String, String)> {
    let template =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("a template");
    let (mut function, mut wanted) = (String::new(), Vec::new());
    for line in template.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix("LogGroupName: !Ref ").and_then(|group| group.strip_suffix("Log")) {
            function = group.to_lowercase();
        }
        let pattern = line.strip_prefix("FilterPattern: \"{ $.").and_then(|rest| rest.split_once(' '));
        let value = line.strip_prefix("MetricValue: $.");
        for member in pattern.map(|(member, _)| member).into_iter().chain(value) {
            wanted.push((function.clone(), member.to_owned()));
        }
    }
    let filters = template.matches("Type: AWS::Logs::MetricFilter").count();
    assert!(filters > 0 && wanted.len() == 2 * filters, "{filters} filters, but {wanted:?}");
    wanted
}

#[tokio::test]
async fn what_metrics_are_made_of_is_in_the_log() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    reconcile(&shop).await;
    shop.books().await;
    let lines: Vec<Value> = shop.log().text().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (function, member) in wanted_by_metrics() {
        let is_there = lines.iter().any(|line| line["function"] == function && line[&member].is_u64());
        assert!(is_there, "no line of {function} has a number {member}");
    }
}
