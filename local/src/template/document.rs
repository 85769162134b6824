//! A template's text as a tree: what the YAML parser sees, put together without giving a scalar a type, but for `true` and
//! `false`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::bounds;
use super::node::{Entry, FUNCTIONS, Fault, Node, Value};

/// A key that a mapping has twice. The last one holds, as in the tools that templates are deployed with.
#[derive(Debug)]
pub struct Twice {
    /// The line of the one that holds.
    pub line: usize,
    /// The line of the other.
    pub before: usize,
    /// The key.
    pub key: String,
}

/// What templates are deployed with reads this as it is read here; other tools refuse it.
#[derive(Debug, Default)]
pub struct Remarks {
    /// The keys that a mapping has twice.
    pub twice: Vec<Twice>,
    /// The line of the first merge key (`<<`).
    pub merge: Option<usize>,
}

/// Reads the one document of a file.
pub fn read(source: &str) -> Result<(Node, Remarks), Fault> {
    bounds::check(source)?;
    let mut reader =
        Reader { parser: Parser::new_from_str(source), anchors: BTreeMap::new(), remarks: Remarks::default() };
    let mut document = None;
    while let Some((event, _)) = reader.next()? {
        if !matches!(event, Event::DocumentStart(_)) {
            continue;
        }
        let (event, span) = reader.some()?;
        if document.is_some() {
            let line = span.start.line();
            return Err(Fault::new(line, "a template is one YAML document, and here a second one begins."));
        }
        document = Some(reader.node(event, span)?);
    }
    let document = document.ok_or_else(|| Fault::new(1, "the template is empty."))?;
    Ok((only_in_json(document, false), reader.remarks))
}

/// The bounds have been checked, so this recurses, and an alias has its anchor before it.
struct Reader<'s> {
    parser: Parser<'s, StrInput<'s>>,
    anchors: BTreeMap<usize, Node>,
    remarks: Remarks,
}

impl<'s> Reader<'s> {
    fn next(&mut self) -> Result<Option<(Event<'s>, Span)>, Fault> {
        let fault = |error: ScanError| Fault::new(error.marker().line(), format!("{}.", error.info()));
        self.parser.next().transpose().map_err(fault)
    }

    fn some(&mut self) -> Result<(Event<'s>, Span), Fault> {
        self.next()?.ok_or_else(|| Fault::new(1, "the template ends in the middle."))
    }

    fn node(&mut self, event: Event<'s>, span: Span) -> Result<Node, Fault> {
        let at = span.start.line();
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                return known.ok_or_else(|| Fault::new(at, "this alias stands for nothing."));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let mut node = Node { line: at, value: scalar(&text, style) };
                if tag.is_none() && style == ScalarStyle::Plain && is_literal(&node) {
                    node = Node { line: at, value: Value::Call(LITERAL.to_owned(), Box::new(node)) };
                }
                (anchor, tagged(at, tag.as_ref(), node)?)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.some()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span)?),
                    }
                }
                (anchor, tagged(at, tag.as_ref(), Node { line: at, value: Value::List(items) })?)
            }
            Event::MappingStart(anchor, tag) => {
                let entries = self.entries()?;
                (anchor, tagged(at, tag.as_ref(), long_form(at, entries))?)
            }
            _ => return Err(Fault::new(at, "this YAML is not understood.")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = match self.some()? {
                (Event::MappingEnd, _) => break,
                other => other,
            };
            let line = span.start.line();
            if matches!(&event, Event::Scalar(key, ScalarStyle::Plain, ..) if key == "<<") {
                self.remarks.merge.get_or_insert(line);
                let (event, span) = self.some()?;
                merged.push(self.node(event, span)?);
                continue;
            }
            let Value::Text(key) = only_in_json(self.node(event, span)?, false).value else {
                return Err(Fault::new(line, "a key must be a plain text."));
            };
            let (event, span) = self.some()?;
            let entry = Entry { key, line, value: self.node(event, span)? };
            match places.get(&entry.key).and_then(|at| entries.get_mut(*at)) {
                Some(earlier) => {
                    self.remarks.twice.push(Twice { line, before: earlier.line, key: entry.key.clone() });
                    *earlier = entry;
                }
                None => {
                    places.insert(entry.key.clone(), entries.len());
                    entries.push(entry);
                }
            }
        }
        // What is written out comes before what is merged, and within a list the first mapping that has a key.
        for node in merged.into_iter().rev() {
            for entry in to_merge(node)? {
                if !places.contains_key(&entry.key) {
                    places.insert(entry.key.clone(), entries.len());
                    entries.push(entry);
                }
            }
        }
        Ok(entries)
    }
}

/// The entries under a merge key. <https://yaml.org/type/merge.html>
fn to_merge(node: Node) -> Result<Vec<Entry>, Fault> {
    let nodes = match node.value {
        Value::List(nodes) => nodes,
        _ => vec![node],
    };
    let mut all = Vec::new();
    for Node { line, value } in nodes {
        let Value::Map(entries) = value else {
            return Err(Fault::new(
                line,
                "a merge key (`<<`) takes a mapping, or a list of mappings, and no function.",
            ));
        };
        all.extend(entries);
    }
    Ok(all)
}

/// The name of a call, which no function has, of a number or truth value that becomes JSON as it is written. Anywhere else
/// it is a text.
pub const LITERAL: &str = "a literal";

fn is_literal(node: &Node) -> bool {
    let Value::Text(text) = &node.value else { return false };
    matches!(text.as_str(), "true" | "false") || text.parse::<serde_json::Number>().is_ok()
}

/// The tree with its literals only where they become JSON, and texts in place of the others. Only a whole document tells:
/// what stands in an anchor may become JSON at one alias and not at another.
fn only_in_json(node: Node, in_json: bool) -> Node {
    let value = match node.value {
        Value::Call(name, literal) if name == LITERAL && !in_json => return *literal,
        Value::Call(name, literal) if name == LITERAL => Value::Call(name, literal),
        Value::Call(name, argument) => {
            // The branches of a condition stand where it does.
            let within = name == "ToJsonString" || name == "If" && in_json;
            Value::Call(name, Box::new(only_in_json(*argument, within)))
        }
        Value::List(items) => Value::List(items.into_iter().map(|item| only_in_json(item, in_json)).collect()),
        Value::Map(entries) => {
            let one = |entry: Entry| Entry { value: only_in_json(entry.value, in_json), ..entry };
            Value::Map(entries.into_iter().map(one).collect())
        }
        Value::Null | Value::Text(_) | Value::Unknown(_) => node.value,
    };
    Node { line: node.line, value }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" if style == ScalarStyle::Plain => Value::Null,
        // Where a text is needed, the tools that deploy make this one of it.
        "True" | "TRUE" if style == ScalarStyle::Plain => Value::Text("true".to_owned()),
        "False" | "FALSE" if style == ScalarStyle::Plain => Value::Text("false".to_owned()),
        _ => Value::Text(text.to_owned()),
    }
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
