//! Secrets that somebody is handed and shows again later: 256 random bits as text. Only their hashes are stored, so that
//! whoever reads the table cannot use what is there.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ids;

/// A token's SHA-256 in base64url. A salt or a slow hash would add nothing: nobody guesses 256 random bits (NIST SP
/// 800-63B §5.1.2.2 asks for an approved one-way function from 112 bits on).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// Of any text, so that one which cannot be a token is as unknown as one that is not.
    fn of(text: &str) -> Hash {
        Hash(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new one.
            pub fn random() -> $name {
                $name(format!(concat!($prefix, "{}"), BASE64_URL_SAFE_NO_PAD.encode(ids::random::<32>())))
            }

            /// What is stored of it.
            pub fn hash(&self) -> Hash {
                Hash::of(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token!(
    /// What a session goes on with: `rt_` and 256 random bits, or whatever a client takes for one. Its `Debug` says
    /// nothing.
    RefreshToken, "rt_"
);
token!(
    /// What sets a new password without the old one: `rst_` and 256 random bits, or whatever a client takes for one. Its
    /// `Debug` says nothing.
    ResetToken, "rst_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_256_random_bits_and_say_nothing_of_themselves() {
        let (one, other) = (RefreshToken::random(), RefreshToken::random());
        assert_ne!(one.hash(), other.hash());
        let bits = BASE64_URL_SAFE_NO_PAD.decode(one.0.strip_prefix("rt_").expect("the prefix")).expect("base64url");
        assert_eq!(bits.len(), 32);
        assert_eq!(format!("{one:?} {:?}", ResetToken::random()), "RefreshToken(…) ResetToken(…)");
    }

    #[test]
    fn a_hash_is_sha_256() {
        // FIPS 180-4's example "abc".
        let digest: Vec<u8> = BASE64_URL_SAFE_NO_PAD.decode(Hash::of("abc").0).expect("base64url");
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!((digest[28..].to_vec(), digest.len()), (vec![0xf2, 0x00, 0x15, 0xad], 32));
    }
}
