//! Sessions: a refresh token is used once, a copy of it is found out, and whoever signed in can sign out again.

use std::collections::BTreeSet;
use std::time::Duration;

use local::chaos::{Chaos, Fault, Rule, Wire};
use serde_json::{Value, json};

use crate::client::{Answer, Call, Client};
use crate::shop::{Setup, Shop, all_at_once, new_username, random};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WHY_CLOCK: &str = "moves the clock";

/// A user of the test's own, whose password it knows.
pub struct User {
    pub name: String,
    pub password: String,
}

/// What a login, or a refresh, has given.
pub struct SignedIn {
    pub client: Client,
    pub refresh: String,
}

impl Shop {
    /// A new user who has not signed in.
    pub async fn user(&self) -> User {
        let user = User { name: new_username(), password: random() };
        self.register(&user.name, &user.password).await.is(201);
        user
    }

    /// A new session of a user.
    pub async fn session(&self, user: &User) -> SignedIn {
        self.tokens(&self.login(user).await)
    }

    /// A login.
    pub fn login(&self, user: &User) -> Call {
        self.anonymous().post("/login", &json!({"username": user.name, "password": user.password}))
    }

    /// What an answer gave.
    #[track_caller]
    pub fn tokens(&self, answer: &Answer) -> SignedIn {
        answer.check(answer.status == 200, "expected tokens");
        let refresh = answer.text_at("/refresh_token");
        SignedIn { client: self.anonymous().with_token(&answer.text_at("/token")), refresh }
    }

    /// Shows a refresh token.
    pub fn refresh(&self, token: &str) -> Call {
        self.anonymous().post("/token/refresh", &json!({"refresh_token": token}))
    }

    /// Signs out.
    pub fn logout(&self, token: &str) -> Call {
        self.anonymous().post("/logout", &json!({"refresh_token": token}))
    }

    /// Shows a refresh token that is good.
    pub async fn refreshed(&self, token: &str) -> SignedIn {
        self.tokens(&self.refresh(token).await)
    }
}

/// Fails the test unless this says no more than that the token is not good.
#[track_caller]
pub fn refused(answer: Answer) -> Answer {
    answer.problem(401, "invalid-refresh-token")
}

#[tokio::test]
async fn a_login_gives_a_refresh_token_and_each_use_another() {
    let shop = Shop::start().await;
    let user = shop.user().await;
    let login = shop.login(&user).await.is(200).has("/token_type", "Bearer").has("/expires_in", 900);
    let members = |answer: &Answer| answer.json().as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let mut seen = BTreeSet::from([login.text_at("/refresh_token"), login.text_at("/token")]);
    let mut refresh = login.text_at("/refresh_token");
    login.check(refresh.starts_with("rt_") && refresh.len() == 46, "a token of another form");
    for _ in 0..4 {
        let answer = shop.refresh(&refresh).await.is(200).has("/token_type", "Bearer").has("/expires_in", 900);
        let answer = answer.has_header("cache-control", "no-store");
        answer.check(members(&answer) == members(&login), "another shape than a login's");
        let tokens = shop.tokens(&answer);
        tokens.client.get("/users/me").await.is(200).has("/username", user.name.as_str());
        answer.check(seen.insert(answer.text_at("/token")) && seen.insert(tokens.refresh.clone()), "an old token");
        refresh = tokens.refresh;
    }
}

#[tokio::test]
async fn a_used_token_that_is_shown_again_ends_its_session_and_no_other() {
    let Some(shop) = Shop::in_process("reads the log", Setup::default()).await else { return };
    let user = shop.user().await;
    let (stolen, other) = (shop.session(&user).await, shop.session(&user).await);
    let second = shop.refreshed(&stolen.refresh).await;
    let third = shop.refreshed(&second.refresh).await;
    let reused = refused(shop.refresh(&stolen.refresh).await);
    refused(shop.refresh(&third.refresh).await);
    refused(shop.refresh(&second.refresh).await);
    let again = refused(shop.refresh(&stolen.refresh).await);
    let unknown = refused(shop.refresh(&format!("rt_{}", "A".repeat(43))).await);
    for answer in [&again, &unknown] {
        assert_eq!(answer.text_without_id(), reused.text_without_id(), "\n{answer}\n{reused}");
    }
    let mine = other.client.get("/users/me").await.is(200).text_at("/id");
    shop.refreshed(&other.refresh).await;

    let events = |answer: &Answer| {
        let lines = shop.log().of_request(&answer.request_id());
        lines.into_iter().filter(|line| line["event"] == "refresh-token-reused").collect::<Vec<_>>()
    };
    let event = events(&reused);
    assert_eq!(event.len(), 1, "one event: {event:#?}");
    assert_eq!((&event[0]["level"], &event[0]["user.id"]), (&json!("WARN"), &json!(mine)), "{event:#?}");
    assert!(events(&again).is_empty() && events(&unknown).is_empty(), "an event without a reuse");
}

#[tokio::test]
async fn a_token_may_be_repeated_for_ten_seconds_and_the_repeat_replaces_its_successor() {
    let Some(shop) = Shop::in_process(WHY_CLOCK, Setup::default()).await else { return };
    let user = shop.user().await;
    let first = shop.session(&user).await.refresh;
    shop.refreshed(&first).await;
    shop.refreshed(&first).await;
    let third = shop.refreshed(&first).await.refresh;
    let fourth = shop.refreshed(&third).await.refresh;
    // Its successor was used: whoever repeats it now has it from somewhere else.
    refused(shop.refresh(&first).await);
    refused(shop.refresh(&fourth).await);

    // Whoever has a token that was replaced has it from somewhere else, too; but may sign out by it.
    for logout in [false, true] {
        let first = shop.session(&user).await.refresh;
        let replaced = shop.refreshed(&first).await.refresh;
        let last = shop.refreshed(&first).await.refresh;
        if logout {
            shop.logout(&replaced).await.is(204);
        } else {
            refused(shop.refresh(&replaced).await);
        }
        refused(shop.refresh(&last).await);
    }
}

#[tokio::test]
async fn a_repeat_after_ten_seconds_is_reuse_however_often_it_was_repeated_before() {
    let Some(shop) = Shop::in_process(WHY_CLOCK, Setup::default()).await else { return };
    let user = shop.user().await;
    let first = shop.session(&user).await.refresh;
    shop.refreshed(&first).await;
    shop.advance(Duration::from_secs(5));
    let last = shop.refreshed(&first).await.refresh;
    shop.advance(Duration::from_secs(5));
    refused(shop.refresh(&first).await);
    refused(shop.refresh(&last).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_that_refresh_at_once_are_both_answered_and_one_of_them_goes_on_at_most() {
    let shop = Shop::start().await;
    for _ in 0..5 {
        let first = shop.session(&shop.user().await).await.refresh;
        let calls = (0..2).map(|_| {
            let call = shop.refresh(&first);
            async move { call.await }
        });
        let tabs: Vec<_> = all_at_once(calls).await.iter().map(|answer| shop.tokens(answer)).collect();
        for tab in &tabs {
            tab.client.get("/users/me").await.is(200);
            assert_eq!(tab.client.get("/users/me/sessions").await.is(200).items().len(), 1, "it is over");
        }
        // One has replaced the other; whoever shows the other one ends the session.
        let first = shop.refresh(&tabs[0].refresh).await;
        let second = shop.refresh(&tabs[1].refresh).await;
        assert!(first.status != 200 || second.status != 200, "both go on");
        for answer in [first, second] {
            if answer.status == 200 {
                refused(shop.refresh(&answer.text_at("/refresh_token")).await);
            } else {
                refused(answer);
            }
        }
        assert!(tabs[0].client.get("/users/me/sessions").await.is(200).items().is_empty(), "it goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_clients_that_refresh_at_once_leave_one_good_token_at_most() {
    let shop = Shop::start().await;
    let first = shop.session(&shop.user().await).await.refresh;
    let answers = all_at_once((0..10).map(|_| {
        let call = shop.refresh(&first);
        async move { call.await }
    }));
    let mut successors = BTreeSet::new();
    for answer in answers.await {
        if answer.status == 200 {
            successors.insert(answer.text_at("/refresh_token"));
        } else {
            answer.problem(503, "unavailable");
        }
    }
    assert!(!successors.is_empty(), "nobody was answered");
    let mut good = 0;
    for successor in &successors {
        good += usize::from(shop.refresh(successor).await.status == 200);
    }
    assert!(good <= 1, "{good} of {} successors", successors.len());
}

#[tokio::test]
async fn a_session_lasts_thirty_days_after_its_last_use() {
    let Some(shop) = Shop::in_process(WHY_CLOCK, Setup::default()).await else { return };
    let user = shop.user().await;
    let (kept, left) = (shop.session(&user).await, shop.session(&user).await);
    shop.advance(DAY * 29);
    let kept = shop.refreshed(&kept.refresh).await;
    shop.advance(DAY);
    refused(shop.refresh(&left.refresh).await);
    shop.advance(DAY * 28);
    let kept = shop.refreshed(&kept.refresh).await;
    assert_eq!(kept.client.get("/users/me/sessions").await.is(200).items().len(), 1, "the expired one is listed");
    shop.advance(DAY * 30);
    refused(shop.refresh(&kept.refresh).await);
    shop.logout(&kept.refresh).await.is(204);
}

#[tokio::test]
async fn a_logout_ends_the_session_by_any_of_its_tokens_and_no_other_session() {
    let shop = Shop::start().await;
    let user = shop.user().await;
    let (by_current, by_used, other) =
        (shop.session(&user).await, shop.session(&user).await, shop.session(&user).await);
    shop.logout(&by_current.refresh).await.is(204);
    refused(shop.refresh(&by_current.refresh).await);
    let successor = shop.refreshed(&by_used.refresh).await;
    shop.logout(&by_used.refresh).await.is(204);
    refused(shop.refresh(&successor.refresh).await);
    for unknown in [by_current.refresh.as_str(), "rt_unknown", "", &"x".repeat(1000)] {
        shop.logout(unknown).await.is(204);
    }
    shop.refreshed(&other.refresh).await;

    // Nobody asks the sessions about an access token: it is good for its 15 minutes, and no longer.
    by_current.client.get("/users/me").await.is(200);
    if shop.is_in_process() {
        shop.advance(Duration::from_secs(16 * 60));
        by_current.client.get("/users/me").await.message(403, "Forbidden");
    }
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_alike() {
    let shop = Shop::start().await;
    let good = shop.session(&shop.user().await).await.refresh;
    let (upper, spaced) = (good.to_uppercase(), format!(" {good}"));
    let wrong = ["", "rt_", "null", "x", &"x".repeat(1000), &"\u{0}".repeat(40), "é", &good[3..], &upper, &spaced];
    let expected = refused(shop.refresh("rt_x").await).text_without_id();
    for token in wrong {
        let answer = refused(shop.refresh(token).await);
        assert_eq!(answer.text_without_id(), expected, "\n{answer}");
    }
    for path in ["/token/refresh", "/logout"] {
        let call = |body: &str| shop.anonymous().post(path, &Value::Null).text(body);
        for body in ["", "{", "rt_x"] {
            call(body).await.problem(400, "malformed-json");
        }
        for body in [
            json!({}),
            json!([]),
            json!([good]),
            json!(good),
            json!(null),
            json!({"refresh_token": null}),
            json!({"refresh_token": 7}),
            json!({"refresh_token": [good]}),
            json!({"refresh_token": good, "user_id": "x"}),
        ] {
            call(&body.to_string()).await.problem(400, "invalid-request");
        }
        call(&json!({"refresh_token": "x".repeat(70_000)}).to_string()).await.problem(413, "body-too-large");
    }
    shop.refreshed(&good).await;
}

#[tokio::test]
async fn an_owner_lists_sessions_page_by_page_and_ends_one() {
    let shop = Shop::start().await;
    let (user, stranger) = (shop.user().await, shop.customer().await);
    let agent = "a".repeat(300);
    let first = shop.tokens(&shop.login(&user).header("user-agent", &agent).await);
    let (second, third) = (shop.session(&user).await, shop.session(&user).await);
    let all = first.client.get("/users/me/sessions").await.is(200).has("/next", Value::Null);
    let items = all.items();
    assert_eq!(items.len(), 3, "{all}");
    for item in &items {
        let names: Vec<_> = item.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, ["created_at", "expires_at", "id", "last_used_at", "user_agent"], "{all}");
        all.check(item["id"].as_str().is_some_and(|id| id.starts_with("ses_")), "an id of another kind");
        all.check(item["expires_at"].as_str() > item["created_at"].as_str(), "it ends before it begins");
    }
    let whole = json!(&agent[..200]);
    all.check(items.iter().filter(|item| item["user_agent"] == whole).count() == 1, "no user agent, or a longer one");

    let (mut paged, mut next) = (Vec::new(), None::<String>);
    loop {
        let page = first.client.get("/users/me/sessions").query("limit", 2);
        let page = match &next {
            Some(cursor) => page.query("cursor", cursor).await.is(200),
            None => page.await.is(200),
        };
        paged.extend(page.items());
        match page.at("/next") {
            Value::String(cursor) => next = Some(cursor),
            _ => break,
        }
    }
    assert_eq!(paged, items);
    let cursor = next.expect("a second page");
    stranger.get("/users/me/sessions").query("cursor", &cursor).await.problem(400, "invalid-cursor");
    first.client.get("/orders").query("cursor", &cursor).await.problem(400, "invalid-cursor");
    first.client.get("/users/me/sessions").query("limit", 0).await.problem(400, "invalid-request");

    let ids: Vec<_> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    let path = format!("/users/me/sessions/{}", ids[0]);
    stranger.delete(&path).await.problem(404, "not-found");
    first.client.delete(&path).await.is(204);
    first.client.delete(&path).await.problem(404, "not-found");
    for unknown in [format!("ses_{}", random()), "ses_".to_owned(), "me".to_owned()] {
        first.client.delete(&format!("/users/me/sessions/{unknown}")).await.problem(404, "not-found");
    }
    let mut over = 0;
    for session in [&first, &second, &third] {
        over += usize::from(shop.refresh(&session.refresh).await.status == 401);
    }
    assert_eq!(over, 1, "one session was ended");
    assert_eq!(first.client.get("/users/me/sessions").await.is(200).items().len(), 2);
}

#[tokio::test]
async fn a_use_is_seen_in_the_list() {
    let Some(shop) = Shop::in_process(WHY_CLOCK, Setup::default()).await else { return };
    let session = shop.session(&shop.user().await).await;
    let before = session.client.get("/users/me/sessions").await.is(200);
    shop.advance(DAY);
    let session = shop.refreshed(&session.refresh).await;
    let after = session.client.get("/users/me/sessions").await.is(200);
    let same = |member: &str| before.at(&format!("/items/0/{member}")) == after.at(&format!("/items/0/{member}"));
    after.check(same("id") && same("created_at"), format!("another session than {before}"));
    after.check(!same("last_used_at") && !same("expires_at"), format!("as it was in {before}"));
}

#[tokio::test]
async fn a_new_role_ends_all_sessions() {
    let Some(shop) = Shop::in_process("invokes functions directly", Setup::default()).await else { return };
    let user = shop.user().await;
    let (one, other) = (shop.session(&user).await, shop.session(&user).await);
    crate::direct::invoke(&shop, "users", &json!({"command": "make_admin", "username": user.name})).await;
    refused(shop.refresh(&one.refresh).await);
    refused(shop.refresh(&other.refresh).await);
    let new = shop.session(&user).await;
    new.client.get("/fulfilment").await.is(200);
    assert_eq!(new.client.get("/users/me/sessions").await.is(200).items().len(), 1);
    shop.refreshed(&new.refresh).await.client.get("/fulfilment").await.is(200);
}

#[tokio::test]
async fn a_throttled_table_is_not_an_invalid_token() {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process("throttles the database", setup).await else { return };
    let session = shop.session(&shop.user().await).await;
    for operation in ["GetItem", "BatchGetItem", "TransactWriteItems"] {
        chaos.plan(Rule::new(Fault::Throttled).on(Wire::Database, operation));
        shop.refresh(&session.refresh).await.problem(503, "unavailable");
        chaos.end();
    }
    chaos.plan(Rule::new(Fault::Throttled).on(Wire::Database, "DeleteItem"));
    shop.logout(&session.refresh).await.problem(503, "unavailable");
    chaos.end();
    shop.refreshed(&session.refresh).await;
}

#[tokio::test]
async fn a_reply_that_was_lost_costs_nobody_the_session() {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process("loses answers of the database", setup).await else { return };
    let session = shop.session(&shop.user().await).await;
    for fault in [Fault::ReplyLost, Fault::FailedAfter, Fault::Dropped] {
        let lost = chaos.plan(Rule::new(fault).on(Wire::Database, "TransactWriteItems").nth(1));
        shop.refresh(&session.refresh).await;
        assert!(lost.met() > 0, "{fault:?} was not met");
        chaos.end();
        shop.refreshed(&session.refresh).await;
    }
}
