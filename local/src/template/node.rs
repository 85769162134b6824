//! A template's YAML as a tree that knows its lines, with CloudFormation's functions recognised in both spellings
//! (`!Ref X` and `{Ref: X}`).

use super::document::{self, Remarks, Twice};

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// One sentence.
    pub message: String,
}

impl Fault {
    /// A fault at a line.
    pub fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// A value and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// What YAML and CloudFormation know. Scalars stay as they are written, but for `True` and its like,
/// which are `true`: CloudFormation reads `2.0` and `"2.0"` alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in its order; no key comes twice.
    Map(Vec<Entry>),
    /// A function by its short name (`Ref`, `Sub`, `GetAtt` …) and its argument.
    Call(String, Box<Node>),
    /// What only AWS knows, and why, in a sentence: an error where it is needed, and nothing where it is not.
    Unknown(String),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The key's line.
    pub line: usize,
    /// Its value.
    pub value: Node,
}

/// Every function that CloudFormation has; which of them are resolved here is for `resolve.rs` to say.
pub const FUNCTIONS: [&str; 26] = [
    "And",
    "Base64",
    "Cidr",
    "Condition",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Ref",
    "RefAll",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
    "ValueOf",
    "ValueOfAll",
];

impl Node {
    /// Reads the one document of a file, as CloudFormation itself does: no key comes twice, and none is merged.
    pub fn parse(source: &str) -> Result<Self, Fault> {
        let (root, Remarks { twice, merge }) = document::read(source)?;
        if let Some(line) = merge {
            return Err(Fault::new(line, "merge keys (`<<`) do not exist in CloudFormation; write the keys out."));
        }
        match twice.into_iter().next() {
            None => Ok(root),
            Some(Twice { line, key, .. }) => Err(Fault::new(line, format!("the key `{key}` comes twice."))),
        }
    }

    /// The entry of a mapping, or `None` where there is none or this is no mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The entries of a mapping. `what` names it in the error.
    pub fn map(&self, what: &str) -> Result<&[Entry], Fault> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            _ => Err(self.other(format!("{what} must be a mapping."))),
        }
    }

    /// The items of a list. `what` names it in the error.
    pub fn list(&self, what: &str) -> Result<&[Self], Fault> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.other(format!("{what} must be a list."))),
        }
    }

    /// A scalar. `what` names it in the error.
    pub fn text(&self, what: &str) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.other(format!("{what} must be a text or a number."))),
        }
    }

    /// `true` or `false`. `what` names it in the error.
    pub fn boolean(&self, what: &str) -> Result<bool, Fault> {
        match &self.value {
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.other(format!("{what} must be true or false."))),
        }
    }

    /// A whole number. `what` names it in the error.
    pub fn number(&self, what: &str) -> Result<u64, Fault> {
        let text = self.text(what)?;
        text.parse().map_err(|_| self.fault(format!("{what} must be a whole number, not `{text}`.")))
    }

    /// What is wrong with a value that is not what was asked for: for one that only AWS knows, just that.
    fn other(&self, expected: String) -> Fault {
        match &self.value {
            Value::Unknown(why) => self.fault(why),
            _ => self.fault(expected),
        }
    }

    /// Whether there is a function anywhere in it.
    pub fn calls(&self) -> bool {
        match &self.value {
            Value::Null | Value::Text(_) | Value::Unknown(_) => false,
            Value::List(items) => items.iter().any(Self::calls),
            Value::Map(entries) => entries.iter().any(|entry| entry.value.calls()),
            Value::Call(..) => true,
        }
    }

    /// A fault at this node's line.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.line, message)
    }
}

#[cfg(test)]
mod tests;
