//! Reading `template.yaml`, the only route table there is: YAML with lines, CloudFormation's functions, and a small
//! typed model of what the local shop needs. Whatever would change behaviour and is not understood is an error that
//! names its line.

mod access_log;
mod api;
mod authorizers;
mod bounds;
mod conditions;
mod cors;
mod edge;
mod elsewhere;
mod functions;
mod model;
mod node;
mod resolve;
mod routes;
mod schedules;
mod scope;
mod section;
mod tables;
mod traps;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use access_log::{AccessFormat, Part, Variable};
pub use authorizers::AUTHORIZER_TIMEOUT;
pub use model::{
    Architecture, Attribute, AttributeKind, Authorizer, Behaviour, Cors, Edge, Function, HttpApi, IdentitySource,
    Index, JwtAuthorizer, KeyPart, KeyRole, LambdaAuthorizer, Projection, Route, Schedule, Segment, Table, Template,
    Throttle,
};
pub use routes::INTEGRATION_TIMEOUT;
pub use scope::{ACCOUNT_ID, REGION};

use elsewhere::Place;
use node::{Entry, Fault, Node, Value};
use scope::Scope;
use section::Section;

/// Why a template cannot be used, in one sentence: `template.yaml:42: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    file: String,
    line: Option<usize>,
    message: String,
}

impl Error {
    /// The line, from 1, unless the file as a whole is wrong.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::Error {
    fn from(error: Error) -> crate::Error {
        crate::Error::new(error.to_string())
    }
}

/// Services whose resources the local shop stands in for: a type of theirs that it does not know would be missed.
const STOOD_IN_FOR: [&str; 5] =
    ["AWS::Serverless::", "AWS::Lambda::", "AWS::DynamoDB::", "AWS::ApiGateway::", "AWS::ApiGatewayV2::"];
/// … but for these, which only matter in AWS.
const ONLY_IN_AWS: [&str; 6] = [
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
];

/// What a template is read with.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The stack's name, with which the names of resources begin.
    pub stack: String,
    /// Values for parameters.
    pub parameters: BTreeMap<String, String>,
    /// Defaults that stand in for those of the template, where it has such parameters.
    pub stand_ins: BTreeMap<String, String>,
    /// Attributes that only AWS would know, such as `Keyring.Jwks`.
    pub attributes: BTreeMap<String, String>,
    /// Values for variables that are dynamic references, which only AWS could look up.
    pub secrets: BTreeMap<String, String>,
}

impl Given {
    /// The stack `stack` with every default.
    pub fn defaults(stack: &str) -> Given {
        Given { stack: stack.to_owned(), ..Given::default() }
    }
}

impl Template {
    /// Reads the template at `path`.
    pub fn load(path: &Path, given: &Given) -> Result<Self, Error> {
        let file = path.display().to_string();
        let source = read(path).map_err(|error| Error {
            file: file.clone(),
            line: None,
            message: format!("cannot be read ({error}); name another one with --template."),
        })?;
        Self::parse(&source, given).map_err(|Fault { line, message }| Error { file, line: Some(line), message })
    }

    /// Reads a template from its text.
    pub(crate) fn parse(source: &str, given: &Given) -> Result<Self, Fault> {
        let root = Node::parse(source)?;
        let scope = Scope::read(&root, given)?;
        let mut top = Section::open(&scope, &root, "the template")?;
        top.pass(&[
            "AWSTemplateFormatVersion",
            "Conditions",
            "Description",
            "Mappings",
            "Metadata",
            "Outputs",
            "Parameters",
            "Rules",
            "Transform",
        ]);
        let (mut function_globals, mut api_globals) = (None, None);
        if let Some(mut globals) = top.section("Globals")? {
            function_globals = globals.take_raw("Function");
            api_globals = globals.take_raw("HttpApi");
            elsewhere::refuse(&globals, Place::Globals)?;
            globals.close()?;
        }
        let resources = top.take_raw("Resources").ok_or_else(|| Fault::new(1, "the template has no Resources."))?;
        top.close()?;

        let mut warnings = Vec::new();
        let (mut functions, mut tables, mut api, mut edge) = (Vec::new(), Vec::new(), None, None);
        for Entry { key: id, line, value: resource } in resources.map("Resources")? {
            let Some((kind, properties)) = open(&scope, id, resource)? else { continue };
            match kind.as_str() {
                "AWS::Serverless::Function" => {
                    let properties = functions::with_globals(function_globals.as_ref(), &properties);
                    let metadata = resource.get("Metadata");
                    functions.push(functions::read(&scope, id, *line, &properties, metadata)?);
                }
                "AWS::DynamoDB::Table" => tables.push(tables::read(&scope, id, *line, &properties)?),
                "AWS::Serverless::HttpApi" if api.is_some() => {
                    return Err(Fault::new(*line, "this is a second HTTP API, and the local shop has one address."));
                }
                "AWS::Serverless::HttpApi" => {
                    api = Some((id, *line, functions::with_globals(api_globals.as_ref(), &properties)));
                }
                "AWS::CloudFront::Distribution" if edge.is_some() => {
                    return Err(Fault::new(*line, "this is a second distribution, and the local shop has one edge."));
                }
                "AWS::CloudFront::Distribution" => edge = Some(edge::read(&scope, &properties, &resources)?),
                other => check_kind(&scope, other, resource, &properties)?,
            }
        }
        let (id, line, properties) =
            api.ok_or_else(|| resources.fault("there is no resource of the type AWS::Serverless::HttpApi."))?;
        let api = api::read(&scope, id, line, &properties, &functions, &mut warnings)?;
        let functions: Vec<Function> = functions.into_iter().map(|declared| declared.function).collect();
        traps::look(&functions, &api, &mut warnings);
        Ok(Self { functions, api, edge, tables, warnings })
    }
}

/// A file's text; of one that is too long for a template, enough to tell.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let enough = u64::try_from(bounds::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(enough).read_to_end(&mut bytes)?;
    match String::from_utf8(bytes) {
        Ok(source) => Ok(source),
        // The last character may be cut through: what follows refuses the length.
        Err(error) if error.as_bytes().len() > bounds::MAX_BYTES => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into())
        }
        Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")),
    }
}

/// A resource's type and properties; `None` if its condition is false.
fn open(scope: &Scope, id: &str, resource: &Node) -> Result<Option<(String, Node)>, Fault> {
    if let Some(condition) = resource.get("Condition")
        && !scope.condition(condition, condition.text("Condition")?)?
    {
        return Ok(None);
    }
    let mut section = Section::open(scope, resource, format!("resource `{id}`"))?;
    section.pass(&[
        "Condition",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "Metadata",
        "UpdatePolicy",
        "UpdateReplacePolicy",
    ]);
    let kind = section.required_text("Type")?;
    let properties =
        section.take_raw("Properties").unwrap_or(Node { line: resource.line, value: Value::Map(Vec::new()) });
    section.close()?;
    Ok(Some((kind, properties)))
}

fn check_kind(scope: &Scope, kind: &str, resource: &Node, properties: &Node) -> Result<(), Fault> {
    let at = resource.get("Type").unwrap_or(resource);
    elsewhere::refuse_resource(scope, at, kind, properties)?;
    let matters = STOOD_IN_FOR.iter().any(|service| kind.starts_with(service)) && !ONLY_IN_AWS.contains(&kind);
    let well_formed = kind.starts_with("Custom::") || kind.starts_with("AWS::") && kind.split("::").count() == 3;
    if matters {
        Err(at.fault(format!("resources of the type {kind} are not understood by the local shop.")))
    } else if well_formed {
        Ok(())
    } else {
        Err(at.fault(format!("there is no resource type `{kind}`.")))
    }
}

#[cfg(test)]
mod tests;
