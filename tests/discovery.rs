//! What other services verify this shop's tokens by: its public keys, and where they are.

use std::collections::BTreeMap;

use serde_json::json;

use crate::shop::{Setup, Shop};

const KEYS: &str = "/.well-known/jwks.json";
const METADATA: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn the_public_keys_are_cached_and_asked_for_again_by_their_tag() {
    let shop = Shop::start().await;
    let first = shop.anonymous().get(KEYS).await.is(200).has_header("cache-control", "public, max-age=300");
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = shop.anonymous().get(KEYS).header("if-none-match", &tag).await.is(304).has_header("etag", &tag);
    again.check(again.body.is_empty(), "a 304 with a body");
    shop.anonymous().get(KEYS).header("if-none-match", "\"other\"").await.is(200);
}

#[tokio::test]
async fn an_issuer_that_is_a_url_says_where_its_keys_are() {
    let parameters = BTreeMap::from([("Issuer".to_owned(), "https://shop.example/".to_owned())]);
    let setup = Setup { parameters, ..Setup::default() };
    let Some(shop) = Shop::in_process("has an issuer of its own", setup).await else { return };
    let metadata = shop.anonymous().get(METADATA).await.is(200).has_header("cache-control", "public, max-age=300");
    let metadata = metadata.has_header("content-type", "application/json");
    assert_eq!(
        metadata.json(),
        json!({
            "issuer": "https://shop.example/",
            "jwks_uri": "https://shop.example/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    );
    let tag = metadata.header("etag").expect("a tag").to_owned();
    shop.anonymous().get(METADATA).header("if-none-match", &tag).await.is(304);
    shop.customer().await.get("/users/me").await.is(200);
}

#[tokio::test]
async fn an_issuer_that_is_none_has_no_document() {
    let Some(shop) = Shop::in_process("has the issuer's default", Setup::default()).await else { return };
    shop.anonymous().get(METADATA).await.problem(404, "not-found").has_header("cache-control", "no-store");
}
