//! The one door for access tokens. Of the `jsonwebtoken` crate only the signature check is used: its `decode` accepts
//! more than an access token may be (`crit` headers, any `typ`, any `iat`, claims of other shapes), so that everything
//! else about a token is judged here. (RFC 7515, RFC 7519, RFC 8725, RFC 9068.)

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use shared::clock::Timestamp;
use shared::identity::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_TYPE, Claims, Jwks};

/// A longer header value is not even looked at. In bytes.
const LONGEST: usize = 4096;
/// How far the clocks of issuer and verifier may differ, in seconds.
const LEEWAY: i64 = 5;
/// The length of a token's id: 128 bits in base32.
const TOKEN_ID: usize = 26;

/// Why a token was refused: nothing that anybody is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal;

/// Verifies access tokens.
pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
    issuer: String,
    audience: String,
}

/// Exactly these members, each once (RFC 8725 §3.1, §3.10: none that names or carries a key is ever followed).
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
        let usable = jwks.keys.iter().filter(|key| {
            (key.kty.as_str(), key.crv.as_str(), key.alg.as_str(), key.usage.as_str())
                == ("EC", "P-256", "ES256", "sig")
        });
        let keys = usable
            .filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ec_components(&key.x, &key.y).ok()?)))
            .collect();
        Verifier { keys, issuer, audience }
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
        // A fourth part would be in one of these three, of which none may have a dot.
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal)?;
        let header: Header = json(header)?;
        if header.alg != "ES256" || header.typ != ACCESS_TOKEN_TYPE {
            return Err(Refusal);
        }
        let key = self.keys.get(&header.kid).ok_or(Refusal)?;
        if !is_signed(signed.as_bytes(), signature, key) {
            return Err(Refusal);
        }
        let claims: Claims = json(claims)?;
        if self.accepts(&claims, now.as_secs()) { Ok(claims) } else { Err(Refusal) }
    }

    /// Whether claims that are ours hold at this time, in seconds since 1970.
    fn accepts(&self, claims: &Claims, now: i64) -> bool {
        let lifetime = claims.exp.checked_sub(claims.iat);
        claims.iss == self.issuer
            && claims.aud == self.audience
            && lifetime.is_some_and(|lifetime| (1..=ACCESS_TOKEN_SECONDS).contains(&lifetime))
            && claims.iat.saturating_sub(LEEWAY) <= now
            && now < claims.exp.saturating_add(LEEWAY)
            && is_token_id(&claims.jti)
    }
}

/// The token of `Bearer <token>`, the scheme in any case (RFC 9110 §11.1), one space.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Whether this is the key's signature of the text before the last dot (RFC 7515 §5.2, RFC 7518 §3.4). The algorithm is
/// a constant: what a token calls its own is only compared.
fn is_signed(signed: &[u8], signature: &str, key: &DecodingKey) -> bool {
    crypto::verify(signature, signed, key, Algorithm::ES256).unwrap_or(false)
}

/// Whether it looks like what users makes: `shared::ids::base32` of 16 bytes.
fn is_token_id(text: &str) -> bool {
    text.len() == TOKEN_ID && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

/// Reads an object from base64url without padding (RFC 7515 §2), of which only the canonical spelling is taken.
fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal)?;
    // serde would also read a struct from an array of its values.
    if !bytes.starts_with(b"{") {
        return Err(Refusal);
    }
    serde_json::from_slice(&bytes).map_err(|_| Refusal)
}

#[cfg(test)]
mod tests;
