//! An HTTP API as CloudFormation writes it, in resources of `AWS::ApiGatewayV2`: the API, its stage, routes, integrations
//! and authorizers.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html>

mod authorizer;
mod route;

use std::collections::BTreeMap;

use super::authorizers::Auth;
use super::cors;
use super::functions::Declared;
use super::node::{Fault, Node, Value};
use super::openapi;
use super::scope::Scope;
use super::section::Section;
use super::settings::{self, StageSettings};
use super::surface::{Draft, Surface};

/// The types of resources that an API consists of.
pub const PARTS: [&str; 4] = [
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
];

/// What of an API means nothing on one machine.
const ONLY_IN_AWS: [&str; 12] = [
    "ApiKeySelectionExpression",
    "CredentialsArn",
    "Description",
    "DisableExecuteApiEndpoint",
    "DisableSchemaValidation",
    "FailOnWarnings",
    "IpAddressType",
    "Name",
    "ProtocolType",
    "RouteSelectionExpression",
    "Tags",
    "Version",
];

/// A resource that belongs to an API.
pub struct Part {
    /// Its logical id.
    pub id: String,
    /// Its line.
    pub line: usize,
    /// Its type.
    pub kind: String,
    /// Its properties, as they are written.
    pub properties: Node,
}

impl Part {
    /// What `Ref` gives for the API that it belongs to; `None` where that is not known.
    pub fn api(&self, scope: &Scope) -> Result<Option<String>, Fault> {
        let Some(node) = self.properties.get("ApiId") else {
            return Err(Fault::new(self.line, format!("`{}` has no ApiId.", self.id)));
        };
        match scope.value(node, "ApiId")?.value {
            Value::Text(id) => Ok(Some(id)),
            _ => Ok(None),
        }
    }
}

/// Reads an API and those of the parts that belong to it.
pub fn read(
    scope: &Scope,
    (id, line): (&str, usize),
    properties: &Node,
    parts: &[&Part],
    functions: &[Declared],
    warnings: &mut Vec<String>,
) -> Result<Surface, Fault> {
    let mut section = Section::open(scope, properties, format!("HTTP API `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    let mut auth = Auth::default();
    let (mut drafts, mut cors) = (Vec::new(), cors::read(scope, &mut section, warnings)?);
    if section.asks_for("BodyS3Location")?.is_some() {
        return Err(Fault::new(
            line,
            format!("the OpenAPI document of `{id}` lies in S3, and is not fetched: write a Body."),
        ));
    }
    let base_path = section.take("BasePath")?;
    if let Some(body) = section.take("Body")? {
        // The base path is that of the document's `servers`.
        // <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-basePath.html>
        let matters = |node: &Node| node.text("BasePath") != Ok("ignore") && body.get("servers").is_some();
        if let Some(node) = base_path.filter(matters) {
            let sentence =
                format!("the routes of `{id}` have no base path here, whatever BasePath makes of `servers`.");
            scope.not_emulated(node.line, sentence);
        }
        let read = openapi::read(scope, &body, functions, &mut auth, warnings)?;
        drafts.extend(read.operations.into_iter().map(|operation| operation.draft));
        cors = cors.or(read.cors);
    }
    let quick = match section.take("Target")? {
        Some(target) => Some(route::quick(&mut section, &target, functions)?),
        None => {
            section.pass(&["RouteKey"]);
            None
        }
    };
    section.close()?;
    drafts.extend(routes(scope, parts, functions, &mut auth, warnings)?);
    let mut stages: Vec<&Part> = of(parts, "::Stage").collect();
    stages.sort_by_key(|part| part.properties.get("StageName").is_none_or(|name| name.text("it") != Ok("$default")));
    not_served(scope, stages.iter().skip(1).copied());
    if stages.is_empty() && quick.is_none() {
        warnings.push(format!(
            "HTTP API `{id}` (line {line}) has no stage, so nothing reaches it once deployed: add an AWS::ApiGatewayV2::Stage."
        ));
    }
    drafts.extend(quick);
    let surface = Surface { stage: "$default".to_owned(), settings: StageSettings::default(), cors, auth, drafts };
    match stages.first() {
        Some(part) => stage(scope, part, surface, warnings),
        None => Ok(surface),
    }
}

/// Reads the routes that are resources of their own, and adds the authorizers that are to those of the API. SAM's APIs may
/// have such parts as well as plain ones.
pub fn routes(
    scope: &Scope,
    parts: &[&Part],
    functions: &[Declared],
    auth: &mut Auth,
    warnings: &mut Vec<String>,
) -> Result<Vec<Draft>, Fault> {
    let mut names = BTreeMap::new();
    for part in of(parts, "::Authorizer") {
        names.insert(reference(scope, part)?, authorizer::read(scope, part, functions, auth, warnings)?);
    }
    let mut integrations = BTreeMap::new();
    for part in of(parts, "::Integration") {
        integrations
            .insert(format!("integrations/{}", reference(scope, part)?), route::integration(scope, part, functions)?);
    }
    of(parts, "::Route").map(|part| route::read(scope, part, &integrations, &names, auth)).collect()
}

/// Names the stages of an API that already has its one.
pub fn other_stages(scope: &Scope, parts: &[&Part]) {
    not_served(scope, of(parts, "::Stage"));
}

fn not_served<'p>(scope: &Scope, stages: impl Iterator<Item = &'p Part>) {
    for other in stages {
        scope.not_emulated(other.line, format!("the stage `{}` is not served: there is one address.", other.id));
    }
}

fn of<'p>(parts: &[&'p Part], kind: &'p str) -> impl Iterator<Item = &'p Part> {
    parts.iter().filter(move |part| part.kind.ends_with(kind)).copied()
}

fn reference(scope: &Scope, part: &Part) -> Result<String, Fault> {
    scope.name(&Node { line: part.line, value: Value::Null }, &part.id)
}

fn open<'s>(scope: &'s Scope, part: &Part) -> Result<Section<'s>, Fault> {
    let mut section = Section::open(scope, &part.properties, format!("`{}`", part.id))?;
    section.pass(&["ApiId"]);
    Ok(section)
}

fn stage(scope: &Scope, part: &Part, api: Surface, warnings: &mut Vec<String>) -> Result<Surface, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&["AccessPolicyId", "AutoDeploy", "ClientCertificateId", "DeploymentId", "Description", "Tags"]);
    let name = settings::stage(&section.required("StageName")?)?;
    let settings = StageSettings::read(&mut section, warnings)?;
    section.close()?;
    Ok(Surface { stage: name, settings, ..api })
}

#[cfg(test)]
mod tests;
