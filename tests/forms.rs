//! A request in a thousand other forms is the same request; a thousand others under its key are not.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::provider::Provider;
use crate::shop::{Shop, VISA, a_product, product_by, random};
use crate::steps::all_answered;

const MANY: usize = 1000;
const AT_ONCE: usize = 20;

/// A customer's order of three products, placed.
struct Placed {
    shop: Shop,
    provider: Option<Provider>,
    customer: Client,
    products: Vec<String>,
    key: String,
    body: Value,
    answer: Answer,
}

async fn placed() -> Placed {
    let (shop, provider) = Shop::start_with_provider().await;
    let (admin, customer, key) = (shop.admin().await, shop.customer().await, random());
    let mut products = Vec::new();
    for _ in 0..4 {
        products.push(product_by(&admin, &a_product(), 999).await);
    }
    let items: Vec<_> =
        products.iter().zip([5, 3, 2]).map(|(id, quantity)| json!({"product_id": id, "quantity": quantity})).collect();
    let body = json!({
        "items": items,
        "payment": {"method": VISA},
        "shipping_address": {
            "name": "Zo\u{eb} Caf\u{e9}", "lines": ["1 Kings Road", "Flat 2"], "postal_code": "SW1Y 4JH",
            "city": "London", "country": "GB",
        },
    });
    let answer = customer.post("/orders", &body).key(&key).await.is(201);
    Placed { shop, provider, customer, products, key, body, answer }
}

impl Placed {
    /// Sends a thousand bodies under the key, and has each answer checked.
    async fn send(&self, mut body: impl FnMut() -> String, check: impl Fn(Answer)) {
        let call = |body: String| self.customer.post("/orders", &Value::Null).text(&body).key(&self.key);
        let calls: Vec<_> = (0..MANY).map(|_| call(body())).collect();
        all_answered(&self.shop, &calls, AT_ONCE).await.into_iter().for_each(check);
    }

    /// There is one order, its stock is sold once, and it is paid once.
    async fn is_the_only_one(&self) {
        assert_eq!(self.customer.get("/orders").await.is(200).items().len(), 1);
        for (product, left) in self.products.iter().zip([994, 996, 997, 999]) {
            assert_eq!(self.shop.stock(product).await, left);
        }
        if let Some(provider) = &self.provider {
            let paid = self.answer.at("/payment/amount/amount").as_i64().expect("a number");
            assert_eq!(provider.ledgers(), [(self.answer.text_at("/order/id"), vec![paid])].into());
        }
        self.shop.books_balance().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_other_requests_under_a_used_key_change_nothing() {
    let placed = placed().await;
    let seed = fastrand::u64(..);
    let mut chance = fastrand::Rng::with_seed(seed);
    let other = || changed(&placed.body, &placed.products[3], &mut chance).to_string();
    placed
        .send(other, |answer| {
            answer.check(answer.status == 422, format!("seed {seed}"));
            answer.problem(422, "idempotency-key-reused");
        })
        .await;
    placed.is_the_only_one().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_other_forms_of_a_request_are_answered_like_the_first() {
    let placed = placed().await;
    let seed = fastrand::u64(..);
    let mut chance = fastrand::Rng::with_seed(seed);
    let first = &placed.answer;
    placed
        .send(
            || equal(&placed.body, &mut chance),
            |answer| {
                if answer.status != 201 || answer.body != first.body {
                    answer.fail(format!("seed {seed}: differs from {first}"));
                }
                answer.has_header("idempotency-replayed", "true");
            },
        )
        .await;
    placed.is_the_only_one().await;
}

/// Another order than `body`.
fn changed(body: &Value, other_product: &str, chance: &mut fastrand::Rng) -> Value {
    let mut body = body.clone();
    // One part of it changes, or several: no two changes are to the same place.
    let parts = chance.u8(1..8);
    if parts & 1 != 0 {
        let items = body["items"].as_array_mut().expect("items");
        let line = chance.usize(..items.len());
        match chance.u8(..4) {
            0 => {
                let quantity = items[line]["quantity"].as_u64().expect("a number");
                items[line]["quantity"] = json!((quantity + chance.u64(..998)) % 999 + 1);
            }
            1 => items[line]["product_id"] = json!(other_product),
            2 => items.push(json!({"product_id": other_product, "quantity": chance.u32(1..=999)})),
            _ => drop(items.remove(line)),
        }
    }
    if parts & 2 != 0 {
        let methods = ["pm_card_mastercard", "pm_card_amex", "pm_card_chargeDeclined", "pm_sandbox_unknown"];
        body["payment"]["method"] = json!(chance.choice(methods));
    }
    if parts & 4 != 0 {
        let address = &mut body["shipping_address"];
        match chance.u8(..7) {
            0 => drop(body.as_object_mut().expect("an object").remove("shipping_address")),
            1 => address["country"] = json!(chance.choice(["FR", "DE", "US"])),
            2 => address["lines"].as_array_mut().expect("lines").reverse(),
            3 => address["lines"] = json!(["1 Kings Road"]),
            _ => {
                let field = chance.choice(["name", "city", "postal_code"]).expect("one");
                let text = address[field].as_str().expect("text");
                address[field] = json!(format!("{text}{}", chance.alphanumeric()));
            }
        }
    }
    body
}

/// The same order as `body`, as some client might write it.
fn equal(body: &Value, chance: &mut fastrand::Rng) -> String {
    let mut body = body.clone();
    let mut items = Vec::new();
    for line in body["items"].as_array().expect("items") {
        // In as many lines as one likes.
        let mut left = line["quantity"].as_u64().expect("a number");
        while left > 0 {
            let quantity = chance.u64(1..=left);
            items.push(json!({"product_id": line["product_id"], "quantity": quantity}));
            left -= quantity;
        }
    }
    chance.shuffle(&mut items);
    body["items"] = items.into();
    if chance.bool() {
        body["shipping_address"]["name"] = json!("Zoe\u{308} Cafe\u{301}");
    }
    if chance.bool() {
        body["shipping_address"]["city"] = json!("  London ");
    }
    if chance.bool() {
        // What it should cost makes no other order of it.
        body["expected_total"] = json!({"amount": chance.u32(1..100_000), "currency": "EUR"});
    }
    let mut text = String::new();
    write(&body, chance, &mut text);
    text
}

/// Writes JSON with its members in any order, space where it may be, and any character as an escape.
fn write(value: &Value, chance: &mut fastrand::Rng, text: &mut String) {
    let space = |chance: &mut fastrand::Rng, text: &mut String| {
        text.push_str(chance.choice(["", "", " ", "\n", "\t"]).unwrap_or_default());
    };
    space(chance, text);
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            chance.shuffle(&mut members);
            text.push('{');
            for (number, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if number == 0 { "" } else { "," });
                write(&json!(name), chance, text);
                text.push(':');
                write(value, chance, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (number, value) in items.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { "," });
                write(value, chance, text);
            }
            text.push(']');
        }
        // There is nothing in the texts that must be an escape.
        Value::String(string) => {
            text.push('"');
            for character in string.chars() {
                if chance.u8(..8) == 0 {
                    text.push_str(&format!("\\u{:04x}", u32::from(character)));
                } else {
                    text.push(character);
                }
            }
            text.push('"');
        }
        other => text.push_str(&other.to_string()),
    }
    space(chance, text);
}
