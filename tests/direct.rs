//! Functions invoked past the API: who has no caller is shut out, a command is no event and an event no command, whatever
//! stands between the two is neither, and checkout keeps its promise when the functions behind it are gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use url::Url;

use crate::shop::{Setup, Shop, VISA, an_order, new_username, random};
use crate::transport::{Received, Transport};

mod shapes;

const WHY: &str = "invokes functions directly";

/// Sends an event to a function through Lambda's Invoke API.
pub async fn invoke(shop: &Shop, function: &str, event: &Value) -> Received {
    invoke_text(shop, function, &event.to_string()).await
}

async fn invoke_text(shop: &Shop, function: &str, event: &str) -> Received {
    let template = &shop.inner().base().template;
    let name = &template.function_of(function).expect("a function").name;
    let url = format!("http://{}/2015-03-31/functions/{name}/invocations", shop.inner().lambda_address());
    let url = Url::parse(&url).expect("an address");
    let sent = Transport::new().send(&Method::POST, &url, &[], event.as_bytes()).await;
    let received = sent.expect("an answer");
    assert_eq!(received.0, 200, "the Invoke API answers 200 also for a function that failed");
    received
}

/// The answer's body.
pub fn json_of(received: &Received) -> Value {
    serde_json::from_slice(&received.2).expect("JSON")
}

/// What the API would send for a route, with this authorizer's context.
fn event(method: &str, route: &str, caller: Option<Value>, headers: Value, body: &str) -> Value {
    let path = route.replace("{product_id}", "prd_aaaaaaaaaaaaaaaaaaaaaaaaaa").replace("{order_id}", "ord_a");
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {route}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdefghij", "domainName": "localhost", "domainPrefix": "localhost",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "requestId": "abcdefghijklmno=", "routeKey": format!("{method} {route}"), "stage": "$default",
            "time": "14/Apr/2025:22:14:16 +0000", "timeEpoch": 1_744_668_856_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    });
    if let Some(caller) = caller {
        event["requestContext"]["authorizer"] = json!({"lambda": caller});
    }
    event
}

/// The error type of a function that failed.
pub fn failed(received: &Received) -> String {
    assert_eq!(received.1.get("x-amz-function-error").map(|value| value.as_bytes()), Some(&b"Unhandled"[..]));
    json_of(received)["errorType"].as_str().expect("an error type").to_owned()
}

#[tokio::test]
async fn a_protected_route_without_a_caller_is_401_from_the_function_itself() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let template = &shop.inner().base().template;
    let protected: Vec<_> = template.api.routes.iter().filter(|route| route.authorizer.is_some()).collect();
    assert!(protected.len() >= 10, "{} protected routes", protected.len());
    for route in protected {
        let function = template.function(&route.function).expect("the route's function").binary();
        for caller in [None, Some(json!({})), Some(json!({"user_id": "admin", "role": "admin"}))] {
            let event = event(&route.method.to_string(), &route.path, caller, json!({"idempotency-key": "k"}), "{}");
            let answer = json_of(&invoke(&shop, function, &event).await);
            assert_eq!(answer["statusCode"], 401, "{}: {answer}", route.key());
            assert!(answer["body"].as_str().expect("a body").contains("unauthenticated"), "{answer}");
        }
    }
}

#[tokio::test]
async fn an_event_of_the_api_is_no_command_and_a_command_no_event() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let charge = json!({
        "command": "charge", "order_id": format!("ord_{}", "a".repeat(52)),
        "amount": {"amount": 1, "currency": "EUR"}, "method": VISA,
    });
    let mut shaped = event("POST", "/orders", None, json!({}), "{}");
    for (name, value) in charge.as_object().expect("members") {
        shaped[name] = value.clone();
    }
    assert_eq!(failed(&invoke(&shop, "payments", &shaped).await), "forbidden");
    assert_eq!(failed(&invoke(&shop, "products", &charge).await), "forbidden");
    for function in ["checkout", "orders", "users", "payments"] {
        for wrong in [json!({}), json!({"command": "unheard_of"}), json!([]), json!("text")] {
            assert_eq!(failed(&invoke(&shop, function, &wrong).await), "invalid-request", "{function} {wrong}");
        }
    }
    // An empty command takes no more than its name.
    for (function, command) in [("checkout", "reconcile"), ("orders", "backlog"), ("audit", "audit")] {
        let more = json!({"command": command, "limit": 5});
        assert_eq!(failed(&invoke(&shop, function, &more).await), "invalid-request", "{function}");
    }
    for wrong in [json!({}), json!([]), charge] {
        let answer = json_of(&invoke(&shop, "authorizer", &wrong).await);
        assert_eq!(answer, json!({"isAuthorized": false}), "{wrong}");
    }
}

#[tokio::test]
async fn a_command_makes_an_admin_and_the_next_token_says_so() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (name, password) = (new_username(), "a password long enough");
    shop.register(&name, password).await.is(201);
    shop.sign_in(&name, password).await.get("/fulfilment").await.problem(403, "forbidden");
    let command = |username: &str| json!({"command": "make_admin", "username": username});
    let made = json_of(&invoke(&shop, "users", &command(&name.to_uppercase())).await);
    assert_eq!((&made["username"], &made["role"]), (&json!(name), &json!("admin")));
    shop.sign_in(&name, password).await.get("/fulfilment").await.is(200);
    assert_eq!(failed(&invoke(&shop, "users", &command("nobody-of-this-name")).await), "not-found");
}

/// A checkout of the test's own, some of whose surroundings are not there.
pub fn checkout(shop: &Shop, gone: &[&str]) -> Arc<checkout::App> {
    let base = shop.inner().base();
    let name = |binary: &str| base.template.function_of(binary).expect("one").name.clone();
    let mut given = HashMap::from([
        ("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", shop.inner().lambda_address())),
        ("ORDERS_FUNCTION", name("orders")),
        ("PAYMENTS_FUNCTION", name("payments")),
        ("IN_FLIGHT_SECONDS", "15".to_owned()),
    ]);
    for key in gone {
        // Nothing listens on port 9, and no function has this name.
        given.insert(key, if key.contains("ENDPOINT") { "http://127.0.0.1:9" } else { "gone" }.to_owned());
    }
    let lookup = |key: &str| given.get(key).cloned().or_else(|| base.database.access().variable(key));
    let mut config = checkout::Config::read(lookup).expect("a configuration");
    config.clock = shop.inner().clock().clone();
    Arc::new(checkout::App::new(config))
}

async fn order(checkout: Arc<checkout::App>, caller: &Value, key: &str, body: &Value) -> (u16, Value, Option<String>) {
    let event = event("POST", "/orders", Some(caller.clone()), json!({"idempotency-key": key}), &body.to_string());
    let event: LambdaRequest = serde_json::from_value(event).expect("an event");
    let response = checkout.handle(event.into()).await.expect("an answer");
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
    let body = serde_json::from_slice(response.body()).expect("JSON");
    (response.status().as_u16(), body, retry_after)
}

#[tokio::test]
async fn what_is_gone_before_a_charge_is_503_and_after_it_202_and_a_repeat_ends_the_order() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let (id, key) = (shop.product(5).await, random());
    let user = shop.customer().await.get("/users/me").await.is(200).text_at("/id");
    let caller = json!({"user_id": user, "role": "customer", "token_id": "t", "expires_at": 0});
    let body = an_order(&id, 2, VISA);

    for gone in ["AWS_ENDPOINT_URL_LAMBDA", "ORDERS_FUNCTION"] {
        let (status, problem, retry_after) = order(checkout(&shop, &[gone]), &caller, &key, &body).await;
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem}");
        assert_eq!(retry_after.as_deref(), Some("1"));
    }
    assert_eq!(shop.stock(&id).await, 5);

    let (status, both, retry_after) = order(checkout(&shop, &["PAYMENTS_FUNCTION"]), &caller, &key, &body).await;
    assert_eq!((status, &both["order"]["status"]), (202, &json!("PENDING")), "{both}");
    assert_eq!(both["payment"]["status"], "UNKNOWN");
    assert!(retry_after.is_some());

    let (status, problem, _) = order(checkout(&shop, &[]), &caller, &key, &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("request-in-progress")), "{problem}");

    shop.advance(Duration::from_secs(16));
    let (status, both, _) = order(checkout(&shop, &[]), &caller, &key, &body).await;
    assert_eq!((status, &both["order"]["status"]), (201, &json!("CONFIRMED")), "{both}");
    assert_eq!(both["payment"]["status"], "CAPTURED");
    assert_eq!(shop.stock(&id).await, 3);
}

#[tokio::test]
async fn what_nobody_has_signed_goes_no_further_than_checkout() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    for (headers, status) in [
        (json!({}), 400),
        (json!({"stripe-signature": ""}), 400),
        (json!({"stripe-signature": " "}), 400),
        (json!({"stripe-signature": "t=1,v1=00"}), 503),
    ] {
        let event = event("POST", "/webhooks/stripe", None, headers.clone(), "{}");
        let event: LambdaRequest = serde_json::from_value(event).expect("an event");
        let response = checkout(&shop, &["PAYMENTS_FUNCTION"]).handle(event.into()).await.expect("an answer");
        assert_eq!(response.status(), status, "{headers}");
    }
}

#[tokio::test]
async fn an_order_is_in_flight_as_long_as_checkout_may_run_and_half_way_after_twice_that() {
    let template = crate::front_door::template();
    let checkout = template.function_of("checkout").expect("checkout");
    assert_eq!(checkout.environment["IN_FLIGHT_SECONDS"], checkout.timeout.as_secs().to_string());
    assert_eq!(orders::HALF_WAY, checkout.timeout * 2);
}
