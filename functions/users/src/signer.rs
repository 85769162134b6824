//! Signing access tokens, and the public keys that verify them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::DecodePrivateKey;
use shared::clock::Timestamp;
use shared::config::{self, Environment};
use shared::error::Error;
use shared::identity::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_TYPE, Claims, Jwks, Role};
use shared::ids::{self, UserId};

/// Signs with one key, publishes all.
pub struct Signer {
    key: EncodingKey,
    kid: String,
    jwks: Jwks,
    issuer: String,
    audience: String,
}

impl Signer {
    /// Reads `SIGNING_KEY` (base64url of a P-256 key's PKCS#8 DER), `JWKS`, `ISSUER` and `AUDIENCE`.
    ///
    /// # Errors
    /// One is missing or wrong, or the key's public half is not in `JWKS`.
    pub fn read<F: Fn(&str) -> Option<String>>(environment: &Environment<F>) -> Result<Signer, config::Error> {
        let encoded = environment
            .optional("SIGNING_KEY")
            .ok_or_else(|| config::Error::new("users has no signing key, so nobody could sign in: set SIGNING_KEY"))?;
        let wrong =
            |_| config::Error::new("SIGNING_KEY is not the base64url of a P-256 key's PKCS#8 DER: make a new one");
        let der = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| ()).map_err(wrong)?;
        let secret = SecretKey::from_pkcs8_der(&der).map_err(|_| ()).map_err(wrong)?;
        let jwks: Jwks = environment.parsed("JWKS")?;
        let point = secret.public_key().to_encoded_point(false);
        let coordinate =
            |bytes: Option<&p256::FieldBytes>| bytes.map(|b| BASE64_URL_SAFE_NO_PAD.encode(b)).unwrap_or_default();
        let (x, y) = (coordinate(point.x()), coordinate(point.y()));
        let kid = jwks.keys.iter().find(|key| key.x == x && key.y == y).map(|key| key.kid.clone());
        Ok(Signer {
            key: EncodingKey::from_ec_der(&der),
            kid: kid
                .ok_or_else(|| config::Error::new("JWKS lacks the public half of SIGNING_KEY: publish it first"))?,
            jwks,
            issuer: environment.required("ISSUER")?,
            audience: environment.required("AUDIENCE")?,
        })
    }

    /// The keys that tokens of this shop verify with.
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// An access token for `user`.
    ///
    /// # Errors
    /// The key cannot sign, which would be a bug.
    pub fn access_token(&self, user: UserId, role: Role, now: Timestamp) -> Result<String, Error> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            iat: now.as_secs(),
            exp: now.as_secs().saturating_add(ACCESS_TOKEN_SECONDS),
            jti: ids::base32(&ids::random::<16>()),
            role,
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|error| Error::Internal(format!("signing: {error}")))
    }
}
