//! What the HTTP API itself answers: tokens, unknown routes, throttles; and that every route of the template leads
//! to a handler.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use local::template::{Given, Route, Segment, Template};
use serde_json::{Value, json};

use crate::deployed;
use crate::shop::{Setup, Shop, all_at_once, new_username, random};

const PROTECTED: [(Method, &str); 12] = [
    (Method::GET, "/users/me"),
    (Method::PATCH, "/users/me"),
    (Method::POST, "/products"),
    (Method::PATCH, "/products/prd_x"),
    (Method::DELETE, "/products/prd_x"),
    (Method::POST, "/products/prd_x/stock"),
    (Method::POST, "/orders"),
    (Method::GET, "/orders"),
    (Method::GET, "/orders/ord_x"),
    (Method::GET, "/fulfilment"),
    (Method::GET, "/fulfilment/ord_x"),
    (Method::POST, "/orders/ord_x/fulfilment"),
];

#[tokio::test]
async fn without_a_token_every_protected_route_is_unauthorized() {
    let shop = Shop::start().await;
    for (method, path) in PROTECTED {
        shop.anonymous().call(method, path).await.message(401, "Unauthorized");
    }
}

#[tokio::test]
async fn with_a_refused_token_every_protected_route_is_forbidden() {
    let shop = Shop::start().await;
    for (method, path) in PROTECTED {
        shop.anonymous().with_token("nonsense").call(method, path).await.message(403, "Forbidden");
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_forbidden() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let token = customer.token.clone().expect("a token");
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("not a JWT: {token}") };
    let edited = |part: &str, member: &str, value: Value| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
        let mut json: Value = serde_json::from_slice(&json).expect("JSON");
        json[member] = value;
        BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let none = edited(header, "alg", json!("none"));
    for forged in [
        format!("{header}.{}.{signature}", edited(claims, "role", json!("admin"))),
        format!("{header}.{}.{signature}", edited(claims, "exp", json!(4_102_444_800_u64))),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{}.{claims}.{signature}", edited(header, "alg", json!("HS256"))),
        format!("{}.{claims}.{signature}", edited(header, "kid", json!("another"))),
        format!("{}.{claims}.{signature}", edited(header, "typ", json!("JWT"))),
        format!("{}.{claims}.{signature}", edited(header, "crit", json!(["exp"]))),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{}", "A".repeat(signature.len())),
        format!("{token}.{signature}"),
        format!("{token}="),
        format!("{token} x"),
        "x".repeat(5000),
    ] {
        customer.with_token(&forged).get("/users/me").await.message(403, "Forbidden");
    }
    customer.get("/users/me").await.is(200);
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case_and_nothing_else() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let token = customer.token.clone().expect("a token");
    let send = |value: String| shop.anonymous().get("/users/me").header("authorization", &value);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        send(format!("{scheme} {token}")).await.is(200);
    }
    for value in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        "Bearer".to_owned(),
        format!("Token {token}"),
    ] {
        send(value).await.message(403, "Forbidden");
    }
    let get = shop.anonymous().get(&format!("/users/me?token={token}"));
    get.await.message(401, "Unauthorized");
}

#[tokio::test]
async fn a_token_ends_after_fifteen_minutes() {
    let Some(shop) = Shop::in_process("moves the clock past a token's end", Setup::default()).await else {
        return;
    };
    let customer = shop.customer().await;
    shop.advance(Duration::from_secs(14 * 60 + 50));
    customer.get("/users/me").await.is(200);
    shop.advance(Duration::from_secs(20));
    customer.get("/users/me").await.message(403, "Forbidden");
}

#[tokio::test]
async fn a_token_of_another_shop_is_forbidden() {
    let Some(shop) = Shop::in_process("starts a second shop", Setup::default()).await else {
        return;
    };
    let other = Shop::start().await;
    let stranger = other.admin().await.token.expect("a token");
    shop.anonymous().with_token(&stranger).get("/users/me").await.message(403, "Forbidden");
}

#[tokio::test]
async fn a_route_that_is_not_there_is_not_found() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/payments"),
        (Method::POST, "/payments"),
        (Method::PUT, "/products"),
        (Method::DELETE, "/orders"),
        (Method::GET, "/login"),
        (Method::GET, "/products/"),
        (Method::POST, "/orders/"),
        (Method::GET, "/orders/a/b"),
        (Method::GET, "/users"),
        (Method::OPTIONS, "/products"),
        (Method::GET, "/Products"),
    ] {
        if method == Method::OPTIONS && deployed::stand_in_differs("it answers OPTIONS with 403 where there is no CORS")
        {
            continue;
        }
        for client in [&admin, &shop.anonymous()] {
            client.call(method.clone(), path).await.message(404, "Not Found");
        }
    }
}

#[tokio::test]
async fn more_logins_at_once_than_the_template_allows_are_too_many() {
    let setup = Setup { throttle: true, ..Setup::default() };
    let Some(shop) = Shop::in_process("needs the template's throttles as they are", setup).await else {
        return;
    };
    let burst =
        template().api.routes.iter().find(|route| route.key() == "POST /login").and_then(|route| route.throttle);
    let burst = burst.expect("a throttle on POST /login").burst;
    let client = shop.anonymous();
    let calls = (0..burst * 3).map(|_| {
        // Of one name, few would be let try anyway.
        let call = client.post("/login", &json!({"username": new_username(), "password": random()}));
        async move { call.await }
    });
    let answers = all_at_once(calls).await;
    let refused = answers.iter().filter(|answer| answer.status == 429).count() as u64;
    assert!(refused > 0 && burst * 3 - refused >= burst, "{refused} of {} refused, burst {burst}", burst * 3);
    for answer in answers {
        match answer.status {
            429 => answer.message(429, "Too Many Requests"),
            _ => answer.problem(401, "invalid-credentials"),
        };
    }
    shop.anonymous().get("/products").await.is(200);
    shop.advance(Duration::from_secs(5));
    shop.admin().await.get("/users/me").await.is(200);
}

#[tokio::test]
async fn every_route_of_the_template_leads_to_a_handler() {
    let shop = Shop::start().await;
    // Somebody whose account may go: one of the routes closes it.
    let customer = shop.customer().await;
    for route in &template().api.routes {
        let method: Method = route.method.parse().expect("a method");
        let answer = customer.call(method, &example(route)).text("{}").key(&random()).await;
        let reached = answer.status != 404 || answer.json().get("code").is_some();
        answer.check(reached, format!("{} leads nowhere", route.key()));
    }
}

#[test]
fn no_handler_is_without_a_route_and_no_route_without_a_handler() {
    let template = template();
    let mut routed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in &template.api.routes {
        let function = template.function(&route.function).expect("the route's function");
        routed.entry(function.binary().to_owned()).or_default().insert(route.key());
    }
    for (function, routes) in routed {
        let source = root().join("functions").join(&function).join("src");
        let handled = ["lib.rs", "handlers.rs"].iter().flat_map(|file| route_keys_in(&source.join(file)));
        assert_eq!(handled.collect::<BTreeSet<_>>(), routes, "{function}: left, its match; right, the template");
    }
}

/// The literals of a source file that are route keys.
fn route_keys_in(source: &Path) -> Vec<String> {
    let source = std::fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let literals = code.split('"').skip(1).step_by(2);
    let is_route_key = |literal: &&str| {
        let method = literal.split_once(" /").map(|(method, _)| method);
        method.is_some_and(|method| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()))
    };
    literals.filter(is_route_key).map(str::to_owned).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn template() -> Template {
    let attributes = BTreeMap::from([("Keyring.Jwks".to_owned(), r#"{"keys":[]}"#.to_owned())]);
    let given = Given { attributes, ..Given::defaults("portico") };
    Template::load(&root().join("template.yaml"), &given).unwrap_or_else(|error| panic!("{error}"))
}

/// A path that the route matches.
pub fn example(route: &Route) -> String {
    route
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Parameter(_) | Segment::Greedy(_) => "/x".to_owned(),
        })
        .collect()
}
