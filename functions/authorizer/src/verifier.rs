//! The strict door to the `jsonwebtoken` crate, which on its own accepts more than an access token may be: tokens
//! without `iss` or `aud`, any `typ`, `crit` headers, `iat` in the future. (RFC 7515, RFC 7519, RFC 8725, RFC 9068.)

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use shared::clock::Timestamp;
use shared::identity::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_TYPE, Claims, Jwks};

/// A longer header value is not even looked at. In bytes.
const LONGEST: usize = 4096;
/// How far the clocks of issuer and verifier may differ, in seconds.
const LEEWAY: i64 = 5;

/// Why a token was refused: nothing that anybody is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal;

/// Verifies access tokens.
pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
    issuer: String,
    audience: String,
    validation: Validation,
}

/// Exactly these members, each once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl Verifier {
    /// Accepts tokens of this issuer for this audience, signed by one of these keys.
    pub fn new(jwks: &Jwks, issuer: String, audience: String) -> Verifier {
        let usable = jwks.keys.iter().filter(|key| key.kty == "EC" && key.crv == "P-256" && key.alg == "ES256");
        let keys = usable
            .filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ec_components(&key.x, &key.y).ok()?)))
            .collect();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are judged below, by the clock that the function was given.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Verifier { keys, issuer, audience, validation }
    }

    /// The claims of the token in an `Authorization` header's value.
    ///
    /// # Errors
    /// [`Refusal`] for anything that is not a good token of ours.
    pub fn verify(&self, authorization: &str, now: Timestamp) -> Result<Claims, Refusal> {
        if authorization.len() > LONGEST {
            return Err(Refusal);
        }
        let token = bearer(authorization).ok_or(Refusal)?;
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal);
        };
        let header: Header = json(header)?;
        let claims: Claims = json(claims)?;
        BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal)?;
        if header.alg != "ES256" || header.typ != ACCESS_TOKEN_TYPE {
            return Err(Refusal);
        }
        let key = self.keys.get(&header.kid).ok_or(Refusal)?;
        let verified = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| Refusal)?;
        if verified.claims != claims || claims.iss != self.issuer || claims.aud != self.audience {
            return Err(Refusal);
        }
        let now = now.as_secs();
        let lifetime = claims.exp.checked_sub(claims.iat).ok_or(Refusal)?;
        let timely = claims.iat.saturating_sub(LEEWAY) <= now && now < claims.exp.saturating_add(LEEWAY);
        if timely && (1..=ACCESS_TOKEN_SECONDS).contains(&lifetime) && !claims.jti.is_empty() {
            Ok(claims)
        } else {
            Err(Refusal)
        }
    }
}

/// The token of `Bearer <token>`, the scheme in any case (RFC 9110 §11.1), one space.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal)?;
    // serde would also read a struct from an array of its values.
    if !bytes.starts_with(b"{") {
        return Err(Refusal);
    }
    serde_json::from_slice(&bytes).map_err(|_| Refusal)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Signer;
    use p256::ecdsa::{Signature, SigningKey};
    use serde_json::{Value, json};
    use shared::identity::Jwk;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const USER: &str = "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn key() -> SigningKey {
        SigningKey::from_slice(&[7; 32]).expect("a key")
    }

    fn verifier() -> Verifier {
        let point = key().verifying_key().to_encoded_point(false);
        let encode = |bytes: Option<&[u8]>| BASE64_URL_SAFE_NO_PAD.encode(bytes.expect("a coordinate"));
        let jwk = Jwk {
            kty: "EC".into(),
            crv: "P-256".into(),
            x: encode(point.x().map(|x| &x[..])),
            y: encode(point.y().map(|y| &y[..])),
            kid: "k1".into(),
            usage: "sig".into(),
            alg: "ES256".into(),
        };
        Verifier::new(&Jwks { keys: vec![jwk] }, "urn:portico".into(), "portico".into())
    }

    fn sign(header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
        let signature: Signature = key().sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn header() -> Value {
        json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"})
    }

    fn claims() -> Value {
        json!({"iss": "urn:portico", "aud": "portico", "sub": USER, "iat": NOW, "exp": NOW + 900, "jti": "t1", "role": "customer"})
    }

    fn accepts(authorization: &str) -> bool {
        verifier().verify(authorization, Timestamp::from_millis(NOW * 1000)).is_ok()
    }

    #[test]
    fn a_token_of_ours_is_accepted_whatever_the_case_of_its_scheme() {
        let token = sign(&header().to_string(), &claims().to_string());
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert!(accepts(&format!("{scheme} {token}")));
        }
    }

    #[test]
    fn headers_other_than_exactly_ours_are_refused() {
        for (name, value) in [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("es256")),
            ("typ", json!("JWT")),
            ("kid", json!("k2")),
            ("kid", json!(1)),
            ("crit", json!(["exp"])),
            ("jwk", json!({})),
            ("jku", json!("https://evil.example")),
            ("x5u", json!("https://evil.example")),
        ] {
            let mut header = header();
            header[name] = value;
            assert!(!accepts(&format!("Bearer {}", sign(&header.to_string(), &claims().to_string()))), "{header}");
        }
        let twice = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1","kid":"k1"}"#;
        assert!(!accepts(&format!("Bearer {}", sign(twice, &claims().to_string()))));
    }

    #[test]
    fn claims_other_than_exactly_ours_are_refused() {
        for (name, value) in [
            ("iss", json!("urn:other")),
            ("iss", json!(["urn:portico"])),
            ("iss", json!(1)),
            ("aud", json!(["portico"])),
            ("aud", json!("other")),
            ("sub", json!("admin")),
            ("role", json!("owner")),
            ("iat", json!(NOW + 6)),
            ("iat", json!(NOW - 1)),
            ("exp", json!(NOW + 901)),
            ("exp", json!(NOW - 5)),
            ("exp", json!("soon")),
            ("exp", json!(1e300)),
            ("nbf", json!(NOW)),
            ("jti", json!("")),
        ] {
            let mut claims = claims();
            claims[name] = value;
            assert!(!accepts(&format!("Bearer {}", sign(&header().to_string(), &claims.to_string()))), "{claims}");
        }
        for name in ["iss", "aud", "sub", "iat", "exp", "jti", "role"] {
            let mut claims = claims();
            claims.as_object_mut().expect("an object").remove(name);
            assert!(
                !accepts(&format!("Bearer {}", sign(&header().to_string(), &claims.to_string()))),
                "without {name}"
            );
        }
    }

    #[test]
    fn damaged_and_foreign_tokens_are_refused() {
        let token = sign(&header().to_string(), &claims().to_string());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            token.clone(),
            format!("Basic {token}"),
            format!("Bearer  {token}"),
            format!("Bearer {token} "),
            format!("Bearer {token}."),
            format!("Bearer {signed}."),
            format!("Bearer {signed}"),
            format!("Bearer {signed}.{signature}="),
            format!("Bearer {signed}.{}", &signature[1..]),
            format!("Bearer {signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
            format!("Bearer ..{signature}"),
            format!("Bearer {}", "a".repeat(5000)),
        ] {
            assert!(!accepts(&wrong), "{wrong}");
        }
        for index in 0..signed.len() {
            let mut damaged = token.clone().into_bytes();
            damaged[index] = if damaged[index] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).expect("ASCII");
            assert!(damaged == token || !accepts(&format!("Bearer {damaged}")), "character {index}");
        }
    }
}
