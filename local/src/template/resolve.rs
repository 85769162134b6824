//! CloudFormation's functions, resolved as far as one machine can know them: parameters, conditions, names and ARNs
//! of the template's own resources.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::node::{Entry, Fault, Node, Value};

/// The region that every name and ARN carries.
pub const REGION: &str = "eu-central-1";
/// The account that every ARN carries.
pub const ACCOUNT_ID: &str = "123456789012";
/// No sensible template nests deeper; one that refers to itself does.
const MAX_DEPTH: usize = 64;

/// Everything that a reference may mean.
#[derive(Debug)]
pub struct Scope {
    /// The stack's name, with which the names of resources begin.
    pub stack: String,
    parameters: BTreeMap<String, Node>,
    conditions: BTreeMap<String, Node>,
    mappings: BTreeMap<String, Node>,
    resources: BTreeMap<String, Resource>,
    depth: Cell<usize>,
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
    pub fn read(template: &Node, stack: &str, overrides: &BTreeMap<String, String>) -> Result<Self, Fault> {
        let section = |name: &str| -> Result<BTreeMap<String, Node>, Fault> {
            let Some(section) = template.get(name) else { return Ok(BTreeMap::new()) };
            Ok(section.map(name)?.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect())
        };
        let declared = section("Parameters")?;
        if let Some(name) = overrides.keys().find(|name| !declared.contains_key(*name)) {
            return Err(Fault::new(1, format!("there is no parameter `{name}` to give a value to.")));
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in &declared {
            parameters.insert(name.clone(), parameter(name, declaration, overrides.get(name))?);
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
            stack: stack.to_owned(),
            parameters,
            conditions: section("Conditions")?,
            mappings: section("Mappings")?,
            resources,
            depth: Cell::new(0),
        })
    }

    /// A copy without functions; `None` where it is `AWS::NoValue`.
    pub fn resolve(&self, node: &Node) -> Result<Option<Node>, Fault> {
        if self.depth.get() > MAX_DEPTH {
            return Err(node.fault("this refers to itself."));
        }
        self.depth.set(self.depth.get() + 1);
        let resolved = self.resolve_deeper(node);
        self.depth.set(self.depth.get() - 1);
        resolved
    }

    fn resolve_deeper(&self, node: &Node) -> Result<Option<Node>, Fault> {
        let value = match &node.value {
            Value::Null | Value::Text(_) => node.value.clone(),
            Value::List(items) => {
                let items = items.iter().filter_map(|item| self.resolve(item).transpose());
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let mut resolved = Vec::with_capacity(entries.len());
                for entry in entries {
                    if let Some(value) = self.resolve(&entry.value)? {
                        resolved.push(Entry { value, ..entry.clone() });
                    }
                }
                Value::Map(resolved)
            }
            Value::Call(name, argument) => return self.call(node, name, argument),
        };
        Ok(Some(Node { line: node.line, value }))
    }

    fn call(&self, node: &Node, name: &str, argument: &Node) -> Result<Option<Node>, Fault> {
        let text = |text: String| Ok(Some(Node { line: node.line, value: Value::Text(text) }));
        match name {
            "Ref" => self.reference(node, argument.text("Ref's argument")?),
            "GetAtt" => {
                let parts = argument.list("GetAtt's argument")?;
                let [resource, attribute] = parts else {
                    return Err(node.fault("GetAtt takes a resource and an attribute."));
                };
                text(self.attribute(node, resource.text("the resource")?, &self.text(attribute, "the attribute")?)?)
            }
            "Sub" => text(self.substitute(node, argument)?),
            "If" => {
                let [condition, yes, no] = argument.list("If's argument")? else {
                    return Err(node.fault("If takes a condition and two values."));
                };
                let holds = self.condition(node, condition.text("If's condition")?)?;
                self.resolve(if holds { yes } else { no })
            }
            "Join" => {
                let [separator, items] = argument.list("Join's argument")? else {
                    return Err(node.fault("Join takes a separator and a list."));
                };
                let items = self.value(items, "Join's list")?;
                let items: Result<Vec<&str>, _> =
                    items.list("Join's list")?.iter().map(|item| item.text("an item of Join's list")).collect();
                text(items?.join(separator.text("Join's separator")?))
            }
            "Split" => {
                let [separator, source] = argument.list("Split's argument")? else {
                    return Err(node.fault("Split takes a separator and a text."));
                };
                let source = self.text(source, "Split's text")?;
                let part = |part: &str| Node { line: node.line, value: Value::Text(part.to_owned()) };
                let parts = source.split(separator.text("Split's separator")?).map(part).collect();
                Ok(Some(Node { line: node.line, value: Value::List(parts) }))
            }
            "Select" => {
                let [index, items] = argument.list("Select's argument")? else {
                    return Err(node.fault("Select takes an index and a list."));
                };
                let index = self.value(index, "Select's index")?.number("Select's index")?;
                let items = self.value(items, "Select's list")?;
                let items = items.list("Select's list")?;
                let chosen = usize::try_from(index).ok().and_then(|index| items.get(index));
                chosen.cloned().map(Some).ok_or_else(|| node.fault(format!("the list has no item {index}.")))
            }
            "FindInMap" => {
                let [map, first, second] = argument.list("FindInMap's argument")? else {
                    return Err(node.fault("FindInMap takes a map and two keys."));
                };
                let (map, first, second) =
                    (self.text(map, "the map")?, self.text(first, "the key")?, self.text(second, "the key")?);
                let found = self.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
                found.cloned().map(Some).ok_or_else(|| node.fault(format!("Mappings has no `{map}.{first}.{second}`.")))
            }
            "Equals" | "And" | "Or" | "Not" | "Condition" => text(self.test(node)?.to_string()),
            "ImportValue" => {
                Err(node.fault("another stack's exports are not known on one machine; make it a parameter."))
            }
            _ => Err(node
                .fault(format!("the function `{name}` is not resolved on one machine; make its result a parameter."))),
        }
    }

    /// A resolved node where a value is needed.
    pub fn value(&self, node: &Node, what: &str) -> Result<Node, Fault> {
        self.resolve(node)?.ok_or_else(|| node.fault(format!("{what} has no value.")))
    }

    fn text(&self, node: &Node, what: &str) -> Result<String, Fault> {
        Ok(self.value(node, what)?.text(what)?.to_owned())
    }

    fn reference(&self, node: &Node, name: &str) -> Result<Option<Node>, Fault> {
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

    fn attribute(&self, node: &Node, id: &str, attribute: &str) -> Result<String, Fault> {
        let kind = self.resource(node, id)?.kind.as_str();
        let name = self.name(node, id)?;
        match (kind, attribute) {
            ("AWS::Serverless::Function", "Arn") => Ok(format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")),
            ("AWS::DynamoDB::Table", "Arn") => Ok(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}")),
            ("AWS::Logs::LogGroup", "Arn") => Ok(format!("arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}:*")),
            ("AWS::Serverless::HttpApi", "ApiId") => Ok(name),
            _ => Err(node.fault(format!("`{id}.{attribute}` is not known on one machine (a {kind})."))),
        }
    }

    fn substitute(&self, node: &Node, argument: &Node) -> Result<String, Fault> {
        let (pattern, variables) = match &argument.value {
            Value::Text(pattern) => (pattern.as_str(), &[][..]),
            Value::List(parts) => match parts.as_slice() {
                [pattern, variables] => (pattern.text("Sub's text")?, variables.map("Sub's variables")?),
                _ => return Err(node.fault("Sub takes a text, or a text and variables.")),
            },
            _ => return Err(node.fault("Sub takes a text, or a text and variables.")),
        };
        let mut text = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let (name, after) =
                after.split_once('}').ok_or_else(|| node.fault("a `${` in Sub's text has no closing brace."))?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                text.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let variable = variables.iter().find(|entry| entry.key == name);
            text.push_str(&match (variable, name.split_once('.')) {
                (Some(variable), _) => self.text(&variable.value, name)?,
                (None, Some((resource, attribute))) => self.attribute(node, resource, attribute)?,
                (None, None) => match self.reference(node, name)? {
                    Some(value) => value.text(name)?.to_owned(),
                    None => return Err(node.fault(format!("`{name}` has no value."))),
                },
            });
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Whether a condition of the template holds.
    pub fn condition(&self, node: &Node, name: &str) -> Result<bool, Fault> {
        let condition =
            self.conditions.get(name).ok_or_else(|| node.fault(format!("there is no condition `{name}`.")))?;
        self.test(condition)
    }

    fn test(&self, node: &Node) -> Result<bool, Fault> {
        if self.depth.get() > MAX_DEPTH {
            return Err(node.fault("this condition refers to itself."));
        }
        self.depth.set(self.depth.get() + 1);
        let outcome = self.test_deeper(node);
        self.depth.set(self.depth.get() - 1);
        outcome
    }

    fn test_deeper(&self, node: &Node) -> Result<bool, Fault> {
        let unknown = || node.fault("a condition is made of Equals, And, Or, Not and Condition.");
        let (name, argument) = match &node.value {
            Value::Call(name, argument) => (name.as_str(), argument.as_ref()),
            // The long form of `!Condition Name`.
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, value, .. }] if key == "Condition" => ("Condition", value),
                _ => return Err(unknown()),
            },
            _ => return Err(unknown()),
        };
        match name {
            "Condition" => self.condition(node, argument.text("Condition's name")?),
            "Equals" => match argument.list("Equals' argument")? {
                [left, right] => Ok(self.value(left, "it")?.value == self.value(right, "it")?.value),
                _ => Err(node.fault("Equals takes two values.")),
            },
            "Not" => match argument.list("Not's argument")? {
                [only] => Ok(!self.test(only)?),
                _ => Err(node.fault("Not takes one condition.")),
            },
            "And" | "Or" => {
                let results: Result<Vec<bool>, _> =
                    argument.list("the conditions")?.iter().map(|condition| self.test(condition)).collect();
                let results = results?;
                Ok(if name == "And" { results.iter().all(|yes| *yes) } else { results.iter().any(|yes| *yes) })
            }
            _ => Err(unknown()),
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

    const TEMPLATE: &str = r#"
Parameters:
  Stage: {Type: String, Default: development, AllowedValues: [development, production]}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Rate: {Type: Number, Default: 2.5}
Mappings:
  Sizes: {small: {memory: 128}}
Conditions:
  IsDevelopment: !Equals [!Ref Stage, development]
  IsProduction: !Not [!Condition IsDevelopment]
  Either: {"Fn::Or": [{Condition: IsDevelopment}, !Condition IsProduction]}
  Both: !And [!Condition IsDevelopment, !Condition IsProduction]
  Circle: !Not [!Condition Circle]
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Fn: {Type: AWS::Serverless::Function}
  Named: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${AWS::StackName}.mine"}}
  Later: {Type: AWS::DynamoDB::Table, Condition: IsProduction}
  Role: {Type: AWS::IAM::Role}
"#;

    fn scope(overrides: &[(&str, &str)]) -> Result<Scope, Fault> {
        let overrides = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Scope::read(&Node::parse(TEMPLATE).unwrap(), "shop", &overrides)
    }

    fn eval(expression: &str) -> Result<Value, Fault> {
        let node = Node::parse(&format!("\nx: {expression}\n")).unwrap();
        Ok(scope(&[])?.resolve(node.get("x").unwrap())?.map_or(Value::Null, |node| node.value))
    }

    #[test]
    fn every_function_resolves() {
        for (expression, expected) in [
            ("!Ref Stage", "development"),
            ("!Ref Rate", "2.5"),
            ("!Ref AWS::StackName", "shop"),
            ("!Ref Table", "shop-Table"),
            ("!Ref Named", "shop.mine"),
            ("!GetAtt Fn.Arn", "arn:aws:lambda:eu-central-1:123456789012:function:shop-Fn"),
            ("{'Fn::GetAtt': [Table, Arn]}", "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-Table"),
            (
                "!Sub '${Stage}-${Table.Arn}-${!Kept}'",
                "development-arn:aws:dynamodb:eu-central-1:123456789012:table/shop-Table-${Kept}",
            ),
            ("!Sub ['${A}/${Stage}', {A: !Ref Table}]", "shop-Table/development"),
            ("!Join ['-', [a, !Ref Stage, b]]", "a-development-b"),
            ("!Join ['', !Ref Zones]", "ab"),
            ("!Select [1, !Split ['.', 'a.b.c']]", "b"),
            ("!If [IsDevelopment, yes, no]", "yes"),
            ("!If [Either, !If [Both, a, b], c]", "b"),
            ("!FindInMap [Sizes, small, memory]", "128"),
        ] {
            assert_eq!(eval(expression), Ok(Value::Text(expected.to_owned())), "{expression}");
        }
        assert_eq!(
            eval("[a, !Ref AWS::NoValue]").map(|value| matches!(value, Value::List(items) if items.len() == 1)),
            Ok(true)
        );
    }

    #[test]
    fn what_is_unknown_names_its_line() {
        for (expression, expected) in [
            ("!Ref Nobody", "there is no parameter or resource `Nobody`."),
            ("!GetAtt Role.Arn", "`Role.Arn` is not known on one machine (a AWS::IAM::Role)."),
            ("!ImportValue other", "another stack's exports are not known on one machine; make it a parameter."),
            ("!Base64 x", "the function `Base64` is not resolved on one machine; make its result a parameter."),
            ("!If [Never, 1, 2]", "there is no condition `Never`."),
            ("!Ref Later", "`Later` does not exist while its condition `IsProduction` is false."),
            ("!Sub '${Table'", "a `${` in Sub's text has no closing brace."),
            ("!Select [5, [a]]", "the list has no item 5."),
        ] {
            assert_eq!(eval(expression), Err(Fault::new(2, expected)), "{expression}");
        }
        assert!(eval("!If [Circle, 1, 2]").is_err_and(|fault| fault.message.contains("refers to itself")));
    }

    #[test]
    fn parameters_are_checked() {
        let production = scope(&[("Stage", "production")]).unwrap();
        assert_eq!(production.condition(&Node { line: 1, value: Value::Null }, "IsProduction"), Ok(true));
        assert_eq!(scope(&[("Stage", "x")]).unwrap_err().line, 3);
        assert_eq!(
            scope(&[("Rate", "fast")]).unwrap_err(),
            Fault::new(5, "parameter `Rate` must be a number, not `fast`.")
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
