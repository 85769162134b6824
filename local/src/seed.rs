//! Sample data: a catalogue and two users that are put only where they are missing, and as many generated products as
//! wanted, in batches.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{Put, PutRequest, TransactWriteItem, WriteRequest};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use products::{InitialStock, NewProduct};
use shared::aws::Item;
use shared::clock::Timestamp;
use shared::identity::Role;
use shared::money::{Currency, Money};
use shared::transaction::{self, Cancelled};

use crate::Error;
use crate::catalogue::{self, Sample};
use crate::database::describe;

/// A user as in the tutorial.
pub const USER: (&str, &str) = ("user", "password");
/// An administrator.
pub const ADMIN: (&str, &str) = ("admin", "open sesame at closing time");

/// Writes under way at once: enough to hide a network's delay, few enough to keep memory flat.
const IN_FLIGHT: usize = 16;
/// A product is two items, and a batch takes 25.
const PRODUCTS_A_BATCH: u64 = 12;
/// How often what a batch left unprocessed is sent again, and how long after the first time; then twice as long.
const RETRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The products table, and what its items need.
#[derive(Clone)]
pub struct Catalogue {
    /// The table's name.
    pub table: String,
    /// What prices are in.
    pub currency: Currency,
}

/// Puts the sample catalogue. A product that is there keeps its price and its stock.
///
/// # Errors
/// The table cannot be written.
pub async fn samples(client: &Client, catalogue: &Catalogue) -> Result<(), Error> {
    let put = |sample: Sample| async move {
        let items = items(&sample, catalogue.currency)?;
        put_new(client, &catalogue.table, "product_id", items).await
    };
    stream::iter(catalogue::samples()?).map(put).buffer_unordered(IN_FLIGHT).try_for_each(|()| async { Ok(()) }).await
}

/// Puts the two sample users, whose passwords everybody knows: only for a database on this machine. Users that are
/// there keep their passwords.
///
/// # Errors
/// The table cannot be written.
pub async fn users(client: &Client, table: &str, now: Timestamp) -> Result<(), Error> {
    for ((username, password), role) in [(USER, Role::Customer), (ADMIN, Role::Admin)] {
        let items = users::sample_account(username, password, role, now)
            .map_err(|error| Error::new(format!("the sample user {username} cannot be made: {error:?}.")))?;
        put_new(client, table, "pk", items).await?;
    }
    Ok(())
}

/// Writes `count` generated products; one that is there is written anew. `progress` hears how many were written.
///
/// # Errors
/// The table cannot be written.
pub async fn generate(client: &Client, catalogue: &Catalogue, count: u64, progress: impl Fn(u64)) -> Result<(), Error> {
    let batches = (0..count.div_ceil(PRODUCTS_A_BATCH)).map(|batch| {
        let first = batch * PRODUCTS_A_BATCH;
        first..count.min(first + PRODUCTS_A_BATCH)
    });
    let write = |numbers: std::ops::Range<u64>| async move {
        let written = numbers.end - numbers.start;
        let mut requests = Vec::new();
        for number in numbers {
            for item in items(&catalogue::generated(number), catalogue.currency)? {
                let put = PutRequest::builder().set_item(Some(item)).build();
                let put = put.map_err(|error| failed(&catalogue.table, &error.to_string()))?;
                requests.push(WriteRequest::builder().put_request(put).build());
            }
        }
        write_batch(client, &catalogue.table, requests).await?;
        Ok::<u64, Error>(written)
    };
    let mut written = stream::iter(batches).map(write).buffer_unordered(IN_FLIGHT);
    while let Some(products) = written.try_next().await? {
        progress(products);
    }
    Ok(())
}

/// A sample as the items that the function products keeps of it.
fn items(sample: &Sample, currency: Currency) -> Result<Vec<Item>, Error> {
    let wrong =
        |why: &dyn std::fmt::Display| Error::new(format!("the sample product {} is wrong: {why}.", sample.name));
    let product = NewProduct {
        name: sample.name.parse().map_err(|error| wrong(&error))?,
        description: sample.description.parse().map_err(|error| wrong(&error))?,
        category: sample.category.parse().map_err(|error| wrong(&error))?,
        price: Money::new(sample.price, currency).map_err(|error| wrong(&error))?,
        image: Some(sample.image.parse().map_err(|error| wrong(&error))?),
        stock: InitialStock::try_from(sample.stock).map_err(|error| wrong(&error))?,
    };
    let items = products::seed_items(&sample.id(), &product).map_err(|error| wrong(&format_args!("{error:?}")))?;
    Ok(items.into())
}

/// Writes until nothing is left unprocessed.
async fn write_batch(client: &Client, table: &str, requests: Vec<WriteRequest>) -> Result<(), Error> {
    let mut left = HashMap::from([(table.to_owned(), requests)]);
    let mut pause = FIRST_PAUSE;
    for _ in 0..RETRIES {
        match client.batch_write_item().set_request_items(Some(left.clone())).send().await {
            Ok(answer) => left = answer.unprocessed_items.unwrap_or_default(),
            Err(error) if is_throttled(error.code()) => {}
            Err(error) => return Err(failed(table, &describe(&error))),
        }
        if left.values().all(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    Err(failed(table, "it stays too busy"))
}

fn is_throttled(code: Option<&str>) -> bool {
    matches!(code, Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException"))
}

/// Puts all `items`, or none if one of them is there already.
async fn put_new(client: &Client, table: &str, key: &str, items: Vec<Item>) -> Result<(), Error> {
    let mut puts = Vec::new();
    for item in items {
        let put = Put::builder().table_name(table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(#key)").expression_attribute_names("#key", key);
        let put = put.build().map_err(|error| failed(table, &error.to_string()))?;
        puts.push(TransactWriteItem::builder().put(put).build());
    }
    match transaction::write(client, puts).await {
        Ok(()) | Err(Cancelled::Refused(_)) => Ok(()),
        Err(Cancelled::Failed(error)) => Err(failed(table, error.cause().unwrap_or(error.code()))),
    }
}

fn failed(table: &str, why: &str) -> Error {
    Error::new(format!(
        "sample data cannot be written to the table {table} ({why}): run `portico setup` on that database first."
    ))
}
