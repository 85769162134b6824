//! What Stripe answers, as far as it matters, and what it means for a payment.

use std::fmt;

use serde::Deserialize;

use crate::payment::Event;

/// A PaymentIntent. <https://docs.stripe.com/api/payment_intents/object>
#[derive(Deserialize)]
pub struct PaymentIntent {
    /// Its id.
    pub id: String,
    status: String,
    last_payment_error: Option<Failure>,
}

/// What a PaymentIntent's state means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is known what became of it.
    Ended(Event),
    /// It waits for being confirmed.
    Confirm,
    /// It wants something of the customer that this shop does not ask for: decline it with this code, after it was
    /// cancelled.
    Cancel(String),
    /// Nobody knows yet.
    Open,
}

impl PaymentIntent {
    /// Whether its id can stand in a URL.
    pub fn has_plain_id(&self) -> bool {
        !self.id.is_empty() && self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// Whether it can never be captured any more.
    pub fn is_canceled(&self) -> bool {
        self.status == "canceled"
    }

    /// What its state means.
    pub fn verdict(&self) -> Verdict {
        let code =
            |otherwise: &str| self.last_payment_error.as_ref().map_or(otherwise.to_owned(), Failure::decline_code);
        match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => Verdict::Ended(Event::Captured),
            ("requires_confirmation", _) => Verdict::Confirm,
            ("requires_payment_method", Some(failure)) => Verdict::Ended(Event::Declined(failure.decline_code())),
            ("requires_payment_method", None) => Verdict::Cancel("payment_method_unavailable".to_owned()),
            ("requires_action", _) => Verdict::Cancel("authentication_required".to_owned()),
            ("canceled", _) => Verdict::Ended(Event::Declined(code("canceled"))),
            _ => Verdict::Open,
        }
    }
}

/// A Refund. <https://docs.stripe.com/api/refunds/object>
#[derive(Deserialize)]
pub struct Refund {
    amount: i64,
    status: Option<String>,
}

impl Refund {
    /// Whether the money is back.
    pub fn is_done(&self) -> bool {
        self.status.as_deref() == Some("succeeded")
    }

    fn has_failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }
}

/// A page of a list.
#[derive(Deserialize)]
pub struct List<T> {
    data: Vec<T>,
}

/// What all refunds of a payment come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Refunds {
    /// All of the money is back.
    Done,
    /// One is under way.
    Open,
    /// One has failed.
    Failed,
    /// Nobody has asked for one, or not for all of it.
    Missing,
}

impl List<Refund> {
    /// What they come to for a payment of `amount`.
    pub fn of(&self, amount: i64) -> Refunds {
        let back: i64 = self.data.iter().filter(|refund| refund.is_done()).map(|refund| refund.amount).sum();
        if back >= amount {
            Refunds::Done
        } else if self.data.iter().any(|refund| !refund.is_done() && !refund.has_failed()) {
            Refunds::Open
        } else if self.data.iter().any(Refund::has_failed) {
            Refunds::Failed
        } else {
            Refunds::Missing
        }
    }
}

/// The body of a refusal.
#[derive(Deserialize)]
pub struct Failed {
    /// Why.
    pub error: Failure,
}

/// Why Stripe refused something. Its `message` is left out: it may repeat what was sent.
/// <https://docs.stripe.com/api/errors>
#[derive(Deserialize)]
pub struct Failure {
    /// The answer's HTTP status.
    #[serde(skip)]
    pub status: u16,
    #[serde(default)]
    r#type: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
}

/// The longest decline code that is kept.
const LONGEST_CODE: usize = 64;

impl Failure {
    /// Whether the card was declined.
    pub fn is_decline(&self) -> bool {
        self.status == 402 && self.r#type == "card_error"
    }

    /// Whether what it is to be paid with or how much was refused, rather than the way in which it was asked for.
    pub fn is_about_the_payment(&self) -> bool {
        self.is_decline() || matches!(self.param.as_deref(), Some("payment_method" | "amount" | "currency"))
    }

    /// The issuer's reason, or Stripe's own.
    pub fn decline_code(&self) -> String {
        let plain = |code: &&str| {
            (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let codes = [self.decline_code.as_deref(), self.code.as_deref()];
        let otherwise = if self.status >= 500 { "processing_error" } else { "generic_decline" };
        codes.into_iter().flatten().find(plain).unwrap_or(otherwise).to_owned()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { status, r#type, code, param, .. } = self;
        let [code, param] = [code, param].map(|text| text.as_deref().unwrap_or("-"));
        write!(f, "Stripe answered {status} ({type}, code {code}, param {param})")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(intent: Value) -> Verdict {
        serde_json::from_value::<PaymentIntent>(intent).expect("an intent").verdict()
    }

    fn declined(code: &str) -> Verdict {
        Verdict::Ended(Event::Declined(code.to_owned()))
    }

    #[test]
    fn every_status_of_an_intent_has_its_meaning() {
        let failed = json!({"type": "card_error", "code": "card_declined", "decline_code": "lost_card"});
        let intent = |status: &str, error: &Value| json!({"id": "pi_1", "status": status, "last_payment_error": error});
        for (status, error, expected) in [
            ("succeeded", Value::Null, Verdict::Ended(Event::Captured)),
            ("requires_confirmation", Value::Null, Verdict::Confirm),
            ("requires_payment_method", failed.clone(), declined("lost_card")),
            ("requires_payment_method", Value::Null, Verdict::Cancel("payment_method_unavailable".to_owned())),
            ("requires_action", Value::Null, Verdict::Cancel("authentication_required".to_owned())),
            ("canceled", Value::Null, declined("canceled")),
            ("canceled", failed, declined("lost_card")),
            ("processing", Value::Null, Verdict::Open),
            ("requires_capture", Value::Null, Verdict::Open),
            ("invented_later", Value::Null, Verdict::Open),
        ] {
            assert_eq!(verdict(intent(status, &error)), expected, "{status} {error}");
        }
    }

    #[test]
    fn a_decline_code_is_short_and_plain_whatever_is_sent() {
        for (decline_code, code, expected) in [
            (json!("insufficient_funds"), json!("card_declined"), "insufficient_funds"),
            (Value::Null, json!("expired_card"), "expired_card"),
            (json!("x".repeat(65)), json!("card_declined"), "card_declined"),
            (json!("<b>"), json!(""), "generic_decline"),
            (Value::Null, Value::Null, "generic_decline"),
        ] {
            let failure = json!({"type": "card_error", "decline_code": decline_code, "code": code});
            let failure: Failure = serde_json::from_value(failure).expect("a failure");
            assert_eq!(failure.decline_code(), expected);
        }
    }

    #[test]
    fn money_is_back_once_the_refunds_that_succeeded_come_to_the_whole() {
        let of = |refunds: &[(&str, i64)]| {
            let data: Vec<_> =
                refunds.iter().map(|(status, amount)| json!({"status": status, "amount": amount})).collect();
            serde_json::from_value::<List<Refund>>(json!({"data": data})).expect("a list").of(100)
        };
        assert_eq!(of(&[]), Refunds::Missing);
        assert_eq!(of(&[("succeeded", 100)]), Refunds::Done);
        assert_eq!(of(&[("failed", 100), ("succeeded", 60), ("succeeded", 40)]), Refunds::Done);
        assert_eq!(of(&[("succeeded", 40)]), Refunds::Missing);
        assert_eq!(of(&[("pending", 100)]), Refunds::Open);
        assert_eq!(of(&[("requires_action", 100)]), Refunds::Open);
        assert_eq!(of(&[("failed", 100)]), Refunds::Failed);
        assert_eq!(of(&[("failed", 100), ("pending", 100)]), Refunds::Open);
    }
}
