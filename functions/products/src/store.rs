//! The products table: a `product` and a `stock` item for each product, and a marker for each restock of the last
//! day. Nothing outside this file and its parts names their attributes.

mod records;
mod writes;

use std::collections::HashSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::{self, Item};
use shared::error::Error;
use shared::ids::ProductId;

use self::records::{LIVE, PRODUCT, ProductRecord, STOCK, StockRecord, key};
use crate::page_cache::PageKey;
use crate::product::{Product, product_at};

pub use self::records::seed_items;
pub use self::writes::Restocked;

/// A page of products.
pub struct Page {
    /// In list order.
    pub products: Vec<Product>,
    /// The last one's list key, if more follow it.
    pub continues_after: Option<String>,
}

/// The products table.
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Store {
        Store { client, table }
    }

    /// Asks for an item that cannot exist.
    pub async fn touch(&self) -> Result<(), Error> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key("-", "-")));
        request.send().await?;
        Ok(())
    }

    /// The page of this key. One product more than it shows is asked for, so that `continues_after` is exact.
    pub async fn page(&self, page: &PageKey) -> Result<Page, Error> {
        let (index, hash, value) = match &page.category {
            Some(category) => ("category", "live_category", category.as_str()),
            None => ("catalogue", "catalogue", LIVE),
        };
        let hash_value = AttributeValue::S(value.to_owned());
        let mut start = page.after.as_deref().map(|after| position(page, after)).transpose()?;
        if let Some(start) = &mut start {
            start.insert(hash.to_owned(), hash_value.clone());
        }

        let query = self.client.query().table_name(&self.table).index_name(index).set_exclusive_start_key(start);
        let query = query.expression_attribute_names("#hash", hash).expression_attribute_values(":hash", hash_value);
        let query = match &page.prefix {
            None => query.key_condition_expression("#hash = :hash"),
            Some(prefix) => query
                .key_condition_expression("#hash = :hash AND begins_with(list_key, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.clone())),
        };
        let items = aws::query(query, page.limit + 1).await?;
        let mut records = items.into_iter().map(aws::record).collect::<Result<Vec<ProductRecord>, _>>()?;
        let more = records.len() > page.limit;
        records.truncate(page.limit);
        let continues_after = records.last().filter(|_| more).map(|last| last.list_key.clone());
        let products = records.into_iter().map(Product::try_from).collect::<Result<_, _>>()?;
        Ok(Page { products, continues_after })
    }

    /// Which of these (100 at most) can be bought now.
    pub async fn in_stock(&self, products: &[Product]) -> Result<HashSet<ProductId>, Error> {
        let keys = products.iter().map(|product| key(product.id.as_str(), STOCK)).collect();
        let mut in_stock = HashSet::new();
        for item in aws::batch_get(&self.client, &self.table, keys, false).await? {
            let stock: StockRecord = aws::record(item)?;
            if stock.live && stock.available > 0 {
                in_stock.insert(stock.product_id);
            }
        }
        Ok(in_stock)
    }

    /// A live product and how many can be bought.
    pub async fn find(&self, id: &ProductId) -> Result<(Product, i64), Error> {
        let keys = vec![key(id.as_str(), PRODUCT), key(id.as_str(), STOCK)];
        let (mut product, mut stock) = (None, None);
        for item in aws::batch_get(&self.client, &self.table, keys, true).await? {
            match item.get("part").and_then(|part| part.as_s().ok()).map(String::as_str) {
                Some(PRODUCT) => product = Some(aws::record::<ProductRecord>(item)?),
                _ => stock = Some(aws::record::<StockRecord>(item)?),
            }
        }
        match (product, stock) {
            (Some(product), Some(stock)) if product.catalogue.is_some() => Ok((product.try_into()?, stock.available)),
            _ => Err(unknown()),
        }
    }
}

/// The key to go on after. It must lie in the list, or DynamoDB would call it a wrong request.
fn position(page: &PageKey, after: &str) -> Result<Item, Error> {
    let id = product_at(after)
        .filter(|_| after.len() <= 1024 && after.starts_with(page.prefix.as_deref().unwrap_or_default()));
    let id = id.ok_or(Error::InvalidCursor)?;
    let mut position = key(id.as_str(), PRODUCT);
    position.insert("list_key".to_owned(), AttributeValue::S(after.to_owned()));
    Ok(position)
}

fn unknown() -> Error {
    Error::NotFound("product")
}
