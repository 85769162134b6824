//! A forger who has everything: a good token, the public key, and for near misses the private one.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use local::keys::Keys;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::Value;
use sha2::Sha256;
use shared::identity::{Jwk, Jwks};

use crate::sessions::SignedIn;
use crate::shop::Shop;

/// What a forger has.
pub struct Forge {
    /// A good token of a customer's.
    pub good: String,
    /// Another good token of the same customer's.
    pub another: String,
    /// The refresh token of another session of that customer's, which is good.
    pub refresh: String,
    /// An access token of that customer's which was good until it expired.
    pub expired: String,
    /// The good token's header.
    pub header: Value,
    /// The good token's claims.
    pub claims: Value,
    /// When the good token was issued, in seconds since 1970.
    pub now: i64,
    /// The public key as it is published.
    pub jwk: Jwk,
    key: SigningKey,
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What base64url without padding stands for.
pub fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn private_key(keys: &Keys) -> SigningKey {
    let encoded = keys.a().strip_prefix("pkcs8:").expect("a key that is held");
    SigningKey::from_pkcs8_der(&decode(encoded)).expect("a P-256 key")
}

fn public_key(keys: &Keys) -> Jwk {
    let jwks: Jwks = keys.jwks().parse().expect("a key set");
    jwks.keys.into_iter().next().expect("a key")
}

impl Forge {
    /// The forger of this shop's tokens, whose clock goes on meanwhile.
    pub async fn of(shop: &Shop) -> Forge {
        let keys = &shop.inner().base().keys;
        let user = shop.user().await;
        let early = shop.session(&user).await.client;
        early.get("/users/me").await.is(200);
        shop.advance(Duration::from_secs(16 * 60));
        let expired = early.token.expect("a token");
        let good = shop.session(&user).await.client.token.expect("a token");
        let SignedIn { client, refresh } = shop.session(&user).await;
        let another = client.token.expect("a token");
        let part = |at: usize| serde_json::from_slice(&decode(good.split('.').nth(at).expect("a part")));
        let (header, claims): (Value, Value) = (part(0).expect("JSON"), part(1).expect("JSON"));
        let now = claims["iat"].as_i64().expect("a time");
        Forge { header, claims, now, jwk: public_key(keys), key: private_key(keys), good, another, refresh, expired }
    }

    /// A token of this header and these claims, well signed.
    pub fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.sign_text(&format!("{}.{}", encode(header), encode(claims)))
    }

    /// This text and its signature.
    pub fn sign_text(&self, signed: &str) -> String {
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }

    /// The good token with another header, well signed.
    pub fn header_with(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        self.sign(header.to_string(), self.claims.to_string())
    }

    /// The good token with other claims, well signed.
    pub fn claims_with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        self.sign(self.header.to_string(), claims.to_string())
    }

    /// The good token without a claim, well signed.
    pub fn claims_without(&self, name: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().expect("an object").remove(name);
        self.sign(self.header.to_string(), claims.to_string())
    }

    /// A token that lasts from one time to another, counted from now, well signed.
    pub fn lasting(&self, from: i64, to: i64) -> String {
        let mut claims = self.claims.clone();
        (claims["iat"], claims["exp"]) = ((self.now + from).into(), (self.now + to).into());
        self.sign(self.header.to_string(), claims.to_string())
    }

    /// What a forger wants to have signed: the good token's header with this algorithm, and the claims of an admin.
    pub fn wanted(&self, algorithm: Value) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        header["alg"] = algorithm;
        claims["role"] = "admin".into();
        format!("{}.{}", encode(header.to_string()), encode(claims.to_string()))
    }

    /// What a forger wants, as an HMAC with this secret would have it.
    pub fn hmac(&self, secret: &[u8]) -> String {
        let signed = self.wanted("HS256".into());
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key will do");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", encode(mac.finalize().into_bytes()))
    }

    /// What a forger wants, with these bytes for a signature.
    pub fn with_signature(&self, bytes: impl AsRef<[u8]>) -> String {
        format!("{}.{}", self.wanted("ES256".into()), encode(bytes))
    }

    /// The good token's three parts.
    pub fn parts(&self) -> [&str; 3] {
        let mut parts = self.good.split('.');
        [(); 3].map(|()| parts.next().expect("three parts"))
    }

    /// The good token's signature.
    pub fn signature(&self) -> Signature {
        Signature::from_slice(&decode(self.parts()[2])).expect("a signature")
    }

    /// The good token with the other of the two signatures that it has (r, n − s).
    pub fn malleated(&self) -> String {
        let (r, s) = self.signature().split_scalars();
        let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).expect("a signature");
        let [header, claims, _] = self.parts();
        format!("{header}.{claims}.{}", encode(other.to_bytes()))
    }

    /// The good claims as a deployment with these keys would sign them, under its own key's name or this one's.
    pub fn signed_by_another(&self, keys: &Keys, under_our_name: bool) -> String {
        let mut header = self.header.clone();
        if !under_our_name {
            header["kid"] = public_key(keys).kid.into();
        }
        let signed = format!("{}.{}", encode(header.to_string()), encode(self.claims.to_string()));
        let signature: Signature = private_key(keys).sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }

    /// The public key in every form that somebody may take for a secret.
    pub fn public_key_as_secrets(&self) -> Vec<(&'static str, Vec<u8>)> {
        let key = self.key.verifying_key();
        let pem = key.to_public_key_pem(LineEnding::LF).expect("a PEM");
        vec![
            ("in PEM", pem.clone().into_bytes()),
            ("in PEM without its last line end", pem.trim_end().as_bytes().to_vec()),
            ("in DER", key.to_public_key_der().expect("DER").as_bytes().to_vec()),
            ("as a JWK", serde_json::to_vec(&self.jwk).expect("JSON")),
            ("as a point", key.to_encoded_point(false).as_bytes().to_vec()),
            ("as a compressed point", key.to_encoded_point(true).as_bytes().to_vec()),
            ("as the bytes of x", decode(&self.jwk.x)),
            ("as the text of x", self.jwk.x.clone().into_bytes()),
            ("as the text of its kid", self.jwk.kid.clone().into_bytes()),
        ]
    }

    /// A key pair that the forger made, as a JWK with that name.
    pub fn own_key(&self, kid: &str) -> (SigningKey, Jwk) {
        let key = SigningKey::from_slice(&[9; 32]).expect("a key");
        let jwk = Jwk::es256(kid, key.verifying_key().to_encoded_point(false).as_bytes()).expect("a point");
        (key, jwk)
    }

    /// What a forger wants, with one more member in the header, signed with the forger's own key.
    pub fn self_signed(&self, name: &str, value: Value) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        header[name] = value;
        claims["role"] = "admin".into();
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature: Signature = self.own_key("").0.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }
}
