//! One route: an `HttpApi` event of a function.

use std::time::Duration;

use super::api::Limits;
use super::authorizers::Auth;
use super::elsewhere::{self, Place};
use super::functions::Declared;
use super::model::{Route, Segment};
use super::node::{Entry, Fault, Node};
use super::scope::Scope;
use super::section::Section;
use super::traps;

/// How long an HTTP API waits for a function where the route says nothing.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

/// Reads an event of a function, with the limits that it gives itself.
pub fn read(
    scope: &Scope,
    api_id: &str,
    declared: &Declared,
    event: &Entry,
    auth: &Auth,
    warnings: &mut Vec<String>,
) -> Result<(Route, Limits), Fault> {
    let what = format!("event `{}` of function `{}`", event.key, declared.function.logical_id);
    let mut outer = Section::open(scope, &event.value, what.clone())?;
    let kind = outer.required("Type")?;
    let name = kind.text("Type")?;
    if let Some(sentence) = elsewhere::sentence(Place::Event, name) {
        return Err(kind.fault(format!("an event of the type {name}: {sentence}.")));
    }
    if name != "HttpApi" {
        return Err(kind.fault(format!("{what} has a Type that is not understood by the local shop.")));
    }
    let Some(mut section) = outer.section("Properties")? else {
        return Err(Fault::new(event.line, format!("{what} has no Properties, so it names no ApiId.")));
    };
    outer.close()?;
    elsewhere::refuse(&section, Place::Route)?;

    let api = section.required("ApiId")?;
    if api.text("ApiId")? != api_id {
        return Err(api.fault("ApiId is not the template's HTTP API."));
    }
    let (method, path, segments) = match (section.take("Method")?, section.take("Path")?) {
        (None, None) => (String::new(), String::new(), Vec::new()),
        (Some(method), Some(path)) => (self::method(&method)?, path.text("Path")?.to_owned(), segments(&path)?),
        _ => return Err(Fault::new(event.line, format!("{what} must have both Method and Path, or neither."))),
    };
    let (mut choice, mut scopes) = (None, None);
    if let Some(mut own) = section.section("Auth")? {
        elsewhere::refuse(&own, Place::RouteAuth)?;
        choice = own.take("Authorizer")?;
        scopes = own.take("AuthorizationScopes")?;
        own.close()?;
    }
    let authorizer = auth.choose(choice.as_ref(), &method)?;
    let scopes = auth.scopes(authorizer.as_deref(), scopes.as_ref())?;
    let left_open = auth.default.is_some() && choice.is_none() && authorizer.is_none();
    if let Some(version) = section.take("PayloadFormatVersion")?
        && version.text("PayloadFormatVersion")? != "2.0"
    {
        return Err(version.fault("the local shop speaks only payload format 2.0."));
    }
    let integration_timeout = match section.take("TimeoutInMillis")? {
        Some(node) => match node.number("TimeoutInMillis")? {
            millis @ 50..=30_000 => Duration::from_millis(millis),
            _ => return Err(node.fault("TimeoutInMillis must be between 50 and 30000.")),
        },
        None => INTEGRATION_TIMEOUT,
    };
    let own = match section.section("RouteSettings")? {
        Some(settings) => Limits::read(settings, &format!("`{method} {path}`"), warnings)?,
        None => Limits::default(),
    };
    section.close()?;
    let function = declared.function.logical_id.clone();
    let (throttle, line) = (None, event.line);
    let route = Route { method, path, segments, function, authorizer, scopes, throttle, integration_timeout, line };
    if left_open {
        traps::left_open(&route, warnings);
    }
    Ok((route, own))
}

fn method(node: &Node) -> Result<String, Fault> {
    let text = node.text("Method")?;
    let method = match text.to_ascii_uppercase() {
        any if any == "X-AMAZON-APIGATEWAY-ANY-METHOD" || any == "*" => "ANY".to_owned(),
        method => method,
    };
    if METHODS.contains(&method.as_str()) {
        Ok(method)
    } else {
        Err(node.fault(format!("an HTTP API has no method `{text}`.")))
    }
}

fn segments(node: &Node) -> Result<Vec<Segment>, Fault> {
    let path = node.text("Path")?;
    let wrong = |why: &str| node.fault(format!("the path `{path}` {why}."));
    let Some(rest) = path.strip_prefix('/') else { return Err(wrong("does not begin with a slash")) };
    let mut segments = Vec::new();
    let mut parts = rest.split('/').peekable();
    while let Some(part) = parts.next() {
        let segment = match part.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(_) if parts.peek().is_some() => return Err(wrong("goes on after its greedy segment")),
                Some(name) => Segment::Greedy(name.to_owned()),
                None => Segment::Parameter(name.to_owned()),
            },
            None => Segment::Literal(part.to_owned()),
        };
        match &segment {
            Segment::Literal(text) if text.contains(['{', '}']) => return Err(wrong("has a brace inside a segment")),
            Segment::Parameter(name) | Segment::Greedy(name) if name.contains(['{', '}']) => {
                return Err(wrong("has a brace inside a segment"));
            }
            Segment::Parameter(name) | Segment::Greedy(name) if name.is_empty() => {
                return Err(wrong("has a parameter without a name"));
            }
            Segment::Parameter(name) | Segment::Greedy(name) if segments.iter().any(|other| named(other, name)) => {
                return Err(wrong("has two parameters of the same name"));
            }
            _ => segments.push(segment),
        }
    }
    Ok(segments)
}

fn named(segment: &Segment, name: &str) -> bool {
    matches!(segment, Segment::Parameter(other) | Segment::Greedy(other) if other == name)
}

/// Whether two routes would answer exactly the same requests.
pub fn rivals(one: &Route, other: &Route) -> bool {
    one.method == other.method && one.path.is_empty() == other.path.is_empty() && alike(&one.segments, &other.segments)
}

/// Whether two paths are of one shape: the same literals, and parameters at the same places.
pub fn alike(one: &[Segment], other: &[Segment]) -> bool {
    let alike = |pair: (&Segment, &Segment)| match pair {
        (Segment::Literal(one), Segment::Literal(other)) => one == other,
        (Segment::Parameter(_), Segment::Parameter(_)) | (Segment::Greedy(_), Segment::Greedy(_)) => true,
        _ => false,
    };
    one.len() == other.len() && one.iter().zip(other).all(alike)
}
