//! What the tables of a shop in this process hold, past its front door.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::shop::Shop;

/// A product's stock numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Stock {
    pub received: i64,
    pub available: i64,
    pub reserved: i64,
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl Shop {
    /// The name of a table by its id in the template.
    pub fn table(&self, logical_id: &str) -> String {
        self.inner().base().template.table(logical_id).expect("a table").name.clone()
    }

    /// A product's stock numbers.
    pub async fn stock_numbers(&self, product: &str) -> Stock {
        let get = self.inner().base().database.client().get_item().table_name(self.table("ProductsTable"));
        let get = get.key("product_id", text(product)).key("part", text("stock")).consistent_read(true);
        let item = get.send().await.expect("an answer").item.expect("a stock item");
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
        let get = self.inner().base().database.client().get_item().table_name(self.table("PaymentsTable"));
        let item = get.key("order_id", text(order)).consistent_read(true).send().await.expect("an answer").item?;
        Some(item["status"].as_s().expect("text").clone())
    }
}
