//! Signing access tokens, and the public keys that verify them. In AWS the private key is one of two KMS keys, which it
//! never leaves; on one machine it is a key that the function was given.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use serde::Serialize;
use shared::aws;
use shared::clock::Timestamp;
use shared::config::{self, Environment};
use shared::error::Error;
use shared::identity::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_TYPE, Claims, Jwk, Jwks, Role};
use shared::ids::{self, UserId};

/// Signs with one key, publishes all.
pub struct Signer {
    key: Key,
    kid: String,
    jwks: Jwks,
    issuer: String,
    audience: String,
}

enum Key {
    Kms { client: aws_sdk_kms::Client, id: String },
    Held(SigningKey),
}

/// The header of an access token, all of it.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

impl Signer {
    /// Reads `SIGNING_KEY`, which is `A` or `B`, the key of that name from `SIGNING_KEY_A` or `SIGNING_KEY_B`, and
    /// `JWKS`, `ISSUER` and `AUDIENCE`. A key is `kms:` and a KMS key's id, which is also its `kid`, or `pkcs8:` and the
    /// base64url of a P-256 key's PKCS#8 DER.
    ///
    /// # Errors
    /// One is missing or wrong, or the key's public half is not in `JWKS`: nobody would accept its tokens.
    pub fn read<F: Fn(&str) -> Option<String>>(
        environment: &Environment<F>,
        aws: &aws::Config,
    ) -> Result<Signer, config::Error> {
        let name = match environment.required("SIGNING_KEY")?.as_str() {
            "A" => "SIGNING_KEY_A",
            "B" => "SIGNING_KEY_B",
            _ => return Err(config::Error::new("SIGNING_KEY names no key: it is A or B")),
        };
        let jwks: Jwks = environment.parsed("JWKS")?;
        let value = environment.required(name)?;
        let (key, published) = match value.split_once(':') {
            Some(("kms", id)) => {
                let published = jwks.keys.iter().find(|key| key.kid == id);
                (Key::Kms { client: aws.kms(), id: id.to_owned() }, published)
            }
            Some(("pkcs8", encoded)) => {
                let key = held(encoded).ok_or_else(|| wrong(name))?;
                let point = key.verifying_key().to_encoded_point(false);
                let own = Jwk::es256("", point.as_bytes()).ok_or_else(|| wrong(name))?;
                (Key::Held(key), jwks.keys.iter().find(|key| (&key.x, &key.y) == (&own.x, &own.y)))
            }
            _ => return Err(wrong(name)),
        };
        let kid = published.map(|key| key.kid.clone());
        Ok(Signer {
            kid: kid
                .ok_or_else(|| config::Error::new(format!("JWKS lacks the public half of {name}: publish it first")))?,
            key,
            jwks,
            issuer: environment.required("ISSUER")?,
            audience: environment.required("AUDIENCE")?,
        })
    }

    /// Opens the connection to KMS, if that is where the key is: a dry run signs nothing.
    pub async fn touch(&self) {
        if let Key::Kms { client, id } = &self.key {
            // Its answer is always an error, which says that it was a dry run.
            let _ = sign(client, id, b"warm-up").dry_run(true).send().await;
        }
    }

    /// The keys that tokens of this shop verify with.
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// Who issues them: what their `iss` is.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for `user`: a JWS in compact form (RFC 7515 §3.1).
    ///
    /// # Errors
    /// KMS is throttled or gone, or refuses the key.
    pub async fn access_token(&self, user: UserId, role: Role, now: Timestamp) -> Result<String, Error> {
        let header = Header { alg: "ES256", typ: ACCESS_TOKEN_TYPE, kid: &self.kid };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            iat: now.as_secs(),
            exp: now.as_secs().saturating_add(ACCESS_TOKEN_SECONDS),
            jti: ids::base32(&ids::random::<16>()),
            role,
        };
        let mut token = format!("{}.{}", part(&header)?, part(&claims)?);
        let signature = match &self.key {
            Key::Held(key) => key.try_sign(token.as_bytes()).map_err(unusable)?,
            Key::Kms { client, id } => {
                let answer = sign(client, id, token.as_bytes()).send().await?;
                let der = answer.signature.ok_or_else(|| Error::Internal("KMS gave no signature".to_owned()))?;
                jws(der.as_ref())?
            }
        };
        token.push('.');
        token.push_str(&BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        Ok(token)
    }
}

fn held(encoded: &str) -> Option<SigningKey> {
    SigningKey::from_pkcs8_der(&BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

fn wrong(name: &str) -> config::Error {
    config::Error::new(format!(
        "{name} is neither kms: and a KMS key's id nor pkcs8: and the base64url of a P-256 key's PKCS#8 DER: correct it"
    ))
}

fn part(json: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(json).map_err(|error| Error::Internal(format!("a token's part: {error}")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

fn sign(
    client: &aws_sdk_kms::Client,
    key: &str,
    message: &[u8],
) -> aws_sdk_kms::operation::sign::builders::SignFluentBuilder {
    client
        .sign()
        .key_id(key)
        .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
        .message_type(MessageType::Raw)
        .message(Blob::new(message))
}

/// KMS signs in ASN.1 DER (RFC 3279 §2.2.3); a JWS has r and s side by side, 32 bytes each (RFC 7518 §3.4).
fn jws(der: &[u8]) -> Result<Signature, Error> {
    Signature::from_der(der).map_err(unusable)
}

fn unusable(error: p256::ecdsa::Error) -> Error {
    Error::Internal(format!("signing: {error}"))
}

#[cfg(test)]
mod tests {
    use p256::SecretKey;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;
    use p256::pkcs8::EncodePrivateKey;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Signer, config::Error> {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::new(move |key: &str| match key {
            "ISSUER" | "AUDIENCE" | "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => {
                Some("x".to_owned())
            }
            _ => variables.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()),
        });
        let aws = aws::Config::read(&environment)?;
        Signer::read(&environment, &aws)
    }

    fn key(byte: u8) -> (SecretKey, String, Jwk) {
        let secret = SecretKey::from_slice(&[byte; 32]).unwrap();
        let der = BASE64_URL_SAFE_NO_PAD.encode(secret.to_pkcs8_der().unwrap().as_bytes());
        let point = p256::EncodedPoint::from(secret.public_key());
        let public = Jwk::es256(format!("key-{byte}"), point.as_bytes()).unwrap();
        (secret, format!("pkcs8:{der}"), public)
    }

    fn jwks(keys: &[Jwk]) -> String {
        serde_json::to_string(&Jwks { keys: keys.to_vec() }).unwrap()
    }

    #[tokio::test]
    async fn the_named_key_signs() {
        let (a, held_a, public_a) = key(1);
        let (b, held_b, public_b) = key(2);
        let jwks = jwks(&[public_a, public_b]);
        for (name, secret, kid) in [("A", a, "key-1"), ("B", b, "key-2")] {
            let variables = [
                ("SIGNING_KEY", name),
                ("SIGNING_KEY_A", held_a.as_str()),
                ("SIGNING_KEY_B", held_b.as_str()),
                ("JWKS", jwks.as_str()),
            ];
            let signer = read(&variables).unwrap();
            let now = shared::clock::Clock::system().now();
            let token = signer.access_token(UserId::random(), Role::Customer, now).await.unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
            let signature = Signature::from_slice(&signature).unwrap();
            VerifyingKey::from(secret.public_key()).verify(signed.as_bytes(), &signature).unwrap();
            let header = BASE64_URL_SAFE_NO_PAD.decode(signed.split('.').next().unwrap()).unwrap();
            let header = String::from_utf8(header).unwrap();
            assert_eq!(header, format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#));
        }
    }

    #[test]
    fn a_key_that_is_not_published_does_not_sign() {
        let (_, held, public) = key(1);
        let (_, _, other) = key(2);
        let kms = "kms:1234abcd-12ab-34cd-56ef-1234567890ab";
        let published = Jwk { kid: kms["kms:".len()..].to_owned(), ..other.clone() };
        for (value, keys, expected) in [
            (held.as_str(), jwks(std::slice::from_ref(&public)), None),
            (held.as_str(), jwks(std::slice::from_ref(&other)), Some("JWKS lacks the public half of SIGNING_KEY_A")),
            (held.as_str(), r#"{"keys":[]}"#.to_owned(), Some("JWKS lacks the public half of SIGNING_KEY_A")),
            (kms, jwks(&[published]), None),
            (kms, jwks(&[public, other]), Some("JWKS lacks the public half of SIGNING_KEY_A")),
            ("pkcs8:bm8ga2V5", r#"{"keys":[]}"#.to_owned(), Some("SIGNING_KEY_A is neither kms:")),
            ("1234abcd", r#"{"keys":[]}"#.to_owned(), Some("SIGNING_KEY_A is neither kms:")),
        ] {
            let read = read(&[("SIGNING_KEY", "A"), ("SIGNING_KEY_A", value), ("JWKS", &keys)]);
            let error = read.err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(error, None, "{value}"),
                Some(start) => {
                    assert!(error.as_ref().is_some_and(|error| error.starts_with(start)), "{value}: {error:?}")
                }
            }
        }
        assert!(read(&[("SIGNING_KEY", "C"), ("JWKS", r#"{"keys":[]}"#)]).is_err());
    }

    #[test]
    fn a_signature_of_kms_becomes_that_of_a_jws() {
        // r = 1, s = 2^255 - 1: DER drops leading zeros of one, and needs none for the other.
        let mut der = vec![0x30, 0x25, 0x02, 0x01, 0x01, 0x02, 0x20, 0x7f];
        der.extend([0xff; 31]);
        let bytes = jws(&der).unwrap().to_bytes();
        assert_eq!((bytes[..31].to_vec(), bytes[31], bytes[32], bytes.len()), (vec![0; 31], 1, 0x7f, 64));
        for broken in [&der[..7], &[], &[0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x01]] {
            assert!(jws(broken).is_err(), "{broken:?}");
        }
    }
}
