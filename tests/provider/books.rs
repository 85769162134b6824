//! What the provider knows: payments, refunds, the money that really moved, and what it has answered under which key.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

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

    fn confirm(&mut self, id: &str) -> (u16, Value) {
        let intent = self.intents.get_mut(id).expect("an intent");
        if intent.status != "requires_confirmation" {
            return refusal(400, json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}));
        }
        match intent.method.as_str() {
            SLOW => intent.status = "processing",
            "pm_card_authenticationRequired" => intent.status = "requires_action",
            "pm_card_chargeDeclinedInsufficientFunds" => {
                intent.status = "requires_payment_method";
                intent.error =
                    json!({"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"});
                return refusal(402, intent.error.clone());
            }
            _ => self.capture(id),
        }
        (200, self.intent(id))
    }

    fn cancel(&mut self, id: &str) -> (u16, Value) {
        let intent = self.intents.get_mut(id).expect("an intent");
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

    /// Does what is asked for, once for a key.
    pub fn take(&mut self, call: Call, id: &str, key: Option<&str>, form: &str, trouble: Option<Trouble>) -> Taken {
        let request = format!("{call:?} {id} {form}");
        if let Some((first, status, body)) = key.and_then(|key| self.keys.get(key)) {
            assert_eq!(*first, request, "one key for two requests");
            return Taken { status: *status, body: body.clone(), replayed: true };
        }
        let fields = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect::<HashMap<_, _>>();
        let (mut status, mut body) = match (call, trouble) {
            (_, Some(Trouble::FailsBefore)) => (500, Value::Null),
            (_, Some(Trouble::Refused(status))) => refusal(status, json!({"type": "api_error"})),
            (Call::Prepare, _) => self.prepare(&fields),
            (Call::Confirm, _) => self.confirm(id),
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
