//! Identifiers: prefixed text, so that a log line or a support mail says what kind of thing is meant.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// RFC 4648 base32 in lower case, without padding.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    // The alphabet above is a constant; an encoding that cannot be made falls back to the upper-case one.
    specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

/// `bytes` as lower-case base32.
pub fn base32(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Failing means that the system has no entropy source at all: nothing a shop does is safe then.
    if getrandom::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The identifier's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<$name, String> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                if digits.len() == $digits && digits.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
                    Ok($name(text.to_owned()))
                } else {
                    Err(concat!("not an id of the form ", $prefix, "…").to_owned())
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A user: `usr_` and 128 random bits.
    UserId, "usr_", 26
);
id!(
    /// A session of a user: `ses_` and 128 random bits.
    SessionId, "ses_", 26
);
id!(
    /// A product: `prd_` and 128 bits.
    ProductId, "prd_", 26
);
id!(
    /// An order: `ord_` and the SHA-256 of who ordered under which idempotency key.
    OrderId, "ord_", 52
);
id!(
    /// A payment: `pay_` and its order's digest.
    PaymentId, "pay_", 52
);

impl UserId {
    /// A new user's id.
    pub fn random() -> UserId {
        UserId(format!("usr_{}", base32(&random::<16>())))
    }
}

impl SessionId {
    /// A new session's id.
    pub fn random() -> SessionId {
        SessionId(format!("ses_{}", base32(&random::<16>())))
    }
}

impl ProductId {
    /// A new product's id.
    pub fn random() -> ProductId {
        ProductId(format!("prd_{}", base32(&random::<16>())))
    }

    /// The id that a product of the sample catalogue always has.
    pub fn of_sample(name: &str) -> ProductId {
        ProductId(format!("prd_{}", base32(&Sha256::digest(name)[..16])))
    }
}

impl OrderId {
    /// The id of the order that `user` places under `key`. The order's own item is thereby the record that the key
    /// was used: a second put of the same id is the duplicate, and two users' equal keys are two orders.
    pub fn for_key(user: &UserId, key: &IdempotencyKey) -> OrderId {
        let digest = Sha256::new().chain_update(user.as_str()).chain_update([0]).chain_update(key.as_str()).finalize();
        OrderId(format!("ord_{}", base32(&digest)))
    }
}

impl PaymentId {
    /// The id of the one payment that `order` ever has.
    pub fn of_order(order: &OrderId) -> PaymentId {
        PaymentId(format!("pay_{}", order.as_str().trim_start_matches("ord_")))
    }
}

/// What a client sends to say "this is the same request again": 1–255 visible ASCII characters, quoted
/// (as draft-ietf-httpapi-idempotency-key-header has it) or bare.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key without its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A digest of the key, for a record that must not carry the key itself.
    pub fn digest(&self) -> String {
        base32(&Sha256::digest(&self.0)[..16])
    }
}

impl FromStr for IdempotencyKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<IdempotencyKey, Self::Err> {
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let key = quoted.unwrap_or(text);
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic() && (quoted.is_none() || byte != b'"'));
        if (1..=255).contains(&key.len()) && visible && (quoted.is_some() || !key.contains('"')) {
            Ok(IdempotencyKey(key.to_owned()))
        } else {
            Err("Idempotency-Key must be 1 to 255 visible ASCII characters, bare or in double quotes")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_depends_on_the_user_and_the_key() {
        let (anna, ben) = (UserId::random(), UserId::random());
        let key: IdempotencyKey = "k1".parse().expect("a key");
        let quoted: IdempotencyKey = "\"k1\"".parse().expect("a quoted key");
        assert_eq!(OrderId::for_key(&anna, &key), OrderId::for_key(&anna, &quoted));
        assert_ne!(OrderId::for_key(&anna, &key), OrderId::for_key(&ben, &key));
        assert_eq!(OrderId::for_key(&anna, &key).as_str().parse(), Ok(OrderId::for_key(&anna, &key)));
    }

    #[test]
    fn keys_that_are_empty_too_long_or_not_visible_ascii_are_refused() {
        for wrong in ["", "\"\"", "a b", "ä", "\"", "a\"b", "\"a\"b\"", &"k".repeat(256), "k\u{7f}"] {
            assert!(wrong.parse::<IdempotencyKey>().is_err(), "{wrong:?}");
        }
        assert!("k".repeat(255).parse::<IdempotencyKey>().is_ok());
    }

    #[test]
    fn ids_of_the_wrong_kind_or_shape_are_refused() {
        for wrong in ["", "usr_", "usr_ABC", "prd_aaaaaaaaaaaaaaaaaaaaaaaaaa", "usr_aaaaaaaaaaaaaaaaaaaaaaaaa1"] {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong:?}");
        }
    }
}
