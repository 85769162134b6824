//! JSON read without losing how it is written: the order of members, repeated ones, numbers, spaces.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of an object, in their order, each as often as it is there.
pub struct Members<'j>(pub Vec<(String, &'j RawValue)>);

impl Members<'_> {
    /// The first member that has this name, case aside.
    pub fn first(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.get())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// `json` with other text in place of some of its parts, which are given in their order.
pub fn spliced<'j>(json: &'j str, edits: impl Iterator<Item = (&'j str, String)>) -> Option<String> {
    let mut text = String::new();
    let mut copied = 0;
    for (part, masked) in edits {
        let start = part.as_ptr().addr() - json.as_ptr().addr();
        text.push_str(&json[copied..start]);
        text.push_str(&masked);
        copied = start + part.len();
    }
    (copied > 0).then(|| text + &json[copied..])
}

/// Whether this is JSON.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text as JSON has it.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
