//! Orders that are refused before anything is stored: each problem, and that its key stays unused.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::money::Money;

use crate::shop::{Setup, Shop, VISA, a_product, an_order, random};

#[tokio::test]
async fn a_field_that_cannot_be_accepted_is_pointed_at() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let key = random();
    for (pointer, place, wrong) in [
        ("/items", "/items", json!([])),
        ("/items", "/items", json!("all of it")),
        ("/items", "/items", Value::Null),
        ("/items/0/quantity", "/items/0/quantity", json!(0)),
        ("/items/0/quantity", "/items/0/quantity", json!(-1)),
        ("/items/0/quantity", "/items/0/quantity", json!(1000)),
        ("/items/0/quantity", "/items/0/quantity", json!(1.5)),
        ("/items/0/quantity", "/items/0/quantity", json!("1")),
        ("/items/0/product_id", "/items/0/product_id", json!("lamp")),
        ("/items/0/product_id", "/items/0/product_id", json!("usr_aaaaaaaaaaaaaaaaaaaaaaaaaa")),
        ("/items/0/price", "/items/0/price", json!(1)),
        ("/payment", "/payment", json!("pm_card_visa")),
        ("/payment/method", "/payment/method", json!("")),
        ("/payment/method", "/payment/method", json!("not an id")),
        ("/payment/method", "/payment/method", json!("x".repeat(101))),
        ("/payment/amount", "/payment/amount", json!(1)),
        ("/shipping_address/country", "/shipping_address/country", json!("gb")),
        ("/shipping_address/lines", "/shipping_address/lines", json!([])),
        ("/shipping_address/lines", "/shipping_address/lines", json!(["1", "2", "3", "4", "5"])),
        ("/shipping_address/city", "/shipping_address/city", json!("Lon\ndon")),
        ("/shipping_address/name", "/shipping_address/name", json!("   ")),
        ("/status", "/status", json!("CONFIRMED")),
        ("/user_id", "/user_id", json!("usr_aaaaaaaaaaaaaaaaaaaaaaaaaa")),
    ] {
        let mut order = an_order(&id, 1, VISA);
        let (parent, member) = place.rsplit_once('/').expect("a pointer");
        order.pointer_mut(parent).expect("its parent")[member] = wrong;
        customer.post("/orders", &order).key(&key).await.problem(400, "invalid-request").points_at(pointer);
    }
    customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
    assert_eq!(shop.stock(&id).await, 4);
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    for member in ["items", "payment"] {
        let mut order = an_order(&id, 1, VISA);
        order.as_object_mut().expect("an object").remove(member);
        let refused = customer.post("/orders", &order).key(&random()).await.problem(400, "invalid-request");
        refused.check(refused.at("/errors").to_string().contains(member), format!("{member} is not named"));
    }
}

#[tokio::test]
async fn an_order_has_at_most_fifty_lines_and_999_pieces_of_each_after_merging() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(2000).await);
    let lines = |count: usize, quantity: i64| {
        let line = json!({"product_id": id, "quantity": quantity});
        json!({"items": vec![line; count], "payment": {"method": VISA}})
    };
    customer.post("/orders", &lines(60, 1)).key(&random()).await.is(201).has("/order/items/0/quantity", 60);
    customer.post("/orders", &lines(2, 500)).key(&random()).await.problem(400, "invalid-request");
    let items: Vec<_> = (0..51).map(|_| json!({"product_id": format!("prd_{}", random()), "quantity": 1})).collect();
    let many = json!({"items": items, "payment": {"method": VISA}});
    customer.post("/orders", &many).key(&random()).await.problem(400, "invalid-request").points_at("/items");
}

#[tokio::test]
async fn a_product_that_does_not_exist_is_unavailable() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    let missing = "prd_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let mut order = an_order(&id, 1, VISA);
    order["items"].as_array_mut().expect("items").push(json!({"product_id": missing, "quantity": 1}));
    let refused = customer.post("/orders", &order).key(&key).await.problem(409, "product-unavailable");
    refused.has("/product_ids", json!([missing]));
    assert_eq!(shop.stock(&id).await, 5);
    customer.post("/orders", &an_order(&id, 1, VISA)).key(&key).await.is(201);
}

#[tokio::test]
async fn an_idempotency_key_is_needed_and_has_to_be_well_formed() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let order = an_order(&id, 1, VISA);
    customer.post("/orders", &order).await.problem(400, "invalid-idempotency-key");
    for wrong in ["", "\"\"", "a b", "\"", "a\"b", &"k".repeat(256)] {
        customer.post("/orders", &order).key(wrong).await.problem(400, "invalid-idempotency-key");
    }
    assert_eq!(shop.stock(&id).await, 5);
    let key = random();
    let bare = customer.post("/orders", &order).key(&key).await.is(201);
    let quoted = customer.post("/orders", &order).key(&format!("\"{key}\"")).await.is(201);
    quoted.check(quoted.body == bare.body, format!("a quoted key is the same key: {bare}"));
    assert_eq!(shop.stock(&id).await, 4);
}

#[tokio::test]
async fn a_card_number_is_refused_wherever_it_stands() {
    let shop = Shop::start().await;
    let (customer, id, key) = (shop.customer().await, shop.product(5).await, random());
    for (place, value) in [
        ("/payment/method", json!("4242424242424242")),
        ("/payment/number", json!("4242 4242 4242 4242")),
        ("/payment/number", json!(4_242_424_242_424_242_u64)),
        ("/shipping_address/name", json!("Ada 4000-0566-5566-5556")),
        ("/shipping_address/lines/0", json!("378282246310005")),
        ("/note", json!({"deep": [["my card is 5555 5555 5555 4444."]]})),
    ] {
        let mut order = an_order(&id, 1, VISA);
        let (parent, member) = place.rsplit_once('/').expect("a pointer");
        match member.parse::<usize>() {
            Ok(index) => order.pointer_mut(parent).expect("its parent")[index] = value,
            Err(_) => order.pointer_mut(parent).expect("its parent")[member] = value,
        }
        let refused = customer.post("/orders", &order).key(&key).await.problem(400, "card-data-refused");
        let echoed = String::from_utf8_lossy(&refused.body).contains("4242");
        refused.check(!echoed, "the number comes back");
    }
    let mut order = an_order(&id, 1, VISA);
    order["shipping_address"]["name"] = json!("Ada 4242424242424241");
    customer.post("/orders", &order).key(&key).await.is(201);
}

#[tokio::test]
async fn a_body_over_64_kilobytes_is_refused() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let order = an_order(&id, 1, VISA).to_string();
    let padded = |length: usize| format!("{order}{}", " ".repeat(length - order.len()));
    customer.post("/orders", &Value::Null).text(&padded(65_537)).key(&random()).await.problem(413, "body-too-large");
    customer.post("/orders", &Value::Null).text(&padded(65_536)).key(&random()).await.is(201);
    customer.post("/login", &Value::Null).text(&padded(65_537)).await.problem(413, "body-too-large");
    customer.post("/users", &Value::Null).text(&padded(200_000)).await.problem(413, "body-too-large");
}

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    let shop = Shop::start().await;
    let customer = shop.customer().await;
    let deep = "[".repeat(30_000);
    let deep_inside = format!("{{\"items\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    for wrong in ["", "{", "nonsense", "\u{feff}{}", &deep, &deep_inside, &deep_objects] {
        for path in ["/orders", "/login", "/users"] {
            let refused = customer.post(path, &Value::Null).text(wrong).key(&random()).await;
            refused.problem(400, "malformed-json");
        }
    }
    let levels = |levels: usize| format!("{{\"items\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    for path in ["/orders", "/login", "/users"] {
        let send = |body: String| customer.post(path, &Value::Null).text(&body).key(&random());
        send(levels(32)).await.problem(400, "invalid-request");
        send(levels(33)).await.problem(400, "malformed-json");
    }
    for wrong in ["{}{}", "{\"items\": [}"] {
        customer.post("/orders", &Value::Null).text(wrong).key(&random()).await.problem(400, "malformed-json");
    }
    for wrong in ["null", "1", "\"text\"", "[]"] {
        customer.post("/orders", &Value::Null).text(wrong).key(&random()).await.problem(400, "invalid-request");
    }
    customer.call(http::Method::POST, "/login").await.problem(400, "malformed-json");
}

#[tokio::test]
async fn a_member_that_comes_twice_is_refused() {
    let shop = Shop::start().await;
    let (customer, id) = (shop.customer().await, shop.product(5).await);
    let items = format!(r#""items":[{{"product_id":"{id}","quantity":1}}]"#);
    let twice = format!(r#"{{{items},{items},"payment":{{"method":"{VISA}"}}}}"#);
    customer.post("/orders", &Value::Null).text(&twice).key(&random()).await.problem(400, "invalid-request");
    assert_eq!(shop.stock(&id).await, 5);
}

#[tokio::test]
async fn an_order_has_a_total_that_money_can_be() {
    let shop = Shop::start().await;
    let mut dear = a_product();
    dear["price"]["amount"] = json!(Money::MAX);
    let (customer, dear, cheap) = (shop.customer().await, shop.product_like(&dear, 9).await, shop.product(9).await);
    let both = json!([{"product_id": dear, "quantity": 1}, {"product_id": cheap, "quantity": 1}]);
    for items in [json!([{"product_id": dear, "quantity": 2}]), both] {
        let mut order = an_order(&dear, 1, VISA);
        order["items"] = items;
        let refused = customer.post("/orders", &order).key(&random()).await.problem(400, "invalid-request");
        refused.points_at("/items").has("/errors/0/detail", "the total is more than an order may cost");
    }
    assert_eq!((shop.stock(&dear).await, shop.stock(&cheap).await), (9, 9));
}

#[tokio::test]
async fn an_order_has_one_currency() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("shop.db");
    let in_currency = |currency: &str| Setup {
        data: Some(data.clone()),
        parameters: BTreeMap::from([("Currency".to_owned(), currency.to_owned())]),
        ..Setup::default()
    };
    let why = "starts a shop that has changed its currency";
    let Some(before) = Shop::in_process(why, in_currency("EUR")).await else { return };
    let in_euros = before.product(5).await;
    before.stop().await;

    let Some(shop) = Shop::in_process(why, in_currency("USD")).await else { return };
    let mut product = a_product();
    product["price"]["currency"] = json!("USD");
    let (customer, in_dollars, key) = (shop.customer().await, shop.product_like(&product, 5).await, random());
    let mut order = an_order(&in_dollars, 1, VISA);
    order["items"] = json!([{"product_id": in_euros, "quantity": 1}, {"product_id": in_dollars, "quantity": 1}]);
    let refused = customer.post("/orders", &order).key(&key).await.problem(400, "invalid-request").points_at("/items");
    let why = "the prices are in more than one currency: order the products of each apart";
    refused.has("/errors/0/detail", why);
    for product in [&in_euros, &in_dollars] {
        customer.post("/orders", &an_order(product, 1, VISA)).key(&random()).await.is(201);
        assert_eq!(shop.stock(product).await, 4);
    }
    shop.books_balance().await;
}
