//! Any header and any claims, separated by a line end, and always well signed: what is accepted is what a second,
//! plainer reading of the verifier's rules accepts, and nothing else.
#![no_main]

use std::sync::LazyLock;

use authorizer::Verifier;
use fuzz::{AUDIENCE, ISSUER, KID, Members, NOW};
use libfuzzer_sys::fuzz_target;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(fuzz::verifier);

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, claims) = data.split_at(at);
    let claims = claims.get(1..).unwrap_or_default();
    let value = format!("Bearer {}", fuzz::sign(header, claims));
    let expected = value.len() <= 4096 && is_header(header) && are_claims(claims);
    assert_eq!(VERIFIER.verify(&value, fuzz::now()).is_ok(), expected);
});

fn is_header(json: &[u8]) -> bool {
    let Some(members) = Members::of(json) else { return false };
    members.are(&["alg", "typ", "kid"])
        && members.text("alg") == Some("ES256")
        && members.text("typ") == Some("at+jwt")
        && members.text("kid") == Some(KID)
}

fn are_claims(json: &[u8]) -> bool {
    let Some(members) = Members::of(json) else { return false };
    let base32 = |text: &str| text.len() == 26 && text.chars().all(|c| "abcdefghijklmnopqrstuvwxyz234567".contains(c));
    let (Some(issued), Some(ends)) = (members.whole("iat"), members.whole("exp")) else { return false };
    members.are(&["iss", "aud", "sub", "iat", "exp", "jti", "role"])
        && members.text("iss") == Some(ISSUER)
        && members.text("aud") == Some(AUDIENCE)
        && members.text("sub").and_then(|sub| sub.strip_prefix("usr_")).is_some_and(base32)
        && members.text("jti").is_some_and(base32)
        && matches!(members.text("role"), Some("customer" | "admin"))
        && i128::from(ends) - i128::from(issued) <= 900
        && ends > issued
        && i128::from(issued) <= i128::from(NOW) + 5
        && i128::from(NOW) < i128::from(ends) + 5
}
