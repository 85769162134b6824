//! What a client wants to order, and the digest that tells a repeat from another request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::contract::{Address, Item, PaymentMethod};
use shared::error::Error;
use shared::ids::{self, ProductId};
use shared::money::{Money, Quantity};

/// The most lines an order has, merged.
const LINES: usize = 50;

/// The body of `POST /orders`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basket {
    items: Vec<Item>,
    payment: PaymentChoice,
    #[serde(default)]
    shipping_address: Option<Address>,
    #[serde(default)]
    expected_total: Option<Money>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentChoice {
    method: PaymentMethod,
}

/// A basket in canonical form: lines merged and sorted by product.
#[derive(Debug, Serialize)]
pub struct Canonical {
    /// At least one line.
    pub items: Vec<Item>,
    /// How to pay.
    pub method: PaymentMethod,
    /// Where to send it.
    pub shipping_address: Option<Address>,
    /// What the client thinks that it costs. It asks for nothing, so it does not make another request of this.
    #[serde(skip)]
    pub expected_total: Option<Money>,
}

impl Basket {
    /// The canonical form.
    ///
    /// # Errors
    /// No line, more than 50 products, or more than 999 of one.
    pub fn canonical(self) -> Result<Canonical, Error> {
        let mut merged: BTreeMap<ProductId, i64> = BTreeMap::new();
        for (index, item) in self.items.iter().enumerate() {
            let sum = merged.entry(item.product_id.clone()).or_default();
            *sum = sum.saturating_add(item.quantity.get());
            Quantity::try_from(*sum)
                .map_err(|_| Error::field(format!("/items/{index}/quantity"), "at most 999 of a product"))?;
        }
        if merged.is_empty() || merged.len() > LINES {
            return Err(Error::field("/items", "an order has 1 to 50 products"));
        }
        let lines = merged.into_iter().map(|(product_id, sum)| {
            let quantity = Quantity::try_from(sum).map_err(|detail| Error::field("/items", detail))?;
            Ok(Item { product_id, quantity })
        });
        Ok(Canonical {
            items: lines.collect::<Result<_, Error>>()?,
            method: self.payment.method,
            shipping_address: self.shipping_address,
            expected_total: self.expected_total,
        })
    }
}

impl Canonical {
    /// The digest of this request: SHA-256 over its canonical JSON, so that order of lines and members, white space
    /// and Unicode form do not make another request of it.
    ///
    /// # Errors
    /// It cannot be JSON, which would be a bug.
    pub fn fingerprint(&self) -> Result<String, Error> {
        let json = serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(ids::base32(&Sha256::digest(json)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    fn body(lines: &[(u8, i64)]) -> Value {
        let items: Vec<_> = lines
            .iter()
            .map(|(product, quantity)| json!({"product_id": ProductId::of_sample(&product.to_string()), "quantity": quantity}))
            .collect();
        json!({"items": items, "payment": {"method": "pm_card_visa"}})
    }

    fn fingerprint(body: &Value) -> Option<String> {
        fingerprint_of(&body.to_string())
    }

    fn fingerprint_of(json: &str) -> Option<String> {
        let basket: Basket = serde_json::from_str(json).expect("a basket");
        basket.canonical().ok()?.fingerprint().ok()
    }

    type Member = (&'static str, String);

    fn address(name: &str, city: &str) -> [Member; 5] {
        [
            ("name", json!(name).to_string()),
            ("lines", json!(["1 Kings Road", city]).to_string()),
            ("postal_code", json!("SW1Y 4JH").to_string()),
            ("city", json!(city).to_string()),
            ("country", json!("GB").to_string()),
        ]
    }

    fn request(address: String) -> [Member; 3] {
        let items = json!([{"product_id": ProductId::of_sample("1"), "quantity": 2}]).to_string();
        [("items", items), ("payment", json!({"method": "pm_card_visa"}).to_string()), ("shipping_address", address)]
    }

    /// An object with its members in this order, and this white space wherever JSON allows it.
    fn object(members: &[Member], space: &str) -> String {
        let written = |(name, value): &Member| format!("{space}\"{name}\"{space}:{space}{value}{space}");
        format!("{{{}}}", members.iter().map(written).collect::<Vec<_>>().join(","))
    }

    /// The same text with every character as its escape.
    fn escaped(json: &str) -> String {
        let escape = |unit: u16| format!("\\u{unit:04x}");
        let text: String = serde_json::from_str(json).expect("a string");
        format!("\"{}\"", text.encode_utf16().map(escape).collect::<String>())
    }

    #[test]
    fn limits_hold_after_merging() {
        assert_eq!(fingerprint(&body(&[])), None);
        assert_eq!(fingerprint(&body(&[(1, 999), (1, 1)])), None);
        assert!(fingerprint(&body(&[(1, 998), (1, 1)])).is_some());
        let many: Vec<_> = (0..51).map(|product| (product, 1)).collect();
        assert_eq!(fingerprint(&body(&many)), None);
        let repeated: Vec<_> = (0..60).map(|_| (1, 1)).collect();
        assert!(fingerprint(&body(&repeated)).is_some());
    }

    proptest! {
        #[test]
        fn the_order_of_lines_and_their_division_change_nothing(
            mut lines in prop::collection::vec((0u8..20, 2i64..20), 1..20), at in any::<prop::sample::Index>()
        ) {
            let before = fingerprint(&body(&lines));
            let (product, quantity) = lines.remove(at.index(lines.len()));
            lines.insert(0, (product, 1));
            lines.push((product, quantity - 1));
            prop_assert_eq!(before, fingerprint(&body(&lines)));
        }

        #[test]
        fn another_quantity_is_another_request(lines in prop::collection::vec((0u8..20, 1i64..20), 1..20)) {
            let mut more = lines.clone();
            more[0].1 += 1;
            prop_assert_ne!(fingerprint(&body(&lines)), fingerprint(&body(&more)));
        }

        #[test]
        fn how_the_json_and_its_texts_are_written_changes_nothing(
            name in "[a-zéñçÅộ가힣 ]{0,30}Å", city in "[A-Zäöü]{1,20}", space in "[ \t\r\n]{0,3}",
            at in Just([0usize, 1, 2, 3, 4]).prop_shuffle(), first in 0usize..3, escape in any::<bool>(),
        ) {
            let before = object(&request(object(&address(&name, &city), "")), "");
            let nfd = |text: &str| text.nfd().collect::<String>();
            let members = address(&nfd(&name), &nfd(&city));
            let mut members = at.map(|at| members[at].clone());
            if escape {
                members.iter_mut().filter(|(name, _)| *name != "lines").for_each(|(_, json)| *json = escaped(json));
            }
            let mut request = request(object(&members, &space));
            request.rotate_left(first);
            prop_assert_eq!(fingerprint_of(&before), fingerprint_of(&object(&request, &space)));
        }

        #[test]
        fn another_address_is_another_request(name in "[a-zé]{1,9}", other in "[a-zé]{1,9}") {
            prop_assume!(name != other);
            let with = |name: &str| object(&request(object(&address(name, "London"), "")), "");
            prop_assert_ne!(fingerprint_of(&with(&name)), fingerprint_of(&with(&other)));
        }
    }
}
