//! The conditions of sessions, passwords and accounts.

use aws_sdk_dynamodb::types::AttributeValue;
use local::chaos::{Chaos, Planned};
use serde_json::json;

use super::{held, shop_with, text};
use crate::direct::invoke;
use crate::passwords::{change, issue, reset};
use crate::sessions::{User, refused};
use crate::shop::{Shop, random};

/// Holds the transactions of what follows, until they are released.
fn hold(chaos: &Chaos) -> Planned {
    chaos.plan(held("TransactWriteItems", ""))
}

async fn delete(shop: &Shop, pk: &str, sk: &str) {
    let delete = shop.inner().base().database.client().delete_item().table_name(shop.table("UsersTable"));
    delete.key("pk", text(pk)).key("sk", text(sk)).send().await.expect("a deletion");
}

async fn epochs(shop: &Shop, user: &User) -> Vec<AttributeValue> {
    let scan = shop.inner().base().database.client().scan().table_name(shop.table("UsersTable"));
    let items = scan.send().await.expect("an answer").items.expect("items");
    let id = items.iter().find(|item| item["pk"] == text(&format!("name#{}", user.name)));
    let id = id.map(|login| login["user_id"].clone());
    let of_account = |sk: &AttributeValue| [text("login"), text("account")].contains(sk);
    let own = items.iter().filter(|item| id.is_some() && item.get("user_id") == id.as_ref() && of_account(&item["sk"]));
    own.map(|item| item["epoch"].clone()).collect()
}

#[tokio::test]
async fn a_refresh_that_arrives_late_changes_nothing() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let session = shop.session(&shop.user().await).await;
    let late = hold(&chaos);
    shop.refresh(&session.refresh).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    let gone_on = shop.refreshed(&session.refresh).await;
    late.release().await;
    let gone_on = shop.refreshed(&gone_on.refresh).await;

    // And one that arrives after its session was ended does not begin it anew.
    let late = hold(&chaos);
    shop.refresh(&gone_on.refresh).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    shop.logout(&gone_on.refresh).await.is(204);
    late.release().await;
    assert!(gone_on.client.get("/users/me/sessions").await.is(200).items().is_empty());
}

#[tokio::test]
async fn a_change_of_password_that_arrives_late_does_not_undo_a_later_one() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let mut user = shop.user().await;
    let session = shop.session(&user).await;
    let late = hold(&chaos);
    let (lost, new) = (random(), random());
    change(&session.client, &user.password, &lost).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    change(&session.client, &user.password, &new).await.is(204);
    late.release().await;
    shop.login(&User { name: user.name.clone(), password: lost }).await.problem(401, "invalid-credentials");
    user.password = new;
    shop.session(&user).await;
    assert_eq!(epochs(&shop, &user).await, vec![AttributeValue::N("1".to_owned()); 2]);
}

#[tokio::test]
async fn two_resets_by_one_token_at_once_are_one() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let mut user = shop.user().await;
    let token = issue(&shop, &user).await;
    let late = hold(&chaos);
    reset(&shop, &token, &random()).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    user.password = random();
    reset(&shop, &token, &user.password).await.is(204);
    late.release().await;
    shop.session(&user).await;
}

#[tokio::test]
async fn a_reset_does_not_outlast_the_role_that_it_was_issued_for() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let user = shop.user().await;
    let token = issue(&shop, &user).await;
    let late = hold(&chaos);
    reset(&shop, &token, &random()).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    invoke(&shop, "users", &json!({"command": "make_admin", "username": user.name})).await;
    late.release().await;
    shop.session(&user).await;
}

#[tokio::test]
async fn a_new_password_does_not_make_half_of_an_account() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let user = shop.user().await;
    let session = shop.session(&user).await;
    let id = session.client.get("/users/me").await.is(200).text_at("/id");
    let late = hold(&chaos);
    change(&session.client, &user.password, &random()).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    delete(&shop, &format!("user#{id}"), "account").await;
    late.release().await;
    session.client.get("/users/me").await.problem(404, "not-found");
    shop.session(&user).await;
}

#[tokio::test]
async fn a_new_password_that_arrives_after_the_account_was_closed_leaves_its_name_alone() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    for taken in [false, true] {
        let mut user = shop.user().await;
        let session = shop.session(&user).await;
        let (late, lost) = (hold(&chaos), random());
        change(&session.client, &user.password, &lost).await.problem(503, "unavailable");
        assert!(late.met() > 0);
        chaos.end();
        session.client.delete("/users/me").await.is(204);
        user.password = random();
        if taken {
            shop.register(&user.name, &user.password).await.is(201);
        }
        late.release().await;
        shop.login(&User { name: user.name.clone(), password: lost }).await.problem(401, "invalid-credentials");
        if !taken {
            shop.register(&user.name, &user.password).await.is(201);
        }
        shop.refreshed(&shop.session(&user).await.refresh).await;
    }
}

#[tokio::test]
async fn a_closing_that_arrives_late_leaves_the_name_to_whoever_has_it_now() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let mut user = shop.user().await;
    let session = shop.session(&user).await;
    let late = hold(&chaos);
    session.client.delete("/users/me").await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    session.client.delete("/users/me").await.is(204);
    user.password = random();
    shop.register(&user.name, &user.password).await.is(201);
    late.release().await;
    let next = shop.session(&user).await;
    next.client.get("/users/me").await.is(200).has("/username", user.name.as_str());
    session.client.delete("/users/me").await.is(204);
    shop.session(&user).await;
}

#[tokio::test]
async fn a_change_of_the_profile_that_arrives_late_leaves_a_closed_account_closed() {
    let chaos = Chaos::none();
    let Some(shop) = shop_with(&chaos).await else { return };
    let session = shop.session(&shop.user().await).await;
    let address = format!("{}@example.com", random());
    let late = chaos.plan(held("UpdateItem", &address));
    session.client.patch("/users/me", &json!({"email": address})).await.problem(503, "unavailable");
    assert!(late.met() > 0);
    chaos.end();
    session.client.delete("/users/me").await.is(204);
    late.release().await;
    refused(shop.refresh(&session.refresh).await);
    assert!(!shop.holds(&address).await, "the address of a closed account");
}
