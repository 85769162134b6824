//! The catalogue as everybody sees it: pages, filters, cursors, caching.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::deployed;
use crate::shop::{Setup, Shop, VISA, a_product, an_order, random};

#[tokio::test]
async fn everybody_may_look_at_the_catalogue() {
    let shop = Shop::start().await;
    shop.product(3).await;
    let page = shop.anonymous().get("/products").await.is(200);
    page.check((1..=20).contains(&page.items().len()), "not a page of at most twenty");
    page.check(page.json().get("next").is_some(), "a page without next");
    for product in page.items() {
        let shown = ["id", "name", "description", "category", "price", "image", "available"];
        page.check(shown.iter().all(|member| product.get(member).is_some()), "a product that lacks something");
        page.check(product["price"]["amount"].is_u64() && product["price"]["currency"] == "EUR", "no price");
        page.check(product["available"].is_boolean() && product.get("stock").is_none(), "a list says only whether");
    }
}

#[tokio::test]
async fn a_detail_is_the_same_object_with_its_stock() {
    let shop = Shop::start().await;
    let category = format!("c-{}", random());
    let id = shop.product_like(&in_category("Desk", &category), 37).await;
    shop.advance(Duration::from_secs(3));
    let listed = shop.anonymous().get("/products").query("category", &category).await.is(200);
    let detail = shop.anonymous().get(&format!("/products/{id}")).await.is(200).has("/stock", 37);
    let mut without_stock = detail.json();
    without_stock.as_object_mut().expect("an object").remove("stock");
    detail.check(listed.items() == [without_stock], format!("the list shows it differently: {listed}"));
}

#[tokio::test]
async fn a_category_shows_only_its_own_products_and_tells_which_are_in_stock() {
    let shop = Shop::start().await;
    let (lamps, desks) = (format!("l-{}", random()), format!("d-{}", random()));
    let in_stock = shop.product_like(&in_category("Floor lamp", &lamps), 1).await;
    let sold_out = shop.product_like(&in_category("Table lamp", &lamps), 0).await;
    shop.product_like(&in_category("Desk", &desks), 1).await;
    shop.advance(Duration::from_secs(3));
    let page = shop.anonymous().get("/products").query("category", &lamps).await.is(200).has("/next", Value::Null);
    let found: Vec<_> = page.items().iter().map(|item| (item["id"].clone(), item["available"].clone())).collect();
    page.check(found == [(json!(in_stock), json!(true)), (json!(sold_out), json!(false))], "not the two lamps by name");
    shop.anonymous()
        .get("/products")
        .query("category", format!("x-{}", random()))
        .await
        .is(200)
        .has("/items", json!([]));
}

#[tokio::test]
async fn a_name_is_found_by_its_beginning_whatever_its_case_and_accents() {
    let shop = Shop::start().await;
    let category = format!("q-{}", random());
    for name in ["Café table", "cafeteria tray", "Carafe", "Über-café"] {
        shop.product_like(&in_category(name, &category), 1).await;
    }
    shop.advance(Duration::from_secs(3));
    for (q, expected) in [
        ("cafe", vec!["Café table", "cafeteria tray"]),
        ("CAFÉ", vec!["Café table", "cafeteria tray"]),
        ("cafe\u{301} t", vec!["Café table"]),
        ("ca", vec!["Café table", "cafeteria tray", "Carafe"]),
        ("uber", vec!["Über-café"]),
        ("table", vec![]),
    ] {
        let page = shop.anonymous().get("/products").query("category", &category).query("q", q).await.is(200);
        let names: Vec<_> =
            page.items().iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect();
        page.check(names == expected, format!("{q:?} should find {expected:?}"));
    }
    let everywhere = shop.anonymous().get("/products").query("q", "über-CAFE").await.is(200);
    everywhere
        .check(everywhere.items().iter().any(|item| item["category"] == category), "not found without its category");
}

#[tokio::test]
async fn a_cursor_walks_over_everything_once_and_in_order() {
    let shop = Shop::start().await;
    let category = format!("w-{}", random());
    let mut names: Vec<String> = (0..7).map(|number| format!("Chair {number}")).collect();
    names.push("chair 3".to_owned());
    for name in &names {
        shop.product_like(&in_category(name, &category), 1).await;
    }
    shop.advance(Duration::from_secs(3));
    for limit in [1, 3, 8, 100] {
        let walked = walk(&shop.anonymous(), &format!("/products?category={category}&limit={limit}"), limit).await;
        assert_eq!(walked.len(), names.len(), "{walked:#?}");
        let ids: HashSet<_> = walked.iter().map(|item| item["id"].to_string()).collect();
        assert_eq!(ids.len(), names.len(), "an item came twice");
        let folded: Vec<_> = walked.iter().map(|item| item["name"].to_string().to_lowercase()).collect();
        assert!(folded.is_sorted(), "{folded:?}");
    }
}

#[tokio::test]
async fn a_cursor_walks_over_the_whole_catalogue() {
    let shop = Shop::start().await;
    let id = shop.product(1).await;
    shop.advance(Duration::from_secs(3));
    let walked = walk(&shop.anonymous(), "/products?limit=7", 7).await;
    let ids: HashSet<_> = walked.iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(ids.len(), walked.len(), "an item came twice");
    assert!(walked.iter().any(|item| item["id"] == id), "a product is missing");
}

#[tokio::test]
async fn a_limit_is_a_whole_number_from_1_to_100() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    for wrong in ["0", "101", "-1", "1.5", "+5", "ten", "", "99999999999999999999"] {
        for path in ["/products", "/orders"] {
            let answer = customer.get(path).query("limit", wrong).await.problem(400, "invalid-request");
            answer.has("/errors/0/parameter", "limit");
        }
    }
    shop.anonymous().get("/products?limit=1&limit=2").await.problem(400, "invalid-request");
    shop.anonymous().get("/products").query("limit", 100).await.is(200);
}

#[tokio::test]
async fn a_cursor_that_is_damaged_or_comes_from_another_list_is_refused() {
    let shop = Shop::start().await;
    let category = format!("f-{}", random());
    for name in ["One", "Two"] {
        shop.product_like(&in_category(name, &category), 1).await;
    }
    shop.advance(Duration::from_secs(3));
    let client = shop.customer().await;
    let cursor = client.get(&format!("/products?category={category}&limit=1")).await.is(200).text_at("/next");
    client.get(&format!("/products?category={category}")).query("cursor", &cursor).await.is(200);
    let damaged = cursor.chars().rev().collect::<String>();
    for call in [
        client.get("/products").query("cursor", &cursor),
        client.get("/products?category=other").query("cursor", &cursor),
        client.get(&format!("/products?category={category}&q=o")).query("cursor", &cursor),
        client.get("/orders").query("cursor", &cursor),
        client.get(&format!("/products?category={category}")).query("cursor", &damaged),
        client.get(&format!("/products?category={category}")).query("cursor", &cursor[1..]),
        client.get(&format!("/products?category={category}")).query("cursor", "%F0%9F%92%A5 💥"),
        client.get(&format!("/products?category={category}")).query("cursor", ""),
    ] {
        call.await.problem(400, "invalid-cursor");
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let shop = Shop::start().await;
    let category = format!("e-{}", random());
    let id = shop.product_like(&in_category("Shelf", &category), 1).await;
    shop.advance(Duration::from_secs(3));
    for path in [format!("/products?category={category}"), format!("/products/{id}")] {
        let first = shop.anonymous().get(&path).await.is(200);
        let caching = "public, max-age=60, stale-while-revalidate=300";
        let first = if path.contains('?') { first.has_header("cache-control", caching) } else { first };
        let etag = first.header("etag").unwrap_or_else(|| first.fail("no ETag")).to_owned();
        first.check(etag.starts_with('"') && etag.len() > 2, "not a strong ETag");
        for matching in [etag.clone(), format!("\"other\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
            let again = shop.anonymous().get(&path).header("if-none-match", &matching).await.is(304);
            again.check(again.body.is_empty(), "a 304 has no body");
            again.has_header("etag", &etag);
        }
        shop.anonymous().get(&path).header("if-none-match", "\"other\"").await.is(200).has_header("etag", &etag);
    }
    shop.admin().await.patch(&format!("/products/{id}"), &json!({"name": "Shelf, oak"})).await.is(200);
    let page = shop.anonymous().get(&format!("/products?category={category}")).await.is(200);
    let changed = shop.anonymous().get(&format!("/products/{id}")).await.is(200);
    page.check(page.header("etag") != changed.header("etag"), "two bodies with one ETag");
}

#[tokio::test]
async fn a_changed_product_shows_at_once() {
    let why = "asks the one instance that keeps pages; another one shows it two seconds later";
    let Some(shop) = Shop::in_process(why, Setup::default()).await else {
        return;
    };
    let (admin, category) = (shop.admin().await, format!("n-{}", random()));
    let id = shop.product_like(&in_category("Stool", &category), 2).await;
    let list = format!("/products?category={category}");
    shop.anonymous().get(&list).await.is(200).has("/items/0/name", "Stool");
    let change = json!({"name": "Bar stool", "price": {"amount": 2500, "currency": "EUR"}});
    admin.patch(&format!("/products/{id}"), &change).await.is(200);
    let listed = shop.anonymous().get(&list).await.is(200).has("/items/0/name", "Bar stool");
    listed.has("/items/0/price/amount", 2500).has("/items/0/available", true);
    shop.anonymous().get(&format!("/products/{id}")).await.is(200).has("/name", "Bar stool").has("/stock", 2);
    admin.delete(&format!("/products/{id}")).await.is(204);
    shop.anonymous().get(&list).await.is(200).has("/items", json!([]));
}

#[tokio::test]
async fn what_an_order_took_from_the_stock_shows_two_seconds_later() {
    let why = "moves the clock past the page cache";
    let Some(shop) = Shop::in_process(why, Setup::default()).await else {
        return;
    };
    let category = format!("s-{}", random());
    let id = shop.product_like(&in_category("Mirror", &category), 1).await;
    let list = format!("/products?category={category}");
    shop.anonymous().get(&list).await.is(200).has("/items/0/available", true);
    shop.customer().await.post("/orders", &an_order(&id, 1, VISA)).key(&random()).await.is(201);
    shop.advance(Duration::from_secs(3));
    shop.anonymous().get(&list).await.is(200).has("/items/0/available", false);
    shop.anonymous().get(&format!("/products/{id}")).await.is(200).has("/stock", 0);
}

#[tokio::test]
async fn a_product_that_is_not_there_is_not_found() {
    let shop = Shop::start().await;
    for id in ["prd_aaaaaaaaaaaaaaaaaaaaaaaaaa", "prd_", "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa", "..%2f..", "%00"] {
        if id.contains("%2f") && deployed::stand_in_differs("it decodes %2f before it looks for a route") {
            continue;
        }
        let answer: Answer = shop.anonymous().get(&format!("/products/{id}")).await;
        answer.problem(404, "not-found");
    }
}

/// A product of this name and category.
fn in_category(name: &str, category: &str) -> Value {
    let mut product = a_product();
    product["name"] = json!(name);
    product["category"] = json!(category);
    product
}

/// Every item of a list, page after page.
async fn walk(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut call = client.get(path);
    loop {
        let page = call.await.is(200);
        page.check(page.items().len() <= limit, "a page longer than its limit");
        items.extend(page.items());
        match page.at("/next").as_str() {
            Some(cursor) => {
                page.check(!page.items().is_empty(), "an empty page with a cursor");
                call = client.get(path).query("cursor", cursor);
            }
            None => return items,
        }
    }
}
