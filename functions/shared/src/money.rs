//! Money and quantities: integer minor units with an ISO 4217 code, checked arithmetic, no floats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 currency code, three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code's text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Currency, Self::Err> {
        match text.as_bytes() {
            &[a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Currency([a, b, c])),
            _ => Err("a currency is an ISO 4217 code of three upper-case letters"),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A price or a total: never negative, at most [`Money::MAX`] minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Money {
    amount: i64,
    currency: Currency,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    amount: i64,
    currency: Currency,
}

impl TryFrom<Unchecked> for Money {
    type Error = &'static str;

    fn try_from(money: Unchecked) -> Result<Money, Self::Error> {
        Money::new(money.amount, money.currency)
    }
}

impl Money {
    /// The largest amount, in minor units: Stripe's limit of eight digits, with four more for currencies of small units.
    pub const MAX: i64 = 999_999_999_999;

    /// An amount in minor units (cents, for EUR).
    ///
    /// # Errors
    /// It is negative or more than [`Money::MAX`].
    pub fn new(amount: i64, currency: Currency) -> Result<Money, &'static str> {
        if (0..=Money::MAX).contains(&amount) {
            Ok(Money { amount, currency })
        } else {
            Err("an amount is 0 to 999999999999 minor units")
        }
    }

    /// Minor units.
    pub fn amount(&self) -> i64 {
        self.amount
    }

    /// The currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// This many of it; `None` past [`Money::MAX`].
    pub fn times(self, quantity: Quantity) -> Option<Money> {
        Money::new(self.amount.checked_mul(quantity.get())?, self.currency).ok()
    }

    /// The sum; `None` past [`Money::MAX`] or when the currencies differ.
    pub fn plus(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Money::new(self.amount.checked_add(other.amount)?, self.currency).ok()
    }
}

/// How many of a product a line orders: 1–999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

impl Quantity {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Quantity, Self::Error> {
        if (1..=999).contains(&number) { Ok(Quantity(number)) } else { Err("a quantity is 1 to 999") }
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        quantity.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(amount: i64, currency: &str) -> Money {
        Money::new(amount, currency.parse().expect("a currency")).expect("an amount")
    }

    #[test]
    fn sums_of_two_currencies_do_not_exist() {
        assert_eq!(money(1, "EUR").plus(money(1, "USD")), None);
    }

    #[test]
    fn json_without_currency_or_with_a_fraction_is_refused() {
        for wrong in [
            r#"{"amount":1}"#,
            r#"{"amount":1.5,"currency":"EUR"}"#,
            r#"{"amount":-1,"currency":"EUR"}"#,
            r#"{"amount":1,"currency":"eur"}"#,
            r#"{"amount":1,"currency":"EUR","x":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn arithmetic_is_exact_or_refused(a in 0..=Money::MAX, b in 0..=Money::MAX, n in 1i64..=999) {
            let (a128, b128) = (i128::from(a), i128::from(b));
            let sum = money(a, "EUR").plus(money(b, "EUR")).map(|m| i128::from(m.amount()));
            prop_assert_eq!(sum, (a128 + b128 <= i128::from(Money::MAX)).then_some(a128 + b128));
            let product = money(a, "EUR").times(Quantity::try_from(n).expect("1..=999")).map(|m| i128::from(m.amount()));
            let exact = a128 * i128::from(n);
            prop_assert_eq!(product, (exact <= i128::from(Money::MAX)).then_some(exact));
        }
    }
}
