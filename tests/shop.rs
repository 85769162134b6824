//! A running shop for a test, and who uses it.
//!
//! [`Shop::start`] serves a shop of the test's own, in this process, on a free port. With `API_URL` it is a deployment
//! that every test shares instead: tests therefore find only what they made themselves, and one that has to move the
//! clock, read the log or start a shop of a certain kind asks for [`Shop::in_process`], which says when it cannot be had.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use local::chaos::Chaos;
use local::database::Access;
use local::record::Record;
use local::remote::Remote;
use local::shop::Options;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::ids;
use url::Url;

use crate::client::{Answer, Client};
use crate::deployed;
use crate::lines::Lines;
use crate::provider::Provider;
use crate::transport::Transport;

/// The admin of every local shop.
const ADMIN: (&str, &str) = ("admin", "open sesame at closing time");

/// The test payment method that every charge succeeds with.
pub const VISA: &str = "pm_card_visa";

/// A shop to test.
pub struct Shop {
    base: Url,
    http: Transport,
    inner: Option<InProcess>,
}

struct InProcess {
    shop: local::shop::Shop,
    log: Arc<Lines>,
    access_log: Arc<Lines>,
    stack: String,
}

/// What a shop of the test's own may differ in.
#[derive(Default)]
pub struct Setup {
    /// Whether the template's throttles hold.
    pub throttle: bool,
    /// The file that keeps tables and keys.
    pub data: Option<PathBuf>,
    /// Values for the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Values for variables that the template leaves empty, or leaves out.
    pub variables: BTreeMap<String, String>,
    /// Functions that run elsewhere: their URL, and the database and stack that they use.
    pub functions: Option<(String, Access, String)>,
    /// The faults that calls meet.
    pub chaos: Option<Chaos>,
    /// Whether the edge stands in front.
    pub edge: bool,
    /// Where invocations are recorded.
    pub record: Option<Record>,
}

impl Shop {
    /// A shop.
    pub async fn start() -> Shop {
        match std::env::var("API_URL") {
            Ok(url) => Shop::deployed(&url),
            Err(_) => Shop::with(Setup::default()).await,
        }
    }

    /// A shop, and, where it is in this process, the payment provider whose books show what money it has moved.
    pub async fn start_with_provider() -> (Shop, Option<Provider>) {
        match std::env::var("API_URL") {
            Ok(url) => (Shop::deployed(&url), None),
            Err(_) => {
                let provider = Provider::start().await;
                (Shop::with(provider.setup()).await, Some(provider))
            }
        }
    }

    /// A shop in this process, whose clock, log and set-up are the test's; `None`, with a line that says so, when the
    /// suite aims at a deployment. `why` ends the sentence "…: it".
    pub async fn in_process(why: &str, setup: Setup) -> Option<Shop> {
        if std::env::var_os("API_URL").is_none() {
            return Some(Shop::with(setup).await);
        }
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr().lock(), "not applicable under API_URL: {test}: it {why}");
        None
    }

    async fn with(setup: Setup) -> Shop {
        let (log, access_log) = (Arc::new(Lines::default()), Arc::new(Lines::default()));
        let options = options(setup, &log, &access_log);
        let stack = options.stack.clone();
        let shop =
            local::shop::Shop::start(options).await.unwrap_or_else(|error| panic!("the shop does not start: {error}"));
        let base = Url::parse(&format!("http://{}", shop.address())).expect("an address");
        Shop { base, http: Transport::new(), inner: Some(InProcess { shop, log, access_log, stack }) }
    }

    /// A gateway in this process with the functions at `url` behind it, which use this shop's database.
    pub async fn in_front_of(&self, url: &str) -> Shop {
        let InProcess { shop, stack, .. } = self.in_process_only();
        let functions = (url.to_owned(), shop.base().database.access().clone(), stack.clone());
        Shop::with(Setup { functions: Some(functions), ..Setup::default() }).await
    }

    /// The shop at `url`.
    fn deployed(url: &str) -> Shop {
        let base = Url::parse(url).unwrap_or_else(|error| panic!("API_URL is not a URL ({error}): {url}"));
        Shop { http: Transport::new(), base, inner: None }
    }

    /// Somebody who has not signed in.
    pub fn anonymous(&self) -> Client {
        let log = self.inner.as_ref().map(|inner| Arc::clone(&inner.log));
        Client { http: self.http.clone(), base: self.base.clone(), token: None, log }
    }

    /// Somebody who has not signed in and goes round the edge, to the API itself.
    pub fn round_the_edge(&self) -> Client {
        let origin = self.inner().origin().expect("a shop with an edge");
        Client { base: Url::parse(&format!("http://{origin}")).expect("an address"), ..self.anonymous() }
    }

    /// A new customer who has signed in.
    pub async fn customer(&self) -> Client {
        let (username, password) = (new_username(), random());
        self.register(&username, &password).await.is(201);
        self.sign_in(&username, &password).await
    }

    /// An admin who has signed in.
    pub async fn admin(&self) -> Client {
        if self.inner.is_some() {
            return self.sign_in(ADMIN.0, ADMIN.1).await;
        }
        let (username, password) = deployed::admin(self).await;
        self.sign_in(username, password).await
    }

    /// Registers a customer.
    pub async fn register(&self, username: &str, password: &str) -> Answer {
        self.anonymous().post("/users", &json!({"username": username, "password": password})).await
    }

    /// Signs a customer in.
    pub async fn sign_in(&self, username: &str, password: &str) -> Client {
        let answer = self.anonymous().post("/login", &json!({"username": username, "password": password})).await;
        self.anonymous().with_token(&answer.is(200).text_at("/token"))
    }

    /// The id of a new product of 19.99 that has this many pieces in stock.
    pub async fn product(&self, stock: i64) -> String {
        self.product_like(&a_product(), stock).await
    }

    /// The id of a new product that has this many pieces in stock.
    pub async fn product_like(&self, product: &Value, stock: i64) -> String {
        product_by(&self.admin().await, product, stock).await
    }

    /// How many pieces a product has in stock, as the shop shows it.
    pub async fn stock(&self, product: &str) -> i64 {
        self.advance(Duration::from_secs(3));
        let answer = self.anonymous().get(&format!("/products/{product}")).await.is(200);
        answer.at("/stock").as_i64().unwrap_or_else(|| answer.fail("stock is not a number"))
    }

    /// Whether the clock, the tables and the log are a test's own, which those of a deployment are not.
    pub fn is_in_process(&self) -> bool {
        self.inner.is_some()
    }

    /// Moves the shop's clock, where there is one to move.
    pub fn advance(&self, by: Duration) {
        if let Some(inner) = &self.inner {
            inner.shop.clock().advance(by);
        }
    }

    /// Lets time pass: by the shop's clock, where there is one to move.
    pub async fn pass(&self, time: Duration) {
        match &self.inner {
            Some(inner) => inner.shop.clock().advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// What the functions have logged so far.
    pub fn log(&self) -> &Lines {
        &self.in_process_only().log
    }

    /// What the API has logged so far.
    pub fn access_log(&self) -> &Lines {
        &self.in_process_only().access_log
    }

    /// The shop itself, which only a test in its process can have.
    pub fn inner(&self) -> &local::shop::Shop {
        &self.in_process_only().shop
    }

    /// Finishes what is under way and stops.
    pub async fn stop(self) {
        if let Some(inner) = self.inner {
            inner.shop.stop().await;
        }
    }

    fn in_process_only(&self) -> &InProcess {
        self.inner.as_ref().expect("a shop from Shop::in_process")
    }
}

/// What a shop like this is started with, and where it logs.
pub fn options(setup: Setup, log: &Arc<Lines>, access_log: &Arc<Lines>) -> Options {
    let elsewhere = setup.functions;
    // A data file is the embedded database's.
    let dynamodb = std::env::var("DYNAMODB_URL").ok().filter(|url| !url.is_empty() && setup.data.is_none());
    let (functions, dynamodb, stack) = match (elsewhere, dynamodb) {
        (Some((url, database, stack)), _) => (Some(remote(&url)), Some(database), stack),
        (None, Some(url)) => (None, Some(Access::local(url)), format!("e2e-{}", random())),
        (None, None) => (None, None, "portico".to_owned()),
    };
    Options {
        port: 0,
        data: setup.data,
        stack,
        dynamodb,
        functions,
        bootstraps: None,
        lambda_port: 0,
        parameters: setup.parameters,
        variables: setup.variables,
        template: Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"),
        api: None,
        edge: setup.edge,
        seed: true,
        throttle: setup.throttle,
        jwks: BTreeMap::new(),
        schedules: false,
        clock: Clock::adjustable(),
        log: log.log(),
        access: Some(access_log.access_log()),
        chaos: setup.chaos,
        record: setup.record,
    }
}

fn remote(url: &str) -> Arc<Remote> {
    Arc::new(Remote::new(url).expect("an http URL"))
}

/// Text that nobody has used before: 26 letters and digits.
pub fn random() -> String {
    ids::base32(&ids::random::<16>())
}

/// A name that nobody has registered.
pub fn new_username() -> String {
    format!("test{}", ids::base32(&ids::random::<10>()))
}

/// What an admin sends to make a product of 19.99.
pub fn a_product() -> Value {
    json!({
        "name": "Reading lamp",
        "description": "Warm light, one arm.",
        "category": "lighting",
        "price": {"amount": 1999, "currency": "EUR"},
        "image": "https://images.example/reading-lamp.jpg",
    })
}

/// An order of this many of a product, paid by this method.
pub fn an_order(product: &str, quantity: i64, method: &str) -> Value {
    json!({
        "items": [{"product_id": product, "quantity": quantity}],
        "payment": {"method": method},
        "shipping_address": {
            "name": "Ada Lovelace",
            "lines": ["12 St James's Square"],
            "postal_code": "SW1Y 4JH",
            "city": "London",
            "country": "GB",
        },
    })
}

/// The id of a new product that this admin makes, with this many pieces in stock.
pub async fn product_by(admin: &Client, product: &Value, stock: i64) -> String {
    let id = admin.post("/products", product).await.is(201).text_at("/id");
    if stock > 0 {
        admin.post(&format!("/products/{id}/stock"), &json!({"change": stock})).key(&random()).await.is(200);
    }
    id
}

/// Runs all of these at once, and waits for all of their answers.
pub async fn all_at_once<F>(calls: impl IntoIterator<Item = F>) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an answer"));
    }
    answers
}
