//! A shop with a data file: what it has sold and who has signed in outlives it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

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
        let keys = entry.file_name().to_string_lossy().contains(".keys");
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

#[tokio::test]
async fn tokens_of_both_keys_are_good_while_the_signing_key_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("shop.db");
    let (username, password) = (new_username(), random());
    let mut tokens: Vec<String> = Vec::new();
    for key in ["A", "B", "A"] {
        let parameters = BTreeMap::from([("SigningKey".to_owned(), key.to_owned())]);
        let setup = Setup { data: Some(data.clone()), parameters, ..Setup::default() };
        let Some(shop) = Shop::in_process("starts the shop with one signing key and then another", setup).await else {
            return;
        };
        if tokens.is_empty() {
            shop.register(&username, &password).await.is(201);
        }
        tokens.push(shop.sign_in(&username, &password).await.token.expect("a token"));
        for token in &tokens {
            shop.anonymous().with_token(token).get("/users/me").await.is(200).has("/username", username.as_str());
        }
        let published = shop.anonymous().get("/.well-known/jwks.json").await.is(200).at("/keys").clone();
        let kids: Vec<_> = published.as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect();
        assert!(kids.len() == 2 && tokens.iter().all(|token| kids.contains(&header_of(token)["kid"])), "{kids:?}");
        shop.stop().await;
    }
    let signed_by: Vec<_> = tokens.iter().map(|token| header_of(token)["kid"].clone()).collect();
    assert!(signed_by[0] == signed_by[2] && signed_by[0] != signed_by[1], "A, B, A: {signed_by:?}");
}

fn header_of(token: &str) -> Value {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
    serde_json::from_slice(&header).expect("JSON")
}
