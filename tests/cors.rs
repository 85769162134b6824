//! CORS through the front door: pages of the origins that the parameter names may use the shop, and no others.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;

use crate::client::Answer;
use crate::shop::{Setup, Shop, VISA, an_order, random};

const PAGE: &str = "https://shop.example";

async fn shop_with(origins: &str) -> Option<Shop> {
    let parameters = BTreeMap::from([("CorsOrigins".to_owned(), origins.to_owned())]);
    Shop::in_process("sets CorsOrigins", Setup { parameters, throttle: true, ..Setup::default() }).await
}

fn about_cors(answer: &Answer) -> Vec<&str> {
    answer.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn a_page_of_a_named_origin_orders() {
    let Some(shop) = shop_with(&format!("http://localhost:5173,{PAGE}")).await else { return };
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let preflight = shop.anonymous().call(Method::OPTIONS, "/orders").header("origin", PAGE);
    let preflight = preflight.header("access-control-request-method", "POST").await.is(204);
    let preflight =
        preflight.has_header("access-control-allow-origin", PAGE).has_header("access-control-max-age", "3600");
    for header in ["authorization", "content-type", "idempotency-key"] {
        let allowed = preflight.header("access-control-allow-headers").unwrap_or_default();
        preflight.check(allowed.split(',').any(|one| one == header), format!("{header} is not allowed"));
    }
    preflight.check(preflight.header("access-control-allow-credentials").is_none(), "cookies are let through");

    let placed = customer.post("/orders", &an_order(&id, 1, VISA)).key(&random()).header("origin", PAGE).await.is(201);
    let placed = placed.has_header("access-control-allow-origin", PAGE);
    let exposed = placed.header("access-control-expose-headers").unwrap_or_default();
    for header in ["location", "etag", "retry-after", "idempotency-replayed"] {
        placed.check(exposed.split(',').any(|one| one == header), format!("a page may not read {header}"));
    }
    shop.anonymous().get("/products").header("origin", PAGE).await.is(200).has_header("vary", "origin");
}

#[tokio::test]
async fn a_page_may_read_why_it_was_refused() {
    let Some(shop) = shop_with(PAGE).await else { return };
    let call = |method: Method, path: &str| shop.anonymous().call(method, path).header("origin", PAGE);
    let refused = [
        call(Method::GET, "/users/me").await.message(401, "Unauthorized"),
        call(Method::GET, "/users/me").header("authorization", "Bearer x").await.message(403, "Forbidden"),
        call(Method::GET, "/nowhere").await.message(404, "Not Found"),
        call(Method::POST, "/login").json(&Value::Null).await.problem(400, "invalid-request"),
    ];
    for answer in refused {
        answer.has_header("access-control-allow-origin", PAGE);
    }
    let mut throttled = None;
    for _ in 0..40 {
        let answer = call(Method::POST, "/users").json(&Value::Null).await;
        if answer.status == 429 {
            throttled = Some(answer);
            break;
        }
    }
    throttled.expect("the burst is over").has_header("access-control-allow-origin", PAGE);
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing() {
    let Some(shop) = shop_with(PAGE).await else { return };
    for origin in ["https://shop.example.evil.example", "https://evil.example", "http://shop.example", "null"] {
        let preflight = shop.anonymous().call(Method::OPTIONS, "/orders").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "POST").await;
        let simple = shop.anonymous().get("/products").header("origin", origin).await.is(200);
        for answer in [preflight, simple] {
            answer.check(about_cors(&answer).is_empty(), format!("{origin} is let in"));
        }
    }
    let plain = shop.anonymous().get("/products").await.is(200);
    plain.check(about_cors(&plain).is_empty(), "CORS where nobody asked");
}

#[tokio::test]
async fn without_the_parameter_the_api_knows_nothing_of_cors() {
    let Some(shop) = Shop::in_process("leaves CorsOrigins empty", Setup::default()).await else { return };
    let preflight = shop.anonymous().call(Method::OPTIONS, "/orders").header("origin", PAGE);
    preflight.header("access-control-request-method", "POST").await.message(404, "Not Found");
    let simple = shop.anonymous().get("/products").header("origin", PAGE).await.is(200);
    simple.check(about_cors(&simple).is_empty(), "CORS that nobody configured");
}
