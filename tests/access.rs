//! Who may call what: every route of the template, by everybody who could try.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use http::Method;
use local::template::{Given, Template};
use serde_json::{Value, json};

use crate::client::Client;
use crate::direct::invoke;
use crate::front_door;
use crate::shop::{Setup, Shop, VISA, an_order, new_username, random};

const WHY: &str = "moves the clock and makes admins";

/// One line: a route, the body that it is called with, and the status that each caller gets.
struct Line {
    route: &'static str,
    /// What `$name` stands for is filled in: see [`Scene::fill`]. Empty is no body.
    body: &'static str,
    /// In the order of [`CALLERS`].
    answers: [u16; 6],
}

/// Everybody who could try. The owner is the customer whom things belong to, and comes last because some routes use them up.
const CALLERS: [&str; 6] =
    ["no token", "a refused token", "an expired token", "another customer", "an admin", "the owner"];

const fn line(route: &'static str, body: &'static str, answers: [u16; 6]) -> Line {
    Line { route, body, answers }
}

const NEW_PRODUCT: &str = r#"{"name": "Lamp", "description": "Warm light.", "category": "lighting",
    "price": {"amount": 1999, "currency": "EUR"}, "image": "https://images.example/lamp.jpg"}"#;

/// The matrix. An open route answers everybody alike: a token is not looked at there.
const MATRIX: &[Line] = &[
    //                                                      none  refused expired another admin owner
    line("POST /users", r#"{"username": "$new_username", "password": "$password"}"#, [201, 201, 201, 201, 201, 201]),
    line("POST /login", r#"{"username": "$username", "password": "$password"}"#, [200, 200, 200, 200, 200, 200]),
    line("POST /token/refresh", r#"{"refresh_token": "$refresh_token"}"#, [200; 6]),
    line("POST /logout", r#"{"refresh_token": "$refresh_token"}"#, [204; 6]),
    // Open to whoever has a reset token, which nobody here has.
    line("POST /password/reset", r#"{"reset_token": "none", "new_password": "$new_username"}"#, [400; 6]),
    line("GET /.well-known/jwks.json", "", [200, 200, 200, 200, 200, 200]),
    // The issuer of a local shop is no URL.
    line("GET /.well-known/openid-configuration", "", [404; 6]),
    line("GET /users/me", "", [401, 403, 403, 200, 200, 200]),
    line("PATCH /users/me", r#"{"display_name": "Ada"}"#, [401, 403, 403, 200, 200, 200]),
    // The owner's password is a wrong one for everybody else.
    line(
        "PUT /users/me/password",
        r#"{"current_password": "$password", "new_password": "$new_username"}"#,
        [401, 403, 403, 401, 401, 204],
    ),
    line("GET /users/me/sessions", "", [401, 403, 403, 200, 200, 200]),
    line("DELETE /users/me/sessions/{session_id}", "", [401, 403, 403, 404, 404, 204]),
    line("DELETE /users/me", "", [401, 403, 403, 204, 204, 204]),
    line("GET /products", "", [200, 200, 200, 200, 200, 200]),
    line("GET /products/{product_id}", "", [200, 200, 200, 200, 200, 200]),
    line("POST /products", NEW_PRODUCT, [401, 403, 403, 403, 201, 403]),
    line("PATCH /products/{product_id}", r#"{"description": "Cold light."}"#, [401, 403, 403, 403, 200, 403]),
    line("POST /products/{product_id}/stock", r#"{"change": 1}"#, [401, 403, 403, 403, 200, 403]),
    line("DELETE /products/{product_id}", "", [401, 403, 403, 403, 204, 403]),
    line("POST /orders", "$order", [401, 403, 403, 201, 201, 201]),
    line("GET /orders", "", [401, 403, 403, 200, 200, 200]),
    line("GET /orders/{order_id}", "", [401, 403, 403, 404, 404, 200]),
    line("POST /orders/{order_id}/cancel", "", [401, 403, 403, 404, 200, 200]),
    line("GET /fulfilment", "", [401, 403, 403, 403, 200, 403]),
    line("GET /fulfilment/{order_id}", "", [401, 403, 403, 403, 200, 403]),
    line("POST /orders/{order_id}/fulfilment", r#"{"status": "PACKED"}"#, [401, 403, 403, 403, 200, 403]),
    // Open to the provider, whose signature is asked for instead.
    line("POST /webhooks/stripe", "{}", [400; 6]),
];

/// What a line is tried with: people, an order and a product of its own, so that lines may use them up.
struct Scene {
    username: String,
    password: String,
    owner: Client,
    another: Client,
    admin: Client,
    product: String,
    order: String,
}

impl Scene {
    async fn new(shop: &Shop) -> Scene {
        let (username, password) = (new_username(), random());
        shop.register(&username, &password).await.is(201);
        let (boss, secret) = (new_username(), random());
        shop.register(&boss, &secret).await.is(201);
        invoke(shop, "users", &json!({"command": "make_admin", "username": boss})).await;
        let owner = shop.sign_in(&username, &password).await;
        let admin = shop.sign_in(&boss, &secret).await;
        let product = crate::shop::product_by(&admin, &crate::shop::a_product(), 20).await;
        let placed = owner.post("/orders", &an_order(&product, 1, VISA)).key(&random()).await.is(201);
        let order = placed.text_at("/order/id");
        Scene { username, password, owner, another: shop.customer().await, admin, product, order }
    }

    /// A text with what its names stand for in this scene. What can be used once is made for each call.
    async fn fill(&self, shop: &Shop, text: &str) -> String {
        let mut text = text
            .replace("{product_id}", &self.product)
            .replace("{order_id}", &self.order)
            .replace("$new_username", &new_username())
            .replace("$username", &self.username)
            .replace("$password", &self.password)
            .replace("$order", &an_order(&self.product, 1, VISA).to_string());
        if text.contains("$refresh_token") {
            let login = json!({"username": self.username, "password": self.password});
            let token = shop.anonymous().post("/login", &login).await.is(200).text_at("/refresh_token");
            text = text.replace("$refresh_token", &token);
        }
        if text.contains("{session_id}") {
            let sessions = self.owner.get("/users/me/sessions").await.is(200);
            text = text.replace("{session_id}", sessions.items()[0]["id"].as_str().expect("an id"));
        }
        text
    }
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_matrix_says() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let expired = shop.admin().await;
    shop.advance(Duration::from_secs(15 * 60 + 5));
    let mut wrong = Vec::new();
    for Line { route, body, answers } in MATRIX {
        let scene = Scene::new(&shop).await;
        // An admin's, in which one character is another.
        let mut token = scene.admin.token.clone().expect("a token");
        let flipped = if token.remove(40) == 'A' { 'B' } else { 'A' };
        token.insert(40, flipped);
        let refused = shop.anonymous().with_token(&token);
        let (nobody, Scene { another, admin, owner, .. }) = (shop.anonymous(), &scene);
        let (method, path) = route.split_once(' ').expect("a route key");
        let method: Method = method.parse().expect("a method");
        let callers = [&nobody, &refused, &expired, another, admin, owner];
        for ((caller, name), expected) in callers.into_iter().zip(CALLERS).zip(answers) {
            let mut call = caller.call(method.clone(), &scene.fill(&shop, path).await).key(&random());
            if !body.is_empty() {
                call = call.text(&scene.fill(&shop, body).await);
            }
            let answer = call.await;
            if answer.status != *expected {
                wrong.push(format!("{route} with {name}: {} instead of {expected}", answer.status));
            }
            // What the authorizer refuses never reaches a function, which would say more.
            let by_the_api = answer.header("content-type") != Some("application/problem+json");
            let refused_by_the_api = matches!(name, "no token" | "a refused token" | "an expired token");
            if matches!(answer.status, 401 | 403) && by_the_api != refused_by_the_api {
                wrong.push(format!("{route} with {name}: refused by the wrong one: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The routes that this template has and the matrix has not, and the other way round.
fn differences(template: &Template) -> BTreeSet<String> {
    let routes: BTreeSet<String> = template.api.routes.iter().map(|route| route.key()).collect();
    let lines: BTreeSet<String> = MATRIX.iter().map(|line| line.route.to_owned()).collect();
    assert_eq!(lines.len(), MATRIX.len(), "a route has two lines");
    routes.symmetric_difference(&lines).cloned().collect()
}

#[test]
fn every_route_has_a_line_and_every_line_a_route() {
    assert_eq!(differences(&front_door::template()), BTreeSet::new());
}

#[test]
fn a_route_is_open_exactly_if_its_line_says_so() {
    for route in &front_door::template().api.routes {
        let Some(line) = MATRIX.iter().find(|line| line.route == route.key()) else { continue };
        match &route.authorizer {
            Some(_) => assert_eq!(line.answers[..3], [401, 403, 403], "{}", line.route),
            None => assert_eq!(line.answers, [line.answers[0]; 6], "{}", line.route),
        }
    }
}

#[test]
fn a_new_route_without_a_line_and_a_line_without_a_route_are_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    let route = "Method: GET, Path: /fulfilment}";
    assert!(text.contains(route), "the template has another way to write routes");
    let changed = text.replace(route, "Method: GET, Path: /fulfilments}");
    let given = Given {
        attributes: [("Keyring.Jwks".to_owned(), r#"{"keys":[]}"#.to_owned())].into(),
        ..Given::defaults("portico")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, changed).expect("a file");
    let changed = Template::load(&path, &given).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(differences(&changed), BTreeSet::from(["GET /fulfilment".to_owned(), "GET /fulfilments".to_owned()]));
}

#[tokio::test]
async fn what_the_owner_sees_nobody_else_can_tell_from_what_is_not_there() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let scene = Scene::new(&shop).await;
    let missing = format!("ord_{}", "a".repeat(52));
    for (method, path) in [(Method::GET, "/orders/{}"), (Method::POST, "/orders/{}/cancel")] {
        let ask = async |id: &str| scene.another.call(method.clone(), &path.replace("{}", id)).await;
        let (others, none) = (ask(&scene.order).await.problem(404, "not-found"), ask(&missing).await);
        others.check(
            others.text_without_id() == none.text_without_id(),
            format!("another's order looks otherwise than none: {none}"),
        );
    }
    let list = scene.another.get("/orders").await.is(200);
    list.check(list.items() == Vec::<Value>::new(), "another's orders are listed");
}
