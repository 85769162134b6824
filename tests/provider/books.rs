//! What the provider knows: payments, refunds, the money that really moved, and what it has answered under which key.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use super::Provider;
use super::held::Held;
use crate::shop::random;

/// A payment method whose outcome takes its time.
pub const SLOW: &str = "pm_card_processing";

/// What the provider can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Prepare,
    Confirm,
    Retrieve,
    Cancel,
    Refund,
    ListRefunds,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is done, and answered with 500, now and under its key for ever.
    FailsAfter,
    /// It is not done, and answered with 500, now and under its key for ever.
    FailsBefore,
    /// It is done, and the connection breaks.
    ReplyLost,
    /// It is done, and never answered.
    Hangs,
    /// It is not done, for now.
    Refused(u16),
    /// Something is answered that is not Stripe's.
    Nonsense,
    /// The refund is made, and stays open.
    Open,
    /// The refund is made, and fails.
    Fails,
}

/// Money that has moved: an intent's id, and how much came in.
pub type Movement = (String, i64);

/// A PaymentIntent.
pub struct Intent {
    pub order: String,
    pub amount: i64,
    pub method: String,
    pub status: &'static str,
    pub error: Value,
}

/// A Refund.
pub struct Refund {
    pub id: String,
    pub intent: String,
    pub amount: i64,
    pub status: &'static str,
}

/// All that the provider knows, and what is to go wrong.
#[derive(Default)]
pub struct Books {
    pub intents: BTreeMap<String, Intent>,
    pub refunds: Vec<Refund>,
    pub ledger: Vec<Movement>,
    pub keys: HashMap<String, (String, u16, Value)>,
    pub troubles: VecDeque<(Call, Trouble)>,
    pub lasting: Option<(Call, Trouble)>,
    pub calls: Vec<Call>,
    pub held: Option<Held>,
    /// How often a second refund of the same money was asked for, and refused.
    pub refused_refunds: usize,
    /// How often a secret was read.
    pub secrets_read: usize,
    pub secret_key: String,
    pub webhook_secret: String,
}

impl Provider {
    /// The money that has moved for each order, where some has.
    pub fn ledgers(&self) -> HashMap<String, Vec<i64>> {
        let books = self.books();
        let mut moved = HashMap::<_, Vec<_>>::new();
        for (intent, amount) in &books.ledger {
            moved.entry(books.intents[intent].order.clone()).or_default().push(*amount);
        }
        moved
    }
}

impl Books {
    /// What goes wrong with a call that is being made.
    pub fn made(&mut self, call: Call) -> Option<Trouble> {
        self.calls.push(call);
        let planned = self.troubles.iter().position(|(planned, _)| *planned == call);
        let planned = planned.and_then(|at| self.troubles.remove(at));
        planned.or(self.lasting.filter(|(lasting, _)| *lasting == call)).map(|(_, trouble)| trouble)
    }

    /// An intent as the API shows it.
    pub fn intent(&self, id: &str) -> Value {
        let Intent { order, amount, method, status, error } = &self.intents[id];
        json!({
            "id": id, "object": "payment_intent", "amount": amount, "currency": "eur", "payment_method": method,
            "status": status, "last_payment_error": error, "metadata": {"order_id": order},
        })
    }

    /// Takes an intent's money.
    pub fn capture(&mut self, id: &str) {
        let intent = self.intents.get_mut(id).expect("an intent");
        intent.status = "succeeded";
        let amount = intent.amount;
        self.ledger.push((id.to_owned(), amount));
    }

    fn prepare(&mut self, form: &HashMap<String, String>) -> (u16, Value) {
        assert_eq!((&*form["confirm"], &*form["payment_method_types[]"], &*form["currency"]), ("false", "card", "eur"));
        let method = &form["payment_method"];
        if !method.starts_with("pm_card_") {
            return refusal(
                400,
                json!({"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"}),
            );
        }
        let id = format!("pi_{}", random());
        let (order, amount) = (form["metadata[order_id]"].clone(), form["amount"].parse().expect("minor units"));
        let intent =
            Intent { order, amount, method: method.clone(), status: "requires_confirmation", error: Value::Null };
        self.intents.insert(id.clone(), intent);
        (200, self.intent(&id))
    }

    fn confirm(&mut self, id: &str, form: &HashMap<String, String>) -> (u16, Value) {
        assert_eq!(form.get("error_on_requires_action").map(String::as_str), Some("true"), "nobody could act");
        let intent = self.intents.get_mut(id).expect("an intent");
        if intent.status != "requires_confirmation" {
            return refusal(400, json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}));
        }
        match intent.method.as_str() {
            SLOW => intent.status = "processing",
            method @ ("pm_card_chargeDeclined"
            | "pm_card_chargeDeclinedInsufficientFunds"
            | "pm_card_authenticationRequired") => {
                let code = match method {
                    "pm_card_chargeDeclinedInsufficientFunds" => "insufficient_funds",
                    "pm_card_authenticationRequired" => "authentication_required",
                    _ => "generic_decline",
                };
                intent.status = "requires_payment_method";
                intent.error = json!({"type": "card_error", "code": "card_declined", "decline_code": code});
                return refusal(402, intent.error.clone());
            }
            _ => self.capture(id),
        }
        (200, self.intent(id))
    }

    fn cancel(&mut self, id: &str) -> (u16, Value) {
        let Some(intent) = self.intents.get_mut(id) else {
            return refusal(404, json!({"type": "invalid_request_error", "code": "resource_missing"}));
        };
        if matches!(intent.status, "succeeded" | "processing" | "canceled") {
            return refusal(400, json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}));
        }
        intent.status = "canceled";
        (200, self.intent(id))
    }

    fn refund(&mut self, id: &str, status: &'static str) -> (u16, Value) {
        let amount = self.intents[id].amount;
        let refunded = self.refunds.iter().any(|refund| refund.intent == id && refund.status != "failed");
        if refunded || self.intents[id].status != "succeeded" {
            self.refused_refunds += 1;
            return refusal(400, json!({"type": "invalid_request_error", "code": "charge_already_refunded"}));
        }
        self.refunds.push(Refund { id: format!("re_{}", random()), intent: id.to_owned(), amount, status });
        if status == "succeeded" {
            self.ledger.push((id.to_owned(), -amount));
        }
        (200, json!({"id": "re_1", "object": "refund", "amount": amount, "status": status}))
    }

    fn list(&self, id: &str) -> (u16, Value) {
        let of_intent = self.refunds.iter().filter(|refund| refund.intent == id);
        let data: Vec<_> = of_intent
            .map(|Refund { id, amount, status, .. }| json!({"id": id, "amount": amount, "status": status}))
            .collect();
        (200, json!({"object": "list", "data": data, "has_more": false}))
    }

    /// What moves money has a key that is the order's, so that whoever asks again asks for the same.
    fn is_the_right_key(&self, call: Call, id: &str, key: Option<&str>, form: &HashMap<String, String>) {
        let order = |id: &str| self.intents.get(id).map(|intent| intent.order.clone()).unwrap_or_default();
        match call {
            Call::Prepare => assert!(key.is_some(), "no key"),
            Call::Confirm => assert_eq!(key, Some(order(id).as_str())),
            Call::Refund => {
                let first = format!("{}#refund", order(&form["payment_intent"]));
                assert!(key == Some(&first) || key == Some(&format!("{first}#2")), "{key:?}");
            }
            Call::Retrieve | Call::Cancel | Call::ListRefunds => assert_eq!(key, None),
        }
    }

    /// Does what is asked for, once for a key.
    pub fn take(&mut self, call: Call, id: &str, key: Option<&str>, form: &str, trouble: Option<Trouble>) -> Taken {
        let fields = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect::<HashMap<_, _>>();
        self.is_the_right_key(call, id, key, &fields);
        let request = format!("{call:?} {id} {form}");
        if let Some((first, status, body)) = key.and_then(|key| self.keys.get(key)) {
            assert_eq!(*first, request, "one key for two requests");
            return Taken { status: *status, body: body.clone(), replayed: true };
        }
        let (mut status, mut body) = match (call, trouble) {
            (_, Some(Trouble::FailsBefore)) => (500, Value::Null),
            (_, Some(Trouble::Refused(status))) => refusal(status, json!({"type": "api_error"})),
            (Call::Prepare, _) => self.prepare(&fields),
            (Call::Confirm, _) => self.confirm(id, &fields),
            (Call::Cancel, _) => self.cancel(id),
            (Call::Refund, Some(Trouble::Open)) => self.refund(&fields["payment_intent"], "pending"),
            (Call::Refund, Some(Trouble::Fails)) => self.refund(&fields["payment_intent"], "failed"),
            (Call::Refund, _) => self.refund(&fields["payment_intent"], "succeeded"),
            (Call::Retrieve, _) => (200, self.intent(id)),
            (Call::ListRefunds, _) => self.list(id),
        };
        if matches!(trouble, Some(Trouble::FailsBefore | Trouble::FailsAfter)) {
            (status, body) = refusal(500, json!({"type": "api_error"}));
        }
        // What was refused for the moment is judged anew.
        if let Some(key) = key.filter(|_| !matches!(trouble, Some(Trouble::Refused(_)))) {
            self.keys.insert(key.to_owned(), (request, status, body.clone()));
        }
        Taken { status, body, replayed: false }
    }
}

/// What a call is answered with.
pub struct Taken {
    pub status: u16,
    pub body: Value,
    pub replayed: bool,
}

fn refusal(status: u16, error: Value) -> (u16, Value) {
    (status, json!({"error": error}))
}
