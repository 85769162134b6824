//! Starting and stopping, with the shop's template and with others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shared::telemetry::Log;

use super::*;
use crate::bootstraps::Built;
use crate::seed;

/// A shop of this port that others know nothing of.
pub(crate) fn options(port: u16) -> Options {
    Options {
        port,
        data: None,
        dynamodb: None,
        template: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"),
        api: None,
        parameters: BTreeMap::new(),
        variables: BTreeMap::new(),
        functions: None,
        bootstraps: None,
        lambda_port: 0,
        edge: false,
        seed: true,
        throttle: true,
        jwks: BTreeMap::new(),
        schedules: false,
        stack: "test".to_owned(),
        clock: Clock::system(),
        log: Log::to(|_| {}),
        access: None,
        chaos: None,
        record: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_starts_seeds_once_and_stops() {
    let shop = Shop::start(options(0)).await.unwrap();
    let taken = Shop::start(options(shop.address().port())).await.err().unwrap();
    assert!(taken.to_string().ends_with("is taken: end what uses it, or choose another one with --port."), "{taken}");

    let client = shop.base().database.client();
    let count = async || client.scan().table_name("test-ProductsTable").send().await.unwrap().count();
    assert_eq!(count().await, 80, "a product and its stock for each sample");
    shop.base().seed(shop.clock().now()).await.unwrap();
    seed::generate(client, &shop.base().catalogue().unwrap(), 30, |_| {}).await.unwrap();
    assert_eq!(count().await, 140);
    shop.stop().await;
}

/// Options for this template, which is written into a folder.
fn with_template(folder: &Path, template: &str) -> Options {
    let file = folder.join("template.yaml");
    std::fs::write(&file, template).unwrap();
    Options { template: file, ..options(0) }
}

#[tokio::test]
async fn a_function_whose_code_is_not_here_is_run_from_its_own_binary() {
    let folder = tempfile::tempdir().unwrap();
    let template = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/hello/, Runtime: provided.al2023, Handler: x}}
";
    let error = Shop::start(with_template(folder.path(), template)).await.err().unwrap().to_string();
    assert!(error.starts_with("the template's function Hello (line 4, "), "{error}");
    assert!(error.contains("has no handler in this program: run its own binary with --bootstraps DIR"), "{error}");
}

const ALIKE: &str = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  ProductsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: N}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Products:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/products/
      Runtime: provided.al2023
      Handler: x
      Environment: {Variables: {PRODUCTS_TABLE: !Ref ProductsTable, CURRENCY: EUR}}
  Users:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/users/
      Runtime: provided.al2023
      Handler: x
      Environment: {Variables: {USERS_TABLE: !Ref ProductsTable}}
";

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_only_resembles_the_shops_gets_no_samples() {
    let folder = tempfile::tempdir().unwrap();
    let sink: crate::bootstraps::Sink = Arc::new(|_, _| {});
    let built = Built { directory: folder.path().to_owned(), inherited: BTreeMap::new(), sink };
    let options = Options { bootstraps: Some(built), ..with_template(folder.path(), ALIKE) };
    let shop = Shop::start(options).await.unwrap();
    assert!(!shop.is_seeded() && !shop.base().is_shop());
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_functions_of_the_template_are_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let (products, _) = ALIKE.split_once("  Users:").unwrap();
    let shop = Shop::start(with_template(folder.path(), products)).await.unwrap();
    assert!(shop.functions().by_id("Products").is_some());
    shop.stop().await;
}
