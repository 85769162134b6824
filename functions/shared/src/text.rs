//! Text that people wrote: names, descriptions, address lines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;

/// 1 to `MAX` characters in normal form C, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Text<MAX>, String> {
        let normal: String = text.trim().nfc().collect();
        if normal.chars().any(char::is_control) {
            return Err("control characters are not allowed".to_owned());
        }
        if !(1..=MAX).contains(&normal.chars().count()) {
            return Err(format!("1 to {MAX} characters are needed"));
        }
        Ok(Text(normal))
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<MAX>, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_normalised_and_bounded() {
        assert_eq!("  Cafe\u{301} ".parse::<Text<4>>().map(|t| t.0), Ok("Café".to_owned()));
        for wrong in ["", "   ", "abcde", "a\nb", "a\u{0}"] {
            assert!(wrong.parse::<Text<4>>().is_err(), "{wrong:?}");
        }
    }
}
