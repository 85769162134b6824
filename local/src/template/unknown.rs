//! What a value is that only AWS can know: the result of a function, or a text with a dynamic reference, which
//! CloudFormation looks up last, so that every function before it sees it as it is written.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use std::fmt::Display;

use super::node::{Node, Value};
use super::scope::Scope;

impl Node {
    /// Why only AWS knows this value, in a sentence; `None` where it is known here.
    pub fn unknown(&self) -> Option<&str> {
        match &self.value {
            Value::Unknown(why) => Some(why),
            Value::Text(text) if text.contains("{{resolve:") => {
                Some("it is a dynamic reference, which one machine cannot look up.")
            }
            _ => None,
        }
    }
}

impl Scope {
    /// Whether only AWS knows this value, of which then is named what becomes of it here.
    pub fn is_unknown(&self, node: &Node, here: impl Display) -> bool {
        let Some(why) = node.unknown() else { return false };
        self.not_emulated(node.line, format!("{here}: {why}"));
        true
    }
}
