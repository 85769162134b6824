//! Accounts: registering, signing in, the profile, and the public keys that tokens are verified by.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::shop::{Setup, Shop, new_username, random};

#[tokio::test]
async fn a_customer_registers_signs_in_and_sees_the_profile() {
    let shop = Shop::start().await;
    let (username, password) = (new_username(), random());
    let registration = json!({
        "username": username, "password": password, "display_name": "Ada", "email": "ada@example.com",
    });
    let registered = shop.anonymous().post("/users", &registration).await.is(201);
    registered.check(registered.text_at("/id").starts_with("usr_"), "an id of another kind");
    let registered = registered
        .has("/username", username.as_str())
        .has("/display_name", "Ada")
        .has("/email", "ada@example.com")
        .has("/role", "customer");
    registered.check(registered.text_at("/created_at").ends_with('Z'), "a time that is not in UTC");
    registered.check(registered.json().get("password").is_none(), "a password in the answer");

    let login = json!({"username": username, "password": password});
    let signed_in =
        shop.anonymous().post("/login", &login).await.is(200).has("/token_type", "Bearer").has("/expires_in", 900);
    let signed_in = signed_in.has_header("cache-control", "no-store");
    let customer = shop.anonymous().with_token(&signed_in.text_at("/token"));
    let profile = customer.get("/users/me").await.is(200);
    profile.check(profile.json() == registered.json(), "the profile differs from what registering answered");
}

#[tokio::test]
async fn the_sample_customer_and_the_sample_admin_sign_in() {
    let Some(shop) = Shop::in_process("knows who lives in a local shop", Setup::default()).await else {
        return;
    };
    let user = shop.sign_in("user", "password").await;
    user.get("/users/me").await.is(200).has("/username", "user").has("/role", "customer");
    shop.admin().await.get("/users/me").await.is(200).has("/username", "admin").has("/role", "admin");
    shop.anonymous().get("/products?limit=100").await.is(200);
}

#[tokio::test]
async fn a_customer_changes_name_and_address_and_clears_them() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let before = customer.get("/users/me").await.is(200);
    let change = json!({"display_name": "Grace", "email": "grace@example.com"});
    customer.patch("/users/me", &change).await.is(200).has("/display_name", "Grace").has("/email", "grace@example.com");
    customer.patch("/users/me", &json!({"display_name": "Grace H."})).await.is(200).has("/email", "grace@example.com");
    customer.patch("/users/me", &json!({"email": null})).await.is(200).has("/email", Value::Null);
    for wrong in [json!({}), json!({"display_name": ""}), json!({"username": "grace"}), json!({"email": 1})] {
        customer.patch("/users/me", &wrong).await.problem(400, "invalid-request");
    }
    let after = customer.get("/users/me").await.is(200).has("/display_name", "Grace H.");
    after.check(after.at("/id") == before.at("/id"), "the id has changed");
}

#[tokio::test]
async fn a_taken_name_is_refused_in_any_case() {
    let shop = Shop::start().await;
    let (username, password) = (new_username(), random());
    shop.register(&username, &password).await.is(201);
    shop.register(&username, &random()).await.problem(409, "username-taken");
    shop.register(&username.to_uppercase(), &random()).await.problem(409, "username-taken");
    shop.sign_in(&username.to_uppercase(), &password).await;
}

#[tokio::test]
async fn one_name_registered_ten_times_at_once_is_one_account() {
    let shop = Shop::start().await;
    let (username, client) = (new_username(), shop.anonymous());
    let calls = (0..10).map(|_| {
        let call = client.post("/users", &json!({"username": username, "password": random()}));
        async move { call.await }
    });
    let answers = crate::shop::all_at_once(calls).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1, "one of ten registrations may succeed");
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "username-taken");
    }
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let shop = Shop::start().await;
    let username = new_username();
    shop.register(&username, &random()).await.is(201);
    let login = |username: &str| {
        let call = shop.anonymous().post("/login", &json!({"username": username, "password": random()}));
        async move { call.await.problem(401, "invalid-credentials") }
    };
    let (wrong, unknown) = (login(&username).await, login(&new_username()).await);
    assert_eq!(wrong.text_without_id(), unknown.text_without_id(), "\n{wrong}\n{unknown}");
    let names = |answer: &crate::client::Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&wrong), names(&unknown), "\n{wrong}\n{unknown}");
}

#[tokio::test]
async fn a_registration_that_cannot_be_accepted_points_at_the_field() {
    let shop = Shop::start().await;
    let good =
        json!({"username": new_username(), "password": random(), "display_name": "Ada", "email": "ada@example.com"});
    for (pointer, wrong) in [
        ("/username", json!("")),
        ("/username", json!("a b")),
        ("/username", json!("x".repeat(300))),
        ("/username", json!(7)),
        ("/password", json!("short")),
        ("/password", json!("fourteen chars")),
        ("/password", json!("x".repeat(257))),
        ("/password", json!(null)),
        ("/display_name", json!("")),
        ("/display_name", json!("x".repeat(1000))),
        ("/email", json!("nobody")),
        ("/email", json!("a@")),
        ("/role", json!("admin")),
    ] {
        let mut registration = good.clone();
        registration[&pointer[1..]] = wrong;
        shop.anonymous().post("/users", &registration).await.problem(400, "invalid-request").points_at(pointer);
    }
    shop.anonymous().post("/users", &good).await.is(201);
}

#[tokio::test]
async fn nobody_makes_themselves_an_admin() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    customer.patch("/users/me", &json!({"role": "admin"})).await.problem(400, "invalid-request").points_at("/role");
    customer.get("/users/me").await.is(200).has("/role", "customer");
    let command = json!({"command": "make_admin", "username": "user"});
    shop.anonymous().post("/users", &command).await.problem(400, "invalid-request");
}

#[tokio::test]
async fn the_public_keys_are_public_and_name_the_key_of_a_token() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let header = customer.token.as_deref().and_then(|token| token.split('.').next()).expect("a token");
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("a JSON header");
    let answer = shop.anonymous().get("/.well-known/jwks.json").await.is(200);
    answer
        .check(answer.header("cache-control").is_some_and(|value| value.contains("max-age")), "nobody may cache this");
    let keys = answer.at("/keys");
    let keys = keys.as_array().expect("keys");
    answer.check(keys.iter().any(|key| key["kid"] == header["kid"]), format!("no key for {header}"));
    for key in keys {
        let public = key["kty"] == "EC" && key["crv"] == "P-256" && key["alg"] == "ES256" && key.get("d").is_none();
        answer.check(public, "not the public half of a P-256 key");
    }
}
