//! New passwords: the old one is asked for, a reset token works once, and either ends everything that began before.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Call, Client};
use crate::direct::{failed, invoke, json_of};
use crate::sessions::{User, refused};
use crate::shop::{Setup, Shop, all_at_once, random};

const WHY: &str = "invokes functions directly";

/// Changes a password.
pub fn change(client: &Client, current: &str, new: &str) -> Call {
    client.put("/users/me/password", &json!({"current_password": current, "new_password": new}))
}

/// Sets a password by a reset token.
pub fn reset(shop: &Shop, token: &str, new: &str) -> Call {
    shop.anonymous().post("/password/reset", &json!({"reset_token": token, "new_password": new}))
}

/// A reset token for a user.
pub async fn issue(shop: &Shop, user: &User) -> String {
    let issued = json_of(&invoke(shop, "users", &command(&user.name)).await);
    issued["reset_token"].as_str().unwrap_or_else(|| panic!("no token: {issued}")).to_owned()
}

fn command(username: &str) -> Value {
    json!({"command": "issue_password_reset", "username": username})
}

fn renamed(user: &User, password: &str) -> User {
    User { name: user.name.clone(), password: password.to_owned() }
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_and_ends_every_session() {
    let shop = Shop::start().await;
    let (user, bystander) = (shop.user().await, shop.session(&shop.user().await).await);
    let (one, other) = (shop.session(&user).await, shop.session(&user).await);
    let new = random();
    let changed = change(&one.client, &user.password, &new).await.is(204);
    changed.check(changed.body.is_empty(), "a body");
    refused(shop.refresh(&one.refresh).await);
    refused(shop.refresh(&other.refresh).await);
    assert!(one.client.get("/users/me/sessions").await.is(200).items().is_empty(), "sessions that are over are listed");
    shop.login(&user).await.problem(401, "invalid-credentials");
    let session = shop.session(&renamed(&user, &new)).await;
    shop.refreshed(&session.refresh).await;
    shop.refreshed(&bystander.refresh).await;
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_old_one_or_to_one_that_nobody_may_have() {
    let shop = Shop::start().await;
    let user = shop.user().await;
    let session = shop.session(&user).await;
    change(&session.client, &random(), &random()).await.problem(401, "invalid-credentials");
    for wrong in ["short", "fourteen chars", &"x".repeat(1000), ""] {
        let refused = change(&session.client, &user.password, wrong).await.problem(400, "invalid-request");
        refused.points_at("/new_password");
    }
    let put = |body: &Value| session.client.put("/users/me/password", body);
    put(&Value::Null).text("").await.problem(400, "malformed-json");
    for body in [
        json!({}),
        json!([user.password, random()]),
        json!({"new_password": random()}),
        json!({"current_password": user.password}),
        json!({"current_password": "x".repeat(1000), "new_password": random()}),
        json!({"current_password": [user.password], "new_password": random()}),
        json!({"current_password": user.password, "new_password": random(), "username": "x"}),
    ] {
        put(&body).await.problem(400, "invalid-request");
    }
    change(&shop.anonymous(), &user.password, &random()).await.message(401, "Unauthorized");
    shop.session(&user).await;
    shop.refreshed(&session.refresh).await;
}

#[tokio::test]
async fn of_ten_changes_at_once_one_is_done() {
    let shop = Shop::start().await;
    let user = shop.user().await;
    let session = shop.session(&user).await;
    let new: Vec<_> = (0..10).map(|_| random()).collect();
    let calls = new.iter().map(|new| {
        let call = change(&session.client, &user.password, new);
        async move { call.await }
    });
    let mut done = Vec::new();
    for (answer, new) in all_at_once(calls.collect::<Vec<_>>()).await.into_iter().zip(&new) {
        match answer.status {
            204 => done.push(new),
            // So many passwords at once are more than need no waiting.
            429 => drop(answer.problem(429, "too-many-attempts")),
            503 => drop(answer.problem(503, "unavailable")),
            _ => drop(answer.problem(401, "invalid-credentials")),
        }
    }
    assert_eq!(done.len(), 1, "the old password worked twice");
    shop.session(&renamed(&user, done[0])).await;
}

#[tokio::test]
async fn a_reset_token_sets_a_password_once_and_ends_every_session() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let user = shop.user().await;
    let session = shop.session(&user).await;
    let issued = json_of(&invoke(&shop, "users", &command(&user.name.to_uppercase())).await);
    let token = issued["reset_token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("rst_") && token.len() == 47, "a token of another form");
    assert!(issued["expires_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{}", issued["expires_at"]);

    // A password that nobody may have leaves the token good.
    for wrong in ["short", "fourteen chars", &"x".repeat(1000)] {
        reset(&shop, &token, wrong).await.problem(400, "invalid-request").points_at("/new_password");
    }
    shop.refreshed(&session.refresh).await;
    let new = random();
    reset(&shop, &token, &new).await.is(204);
    refused(shop.refresh(&session.refresh).await);
    shop.login(&user).await.problem(401, "invalid-credentials");
    shop.session(&renamed(&user, &new)).await;
    reset(&shop, &token, &random()).await.problem(400, "invalid-reset-token");
    let client = shop.session(&renamed(&user, &new)).await.client;

    let mine = client.get("/users/me").await.is(200).text_at("/id");
    let lines: Vec<Value> = shop.log().text().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let lines: Vec<_> = lines.into_iter().filter(|line| line["user.id"] == mine.as_str()).collect();
    let events: Vec<_> = lines.iter().map(|line| &line["event"]).collect();
    let of = |event: &str| events.iter().filter(|found| **found == event).count();
    assert_eq!((of("password-reset-issued"), of("password-reset")), (1, 1), "{events:?}");
    assert!(lines.iter().all(|line| line["request.id"] != ""), "an event of no request: {lines:?}");
}

#[tokio::test]
async fn a_reset_token_ends_after_an_hour_and_with_any_new_password_or_role() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let mut user = shop.user().await;
    let dead = |token: String| {
        let call = reset(&shop, &token, &random());
        async move { call.await.problem(400, "invalid-reset-token") }
    };
    let (earlier, used) = (issue(&shop, &user).await, issue(&shop, &user).await);
    user.password = random();
    reset(&shop, &used, &user.password).await.is(204);
    dead(earlier).await;

    let before = issue(&shop, &user).await;
    let (client, new) = (shop.session(&user).await.client, random());
    change(&client, &user.password, &new).await.is(204);
    user.password = new;
    dead(before).await;

    let before = issue(&shop, &user).await;
    invoke(&shop, "users", &json!({"command": "make_admin", "username": user.name})).await;
    dead(before).await;

    let (late, in_time) = (issue(&shop, &user).await, issue(&shop, &user).await);
    shop.advance(Duration::from_secs(60 * 60));
    dead(late).await;
    dead(in_time).await;
    shop.session(&user).await;

    let in_time = issue(&shop, &user).await;
    shop.advance(Duration::from_secs(59 * 60));
    user.password = random();
    reset(&shop, &in_time, &user.password).await.is(204);
    shop.session(&user).await;
}

#[tokio::test]
async fn what_is_no_reset_token_is_refused_alike() {
    let shop = Shop::start().await;
    let refresh = shop.session(&shop.user().await).await.refresh;
    let expected = reset(&shop, "rst_x", &random()).await.problem(400, "invalid-reset-token").text_without_id();
    for token in ["", "rst_", &"x".repeat(1000), &refresh, "é"] {
        let answer = reset(&shop, token, &random()).await.problem(400, "invalid-reset-token");
        assert_eq!(answer.text_without_id(), expected, "\n{answer}");
    }
    let post = |body: &str| shop.anonymous().post("/password/reset", &Value::Null).text(body);
    post("").await.problem(400, "malformed-json");
    for body in [
        json!({}),
        json!(["rst_x", random()]),
        json!({"reset_token": "rst_x"}),
        json!({"reset_token": 7, "new_password": random()}),
        json!({"reset_token": "rst_x", "new_password": {}}),
        json!({"reset_token": "rst_x", "new_password": random(), "username": "user"}),
    ] {
        post(&body.to_string()).await.problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn a_reset_is_issued_only_for_who_exists_and_only_by_the_command() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let user = shop.user().await;
    assert_eq!(failed(&invoke(&shop, "users", &command("nobody-of-this-name")).await), "not-found");
    assert_eq!(failed(&invoke(&shop, "users", &command("a b")).await), "invalid-request");
    for path in ["/users", "/login", "/password/reset", "/token/refresh"] {
        shop.anonymous().post(path, &command(&user.name)).await.problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn neither_tokens_nor_passwords_are_in_the_log_or_in_the_table() {
    let Some(shop) = Shop::in_process("reads the log and the table", Setup::default()).await else { return };
    let user = shop.user().await;
    let (token, unused) = (issue(&shop, &user).await, issue(&shop, &user).await);
    let new = random();
    reset(&shop, &token, &new).await.is(204);
    reset(&shop, &token, &new).await.is(400);
    let session = shop.session(&renamed(&user, &new)).await;
    let gone_on = shop.refreshed(&session.refresh).await;
    let last = shop.refreshed(&gone_on.refresh).await;
    refused(shop.refresh(&session.refresh).await);
    shop.logout(&last.refresh).await.is(204);
    let newest = random();
    change(&last.client, &new, &newest).await.is(204);
    let call = last.client.put("/users/me/password", &json!({"current_password": [newest]})).await.is(400);
    shop.access_log().line_of(&call.request_id()).await;

    let lines = [shop.log().text(), shop.access_log().text()].concat();
    let secrets = [user.password, new, newest, token, unused, session.refresh, gone_on.refresh, last.refresh];
    for secret in &secrets {
        // Without its prefix as well: nothing of it may be anywhere.
        let bare = secret.rsplit_once("st_").or(secret.split_once("rt_")).map_or(secret.as_str(), |(_, bare)| bare);
        assert!(!lines.iter().any(|line| line.contains(bare)), "{secret} is in the log");
        assert!(!shop.holds(bare).await, "{secret} is in the table");
    }
}
