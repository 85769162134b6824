//! What a template may say that works on this machine and would do something else, or nothing, once deployed. Each trap
//! is one sentence that names the place and the remedy; a template that AWS would refuse is an error instead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use url::Url;

use super::access_log::{AccessFormat, Part, Variable};
use super::authorizers::AUTHORIZER_TIMEOUT;
use super::document::Twice;
use super::model::{Authorizer, Cors, Function, HttpApi, IdentitySource, Route, Segment};
use super::routes;
use super::settings::{ACCOUNT_BURST, ACCOUNT_RATE_MILLI};

/// Methods that a page may use whatever a preflight says, and those that are a preflight or no method at all.
/// <https://fetch.spec.whatwg.org/#cors-safelisted-method>
const NEED_NO_PERMIT: [&str; 6] = ["", "ANY", "GET", "HEAD", "OPTIONS", "POST"];
/// Headers that a page may send whatever a preflight says.
/// <https://fetch.spec.whatwg.org/#cors-safelisted-request-header>
const SENT_ANYWAY: [&str; 4] = ["accept", "accept-language", "content-language", "content-type"];

/// Warns of a key that comes twice.
pub fn twice(Twice { line, before, key }: &Twice) -> String {
    format!(
        "the key `{key}` comes twice (lines {before} and {line}): the last one holds, as with `sam`; another tool may refuse \
         it, so leave one out."
    )
}

/// Warns of merge keys.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>
pub fn merge_key(line: usize) -> String {
    format!(
        "merge keys (`<<`, line {line}) are what `sam` and `aws cloudformation package` write out; CloudFormation itself \
         refuses them, so deploy with those, or write the keys out."
    )
}

/// Warns of variables that the documentation of access logs does not have. Of one that only REST APIs have, AWS was seen to
/// refuse the format (<https://github.com/usdigitalresponse/usdr-gost/pull/3497>), though templates are published with them.
pub fn unknown_variables(format: &AccessFormat, line: usize, warnings: &mut Vec<String>) {
    for part in &format.parts {
        if let Part::Variable { variable: Variable::Unknown(name), .. } = part {
            warnings.push(format!(
                "`$context.{name}` (line {line}) is no variable of an HTTP API's access log: nothing is logged for it, and AWS \
                 may refuse the format; leave it out."
            ));
        }
    }
}

/// Warns of limits that refuse everything, or that the account's own make meaningless.
pub fn limits(what: &str, line: usize, rate_milli: Option<u64>, burst: Option<u64>, warnings: &mut Vec<String>) {
    if rate_milli == Some(0) || burst == Some(0) {
        warnings.push(format!(
            "{what} (line {line}) has a throttle of 0, which refuses every request: give both a rate and a burst."
        ));
    }
    if rate_milli > Some(ACCOUNT_RATE_MILLI) || burst > Some(ACCOUNT_BURST) {
        let rate = ACCOUNT_RATE_MILLI / 1000;
        warnings.push(format!(
            "{what} (line {line}) has a throttle above the account's own of {rate} requests a second and {ACCOUNT_BURST} at \
             once, which comes first: lower it, or have the account's raised."
        ));
    }
}

/// Warns of a route that the default authorizer does not protect, though nothing says that it is open.
pub fn left_open(key: &str, line: usize, warnings: &mut Vec<String>) {
    warnings.push(format!(
        "`{key}` (line {line}) is open, because SAM leaves explicit OPTIONS routes out of DefaultAuthorizer: give it an Auth.Authorizer of \
         its own, or NONE if it is meant to be open."
    ));
}

/// Warns of CORS for nobody.
pub fn no_origins(warnings: &mut Vec<String>) {
    warnings.push("CorsConfiguration has no AllowOrigins, so it lets no page in: name the origins.".to_owned());
}

/// Warns of what only the template as a whole shows.
pub fn look(functions: &[Function], api: &HttpApi, warnings: &mut Vec<String>) {
    for route in &api.routes {
        if route.path.len() > 1 && route.path.ends_with('/') {
            warnings.push(format!(
                "{} ends in a slash, which an HTTP API drops: nothing will reach it; write it without.",
                place(route)
            ));
        }
    }
    timeouts(functions, api, warnings);
    if let Some(cors) = &api.cors {
        preflights(&api.routes, warnings);
        origins(cors, warnings);
        methods(cors, &api.routes, warnings);
        headers(cors, api, warnings);
    }
}

/// The API gives up, and the function does not know. `Globals` may give a whole template too much time: that is one
/// sentence.
fn timeouts(functions: &[Function], api: &HttpApi, warnings: &mut Vec<String>) {
    let mut patient: BTreeMap<(Duration, Duration), Vec<(&Function, &Route)>> = BTreeMap::new();
    for function in functions {
        let (id, line, timeout) = (&function.logical_id, function.line, function.timeout);
        let waits_least =
            api.routes.iter().filter(|route| route.function == *id).min_by_key(|route| route.integration_timeout);
        if let Some(route) = waits_least.filter(|route| route.integration_timeout < timeout) {
            patient.entry((timeout, route.integration_timeout)).or_default().push((function, route));
        }
        if timeout > AUTHORIZER_TIMEOUT && api.authorizers.values().any(|authorizer| authorizer.function() == Some(id))
        {
            warnings.push(format!(
                "the authorizer's function `{id}` (line {line}) may run for {timeout:?}, but the API waits for \
                 {AUTHORIZER_TIMEOUT:?} and answers 500; lower its Timeout."
            ));
        }
    }
    for ((timeout, waits), these) in patient {
        let Some((function, route)) = these.first() else { continue };
        let (id, line, others) = (&function.logical_id, function.line, these.len() - 1);
        let (who, route) = match others {
            0 => (format!("function `{id}` (line {line})"), place(route)),
            1 => (format!("function `{id}` (line {line}) and another one"), format!("{}, say,", place(route))),
            _ => (format!("function `{id}` (line {line}) and {others} others"), format!("{}, say,", place(route))),
        };
        warnings.push(format!(
            "{who} may run for {timeout:?}, but {route} waits for {waits:?}: the client then has a 503 while the function \
             goes on; lower its Timeout."
        ));
    }
}

/// A route that takes `OPTIONS` comes before the API's own answer to a preflight.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>
fn preflights(routes: &[Route], warnings: &mut Vec<String>) {
    for route in routes {
        let at = place(route);
        let refuses = "and its authorizer refuses it, since a browser sends no token with one";
        match (route.method.as_str(), route.authorizer.is_some()) {
            ("OPTIONS", true) => warnings.push(format!(
                "{at} takes preflights before CorsConfiguration answers them, {refuses}: leave the route out, or give it \
                 Auth.Authorizer: NONE."
            )),
            // It may be there to keep preflights from a route that takes every method.
            ("OPTIONS", false) if !routes.iter().any(|other| takes_all(other) && shields(route, other)) => {
                warnings.push(format!(
                    "{at} takes preflights before CorsConfiguration answers them, and a function runs for each: leave the \
                     route out."
                ));
            }
            ("" | "ANY", _) if routes.iter().any(|other| shields(other, route)) => {}
            ("" | "ANY", true) => warnings.push(format!(
                "{at} takes every preflight before CorsConfiguration answers it, {refuses}: list the methods, or add the \
                 same route for OPTIONS with Auth.Authorizer: NONE."
            )),
            ("" | "ANY", false) => warnings.push(format!(
                "{at} takes every preflight before CorsConfiguration answers it, so its function has to: list the methods \
                 instead."
            )),
            _ => {}
        }
    }
}

fn takes_all(route: &Route) -> bool {
    matches!(route.method.as_str(), "" | "ANY")
}

/// Whether an open route for `OPTIONS` gets every preflight that `other` would get.
fn shields(options: &Route, other: &Route) -> bool {
    let catches_all = matches!(options.segments.as_slice(), [Segment::Greedy(_)]);
    let covers = if other.path.is_empty() { catches_all } else { routes::alike(&options.segments, &other.segments) };
    options.method == "OPTIONS" && options.authorizer.is_none() && covers
}

/// What a browser sends as `Origin` is compared as it stands.
fn origins(cors: &Cors, warnings: &mut Vec<String>) {
    for origin in &cors.origins {
        let scheme_only = matches!(origin.as_str(), "https://*" | "http://*");
        if scheme_only && cors.credentials {
            warnings.push(format!(
                "CorsConfiguration lets every page at `{origin}` act with a visitor's cookies (AllowCredentials): name the \
                 origins."
            ));
        }
        if origin == "*" || scheme_only {
            continue;
        }
        let written = Url::parse(origin).map(|url| url.origin().ascii_serialization());
        match written {
            Ok(written) if written == *origin && !origin.contains('*') => {}
            Ok(written) if !origin.contains('*') => warnings.push(format!(
                "AllowOrigins has `{origin}`, which no browser ever sends: write it as `{written}`."
            )),
            _ => warnings.push(format!(
                "AllowOrigins has `{origin}`, which is no origin, so no page is let in by it: write scheme, host and port, \
                 without wildcards."
            )),
        }
    }
}

fn methods(cors: &Cors, routes: &[Route], warnings: &mut Vec<String>) {
    let permitted = |method: &str| cors.methods.iter().any(|own| own == "*" || own.eq_ignore_ascii_case(method));
    let mut missing = BTreeMap::new();
    for route in routes {
        let method = route.method.as_str();
        if !NEED_NO_PERMIT.contains(&method) && !permitted(method) {
            missing.entry(method).or_insert(route);
        }
    }
    for (method, route) in missing {
        warnings.push(format!(
            "AllowMethods of CorsConfiguration has no {method}, so no page can call {}: add it.",
            place(route)
        ));
    }
}

/// A page cannot send what identifies its user.
fn headers(cors: &Cors, api: &HttpApi, warnings: &mut Vec<String>) {
    let used: BTreeSet<&String> = api.routes.iter().filter_map(|route| route.authorizer.as_ref()).collect();
    for name in used {
        let sources = api.authorizers.get(name).map(Authorizer::identity_sources);
        for source in sources.unwrap_or_default() {
            let IdentitySource::Header(header) = source else { continue };
            let named = cors.headers.iter().any(|own| own.eq_ignore_ascii_case(header));
            // `*` does not stand for this one: <https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name>.
            let starred = header != "authorization" && cors.headers.iter().any(|own| own == "*");
            if !named && !starred && !SENT_ANYWAY.contains(&header.as_str()) {
                warnings.push(format!(
                    "AllowHeaders of CorsConfiguration has no {header}, which authorizer `{name}` asks for, so no page can \
                     call a protected route: add it."
                ));
            }
        }
    }
}

/// `` `GET /a` (line 12) ``
fn place(route: &Route) -> String {
    format!("`{}` (line {})", route.key(), route.line)
}

#[cfg(test)]
mod tests;
