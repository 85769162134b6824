//! What the terminal shows once the shop answers.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::bootstraps::Bootstraps;
use crate::chaos::Chaos;
use crate::functions::label;
use crate::seed::{ADMIN, USER};
use crate::shop::Shop;
use crate::template::{Function, Route, Template, Throttle};

/// What a path shown in a command has percent-encoded: it stands between quotes, and curl has a meaning for brackets.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Address, routes, functions, database, users, and something to try.
pub fn start(shop: &Shop) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, shop);
    text
}

fn write(text: &mut String, shop: &Shop) -> std::fmt::Result {
    let base = shop.base();
    let template = &base.template;
    let prefix = prefix(&template.api.stage);
    let url = format!("http://localhost:{}{prefix}", shop.address().port());
    writeln!(text, "Portico answers at {url}\n")?;
    let credentials = shop.bootstraps().and_then(|_| base.database.access().warning());
    let warnings = || template.warnings.iter().map(String::as_str).chain(credentials);
    for warning in warnings() {
        writeln!(text, "Beware: {warning}")?;
    }
    let missing = shop.bootstraps().map(Bootstraps::missing).unwrap_or_default();
    let unmade = template.not_emulated.iter().chain(&missing);
    for sentence in unmade.clone() {
        writeln!(text, "Not emulated: {sentence}")?;
    }
    if warnings().count() + unmade.count() > 0 {
        writeln!(text)?;
    }
    match prefix.as_str() {
        "" => writeln!(text, "Routes:")?,
        prefix => writeln!(text, "Routes, each behind {prefix}, because that is the stage's name:")?,
    }
    routes(text, template, shop.throttles())?;
    writeln!(text, "\nFunctions, and what invokes them:")?;
    functions(text, template)?;
    writeln!(text, "\nTemplate: {}", base.file.display())?;
    writeln!(text, "Database: {}", base.database.description())?;
    if let Some(origin) = shop.origin() {
        writeln!(text, "Edge:     in front of the API, which is at http://{origin} and open to nobody else")?;
    }
    if let Some(remote) = shop.elsewhere() {
        writeln!(text, "Functions: at {}; `env` prints what they need to know", remote.url())?;
    }
    if let Some(bootstraps) = shop.bootstraps() {
        writeln!(text, "Functions: processes of the programs in {}", bootstraps.directory().display())?;
    }
    writeln!(text, "Invoke API: http://{}", shop.lambda_address())?;
    if !shop.throttles() {
        writeln!(text, "Limits:   none (--no-throttle)")?;
    }
    if let Some((rate, seed)) = shop.chaos().and_then(Chaos::chance) {
        writeln!(text, "Chaos:    calls meet faults (--chaos {rate} --seed {seed})")?;
    }
    if let Some(recorder) = shop.recorder() {
        let secrets = if recorder.keeps_secrets() { "with secrets" } else { "secrets masked" };
        writeln!(text, "Recording: {} ({secrets})", recorder.folder().display())?;
    }
    match (shop.is_seeded(), base.database.is_local()) {
        (false, _) if !base.is_shop() => writeln!(text, "Samples:  none (not the shop's template)")?,
        (false, _) => writeln!(text, "Samples:  none (--no-seed)")?,
        (true, false) => writeln!(
            text,
            "Users:    none of the samples: their passwords are published, and this database is not on this machine"
        )?,
        (true, true) => writeln!(text, "Users:    {} / {}, and the admin {} / {}", USER.0, USER.1, ADMIN.0, ADMIN.1)?,
    }
    if let Some(path) = first(template, base.is_shop()) {
        writeln!(text, "\nTry:\n  curl -s '{url}{path}'")?;
    }
    if shop.is_seeded() && base.database.is_local() {
        let (username, password) = USER;
        writeln!(text, "  curl -s {url}/login -H 'content-type: application/json' \\")?;
        writeln!(text, "    -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}'")?;
    }
    write!(text, "\nCtrl-C ends it.")
}

/// What to ask for first: a route that needs nothing else.
fn first(template: &Template, is_shop: bool) -> Option<String> {
    if is_shop {
        return Some("/products?limit=3".to_owned());
    }
    let plain = |route: &&Route| {
        let Route { method, path, authorizer, .. } = route;
        matches!(method.as_str(), "GET" | "ANY") && path.starts_with('/') && !path.contains('{') && authorizer.is_none()
    };
    let route = template.api.routes.iter().find(plain)?;
    Some(utf8_percent_encode(&route.path, ENCODED).to_string())
}

/// What every path of a stage begins with.
fn prefix(stage: &str) -> String {
    if stage == "$default" { String::new() } else { format!("/{stage}") }
}

/// A line for each route: the function that answers it, the authorizer that is asked before, its throttle.
fn routes(text: &mut String, template: &Template, throttles: bool) -> std::fmt::Result {
    let binary = |route: &Route| template.function(&route.function).map_or("", |function| label(template, function));
    let authorizer = |route: &Route| route.authorizer.clone().unwrap_or_else(|| "open".to_owned());
    let path = |route: &Route| if route.path.is_empty() { "$default".to_owned() } else { route.path.clone() };
    let routes = &template.api.routes;
    let width = |of: &dyn Fn(&Route) -> usize| routes.iter().map(of).max().unwrap_or_default();
    let paths = width(&|route| path(route).len());
    let binaries = width(&|route| binary(route).len());
    let authorizers = width(&|route| authorizer(route).len());
    for route in routes {
        let throttle = route.throttle.filter(|_| throttles).map(rate).unwrap_or_default();
        let (method, path, binary) = (&route.method, path(route), binary(route));
        let line = format!(
            "  {method:<6} {path:<paths$}  {binary:<binaries$}  {:<authorizers$}  {throttle}",
            authorizer(route)
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(())
}

/// `10/s, 20 at once`
fn rate(throttle: Throttle) -> String {
    let (whole, thousandths) = (throttle.rate_milli / 1_000, throttle.rate_milli % 1_000);
    let fraction = format!(".{thousandths:03}");
    format!("{whole}{}/s, {} at once", fraction.trim_end_matches('0').trim_end_matches('.'), throttle.burst)
}

/// A line for each function: what invokes it.
fn functions(text: &mut String, template: &Template) -> std::fmt::Result {
    let width = template.functions.iter().map(|function| label(template, function).len()).max().unwrap_or_default();
    for function in &template.functions {
        writeln!(text, "  {:<width$}  {}", label(template, function), invoked_by(template, function).join(", "))?;
    }
    Ok(())
}

fn invoked_by(template: &Template, function: &Function) -> Vec<String> {
    let mut all = Vec::new();
    let api = &template.api;
    match api.routes.iter().filter(|route| route.function == function.logical_id).count() {
        0 => {}
        1 => all.push("1 route".to_owned()),
        many => all.push(format!("{many} routes")),
    }
    for (name, authorizer) in &api.authorizers {
        if authorizer.function() == Some(&function.logical_id) {
            let asked = api.routes.iter().filter(|route| route.authorizer.as_ref() == Some(name)).count();
            all.push(format!("the authorizer {name}, before {asked} of {} routes", api.routes.len()));
        }
    }
    for schedule in &function.schedules {
        all.push(match schedule.every {
            Some(every) => format!("a schedule, every {} s", every.as_secs()),
            None => "a schedule that runs in AWS only".to_owned(),
        });
    }
    // Whoever is told a function's name is going to invoke it.
    for other in &template.functions {
        if other.logical_id != function.logical_id && other.environment.values().any(|value| *value == function.name) {
            all.push(format!("the function {}", label(template, other)));
        }
    }
    if all.is_empty() {
        all.push("nothing here: it is invoked directly".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::bootstraps::{Built, Sink};
    use crate::database::{Access, Database, Place};
    use crate::shop::Options;
    use crate::shop::tests::options;
    use crate::template::{Given, HttpApi};

    fn own() -> Template {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let attributes = [("Keyring.Jwks".to_owned(), "{}".to_owned())].into();
        Template::load(&path, &Given { attributes, ..Given::defaults("shop") }).unwrap()
    }

    #[test]
    fn every_route_is_shown_with_what_stands_before_it_and_fits_a_terminal() {
        let (template, mut text) = (own(), String::new());
        routes(&mut text, &template, true).unwrap();
        assert_eq!(text.lines().count(), template.api.routes.len());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap().to_owned();
        let words = |start: &str| line(start).split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words("POST   /login"), "POST /login users open 10/s, 20 at once");
        assert_eq!(words("POST   /orders "), "POST /orders checkout AccessToken 50/s, 100 at once");
        let mut without = String::new();
        routes(&mut without, &template, false).unwrap();
        assert!(!without.contains("at once"), "{without}");
    }

    #[test]
    fn every_function_is_shown_with_what_invokes_it() {
        let template = own();
        let of = |binary: &str| invoked_by(&template, template.function_of(binary).unwrap()).join(", ");
        assert!(of("authorizer").starts_with("the authorizer AccessToken, before "), "{}", of("authorizer"));
        assert!(of("products").ends_with(" routes"), "{}", of("products"));
        assert_eq!(of("payments"), "the function checkout");
        assert!(of("checkout").ends_with("routes, a schedule, every 60 s"), "{}", of("checkout"));
        assert_eq!(of("audit"), "a schedule that runs in AWS only");
        assert_eq!(of("keyring"), "nothing here: it is invoked directly");
        assert!(of("orders").ends_with(" routes, the function checkout"), "{}", of("orders"));
    }

    #[test]
    fn the_first_thing_to_try_is_a_route_that_needs_nothing() {
        let own = own();
        let path = |template: &Template, is_shop| first(template, is_shop).unwrap_or_default();
        assert_eq!(path(&own, true), "/products?limit=3");
        let open = path(&own, false);
        let route = own.api.routes.iter().find(|route| route.method == "GET" && route.path == open).unwrap();
        assert_eq!(route.authorizer, None);
        let odd = Route { path: "/it's [a] $(b)\u{e4}".to_owned(), ..route.clone() };
        let with = |routes| Template { api: HttpApi { routes, ..own.api.clone() }, ..own.clone() };
        assert_eq!(path(&with(vec![odd]), false), "/it%27s%20%5Ba%5D%20%24%28b%29%C3%A4");
        let guarded = own.api.routes.iter().filter(|route| route.authorizer.is_some()).cloned().collect();
        for routes in [guarded, Vec::new()] {
            assert_eq!(path(&with(routes), false), "");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_gives_programs_real_credentials_is_told_so() {
        let database = Database::open(Place::Memory, 0).await.unwrap();
        // The same database, at an address that is not known as this machine's.
        let elsewhere = Access::local(database.access().url.replace("127.0.0.1", "0.0.0.0"));
        let programs = tempfile::tempdir().unwrap();
        let shown = async |dynamodb| {
            let sink: Sink = Arc::new(|_, _| {});
            let built = Built { directory: programs.path().to_owned(), inherited: BTreeMap::new(), sink };
            let options = Options { dynamodb: Some(dynamodb), bootstraps: Some(built), seed: false, ..options(0) };
            let shop = Shop::start(options).await.unwrap();
            let shown = start(&shop);
            shop.stop().await;
            shown
        };
        let warning = "\nBeware: the functions' processes are given your AWS credentials";
        assert!(shown(elsewhere).await.contains(warning));
        assert!(!shown(database.access().clone()).await.contains(warning));
        database.close().await;
    }

    #[test]
    fn a_rate_may_have_a_fraction() {
        let rate = |rate_milli| rate(Throttle { rate_milli, burst: 5 });
        assert_eq!(rate(500), "0.5/s, 5 at once");
        assert_eq!(rate(10_000), "10/s, 5 at once");
        assert_eq!(rate(2_062), "2.062/s, 5 at once");
        assert_eq!(prefix("$default"), "");
        assert_eq!(prefix("prod"), "/prod");
    }
}
