//! How often one may try at an account from a network. Who guesses waits, and nobody is kept out of their own account by
//! what a stranger does elsewhere.
//!
//! The clock of a shop is moved, but it also goes on by itself: what is said here of a wait holds for a machine that
//! answers within some seconds.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Answer, Client};
use crate::shop::{Setup, Shop, all_at_once, new_username, random};

pub const WHY: &str = "moves the clock, and calls from several networks";
/// Of this machine, in another network than the rest of the suite.
pub const STRANGER: &str = "127.0.9.1";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tries a password.
pub async fn log_in(client: &Client, name: &str, password: &str) -> Answer {
    client.post("/login", &json!({"username": name, "password": password})).await
}

/// Tries one that is wrong.
pub async fn guess(client: &Client, name: &str) -> Answer {
    log_in(client, name, "not the password").await
}

/// Fails nine times, waiting as long as it takes: the next one may follow after 16 seconds.
pub async fn fail_nine_times(shop: &Shop, client: &Client, name: &str) {
    for wait in [0, 0, 0, 0, 0, 1, 2, 4, 8] {
        shop.advance(Duration::from_secs(wait));
        guess(client, name).await.problem(401, "invalid-credentials");
    }
}

/// The seconds that a refusal has its client wait, of at most so many.
pub fn wait(refused: &Answer, at_most: u64) -> u64 {
    let wait = refused.number_in("retry-after");
    refused.check((at_most.saturating_sub(10)..=at_most).contains(&wait), format!("a wait of {at_most} s is wrong"));
    let told = refused.header("ratelimit").and_then(|value| value.split_once(";r=0;t=")).map(|(_, seconds)| seconds);
    refused.check(told == Some(wait.to_string().as_str()), "RateLimit and Retry-After differ");
    wait
}

/// How many guesses may pass in a while that began with none: the free ones, and one after 1, 3, 7 … seconds.
fn let_through(since: Instant) -> usize {
    let seconds = since.elapsed().as_secs();
    5 + usize::try_from((seconds + 1).ilog2()).unwrap_or(usize::MAX)
}

/// How many were looked at. So many at once may be more than the machine can do in time: who is told to come again then
/// has learnt nothing.
fn passed(answers: &[Answer]) -> usize {
    let (passed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    for answer in refused {
        let code = if answer.status == 503 { "unavailable" } else { "too-many-attempts" };
        answer.check(matches!(answer.status, 429 | 503), "neither refused nor looked at");
        answer.check(answer.text_at("/code") == code, format!("expected the code {code}"));
    }
    passed.len()
}

async fn hundred_guesses(client: &Client, name: &str) -> Vec<Answer> {
    all_at_once((0..100).map(|_| {
        let (client, name) = (client.clone(), name.to_owned());
        async move { guess(&client, &name).await }
    }))
    .await
}

async fn shop() -> Option<Shop> {
    Shop::in_process(WHY, Setup::default()).await
}

#[tokio::test]
async fn after_five_failures_each_has_to_wait_twice_as_long() {
    let Some(shop) = shop().await else { return };
    let (client, name) = (shop.anonymous(), new_username());
    fail_nine_times(&shop, &client, &name).await;
    for expected in [16, 32, 64, 128, 256, 512, 900, 900] {
        let refused = guess(&client, &name).await.problem(429, "too-many-attempts");
        let refused = refused.has_header("ratelimit-policy", r#""account";q=5;w=86400"#);
        let left = wait(&refused, expected);
        // Being refused costs nothing more.
        shop.advance(Duration::from_secs(left - 5));
        assert!(wait(&guess(&client, &name).await.problem(429, "too-many-attempts"), 5) > 0);
        shop.advance(Duration::from_secs(5));
        guess(&client, &name).await.problem(401, "invalid-credentials");
    }
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_as_few_as_one_after_the_other() {
    let Some(shop) = shop().await else { return };
    let (client, name, since) = (shop.anonymous(), new_username(), Instant::now());
    let answers = hundred_guesses(&client, &name).await;
    let most = let_through(since);
    assert!((1..=most).contains(&passed(&answers)), "none, or more than {most}, have passed");

    let name = new_username();
    fail_nine_times(&shop, &client, &name).await;
    shop.advance(Duration::from_secs(16));
    let answers = hundred_guesses(&client, &name).await;
    if passed(&answers) != 1 {
        // The one whose turn it was may be among those that took too long; whether it counted or not, the turn of the
        // next one is 32 seconds later at most.
        assert_eq!(passed(&answers), 0, "more than one has passed");
        assert!(answers.iter().any(|answer| answer.status == 503), "all were refused");
        shop.advance(Duration::from_secs(32));
        guess(&client, &name).await.problem(401, "invalid-credentials");
    }
    guess(&client, &name).await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day_all_at_once() {
    let Some(shop) = shop().await else { return };
    let (client, name) = (shop.anonymous(), new_username());
    fail_nine_times(&shop, &client, &name).await;
    shop.advance(DAY - Duration::from_secs(60));
    guess(&client, &name).await.problem(401, "invalid-credentials");
    guess(&client, &name).await.problem(429, "too-many-attempts");
    shop.advance(DAY);
    let since = Instant::now();
    let answers = hundred_guesses(&client, &name).await;
    let most = let_through(since);
    assert!((1..=most).contains(&passed(&answers)), "none, or more than {most}, have passed");
}

#[tokio::test]
async fn failures_are_forgotten_a_day_after_the_last_whatever_succeeds_meanwhile() {
    let Some(shop) = shop().await else { return };
    let (client, name, password) = (shop.anonymous(), new_username(), random());
    shop.register(&name, &password).await.is(201);
    fail_nine_times(&shop, &client, &name).await;
    shop.advance(DAY - Duration::from_secs(60));
    log_in(&client, &name, &password).await.is(200);
    shop.advance(Duration::from_secs(60));
    fail_nine_times(&shop, &client, &name).await;
    shop.advance(Duration::from_secs(16));
    guess(&client, &name).await.problem(401, "invalid-credentials");
    wait(&guess(&client, &name).await.problem(429, "too-many-attempts"), 32);
}

#[tokio::test]
async fn a_success_does_not_count_and_the_next_need_not_wait() {
    let Some(shop) = shop().await else { return };
    let (client, name, password) = (shop.anonymous(), new_username(), random());
    shop.register(&name, &password).await.is(201);
    for _ in 0..12 {
        log_in(&client, &name, &password).await.is(200);
    }
    let five = (0..5).map(|_| {
        let (client, name, password) = (client.clone(), name.clone(), password.clone());
        async move { log_in(&client, &name, &password).await }
    });
    for answer in all_at_once(five).await {
        answer.is(200);
    }
    fail_nine_times(&shop, &client, &name).await;
    log_in(&client, &name, &password).await.problem(429, "too-many-attempts");
    shop.advance(Duration::from_secs(16));
    log_in(&client, &name, &password).await.is(200);
    log_in(&client, &name, &password).await.is(200);
    guess(&client, &name).await.problem(401, "invalid-credentials");
    wait(&guess(&client, &name).await.problem(429, "too-many-attempts"), 32);
}

#[tokio::test]
async fn a_stranger_elsewhere_keeps_nobody_out() {
    let Some(shop) = shop().await else { return };
    let (owner, stranger) = (shop.anonymous(), shop.anonymous().from(STRANGER));
    let (name, password) = (new_username(), random());
    shop.register(&name, &password).await.is(201);
    fail_nine_times(&shop, &stranger, &name).await;
    guess(&stranger, &name).await.problem(429, "too-many-attempts");
    log_in(&owner, &name, &password).await.is(200);
    guess(&owner, &name).await.problem(401, "invalid-credentials");
    log_in(&owner, &name, &password).await.is(200);

    // Neither the right password, nor a neighbour, nor a header gets the stranger any further.
    log_in(&stranger, &name, &password).await.problem(429, "too-many-attempts");
    guess(&stranger, &name.to_uppercase()).await.problem(429, "too-many-attempts");
    guess(&stranger.from("127.0.9.77"), &name).await.problem(429, "too-many-attempts");
    let login = json!({"username": name, "password": "not the password"});
    for header in ["x-forwarded-for", "x-real-ip", "cloudfront-viewer-address", "true-client-ip"] {
        let call = stranger.post("/login", &login).header(header, "198.51.100.7");
        call.await.problem(429, "too-many-attempts");
    }
    let forwarded = stranger.post("/login", &login).header("forwarded", "for=198.51.100.7");
    forwarded.await.problem(429, "too-many-attempts");
    guess(&stranger.from("127.0.10.1"), &name).await.problem(401, "invalid-credentials");
}

#[tokio::test]
async fn a_name_that_exists_and_one_that_does_not_are_refused_alike() {
    let Some(shop) = shop().await else { return };
    let client = shop.anonymous();
    let (known, unknown, impossible) = (new_username(), new_username(), format!("{} & co", new_username()));
    shop.register(&known, &random()).await.is(201);
    let mut all = Vec::new();
    for name in [&known, &unknown, &impossible] {
        fail_nine_times(&shop, &client, name).await;
        let refused = guess(&client, name).await.problem(429, "too-many-attempts");
        wait(&refused, 16);
        let mut headers = refused.headers.clone();
        for own in ["date", "apigw-requestid", "retry-after", "ratelimit"] {
            headers.remove(own);
        }
        let names: Vec<String> = refused.headers.keys().map(ToString::to_string).collect();
        all.push((names, headers, refused.text_without_id()));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}
