//! Creates the template's tables in any DynamoDB; those that exist stay as they are.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex,
    Projection as ProjectionOf, ProjectionType, ScalarAttributeType, TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::Error;
use crate::database::describe;
use crate::template::{Attribute, AttributeKind, Index, KeyPart, KeyRole, Projection, Table};

/// AWS takes some seconds for a table; a minute without one is a failure.
const TRIES: u32 = 120;
const BETWEEN: Duration = Duration::from_millis(500);

/// Creates what is missing, waits until all of it can be used, and switches on expiry.
///
/// # Errors
/// A table cannot be made, or does not become usable.
pub async fn create(client: &Client, tables: &[Table]) -> Result<(), Error> {
    for table in tables {
        create_one(client, table).await?;
    }
    for table in tables {
        wait(client, &table.name).await?;
        if let Some(attribute) = &table.ttl_attribute {
            expire(client, &table.name, attribute).await?;
        }
    }
    Ok(())
}

async fn create_one(client: &Client, table: &Table) -> Result<(), Error> {
    let unfit = |error: BuildError| failed(&table.name, &error.to_string());
    let attributes: Result<_, _> = table.attributes.iter().map(attribute).collect();
    let indexes: Result<Vec<_>, _> = table.indexes.iter().map(index).collect();
    let indexes = indexes.map_err(unfit)?;
    let local_indexes: Result<Vec<_>, _> = table.local_indexes.iter().map(local_index).collect();
    let local_indexes = local_indexes.map_err(unfit)?;
    let answer = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.map_err(unfit)?))
        .set_key_schema(Some(keys(&table.key_schema).map_err(unfit)?))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .set_local_secondary_indexes(Some(local_indexes).filter(|indexes| !indexes.is_empty()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(failed(&table.name, &describe(&error))),
    }
}

/// A read tells whether a table can be used. DescribeTable would too, but embedded it counts every item first.
async fn wait(client: &Client, name: &str) -> Result<(), Error> {
    for _ in 0..TRIES {
        match client.scan().table_name(name).limit(1).send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => tokio::time::sleep(BETWEEN).await,
            Err(error) => return Err(failed(name, &describe(&error))),
        }
    }
    Err(failed(name, "it did not become active in a minute"))
}

async fn expire(client: &Client, name: &str, attribute: &str) -> Result<(), Error> {
    let answer = client.describe_time_to_live().table_name(name).send().await;
    let state = answer.map_err(|error| failed(name, &describe(&error)))?.time_to_live_description;
    if matches!(
        state.and_then(|state| state.time_to_live_status),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
    let specification = specification.map_err(|error| failed(name, &error.to_string()))?;
    let answer = client.update_time_to_live().table_name(name).time_to_live_specification(specification).send().await;
    answer.map(|_| ()).map_err(|error| failed(name, &describe(&error)))
}

fn attribute(attribute: &Attribute) -> Result<AttributeDefinition, BuildError> {
    let kind = match attribute.kind {
        AttributeKind::Text => ScalarAttributeType::S,
        AttributeKind::Number => ScalarAttributeType::N,
        AttributeKind::Binary => ScalarAttributeType::B,
    };
    AttributeDefinition::builder().attribute_name(&attribute.name).attribute_type(kind).build()
}

fn keys(parts: &[KeyPart]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |part: &KeyPart| {
        let role = match part.role {
            KeyRole::Hash => KeyType::Hash,
            KeyRole::Range => KeyType::Range,
        };
        KeySchemaElement::builder().attribute_name(&part.attribute).key_type(role).build()
    };
    parts.iter().map(element).collect()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(keys(&index.key_schema)?))
        .projection(projection(index))
        .build()
}

fn local_index(index: &Index) -> Result<LocalSecondaryIndex, BuildError> {
    LocalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(keys(&index.key_schema)?))
        .projection(projection(index))
        .build()
}

fn projection(index: &Index) -> ProjectionOf {
    let projection = match &index.projection {
        Projection::All => ProjectionOf::builder().projection_type(ProjectionType::All),
        Projection::KeysOnly => ProjectionOf::builder().projection_type(ProjectionType::KeysOnly),
        Projection::Include(names) => {
            ProjectionOf::builder().projection_type(ProjectionType::Include).set_non_key_attributes(Some(names.clone()))
        }
    };
    projection.build()
}

fn failed(name: &str, why: &str) -> Error {
    Error::new(format!("the table {name} cannot be set up ({why}): see to that in the database and start again."))
}

#[cfg(test)]
mod tests;
