//! Claims that are well signed and still not an access token's of this shop, at this time (RFC 8725 §3.8, §3.9; RFC 9068
//! §4).

use serde_json::{Value, json};

use super::forge::Forge;
use super::wire::Attack;

/// What says something else.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let (iss, aud) = (forge.claims["iss"].as_str().expect("text"), forge.claims["aud"].as_str().expect("text"));
    let (sub, jti) = (forge.claims["sub"].as_str().expect("text"), forge.claims["jti"].as_str().expect("text"));
    let now = forge.now;
    let mut all: Vec<Attack> = [
        ("that has expired", -906, -6),
        ("that expired a day ago", -87_300, -86_400),
        ("that is not issued yet", 3600, 4500),
        ("that is of tomorrow", 86_400, 87_300),
        ("that lasts a second too long", 0, 901),
        ("that lasts a year", 0, 31_536_000),
        ("that began an hour ago", -3600, 900),
        ("that ends as it begins", 0, 0),
        ("that ends before it begins", 0, -3),
    ]
    .into_iter()
    .map(|(what, from, to)| Attack::bearer(403, format!("a token {what}"), &forge.lasting(from, to)))
    .collect();
    for (name, value) in [
        ("iss", json!("urn:portico:another")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{iss}/"))),
        ("iss", json!(iss.to_uppercase())),
        ("iss", json!(format!("{iss}\0"))),
        ("iss", json!([iss])),
        ("iss", json!("")),
        ("iss", json!(1)),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([aud])),
        ("aud", json!([aud, "another"])),
        ("aud", json!(format!("{aud} another"))),
        ("aud", json!(aud.to_uppercase())),
        ("aud", json!("*")),
        ("aud", json!("")),
        ("aud", Value::Null),
        ("sub", json!("admin")),
        ("sub", json!("")),
        ("sub", json!("usr_")),
        ("sub", json!("*")),
        ("sub", json!(sub.replace("usr_", "prd_"))),
        ("sub", json!(sub.replace("usr_", "ord_"))),
        ("sub", json!(sub.to_uppercase())),
        ("sub", json!(format!("{sub} "))),
        ("sub", json!(format!("{sub}\n"))),
        ("sub", json!(format!("{sub}/../admin"))),
        ("sub", json!(format!("{sub},usr_{}", "a".repeat(26)))),
        ("sub", json!([sub])),
        ("sub", json!({"$ne": null})),
        ("sub", json!(1)),
        ("sub", Value::Null),
        ("role", json!("Admin")),
        ("role", json!("ADMIN")),
        ("role", json!("owner")),
        ("role", json!("root")),
        ("role", json!("customer,admin")),
        ("role", json!("admin ")),
        ("role", json!("аdmin")), // its first letter is Cyrillic
        ("role", json!("")),
        ("role", json!(["admin"])),
        ("role", json!(["customer", "admin"])),
        ("role", json!({"admin": null})),
        ("role", json!(true)),
        ("role", json!(1)),
        ("role", Value::Null),
        ("jti", json!("")),
        ("jti", json!("t")),
        ("jti", json!(jti.to_uppercase())),
        ("jti", json!(format!("{jti}{jti}"))),
        ("jti", json!([jti])),
        ("jti", Value::Null),
        ("iat", json!(now.to_string())),
        ("iat", json!(-1)),
        ("iat", json!(i64::MIN)),
        ("iat", Value::Null),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!("never")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!((now + 900) * 1000)),
        ("exp", json!(0)),
        ("exp", json!([now + 900])),
        ("exp", Value::Null),
        ("nbf", json!(now)),
        ("nbf", json!(now + 3600)),
        ("scope", json!("openid admin")),
        ("roles", json!(["admin"])),
        ("azp", json!(aud)),
        ("nonce", json!("an ID token has one")),
        ("user_id", json!(sub)),
    ] {
        all.push(Attack::bearer(403, format!("{name}: {value}"), &forge.claims_with(name, value.clone())));
    }
    for name in ["iss", "aud", "sub", "iat", "exp", "jti", "role"] {
        all.push(Attack::bearer(403, format!("no {name}"), &forge.claims_without(name)));
    }
    all
}
