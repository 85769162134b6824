//! The edge in front of the API: nobody comes round it, it knows who is calling, and it caches the catalogue and nothing else.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::attempts::{STRANGER, guess};
use crate::client::{Answer, Client};
use crate::shop::{Setup, Shop, VISA, a_product, an_order, new_username, random};

const WHY: &str = "puts an edge of its own in front of the API";
/// How long a page of the catalogue is fresh.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How long it may then still be shown while the API is asked for a new one.
const REVALIDATING: Duration = Duration::from_secs(300);

async fn shop() -> Option<Shop> {
    Shop::in_process(WHY, Setup { edge: true, ..Setup::default() }).await
}

/// How often the function of the catalogue has worked on this route.
fn calls(shop: &Shop, route: &str) -> usize {
    let lines = shop.log().text();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["function"] == "products" && line["route"] == route).count()
}

trait Came {
    fn came_as(self, how: &str) -> Answer;
}

impl Came for Answer {
    /// Fails the test unless the edge came by the answer so, and says its age exactly if it was kept.
    #[track_caller]
    fn came_as(self, how: &str) -> Answer {
        let answer = self.has_header("x-cache", &format!("{how} from cloudfront"));
        answer.check(answer.header("age").is_some() == (how == "Hit"), "an age goes with what was kept");
        answer.check(answer.header("via").is_some_and(|via| via.ends_with("(CloudFront)")), "no via");
        answer.check(answer.header("x-amz-cf-id").is_some_and(|id| id.len() == 56), "no x-amz-cf-id");
        answer
    }
}

#[tokio::test]
async fn whoever_comes_round_the_edge_is_refused() {
    let Some(shop) = shop().await else { return };
    let customer = shop.customer().await;
    let round = shop.round_the_edge();
    let signed_in = Client { token: customer.token.clone(), ..round.clone() };
    let secret = shop.inner().base().edge_secret();
    let forged = [
        vec![],
        vec![("x-origin-secret", "")],
        vec![("x-origin-secret", "guess")],
        vec![("x-origin-secret", &secret[1..])],
        vec![("x-viewer-address", "203.0.113.7")],
        vec![("cloudfront-viewer-address", "203.0.113.7:46532"), ("x-forwarded-for", "203.0.113.7")],
        vec![("x-origin-secret", "guess"), ("x-viewer-address", "203.0.113.7")],
        // Even the right secret opens nothing to whoever does not say for whom.
        vec![("x-origin-secret", secret.as_str())],
        vec![("x-origin-secret", secret.as_str()), ("x-viewer-address", "somebody")],
    ];
    for headers in forged {
        let with =
            |call: crate::client::Call| headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        for (method, path) in
            [(Method::GET, "/products"), (Method::GET, "/.well-known/jwks.json"), (Method::POST, "/login")]
        {
            with(round.call(method, path)).await.problem(403, "not-through-edge");
        }
        with(round.post("/webhooks/stripe", &json!({}))).await.problem(403, "not-through-edge");
        with(round.get("/users/me")).await.message(401, "Unauthorized");
        for path in ["/users/me", "/orders"] {
            with(signed_in.get(path)).await.message(403, "Forbidden");
        }
        with(signed_in.post("/orders", &json!({}))).await.message(403, "Forbidden");
    }
    customer.get("/users/me").await.is(200);
    // A viewer's own headers of these names are nothing to the edge.
    for (name, value) in [("x-origin-secret", "guess"), ("x-viewer-address", "somebody")] {
        customer.get("/users/me").header(name, value).await.is(200);
    }
}

#[tokio::test]
async fn the_whole_shop_is_behind_the_edge() {
    let Some(shop) = shop().await else { return };
    let (customer, product) = (shop.customer().await, shop.product(3).await);
    let placed = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random()).await.is(201);
    let placed = placed.has("/order/status", "CONFIRMED").came_as("Miss");
    let line = shop.access_log().line_of(&placed.request_id()).await;
    assert_eq!((&line["route"], &line["status"]), (&json!("POST /orders"), &json!(201)));
    shop.anonymous().get("/nowhere").await.message(404, "Not Found").came_as("Error");
    shop.anonymous().get("/users/me").await.message(401, "Unauthorized").came_as("Error");
    shop.stop().await;
}

#[tokio::test]
async fn two_viewers_behind_one_edge_are_counted_apart() {
    let parameters = [("AttemptsPerMinute".to_owned(), "3".to_owned())].into();
    let Some(shop) = Shop::in_process(WHY, Setup { edge: true, parameters, ..Setup::default() }).await else { return };
    let (one, other) = (shop.anonymous(), shop.anonymous().from(STRANGER));
    let into_the_minute = shop.inner().clock().now().as_secs().rem_euclid(60).unsigned_abs();
    shop.advance(Duration::from_secs(60 - into_the_minute));
    for _ in 0..3 {
        guess(&one, &new_username()).await.problem(401, "invalid-credentials");
    }
    guess(&one, &new_username()).await.problem(429, "too-many-attempts");
    let body = json!({"username": new_username(), "password": random()});
    for name in ["x-viewer-address", "x-forwarded-for", "cloudfront-viewer-address", "x-real-ip"] {
        one.post("/login", &body).header(name, "203.0.113.7").await.problem(429, "too-many-attempts");
    }
    for _ in 0..3 {
        guess(&other, &new_username()).await.problem(401, "invalid-credentials");
    }
    guess(&other, &new_username()).await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn a_cached_catalogue_costs_no_function_call() {
    let Some(shop) = shop().await else { return };
    let client = shop.anonymous();
    let first = client.get("/products?limit=3").await.is(200).came_as("Miss");
    assert_eq!(calls(&shop, "GET /products"), 1);
    shop.advance(Duration::from_secs(20));
    let kept = client.get("/products?limit=3").await.is(200).came_as("Hit").has_header("age", "20");
    assert_eq!(kept.body, first.body);
    let tag = first.header("etag").expect("an entity tag").to_owned();
    let same =
        client.get("/products?limit=3").header("if-none-match", &format!("W/{tag}")).await.is(304).came_as("Hit");
    same.check(same.body.is_empty() && same.header("etag") == Some(&tag), "not that very answer");
    client
        .get("/products?limit=3")
        .header("cache-control", "no-cache")
        .header("pragma", "no-cache")
        .await
        .came_as("Hit");
    let (status, headers, body) = {
        let Client { http, base, .. } = shop.anonymous();
        let url = base.join("/products?limit=3").expect("a path");
        http.send(&Method::HEAD, &url, &[], b"").await.expect("an answer")
    };
    assert_eq!(
        (status, body.len(), &headers["x-cache"]),
        (200, 0, &http::HeaderValue::from_static("Hit from cloudfront"))
    );
    assert_eq!(calls(&shop, "GET /products"), 1);
    // Each in a line of its own, under the id of the request whose answer it is.
    let lines = shop.access_log().of_request(&first.request_id());
    let cached = lines.iter().filter(|line| line["line"].as_str().is_some_and(|line| line.contains("  cached  id=")));
    assert_eq!((lines.len(), cached.count()), (5, 4), "{lines:?}");

    // Another query and another origin are other answers.
    client.get("/products?limit=4").await.came_as("Miss");
    client.get("/products?limit=3").header("origin", "https://shop.example").await.came_as("Miss");
    assert_eq!(calls(&shop, "GET /products"), 3);
}

#[tokio::test]
async fn what_is_no_longer_fresh_is_asked_for_again() {
    let Some(shop) = shop().await else { return };
    let client = shop.anonymous();
    let first = client.get("/products?limit=3").await.came_as("Miss");
    shop.advance(MAX_AGE + REVALIDATING + Duration::from_secs(1));
    let renewed = client.get("/products?limit=3").await.is(200).came_as("RefreshHit");
    assert_eq!(renewed.body, first.body);
    assert_eq!(calls(&shop, "GET /products"), 2);
    shop.advance(Duration::from_secs(5));
    client.get("/products?limit=3").await.came_as("Hit").has_header("age", "5");

    // Stock is never shown unasked.
    let product = shop.product(3).await;
    let path = format!("/products/{product}");
    client.get(&path).await.came_as("Miss").has("/stock", 3);
    client.get(&path).await.came_as("RefreshHit").has("/stock", 3);
    shop.admin().await.post(&format!("{path}/stock"), &json!({"change": 4})).key(&random()).await.is(200);
    shop.advance(Duration::from_secs(3));
    client.get(&path).await.came_as("Miss").has("/stock", 7);
}

#[tokio::test]
async fn a_change_is_seen_by_the_second_who_asks_after_max_age() {
    let Some(shop) = shop().await else { return };
    let (admin, client) = (shop.admin().await, shop.anonymous());
    let category = random();
    let mut product = a_product();
    product["category"] = json!(category);
    let id = shop.product_like(&product, 1).await;
    shop.advance(Duration::from_secs(3));
    let path = format!("/products?category={category}");
    let price = |answer: &Answer| answer.items()[0]["price"]["amount"].clone();
    assert_eq!(price(&client.get(&path).await.came_as("Miss")), 1999);
    let cheaper = json!({"price": {"amount": 999, "currency": "EUR"}});
    admin.patch(&format!("/products/{id}"), &cheaper).await.is(200).came_as("Miss");
    shop.advance(MAX_AGE - Duration::from_secs(1));
    assert_eq!(price(&client.get(&path).await.came_as("Hit")), 1999);
    shop.advance(Duration::from_secs(2));
    // The first gets what is there while the API is asked; it is asked once, whoever else comes.
    let stale = client.get(&path).await.came_as("Hit");
    stale.check(stale.number_in("age") > MAX_AGE.as_secs(), "too young");
    for _ in 0..1000 {
        let answer = client.get(&path).await;
        if price(&answer) == 999 {
            answer.came_as("Hit");
            return;
        }
    }
    panic!("nobody sees the change");
}

#[tokio::test]
async fn what_somebody_is_authorised_to_see_is_never_kept() {
    let Some(shop) = shop().await else { return };
    let (customer, admin) = (shop.customer().await, shop.admin().await);
    for (client, path) in [(&customer, "/users/me"), (&customer, "/orders"), (&admin, "/fulfilment")] {
        for _ in 0..2 {
            let answer = client.get(path).await.is(200).came_as("Miss");
            answer.check(answer.header("cache-control") == Some("no-store"), "an answer that others may keep");
        }
    }
    // Nor is the catalogue, for whoever shows a token: and nobody else gets what a token brought.
    for _ in 0..2 {
        customer.get("/products?limit=5").await.is(200).came_as("Miss");
    }
    shop.anonymous().get("/products?limit=5").await.came_as("Miss");
    shop.anonymous().get("/products?limit=5").await.came_as("Hit");
    customer.get("/products?limit=5").await.came_as("Miss");
    // Neither are refusals.
    for _ in 0..2 {
        shop.anonymous().get("/products?limit=0").await.problem(400, "invalid-request").came_as("Error");
        shop.anonymous().get("/products/prd_aaaaaaaaaaaaaaaaaaaaaaaaaa").await.is(404).came_as("Error");
    }
    assert_eq!(calls(&shop, "GET /products/{product_id}"), 2);
}
