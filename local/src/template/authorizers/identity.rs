//! What of a request identifies its caller, and for how long an authorizer's answer about that holds.

use std::time::Duration;

use crate::template::elsewhere::{self, Place};
use crate::template::model::IdentitySource;
use crate::template::node::{Fault, Node};
use crate::template::section::Section;

/// The variables of the request context that may identify a caller here.
const CONTEXT: [&str; 12] = [
    "accountId",
    "apiId",
    "domainName",
    "domainPrefix",
    "httpMethod",
    "identity.sourceIp",
    "identity.userAgent",
    "path",
    "protocol",
    "requestId",
    "routeKey",
    "stage",
];

/// The longest that AWS lets an authorizer's answer hold, in seconds.
const MAX_TTL: u64 = 3600;

/// Reads `Identity` of an authorizer.
pub fn read(mut identity: Section<'_>) -> Result<(Vec<IdentitySource>, Option<Duration>), Fault> {
    elsewhere::refuse(&identity, Place::Identity)?;
    let ttl = identity.take("ReauthorizeEvery")?;
    let mut sources = Vec::new();
    for (key, prefix) in [
        ("Headers", "$request.header."),
        ("QueryStrings", "$request.querystring."),
        ("StageVariables", "$stageVariables."),
        ("Context", "$context."),
    ] {
        if let Some(names) = identity.take(key)? {
            for node in names.list(key)? {
                sources.push(source(&format!("{prefix}{}", node.text(key)?), node)?);
            }
        }
    }
    identity.close()?;
    let ttl = ttl.map(|node| time(&node, "ReauthorizeEvery", &sources)).transpose()?.flatten();
    Ok((sources, ttl))
}

/// How long an authorizer's answer holds.
pub fn time(node: &Node, what: &str, sources: &[IdentitySource]) -> Result<Option<Duration>, Fault> {
    match node.number(what)? {
        0 => Ok(None),
        _ if sources.is_empty() => {
            Err(node.fault(format!("AWS keeps no answers ({what}) of an authorizer without identity sources.")))
        }
        seconds @ 1..=MAX_TTL => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(node.fault(format!("{what} must be between 0 and {MAX_TTL} seconds."))),
    }
}

/// Reads a selection expression such as `$request.header.Authorization`.
pub fn source(expression: &str, node: &Node) -> Result<IdentitySource, Fault> {
    let named = |prefix| expression.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
    if let Some(name) = named("$request.header.") {
        Ok(IdentitySource::Header(name.to_ascii_lowercase()))
    } else if let Some(name) = named("$request.querystring.") {
        Ok(IdentitySource::Query(name.to_owned()))
    } else if let Some(name) = named("$stageVariables.") {
        Ok(IdentitySource::StageVariable(name.to_owned()))
    } else if let Some(name) = named("$context.") {
        match CONTEXT.contains(&name) {
            true => Ok(IdentitySource::Context(name.to_owned())),
            false => Err(node.fault(format!("`$context.{name}` is not understood here."))),
        }
    } else {
        Err(node.fault(format!("`{expression}` is no identity source: it is $request.header.… or the like.")))
    }
}
