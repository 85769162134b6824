//! Any body: it is read, or refused with a sentence and a pointer; a command is read the same when written again, a basket
//! is the same request in its canonical form, and no password becomes one that the rules refuse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::contract::{Envelope, OrdersCommand, PaymentsCommand};
use shared::error::Error;
use shared::http;
use shared::text::Text;
use unicode_normalization::UnicodeNormalization;

use checkout::basket::{Basket, Canonical};
use checkout::card;
use users::account::{self, Email, Username};
use users::password::Password;
use users::token::{RefreshToken, ResetToken};

// These functions keep what they read to themselves.
#[allow(dead_code)]
#[path = "../../../functions/checkout/src"]
mod checkout {
    pub mod basket;
    pub mod card;
}
#[allow(dead_code)]
#[path = "../../../functions/users/src"]
mod users {
    pub mod account;
    pub mod password;
    pub mod token;
}

/// A body of users', as any of its routes has it: those types are the handlers' own, and only what is in them can break.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersBody {
    username: Option<Username>,
    password: Option<Password>,
    #[serde(default, deserialize_with = "http::present")]
    display_name: Option<Option<Text<100>>>,
    #[serde(default, deserialize_with = "http::present")]
    email: Option<Option<Email>>,
    current_password: Option<Password>,
    new_password: Option<Password>,
    refresh_token: Option<RefreshToken>,
    reset_token: Option<ResetToken>,
}

fuzz_target!(|data: &[u8]| {
    // Not again: numbers that are no integers lose digits, which is why no contract has any.
    let json = read::<Value>(data);
    read_again(read::<Envelope<OrdersCommand>>(data));
    read_again(read::<Envelope<PaymentsCommand>>(data));
    if let Some(json) = &json {
        card::is_in(json);
    }
    if let Some(basket) = read::<Basket>(data) {
        order(basket);
    }
    if let (Some(body), Some(json)) = (read::<UsersBody>(data), &json) {
        account(&body, json);
    }
});

fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    match http::from_json::<T>(data) {
        Ok(value) => Some(value),
        Err(error @ (Error::Invalid(_) | Error::MalformedJson(_))) => {
            assert_eq!(http::problem(&error, "request").status(), 400);
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn read_again<T: DeserializeOwned + Serialize>(value: Option<T>) {
    let Some(value) = value else { return };
    let text = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = http::from_json(&text).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), text);
}

fn order(basket: Basket) {
    let Some(canonical) = judged(basket.canonical()) else { return };
    assert!((1..=50).contains(&canonical.items.len()));
    assert!(canonical.items.is_sorted_by(|one, next| one.product_id < next.product_id), "a product twice");
    let body = json!({
        "items": canonical.items, "payment": {"method": canonical.method},
        "shipping_address": canonical.shipping_address, "expected_total": canonical.expected_total,
    });
    let again: Basket = http::from_json(body.to_string().as_bytes()).expect("what was accepted can be sent");
    let fingerprint = |basket: &Canonical| basket.fingerprint().expect("a digest");
    assert_eq!(fingerprint(&again.canonical().expect("what was accepted")), fingerprint(&canonical));
}

fn account(body: &UsersBody, json: &Value) {
    let profile = |body: &UsersBody| json!({"display_name": body.display_name, "email": body.email});
    let again: UsersBody =
        http::from_json(profile(body).to_string().as_bytes()).expect("what was accepted can be sent");
    assert_eq!(profile(&again), profile(body));
    let username = body.username.clone().unwrap_or_else(|| "anna.lovelace".parse().expect("a name"));
    for (name, password) in [
        ("password", &body.password),
        ("current_password", &body.current_password),
        ("new_password", &body.new_password),
    ] {
        let (Some(password), Some(sent)) = (password, json[name].as_str()) else { continue };
        let normal: String = sent.nfkc().collect();
        let length = normal.chars().count();
        assert!((1..=256).contains(&length), "{length} characters");
        let accepted = judged(password.check_new(&username, "/password")).is_some();
        let again = judged(Password::of_sample(&normal).check_new(&username, "/password")).is_some();
        assert_eq!(accepted, again, "a password is judged in its normal form");
        let lower = normal.to_lowercase();
        assert!(!accepted || length >= 15 && lower != username.normalised() && lower != "qwertyuiopasdfgh", "{normal}");
    }
    for hash in [body.refresh_token.as_ref().map(RefreshToken::hash), body.reset_token.as_ref().map(ResetToken::hash)] {
        assert!(hash.is_none_or(|hash| hash.to_string().len() == 43), "a hash of another length");
    }
}

/// What was accepted; a refusal points somewhere.
fn judged<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Invalid(faults)) => {
            assert!(faults.iter().all(|fault| fault.pointer.is_some()), "{faults:?}");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}
