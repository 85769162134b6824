//! Who is calling: the access token's claims, and what the authorizer tells the functions of them.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Role {
    /// Buys.
    Customer,
    /// Also keeps the catalogue and fulfils orders.
    Admin,
}

/// From a text and nothing else: serde would also read an enum from an object with one member, which is null.
impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(text: String) -> Result<Role, String> {
        match text.as_str() {
            "customer" => Ok(Role::Customer),
            "admin" => Ok(Role::Admin),
            _ => Err("not a role: it is customer or admin".to_owned()),
        }
    }
}

/// The claims of an access token, all of them and no others (RFC 9068 names them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The user's role when it was issued.
    pub role: Role,
}

/// How long an access token lives, in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 15 * 60;

/// The `typ` of an access token's header (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The caller of a protected route, as the authorizer's context says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The role.
    pub role: Role,
    /// The access token's id.
    pub token_id: String,
    /// When the access token ends, in seconds since 1970.
    pub expires_at: i64,
}

impl From<Claims> for Caller {
    fn from(claims: Claims) -> Caller {
        Caller { user_id: claims.sub, role: claims.role, token_id: claims.jti, expires_at: claims.exp }
    }
}

/// A JSON Web Key Set (RFC 7517 §5) of P-256 public keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl FromStr for Jwks {
    type Err = String;

    fn from_str(json: &str) -> Result<Jwks, String> {
        serde_json::from_str(json).map_err(|error| format!("not a JSON Web Key Set: {error}"))
    }
}

/// One P-256 public key (RFC 7518 §6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// The key's id: in AWS that of the KMS key, locally the RFC 7638 thumbprint.
    pub kid: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `ES256`.
    pub alg: String,
}

impl Jwk {
    /// The ES256 key `kid` of a public point on P-256 (SEC 1 §2.3.3, uncompressed: 4, x, y; 65 bytes); `None` if it
    /// does not look like one.
    pub fn es256(kid: impl Into<String>, point: &[u8]) -> Option<Jwk> {
        let (&4, coordinates) = point.split_first()? else { return None };
        let (x, y) = coordinates.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
        Some(Jwk {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: BASE64_URL_SAFE_NO_PAD.encode(x),
            y: BASE64_URL_SAFE_NO_PAD.encode(y),
            kid: kid.into(),
            usage: "sig".to_owned(),
            alg: "ES256".to_owned(),
        })
    }
}
