//! What the targets share: a key, a verifier that knows it, and a reading of JSON that loses nothing.

use authorizer::Verifier;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use shared::clock::Timestamp;
use shared::identity::{Jwk, Jwks};

/// The time that every target has.
pub const NOW: i64 = 1_800_000_000;
/// Who issues tokens here.
pub const ISSUER: &str = "urn:portico:fuzz";
/// Whom they are for.
pub const AUDIENCE: &str = "portico";
/// The name of the key.
pub const KID: &str = "k1";

/// The time that every target has.
pub fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

/// A key of no worth.
pub fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).expect("a key")
}

/// A verifier of what [`sign`] signs.
pub fn verifier() -> Verifier {
    let point = key().verifying_key().to_encoded_point(false);
    let jwk = Jwk::es256(KID, point.as_bytes()).expect("a point");
    Verifier::new(&Jwks { keys: vec![jwk] }, ISSUER.to_owned(), AUDIENCE.to_owned())
}

/// A token of this header and these claims, whatever they are.
pub fn sign(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature: Signature = key().sign(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// An object's members as they stand there: in their order, also those that come twice.
pub struct Members(pub Vec<(String, Value)>);

impl Members {
    /// Reads an object that begins with the first byte.
    pub fn of(json: &[u8]) -> Option<Members> {
        if json.first() == Some(&b'{') { serde_json::from_slice(json).ok() } else { None }
    }

    /// Whether these are its members' names, each once.
    pub fn are(&self, names: &[&str]) -> bool {
        self.0.len() == names.len() && names.iter().all(|name| self.value(name).is_some())
    }

    /// A member's value.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A member's value, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// A member's value, if it is a whole number that was written as one.
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.value(name)?.as_i64()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}
