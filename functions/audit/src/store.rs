//! The products, orders and payments tables, read only: page by page, or a few items together. The only file that names
//! their attributes.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Get, TransactGetItem};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::aws::{self, Item, built};
use shared::contract::{OrderStatus, PaymentStatus};
use shared::error::Error;
use shared::ids::{OrderId, ProductId};
use shared::money::{Currency, Money, Quantity};
use shared::transaction::{is_passing, jitter};

use crate::books::{Order, Stock};
use crate::pair::{Bill, Paid, Payment};

/// The most items that can be read together.
const TOGETHER: usize = 100;
/// How often a reading together is tried while others write to the same items, and the longest pause after the first time.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The tables.
pub struct Store {
    client: Client,
    products: String,
    orders: String,
    payments: String,
}

/// An item that is not what it should be.
pub struct Unreadable {
    /// Its hash key.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// An item as its record.
pub type Read<T> = Result<T, Unreadable>;

/// An order and its payment, as far as there are such, read together.
pub struct Pair {
    pub id: OrderId,
    pub order: Read<Option<Order>>,
    pub payment: Read<Option<Payment>>,
}

/// A scan, page by page.
pub struct Pages {
    scan: ScanFluentBuilder,
    /// Whether there may be another page.
    pub more: bool,
    /// How many items were read.
    pub items: usize,
}

#[derive(Deserialize)]
struct StockRecord {
    product_id: ProductId,
    received: i64,
    available: i64,
    reserved: i64,
}

#[derive(Deserialize)]
struct OrderRecord {
    order_id: OrderId,
    status: OrderStatus,
    lines: Vec<LineRecord>,
    total: Money,
    payment: ShownRecord,
}

#[derive(Deserialize)]
struct LineRecord {
    product_id: ProductId,
    quantity: Quantity,
    total: Money,
}

#[derive(Deserialize)]
struct ShownRecord {
    status: PaymentStatus,
}

#[derive(Deserialize)]
struct PaymentRecord {
    order_id: OrderId,
    status: Paid,
    amount: i64,
    currency: Currency,
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

impl Store {
    /// These tables. A page of a scan is 1 MB, and there is time, so an attempt may take longer than a customer's.
    pub fn new(aws: &aws::Config, products: String, orders: String, payments: String) -> Store {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(60))
            .build();
        let retries = RetryConfig::standard().with_max_attempts(8);
        let patient = aws.dynamodb().config().to_builder().timeout_config(timeouts).retry_config(retries).build();
        Store { client: Client::from_conf(patient), products, orders, payments }
    }

    /// All stocks.
    pub fn stocks(&self) -> Pages {
        let scan = self
            .client
            .scan()
            .table_name(&self.products)
            .projection_expression(STOCK)
            .filter_expression("part = :stock");
        Pages::of(scan.expression_attribute_values(":stock", text("stock")))
    }

    /// All orders.
    pub fn orders(&self) -> Pages {
        let scan = self.client.scan().table_name(&self.orders).projection_expression(ORDER);
        Pages::of(
            ORDER_NAMES.into_iter().fold(scan, |scan, (short, name)| scan.expression_attribute_names(short, name)),
        )
    }

    /// All payments.
    pub fn payments(&self) -> Pages {
        let scan = self.client.scan().table_name(&self.payments).projection_expression(PAYMENT);
        Pages::of(scan.expression_attribute_names("#status", "status"))
    }

    /// Orders, each together with its payment. One that others write to all the time is left out.
    pub async fn pairs(&self, orders: &[OrderId]) -> Result<Vec<Pair>, Error> {
        let gets = |order: &OrderId| {
            let key = || Get::builder().key("order_id", text(order.as_str()));
            let bill = key().table_name(&self.orders).projection_expression(ORDER);
            let bill =
                ORDER_NAMES.into_iter().fold(bill, |get, (short, name)| get.expression_attribute_names(short, name));
            let payment = key().table_name(&self.payments).projection_expression(PAYMENT);
            let payment = payment.expression_attribute_names("#status", "status");
            Ok([bill.build().map_err(built)?, payment.build().map_err(built)?])
        };
        let found = self.together(orders, gets).await?.into_iter();
        let pair = |(id, [order, payment]): (&OrderId, [Option<Item>; 2])| Pair {
            id: id.clone(),
            order: order.map(order_of).transpose(),
            payment: payment.map(payment_of).transpose().map(|payment| payment.map(|(_, payment)| payment)),
        };
        Ok(found.map(pair).collect())
    }

    /// Stocks again. One that others write to all the time is left out.
    pub async fn stocks_of(&self, products: &[ProductId]) -> Result<Vec<(ProductId, Read<Option<Stock>>)>, Error> {
        let gets = |product: &ProductId| {
            let get = Get::builder().table_name(&self.products).projection_expression(STOCK);
            let get = get.key("product_id", text(product.as_str())).key("part", text("stock"));
            Ok([get.build().map_err(built)?])
        };
        let found = self.together(products, gets).await?.into_iter();
        let stock = |(id, [item]): (&ProductId, [Option<Item>; 1])| {
            (id.clone(), item.map(stock_of).transpose().map(|stock| stock.map(|(_, stock)| stock)))
        };
        Ok(found.map(stock).collect())
    }

    /// Reads the `N` items of each of `wanted` in one transaction, and as many of `wanted` as fit into it. Where that
    /// meets others' writes each time, it is read by itself.
    async fn together<'a, K, const N: usize>(
        &self,
        wanted: &'a [K],
        gets: impl Fn(&K) -> Result<[Get; N], Error>,
    ) -> Result<Vec<(&'a K, [Option<Item>; N])>, Error> {
        let mut found = Vec::new();
        for some in wanted.chunks(TOGETHER / N) {
            let all = some.iter().map(&gets).collect::<Result<Vec<_>, _>>()?;
            if let Some(items) = self.transaction(&all).await? {
                found.extend(some.iter().zip(items));
                continue;
            }
            if some.len() == 1 {
                continue;
            }
            for (key, gets) in some.iter().zip(all) {
                let items = self.transaction(&[gets]).await?;
                found.extend(items.into_iter().flatten().map(|items| (key, items)));
            }
        }
        Ok(found)
    }

    async fn transaction<const N: usize>(&self, gets: &[[Get; N]]) -> Result<Option<Vec<[Option<Item>; N]>>, Error> {
        let gets =
            gets.iter().flatten().map(|get| TransactGetItem::builder().get(get.clone()).build()).collect::<Vec<_>>();
        for attempt in 0..ATTEMPTS {
            match self.client.transact_get_items().set_transact_items(Some(gets.clone())).send().await {
                Ok(answer) => {
                    let mut items = answer.responses.unwrap_or_default().into_iter().map(|one| one.item);
                    let all = (0..gets.len() / N).map(|_| std::array::from_fn(|_| items.next().flatten()));
                    return Ok(Some(all.collect()));
                }
                Err(error) => match error.as_service_error() {
                    Some(TransactGetItemsError::TransactionCanceledException(cancelled))
                        if cancelled.cancellation_reasons().iter().all(is_passing) => {}
                    _ => return Err(error.into()),
                },
            }
            tokio::time::sleep(jitter(FIRST_PAUSE * 2_u32.pow(attempt))).await;
        }
        Ok(None)
    }
}

const STOCK: &str = "product_id, received, available, reserved";
const ORDER: &str = "order_id, #status, #lines, #total, payment.#status";
const ORDER_NAMES: [(&str, &str); 3] = [("#status", "status"), ("#lines", "lines"), ("#total", "total")];
const PAYMENT: &str = "order_id, #status, amount, currency";

impl Pages {
    fn of(scan: ScanFluentBuilder) -> Pages {
        Pages { scan: scan.consistent_read(true), more: true, items: 0 }
    }

    /// The next page; it may be empty before the last one is reached.
    pub async fn next(&mut self) -> Result<Vec<Item>, Error> {
        let page = self.scan.clone().send().await?;
        self.more = page.last_evaluated_key.is_some();
        self.scan = self.scan.clone().set_exclusive_start_key(page.last_evaluated_key);
        let items = page.items.unwrap_or_default();
        self.items += items.len();
        Ok(items)
    }
}

/// A stock item.
pub fn stock_of(item: Item) -> Read<(ProductId, Stock)> {
    let StockRecord { product_id, received, available, reserved } = read(item, "product_id")?;
    Ok((product_id, Stock { received, available, reserved }))
}

/// An order's item.
pub fn order_of(item: Item) -> Read<Order> {
    let OrderRecord { order_id, status, lines, total, payment } = read(item, "order_id")?;
    let (first, rest) = (lines.first().map(|line| line.total), lines.iter().skip(1));
    let bill = Bill {
        status,
        total,
        lines: first.and_then(|first| rest.map(|line| line.total).try_fold(first, Money::plus)),
        shown: payment.status,
    };
    let lines = lines.into_iter().map(|line| (line.product_id, line.quantity)).collect();
    Ok(Order { id: order_id, bill, lines })
}

/// A payment's item.
pub fn payment_of(item: Item) -> Read<(OrderId, Payment)> {
    let PaymentRecord { order_id, status, amount, currency } = read(item, "order_id")?;
    match Money::new(amount, currency) {
        Ok(amount) => Ok((order_id, Payment { status, amount })),
        Err(why) => Err(Unreadable { key: order_id.to_string(), why: why.to_owned() }),
    }
}

fn read<T: DeserializeOwned>(item: Item, key: &str) -> Read<T> {
    let key = item.get(key).and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
    aws::record(item).map_err(|error| Unreadable { key, why: error.cause().unwrap_or_default().to_owned() })
}
