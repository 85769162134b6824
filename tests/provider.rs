//! A payment provider with the shape of Stripe's API, which takes note of every cent that really moved.
//!
//! It repeats what it has answered under an idempotency key, failures too, as Stripe does. What goes wrong is asked for:
//! by the payment method, or by [`Provider::trouble`] with one call. The address also answers for Systems Manager, which
//! keeps the shop's secrets.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use shared::clock::Timestamp;
use tokio::net::TcpListener;

use crate::shop::{Setup, random};

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

#[derive(Clone)]
struct Intent {
    order: String,
    amount: i64,
    method: String,
    status: &'static str,
    error: Value,
}

struct Refund {
    id: String,
    intent: String,
    amount: i64,
    status: &'static str,
}

#[derive(Default)]
struct Books {
    intents: BTreeMap<String, Intent>,
    refunds: Vec<Refund>,
    ledger: Vec<Movement>,
    keys: HashMap<String, (String, u16, Value)>,
    troubles: VecDeque<(Call, Trouble)>,
    calls: Vec<Call>,
}

/// A provider that answers.
pub struct Provider {
    address: SocketAddr,
    books: Arc<Mutex<Books>>,
    /// The secret key of the shop's account.
    pub secret_key: String,
    /// What its webhooks are signed with.
    pub webhook_secret: String,
}

impl Provider {
    /// A provider of a test's own.
    pub async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (secret_key, webhook_secret) = (format!("sk_test_{}", random()), format!("whsec_{}", random()));
        let books = Arc::new(Mutex::new(Books::default()));
        let (kept, key, webhook) = (Arc::clone(&books), secret_key.clone(), webhook_secret.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (books, key, webhook) = (Arc::clone(&kept), key.clone(), webhook.clone());
                let service =
                    service_fn(move |request| answer(request, Arc::clone(&books), key.clone(), webhook.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Provider { address, books, secret_key, webhook_secret }
    }

    /// A shop whose payments this provider makes.
    pub fn setup(&self) -> Setup {
        let url = format!("http://{}", self.address);
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Setup {
            parameters: [("PaymentProvider", "stripe")].map(own).into(),
            variables: [("STRIPE_URL", url.as_str()), ("AWS_ENDPOINT_URL_SSM", url.as_str())].map(own).into(),
            ..Setup::default()
        }
    }

    /// Lets the next such call go wrong.
    pub fn trouble(&self, call: Call, trouble: Trouble) {
        self.books().troubles.push_back((call, trouble));
    }

    /// The money that has moved for an order.
    pub fn ledger(&self, order: &str) -> Vec<i64> {
        let books = self.books();
        let moved = books.ledger.iter().filter(|(intent, _)| books.intents[intent].order == order);
        moved.map(|(_, amount)| *amount).collect()
    }

    /// What the provider was asked for so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.books().calls.clone()
    }

    /// The states of an order's intents.
    pub fn intents(&self, order: &str) -> Vec<&'static str> {
        self.books().intents.values().filter(|intent| intent.order == order).map(|intent| intent.status).collect()
    }

    /// An outcome that took its time: the money of an order's intent arrives. The event that says so.
    pub fn captures(&self, order: &str) -> Value {
        let mut books = self.books();
        let found = books.intents.iter().find(|(_, intent)| intent.order == order);
        let id = found.expect("an intent").0.clone();
        books.capture(&id);
        json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": books.intent(&id)}})
    }

    /// The refund of an order arrives. The event that says so.
    pub fn refunds(&self, order: &str) -> Value {
        let mut books = self.books();
        let Books { refunds, intents, ledger, .. } = &mut *books;
        let refund = refunds.iter_mut().find(|refund| intents[&refund.intent].order == order).expect("a refund");
        refund.status = "succeeded";
        ledger.push((refund.intent.clone(), -refund.amount));
        let object = json!({
            "id": refund.id, "object": "refund", "status": refund.status, "metadata": {"order_id": order},
        });
        json!({"id": "evt_2", "object": "event", "type": "refund.updated", "data": {"object": object}})
    }

    /// The header that signs a webhook's body.
    pub fn sign(&self, body: &str, at: Timestamp) -> String {
        format!("t={},v1={}", at.as_secs(), sign(&self.webhook_secret, body, at))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("whole books")
    }
}

/// The signature of a webhook's body by a secret.
pub fn sign(secret: &str, body: &str, at: Timestamp) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(format!("{}.{body}", at.as_secs()).as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

impl Books {
    fn intent(&self, id: &str) -> Value {
        let Intent { order, amount, method, status, error } = &self.intents[id];
        json!({
            "id": id, "object": "payment_intent", "amount": amount, "currency": "eur", "payment_method": method,
            "status": status, "last_payment_error": error, "metadata": {"order_id": order},
        })
    }

    fn capture(&mut self, id: &str) {
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
    fn take(&mut self, call: Call, id: &str, key: Option<&str>, form: &str, trouble: Option<Trouble>) -> Taken {
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

struct Taken {
    status: u16,
    body: Value,
    replayed: bool,
}

fn refusal(status: u16, error: Value) -> (u16, Value) {
    (status, json!({"error": error}))
}

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(request: Request<Incoming>, books: Arc<Mutex<Books>>, secret_key: String, webhook: String) -> Answer {
    let (head, body) = request.into_parts();
    let form = body.collect().await.expect("a whole request").to_bytes();
    let form = String::from_utf8(form.to_vec()).expect("text");
    if head.headers.get("x-amz-target").is_some_and(|target| target == "AmazonSSM.GetParameter") {
        return Ok(reply(200, &parameter(&form, &secret_key, &webhook), false));
    }
    let path = head.uri.path().to_owned();
    let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let query = head.uri.query().unwrap_or_default();
    let of_query = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "payment_intent");
    let of_query = of_query.map(|(_, id)| id.into_owned()).unwrap_or_default();
    let (call, id) = match (&head.method, segments.as_slice()) {
        (&Method::POST, ["v1", "payment_intents"]) => (Call::Prepare, ""),
        (&Method::POST, ["v1", "payment_intents", id, "confirm"]) => (Call::Confirm, *id),
        (&Method::POST, ["v1", "payment_intents", id, "cancel"]) => (Call::Cancel, *id),
        (&Method::GET, ["v1", "payment_intents", id]) => (Call::Retrieve, *id),
        (&Method::POST, ["v1", "refunds"]) => (Call::Refund, ""),
        (&Method::GET, ["v1", "refunds"]) => (Call::ListRefunds, of_query.as_str()),
        _ => return Ok(reply(404, &json!({"error": {"type": "invalid_request_error"}}), false)),
    };
    let text = |name: &str| header(&head.headers, name);
    assert_eq!(text("authorization"), Some(format!("Bearer {secret_key}").as_str()));
    assert!(text("stripe-version").is_some_and(|version| version.starts_with("20")), "no version");
    assert!(head.method != Method::POST || text("content-type") == Some("application/x-www-form-urlencoded"));

    let (taken, trouble) = {
        let mut books = books.lock().expect("whole books");
        books.calls.push(call);
        let planned = books.troubles.iter().position(|(planned, _)| *planned == call);
        let trouble = planned.and_then(|at| books.troubles.remove(at)).map(|(_, trouble)| trouble);
        (books.take(call, id, text("idempotency-key"), &form, trouble), trouble)
    };
    match trouble {
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::ReplyLost) => Err(std::io::ErrorKind::ConnectionReset.into()),
        Some(Trouble::Nonsense) => Ok(Response::new(Full::from("<html>"))),
        _ => Ok(reply(taken.status, &taken.body, taken.replayed)),
    }
}

/// What Systems Manager keeps for a shop.
fn parameter(request: &str, secret_key: &str, webhook: &str) -> Value {
    let request: Value = serde_json::from_str(request).expect("JSON");
    assert_eq!(request["WithDecryption"], true, "a SecureString is wanted");
    let value = match request["Name"].as_str() {
        Some("/portico/stripe/secret-key") => secret_key,
        Some("/portico/stripe/webhook-secret") => webhook,
        other => panic!("there is no parameter {other:?}"),
    };
    json!({"Parameter": {"Name": request["Name"], "Type": "SecureString", "Value": value}})
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("text"))
}

fn reply(status: u16, body: &Value, replayed: bool) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    if replayed {
        response = response.header("idempotent-replayed", "true");
    }
    response.body(Full::from(body.to_string())).expect("a response")
}
