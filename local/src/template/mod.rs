//! Reading `template.yaml`, the only route table there is: YAML with lines, CloudFormation's functions, and a small
//! typed model of what runs here. What AWS would refuse, and whatever would change behaviour and is not understood, is an
//! error that names its line; what works only in AWS is named, and left out.

mod access_log;
mod api;
mod apis;
mod authorizers;
mod bounds;
mod code;
mod conditions;
mod cors;
mod document;
mod domain;
mod edge;
mod elsewhere;
mod events;
mod foreach;
mod functions;
mod globals;
mod include;
mod json;
mod kinds;
mod model;
mod names;
mod node;
mod openapi;
mod parameters;
mod resolve;
mod routes;
mod schedules;
mod scope;
mod section;
mod settings;
mod surface;
mod tables;
mod traps;
mod unknown;
mod v2;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use access_log::{AccessFormat, Part, Variable};
pub use authorizers::AUTHORIZER_TIMEOUT;
pub use model::{
    Architecture, Attribute, AttributeKind, Authorizer, Behaviour, Cors, Edge, Function, HttpApi, IdentitySource,
    Index, JwtAuthorizer, KeyPart, KeyRole, LambdaAuthorizer, Projection, Route, Schedule, Scheduler, Segment, Table,
    Template, Throttle,
};
pub use routes::INTEGRATION_TIMEOUT;
pub use scope::{ACCOUNT_ID, REGION};

use apis::{Apis, Candidate};
use globals::Globals;
use kinds::Missed;
use node::{Entry, Fault, Node, Value};
use scope::{MACRO, Scope};
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
    /// The logical id of the HTTP API to serve, where the template has several.
    pub api: Option<String>,
    /// Where the files lie that the template names; without a folder they are not read.
    pub folder: Option<PathBuf>,
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
        let given = Given { folder: path.parent().map(Path::to_owned), ..given.clone() };
        Self::parse(&source, &given).map_err(|Fault { line, message }| Error { file, line: Some(line), message })
    }

    /// Reads a template from its text.
    pub(crate) fn parse(source: &str, given: &Given) -> Result<Self, Fault> {
        let (mut root, remarks) = document::read(source)?;
        let mut scope = Scope::read(&root, given)?;
        if source.contains(foreach::KEY) {
            root = foreach::expand(&scope, &root)?;
            scope = Scope::read(&root, given)?;
        }
        let mut template = Self::read(&root, &scope, given)?;
        template.warnings.extend(remarks.twice.iter().map(traps::twice));
        template.warnings.extend(remarks.merge.map(traps::merge_key));
        Ok(template)
    }

    fn read(root: &Node, scope: &Scope, given: &Given) -> Result<Self, Fault> {
        let mut top = Section::open(scope, root, "the template")?;
        top.pass(&[
            "AWSTemplateFormatVersion",
            "Conditions",
            "Description",
            "Hooks",
            "Mappings",
            "Metadata",
            "Outputs",
            "Parameters",
            "Rules",
        ]);
        transforms(scope, top.take("Transform")?.as_ref())?;
        let globals = Globals::of(root);
        globals.check(scope, &mut top)?;
        let resources = top.take_raw("Resources").ok_or_else(|| Fault::new(1, "the template has no Resources."))?;
        top.close()?;

        let mut missed = Missed::default();
        let (mut functions, mut tables, mut apis, mut edges) = (Vec::new(), Vec::new(), Apis::default(), Vec::new());
        for Entry { key: id, line, value: resource } in resources.map("Resources")? {
            if id == MACRO {
                scope.not_emulated(*line, "the resources that a macro adds (Fn::Transform) are known only in AWS.");
                continue;
            }
            let Some((kind, properties)) = open(scope, id, resource)? else { continue };
            let properties = globals.merged(scope, &kind, resource, properties)?;
            let line = *line;
            match kind.as_str() {
                "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                    let plain = kind == "AWS::Lambda::Function";
                    let metadata = resource.get("Metadata");
                    functions.push(functions::read(scope, (id, line, plain), &properties, metadata, &mut missed)?);
                }
                "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" => {
                    tables.push(tables::read(scope, id, line, &properties)?);
                }
                "AWS::Serverless::SimpleTable" => tables.push(tables::read_simple(scope, id, line, &properties)?),
                "AWS::Serverless::HttpApi" => {
                    apis.candidates.push(Candidate { id: id.clone(), line, plain: false, properties });
                }
                "AWS::ApiGatewayV2::Api" => apis.add_plain(scope, id, line, properties)?,
                part if v2::PARTS.contains(&part) => {
                    apis.parts.push(v2::Part { id: id.clone(), line, kind, properties })
                }
                "AWS::CloudFront::Distribution" => edges.push((id, line, properties)),
                other => missed.look(scope, id, other, resource, &properties)?,
            }
        }
        missed.told(scope, scope.take_used());
        let mut warnings = Vec::new();
        let served = apis.serve(scope, &functions, globals.api.as_ref(), given.api.as_deref(), &mut warnings)?;
        let api = match served {
            Some(api) => api,
            None => return Err(missed.no_http_api(&resources)),
        };
        missed.note(scope);
        authorizers::name_pools(scope, &api)?;
        let edge = edge::first(scope, &edges, &resources);
        let functions: Vec<Function> = functions.into_iter().map(|declared| declared.function).collect();
        traps::look(&functions, &api, &mut warnings);
        Ok(Self { functions, api, edge, tables, warnings, not_emulated: scope.notes() })
    }
}

/// Macros: SAM's own, and those that are read here.
const TRANSFORMS: [&str; 3] = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "AWS::Include"];

/// Names the macros that only AWS can run.
fn transforms(scope: &Scope, transform: Option<&Node>) -> Result<(), Fault> {
    let Some(transform) = transform else { return Ok(()) };
    let all = match &transform.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(transform),
    };
    for one in all {
        let name = one.get("Name").unwrap_or(one);
        if let Value::Text(name) = &name.value
            && !TRANSFORMS.contains(&name.as_str())
        {
            scope.not_emulated(one.line, format!("the macro {name} is not run: the template is read as it stands."));
        }
    }
    Ok(())
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
        "Connectors",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "IgnoreGlobals",
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

#[cfg(test)]
mod tests;
