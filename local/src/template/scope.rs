//! What a reference may mean: parameters, pseudo parameters, and the template's own resources, whose names and attributes
//! are in `names.rs`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::globals::Globals;
use super::node::{Entry, Fault, Node, Value};
use super::parameters::Parameter;
use super::resolve::MAX_WORK;
use super::{Given, foreach};

/// The region that every name and ARN carries.
pub const REGION: &str = "eu-central-1";
/// The account that every ARN carries.
pub const ACCOUNT_ID: &str = "123456789012";
/// What SAM calls the HTTP API of events that name none.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-httpapi.html>
pub const IMPLICIT_API: &str = "ServerlessHttpApi";

/// What stands in place of a key where a macro adds entries.
pub const MACRO: &str = "Fn::Transform";

/// Everything that a reference may mean.
#[derive(Debug)]
pub struct Scope {
    /// The stack's name, with which the names of resources begin.
    pub stack: String,
    /// Where files that the template names are looked for; without one they are not.
    pub folder: Option<PathBuf>,
    parameters: BTreeMap<String, Parameter>,
    pub(super) attributes: BTreeMap<String, String>,
    /// Values for variables that are dynamic references.
    pub secrets: BTreeMap<String, String>,
    pub(super) conditions: BTreeMap<String, Node>,
    pub(super) mappings: BTreeMap<String, Node>,
    pub(super) resources: BTreeMap<String, Resource>,
    /// The resources that were referred to since somebody began to watch.
    used: RefCell<BTreeSet<String>>,
    not_emulated: RefCell<BTreeSet<(usize, String)>>,
    pub(super) depth: Cell<usize>,
    /// How much more may be resolved.
    pub(super) work: Cell<usize>,
}

/// A resource as it stands in the template.
#[derive(Debug)]
pub struct Resource {
    pub(super) kind: String,
    pub(super) line: usize,
    condition: Option<String>,
    /// With the globals in them.
    properties: Option<Node>,
}

impl Resource {
    /// A property as it is written.
    pub(super) fn property(&self, name: &str) -> Option<&Node> {
        self.properties.as_ref()?.get(name)
    }
}

impl Scope {
    /// Reads parameters, conditions, mappings and the names of resources.
    pub fn read(template: &Node, given: &Given) -> Result<Self, Fault> {
        let section = |name: &str| -> Result<BTreeMap<String, Node>, Fault> {
            let Some(section) = template.get(name) else { return Ok(BTreeMap::new()) };
            Ok(section.map(name)?.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect())
        };
        let declared = section("Parameters")?;
        if let Some(name) = given.parameters.keys().find(|name| !declared.contains_key(*name)) {
            return Err(Fault::new(1, format!("there is no parameter `{name}` to give a value to.")));
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in &declared {
            let value = given.parameters.get(name).or_else(|| given.stand_ins.get(name));
            parameters.insert(name.clone(), Parameter::read(name, declaration, value)?);
        }
        let mut scope = Self {
            stack: given.stack.clone(),
            folder: given.folder.clone(),
            parameters,
            attributes: given.attributes.clone(),
            secrets: given.secrets.clone(),
            conditions: section("Conditions")?,
            mappings: section("Mappings")?,
            resources: BTreeMap::new(),
            used: RefCell::default(),
            not_emulated: RefCell::default(),
            depth: Cell::new(0),
            work: Cell::new(MAX_WORK),
        };
        let globals = Globals::of(template);
        for (id, resource) in section("Resources")? {
            // A loop is read once it is written out, and what a macro adds is known only in AWS.
            if id.starts_with(foreach::KEY) || id == MACRO {
                continue;
            }
            let resource = declared_resource(&scope, &id, &resource, &globals)?;
            scope.resources.insert(id, resource);
        }
        made_by_sam(&mut scope.resources, globals);
        Ok(scope)
    }

    /// Notes, once, what the template asks for and nobody does here: a sentence.
    pub fn not_emulated(&self, line: usize, sentence: impl Into<String>) {
        self.not_emulated.borrow_mut().insert((line, sentence.into()));
    }

    /// What was noted, by the lines of the template.
    pub fn notes(&self) -> Vec<String> {
        let notes = self.not_emulated.take();
        notes.into_iter().map(|(line, sentence)| format!("line {line}: {sentence}")).collect()
    }

    /// The resources that were referred to since this was last asked.
    pub fn take_used(&self) -> BTreeSet<String> {
        self.used.take()
    }

    /// Counts resources as referred to.
    pub fn use_again(&self, ids: BTreeSet<String>) {
        self.used.borrow_mut().extend(ids);
    }

    /// What `Ref` gives.
    pub(super) fn reference(&self, node: &Node, name: &str) -> Result<Option<Node>, Fault> {
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::StackName" => self.stack.clone(),
            "AWS::StackId" => format!("arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{}/local", self.stack),
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT_ID.to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::NotificationARNs" => return Ok(Some(Node { line: node.line, value: Value::List(Vec::new()) })),
            _ => match self.parameters.get(name) {
                Some(parameter) => return Ok(Some(Node { line: node.line, value: parameter.value(node)? })),
                None => return Ok(Some(Node { line: node.line, value: self.referred(node, name)? })),
            },
        };
        Ok(Some(Node { line: node.line, value: Value::Text(text) }))
    }

    /// A resource that is there.
    pub(super) fn resource(&self, node: &Node, id: &str) -> Result<&Resource, Fault> {
        let resource =
            self.resources.get(id).ok_or_else(|| node.fault(format!("there is no parameter or resource `{id}`.")))?;
        if let Some(condition) = &resource.condition
            && !self.condition(node, condition)?
        {
            return Err(node.fault(format!("`{id}` does not exist while its condition `{condition}` is false.")));
        }
        self.used.borrow_mut().insert(id.to_owned());
        Ok(resource)
    }
}

fn declared_resource(scope: &Scope, id: &str, resource: &Node, globals: &Globals) -> Result<Resource, Fault> {
    let kind = resource.get("Type").ok_or_else(|| resource.fault(format!("resource `{id}` has no Type.")))?;
    let condition = resource.get("Condition").map(|name| name.text("Condition")).transpose()?;
    let kind = kind.text("Type")?.to_owned();
    let none = || Node { line: resource.line, value: Value::Map(Vec::new()) };
    let own = resource.get("Properties").cloned().unwrap_or_else(none);
    let properties = Some(globals.merged(scope, &kind, resource, own)?);
    Ok(Resource { kind, line: resource.line, condition: condition.map(str::to_owned), properties })
}

/// Adds the resources that SAM makes and a template may refer to: a function's role, and the implicit APIs.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html>
fn made_by_sam(resources: &mut BTreeMap<String, Resource>, globals: Globals) {
    let api = |kind: &str, properties| Resource { kind: kind.to_owned(), line: 1, condition: None, properties };
    let runs = |kind: &str| matches!(kind, "AWS::Serverless::Function" | "AWS::Serverless::StateMachine");
    let mut more: Vec<(String, Resource)> = Vec::new();
    for (id, owner) in resources.iter().filter(|(_, resource)| runs(&resource.kind)) {
        let path = owner.property("RolePath").map(|path| {
            let path = Entry { key: "Path".to_owned(), line: path.line, value: path.clone() };
            Node { line: path.line, value: Value::Map(vec![path]) }
        });
        let (kind, condition) = ("AWS::IAM::Role".to_owned(), owner.condition.clone());
        more.push((format!("{id}Role"), Resource { kind, line: owner.line, condition, properties: path }));
    }
    if !more.is_empty() {
        more.push((IMPLICIT_API.to_owned(), api("AWS::Serverless::HttpApi", globals.api)));
        more.push(("ServerlessRestApi".to_owned(), api("AWS::Serverless::Api", None)));
    }
    for (id, resource) in more {
        resources.entry(id).or_insert(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(parameters: &[(&str, &str)]) -> Result<Scope, Fault> {
        let template = "
Parameters:
  Stage: {Type: String, Default: development, AllowedValues: [development, production]}
  Rate: {Type: Number, Default: 2.5}
Conditions:
  IsProduction: !Equals [!Ref Stage, production]
Resources: {}
";
        let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Scope::read(&Node::parse(template)?, &Given { parameters, ..Given::defaults("shop") })
    }

    #[test]
    fn parameters_are_checked() {
        let production = scope(&[("Stage", "production")]).unwrap();
        assert_eq!(production.condition(&Node { line: 1, value: Value::Null }, "IsProduction"), Ok(true));
        assert_eq!(scope(&[("Stage", "x")]).unwrap_err().line, 3);
        assert_eq!(
            scope(&[("Rate", "fast")]).unwrap_err(),
            Fault::new(4, "parameter `Rate` must be a number, not `fast`.")
        );
        assert!(scope(&[("Nobody", "x")]).is_err());
    }
}
