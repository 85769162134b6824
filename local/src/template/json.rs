//! `Fn::ToJsonString`: a value as JSON, in the template's order.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ToJsonString.html>

use super::document::LITERAL;
use super::node::{Node, Value};
use super::resolve::Stop;
use super::scope::Scope;

impl Scope {
    /// A value as JSON; `None` where it is `AWS::NoValue`. A number that stands there stays one, and what a function gives is
    /// a text, as parameters are.
    pub(super) fn json(&self, node: &Node) -> Result<Option<String>, Stop> {
        self.spend(node, 1)?;
        Ok(Some(match &node.value {
            Value::Null => "null".to_owned(),
            Value::Text(text) => quoted(text),
            Value::List(items) => {
                let items = items.iter().filter_map(|item| self.json(item).transpose());
                format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(","))
            }
            Value::Map(entries) => {
                let mut members = Vec::with_capacity(entries.len());
                for entry in entries {
                    if let Some(value) = self.json(&entry.value)? {
                        members.push(format!("{}:{value}", quoted(&entry.key)));
                    }
                }
                format!("{{{}}}", members.join(","))
            }
            Value::Call(name, literal) if name == LITERAL => literal.text("a literal")?.to_owned(),
            Value::Call(name, argument) if name == "If" => return self.json(self.branch(node, argument)?),
            Value::Call(..) => match self.resolve(node)? {
                Some(made) => return self.json(&made),
                None => return Ok(None),
            },
            Value::Unknown(why) => return Err(Stop::Unknown(why.clone())),
        }))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
