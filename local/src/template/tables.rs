//! The template's DynamoDB tables.

use super::model::{Attribute, AttributeKind, Index, KeyPart, KeyRole, Projection, Table};
use super::node::{Fault, Node, Value};
use super::scope::Scope;
use super::section::Section;

/// What matters only in AWS: durability, encryption, capacity. Tables made here are on-demand.
const ONLY_IN_AWS: [&str; 11] = [
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ProvisionedThroughput",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "TableName",
    "Tags",
];

/// Reads one table.
pub fn read(scope: &Scope, id: &str, line: usize, properties: &Node) -> Result<Table, Fault> {
    let mut section = Section::open(scope, properties, format!("table `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    let mut attributes = Vec::new();
    for node in section.required("AttributeDefinitions")?.list("AttributeDefinitions")? {
        attributes.push(attribute(scope, node)?);
    }
    let key_schema = keys(scope, &section.required("KeySchema")?, &attributes)?;
    let mut indexes = Vec::new();
    if let Some(node) = section.take("GlobalSecondaryIndexes")? {
        for node in node.list("GlobalSecondaryIndexes")? {
            indexes.push(index(scope, node, &attributes)?);
        }
    }
    let ttl_attribute = match section.section("TimeToLiveSpecification")? {
        Some(mut ttl) => {
            let name = ttl.required_text("AttributeName")?;
            let enabled = ttl.required("Enabled")?.boolean("Enabled")?;
            ttl.close()?;
            enabled.then_some(name)
        }
        None => None,
    };
    section.close()?;
    let used = |name: &str| {
        key_schema.iter().chain(indexes.iter().flat_map(|index| &index.key_schema)).any(|part| part.attribute == name)
    };
    if let Some(spare) = attributes.iter().find(|attribute| !used(&attribute.name)) {
        return Err(Fault::new(
            line,
            format!("table `{id}` defines the attribute `{}`, but no key uses it.", spare.name),
        ));
    }
    let name = scope.name(&Node { line, value: Value::Null }, id)?;
    Ok(Table { logical_id: id.to_owned(), name, attributes, key_schema, indexes, ttl_attribute, line })
}

fn attribute(scope: &Scope, node: &Node) -> Result<Attribute, Fault> {
    let mut section = Section::open(scope, node, "an attribute definition")?;
    let name = section.required_text("AttributeName")?;
    let kind = match section.required_text("AttributeType")?.as_str() {
        "S" => AttributeKind::Text,
        "N" => AttributeKind::Number,
        "B" => AttributeKind::Binary,
        other => return Err(node.fault(format!("AttributeType must be S, N or B, not `{other}`."))),
    };
    section.close()?;
    Ok(Attribute { name, kind })
}

fn keys(scope: &Scope, node: &Node, attributes: &[Attribute]) -> Result<Vec<KeyPart>, Fault> {
    let mut parts = Vec::new();
    for node in node.list("KeySchema")? {
        let mut section = Section::open(scope, node, "a part of a key")?;
        let attribute = section.required_text("AttributeName")?;
        let role = match section.required_text("KeyType")?.as_str() {
            "HASH" => KeyRole::Hash,
            "RANGE" => KeyRole::Range,
            other => return Err(node.fault(format!("KeyType must be HASH or RANGE, not `{other}`."))),
        };
        section.close()?;
        if !attributes.iter().any(|known| known.name == attribute) {
            return Err(node.fault(format!("the key uses `{attribute}`, which AttributeDefinitions does not have.")));
        }
        parts.push(KeyPart { attribute, role });
    }
    let roles: Vec<KeyRole> = parts.iter().map(|part| part.role).collect();
    match roles.as_slice() {
        [KeyRole::Hash] | [KeyRole::Hash, KeyRole::Range] => Ok(parts),
        _ => Err(node.fault("a key is one HASH and, after it, at most one RANGE.")),
    }
}

fn index(scope: &Scope, node: &Node, attributes: &[Attribute]) -> Result<Index, Fault> {
    let mut section = Section::open(scope, node, "an index")?;
    section.pass(&["ContributorInsightsSpecification", "OnDemandThroughput", "ProvisionedThroughput"]);
    let name = section.required_text("IndexName")?;
    let key_schema = keys(scope, &section.required("KeySchema")?, attributes)?;
    let Some(mut projection) = section.section("Projection")? else {
        return Err(node.fault(format!("index `{name}` has no Projection.")));
    };
    let kind = projection.required("ProjectionType")?;
    let extra = projection.take("NonKeyAttributes")?;
    let projection_of = match (kind.text("ProjectionType")?, extra) {
        ("ALL", None) => Projection::All,
        ("KEYS_ONLY", None) => Projection::KeysOnly,
        ("INCLUDE", Some(extra)) => {
            let names: Result<Vec<String>, _> = extra
                .list("NonKeyAttributes")?
                .iter()
                .map(|name| name.text("an attribute's name").map(str::to_owned))
                .collect();
            Projection::Include(names?)
        }
        (other, _) => {
            return Err(kind.fault(format!("the projection `{other}` and its NonKeyAttributes do not go together.")));
        }
    };
    projection.close()?;
    section.close()?;
    Ok(Index { name, key_schema, projection: projection_of })
}
