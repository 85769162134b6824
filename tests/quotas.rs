//! How often a network may try, whatever accounts it tries: for each kind of attempt a minute and an hour of their own.

use std::time::Duration;

use serde_json::json;

use crate::attempts::{STRANGER, WHY, guess, log_in, wait};
use crate::client::Answer;
use crate::passwords::{change, issue, reset};
use crate::sessions::refused;
use crate::shop::{Setup, Shop, new_username, random};

/// A shop with these limits for a network alone, at the beginning of an hour.
async fn shop_with(per_minute: u32, per_hour: u32) -> Option<Shop> {
    let limits = [("AttemptsPerMinute", per_minute), ("AttemptsPerHour", per_hour)];
    let parameters = limits.map(|(name, limit)| (name.to_owned(), limit.to_string())).into();
    let shop = Shop::in_process(WHY, Setup { parameters, ..Setup::default() }).await?;
    let into_the_hour = shop.inner().clock().now().as_secs().rem_euclid(3600).unsigned_abs();
    shop.advance(Duration::from_secs(3600 - into_the_hour));
    Some(shop)
}

#[tokio::test]
async fn a_network_tries_few_names_a_minute_and_an_hour() {
    let Some(shop) = shop_with(4, 10).await else { return };
    let client = shop.anonymous();
    let (name, password) = (new_username(), random());
    shop.register(&name, &password).await.is(201);
    let minute = async || {
        for _ in 0..4 {
            guess(&client, &new_username()).await.problem(401, "invalid-credentials");
        }
        let refused = log_in(&client, &name, &password).await.problem(429, "too-many-attempts");
        wait(&refused.has_header("ratelimit-policy", r#""network-minute";q=4;w=60"#), 60)
    };
    for _ in 0..6 {
        // Who gets in uses nothing up.
        log_in(&client, &name, &password).await.is(200);
    }
    let left = minute().await;
    guess(&client.from("127.0.0.9"), &new_username()).await.problem(429, "too-many-attempts");
    log_in(&client.from(STRANGER), &name, &password).await.is(200);
    shop.advance(Duration::from_secs(left));
    let left = minute().await;
    shop.advance(Duration::from_secs(left));

    for _ in 0..2 {
        guess(&client, &new_username()).await.problem(401, "invalid-credentials");
    }
    for _ in 0..2 {
        let refused = log_in(&client, &name, &password).await.problem(429, "too-many-attempts");
        let refused = refused.has_header("ratelimit-policy", r#""network-hour";q=10;w=3600"#);
        refused.check(refused.number_in("retry-after") > 3300, "an hour that is over too soon");
        shop.advance(Duration::from_secs(60));
    }
    let refused = log_in(&client, &name, &password).await.problem(429, "too-many-attempts");
    shop.advance(Duration::from_secs(refused.number_in("retry-after")));
    log_in(&client, &name, &password).await.is(200);
}

#[tokio::test]
async fn a_network_makes_few_accounts() {
    let Some(shop) = shop_with(3, 100).await else { return };
    let (name, password) = (new_username(), random());
    for wrong in ["short", "passwordpassword", ""] {
        // What is refused as invalid does not count.
        shop.register(&new_username(), wrong).await.problem(400, "invalid-request");
    }
    shop.register(&name, &password).await.is(201);
    shop.register(&name, &random()).await.problem(409, "username-taken");
    shop.register(&new_username(), &random()).await.is(201);
    let refused = shop.register(&new_username(), &random()).await.problem(429, "too-many-attempts");
    wait(&refused.has_header("ratelimit-policy", r#""network-minute";q=3;w=60"#), 60);
    shop.sign_in(&name, &password).await;
    let elsewhere = shop.anonymous().from(STRANGER);
    elsewhere.post("/users", &json!({"username": new_username(), "password": random()})).await.is(201);
    shop.advance(Duration::from_secs(60));
    shop.register(&new_username(), &random()).await.is(201);
}

/// Fails the test unless a network has used up its minute of three.
#[track_caller]
fn used_up(answer: Answer) {
    let refused = answer.problem(429, "too-many-attempts");
    wait(&refused.has_header("ratelimit-policy", r#""network-minute";q=3;w=60"#), 60);
}

#[tokio::test]
async fn a_network_guesses_few_refresh_tokens() {
    let Some(shop) = shop_with(3, 100).await else { return };
    let user = shop.user().await;
    let mut session = shop.session(&user).await;
    for _ in 0..4 {
        // What goes on uses nothing up.
        session = shop.refreshed(&session.refresh).await;
    }
    for _ in 0..3 {
        refused(shop.refresh(&format!("rt_{}", "A".repeat(43))).await);
    }
    used_up(shop.refresh(&session.refresh).await);
    used_up(shop.refresh("of another form").await);
    // Refused before anything is looked at: the token is as good as before. Signing out and in is another matter.
    shop.session(&user).await;
    shop.logout(&format!("rt_{}", "A".repeat(43))).await.is(204);
    let elsewhere = shop.anonymous().from(STRANGER);
    session = shop.tokens(&elsewhere.post("/token/refresh", &json!({"refresh_token": session.refresh})).await);
    shop.advance(Duration::from_secs(60));
    shop.refreshed(&session.refresh).await;
}

#[tokio::test]
async fn a_network_guesses_few_reset_tokens() {
    let Some(shop) = shop_with(3, 100).await else { return };
    let user = shop.user().await;
    let token = issue(&shop, &user).await;
    for _ in 0..4 {
        // A password that nobody may have is no guess at the token.
        reset(&shop, &token, "short").await.problem(400, "invalid-request");
    }
    for _ in 0..3 {
        reset(&shop, &format!("rst_{}", "A".repeat(43)), &random()).await.problem(400, "invalid-reset-token");
    }
    used_up(reset(&shop, &token, &random()).await);
    shop.session(&user).await;
    shop.advance(Duration::from_secs(60));
    reset(&shop, &token, &random()).await.is(204);
}

#[tokio::test]
async fn whoever_has_a_session_guesses_its_password_no_faster() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let user = shop.user().await;
    let client = shop.session(&user).await.client;
    let new = random();
    for seconds in [0, 0, 0, 0, 0, 1, 2, 4, 8] {
        shop.advance(Duration::from_secs(seconds));
        change(&client, "not the password", &new).await.problem(401, "invalid-credentials");
    }
    wait(&change(&client, &user.password, &new).await.problem(429, "too-many-attempts"), 16);
    // One counter for the account, wherever its password is asked for.
    log_in(&shop.anonymous(), &user.name, &user.password).await.problem(429, "too-many-attempts");
    shop.advance(Duration::from_secs(16));
    change(&client, &user.password, &new).await.is(204);
    guess(&shop.anonymous(), &user.name).await.problem(401, "invalid-credentials");
}
