//! The verifier against tokens that its own key signed, whatever they say; what is signed badly is in `vectors`, what
//! nobody thought of in `properties`.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use shared::identity::{Jwk, Role};

use super::*;

mod properties;
mod vectors;

const NOW: i64 = 1_800_000_000;
const USER: &str = "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa";
const TOKEN: &str = "bcdefghijklmnopqrstuvwxyz2";

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).expect("a key")
}

fn jwk(kid: &str) -> Jwk {
    Jwk::es256(kid, key().verifying_key().to_encoded_point(false).as_bytes()).expect("a point")
}

fn verifier_with(keys: Vec<Jwk>) -> Verifier {
    Verifier::new(&Jwks { keys }, "urn:portico".into(), "portico".into())
}

fn verifier() -> Verifier {
    verifier_with(vec![jwk("k1")])
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn sign(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature: Signature = key().sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature.to_bytes()))
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"})
}

fn claims() -> Value {
    json!({
        "iss": "urn:portico", "aud": "portico", "sub": USER, "iat": NOW, "exp": NOW + 900, "jti": TOKEN,
        "role": "customer",
    })
}

fn good() -> String {
    sign(header().to_string(), claims().to_string())
}

fn verify(authorization: &str) -> Result<Claims, Refusal> {
    verifier().verify(authorization, Timestamp::from_millis(NOW * 1000))
}

fn accepts(authorization: &str) -> bool {
    verify(authorization).is_ok()
}

/// Whether a well-signed token with this text for its claims is accepted.
fn accepts_claims(claims: impl AsRef<[u8]>) -> bool {
    accepts(&format!("Bearer {}", sign(header().to_string(), claims)))
}

/// Whether a well-signed token with this text for its header is accepted.
fn accepts_header(header: impl AsRef<[u8]>) -> bool {
    accepts(&format!("Bearer {}", sign(header, claims().to_string())))
}

#[test]
fn a_token_of_ours_is_accepted_whatever_the_case_of_its_scheme() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let claims = verify(&format!("{scheme} {}", good())).expect("accepted");
        assert_eq!((claims.sub.as_str(), claims.role, claims.jti.as_str()), (USER, Role::Customer, TOKEN));
    }
}

#[test]
fn headers_other_than_exactly_ours_are_refused() {
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("alg", json!("es256")),
        ("alg", json!("")),
        ("alg", json!(["ES256"])),
        ("alg", json!({"ES256": null})),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("AT+JWT")),
        ("typ", json!("application/at+jwt")),
        ("typ", json!("")),
        ("kid", json!("k2")),
        ("kid", json!("K1")),
        ("kid", json!("")),
        ("kid", json!(1)),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("jwk", json!({})),
        ("jku", json!("https://evil.example")),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!([])),
        ("x5t", json!("")),
    ] {
        let mut header = header();
        header[name] = value;
        assert!(!accepts_header(header.to_string()), "{header}");
    }
    for name in ["alg", "typ", "kid"] {
        let mut header = header();
        header.as_object_mut().expect("an object").remove(name);
        assert!(!accepts_header(header.to_string()), "without {name}");
    }
}

#[test]
fn claims_other_than_exactly_ours_are_refused() {
    for (name, value) in [
        ("iss", json!("urn:other")),
        ("iss", json!("")),
        ("iss", json!(["urn:portico"])),
        ("iss", json!(1)),
        ("iss", Value::Null),
        ("aud", json!(["portico"])),
        ("aud", json!("other")),
        ("aud", json!("Portico")),
        ("aud", json!("")),
        ("sub", json!("admin")),
        ("sub", json!("")),
        ("sub", json!("usr_")),
        ("sub", json!("usr_AAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("sub", json!("prd_aaaaaaaaaaaaaaaaaaaaaaaaaa")),
        ("sub", json!("usr_aaaaaaaaaaaaaaaaaaaaaaaaa\u{0}")),
        ("role", json!("owner")),
        ("role", json!("Admin")),
        ("role", json!("")),
        ("role", json!(["admin"])),
        ("role", json!({"admin": null})),
        ("role", json!(1)),
        ("iat", json!("1800000000")),
        ("iat", Value::Null),
        ("exp", json!("soon")),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(i64::MIN)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(-1)),
        ("nbf", json!(NOW)),
        ("scope", json!("admin")),
        ("jti", json!("")),
        ("jti", json!("t1")),
        ("jti", json!(TOKEN.to_uppercase())),
        ("jti", json!(format!("{TOKEN}a"))),
        ("jti", json!("../../../../../../../../..")),
    ] {
        let mut claims = claims();
        claims[name] = value;
        assert!(!accepts_claims(claims.to_string()), "{claims}");
    }
    for name in ["iss", "aud", "sub", "iat", "exp", "jti", "role"] {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        assert!(!accepts_claims(claims.to_string()), "without {name}");
    }
}

#[test]
fn a_token_holds_from_its_issue_to_its_end_with_five_seconds_to_spare() {
    for (issued, ends, holds) in [
        (NOW, NOW + 900, true),
        (NOW + 5, NOW + 905, true),
        (NOW + 6, NOW + 906, false),
        (NOW - 904, NOW - 4, true),
        (NOW - 905, NOW - 5, false),
        (NOW, NOW + 901, false),
        (NOW - 1, NOW + 900, false),
        (NOW, NOW + 1, true),
        (NOW, NOW, false),
        (NOW, NOW - 1, false),
        (0, NOW + 1, false),
        (i64::MIN, i64::MAX, false),
        (i64::MAX, i64::MIN, false),
    ] {
        let mut claims = claims();
        (claims["iat"], claims["exp"]) = (json!(issued), json!(ends));
        assert_eq!(accepts_claims(claims.to_string()), holds, "{issued} to {ends}");
    }
}

#[test]
fn a_time_is_a_whole_number_written_as_one() {
    let (claims, end) = (claims().to_string(), (NOW + 900).to_string());
    assert!(claims.contains(&end) && accepts_claims(&claims));
    for wrong in ["1800000900.0", "18000009e2", "1.8000009e9", "-0", "9e2", "01800000900", "+1800000900", "1e999"] {
        assert!(!accepts_claims(claims.replace(&end, wrong)), "{wrong}");
    }
}

#[test]
fn a_member_that_comes_twice_is_refused_even_with_the_same_value() {
    for (text, is_header) in [(header().to_string(), true), (claims().to_string(), false)] {
        let members: serde_json::Map<String, Value> = serde_json::from_str(&text).expect("an object");
        for (name, value) in members {
            let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
            for name in [name.as_str(), &escaped] {
                let twice = format!("{},\"{name}\":{value}}}", text.trim_end_matches('}'));
                assert!(!if is_header { accepts_header(&twice) } else { accepts_claims(&twice) }, "{twice}");
            }
        }
    }
}

#[test]
fn parts_that_are_not_one_plain_json_object_are_refused() {
    let good = claims().to_string();
    let values: Vec<Value> = claims().as_object().expect("an object").values().cloned().collect();
    let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
    for wrong in [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        Value::from(values).to_string(),
        format!("\u{feff}{good}"),
        format!(" {good}"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}\0"),
        format!("{}/**/}}", good.trim_end_matches('}')),
        format!("{},}}", good.trim_end_matches('}')),
        good.replace('"', "'"),
        good.replace("\"customer\"", "NaN"),
        good.replace("\"customer\"", "\"customer"),
        deep,
        "[".repeat(1000),
    ] {
        assert!(!accepts_claims(&wrong), "{wrong}");
        assert!(!accepts_header(&wrong), "{wrong}");
    }
    let invalid = [good.trim_end_matches("\"}").as_bytes(), b"\xff\"}"].concat();
    assert!(!accepts_claims(invalid));
}

#[test]
fn damaged_tokens_are_refused() {
    let token = good();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let (header, claims) = signed.split_once('.').expect("three parts");
    for wrong in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer .".to_owned(),
        "Bearer ..".to_owned(),
        "Bearer ...".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!(" Bearer {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer {token} "),
        format!("Bearer {token}\n"),
        format!("Bearer {token}."),
        format!("Bearer .{token}"),
        format!("Bearer {signed}."),
        format!("Bearer {signed}"),
        format!("Bearer {header}..{claims}.{signature}"),
        format!("Bearer {header}..{signature}"),
        format!("Bearer {header}=.{claims}.{signature}"),
        format!("Bearer {signed}.{signature}="),
        format!("Bearer {signed}.{signature}=="),
        format!("Bearer {signed}.{}", &signature[1..]),
        format!("Bearer {signed}.{}", &signature[..85]),
        format!("Bearer {signed}.{signature}AA"),
        format!("Bearer ..{signature}"),
        format!("Bearer {}", "a".repeat(5000)),
    ] {
        assert!(!accepts(&wrong), "{wrong}");
    }
}

#[test]
fn base64_is_taken_in_one_spelling_only() {
    // The last character of 64 bytes has four bits to spare.
    let token = good();
    let (rest, last) = token.split_at(token.len() - 1);
    assert!("AQgw".contains(last));
    for other in "BCDEFGHIJKLMNOPRSTUVWXYZabcdefhijklmnopqrstuvxyz0123456789-_".chars() {
        assert!(!accepts(&format!("Bearer {rest}{other}")), "{other}");
    }
    // Header and claims of three lengths, of which two have bits to spare.
    let mut tried = 0;
    for spaces in ["", " ", "  "] {
        let parts = [encode(format!("{}{spaces}", header())), encode(format!("{}{spaces}", claims()))];
        for part in 0..2 {
            if parts[part].len() % 4 == 0 {
                continue;
            }
            let mut parts = parts.clone();
            parts[part] = bumped(&parts[part]);
            let signed = parts.join(".");
            let signature: Signature = key().sign(signed.as_bytes());
            assert!(!accepts(&format!("Bearer {signed}.{}", encode(signature.to_bytes()))), "{signed}");
            tried += 1;
        }
    }
    assert_eq!(tried, 4);
}

/// The same bytes in a spelling that is not the canonical one, of text that has bits to spare.
fn bumped(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = text.as_bytes().to_vec();
    let last = text.pop().expect("a character");
    let at = ALPHABET.iter().position(|known| *known == last).expect("base64url");
    text.push(ALPHABET[at ^ 1]);
    String::from_utf8(text).expect("ASCII")
}

#[test]
fn a_header_of_four_kilobytes_is_read_and_a_longer_one_is_not() {
    // JSON may end with white space, so that a token can have nearly any length.
    let spaces =
        |count: usize| format!("Bearer {}", sign(header().to_string(), format!("{}{}", claims(), " ".repeat(count))));
    // Three bytes are four characters.
    let count = (LONGEST - spaces(0).len()) / 4 * 3;
    assert!((LONGEST - 4..=LONGEST).contains(&spaces(count).len()) && accepts(&spaces(count)));
    assert!((LONGEST + 1..LONGEST + 9).contains(&spaces(count + 6).len()) && !accepts(&spaces(count + 6)));
}

#[test]
fn only_keys_for_es256_signatures_verify_anything() {
    let token = format!("Bearer {}", good());
    let accepts = |jwk: Jwk| verifier_with(vec![jwk]).verify(&token, Timestamp::from_millis(NOW * 1000)).is_ok();
    assert!(accepts(jwk("k1")));
    // 5 is no x of a point that has this y.
    let off_curve = encode([[0; 31].as_slice(), &[5]].concat());
    for wrong in [
        jwk("k2"),
        jwk(""),
        Jwk { kty: "RSA".into(), ..jwk("k1") },
        Jwk { crv: "P-384".into(), ..jwk("k1") },
        Jwk { alg: "HS256".into(), ..jwk("k1") },
        Jwk { usage: "enc".into(), ..jwk("k1") },
        Jwk { x: jwk("k1").y, y: jwk("k1").x, ..jwk("k1") },
        Jwk { x: off_curve, ..jwk("k1") },
        Jwk { x: String::new(), ..jwk("k1") },
        Jwk { y: "no base64".into(), ..jwk("k1") },
    ] {
        let shown = format!("{wrong:?}");
        assert!(!accepts(wrong), "{shown}");
    }
    assert!(verifier_with(Vec::new()).verify(&token, Timestamp::from_millis(NOW * 1000)).is_err());
}
