//! Tokens that are good and tokens that are not, each a change of a good one, and what an event tells of the good.

use jsonwebtoken::{EncodingKey, crypto};
use serde_json::json;

use super::keys::KEPT;
use super::*;
use crate::template::IdentitySource;

const ISSUER: &str = "https://id.example/pool";
const NOW: i64 = 1_750_000_000;
/// An RSA key of 2048 bits that signs for these tests and nothing else.
const PRIVATE: &[u8] = include_bytes!("test-key.der");
/// Its modulus in base64url.
const MODULUS: &str = include_str!("test-key.n");

fn signed(header: &Value, claims: &Value, algorithm: Algorithm) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(text.as_bytes(), &EncodingKey::from_rsa_der(PRIVATE), algorithm).unwrap();
    format!("{text}.{signature}")
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "one", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "shop", "exp": NOW + 60, "iat": NOW - 1, "sub": "me", "scope": "read write"})
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

/// A file with keys, which lies in the directory for as long as that lives, and what signs claims with one of them.
pub fn signer(directory: &tempfile::TempDir) -> (Jwks, impl Fn(&Value) -> String) {
    (Jwks::File(keys(directory)), |claims: &Value| signed(&header(), claims, Algorithm::RS256))
}

fn keys(directory: &tempfile::TempDir) -> std::path::PathBuf {
    let path = directory.path().join("jwks.json");
    let rsa = json!({"kty": "RSA", "use": "sig", "kid": "one", "n": MODULUS, "e": "AQAB"});
    let other = json!({"kty": "EC", "crv": "P-256", "kid": "two", "x": "x", "y": "y"});
    let sealing = with(with(rsa.clone(), "use", json!("enc")), "kid", json!("three"));
    std::fs::write(&path, json!({"keys": [other, sealing, rsa]}).to_string()).unwrap();
    path
}

fn authorizer(directory: &tempfile::TempDir, clock: Clock) -> JwtAuthorizer {
    let declared = template::JwtAuthorizer {
        issuer: ISSUER.to_owned(),
        audience: vec!["other".to_owned(), "shop".to_owned()],
        identity_source: IdentitySource::Header("authorization".to_owned()),
        line: 1,
    };
    JwtAuthorizer::new(declared, Some(Jwks::File(keys(directory))), clock, Duration::from_secs(10))
}

async fn verify(header: &Value, claims: &Value, algorithm: Algorithm) -> Result<(), Fault> {
    let directory = tempfile::tempdir().unwrap();
    let token = signed(header, claims, algorithm);
    authorizer(&directory, Clock::system()).verify(&token, Timestamp::from_millis(NOW * 1000)).await.map(drop)
}

#[tokio::test]
async fn a_good_token_passes_with_each_of_the_three_algorithms() {
    for (name, algorithm) in [("RS256", Algorithm::RS256), ("RS384", Algorithm::RS384), ("RS512", Algorithm::RS512)] {
        let header = with(header(), "alg", json!(name));
        assert_eq!(verify(&header, &claims(), algorithm).await, Ok(()), "{name}");
    }
    let with_float = with(claims(), "exp", serde_json::from_str("1750000060.5").unwrap());
    assert_eq!(verify(&header(), &with_float, Algorithm::RS256).await, Ok(()));
}

#[tokio::test]
async fn every_claim_is_looked_at() {
    for (changed, expected) in [
        (without(claims(), "iss"), Fault::Issuer),
        (with(claims(), "iss", json!("https://id.example/pool/")), Fault::Issuer),
        (with(claims(), "iss", json!([ISSUER])), Fault::Issuer),
        (without(claims(), "aud"), Fault::Audience),
        (with(claims(), "aud", json!("shopping")), Fault::Audience),
        (with(claims(), "aud", json!(["nobody"])), Fault::Audience),
        (with(claims(), "aud", json!({"shop": 1})), Fault::Audience),
        // Of both, only `aud` is looked at.
        (with(with(claims(), "aud", json!("nobody")), "client_id", json!("shop")), Fault::Audience),
        (without(claims(), "exp"), Fault::Expired),
        (with(claims(), "exp", json!(NOW)), Fault::Expired),
        (with(claims(), "exp", json!("never")), Fault::Malformed),
        (with(claims(), "nbf", json!(NOW + 1)), Fault::Early),
        (with(claims(), "iat", json!(NOW + 1)), Fault::Early),
    ] {
        assert_eq!(verify(&header(), &changed, Algorithm::RS256).await, Err(expected), "{changed}");
    }
    for changed in [
        with(claims(), "aud", json!(["nobody", "other"])),
        with(without(claims(), "aud"), "client_id", json!("shop")),
        without(claims(), "iat"),
        with(claims(), "nbf", json!(NOW)),
    ] {
        assert_eq!(verify(&header(), &changed, Algorithm::RS256).await, Ok(()), "{changed}");
    }
}

#[tokio::test]
async fn only_a_key_of_the_issuer_signs() {
    for (changed, expected) in [
        (with(header(), "kid", json!("two")), Fault::Key),
        (with(header(), "kid", json!("three")), Fault::Key),
        (without(header(), "kid"), Fault::Key),
        (with(header(), "alg", json!("HS256")), Fault::Algorithm),
        (with(header(), "alg", json!("ES256")), Fault::Algorithm),
        (with(header(), "alg", json!("none")), Fault::Algorithm),
        (with(header(), "alg", json!("PS256")), Fault::Algorithm),
        (with(header(), "alg", json!("RS384")), Fault::Signature),
        (with(header(), "crit", json!(["b64"])), Fault::Malformed),
    ] {
        assert_eq!(verify(&changed, &claims(), Algorithm::RS256).await, Err(expected), "{changed}");
    }
    let directory = tempfile::tempdir().unwrap();
    let (authorizer, now) = (authorizer(&directory, Clock::system()), Timestamp::from_millis(NOW * 1000));
    let good = signed(&header(), &claims(), Algorithm::RS256);
    let (start, signature) = good.rsplit_once('.').unwrap();
    for (token, expected) in [
        (format!("{start}."), Fault::Signature),
        (format!("{start}.{}", "A".repeat(signature.len())), Fault::Signature),
        (start.to_owned(), Fault::Malformed),
        (String::new(), Fault::Malformed),
        ("a.b.c".to_owned(), Fault::Malformed),
        (format!("{good}.x"), Fault::Signature),
        (format!("\u{e4}{good}"), Fault::Malformed),
    ] {
        assert_eq!(authorizer.verify(&token, now).await.map(drop), Err(expected), "{token}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_asked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let (authorizer, now) = (authorizer(&directory, clock.clone()), Timestamp::from_millis(NOW * 1000));
    let (path, away) = (directory.path().join("jwks.json"), directory.path().join("away"));
    std::fs::rename(&path, &away).unwrap();
    let token = signed(&header(), &claims(), Algorithm::RS256);
    let failed = authorizer.verify(&token, now).await.map(drop);
    assert!(matches!(&failed, Err(Fault::Keys(why)) if why.contains("jwks.json cannot be read")), "{failed:?}");
    std::fs::rename(&away, &path).unwrap();
    assert!(authorizer.verify(&token, now).await.is_err(), "the failure is everybody's for a second");
    clock.advance(Duration::from_secs(1));
    assert_eq!(authorizer.verify(&token, now).await.map(drop), Ok(()));
    std::fs::remove_file(&path).unwrap();
    clock.advance(KEPT - Duration::from_secs(1));
    assert_eq!(authorizer.verify(&token, now).await.map(drop), Ok(()), "kept for two hours");
    clock.advance(Duration::from_secs(1));
    assert!(authorizer.verify(&token, now).await.is_err(), "and no longer");
}

#[test]
fn claims_are_texts_and_scopes_come_from_two_claims() {
    for (claim, expected) in [
        (json!("a b"), "a b"),
        (json!(1_750_000_000), "1750000000"),
        (json!(true), "true"),
        (json!(["a", "b", 1]), "[a b 1]"),
    ] {
        assert_eq!(text(&claim), expected);
    }
    for (claim, expected) in [
        (json!({"scope": "a  b"}), vec!["a", "b"]),
        (json!({"scp": "a b"}), vec!["a", "b"]),
        (json!({"scp": ["a", "b"]}), vec!["a", "b"]),
        (json!({"scope": 1}), vec![]),
        (json!({}), vec![]),
    ] {
        assert_eq!(scopes(claim.as_object().unwrap()), expected, "{claim}");
    }
    assert_eq!((bearer("bearer x"), bearer("Bearer  x"), bearer("x"), bearer("")), ("x", "x", "x", ""));
}

#[tokio::test]
async fn keys_come_from_an_address_or_from_where_the_issuer_says() {
    let directory = tempfile::tempdir().unwrap();
    let set = std::fs::read(keys(&directory)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let discovery = json!({"issuer": base, "jwks_uri": format!("{base}/keys")}).to_string();
    let server = crate::server::serve(listener, move |request, _| {
        let (status, body) = match request.uri().path() {
            "/pool/.well-known/openid-configuration" => (200, discovery.clone().into_bytes()),
            "/keys" => (200, set.clone()),
            "/nonsense" => (200, b"{}".to_vec()),
            _ => (404, Vec::new()),
        };
        let answer = http::Response::builder().status(status).body(http_body_util::Full::new(body.into()));
        async move { Some(answer.unwrap()) }
    });
    let _server = server.unwrap();
    for (issuer, jwks, expected) in [
        (format!("{base}/pool"), None, Ok(vec!["one"])),
        (format!("{base}/pool/"), None, Ok(vec!["one"])),
        (String::new(), Some(format!("{base}/keys")), Ok(vec!["one"])),
        (String::new(), Some(format!("{base}/nonsense")), Err("has no such JSON: missing field `keys`")),
        (String::new(), Some(format!("{base}/nowhere")), Err("/nowhere cannot be read: 404")),
        (format!("{base}/nobody"), None, Err("openid-configuration cannot be read: 404")),
    ] {
        let keys = Keys::new(&issuer, jwks.as_deref().map(Jwks::from), Clock::system());
        match (keys.current().await, expected) {
            (Ok(found), Ok(kids)) => assert_eq!(found.keys().collect::<Vec<_>>(), kids, "{issuer} {jwks:?}"),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (found, expected) => {
                panic!("{issuer} {jwks:?}: {:?} instead of {expected:?}", found.map(|keys| keys.len()))
            }
        }
    }
}
