//! Usernames and e-mail addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A username: 3 to 64 ASCII letters, digits, dots, hyphens and underscores. Two that differ in case only are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// The name as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that must be unique.
    pub fn normalised(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for Username {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Username, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if (3..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Username(text.to_owned()))
        } else {
            Err("a username is 3 to 64 letters, digits, dots, hyphens and underscores")
        }
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Username, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An e-mail address, as far as that can be told without sending to it: something, an `@`, a host; at most 254 bytes
/// (RFC 5321 §4.5.3.1.3). Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl FromStr for Email {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Email, Self::Err> {
        const WRONG: &str = "not an e-mail address";
        let (local, host) = text.rsplit_once('@').ok_or(WRONG)?;
        let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_control() || c.is_whitespace());
        let hostlike = host.split('.').all(|label| !label.is_empty());
        if text.len() <= 254 && plain(local) && plain(host) && hostlike && !local.contains('@') {
            Ok(Email(text.to_owned()))
        } else {
            Err(WRONG)
        }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_that_could_be_confused_are_refused() {
        for wrong in ["", "ab", "a b c", "anna\u{430}", "anna@home", &"a".repeat(65)] {
            assert!(wrong.parse::<Username>().is_err(), "{wrong:?}");
        }
        assert_eq!("Anna.B".parse().map(|name: Username| name.normalised()), Ok("anna.b".to_owned()));
    }

    #[test]
    fn texts_without_a_host_are_no_addresses() {
        for wrong in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@.b"] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong:?}");
        }
        assert!("anna@example.com".parse::<Email>().is_ok());
    }
}
