//! Closing an account: nobody signs in to it, its name is free, and what it said of its owner is gone but for the orders.

use serde_json::{Value, json};

use crate::direct::{failed, invoke};
use crate::passwords::{change, issue, reset};
use crate::sessions::refused;
use crate::shop::{Setup, Shop, VISA, an_order, random};

impl Shop {
    /// Whether anything in the users table has this text in it.
    pub async fn holds(&self, text: &str) -> bool {
        let client = self.inner().base().database.client();
        let (mut start, table) = (None, self.table("UsersTable"));
        loop {
            let scan = client.scan().table_name(&table).set_exclusive_start_key(start).consistent_read(true);
            let answer = scan.send().await.expect("an answer");
            if format!("{:?}", answer.items()).contains(text) {
                return true;
            }
            match answer.last_evaluated_key {
                None => return false,
                last => start = last,
            }
        }
    }
}

#[tokio::test]
async fn a_closed_account_is_closed_for_everybody() {
    let shop = Shop::start().await;
    let mut user = shop.user().await;
    let (session, other) = (shop.session(&user).await, shop.session(&user).await);
    session.client.delete("/users/me").await.is(204);
    shop.login(&user).await.problem(401, "invalid-credentials");
    for token in [&session.refresh, &other.refresh] {
        refused(shop.refresh(token).await);
        shop.logout(token).await.is(204);
    }
    // Its access token is good until it ends, and does nothing to it.
    session.client.delete("/users/me").await.is(204);
    other.client.delete("/users/me").await.is(204);
    session.client.get("/users/me").await.problem(404, "not-found");
    session.client.patch("/users/me", &json!({"display_name": "Ada"})).await.problem(404, "not-found");
    session.client.get("/users/me/sessions").await.problem(404, "not-found");
    change(&session.client, &user.password, &random()).await.problem(404, "not-found");
    session.client.get("/users/me").await.problem(404, "not-found");

    // The name is free, and whoever takes it has nothing to do with who had it before.
    user.password = random();
    shop.register(&user.name, &user.password).await.is(201);
    let next = shop.session(&user).await;
    session.client.delete("/users/me").await.is(204);
    change(&session.client, &user.password, &random()).await.problem(404, "not-found");
    refused(shop.refresh(&session.refresh).await);
    next.client.get("/users/me").await.is(200).has("/username", user.name.as_str());
    shop.refreshed(&next.refresh).await;
}

#[tokio::test]
async fn of_a_closed_account_its_orders_remain() {
    let Some(shop) = Shop::in_process("reads the tables", Setup::default()).await else { return };
    let (user, product) = (shop.user().await, shop.product(5).await);
    let session = shop.session(&user).await;
    let (email, name) = (format!("{}@example.com", random()), random());
    session.client.patch("/users/me", &json!({"email": email, "display_name": name})).await.is(200);
    let id = session.client.get("/users/me").await.is(200).text_at("/id");
    let placed = session.client.post("/orders", &an_order(&product, 1, VISA)).key(&random()).await.is(201);
    let reset_token = issue(&shop, &user).await;
    let secrets = [email, name, user.name.clone()];
    for secret in &secrets {
        assert!(shop.holds(secret).await, "{secret} is not where this test looks for it");
    }
    session.client.delete("/users/me").await.is(204);
    for secret in &secrets {
        assert!(!shop.holds(secret).await, "{secret} is still in the table");
    }
    assert!(shop.holds(&id).await, "nothing says that the account was closed");

    let path = format!("/fulfilment/{}", placed.text_at("/order/id"));
    shop.admin().await.get(&path).await.is(200).has("/order/status", "CONFIRMED");
    let get = shop.inner().base().database.client().get_item().table_name(shop.table("OrdersTable"));
    let key = aws_sdk_dynamodb::types::AttributeValue::S(placed.text_at("/order/id"));
    let order = get.key("order_id", key).send().await.expect("an answer").item.expect("the order");
    assert_eq!(order["user_id"].as_s().expect("text"), &id, "the order is somebody else's");
    for secret in &secrets {
        assert!(!format!("{order:?}").contains(secret), "the order has {secret} of its customer's account");
    }

    reset(&shop, &reset_token, &random()).await.problem(400, "invalid-reset-token");
    for command in ["make_admin", "issue_password_reset"] {
        let command = json!({"command": command, "username": user.name});
        assert_eq!(failed(&invoke(&shop, "users", &command).await), "not-found", "{command}");
    }
    session.client.get("/users/me").await.problem(404, "not-found");
}

#[tokio::test]
async fn an_account_is_closed_by_its_owner_alone() {
    let shop = Shop::start().await;
    let user = shop.user().await;
    shop.anonymous().delete("/users/me").await.message(401, "Unauthorized");
    shop.customer().await.delete("/users/me").await.is(204);
    let session = shop.session(&user).await;
    session.client.get("/users/me").await.is(200).has("/email", Value::Null);
}
