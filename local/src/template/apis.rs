//! Which HTTP API of a template is served: its own one, the one that SAM makes for events that name none, or the first of
//! several that has routes.

use std::collections::BTreeMap;

use super::api;
use super::functions::Declared;
use super::model::HttpApi;
use super::node::{Fault, Node, Value};
use super::routes::Event;
use super::scope::{IMPLICIT_API, Scope};
use super::section::Section;
use super::v2::{self, Part};

/// An HTTP API that could be served.
pub struct Candidate {
    /// Its logical id.
    pub id: String,
    /// Its line.
    pub line: usize,
    /// Whether CloudFormation's own types say what it is, and not SAM's.
    pub plain: bool,
    /// Its properties, with the globals in them.
    pub properties: Node,
}

/// Every HTTP API of a template, and the parts of plain ones.
#[derive(Default)]
pub struct Apis {
    /// In the template's order.
    pub candidates: Vec<Candidate>,
    /// Stages, routes, integrations, authorizers.
    pub parts: Vec<Part>,
    /// The WebSocket APIs.
    sockets: Vec<String>,
}

impl Apis {
    /// Adds an `AWS::ApiGatewayV2::Api`, unless it is a WebSocket API.
    pub fn add_plain(&mut self, scope: &Scope, id: &str, line: usize, properties: Node) -> Result<(), Fault> {
        // One without a protocol is imported from an OpenAPI document, and so an HTTP API.
        let protocol = Section::open(scope, &properties, format!("API `{id}`"))?.text("ProtocolType")?;
        if protocol.as_deref().is_some_and(|protocol| protocol != "HTTP") {
            self.sockets.push(id.to_owned());
            scope.not_emulated(line, format!("`{id}` is a WebSocket API: of APIs, only an HTTP API is served here."));
            return Ok(());
        }
        self.candidates.push(Candidate { id: id.to_owned(), line, plain: true, properties });
        Ok(())
    }

    /// The API that is served; `None` if there is none. `globals` are those of the implicit API, and `wanted` is the one
    /// that somebody chose.
    pub fn serve(
        mut self,
        scope: &Scope,
        functions: &[Declared],
        globals: Option<&Node>,
        wanted: Option<&str>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<HttpApi>, Fault> {
        let here = |line| Node { line, value: Value::Null };
        let mut names = BTreeMap::new();
        for api in &self.candidates {
            names.insert(api.id.clone(), scope.name(&here(api.line), &api.id)?);
        }
        // An event may name the API that SAM makes, too.
        if let Ok(name) = scope.name(&here(1), IMPLICIT_API) {
            names.entry(IMPLICIT_API.to_owned()).or_insert(name);
        }
        let mut events = Vec::new();
        for declared in functions {
            for event in &declared.events {
                events.push(Event::open(scope, &declared.function.logical_id, event, &names)?);
            }
        }
        let implicit = events.iter().find(|event| event.api.as_deref() == Some(IMPLICIT_API));
        if let Some(event) = implicit.filter(|_| self.candidates.iter().all(|api| api.id != IMPLICIT_API)) {
            let line = event.line();
            let none = Node { line, value: Value::Map(Vec::new()) };
            let properties = globals.cloned().unwrap_or(none);
            self.candidates.push(Candidate { id: IMPLICIT_API.to_owned(), line, plain: false, properties });
        }
        let mut sockets = Vec::new();
        for id in &self.sockets {
            sockets.push(scope.name(&here(1), id)?);
        }
        let belongs = self.belongs(scope, &names, &sockets)?;
        let parts_of = |api: &Candidate| -> Vec<&Part> {
            let name = names.get(&api.id);
            let theirs = belongs.iter().filter(|(id, _)| name.is_some() && id.as_ref() == name);
            theirs.map(|(_, part)| *part).collect()
        };
        let chosen = match wanted {
            Some(wanted) => Some(
                self.candidates
                    .iter()
                    .position(|api| api.id == wanted)
                    .ok_or_else(|| Fault::new(1, format!("there is no HTTP API `{wanted}` to serve.")))?,
            ),
            None => {
                let has_routes = |api: &Candidate| {
                    let asked = ["DefinitionBody", "DefinitionUri", "Body", "Target"];
                    events.iter().any(|event| event.api.as_ref() == Some(&api.id) && !api.plain)
                        || asked.iter().any(|key| api.properties.get(key).is_some())
                        || parts_of(api).iter().any(|part| part.kind.ends_with("::Route"))
                };
                self.candidates.iter().position(has_routes).or((!self.candidates.is_empty()).then_some(0))
            }
        };
        let Some(served) = chosen.and_then(|at| self.candidates.get(at)) else { return Ok(None) };
        for other in self.candidates.iter().filter(|other| other.id != served.id) {
            let (id, serves) = (&other.id, &served.id);
            scope.not_emulated(
                other.line,
                format!(
                    "the HTTP API `{id}` is not served: one address is for one API, and that is `{serves}`; \
                     --api {id} chooses this one."
                ),
            );
        }
        let mut own = Vec::new();
        for event in events {
            match (&event.api, &event.api_id) {
                (None, Some(node)) => return Err(node.fault("ApiId is not an HTTP API of this template.")),
                (Some(id), _) if *id == served.id => own.push(event),
                _ => {}
            }
        }
        let (id, line) = (served.id.as_str(), served.line);
        let surface = if served.plain {
            for event in &own {
                warnings.push(format!(
                    "{} (line {}) makes no route of `{id}`, because SAM adds none to an AWS::ApiGatewayV2::Api: add an \
                     AWS::ApiGatewayV2::Route.",
                    event.what(),
                    event.line()
                ));
            }
            v2::read(scope, (id, line), &served.properties, &parts_of(served), functions, warnings)?
        } else {
            api::read(scope, id, &served.properties, functions, own, &parts_of(served), warnings)?
        };
        surface.finish(scope, id, line).map(Some)
    }

    /// Each part, after what `Ref` gives for its API. A part of no API of the template is named.
    fn belongs(
        &self,
        scope: &Scope,
        names: &BTreeMap<String, String>,
        sockets: &[String],
    ) -> Result<Vec<(Option<String>, &Part)>, Fault> {
        let is_here = |name: &String| {
            sockets.contains(name) || self.candidates.iter().any(|api| names.get(&api.id) == Some(name))
        };
        let mut belongs = Vec::new();
        for part in &self.parts {
            let api = part.api(scope)?;
            if !api.as_ref().is_some_and(is_here) {
                let (id, kind) = (&part.id, &part.kind);
                scope.not_emulated(
                    part.line,
                    format!("`{id}` ({kind}) is not served: its ApiId is no API of this template."),
                );
            }
            belongs.push((api, part));
        }
        Ok(belongs)
    }
}

#[cfg(test)]
mod tests;
