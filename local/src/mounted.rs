//! The functions, mounted in process: each reads its configuration through one lookup of its own, as its `main`
//! reads it from the environment.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lambda_http::service_fn;
use shared::clock::Clock;
use shared::telemetry::Log;

use crate::Error;
use crate::environment::Environment;
use crate::functions::{Handler, mount, mount_http};

/// What every function is given.
pub struct Surroundings<'a> {
    /// The variables.
    pub environment: Environment<'a>,
    /// Time.
    pub clock: &'a Clock,
    /// Where log lines go.
    pub log: &'a Log,
}

fn refused(binary: &str, error: &shared::config::Error) -> Error {
    Error::new(format!("the function {binary} does not start: {error}."))
}

/// A function crate's `Config`.
macro_rules! configured {
    ($function:ident, $given:expr, $binary:expr) => {{
        let mut config = $function::Config::read(|key| $given.environment.variable($binary, key))
            .map_err(|error| refused($binary, &error))?;
        config.log = $given.log.clone();
        config
    }};
}

/// A function crate's `App`, configured, with the shop's clock.
macro_rules! app {
    ($function:ident, $given:expr) => {{
        let binary = stringify!($function);
        let mut config = configured!($function, $given, binary);
        config.clock = $given.clock.clone();
        Arc::new($function::App::new(config))
    }};
}

/// The functions' code, and the opening of their connections.
pub struct Mounted {
    /// The handlers by the names of their binaries.
    pub handlers: BTreeMap<String, Handler>,
    /// Opens the functions' connections, of which checkout's leads to this shop's own Invoke API.
    pub warm_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Configures and mounts every function.
///
/// # Errors
/// A function refuses its configuration.
pub fn mounted(given: &Surroundings<'_>) -> Result<Mounted, Error> {
    // These two have no use for a clock.
    let audit = Arc::new(audit::App::new(configured!(audit, given, "audit")));
    let keyring = Arc::new(keyring::App::new(configured!(keyring, given, "keyring")));
    let authorizer = app!(authorizer, given);
    let checkout = app!(checkout, given);
    let orders = app!(orders, given);
    let payments = app!(payments, given);
    let products = app!(products, given);
    let users = app!(users, given);
    let warm_up = {
        let (checkout, orders, payments) = (Arc::clone(&checkout), Arc::clone(&orders), Arc::clone(&payments));
        let (products, users) = (Arc::clone(&products), Arc::clone(&users));
        Box::pin(async move {
            tokio::join!(checkout.warm_up(), orders.warm_up(), payments.warm_up(), products.warm_up(), users.warm_up());
        })
    };
    let handlers = [
        ("audit", mount(service_fn(move |event| Arc::clone(&audit).handle(event)))),
        ("authorizer", mount(service_fn(move |event| Arc::clone(&authorizer).handle(event)))),
        ("checkout", mount_http(service_fn(move |event| Arc::clone(&checkout).handle(event)))),
        ("keyring", mount(service_fn(move |event| Arc::clone(&keyring).handle(event)))),
        ("orders", mount_http(service_fn(move |event| Arc::clone(&orders).handle(event)))),
        ("payments", mount(service_fn(move |event| Arc::clone(&payments).handle(event)))),
        ("products", mount_http(service_fn(move |event| Arc::clone(&products).handle(event)))),
        ("users", mount_http(service_fn(move |event| Arc::clone(&users).handle(event)))),
    ];
    let handlers = handlers.into_iter().map(|(binary, handler)| (binary.to_owned(), handler)).collect();
    Ok(Mounted { handlers, warm_up })
}
