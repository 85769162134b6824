//! A function's environment. A variable that only AWS could give a value is left out, and named.

use std::collections::BTreeMap;

use super::node::{Entry, Fault, Value};
use super::section::Section;

/// Reads `Environment`. The resources that the variables speak of are noted as used.
pub fn read(function: &mut Section<'_>, id: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut environment = BTreeMap::new();
    let scope = function.scope();
    let Some(mut section) = function.section("Environment")? else { return Ok(environment) };
    let Some(mut variables) = section.section("Variables")? else {
        section.close()?;
        return Ok(environment);
    };
    for Entry { key, line, value } in variables.rest() {
        let leave_out = |key: &str, why: &str| scope.not_emulated(line, format!("`{id}` gets no {key}: {why}"));
        let used = scope.take_used();
        let node = scope.resolve(&value)?;
        // What a secret is looked up by is nothing that the function is told.
        if node.as_ref().is_some_and(|node| node.unknown().is_some()) {
            scope.take_used();
        }
        scope.use_again(used);
        let Some(node) = node else { continue };
        match (node.unknown(), &node.value, scope.secrets.get(&key)) {
            (None, ..) => drop(environment.insert(key.clone(), node.text(&key)?.to_owned())),
            (Some(_), Value::Text(_), Some(given)) => drop(environment.insert(key, given.clone())),
            (Some(why), ..) => leave_out(&key, why),
        }
    }
    section.close()?;
    Ok(environment)
}
