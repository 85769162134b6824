//! Passwords: Argon2id as PHC strings, in one buffer that is used again, so that memory stays flat. What may become one is
//! in `rules`.

use std::fmt;
use std::sync::Mutex;

use argon2::password_hash::{Ident, Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Deserializer};
use shared::error::Error;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use crate::account::Username;

mod common;
mod rules;

/// OWASP's first choice for Argon2id with little memory: 19 MiB, two passes, one lane. Where they rise, an account that
/// has not signed in since is told by the time that a wrong password takes, until it does: its hash is of before.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;

/// A hash of no password, with today's parameters: an unknown user costs what a wrong password costs.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cG9ydGljby1ub2JvZHktMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as a client sent it, in normal form KC; 1 to 256 code points. Its `Debug` says nothing.
pub struct Password(String);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Password, D::Error> {
        let normal: String = String::deserialize(deserializer)?.nfkc().collect();
        if (1..=256).contains(&normal.chars().count()) {
            Ok(Password(normal))
        } else {
            Err(serde::de::Error::custom("a password has 1 to 256 characters"))
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// A password that was not sent by a client.
    pub fn of_sample(text: &str) -> Password {
        Password(text.nfkc().collect())
    }

    /// Whether it may become the password of the user called `username`: the one door for new passwords. Login accepts any.
    ///
    /// # Errors
    /// It may not: the problem points at `pointer`, where the body has it, and says why.
    pub fn check_new(&self, username: &Username, pointer: &'static str) -> Result<(), Error> {
        match rules::fault(&self.0, &username.normalised()) {
            Some(why) => Err(Error::field(pointer, why)),
            None => Ok(()),
        }
    }
}

/// Hashes and verifies, one at a time.
pub struct Hasher {
    buffer: Mutex<Vec<Block>>,
}

impl Hasher {
    /// With an empty buffer, which the first hash fills.
    pub fn new() -> Hasher {
        Hasher { buffer: Mutex::new(Vec::new()) }
    }

    /// A new salted hash, as a PHC string.
    ///
    /// # Errors
    /// The parameters above are wrong, which would be a bug.
    pub fn hash(&self, password: &Password) -> Result<String, Error> {
        let salt = SaltString::encode_b64(&shared::ids::random::<16>()).map_err(internal)?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(internal)?;
        let output = self.derive(password, salt.as_salt(), &params)?;
        let hash = PasswordHash {
            algorithm: Ident::new_unwrap("argon2id"),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(internal)?,
            salt: Some(salt.as_salt()),
            hash: Some(Output::new(&output).map_err(internal)?),
        };
        Ok(hash.to_string())
    }

    /// Whether this is the password of `stored`; without one (an unknown user) the same work says no.
    ///
    /// # Errors
    /// What is stored is not a PHC string.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool, Error> {
        let hash = PasswordHash::new(stored.unwrap_or(NOBODY)).map_err(internal)?;
        let params = Params::try_from(&hash).map_err(internal)?;
        let salt = hash.salt.ok_or_else(|| Error::Internal("a hash without salt".to_owned()))?;
        let expected = hash.hash.ok_or_else(|| Error::Internal("a hash without output".to_owned()))?;
        let output = self.derive(password, salt, &params)?;
        let equal: bool = output.ct_eq(expected.as_bytes()).into();
        Ok(equal && stored.is_some())
    }

    /// Whether `stored` was made with less work than a hash costs today.
    pub fn is_outdated(&self, stored: &str) -> bool {
        let params = PasswordHash::new(stored).and_then(|hash| Params::try_from(&hash));
        params.is_ok_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES)
    }

    fn derive(&self, password: &Password, salt: Salt<'_>, params: &Params) -> Result<Vec<u8>, Error> {
        let mut bytes = [0; Salt::MAX_LENGTH];
        let salt = salt.decode_b64(&mut bytes).map_err(internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut output = vec![0; params.output_len().unwrap_or(HASH_BYTES)];
        // A hash that panicked half way leaves blocks that the next one overwrites anyway.
        let mut buffer = self.buffer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buffer.len() < params.block_count() {
            buffer.resize(params.block_count(), Block::default());
        }
        argon2
            .hash_password_into_with_memory(password.0.as_bytes(), salt, &mut output, &mut *buffer)
            .map_err(internal)?;
        Ok(output)
    }
}

fn internal(error: impl fmt::Display) -> Error {
    Error::Internal(format!("password hashing: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_own_password_in_any_normal_form() {
        let hasher = Hasher::new();
        let hash = hasher.hash(&Password::of_sample("caf\u{e9} con leche y mas")).expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let same = Password::of_sample("cafe\u{301} con leche y mas");
        assert!(hasher.verify(&same, Some(&hash)).expect("verified"));
        assert!(!hasher.verify(&Password::of_sample("cafe con leche y mas"), Some(&hash)).expect("verified"));
    }

    #[test]
    fn only_a_hash_of_less_work_is_outdated() {
        let hasher = Hasher::new();
        let hash = |m: u32, t: u32| format!("$argon2id$v=19$m={m},t={t},p=1$cG9ydGljby1ub2JvZHktMQ$AAAAAAAAAAAAAAAA");
        assert!(!hasher.is_outdated(NOBODY));
        assert!(!hasher.is_outdated(&hash(MEMORY_KIB * 2, PASSES)));
        assert!(hasher.is_outdated(&hash(MEMORY_KIB - 1, PASSES)));
        assert!(hasher.is_outdated(&hash(MEMORY_KIB * 2, PASSES - 1)));
    }

    #[test]
    fn an_unknown_user_costs_the_parameters_of_today_and_never_passes() {
        let hash = PasswordHash::new(NOBODY).expect("a PHC string");
        let params = Params::try_from(&hash).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert!(!Hasher::new().verify(&Password::of_sample("x"), None).expect("verified"));
    }
}
