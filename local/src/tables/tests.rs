//! Tables of a template in the embedded database: they are made as they are declared, and can be asked by every index.

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use crate::database::{Database, Place};
use crate::template::{Given, Template};

const TEMPLATE: &str = "Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Plain:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PROVISIONED
      ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      AttributeDefinitions:
        - {AttributeName: owner, AttributeType: S}
        - {AttributeName: id, AttributeType: S}
        - {AttributeName: made, AttributeType: N}
      KeySchema: [{AttributeName: owner, KeyType: HASH}, {AttributeName: id, KeyType: RANGE}]
      LocalSecondaryIndexes:
        - IndexName: by_time
          KeySchema: [{AttributeName: owner, KeyType: HASH}, {AttributeName: made, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
  Simple: {Type: AWS::Serverless::SimpleTable}
  Numbered: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: number, Type: Number}}}
  Everywhere:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: everywhere
      BillingMode: PAY_PER_REQUEST
      Replicas: [{Region: eu-central-1}, {Region: us-east-1}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

#[tokio::test]
async fn every_kind_of_table_is_made() {
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    let [stream] = &template.not_emulated[..] else { panic!("{:?}", template.not_emulated) };
    assert!(stream.contains("the table `Plain` has no stream here"), "{stream}");
    let database = Database::open(Place::Memory, 0).await.unwrap();
    let client = database.client();
    create(client, &template.tables).await.unwrap();

    for (id, made) in [("a", "2"), ("b", "1")] {
        let put = client.put_item().table_name("shop-Plain").item("owner", text("o")).item("id", text(id));
        put.item("made", number(made)).send().await.unwrap();
    }
    let by_time = client.query().table_name("shop-Plain").index_name("by_time");
    let by_time = by_time.key_condition_expression("#o = :o").expression_attribute_names("#o", "owner");
    let found = by_time.expression_attribute_values(":o", text("o")).send().await.unwrap();
    let ids: Vec<_> = found.items().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, [text("b"), text("a")], "in the order of the local index");

    for (table, key, value) in
        [("shop-Simple", "id", text("x")), ("shop-Numbered", "number", number("1")), ("everywhere", "id", text("x"))]
    {
        client.put_item().table_name(table).item(key, value.clone()).send().await.unwrap();
        let found = client.get_item().table_name(table).key(key, value).send().await.unwrap();
        assert!(found.item().is_some(), "{table}");
    }
}

#[test]
fn a_local_index_has_the_tables_partition() {
    let other = TEMPLATE.replacen(
        "KeySchema: [{AttributeName: owner, KeyType: HASH}, {AttributeName: made",
        "KeySchema: [{AttributeName: id, KeyType: HASH}, {AttributeName: made",
        1,
    );
    let fault = Template::parse(&other, &Given::defaults("shop")).unwrap_err();
    assert_eq!(fault.message, "the local index `by_time` must have the partition key of its table.");
}
