//! Nothing that is secret gets into a log or comes back in an error: text that is marked goes through every route of the
//! template, in good places and in wrong ones, and is looked for in every line and every refusal.

use std::collections::BTreeSet;

use http::Method;
use local::template::Route;
use serde_json::{Value, json};

use crate::client::{Answer, Call, Client};
use crate::direct::invoke;
use crate::passwords::issue;
use crate::sessions::{SignedIn, User};
use crate::shop::{Setup, Shop, VISA, new_username, random};

const MARK: &str = "SECRET";
/// Marks text where an id belongs in a path. An id is no secret, and the terminal shows the path; but nothing else does.
const IN_PATH: &str = "INPATH";

/// What a route takes.
struct Entry {
    route: &'static str,
    /// A body that it accepts; one that uses something up, once.
    body: Value,
    query: &'static [&'static str],
}

/// What really opens something: the routes that secrets are sent to are open to nothing else.
struct Secrets {
    /// Signs in, and is given the reset token.
    user: User,
    reset_token: String,
    /// Changes the password: wrong ones that the other has tried do not count here.
    other: User,
    session: SignedIn,
    /// Another session, which its logout ends.
    ended: SignedIn,
}

impl Secrets {
    async fn of(shop: &Shop) -> Secrets {
        let new = async || {
            let user = User { name: new_username(), password: marked() };
            shop.register(&user.name, &user.password).await.is(201);
            user
        };
        let (user, other) = (new().await, new().await);
        let (session, ended) = (shop.session(&other).await, shop.session(&other).await);
        Secrets { reset_token: issue(shop, &user).await, user, other, session, ended }
    }
}

/// Every route of the template. A new one is entered here with what it takes.
fn entries(product: &str, secrets: &Secrets) -> Vec<Entry> {
    let entry = |route, body| Entry { route, body, query: &[] };
    let list = |route, query| Entry { route, body: Value::Null, query };
    let price = json!({"amount": 1999, "currency": "EUR"});
    vec![
        entry(
            "POST /users",
            json!({"username": new_username(), "password": random(), "display_name": "Ada", "email": "ada@example.com"}),
        ),
        entry("POST /login", json!({"username": secrets.user.name, "password": secrets.user.password})),
        entry("POST /token/refresh", json!({"refresh_token": secrets.session.refresh})),
        entry("POST /logout", json!({"refresh_token": secrets.ended.refresh})),
        entry("POST /password/reset", json!({"reset_token": secrets.reset_token, "new_password": random()})),
        entry("GET /users/me", Value::Null),
        entry("PUT /users/me/password", json!({"current_password": secrets.other.password, "new_password": random()})),
        list("GET /users/me/sessions", &["limit", "cursor"]),
        entry("DELETE /users/me/sessions/{session_id}", Value::Null),
        entry("PATCH /users/me", json!({"display_name": "Ada", "email": "ada@example.com"})),
        entry("GET /.well-known/jwks.json", Value::Null),
        entry("GET /.well-known/openid-configuration", Value::Null),
        list("GET /products", &["limit", "cursor", "category", "q"]),
        entry("GET /products/{product_id}", Value::Null),
        entry(
            "POST /products",
            json!({"name": "Lamp", "description": "Warm.", "category": "light", "price": price, "image": "https://a.example/b.jpg"}),
        ),
        entry("PATCH /products/{product_id}", json!({"name": "Lamp", "price": price})),
        entry("DELETE /products/{product_id}", Value::Null),
        entry("POST /products/{product_id}/stock", json!({"change": 1})),
        entry(
            "POST /orders",
            json!({
                "items": [{"product_id": product, "quantity": 1}],
                "payment": {"method": VISA},
                "shipping_address": {
                    "name": "Ada", "lines": ["1 St James's Square"], "postal_code": "1", "city": "London", "country": "GB",
                },
                "expected_total": price,
            }),
        ),
        list("GET /orders", &["limit", "cursor"]),
        entry("GET /orders/{order_id}", Value::Null),
        entry("POST /orders/{order_id}/cancel", json!({})),
        list("GET /fulfilment", &["status", "limit", "cursor"]),
        entry("GET /fulfilment/{order_id}", Value::Null),
        entry(
            "POST /orders/{order_id}/fulfilment",
            json!({"status": "SHIPPED", "carrier": "Post", "tracking_number": "1"}),
        ),
        entry(
            "POST /webhooks/stripe",
            json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}),
        ),
        // At the end, because it closes the accounts that the others are tried with.
        entry("DELETE /users/me", Value::Null),
    ]
}

/// Marked text that nobody has used before.
fn marked() -> String {
    format!("{MARK}{}", random())
}

/// The body with marked text in each of its places and beside them, and as text that is no JSON.
fn bodies(good: &Value) -> Vec<String> {
    let mut places = Vec::new();
    pointers(good, String::new(), &mut places);
    let mut bodies = Vec::new();
    for place in places {
        let email = format!("{}@example.com", marked());
        for wrong in
            [json!(marked()), json!(email), json!([marked()]), json!({"value": marked()}), json!({marked(): 1})]
        {
            let mut body = good.clone();
            if let Some(value) = body.pointer_mut(&place) {
                *value = wrong;
            }
            bodies.push(body.to_string());
        }
    }
    for unknown in ["refresh_token", "reset_token", "password", "token", "client_secret", "cursor", "number"] {
        let mut body = if good.is_object() { good.clone() } else { json!({}) };
        body[unknown] = json!(format!("sk_live_{}", marked()));
        bodies.push(body.to_string());
    }
    bodies.extend([
        format!("{{\"password\": \"{}", marked()),
        format!("{{\"password\": {}}}", marked()),
        marked(),
        format!("\"{}\"", marked()),
        format!("[\"{}\"]", marked()),
        format!("password={}&token={}", marked(), marked()),
    ]);
    bodies
}

/// Every place in this JSON, itself included, as a JSON Pointer.
fn pointers(json: &Value, here: String, all: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, format!("{here}/{name}"), all));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| pointers(value, format!("{here}/{at}"), all));
        }
        _ => {}
    }
    all.push(here);
}

/// A refusal may say where something is wrong, but repeats nothing.
fn check(answer: &Answer) {
    if answer.status < 400 {
        return;
    }
    let mut shown: Value = serde_json::from_slice(&answer.body).expect("JSON");
    // A pointer names a member as it was sent: that is what it is for.
    for fault in shown["errors"].as_array_mut().into_iter().flatten() {
        if let Some(fault) = fault.as_object_mut() {
            fault.remove("pointer");
        }
    }
    let has_mark = |text: &str| text.contains(MARK) || text.contains(IN_PATH);
    answer.check(!has_mark(&unknown_field_aside(&shown.to_string())), "a secret comes back");
    let headers = answer.headers.values().any(|value| has_mark(&String::from_utf8_lossy(value.as_bytes())));
    answer.check(!headers, "a secret comes back in a header");
}

/// serde names an unknown member, which the pointer has as well.
fn unknown_field_aside(text: &str) -> String {
    match text.split_once("unknown field `") {
        Some((before, after)) => format!("{before}{}", after.split_once('`').map_or("", |(_, after)| after)),
        None => text.to_owned(),
    }
}

/// The route's method and its path with these in place of its parameters.
fn target(route: &str, parameter: &str) -> (Method, String) {
    let (method, path) = route.split_once(' ').expect("a route key");
    let path = path.split('/').map(|segment| if segment.starts_with('{') { parameter } else { segment });
    (method.parse().expect("a method"), path.collect::<Vec<_>>().join("/"))
}

/// The same call with marked text in the headers that have to do with secrets, or that a log might be tempted by; and
/// with a caller who is none.
fn with_headers(call: &Call) -> Vec<Call> {
    let headers = [
        "cookie",
        "if-none-match",
        "origin",
        "referer",
        "stripe-signature",
        "user-agent",
        "x-amzn-trace-id",
        "x-api-key",
        "x-forwarded-for",
        "x-request-id",
    ];
    let all = headers.iter().fold(call.clone(), |call, name| call.header(name, &marked()));
    let signed = all.clone().header("stripe-signature", &format!("t=1,v1={}", marked()));
    let callers =
        ["", "Bearer ", "Basic "].map(|scheme| all.clone().header("authorization", &format!("{scheme}{}", marked())));
    [all, signed].into_iter().chain(callers).collect()
}

/// A call of the route with what it accepts.
fn good(client: &Client, entry: &Entry, parameter: &str) -> Call {
    let (method, path) = target(entry.route, parameter);
    let call = client.call(method, &path).key(&marked());
    if entry.body.is_null() { call } else { call.json(&entry.body) }
}

/// Whether marked text has been accepted.
async fn go_through(client: &Client, entry: &Entry, parameter: &str) -> bool {
    let mut accepted = false;
    for body in bodies(&entry.body) {
        let answer = good(client, entry, parameter).text(&body).await;
        check(&answer);
        accepted |= answer.status < 400;
    }
    for name in entry.query.iter().copied().chain(["token", "password"]) {
        check(&good(client, entry, parameter).query(name, marked()).await);
        check(&good(client, entry, parameter).query(name, marked()).query(name, marked()).await);
    }
    accepted
}

#[tokio::test]
async fn the_edges_secret_is_in_no_log_line_and_in_no_answer() {
    let Some(shop) = Shop::in_process("reads the log", Setup { edge: true, ..Setup::default() }).await else {
        return;
    };
    let secret = shop.inner().base().edge_secret();
    let customer = shop.customer().await;
    let mut answers = Vec::new();
    for client in [shop.anonymous(), customer.clone()] {
        for path in ["/products", "/products", "/products/prd_aaaaaaaaaaaaaaaaaaaaaaaaaa", "/users/me", "/nowhere"] {
            answers.push(client.get(path).await);
        }
        answers.push(client.post("/login", &json!({"username": secret.len()})).await);
    }
    let round = shop.round_the_edge();
    for token in [None, customer.token] {
        let client = Client { token, ..round.clone() };
        for address in ["", "203.0.113.7"] {
            for path in ["/products", "/users/me", "/nowhere"] {
                let call = client.get(path).header("x-origin-secret", &secret);
                answers.push(call.header("x-viewer-address", address).await);
            }
        }
    }
    shop.access_log().line_of(&answers.last().expect("an answer").request_id()).await;
    for answer in &answers {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        let in_headers =
            answer.headers.iter().any(|(name, value)| holds(name.as_str().as_bytes()) || holds(value.as_bytes()));
        answer.check(!holds(&answer.body) && !in_headers, "it comes back");
    }
    let lines = [shop.log().text(), shop.access_log().text()].concat();
    assert!(lines.len() > 20, "a log that says nothing proves nothing: {}", lines.len());
    assert!(!lines.iter().any(|line| line.contains(&secret)), "the edge's secret is in the log");
}

#[tokio::test]
async fn nothing_secret_is_in_a_log_or_comes_back() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else {
        return;
    };
    let (admin, customer, product) = (shop.admin().await, shop.customer().await, shop.product(1000).await);
    let secrets = Secrets::of(&shop).await;
    let entries = entries(&product, &secrets);
    let routes = &shop.inner().base().template.api.routes;
    let listed: BTreeSet<String> = entries.iter().map(|entry| entry.route.to_owned()).collect();
    let there: BTreeSet<String> = routes.iter().map(Route::key).collect();
    assert_eq!(listed, there, "what each route takes is in `entries`, and no other route");

    let missing = format!("ord_{}", "a".repeat(52));
    for entry in &entries {
        let known = if entry.route.contains("product") { product.as_str() } else { missing.as_str() };
        // Deleting the product would leave the others nothing to order.
        let known = if entry.route.starts_with("DELETE") { "prd_aaaaaaaaaaaaaaaaaaaaaaaaaa" } else { known };
        let protected = routes.iter().any(|route| route.key() == entry.route && route.authorizer.is_some());
        let anonymous = shop.anonymous();
        let caller = match entry.route {
            "PUT /users/me/password" => &secrets.session.client,
            _ if protected => &admin,
            _ => &anonymous,
        };
        let stored = go_through(caller, entry, known).await;
        let stores = ["POST /users", "PUT /users/me/password", "POST /password/reset"].contains(&entry.route);
        assert!(stored || !stores, "{} has stored no marked password", entry.route);
        let mut opened = false;
        for client in [caller, &admin, &customer, &anonymous] {
            for call in with_headers(&good(client, entry, known)) {
                let answer = call.await;
                check(&answer);
                opened |= answer.status < 400;
            }
        }
        let opens = ["POST /login", "POST /token/refresh", "POST /logout"].contains(&entry.route);
        assert!(opened || !opens, "{} has accepted no secret", entry.route);
        let (method, path) = target(entry.route, &format!("{IN_PATH}{}", random()));
        check(&admin.call(method, &path).json(&entry.body).key(&marked()).await);
    }
    for command in ["make_admin", "issue_password_reset", "erase_addresses", "resolve", "charge", "place", &marked()] {
        for function in ["users", "orders", "payments", "checkout", "products", "audit"] {
            for field in ["username", "user_id", "order_id", "reference", "method", "password"] {
                let mut event = json!({"command": command});
                event[field] = json!(marked());
                invoke(&shop, function, &event).await;
            }
        }
    }

    let page = shop.anonymous().get("/products").query("limit", 1).await.is(200);
    let cursor = page.text_at("/next");
    let last = shop.anonymous().get("/products").query("limit", 1).query("cursor", &cursor).await.is(200);
    shop.access_log().line_of(&last.request_id()).await;
    let (functions, requests) = (shop.log().text(), shop.access_log().text());
    let as_deployed =
        requests.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["as_deployed"].to_string());
    for line in functions.iter().cloned().chain(as_deployed) {
        assert!(!line.contains(IN_PATH), "a path is in the log: {line}");
    }
    let lines = [functions, requests].concat();
    assert!(lines.len() > 800, "a log that says nothing proves nothing: {}", lines.len());
    let access_tokens =
        [admin.token, customer.token, secrets.session.client.token].map(|token| token.expect("a token"));
    let signatures: Vec<&str> = access_tokens.iter().filter_map(|token| token.rsplit('.').next()).collect();
    // Without their prefixes: nothing of them may be anywhere.
    let tokens = [&secrets.session.refresh[3..], &secrets.ended.refresh[3..], &secrets.reset_token[4..]];
    for line in lines {
        assert!(!line.contains(MARK), "a secret is in the log: {line}");
        assert!(!signatures.iter().any(|signature| line.contains(signature)), "a token is in the log: {line}");
        assert!(
            !tokens.iter().any(|token| line.contains(token)),
            "a secret that opens something is in the log: {line}"
        );
        assert!(!line.contains(&cursor), "a cursor is in the log: {line}");
        assert!(!line.contains("ada@example.com") && !line.contains(VISA), "personal data is in the log: {line}");
    }
}
