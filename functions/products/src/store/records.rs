//! The table's items as records, and their keys.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use shared::aws::{self, Item};
use shared::error::Error;
use shared::ids::ProductId;
use shared::money::{Currency, Money};

use crate::product::{NewProduct, Product, list_key};

/// The `part` of a [`ProductRecord`].
pub const PRODUCT: &str = "product";
/// The `part` of a [`StockRecord`].
pub const STOCK: &str = "stock";
/// The hash key of every live product in the index `catalogue`.
pub const LIVE: &str = "live";

/// An item's key.
pub fn key(product_id: &str, part: &str) -> Item {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    Item::from([("product_id".to_owned(), text(product_id)), ("part".to_owned(), text(part))])
}

/// What the catalogue says of a product.
#[derive(Serialize, Deserialize)]
pub struct ProductRecord {
    pub product_id: ProductId,
    pub part: String,
    /// Only a live product has it, and `live_category`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_category: Option<String>,
    pub list_key: String,
    pub name: String,
    pub description: String,
    pub category: String,
    pub amount: i64,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl TryFrom<ProductRecord> for Product {
    type Error = Error;

    fn try_from(record: ProductRecord) -> Result<Product, Error> {
        let price = Money::new(record.amount, record.currency);
        Ok(Product {
            price: price.map_err(|error| Error::Internal(format!("{}: {error}", record.product_id)))?,
            id: record.product_id,
            name: record.name,
            description: record.description,
            category: record.category,
            image: record.image,
        })
    }
}

/// A product's stock.
#[derive(Serialize, Deserialize)]
pub struct StockRecord {
    pub product_id: ProductId,
    pub part: String,
    pub live: bool,
    /// All that ever came in, less what was taken away: what the other numbers are balanced against.
    pub received: i64,
    pub available: i64,
    pub reserved: i64,
}

/// That a restock was done.
#[derive(Serialize, Deserialize)]
pub struct MarkerRecord {
    pub product_id: ProductId,
    pub part: String,
    pub change: i64,
    pub expires_at: i64,
}

/// The two items of a new product.
///
/// # Errors
/// It cannot be written as items, which would be a bug.
pub fn seed_items(id: &ProductId, new: &NewProduct) -> Result<[Item; 2], Error> {
    let product = aws::item(&ProductRecord {
        product_id: id.clone(),
        part: PRODUCT.to_owned(),
        catalogue: Some(LIVE.to_owned()),
        live_category: Some(new.category.to_string()),
        list_key: list_key(new.name.as_str(), id),
        name: new.name.to_string(),
        description: new.description.to_string(),
        category: new.category.to_string(),
        amount: new.price.amount(),
        currency: new.price.currency(),
        image: new.image.as_ref().map(|image| image.as_str().to_owned()),
    })?;
    let count = new.stock.get();
    let stock = aws::item(&StockRecord {
        product_id: id.clone(),
        part: STOCK.to_owned(),
        live: true,
        received: count,
        available: count,
        reserved: 0,
    })?;
    Ok([product, stock])
}
