//! The template's DynamoDB tables.

use super::model::{Attribute, AttributeKind, Index, KeyPart, KeyRole, Projection, Table};
use super::node::{Fault, Node, Value};
use super::scope::Scope;
use super::section::Section;

/// What matters only in AWS: durability, encryption, capacity, replicas. Tables made here are on-demand.
const ONLY_IN_AWS: [&str; 21] = [
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "GlobalTableSettingsReplicationMode",
    "GlobalTableSourceArn",
    "GlobalTableWitnesses",
    "MultiRegionConsistency",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ProvisionedThroughput",
    "ReadOnDemandThroughputSettings",
    "ReadProvisionedThroughputSettings",
    "Replicas",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "TableName",
    "Tags",
    "WarmThroughput",
    "WriteOnDemandThroughputSettings",
    "WriteProvisionedThroughputSettings",
];

/// What a table does beside keeping items, and what becomes of it here.
const NOT_HERE: [(&str, &str); 3] = [
    ("StreamSpecification", "has no stream here: whoever reads it is called by nobody"),
    ("KinesisStreamSpecification", "streams to no Kinesis here"),
    ("ImportSourceSpecification", "is not filled from S3 here: it begins empty"),
];

/// Reads an `AWS::DynamoDB::Table` or an `AWS::DynamoDB::GlobalTable`.
pub fn read(scope: &Scope, id: &str, line: usize, properties: &Node) -> Result<Table, Fault> {
    let mut section = Section::open(scope, properties, format!("table `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    for (property, becomes) in NOT_HERE {
        if let Some(node) = section.asks_for(property)? {
            scope.not_emulated(node.line, format!("the table `{id}` {becomes}."));
        }
    }
    let mut attributes = Vec::new();
    for node in section.required("AttributeDefinitions")?.list("AttributeDefinitions")? {
        attributes.push(attribute(scope, node)?);
    }
    let key_schema = keys(scope, &section.required("KeySchema")?, &attributes)?;
    let mut secondary = |key: &str| -> Result<Vec<Index>, Fault> {
        let Some(node) = section.take(key)? else { return Ok(Vec::new()) };
        node.list(key)?.iter().map(|node| index(scope, node, &attributes)).collect()
    };
    let (indexes, local_indexes) = (secondary("GlobalSecondaryIndexes")?, secondary("LocalSecondaryIndexes")?);
    let partition = key_schema.first();
    if let Some(index) = local_indexes.iter().find(|index| index.key_schema.first() != partition) {
        return Err(Fault::new(
            line,
            format!("the local index `{}` must have the partition key of its table.", index.name),
        ));
    }
    let ttl_attribute = match section.section("TimeToLiveSpecification")? {
        Some(mut ttl) => {
            let name = ttl.text("AttributeName")?;
            let enabled = ttl.required("Enabled")?.boolean("Enabled")?;
            if enabled && name.is_none() {
                return Err(Fault::new(ttl.line(), format!("TimeToLiveSpecification of `{id}` has no AttributeName.")));
            }
            ttl.close()?;
            name.filter(|_| enabled)
        }
        None => None,
    };
    section.close()?;
    let used = |name: &str| {
        let indexed = indexes.iter().chain(&local_indexes).flat_map(|index| &index.key_schema);
        key_schema.iter().chain(indexed).any(|part| part.attribute == name)
    };
    if let Some(spare) = attributes.iter().find(|attribute| !used(&attribute.name)) {
        return Err(Fault::new(
            line,
            format!("table `{id}` defines the attribute `{}`, but no key uses it.", spare.name),
        ));
    }
    let name = scope.name(&Node { line, value: Value::Null }, id)?;
    Ok(Table { logical_id: id.to_owned(), name, attributes, key_schema, indexes, local_indexes, ttl_attribute, line })
}

/// Reads an `AWS::Serverless::SimpleTable`, whose key is one attribute, `id` unless it says another.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-simpletable.html>
pub fn read_simple(scope: &Scope, id: &str, line: usize, properties: &Node) -> Result<Table, Fault> {
    let mut section = Section::open(scope, properties, format!("table `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    let (mut name, mut kind) = ("id".to_owned(), AttributeKind::Text);
    if let Some(mut key) = section.section("PrimaryKey")? {
        name = key.text("Name")?.unwrap_or(name);
        if let Some(node) = key.take("Type")? {
            kind = match node.text("Type")? {
                "String" => AttributeKind::Text,
                "Number" => AttributeKind::Number,
                "Binary" => AttributeKind::Binary,
                other => return Err(node.fault(format!("Type must be String, Number or Binary, not `{other}`."))),
            };
        }
        key.close()?;
    }
    section.close()?;
    Ok(Table {
        logical_id: id.to_owned(),
        name: scope.name(&Node { line, value: Value::Null }, id)?,
        attributes: vec![Attribute { name: name.clone(), kind }],
        key_schema: vec![KeyPart { attribute: name, role: KeyRole::Hash }],
        indexes: Vec::new(),
        local_indexes: Vec::new(),
        ttl_attribute: None,
        line,
    })
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
    section.pass(&ONLY_IN_AWS);
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
