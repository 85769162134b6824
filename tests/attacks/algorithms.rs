//! Another algorithm than ES256, or none (RFC 8725 §2.1).

use serde_json::{Value, json};

use super::forge::{Forge, encode};
use super::wire::Attack;

/// What calls its algorithm something else.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let mut all = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", " none", "none\0", ""] {
        let wanted = forge.wanted(json!(none));
        all.push(Attack::bearer(403, format!("alg {none:?} without a signature"), &format!("{wanted}.")));
    }
    let wanted = forge.wanted(json!("none"));
    all.push(Attack::bearer(403, "alg none with the good signature", &format!("{wanted}.{}", forge.parts()[2])));
    all.push(Attack::bearer(403, "alg none, well signed", &forge.sign_text(&wanted)));
    all.push(Attack::bearer(403, "alg none, two parts only", &wanted));
    for (form, secret) in forge.public_key_as_secrets() {
        all.push(Attack::bearer(403, format!("HS256 with the public key {form}"), &forge.hmac(&secret)));
    }
    all.push(Attack::bearer(403, "HS256 with an empty secret", &forge.hmac(b"")));
    all.push(Attack::bearer(403, "HS256 with the secret `secret`", &forge.hmac(b"secret")));
    all.push(Attack::bearer(403, "HS256 with a zero byte for a secret", &forge.hmac(&[0])));
    let others = [
        json!("RS256"),
        json!("PS256"),
        json!("ES384"),
        json!("ES512"),
        json!("ES256K"),
        json!("EdDSA"),
        json!("Ed25519"),
        json!("HS384"),
        json!("es256"),
        json!("ES256 "),
        json!("ECDSA_SHA_256"),
        json!("SHA256withECDSA"),
        json!("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        json!("dir"),
        json!(["ES256"]),
        json!(["none", "ES256"]),
        json!({"ES256": null}),
        json!(256),
        json!(true),
        Value::Null,
    ];
    for other in others {
        let token = forge.header_with("alg", other.clone());
        all.push(Attack::bearer(403, format!("a good signature that calls itself {other}"), &token));
    }
    let [_, claims, _] = forge.parts();
    let long = format!("{}.{claims}.{}", encode(r#"{"alg":"RS256","typ":"at+jwt"}"#), encode([1; 256]));
    all.push(Attack::bearer(403, "RS256 with a signature of its length", &long));
    all
}
