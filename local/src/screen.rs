//! What the terminal shows once the shop answers.

use std::fmt::Write;

use crate::chaos::Chaos;
use crate::seed::{ADMIN, USER};
use crate::shop::Shop;

/// Address, routes, database, users, and something to try.
pub fn start(shop: &Shop) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, shop);
    text
}

fn write(text: &mut String, shop: &Shop) -> std::fmt::Result {
    let base = shop.base();
    let url = format!("http://localhost:{}", shop.address().port());
    writeln!(text, "Portico answers at {url}\n")?;
    for warning in &base.template.warnings {
        writeln!(text, "Beware: {warning}")?;
    }
    let routes = &base.template.api.routes;
    let width = routes.iter().map(|route| route.path.len()).max().unwrap_or_default();
    for route in routes {
        let function = base.template.function(&route.function).map_or("", |function| function.binary());
        let lock = if route.authorizer.is_some() { "  signed in" } else { "" };
        writeln!(text, "  {:<6} {:width$}  {function}{lock}", route.method, route.path)?;
    }
    writeln!(text, "\nDatabase: {}", base.database.description())?;
    if let Some(origin) = shop.origin() {
        writeln!(text, "Edge:     in front of the API, which is at http://{origin} and open to nobody else")?;
    }
    if let Some(remote) = shop.elsewhere() {
        writeln!(text, "Functions: at {}; `env` prints what they need to know", remote.url())?;
    }
    if let Some((rate, seed)) = shop.chaos().and_then(Chaos::chance) {
        writeln!(text, "Chaos:    calls meet faults (--chaos {rate} --seed {seed})")?;
    }
    match (shop.is_seeded(), base.database.is_local()) {
        (false, _) => writeln!(text, "Samples:  none (--no-seed)")?,
        (true, false) => writeln!(
            text,
            "Users:    none of the samples: their passwords are published, and this database is not on this machine"
        )?,
        (true, true) => writeln!(text, "Users:    {} / {}, and the admin {} / {}", USER.0, USER.1, ADMIN.0, ADMIN.1)?,
    }
    writeln!(text, "\nTry:\n  curl -s '{url}/products?limit=3'")?;
    if shop.is_seeded() && base.database.is_local() {
        let (username, password) = USER;
        writeln!(
            text,
            "  curl -s {url}/login -H 'content-type: application/json' -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}'"
        )?;
    }
    write!(text, "\nCtrl-C ends it.")
}
