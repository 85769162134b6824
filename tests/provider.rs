//! A payment provider with the shape of Stripe's API, which takes note of every cent that really moved.
//!
//! It repeats what it has answered under an idempotency key, failures too, as Stripe does. What goes wrong is asked for:
//! by the payment method, by [`Provider::trouble`] with one call, or by [`Provider::always`] with every one. The address
//! also answers for Systems Manager, which keeps the shop's secrets.

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
use books::Books;
pub use books::{Call, SLOW, Trouble};
pub use held::Done;

mod books;
mod held;

/// A provider that answers.
pub struct Provider {
    address: SocketAddr,
    books: Arc<Mutex<Books>>,
}

impl Provider {
    /// A provider of a test's own.
    pub async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let books = Arc::new(Mutex::new(Books::default()));
        let kept = Arc::clone(&books);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let books = Arc::clone(&kept);
                let service = service_fn(move |request| answer(request, Arc::clone(&books)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let provider = Provider { address, books };
        provider.replaces_its_secrets();
        provider
    }

    /// From now on other secrets hold, and those of before do not.
    pub fn replaces_its_secrets(&self) {
        let mut books = self.books();
        books.secret_key = format!("sk_test_{}", random());
        books.webhook_secret = format!("whsec_{}", random());
    }

    /// The secret key of the shop's account.
    pub fn secret_key(&self) -> String {
        self.books().secret_key.clone()
    }

    /// What its webhooks are signed with.
    pub fn webhook_secret(&self) -> String {
        self.books().webhook_secret.clone()
    }

    /// How often one of its secrets was read where they are kept.
    pub fn secrets_read(&self) -> usize {
        self.books().secrets_read
    }

    /// Loses what it knew of an order.
    pub fn forgets(&self, order: &str) {
        self.books().intents.retain(|_, intent| intent.order != order);
    }

    /// How often a second refund of the same money was asked for.
    pub fn refused_refunds(&self) -> usize {
        self.books().refused_refunds
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

    /// Lets every such call go wrong, until the provider recovers.
    pub fn always(&self, call: Call, trouble: Trouble) {
        self.books().lasting = Some((call, trouble));
    }

    /// Ends what lasts.
    pub fn recovers(&self) {
        self.books().lasting = None;
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

    /// The orders that it has been asked to charge.
    pub fn orders(&self) -> Vec<String> {
        self.books().intents.values().map(|intent| intent.order.clone()).collect()
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
        format!("t={},v1={}", at.as_secs(), sign(&self.webhook_secret(), body, at))
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

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(request: Request<Incoming>, books: Arc<Mutex<Books>>) -> Answer {
    let (head, body) = request.into_parts();
    let form = body.collect().await.expect("a whole request").to_bytes();
    let form = String::from_utf8(form.to_vec()).expect("text");
    if head.headers.get("x-amz-target").is_some_and(|target| target == "AmazonSSM.GetParameter") {
        return Ok(reply(200, &parameter(&form, &mut books.lock().expect("whole books")), false));
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
    let secret_key = books.lock().expect("whole books").secret_key.clone();
    if text("authorization") != Some(format!("Bearer {secret_key}").as_str()) {
        return Ok(reply(401, &json!({"error": {"type": "invalid_request_error"}}), false));
    }
    assert!(text("stripe-version").is_some_and(|version| version.starts_with("20")), "no version");
    assert!(head.method != Method::POST || text("content-type") == Some("application/x-www-form-urlencoded"));

    let held = books.lock().expect("whole books").held.take_if(|held| held.call == call);
    if let Some(held) = held.as_ref().filter(|held| held.done == Done::After) {
        held.wait().await;
    }
    let (taken, trouble) = {
        let mut books = books.lock().expect("whole books");
        let trouble = books.made(call);
        (books.take(call, id, text("idempotency-key"), &form, trouble), trouble)
    };
    if let Some(held) = held.filter(|held| held.done == Done::Before) {
        held.wait().await;
    }
    match trouble {
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::ReplyLost) => Err(std::io::ErrorKind::ConnectionReset.into()),
        Some(Trouble::Nonsense) => Ok(Response::new(Full::from("<html>"))),
        _ => Ok(reply(taken.status, &taken.body, taken.replayed)),
    }
}

/// What Systems Manager keeps for a shop.
fn parameter(request: &str, books: &mut Books) -> Value {
    books.secrets_read += 1;
    let request: Value = serde_json::from_str(request).expect("JSON");
    assert_eq!(request["WithDecryption"], true, "a SecureString is wanted");
    let value = match request["Name"].as_str() {
        Some("/portico/stripe/secret-key") => &books.secret_key,
        Some("/portico/stripe/webhook-secret") => &books.webhook_secret,
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
