//! `Fn::ForEach`, which stands in place of a key: the entries under it once for each item of a list.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>

use std::collections::HashSet;

use super::node::{Entry, Fault, Node, Value};
use super::resolve::MAX_WORK;
use super::scope::Scope;

/// What a key begins with under which entries repeat.
pub const KEY: &str = "Fn::ForEach::";

/// What a value costs that a loop makes: so that there are no more of them than a template may have without loops.
const COST: usize = MAX_WORK / 100_000;

/// A copy in which every loop is written out.
pub fn expand(scope: &Scope, node: &Node) -> Result<Node, Fault> {
    let value = match &node.value {
        Value::Null | Value::Text(_) | Value::Unknown(_) => node.value.clone(),
        Value::List(items) => Value::List(items.iter().map(|item| expand(scope, item)).collect::<Result<_, _>>()?),
        Value::Call(name, argument) => Value::Call(name.clone(), Box::new(expand(scope, argument)?)),
        Value::Map(entries) => {
            let (mut all, mut names) = (Vec::with_capacity(entries.len()), HashSet::with_capacity(entries.len()));
            for entry in entries {
                let more = match entry.key.starts_with(KEY) {
                    true => repeat(scope, entry)?,
                    false => vec![Entry { value: expand(scope, &entry.value)?, ..entry.clone() }],
                };
                for one in more {
                    if !names.insert(one.key.clone()) {
                        return Err(Fault::new(one.line, format!("the key `{}` comes twice.", one.key)));
                    }
                    all.push(one);
                }
            }
            Value::Map(all)
        }
    };
    Ok(Node { line: node.line, value })
}

fn repeat(scope: &Scope, entry: &Entry) -> Result<Vec<Entry>, Fault> {
    let wrong = || Fault::new(entry.line, format!("{} takes a name, a list, and what to repeat.", entry.key));
    let [name, items, body] = entry.value.list(&entry.key)? else { return Err(wrong()) };
    let (name, items) = (name.text("a loop's name")?, scope.value(items, "a loop's list")?);
    let mut all = Vec::new();
    for item in items.list("a loop's list")? {
        let item = item.text("an item of a loop's list")?;
        let id = item.chars().filter(char::is_ascii_alphanumeric).collect();
        let written = expand(scope, &put(scope, body, &Turn { name, item, id })?)?;
        all.extend(written.map("what a loop repeats")?.iter().cloned());
    }
    Ok(all)
}

/// One turn of a loop.
struct Turn<'t> {
    /// The loop's name, as `${name}` and `&{name}`.
    name: &'t str,
    /// What `${name}` stands for.
    item: &'t str,
    /// What `&{name}` stands for: the item as far as a logical id may have it.
    id: String,
}

/// A copy with an item in place of the loop's name.
fn put(scope: &Scope, node: &Node, turn: &Turn<'_>) -> Result<Node, Fault> {
    scope.spend(node, COST)?;
    let Turn { name, item, id } = turn;
    let put_text = |text: &str| -> Result<String, Fault> {
        let text = text.replace(&format!("${{{name}}}"), item).replace(&format!("&{{{name}}}"), id);
        scope.spend(node, text.len())?;
        Ok(text)
    };
    let value = match &node.value {
        Value::Null | Value::Unknown(_) => node.value.clone(),
        Value::Text(text) => Value::Text(put_text(text)?),
        Value::List(items) => Value::List(items.iter().map(|one| put(scope, one, turn)).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let one = |entry: &Entry| {
                let (key, value) = (put_text(&entry.key)?, put(scope, &entry.value, turn)?);
                Ok(Entry { key, line: entry.line, value })
            };
            Value::Map(entries.iter().map(one).collect::<Result<_, Fault>>()?)
        }
        Value::Call(function, argument) if function == "Ref" && argument.text("it") == Ok(name) => {
            Value::Text((*item).to_owned())
        }
        Value::Call(function, argument) => Value::Call(function.clone(), Box::new(put(scope, argument, turn)?)),
    };
    Ok(Node { line: node.line, value })
}
