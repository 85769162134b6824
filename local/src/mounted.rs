//! The functions, mounted in process: each reads its configuration through one lookup of its own, as its `main`
//! reads it from the environment.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use lambda_http::service_fn;
use shared::clock::Clock;
use shared::telemetry::Log;

use crate::Error;
use crate::environment::Environment;
use crate::functions::{Handler, NotMounted, label, mount, mount_http};
use crate::template::{Function, Template};

/// The functions whose code is here, by the names of their binaries.
pub const BINARIES: [&str; 8] =
    ["audit", "authorizer", "checkout", "keyring", "orders", "payments", "products", "users"];

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

/// A handler of a crate's `App`.
macro_rules! handler {
    ($mount:ident, $app:expr) => {{
        let app = $app;
        $mount(service_fn(move |event| Arc::clone(&app).handle(event)))
    }};
}

/// The functions' code, and the opening of their connections.
pub struct Mounted {
    /// The handlers by the names of their binaries.
    pub handlers: BTreeMap<String, Handler>,
    /// Opens the functions' connections, of which checkout's leads to this shop's own Invoke API.
    pub warm_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Whether the code of all the template's functions is here.
///
/// # Errors
/// It is not: somebody else's functions are in binaries of their own.
pub fn check(template: &Template) -> Result<(), NotMounted> {
    let is_here = |function: &&Function| {
        let binary = function.binary();
        BINARIES.contains(&binary) && label(template, function) == binary
    };
    template.functions.iter().find(|function| !is_here(function)).map_or(Ok(()), |other| Err(NotMounted::of(other)))
}

/// Configures and mounts the template's functions, of which [`check`] has found each.
///
/// # Errors
/// A function refuses its configuration.
pub fn mounted(given: &Surroundings<'_>) -> Result<Mounted, Error> {
    let (mut handlers, mut warm_ups) = (BTreeMap::new(), Vec::new());
    macro_rules! warmed {
        ($function:ident) => {{
            let app = app!($function, given);
            let warm = Arc::clone(&app);
            warm_ups.push(async move { warm.warm_up().await }.boxed());
            app
        }};
    }
    for function in &given.environment.template.functions {
        let handler = match function.binary() {
            // These two have no use for a clock.
            "audit" => handler!(mount, Arc::new(audit::App::new(configured!(audit, given, "audit")))),
            "keyring" => handler!(mount, Arc::new(keyring::App::new(configured!(keyring, given, "keyring")))),
            "authorizer" => handler!(mount, app!(authorizer, given)),
            "checkout" => handler!(mount_http, warmed!(checkout)),
            "orders" => handler!(mount_http, warmed!(orders)),
            "payments" => handler!(mount, warmed!(payments)),
            "products" => handler!(mount_http, warmed!(products)),
            "users" => handler!(mount_http, warmed!(users)),
            _ => continue,
        };
        handlers.insert(function.binary().to_owned(), handler);
    }
    let warm_up = Box::pin(async { drop(join_all(warm_ups).await) });
    Ok(Mounted { handlers, warm_up })
}
