//! A template's YAML as a tree that knows its lines, with CloudFormation's functions recognised in both spellings
//! (`!Ref X` and `{Ref: X}`).

use std::borrow::Cow;
use std::collections::HashSet;

use saphyr::{MarkedYaml, Scalar, ScalarStyle, Tag, YamlData, YamlLoader};
use saphyr_parser::Parser;

use super::bounds;

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

/// What YAML and CloudFormation know. Scalars stay as they are written: CloudFormation reads `2.0` and `"2.0"` alike.
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
const FUNCTIONS: [&str; 20] = [
    "And",
    "Base64",
    "Cidr",
    "Condition",
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
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

impl Node {
    /// Reads the one document of a file.
    pub fn parse(source: &str) -> Result<Self, Fault> {
        bounds::check(source)?;
        let scan = |error: &saphyr::ScanError| {
            let line = error.marker().line();
            let written = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            match (error.info(), written.split_once(':')) {
                ("duplicated key in mapping", Some((key, _))) => {
                    Fault::new(line, format!("the key `{}` comes twice.", key.trim()))
                }
                (info, _) => Fault::new(line, format!("{info}.")),
            }
        };
        let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
        // Scalars stay text, so `0123` keeps its zero.
        loader.early_parse(false);
        let mut parser = Parser::new_from_str(source);
        parser.load(&mut loader, true).map_err(|error| scan(&error))?;
        if let Some(error) = loader.error() {
            return Err(scan(error));
        }
        let mut documents = loader.into_documents().into_iter();
        let (first, second) = (documents.next(), documents.next());
        if let Some(second) = second {
            return Err(Fault::new(line(&second), "a template is one YAML document, and here a second one begins."));
        }
        first.map_or_else(|| Err(Fault::new(1, "the template is empty.")), |document| convert(&document))
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

    /// A fault at this node's line.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.line, message)
    }
}

fn line(yaml: &MarkedYaml<'_>) -> usize {
    yaml.span.start.line()
}

fn convert(yaml: &MarkedYaml<'_>) -> Result<Node, Fault> {
    let at = line(yaml);
    let value = match &yaml.data {
        YamlData::Representation(text, style, tag) => {
            let plain = scalar(text, *style);
            return tagged(at, tag.as_ref(), Node { line: at, value: plain });
        }
        YamlData::Tagged(tag, inner) => {
            let mut inner = convert(inner)?;
            inner.line = at;
            return tagged(at, Some(tag), inner);
        }
        YamlData::Sequence(items) => Value::List(items.iter().map(convert).collect::<Result<_, _>>()?),
        YamlData::Mapping(pairs) => {
            let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
            let mut names = HashSet::with_capacity(pairs.len());
            for (key, value) in pairs {
                let entry = entry(key, value)?;
                if !names.insert(entry.key.clone()) {
                    return Err(Fault::new(entry.line, format!("the key `{}` comes twice.", entry.key)));
                }
                entries.push(entry);
            }
            return Ok(long_form(at, entries));
        }
        YamlData::Value(Scalar::Null) | YamlData::BadValue => Value::Null,
        YamlData::Value(_) | YamlData::Alias(_) => return Err(Fault::new(at, "this YAML is not understood.")),
    };
    Ok(Node { line: at, value })
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" if style == ScalarStyle::Plain => Value::Null,
        _ => Value::Text(text.to_owned()),
    }
}

fn entry(key: &MarkedYaml<'_>, value: &MarkedYaml<'_>) -> Result<Entry, Fault> {
    let at = line(key);
    let Value::Text(name) = convert(key)?.value else {
        return Err(Fault::new(at, "a key must be a plain text."));
    };
    if name == "<<" {
        // CloudFormation itself refuses it, whatever a YAML library makes of it.
        return Err(Fault::new(at, "merge keys (`<<`) do not exist in CloudFormation; write the keys out."));
    }
    Ok(Entry { key: name, line: at, value: convert(value)? })
}

/// `!Name argument`
fn tagged(at: usize, tag: Option<&Cow<'_, Tag>>, argument: Node) -> Result<Node, Fault> {
    let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else { return Ok(argument) };
    let name = tag.suffix.as_str();
    if tag.handle != "!" || !FUNCTIONS.contains(&name) {
        return Err(Fault::new(at, format!("there is no function `{}{name}`.", tag.handle)));
    }
    // The short form of GetAtt is `A.B`, the long one `[A, B]`.
    let argument = match (&argument.value, name) {
        (Value::Text(text), "GetAtt") => {
            let part = |text: &str| Node { line: at, value: Value::Text(text.to_owned()) };
            let (resource, attribute) =
                text.split_once('.').ok_or_else(|| Fault::new(at, format!("`!GetAtt {text}` names no attribute.")))?;
            Node { line: at, value: Value::List(vec![part(resource), part(attribute)]) }
        }
        _ => argument,
    };
    Ok(Node { line: at, value: Value::Call(name.to_owned(), Box::new(argument)) })
}

/// `{Ref: X}` and `{Fn::Name: argument}`; any other mapping stays one. An unknown `Fn::` stays one too: it may stand
/// where nobody looks, and where somebody does, it is an unknown property.
fn long_form(at: usize, mut entries: Vec<Entry>) -> Node {
    if let [only] = entries.as_slice() {
        let name = match only.key.as_str() {
            "Ref" => Some("Ref"),
            key => key.strip_prefix("Fn::").filter(|name| FUNCTIONS.contains(name)),
        };
        if let Some(name) = name.map(str::to_owned)
            && let Some(only) = entries.pop()
        {
            return Node { line: at, value: Value::Call(name, Box::new(only.value)) };
        }
    }
    Node { line: at, value: Value::Map(entries) }
}

#[cfg(test)]
mod tests;
