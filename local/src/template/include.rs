//! Files that a template names: `AWS::Include`, and an OpenAPI document as `DefinitionUri`. They are read where they lie in
//! the template's own folder; what lies in S3 is not.

use std::path::{Component, Path};

use super::node::{Entry, Node, Value};
use super::resolve::Stop;
use super::scope::Scope;

impl Scope {
    /// What `Fn::Transform` gives.
    pub(super) fn included(&self, node: &Node, argument: &Node) -> Result<Value, Stop> {
        let name = argument.get("Name").map(|name| self.text(name, "Name")).transpose()?.unwrap_or_default();
        let location = argument.get("Parameters").and_then(|parameters| parameters.get("Location"));
        match location.filter(|_| name == "AWS::Include") {
            Some(location) => {
                let location = self.value(location, "Location")?;
                match &location.value {
                    Value::Unknown(why) => Err(Stop::Unknown(why.clone())),
                    _ => self.file(node, location.text("Location")?),
                }
            }
            None => Err(Stop::Unknown(format!("what the macro {name} makes is known only in AWS."))),
        }
    }

    /// A file in the template's folder, resolved as a part of the template. Its lines are that of who names it.
    pub(super) fn file(&self, node: &Node, location: &str) -> Result<Value, Stop> {
        let unknown = |why: &str| Stop::Unknown(format!("`{location}` {why}."));
        if location.contains("://") {
            return Err(unknown("lies elsewhere, and is not fetched: name a file in the template's folder"));
        }
        let Some(folder) = &self.folder else { return Err(unknown("is a file, and here is only a text")) };
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(location).components().all(inside) {
            return Err(unknown("lies outside of the template's folder, and is not read"));
        }
        let source = super::read(&folder.join(location))
            .map_err(|error| node.fault(format!("`{location}` cannot be read ({error}).")))?;
        let mut tree = Node::parse(&source)
            .map_err(|fault| node.fault(format!("`{location}`, line {}: {}", fault.line, fault.message)))?;
        all_at(&mut tree, node.line);
        Ok(self.value(&tree, location)?.value)
    }
}

fn all_at(node: &mut Node, line: usize) {
    node.line = line;
    match &mut node.value {
        Value::Null | Value::Text(_) | Value::Unknown(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| all_at(item, line)),
        Value::Map(entries) => {
            for Entry { line: at, value, .. } in entries {
                *at = line;
                all_at(value, line);
            }
        }
        Value::Call(_, argument) => all_at(argument, line),
    }
}
