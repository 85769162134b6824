//! What may become a password, and how a stored one keeps up with what a hash should cost.

use crate::attempts::{guess, log_in};
use crate::shop::{Setup, Shop, new_username, random};

/// A password, and a hash of it that costs less than one of today: Argon2id with 8 MiB and one pass.
pub const OUTDATED: (&str, &str) = (
    "older than the rules of today",
    "$argon2id$v=19$m=8192,t=1,p=1$cG9ydGljby1vbGRlci0wMQ$MJCbff2zYyBSIgtRXLeiCHGDbenKz9xnrmibaeQD+Bg",
);

#[tokio::test]
async fn a_new_password_that_is_tried_first_is_refused_with_the_reason() {
    let shop = Shop::start().await;
    let name = new_username();
    for (password, reason) in [
        ("fourteen chars".to_owned(), "15 to 256 characters"),
        ("\u{2460}".repeat(14), "15 to 256 characters"),
        ("a".repeat(257), "1 to 256 characters"),
        ("1qaz2wsx3edc4rfv".to_owned(), "is a common password"),
        ("PasswordPassword".to_owned(), "is a common password"),
        // In normal form KC, wide letters are the letters of a keyboard.
        ("\u{ff50}\u{ff41}\u{ff53}\u{ff53}\u{ff57}\u{ff4f}\u{ff52}\u{ff44}".repeat(2), "is a common password"),
        ("letmeinletmeinletmein".to_owned(), "repeats"),
        ("ab1!".repeat(20), "repeats"),
        (format!("{name}-1984"), "name"),
        (format!("12{}34", name.to_uppercase()), "name"),
        ("portico portico 1".to_owned(), "name"),
    ] {
        let refused = shop.register(&name, &password).await.problem(400, "invalid-request").points_at("/password");
        let told = refused.text_at("/errors/0/detail");
        refused.check(told.contains(reason), format!("expected the reason {reason:?}"));
        refused.check(!told.contains(&password), "the password comes back");
    }
    let (name, other) = (new_username(), new_username());
    let names = format!("{other} has a long tail");
    for (name, password) in [(name, "only lower case, \u{1f511} and кириллица"), (other, names.as_str())] {
        shop.register(&name, password).await.is(201);
        shop.sign_in(&name, password).await;
    }
}

#[tokio::test]
async fn a_hash_that_costs_too_little_is_made_anew_when_its_owner_signs_in() {
    let Some(shop) = Shop::in_process("puts a hash into the table", Setup::default()).await else { return };
    let (client, name) = (shop.anonymous(), new_username());
    shop.register(&name, &random()).await.is(201);
    let today = |hash: &str| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$");
    assert!(today(&shop.password_hash(&name).await));
    let (password, outdated) = OUTDATED;
    shop.set_password_hash(&name, outdated).await;

    guess(&client, &name).await.problem(401, "invalid-credentials");
    assert_eq!(shop.password_hash(&name).await, outdated, "a wrong password has changed the hash");
    log_in(&client, &name, password).await.is(200);
    let renewed = shop.password_hash(&name).await;
    assert!(today(&renewed), "{renewed}");
    log_in(&client, &name, password).await.is(200);
    assert_eq!(shop.password_hash(&name).await, renewed, "a hash of today was made anew");
    guess(&client, &name).await.problem(401, "invalid-credentials");
}
