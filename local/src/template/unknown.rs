//! What a value is that only AWS can know: the result of a function, or a text with a dynamic reference, which
//! CloudFormation looks up last, so that every function before it sees it as it is written.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use super::node::{Node, Value};

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
