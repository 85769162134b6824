//! The template's HTTP API as SAM writes it, `AWS::Serverless::HttpApi`, and the one that SAM makes for events that name
//! none: stage, authorizers, throttles, access log, an OpenAPI document, the functions' events.

use super::authorizers::{self, Guard};
use super::cors;
use super::domain;
use super::elsewhere::{self, Place};
use super::functions::Declared;
use super::node::{Fault, Node, Value};
use super::openapi::{self, Operation};
use super::resolve::Stop;
use super::routes::{Asked, Event, PAYLOAD_1};
use super::scope::Scope;
use super::section::Section;
use super::settings::{self, StageSettings};
use super::surface::{Draft, Surface};
use super::v2::{self, Part};

/// What means nothing on one machine.
const ONLY_IN_AWS: [&str; 6] =
    ["Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "Name", "PropagateTags", "Tags"];

/// Reads the API and the routes that its document, the functions' events and resources of their own declare.
pub fn read(
    scope: &Scope,
    id: &str,
    properties: &Node,
    functions: &[Declared],
    events: Vec<Event<'_>>,
    parts: &[&Part],
    warnings: &mut Vec<String>,
) -> Result<Surface, Fault> {
    let mut section = Section::open(scope, properties, format!("HTTP API `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    elsewhere::refuse(&section, Place::Api)?;
    if let Some(node) = section.take_raw("Domain") {
        domain::note(scope, &node, &format!("Domain of HTTP API `{id}`"));
    }
    let stage = match section.take("StageName")? {
        Some(node) => settings::stage(&node)?,
        None => "$default".to_owned(),
    };
    let settings = StageSettings::read(&mut section, warnings)?;
    let by_uri = beside(&section)?;
    let mut cors = cors::read(scope, &mut section, warnings)?;
    let mut auth = authorizers::read(&mut section, functions, warnings)?;
    let mut operations = Vec::new();
    if let Some(document) = document(&mut section, warnings)? {
        let read = openapi::read(scope, &document, functions, &mut auth, warnings)?;
        operations = read.operations;
        cors = cors.or(read.cors);
    }
    section.close()?;
    let written = operations.len();
    for event in events {
        let asked = event.read(&auth, warnings)?;
        let same = |one: &&mut Operation| one.draft.method == asked.draft.method && one.draft.path == asked.draft.path;
        match operations.iter_mut().take(written).find(same) {
            Some(_) if by_uri && asked.chosen => warnings.push(format!(
                "`{}` (line {}) has an Auth that has no effect, because SAM does not change a document that it does not read \
                 (DefinitionUri): write security there, or include the document in DefinitionBody.",
                asked.draft.key(),
                asked.draft.line
            )),
            Some(_) if by_uri => {}
            Some(operation) => add(operation, asked),
            None if by_uri => warnings.push(format!(
                "`{}` (line {}) is an event and makes no route of `{id}`, because SAM adds none to a document that it does \
                 not read (DefinitionUri): write it there, or include the document in DefinitionBody.",
                asked.draft.key(),
                asked.draft.line
            )),
            None => operations.push(Operation { draft: asked.draft, integrated: true, secured: true }),
        }
    }
    let mut drafts: Vec<Draft> = operations.into_iter().map(|operation| operation.draft).collect();
    drafts.extend(v2::routes(scope, parts, functions, &mut auth, warnings)?);
    v2::other_stages(scope, parts);
    Ok(Surface { stage, settings, cors, auth, drafts })
}

/// Whether the API is a file that SAM does not read, and so refuses to change.
fn beside(section: &Section<'_>) -> Result<bool, Fault> {
    let written = |key: &str| section.entries().iter().find(|entry| entry.key == key);
    if written("DefinitionUri").is_none() {
        return Ok(false);
    }
    for key in ["DefinitionBody", "Auth", "CorsConfiguration"] {
        if let Some(entry) = written(key) {
            return Err(Fault::new(
                entry.line,
                format!(
                    "SAM refuses {key} beside DefinitionUri: include the document in DefinitionBody (AWS::Include) instead."
                ),
            ));
        }
    }
    Ok(true)
}

/// An OpenAPI document in the template, or in a file beside it.
fn document(section: &mut Section<'_>, warnings: &mut Vec<String>) -> Result<Option<Node>, Fault> {
    let scope = section.scope();
    if let Some(body) = section.take("DefinitionBody")? {
        return Ok(Some(body));
    }
    let Some(uri) = section.take("DefinitionUri")? else { return Ok(None) };
    let tree = match &uri.value {
        Value::Map(_) => Err(Stop::Unknown("DefinitionUri lies in S3, and is not fetched: name a local file.".into())),
        _ => scope.as_written(&uri, uri.text("DefinitionUri")?),
    };
    let tree = match tree {
        Ok(tree) => tree,
        Err(Stop::Fault(fault)) => return Err(fault),
        Err(Stop::Unknown(why)) => return Err(uri.fault(why)),
    };
    if tree.calls() {
        warnings.push(format!(
            "the document that DefinitionUri names (line {}) has functions such as `Fn::GetAtt`, which nobody resolves there \
             once deployed: include it in DefinitionBody (AWS::Include).",
            uri.line
        ));
    }
    scope.value(&tree, "the OpenAPI document").map(Some)
}

/// What an event says of an operation that the document has: SAM adds what is not there, puts the event's authorizer
/// beside that of the operation, and replaces time-out and payload format. Another event may follow for the same one.
fn add(operation: &mut Operation, asked: Asked) {
    let (draft, event) = (&mut operation.draft, asked.draft);
    if !operation.integrated || (event.function.is_err() && draft.function.is_ok()) {
        draft.function = event.function;
    } else if asked.payload_2 && draft.function == Err(PAYLOAD_1.to_owned()) {
        draft.function = Err("its document and its event want events of different payload formats".to_owned());
    }
    if !operation.secured {
        draft.guard = event.guard;
        draft.scopes = event.scopes;
    } else if asked.chosen && (draft.guard != event.guard || draft.scopes != event.scopes) {
        draft.guard = Guard::Unfit("its document and its event name different authorizers".to_owned());
    }
    draft.timeout = event.timeout.or(draft.timeout);
    draft.limits = event.limits.or(draft.limits);
    operation.integrated = true;
    operation.secured |= asked.chosen;
}
