//! A shop with a data file: what it has sold and who has signed in outlives it.

use serde_json::json;

use crate::shop::{Setup, Shop, VISA, an_order, new_username, random};

#[tokio::test]
async fn an_order_and_a_token_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("shop.db");
    let why = "stops the shop and starts it again";
    let setup = || Setup { data: Some(data.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process(why, setup()).await else {
        return;
    };
    let (username, password, key) = (new_username(), random(), random());
    shop.register(&username, &password).await.is(201);
    let (customer, id) = (shop.sign_in(&username, &password).await, shop.product(3).await);
    let placed = customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.is(201);
    let token = customer.token.expect("a token");
    shop.stop().await;

    let shop = Shop::in_process(why, setup()).await.expect("a shop as before");
    let customer = shop.anonymous().with_token(&token);
    let path = format!("/orders/{}", placed.text_at("/order/id"));
    let read = customer.get(&path).await.is(200);
    read.check(read.json() == placed.json(), format!("differs from {placed}"));
    let replay = customer.post("/orders", &an_order(&id, 2, VISA)).key(&key).await.is(201);
    replay.check(replay.body == placed.body, format!("differs from {placed}"));
    assert_eq!(shop.stock(&id).await, 1);
    shop.sign_in(&username, &password).await.get("/users/me").await.is(200).has("/username", username.as_str());
    shop.stop().await;

    #[cfg(unix)]
    for entry in std::fs::read_dir(folder.path()).expect("the folder").flatten() {
        use std::os::unix::fs::PermissionsExt;
        let mode = entry.metadata().expect("a file").permissions().mode() & 0o777;
        let keys = entry.file_name().to_string_lossy().ends_with(".keys");
        assert!(!keys || mode == 0o600, "{:?} may be read by others: {mode:o}", entry.path());
    }
}

#[tokio::test]
async fn a_shop_in_memory_forgets() {
    let Some(shop) = Shop::in_process("starts a second shop", Setup::default()).await else {
        return;
    };
    let (username, password) = (new_username(), random());
    shop.register(&username, &password).await.is(201);
    shop.stop().await;
    let shop = Shop::start().await;
    let login = json!({"username": username, "password": password});
    shop.anonymous().post("/login", &login).await.problem(401, "invalid-credentials");
}
