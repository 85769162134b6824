//! An HTTP API as CloudFormation writes it, in resources of `AWS::ApiGatewayV2`: the API, its stage, routes, integrations
//! and authorizers.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html>

use std::collections::BTreeMap;

use super::access_log;
use super::authorizers::{self, Auth, Guard, NO_IAM};
use super::cors;
use super::elsewhere::{self, Place};
use super::functions::Declared;
use super::model::Authorizer;
use super::node::{Fault, Node, Value};
use super::openapi::{self, Integration};
use super::routes;
use super::scope::Scope;
use super::section::Section;
use super::settings::{self, Limits};
use super::surface::{Draft, Surface};

/// The types of resources that an API consists of.
pub const PARTS: [&str; 4] = [
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
];

/// What of an API means nothing on one machine.
const ONLY_IN_AWS: [&str; 13] = [
    "ApiKeySelectionExpression",
    "BasePath",
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
    let mut names = BTreeMap::new();
    for part in of(parts, "::Authorizer") {
        authorizer(scope, part, functions, &mut auth, warnings)?;
        names.insert(reference(scope, part)?, part.id.clone());
    }
    let mut integrations = BTreeMap::new();
    for part in of(parts, "::Integration") {
        integrations.insert(format!("integrations/{}", reference(scope, part)?), integration(scope, part, functions)?);
    }
    let (mut drafts, mut cors) = (Vec::new(), cors::read(scope, &mut section)?);
    if section.asks_for("BodyS3Location")?.is_some() {
        return Err(Fault::new(
            line,
            format!("the OpenAPI document of `{id}` lies in S3, and is not fetched: write a Body."),
        ));
    }
    if let Some(body) = section.take("Body")? {
        let read = openapi::read(scope, &body, functions, &mut auth, warnings)?;
        drafts.extend(read.operations.into_iter().map(|operation| operation.draft));
        cors = cors.or(read.cors);
    }
    let quick = match section.take("Target")? {
        Some(target) => Some(quick(&mut section, &target, functions)?),
        None => {
            section.pass(&["RouteKey"]);
            None
        }
    };
    section.close()?;
    for part in of(parts, "::Route") {
        drafts.push(route(scope, part, &integrations, &names, &auth)?);
    }
    let mut stages: Vec<&Part> = of(parts, "::Stage").collect();
    stages.sort_by_key(|part| part.properties.get("StageName").is_none_or(|name| name.text("it") != Ok("$default")));
    for other in stages.iter().skip(1) {
        scope.not_emulated(other.line, format!("the stage `{}` is not served: there is one address.", other.id));
    }
    if stages.is_empty() && quick.is_none() {
        warnings.push(format!(
            "HTTP API `{id}` (line {line}) has no stage, so nothing reaches it once deployed: add an AWS::ApiGatewayV2::Stage."
        ));
    }
    drafts.extend(quick);
    let surface = Surface {
        stage: "$default".to_owned(),
        stage_variables: BTreeMap::new(),
        access_log_format: None,
        general: Limits::default(),
        particular: BTreeMap::new(),
        cors,
        auth,
        drafts,
    };
    match stages.first() {
        Some(part) => stage(scope, part, surface, warnings),
        None => Ok(surface),
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
    let stage_variables = settings::stage_variables(&mut section)?;
    let access_log_format = access_log::read(&mut section)?;
    let general = match section.section("DefaultRouteSettings")? {
        Some(settings) => Limits::read(settings, "DefaultRouteSettings", warnings)?,
        None => Limits::default(),
    };
    let particular = settings::particular(&mut section, warnings)?;
    section.close()?;
    Ok(Surface { stage: name, stage_variables, access_log_format, general, particular, ..api })
}

/// The one route of an API that names its target itself.
fn quick(api: &mut Section<'_>, target: &Node, functions: &[Declared]) -> Result<Draft, Fault> {
    let key = api.take("RouteKey")?;
    let here = Node { line: target.line, value: Value::Text("$default".to_owned()) };
    let uri = matches!(&target.value, Value::Text(uri) if uri.starts_with("http"));
    let asked = Integration {
        kind: Some(if uri { "HTTP_PROXY" } else { "AWS_PROXY" }),
        subtype: None,
        uri: Some(target),
        payload: Some("2.0"),
    };
    let draft = draft(target.line, key.as_ref().unwrap_or(&here))?;
    Ok(Draft { function: asked.function(functions), ..draft })
}

/// A route of this key, without anything else.
fn draft(line: usize, key: &Node) -> Result<Draft, Fault> {
    let text = |text: &str| Node { line: key.line, value: Value::Text(text.to_owned()) };
    let (method, path, segments) = match key.text("RouteKey")? {
        "$default" => (String::new(), String::new(), Vec::new()),
        written => match written.split_once(' ') {
            Some((method, path)) => routes::route_key(&text(method), &text(path))?,
            None => return Err(key.fault(format!("`{written}` is no route key: it is `GET /path`, or $default."))),
        },
    };
    let function = Err("it has no Target".to_owned());
    let (guard, scopes, timeout, limits) = (Guard::Open, Vec::new(), None, Limits::default());
    Ok(Draft { line, method, path, segments, function, guard, scopes, timeout, limits })
}

type Target = (Result<String, String>, Option<std::time::Duration>);

fn route(
    scope: &Scope,
    part: &Part,
    integrations: &BTreeMap<String, Target>,
    names: &BTreeMap<String, String>,
    auth: &Auth,
) -> Result<Draft, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&[
        "ModelSelectionExpression",
        "OperationName",
        "RequestModels",
        "RequestParameters",
        "RouteResponseSelectionExpression",
    ]);
    elsewhere::refuse(&section, Place::Route)?;
    section.asks_for("ApiKeyRequired")?;
    let mut draft = draft(part.line, &section.required("RouteKey")?)?;
    if let Some(target) = section.take("Target")? {
        let found = match &target.value {
            Value::Text(target) => integrations.get(target).cloned(),
            _ => None,
        };
        (draft.function, draft.timeout) =
            found.unwrap_or_else(|| (Err("its integration is not in this template".to_owned()), None));
    }
    let by = section.take("AuthorizerId")?;
    let scopes = section.take("AuthorizationScopes")?;
    draft.guard = match section.text("AuthorizationType")?.as_deref() {
        None | Some("NONE") => Guard::Open,
        Some("AWS_IAM") => Guard::Unfit(NO_IAM.to_owned()),
        Some("CUSTOM" | "JWT") => {
            let named = by.as_ref().and_then(|by| by.text("AuthorizerId").ok()).and_then(|by| names.get(by));
            let unknown = || Guard::Unfit("its authorizer is not in this template".to_owned());
            named.and_then(|name| auth.named(name)).unwrap_or_else(unknown)
        }
        Some(other) => {
            return Err(Fault::new(part.line, format!("an HTTP API has no authorization of the type {other}.")));
        }
    };
    draft.scopes = auth.scopes(&draft.guard, scopes.as_ref())?;
    section.close()?;
    Ok(draft)
}

fn integration(scope: &Scope, part: &Part, functions: &[Declared]) -> Result<Target, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&[
        "ConnectionId",
        "ConnectionType",
        "ContentHandlingStrategy",
        "CredentialsArn",
        "Description",
        "IntegrationMethod",
        "PassthroughBehavior",
        "RequestTemplates",
        "TemplateSelectionExpression",
        "TlsConfig",
    ]);
    for key in ["RequestParameters", "ResponseParameters"] {
        if let Some(node) = section.asks_for(key)? {
            scope.not_emulated(node.line, format!("{key} of the integration `{}` change nothing here.", part.id));
        }
    }
    let (kind, subtype) = (section.text("IntegrationType")?, section.text("IntegrationSubtype")?);
    let (uri, payload) = (section.take("IntegrationUri")?, section.text("PayloadFormatVersion")?);
    let timeout = section.take("TimeoutInMillis")?;
    let timeout = timeout.map(|node| routes::timeout(&node, "TimeoutInMillis")).transpose()?;
    section.close()?;
    let asked = Integration {
        kind: kind.as_deref(),
        subtype: subtype.as_deref(),
        uri: uri.as_ref(),
        payload: payload.as_deref(),
    };
    Ok((asked.function(functions), timeout))
}

fn authorizer(
    scope: &Scope,
    part: &Part,
    functions: &[Declared],
    auth: &mut Auth,
    warnings: &mut Vec<String>,
) -> Result<(), Fault> {
    let mut section = open(scope, part)?;
    section.pass(&["AuthorizerCredentialsArn", "IdentityValidationExpression", "Name"]);
    let (name, line) = (part.id.as_str(), part.line);
    let sources = section.take("IdentitySource")?;
    let sources = match &sources {
        Some(node) => node.list("IdentitySource")?,
        None => &[],
    };
    let kind = section.required("AuthorizerType")?;
    let authorizer = match kind.text("AuthorizerType")? {
        "JWT" => {
            let configuration = section.required("JwtConfiguration")?;
            authorizers::jwt(&configuration, sources.first(), line)?.map(Authorizer::Jwt)
        }
        "REQUEST" => {
            let text = |node: &Node| authorizers::source(node.text("IdentitySource")?, node);
            let sources: Vec<_> = sources.iter().map(text).collect::<Result<_, _>>()?;
            let ttl = match section.take("AuthorizerResultTtlInSeconds")? {
                Some(node) => authorizers::time(&node, "AuthorizerResultTtlInSeconds", &sources)?,
                None => None,
            };
            let simple = section.take("EnableSimpleResponses")?;
            let asked = authorizers::Asked {
                name,
                line,
                function: &section.required("AuthorizerUri")?,
                version: section.text("AuthorizerPayloadFormatVersion")?,
                simple: simple.map_or(Ok(false), |node| node.boolean("EnableSimpleResponses"))?,
                sources,
                ttl,
            };
            asked.authorizer(functions, warnings).map(Authorizer::Lambda)
        }
        other => return Err(kind.fault(format!("an HTTP API has no authorizers of the type {other}."))),
    };
    section.close()?;
    auth.add(name, authorizer);
    Ok(())
}

#[cfg(test)]
mod tests;
