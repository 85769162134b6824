//! An audit and a database that is slow to tell: page after page, lost pages, and transactions that others are in the way
//! of.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use audit::{App, Config, Report};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use local::chaos::{Chaos, Fault, Rule, Wire};
use local::seed;
use local::server::{Answer, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::WHY;
use crate::shop::{Setup, Shop};

const PRODUCT: &str = "prd_aaaaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test]
async fn every_page_is_read_also_one_that_is_lost_at_first() {
    let chaos = Chaos::none();
    let setup = Setup { chaos: Some(chaos.clone()), ..Setup::default() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let base = shop.inner().base();
    let catalogue = base.catalogue().expect("a catalogue");
    // More than a megabyte, which is a page.
    seed::generate(base.database.client(), &catalogue, 3000, |_| {}).await.expect("products");
    let lost = chaos.plan(Rule::new(Fault::ReplyLost).on(Wire::Database, "Scan").about("ExclusiveStartKey").nth(1));
    assert_eq!(shop.books().await.products, 3040);
    assert_eq!(lost.met(), 1, "there was no second page");
    shop.books_balance().await;
}

#[tokio::test]
async fn what_others_are_in_the_way_of_is_tried_again_and_then_left_undecided() {
    let difference = format!("Product {PRODUCT} has received 10, but 9 available, 0 reserved and 0 sold make 9.");
    let report = audit(2).await;
    assert_eq!((report.undecided, report.found), (0, vec![difference]));
    let report = audit(u32::MAX).await;
    assert_eq!((report.undecided, report.differences), (1, 0), "{report:?}");
}

/// What an audit finds in a database with a difference, where so many readings together are cancelled by others.
async fn audit(cancelled: u32) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let calls = Arc::new(AtomicU32::new(0));
    let database = serve(listener, move |request, _| {
        let calls = Arc::clone(&calls);
        async move {
            let (head, body) = request.into_parts();
            let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
            let body = body.collect().await.expect("a body").to_bytes();
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let together = operation == "TransactGetItems";
            Some(answer(&body, together, together && calls.fetch_add(1, Ordering::Relaxed) < cancelled))
        }
    })
    .expect("a server");
    let given = HashMap::from([
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "none".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", database.address())),
        ("PRODUCTS_TABLE", "products".to_owned()),
        ("ORDERS_TABLE", "orders".to_owned()),
        ("PAYMENTS_TABLE", "payments".to_owned()),
    ]);
    let app = App::new(Config::read(|key| given.get(key).cloned()).expect("a configuration"));
    let report = app.audit().await.expect("a report");
    database.stop().await;
    report
}

/// What DynamoDB would say of a single product.
fn answer(request: &Value, together: bool, cancelled: bool) -> Answer {
    let number = |number: &str| json!({"N": number});
    let stock = json!({
        "product_id": {"S": PRODUCT}, "received": number("10"), "available": number("9"), "reserved": number("0"),
    });
    let body = match (together, cancelled) {
        (true, true) => json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
            "CancellationReasons": [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}],
        }),
        (true, false) => json!({"Responses": [{"Item": stock}]}),
        _ if request["TableName"] == "products" => json!({"Items": [stock], "Count": 1, "ScannedCount": 1}),
        _ => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
    };
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = if cancelled { http::StatusCode::BAD_REQUEST } else { http::StatusCode::OK };
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}
