//! Reading one mapping of a template property by property, so that whatever nobody read is an error with its line.

use super::node::{Entry, Fault, Node, Value};
use super::scope::{MACRO, Scope};

/// A mapping that is being read.
pub struct Section<'a> {
    scope: &'a Scope,
    what: String,
    line: usize,
    entries: Vec<Entry>,
}

impl<'a> Section<'a> {
    /// Opens a mapping; `what` names it in errors. Its values are resolved only when they are read.
    pub fn open(scope: &'a Scope, node: &Node, what: impl Into<String>) -> Result<Self, Fault> {
        let what = what.into();
        let chosen = scope.choose(node)?.ok_or_else(|| node.fault(format!("{what} has no value.")))?;
        let entries = chosen.map(&what)?.to_vec();
        Ok(Self { scope, what, line: node.line, entries })
    }

    /// What its values are resolved by.
    pub fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// The line it begins on.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Takes a property; `None` when it is absent or `AWS::NoValue`.
    pub fn take(&mut self, key: &str) -> Result<Option<Node>, Fault> {
        match self.take_raw(key) {
            Some(node) => self.scope.resolve(&node),
            None => Ok(None),
        }
    }

    /// Takes a property as it is written.
    pub fn take_raw(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at).value)
    }

    /// Takes a property that must be there.
    pub fn required(&mut self, key: &str) -> Result<Node, Fault> {
        self.take(key)?.ok_or_else(|| Fault::new(self.line, format!("{} has no {key}.", self.what)))
    }

    /// Takes a property as text.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.take(key)?.map(|node| node.text(key).map(str::to_owned)).transpose()
    }

    /// Takes a property that must be there, as text.
    pub fn required_text(&mut self, key: &str) -> Result<String, Fault> {
        Ok(self.required(key)?.text(key)?.to_owned())
    }

    /// Takes a property as a mapping to read further; `None` when it is absent or `AWS::NoValue`.
    pub fn section(&mut self, key: &str) -> Result<Option<Section<'a>>, Fault> {
        let Some(node) = self.take_raw(key) else { return Ok(None) };
        let Some(chosen) = self.scope.choose(&node)? else { return Ok(None) };
        Section::open(self.scope, &chosen, format!("{key} of {}", self.what)).map(Some)
    }

    /// Takes a property that is there to some effect: neither `AWS::NoValue`, nor false, nor empty.
    pub fn asks_for(&mut self, key: &str) -> Result<Option<Node>, Fault> {
        let Some(node) = self.take_raw(key) else { return Ok(None) };
        let chosen = self.scope.choose(&node)?;
        Ok(chosen.filter(|node| match &node.value {
            Value::Null => false,
            Value::Text(text) => !text.eq_ignore_ascii_case("false"),
            Value::List(items) => !items.is_empty(),
            Value::Map(entries) => !entries.is_empty(),
            Value::Call(..) | Value::Unknown(_) => true,
        }))
    }

    /// What nobody has read yet, as it is written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes whatever is left, as it is written.
    pub fn rest(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Takes whatever is left as mappings to read further, each with its key and the key's line.
    pub fn sections(&mut self) -> Result<Vec<(String, usize, Section<'a>)>, Fault> {
        let open = |entry: Entry| {
            let what = format!("`{}` in {}", entry.key, self.what);
            Ok((entry.key, entry.line, Section::open(self.scope, &entry.value, what)?))
        };
        std::mem::take(&mut self.entries).into_iter().map(open).collect()
    }

    /// Passes over properties that mean nothing on one machine.
    pub fn pass(&mut self, keys: &[&str]) {
        self.entries.retain(|entry| !keys.contains(&entry.key.as_str()));
    }

    /// Refuses whatever was not read.
    pub fn close(self) -> Result<(), Fault> {
        for entry in &self.entries {
            if entry.key != MACRO {
                let message = format!("{} of {} is not understood here.", entry.key, self.what);
                return Err(Fault::new(entry.line, message));
            }
            let sentence = format!("{} is what it is without its Fn::Transform, which only AWS can run.", self.what);
            self.scope.not_emulated(entry.line, sentence);
        }
        Ok(())
    }
}
