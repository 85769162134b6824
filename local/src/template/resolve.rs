//! CloudFormation's functions, resolved as far as one machine can know their results.

use base64::Engine;

use super::document::LITERAL;
use super::node::{Entry, Fault, Node, Value};
use super::scope::{REGION, Scope};

/// No sensible template nests deeper; one that refers to itself does.
pub(super) const MAX_DEPTH: usize = 64;
/// How much may be resolved in all: a value for each value and each byte of text that a function makes. References can
/// double what they refer to at each step, and a few dozen steps would be endless.
pub(super) const MAX_WORK: usize = 10_000_000;

impl Scope {
    /// A copy without functions; `None` where it is `AWS::NoValue`.
    pub fn resolve(&self, node: &Node) -> Result<Option<Node>, Fault> {
        if self.depth.get() > MAX_DEPTH {
            return Err(node.fault("this refers to itself."));
        }
        self.spend(node, 1)?;
        self.depth.set(self.depth.get() + 1);
        let resolved = self.resolve_deeper(node);
        self.depth.set(self.depth.get() - 1);
        resolved
    }

    fn resolve_deeper(&self, node: &Node) -> Result<Option<Node>, Fault> {
        let value = match &node.value {
            Value::Null | Value::Text(_) | Value::Unknown(_) => node.value.clone(),
            Value::List(items) => {
                let items = items.iter().filter_map(|item| self.resolve(item).transpose());
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let mut resolved = Vec::with_capacity(entries.len());
                for entry in entries {
                    if let Some(value) = self.resolve(&entry.value)? {
                        resolved.push(Entry { value, ..entry.clone() });
                    }
                }
                Value::Map(resolved)
            }
            Value::Call(name, argument) => {
                let made = self.call(node, name, argument)?;
                self.spend(node, made.as_ref().map_or(0, weight))?;
                return Ok(made);
            }
        };
        Ok(Some(Node { line: node.line, value }))
    }

    /// Counts what resolving costs, and refuses when it has cost too much.
    pub(super) fn spend(&self, node: &Node, work: usize) -> Result<(), Fault> {
        match self.work.get().checked_sub(work) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => Err(node.fault("references to references make this template too large to resolve.")),
        }
    }

    /// The branch that an `If` takes, and whatever else is no `If` as it is written; `None` where it is `AWS::NoValue`. So
    /// nothing is resolved that nobody reads.
    pub fn choose(&self, node: &Node) -> Result<Option<Node>, Fault> {
        let mut chosen = node;
        for _ in 0..MAX_DEPTH {
            match &chosen.value {
                Value::Call(name, argument) if name == "If" => chosen = self.branch(chosen, argument)?,
                Value::Call(..) => return self.resolve(chosen),
                _ => return Ok(Some(chosen.clone())),
            }
        }
        Err(node.fault("this refers to itself."))
    }

    pub(super) fn branch<'n>(&self, node: &Node, argument: &'n Node) -> Result<&'n Node, Fault> {
        let [condition, yes, no] = argument.list("If's argument")? else {
            return Err(node.fault("If takes a condition and two values."));
        };
        let holds = self.condition(node, condition.text("If's condition")?)?;
        Ok(if holds { yes } else { no })
    }

    fn call(&self, node: &Node, name: &str, argument: &Node) -> Result<Option<Node>, Fault> {
        let value = match self.result(node, name, argument) {
            Ok(value) => value,
            Err(Stop::Unknown(why)) => Some(Value::Unknown(why)),
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        Ok(value.map(|value| Node { line: node.line, value }))
    }

    fn result(&self, node: &Node, name: &str, argument: &Node) -> Result<Option<Value>, Stop> {
        let text = |text: String| Ok(Some(Value::Text(text)));
        match name {
            "Ref" => Ok(self.reference(node, argument.text("Ref's argument")?)?.map(|node| node.value)),
            "GetAtt" => {
                let (resource, attribute) = match &argument.value {
                    Value::Text(dotted) => match dotted.split_once('.') {
                        Some((resource, attribute)) => (resource.to_owned(), attribute.to_owned()),
                        None => return Err(node.fault(format!("`GetAtt {dotted}` names no attribute.")).into()),
                    },
                    _ => match argument.list("GetAtt's argument")? {
                        [resource, attribute] => {
                            (resource.text("the resource")?.to_owned(), self.known_text(attribute, "the attribute")?)
                        }
                        _ => return Err(node.fault("GetAtt takes a resource and an attribute.").into()),
                    },
                };
                Ok(Some(self.attribute(node, &resource, &attribute)?))
            }
            "Sub" => text(self.substitute(node, argument)?),
            "If" => Ok(self.resolve(self.branch(node, argument)?)?.map(|node| node.value)),
            "Join" => {
                let [separator, items] = argument.list("Join's argument")? else {
                    return Err(node.fault("Join takes a separator and a list.").into());
                };
                let items = self.known(items, "Join's list")?;
                let mut texts = Vec::new();
                for item in items.list("Join's list")? {
                    texts.push(text_of(item, "an item of Join's list")?);
                }
                let separator = separator.text("Join's separator")?;
                self.spend(node, separator.len().saturating_mul(texts.len()))?;
                text(texts.join(separator))
            }
            "Split" => {
                let [separator, source] = argument.list("Split's argument")? else {
                    return Err(node.fault("Split takes a separator and a text.").into());
                };
                let source = self.known_text(source, "Split's text")?;
                let part = |part: &str| Node { line: node.line, value: Value::Text(part.to_owned()) };
                Ok(Some(Value::List(source.split(separator.text("Split's separator")?).map(part).collect())))
            }
            "Select" => {
                let [index, items] = argument.list("Select's argument")? else {
                    return Err(node.fault("Select takes an index and a list.").into());
                };
                let index = self.known(index, "Select's index")?.number("Select's index")?;
                let items = self.known(items, "Select's list")?;
                let items = items.list("Select's list")?;
                let chosen = usize::try_from(index).ok().and_then(|index| items.get(index));
                let chosen = chosen.ok_or_else(|| node.fault(format!("the list has no item {index}.")))?;
                Ok(Some(chosen.value.clone()))
            }
            "FindInMap" => self.find(node, argument).map(Some),
            "Base64" => {
                text(base64::engine::general_purpose::STANDARD.encode(self.known_text(argument, "Base64's text")?))
            }
            "GetAZs" => {
                let region = self.known_text(argument, "GetAZs' region")?;
                let region = if region.is_empty() { REGION } else { &region };
                let zone = |zone: char| Node { line: node.line, value: Value::Text(format!("{region}{zone}")) };
                Ok(Some(Value::List(['a', 'b', 'c'].into_iter().map(zone).collect())))
            }
            "Length" => text(self.known(argument, "Length's list")?.list("Length's list")?.len().to_string()),
            "ToJsonString" => {
                let json = self.json(argument)?;
                text(json.ok_or_else(|| node.fault("ToJsonString's value has no value."))?)
            }
            LITERAL => Ok(Some(argument.value.clone())),
            "Transform" => self.included(node, argument).map(Some),
            "Equals" | "And" | "Or" | "Not" | "Condition" => text(self.test(node)?.to_string()),
            "ImportValue" => {
                Err(node.fault("another stack's exports are not known on one machine; make it a parameter.").into())
            }
            _ => Err(Stop::Unknown(format!(
                "the function `{name}` is not resolved on one machine; make its result a parameter."
            ))),
        }
    }

    fn find(&self, node: &Node, argument: &Node) -> Result<Value, Stop> {
        let (map, first, second, default) = match argument.list("FindInMap's argument")? {
            [map, first, second] => (map, first, second, None),
            [map, first, second, more] => (map, first, second, more.get("DefaultValue")),
            _ => return Err(node.fault("FindInMap takes a map and two keys.").into()),
        };
        let map = self.known_text(map, "the map")?;
        let (first, second) = (self.known_text(first, "the key")?, self.known_text(second, "the key")?);
        let named = self.mappings.get(&map);
        let inner = named.and_then(|map| map.get(&first));
        let missing = if inner.is_none() { &first } else { &second };
        match (inner.and_then(|inner| inner.get(&second)), default) {
            (Some(found), _) => Ok(found.value.clone()),
            (None, Some(default)) => Ok(self.known(default, "DefaultValue")?.value),
            // Who deploys elsewhere has no reason to list it.
            (None, None) if missing == REGION && named.is_some() => Err(Stop::Unknown(format!(
                "Mappings has no `{map}.{first}.{second}`, and the region is always {REGION} here."
            ))),
            (None, None) => Err(node.fault(format!("Mappings has no `{map}.{first}.{second}`.")).into()),
        }
    }

    /// A resolved node where a value is needed.
    pub fn value(&self, node: &Node, what: &str) -> Result<Node, Fault> {
        self.resolve(node)?.ok_or_else(|| node.fault(format!("{what} has no value.")))
    }

    /// A resolved node where a text is needed.
    pub(super) fn text(&self, node: &Node, what: &str) -> Result<String, Fault> {
        Ok(self.value(node, what)?.text(what)?.to_owned())
    }

    /// A resolved node that is known here.
    fn known(&self, node: &Node, what: &str) -> Result<Node, Stop> {
        let node = self.value(node, what)?;
        match node.value {
            Value::Unknown(why) => Err(Stop::Unknown(why)),
            _ => Ok(node),
        }
    }

    fn known_text(&self, node: &Node, what: &str) -> Result<String, Stop> {
        Ok(self.known(node, what)?.text(what)?.to_owned())
    }

    fn substitute(&self, node: &Node, argument: &Node) -> Result<String, Stop> {
        let (pattern, variables) = match &argument.value {
            Value::Text(pattern) => (pattern.as_str(), &[][..]),
            Value::List(parts) => match parts.as_slice() {
                [pattern] => (pattern.text("Sub's text")?, &[][..]),
                [pattern, variables] => (pattern.text("Sub's text")?, variables.map("Sub's variables")?),
                _ => return Err(node.fault("Sub takes a text, or a text and variables.").into()),
            },
            _ => return Err(node.fault("Sub takes a text, or a text and variables.").into()),
        };
        let mut text = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let (name, after) =
                after.split_once('}').ok_or_else(|| node.fault("a `${` in Sub's text has no closing brace."))?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                text.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let variable = variables.iter().find(|entry| entry.key == name);
            let value = match (variable, name.split_once('.')) {
                (Some(variable), _) => self.value(&variable.value, name)?,
                (None, Some((resource, attribute))) => {
                    Node { line: node.line, value: self.attribute(node, resource, attribute)? }
                }
                (None, None) => match self.reference(node, name)? {
                    Some(value) => value,
                    None => return Err(node.fault(format!("`{name}` has no value.")).into()),
                },
            };
            let value = text_of(&value, name)?;
            self.spend(node, value.len())?;
            text.push_str(value);
        }
        text.push_str(rest);
        Ok(text)
    }
}

/// Why a function has no result.
pub(super) enum Stop {
    /// The template is wrong.
    Fault(Fault),
    /// Only AWS knows it, and why, in a sentence.
    Unknown(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

fn text_of<'n>(node: &'n Node, what: &str) -> Result<&'n str, Stop> {
    match &node.value {
        Value::Unknown(why) => Err(Stop::Unknown(why.clone())),
        _ => Ok(node.text(what)?),
    }
}

/// How much a value is: its texts' bytes, and one for itself and each value in it.
pub(super) fn weight(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null => 0,
        Value::Text(text) | Value::Unknown(text) => text.len(),
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(entries) => entries.iter().map(|entry| entry.key.len() + weight(&entry.value)).sum(),
        Value::Call(_, argument) => weight(argument),
    }
}

#[cfg(test)]
mod tests;
