//! The tables of a shop in this process, read and changed behind its back.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::shop::Shop;

/// An item as the database has it.
pub type Item = HashMap<String, AttributeValue>;

/// A product's stock numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Stock {
    pub received: i64,
    pub available: i64,
    pub reserved: i64,
}

/// A text as an attribute.
pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number as an attribute.
pub fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

impl Shop {
    /// The name of a table by its id in the template.
    pub fn table(&self, logical_id: &str) -> String {
        self.inner().base().template.table(logical_id).expect("a table").name.clone()
    }

    /// A product's stock numbers.
    pub async fn stock_numbers(&self, product: &str) -> Stock {
        let item = self.product_item(product, "stock").await.expect("a stock item");
        let number = |name: &str| item[name].as_n().expect("a number").parse().expect("a whole number");
        Stock { received: number("received"), available: number("available"), reserved: number("reserved") }
    }

    /// The hash of a user's password.
    pub async fn password_hash(&self, username: &str) -> String {
        let get = self.inner().base().database.client().get_item().table_name(self.table("UsersTable"));
        let get = get.key("pk", text(&format!("name#{username}"))).key("sk", text("login")).consistent_read(true);
        let item = get.send().await.expect("an answer").item.expect("a login record");
        item["password_hash"].as_s().expect("text").clone()
    }

    /// Puts this hash in its place.
    pub async fn set_password_hash(&self, username: &str, hash: &str) {
        let update = self.inner().base().database.client().update_item().table_name(self.table("UsersTable"));
        let update = update.key("pk", text(&format!("name#{username}"))).key("sk", text("login"));
        let update = update.update_expression("SET password_hash = :hash");
        update.expression_attribute_values(":hash", text(hash)).send().await.expect("a change");
    }

    /// The status of an order's payment, where there is one.
    pub async fn payment_status(&self, order: &str) -> Option<String> {
        let item = self.item("PaymentsTable", &of_order(order)).await?;
        Some(item["status"].as_s().expect("text").clone())
    }

    /// An order's item, where there is one.
    pub async fn order_item(&self, order: &str) -> Option<Item> {
        self.item("OrdersTable", &of_order(order)).await
    }

    /// One of the two items of a product, where it is there: its `product` or its `stock`.
    pub async fn product_item(&self, product: &str, part: &str) -> Option<Item> {
        self.item("ProductsTable", &of_product(product, part)).await
    }

    /// Sets an attribute of the item of an order in its table or in that of payments.
    pub async fn set(&self, table: &str, order: &str, attribute: &str, value: AttributeValue) {
        self.change(table, &of_order(order), "SET #attribute = :value", attribute, value).await;
    }

    /// Sets a number of a product's stock.
    pub async fn set_stock(&self, product: &str, attribute: &str, to: i64) {
        let key = of_product(product, "stock");
        self.change("ProductsTable", &key, "SET #attribute = :value", attribute, number(to)).await;
    }

    /// Adds to a number of a product's stock.
    pub async fn add_to_stock(&self, product: &str, attribute: &str, change: i64) {
        let key = of_product(product, "stock");
        self.change("ProductsTable", &key, "ADD #attribute :value", attribute, number(change)).await;
    }

    /// Deletes the item of an order from its table or from that of payments.
    pub async fn delete(&self, table: &str, order: &str) {
        self.delete_item(table, &of_order(order)).await;
    }

    /// Deletes one of the two items of a product.
    pub async fn delete_product(&self, product: &str, part: &str) {
        self.delete_item("ProductsTable", &of_product(product, part)).await;
    }

    /// Deletes the account of a user, and leaves its name.
    pub async fn delete_account(&self, user: &str) {
        self.delete_item("UsersTable", &[("pk", format!("user#{user}")), ("sk", "account".to_owned())]).await;
    }

    fn database(&self) -> &Client {
        self.inner().base().database.client()
    }

    async fn item(&self, table: &str, key: &[(&str, String)]) -> Option<Item> {
        let get = self.database().get_item().table_name(self.table(table)).consistent_read(true);
        let get = key.iter().fold(get, |get, (name, value)| get.key(*name, text(value)));
        get.send().await.expect("an answer").item
    }

    async fn change(&self, table: &str, key: &[(&str, String)], how: &str, attribute: &str, value: AttributeValue) {
        let update = self.database().update_item().table_name(self.table(table)).update_expression(how);
        let update = key.iter().fold(update, |update, (name, value)| update.key(*name, text(value)));
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", value).send().await.expect("a change");
    }

    async fn delete_item(&self, table: &str, key: &[(&str, String)]) {
        let delete = self.database().delete_item().table_name(self.table(table));
        let delete = key.iter().fold(delete, |delete, (name, value)| delete.key(*name, text(value)));
        delete.send().await.expect("a deletion");
    }
}

fn of_order(order: &str) -> [(&'static str, String); 1] {
    [("order_id", order.to_owned())]
}

fn of_product(product: &str, part: &str) -> [(&'static str, String); 2] {
    [("product_id", product.to_owned()), ("part", part.to_owned())]
}
