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
        let leave_out = |why: &str| scope.not_emulated(line, format!("`{id}` gets no {key}: {why}"));
        let used = scope.take_used();
        let Some(node) = scope.resolve(&value)? else { continue };
        let text = match &node.value {
            Value::Unknown(why) => {
                leave_out(why);
                None
            }
            _ => Some(node.text(&key)?),
        };
        // What a secret is looked up by is nothing that the function is told.
        let dynamic = text.is_some_and(|text| text.contains("{{resolve:"));
        if dynamic || text.is_none() {
            scope.take_used();
        }
        scope.use_again(used);
        match (text, scope.secrets.get(&key)) {
            (Some(text), _) if !dynamic => drop(environment.insert(key, text.to_owned())),
            (Some(_), Some(given)) => drop(environment.insert(key.clone(), given.clone())),
            (Some(_), None) => leave_out("it is a dynamic reference, which one machine cannot look up."),
            (None, _) => {}
        }
    }
    section.close()?;
    Ok(environment)
}
