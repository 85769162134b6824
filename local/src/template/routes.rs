//! One route: an `HttpApi` event of a function, and the path and method that any route has.

use std::collections::BTreeMap;
use std::time::Duration;

use super::authorizers::{self, Auth, Guard};
use super::elsewhere::{self, Place};
use super::model::Segment;
use super::node::{Entry, Fault, Node, Value};
use super::scope::{IMPLICIT_API, Scope};
use super::section::Section;
use super::settings::Limits;
use super::surface::Draft;
use super::traps;

/// How long an HTTP API waits for a function where the route says nothing.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

/// An event that wants an HTTP API's requests.
pub struct Event<'a> {
    /// The logical id of the API; `None` where the template has no such API.
    pub api: Option<String>,
    /// What it says of the API, if anything.
    pub api_id: Option<Node>,
    function: String,
    line: usize,
    what: String,
    section: Section<'a>,
}

/// What an event asks for.
pub struct Asked {
    /// The route, with the limits that it gives itself.
    pub draft: Draft,
    /// Whether it says itself who stands before the route.
    pub chosen: bool,
    /// Whether it says itself that it wants the payload format 2.0, and does not leave that open.
    pub payload_2: bool,
}

impl<'a> Event<'a> {
    /// Opens an event of a function. `apis` has what `Ref` gives for each of the template's HTTP APIs.
    pub fn open(
        scope: &'a Scope,
        function: &str,
        event: &Entry,
        apis: &BTreeMap<String, String>,
    ) -> Result<Event<'a>, Fault> {
        let what = format!("event `{}` of function `{function}`", event.key);
        let mut outer = Section::open(scope, &event.value, what.clone())?;
        outer.pass(&["Type"]);
        let section = match outer.section("Properties")? {
            Some(section) => section,
            None => Section::open(scope, &Node { line: event.line, value: Value::Map(Vec::new()) }, what.clone())?,
        };
        outer.close()?;
        elsewhere::refuse(&section, Place::Route)?;
        let mut section = section;
        let api_id = section.take("ApiId")?;
        let api = match &api_id {
            None => Some(IMPLICIT_API.to_owned()),
            Some(node) => {
                let wanted = node.text("ApiId")?;
                apis.iter().find(|(id, api_id)| *id == wanted || *api_id == wanted).map(|(id, _)| id.clone())
            }
        };
        Ok(Event { api, api_id, function: function.to_owned(), line: event.line, what, section })
    }

    /// The line it begins on.
    pub fn line(&self) -> usize {
        self.line
    }

    /// How it is named in errors.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Reads what it asks for.
    pub fn read(self, auth: &Auth, warnings: &mut Vec<String>) -> Result<Asked, Fault> {
        let Event { function, line, what, mut section, .. } = self;
        let (method, path, segments) = match (section.take("Method")?, section.take("Path")?) {
            (None, None) => (String::new(), String::new(), Vec::new()),
            (Some(method), Some(path)) => route_key(&method, &path)?,
            _ => return Err(Fault::new(line, format!("{what} must have both Method and Path, or neither."))),
        };
        let (mut choice, mut scopes) = (None, None);
        if let Some(mut own) = section.section("Auth")? {
            elsewhere::refuse(&own, Place::RouteAuth)?;
            choice = authorizers::name(&mut own, "Authorizer")?;
            scopes = own.take("AuthorizationScopes")?;
            own.close()?;
        }
        let own_scopes = scopes.is_some();
        let (guard, scopes) = auth.choose(choice.as_ref(), scopes.as_ref(), &method)?;
        let left_open = auth.default.is_some() && choice.is_none() && guard == Guard::Open;
        let (mut function, mut payload_2) = (Ok(function), false);
        if let Some(version) = section.take("PayloadFormatVersion")? {
            match version.text("PayloadFormatVersion")? {
                "2.0" => payload_2 = true,
                "1.0" => function = Err(PAYLOAD_1.to_owned()),
                other => return Err(version.fault(format!("there is no payload format `{other}`: it is 2.0 or 1.0."))),
            }
        }
        let timeout = section.take("TimeoutInMillis")?.map(|node| timeout(&node, "TimeoutInMillis")).transpose()?;
        let limits = match section.section("RouteSettings")? {
            Some(settings) => Limits::read(settings, &format!("`{method} {path}`"), warnings)?,
            None => Limits::default(),
        };
        section.close()?;
        let draft = Draft { line, method, path, segments, function, guard, scopes, timeout, limits };
        if left_open {
            traps::left_open(&draft.key(), line, warnings);
        }
        Ok(Asked { draft, chosen: choice.is_some() || own_scopes, payload_2 })
    }
}

/// Why a route with events of payload format 1.0 answers 501.
pub const PAYLOAD_1: &str = "it wants events of the payload format 1.0, and only 2.0 is made here";

/// How long the API waits for a function.
pub fn timeout(node: &Node, what: &str) -> Result<Duration, Fault> {
    match node.number(what)? {
        millis @ 50..=30_000 => Ok(Duration::from_millis(millis)),
        _ => Err(node.fault(format!("{what} must be between 50 and 30000."))),
    }
}

/// Method, path and segments of a route; nothing of all that for `$default`, which an OpenAPI document has as a path.
pub fn route_key(method: &Node, path: &Node) -> Result<(String, String, Vec<Segment>), Fault> {
    let (method, text) = (self::method(method)?, path.text("Path")?);
    if method == "ANY" && matches!(text, "$default" | "/$default") {
        return Ok((String::new(), String::new(), Vec::new()));
    }
    Ok((method, text.to_owned(), segments(path)?))
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
pub fn rivals(one: &Draft, other: &Draft) -> bool {
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
