//! What a reference may mean: parameters, pseudo parameters, names and attributes of the template's own resources.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::Given;
use super::node::{Fault, Node, Value};
use super::resolve::MAX_WORK;

/// The region that every name and ARN carries.
pub const REGION: &str = "eu-central-1";
/// The account that every ARN carries.
pub const ACCOUNT_ID: &str = "123456789012";

/// Everything that a reference may mean.
#[derive(Debug)]
pub struct Scope {
    /// The stack's name, with which the names of resources begin.
    pub stack: String,
    parameters: BTreeMap<String, Node>,
    attributes: BTreeMap<String, String>,
    /// Values for variables that are dynamic references.
    pub secrets: BTreeMap<String, String>,
    pub(super) conditions: BTreeMap<String, Node>,
    pub(super) mappings: BTreeMap<String, Node>,
    resources: BTreeMap<String, Resource>,
    pub(super) depth: Cell<usize>,
    /// How much more may be resolved.
    pub(super) work: Cell<usize>,
}

/// A resource as it stands in the template.
#[derive(Debug)]
struct Resource {
    kind: String,
    condition: Option<String>,
    name: Option<Node>,
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
            parameters.insert(name.clone(), parameter(name, declaration, value)?);
        }
        let mut resources = BTreeMap::new();
        for (id, resource) in section("Resources")? {
            let kind = resource.get("Type").ok_or_else(|| resource.fault(format!("resource `{id}` has no Type.")))?;
            let kind = kind.text("Type")?.to_owned();
            let condition = resource.get("Condition").map(|name| name.text("Condition")).transpose()?;
            let name = name_property(&kind).and_then(|name| resource.get("Properties")?.get(name)).cloned();
            resources.insert(id, Resource { condition: condition.map(str::to_owned), kind, name });
        }
        Ok(Self {
            stack: given.stack.clone(),
            parameters,
            attributes: given.attributes.clone(),
            secrets: given.secrets.clone(),
            conditions: section("Conditions")?,
            mappings: section("Mappings")?,
            resources,
            depth: Cell::new(0),
            work: Cell::new(MAX_WORK),
        })
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
            _ => match self.parameters.get(name) {
                Some(value) => return Ok(Some(Node { line: node.line, value: value.value.clone() })),
                None => self.name(node, name)?,
            },
        };
        Ok(Some(Node { line: node.line, value: Value::Text(text) }))
    }

    fn resource(&self, node: &Node, id: &str) -> Result<&Resource, Fault> {
        let resource =
            self.resources.get(id).ok_or_else(|| node.fault(format!("there is no parameter or resource `{id}`.")))?;
        if let Some(condition) = &resource.condition
            && !self.condition(node, condition)?
        {
            return Err(node.fault(format!("`{id}` does not exist while its condition `{condition}` is false.")));
        }
        Ok(resource)
    }

    /// What `Ref` gives for a resource: its name.
    pub fn name(&self, node: &Node, id: &str) -> Result<String, Fault> {
        let resource = self.resource(node, id)?;
        match (&resource.name, resource.kind.as_str()) {
            (Some(name), _) => self.text(name, "the name"),
            (None, "AWS::Serverless::HttpApi") => Ok(api_id(&self.stack, id)),
            (None, _) => Ok(format!("{}-{id}", self.stack)),
        }
    }

    /// What `GetAtt` gives.
    pub(super) fn attribute(&self, node: &Node, id: &str, attribute: &str) -> Result<String, Fault> {
        let kind = self.resource(node, id)?.kind.as_str();
        let name = self.name(node, id)?;
        match (kind, attribute) {
            ("AWS::Serverless::Function", "Arn") => Ok(format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")),
            ("AWS::DynamoDB::Table", "Arn") => Ok(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}")),
            ("AWS::Logs::LogGroup", "Arn") => Ok(format!("arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}:*")),
            ("AWS::Serverless::HttpApi", "ApiId") => Ok(name),
            _ if let Some(given) = self.attributes.get(&format!("{id}.{attribute}")) => Ok(given.clone()),
            _ => Err(node.fault(format!("`{id}.{attribute}` is not known on one machine (a {kind})."))),
        }
    }
}

fn parameter(name: &str, declaration: &Node, given: Option<&String>) -> Result<Node, Fault> {
    let line = declaration.line;
    let kind = declaration.get("Type").ok_or_else(|| Fault::new(line, format!("parameter `{name}` has no Type.")))?;
    let kind = kind.text("Type")?;
    let value = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(Node { value: Value::Null, .. })) => String::new(),
        (None, Some(default)) => default.text("Default")?.to_owned(),
        (None, None) => {
            return Err(Fault::new(line, format!("parameter `{name}` has no Default and was given no value.")));
        }
    };
    if let Some(allowed) = declaration.get("AllowedValues") {
        let allowed: Result<Vec<&str>, _> = allowed.list("AllowedValues")?.iter().map(|one| one.text("it")).collect();
        let allowed = allowed?;
        if !allowed.contains(&value.as_str()) {
            let allowed = allowed.join(", ");
            return Err(Fault::new(line, format!("parameter `{name}` is `{value}`, but must be one of {allowed}.")));
        }
    }
    let value = match kind {
        "String" => Value::Text(value),
        "Number" if is_number(&value) => Value::Text(value),
        "Number" => return Err(Fault::new(line, format!("parameter `{name}` must be a number, not `{value}`."))),
        "CommaDelimitedList" | "List<Number>" => {
            let item = |item: &str| Node { line, value: Value::Text(item.trim().to_owned()) };
            Value::List(value.split(',').map(item).collect())
        }
        _ => {
            return Err(Fault::new(
                line,
                format!("parameter `{name}` has the type {kind}, which one machine cannot look up."),
            ));
        }
    };
    Ok(Node { line, value })
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The property that names a resource of this type.
fn name_property(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::Serverless::Function" => Some("FunctionName"),
        "AWS::DynamoDB::Table" => Some("TableName"),
        "AWS::Logs::LogGroup" => Some("LogGroupName"),
        _ => None,
    }
}

/// An API's id is ten characters of `a-z0-9`; the same stack always gets the same one (FNV-1a in base 36).
fn api_id(stack: &str, logical_id: &str) -> String {
    let bytes = stack.bytes().chain([0]).chain(logical_id.bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut id = String::with_capacity(10);
    for _ in 0..10 {
        id.push(char::from_digit(u32::try_from(hash % 36).unwrap_or(0), 36).unwrap_or('0'));
        hash /= 36;
    }
    id
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

    #[test]
    fn an_api_id_looks_like_one() {
        let id = api_id("shop", "Api");
        assert!(id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
        assert_ne!(id, api_id("shop2", "Api"));
    }
}
