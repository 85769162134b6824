//! `Globals`: what every function and every HTTP API has unless it says otherwise, merged in as SAM does it.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use std::collections::{HashMap, HashSet};

use super::elsewhere::{self, Place};
use super::node::{Entry, Fault, Node, Value};
use super::resolve::weight;
use super::scope::Scope;
use super::section::Section;

/// The globals of a template.
#[derive(Debug, Default)]
pub struct Globals {
    /// `Globals.Function`
    function: Option<Node>,
    /// `Globals.HttpApi`
    pub api: Option<Node>,
}

impl Globals {
    /// Takes the globals out of a template as they are written.
    pub fn of(template: &Node) -> Globals {
        let section = |key| template.get("Globals").and_then(|globals| globals.get(key)).cloned();
        Globals { function: section("Function"), api: section("HttpApi") }
    }

    /// Refuses or names what stands in `Globals` and has no effect.
    pub fn check(&self, scope: &Scope, top: &mut Section<'_>) -> Result<(), Fault> {
        let Some(mut globals) = top.section("Globals")? else { return Ok(()) };
        if let Some(events) = self.function.as_ref().and_then(|function| function.get("Events")) {
            return Err(events.fault("SAM takes no Events from Globals: give each function its own."));
        }
        for entry in globals.entries() {
            if let Some(sentence) = elsewhere::sentence(Place::Globals, &entry.key) {
                scope.not_emulated(entry.line, format!("{} of Globals: {sentence}.", entry.key));
            }
        }
        let others = ["Api", "CapacityProvider", "LayerVersion", "SimpleTable", "StateMachine", "WebSocketApi"];
        globals.pass(&[["Function", "HttpApi"].as_slice(), &others].concat());
        globals.close()
    }

    /// The properties of a resource of this type, with those of the globals that it does not ignore. Each copy of the
    /// globals counts as work: many resources could make much of a short text.
    pub fn merged(&self, scope: &Scope, kind: &str, resource: &Node, own: Node) -> Result<Node, Fault> {
        let global = match kind {
            "AWS::Serverless::Function" => self.function.as_ref(),
            "AWS::Serverless::HttpApi" => self.api.as_ref(),
            _ => None,
        };
        let Some(global) = global else { return Ok(own) };
        let ignored = resource.get("IgnoreGlobals");
        if ignored.is_some_and(|ignored| ignored.text("it") == Ok("*")) {
            return Ok(own);
        }
        let too_much =
            |_| global.fault("Globals are too much for so many resources: this template is too large to read.");
        scope.spend(global, weight(global)).map_err(too_much)?;
        match ignored {
            None => Ok(merge(global, &own)),
            Some(ignored) => Ok(merge(&heeded(global, ignored)?, &own)),
        }
    }
}

/// What `IgnoreGlobals` leaves of the globals: what it does not list.
fn heeded(global: &Node, ignored: &Node) -> Result<Node, Fault> {
    let Value::List(items) = &ignored.value else {
        return Err(ignored.fault("IgnoreGlobals is `*`, or a list of properties that stand in Globals."));
    };
    let entries = global.map("Globals")?;
    let mut left: HashSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    for item in items {
        let name = item.text("an item of IgnoreGlobals")?;
        if !left.remove(name) {
            return Err(item.fault(format!("IgnoreGlobals has `{name}`, which Globals has not.")));
        }
    }
    let left = entries.iter().filter(|entry| left.contains(entry.key.as_str())).cloned().collect();
    Ok(Node { line: global.line, value: Value::Map(left) })
}

/// SAM's rule: mappings merge, lists are joined (the global one first), anything else of the resource wins, nothing too.
fn merge(global: &Node, own: &Node) -> Node {
    let value = match (&global.value, &own.value) {
        (Value::Map(global), Value::Map(own)) => {
            let mut mine: HashMap<&str, &Node> = own.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect();
            let mut merged = Vec::with_capacity(global.len() + own.len());
            for Entry { key, line, value } in global {
                let value = mine.remove(key.as_str()).map_or_else(|| value.clone(), |mine| merge(value, mine));
                merged.push(Entry { key: key.clone(), line: *line, value });
            }
            merged.extend(own.iter().filter(|entry| mine.contains_key(entry.key.as_str())).cloned());
            Value::Map(merged)
        }
        (Value::List(global), Value::List(own)) => Value::List(global.iter().chain(own).cloned().collect()),
        (_, own) => own.clone(),
    };
    Node { line: own.line, value }
}

#[cfg(test)]
mod tests {
    use crate::template::{Fault, Given, Template};

    /// A template whose function has these attributes beside its type, and these properties.
    fn parse(attributes: &str, properties: &str) -> Result<Template, String> {
        let source = format!(
            "Globals:
  Function: {{Timeout: 7, MemorySize: 512, Environment: {{Variables: {{A: a}}}}}}
  HttpApi: {{StageName: v1, CorsConfiguration: true}}
Resources:
  Api: {{Type: AWS::Serverless::HttpApi}}
  Bare: {{Type: AWS::Serverless::HttpApi, IgnoreGlobals: [StageName]}}
  Fn: {{Type: AWS::Serverless::Function, {attributes} Properties: {{CodeUri: x/fn, {properties}}}}}
"
        );
        Template::parse(&source, &Given::defaults("shop"))
            .map_err(|Fault { line, message }| format!("{line}: {message}"))
    }

    #[test]
    fn a_resource_may_ignore_all_globals_or_some() {
        let read = |attributes: &str| {
            let function = parse(attributes, "").unwrap().functions.remove(0);
            (function.timeout.as_secs(), function.memory_mb, function.environment.len())
        };
        assert_eq!(read(""), (7, 512, 1));
        assert_eq!(read("IgnoreGlobals: '*',"), (3, 128, 0));
        assert_eq!(read("IgnoreGlobals: [Timeout, Environment],"), (3, 512, 0));
        for (attributes, expected) in [
            ("IgnoreGlobals: [Handler],", "7: IgnoreGlobals has `Handler`, which Globals has not."),
            ("IgnoreGlobals: Timeout,", "7: IgnoreGlobals is `*`, or a list of properties that stand in Globals."),
        ] {
            assert_eq!(parse(attributes, "").map(|_| ()).unwrap_err(), expected);
        }
    }

    #[test]
    fn globals_count_for_each_resource_that_they_are_copied_into() {
        let source = |functions: usize, attribute: &str| {
            let functions: String = (0..functions)
                .map(|at| {
                    format!("  F{at}: {{Type: AWS::Serverless::Function, {attribute} Properties: {{CodeUri: x/f}}}}\n")
                })
                .collect();
            let variables = format!("{{Variables: {{V: {}}}}}", "x".repeat(20_000));
            let api = "  Api: {Type: AWS::Serverless::HttpApi}\n";
            format!("Globals:\n  Function: {{Environment: {variables}}}\nResources:\n{api}{functions}")
        };
        let read =
            |source: &str| Template::parse(source, &Given::defaults("shop")).map(|template| template.functions.len());
        assert_eq!(read(&source(100, "")), Ok(100));
        assert_eq!(read(&source(600, "IgnoreGlobals: '*',")), Ok(600));
        let fault = Fault::new(2, "Globals are too much for so many resources: this template is too large to read.");
        assert_eq!(read(&source(600, "")), Err(fault.clone()));
        assert_eq!(read(&source(600, "IgnoreGlobals: [],")), Err(fault));
    }

    #[test]
    fn a_property_that_is_nothing_takes_the_global_ones_place() {
        let template = parse("", "Environment: null").unwrap();
        assert!(template.functions[0].environment.is_empty());
    }

    #[test]
    fn a_reference_to_a_stage_follows_its_name_wherever_that_stands() {
        let variables =
            "{A: !Ref Api.Stage, B: !Sub '${Bare.Stage}', C: !Ref Apiv1Stage, D: !Ref BareApiGatewayDefaultStage}";
        let template = parse("", &format!("Environment: {{Variables: {variables}}}")).unwrap();
        let environment = &template.functions[0].environment;
        let values: Vec<&str> = environment.values().map(String::as_str).collect();
        assert_eq!(values, ["v1", "$default", "v1", "$default"]);
        let wrong = parse("", "Environment: {Variables: {A: !Ref Apiv2Stage}}").map(|_| ()).unwrap_err();
        assert_eq!(wrong, "7: there is no parameter or resource `Apiv2Stage`.");
    }
}
