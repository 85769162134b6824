//! Any routes and any request: the route that answers is the one that a naive reading of the documentation gives, and a
//! path comes out of its decoding as what was encoded.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The local shop keeps these to itself, and all of it would take long to compile.
#[allow(dead_code, unused_imports)]
#[path = "../../../local/src/gateway/routing.rs"]
mod routing;
#[allow(dead_code, unused_imports)]
#[path = "../../../local/src/template/mod.rs"]
mod template;
#[allow(dead_code)]
#[path = "../../../local/src/unverified.rs"]
mod unverified;

use routing::{Pattern, RequestPath};
use shared::config::Error;
use template::{Given, Template};

/// More routes show nothing new.
const MAX_ROUTES: usize = 12;

// The first line is a request, `GET /a/b`; each other one a route key, `GET /a/{b}`.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let Some((method, path)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    round_trip(path);
    let keys: Vec<&str> = lines.take(MAX_ROUTES).collect();
    let Ok(template) = Template::parse(&source(&keys), &Given::defaults("shop")) else { return };
    let mut routes: Vec<(Pattern, String)> =
        template.api.routes.iter().map(|route| (Pattern::new(route), route.key())).collect();
    routes.sort_by_key(|(pattern, _)| pattern.precedence());

    let Some(parsed) = RequestPath::parse(path) else {
        assert!(segments(path).is_none(), "{path:?} is not read");
        return;
    };
    let read = parsed.in_stage("$default").expect("it is in the stage without a name");
    let segments = segments(path).expect("a path");
    assert_eq!(read, segments, "{path:?} is read differently");
    let chosen = routes.iter().find(|(pattern, _)| pattern.matches(method, read));
    let chosen_key = chosen.map(|(_, key)| key.as_str());
    let keys: Vec<String> = template.api.routes.iter().map(template::Route::key).collect();
    assert_eq!(chosen_key, model(&keys, method, &segments), "{method} {path} among {keys:?}");
    if let Some((pattern, key)) = chosen {
        let wanted = key.matches('{').count();
        assert_eq!(pattern.parameters(read).len(), wanted, "parameters of {key} for {path}");
    }
});

/// Whatever the segments are: once encoded, they are read as themselves, but that a question mark ends them.
fn round_trip(path: &str) {
    if path.contains('?') {
        return;
    }
    let encode =
        |segment: &str| percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string();
    let encoded: Vec<String> = path.split('/').map(encode).collect();
    let encoded = format!("/{}", encoded.join("/"));
    let read = RequestPath::parse(&encoded).expect("a path");
    assert_eq!(read.decoded(), format!("/{path}"));
}

/// A template with these routes.
fn source(keys: &[&str]) -> String {
    let mut source = "Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: fn/
      Events:
"
    .to_owned();
    for (at, key) in keys.iter().enumerate() {
        let route = match key.split_once(' ') {
            Some((method, path)) => {
                let quoted = |text| serde_json::to_string(text).expect("a text");
                format!(", Method: {}, Path: {}", quoted(method), quoted(path))
            }
            None => String::new(),
        };
        source.push_str(&format!("        E{at}: {{Type: HttpApi, Properties: {{ApiId: !Ref Api{route}}}}}\n"));
    }
    source
}

/// The decoded segments of a path without the empty ones at its beginning; `None` if it is none.
fn segments(path: &str) -> Option<Vec<String>> {
    let end = path.to_ascii_uppercase().find("%3F").unwrap_or(path.len());
    let mut segments = Vec::new();
    for segment in path[..end].strip_prefix('/')?.split('/') {
        let mut bytes = Vec::new();
        let mut rest = segment.as_bytes();
        while let [first, after @ ..] = rest {
            let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            let hex = hex.filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        segments.push(String::from_utf8(bytes).ok()?);
    }
    let leading = segments.iter().take_while(|segment| segment.is_empty()).count().min(segments.len() - 1);
    Some(segments.split_off(leading))
}

/// What of a route counts, in the order in which it counts: each step leaves only the best.
type Step = fn(&Parsed<'_>) -> Vec<usize>;
const STEPS: [Step; 6] = [
    |route| vec![usize::from(!route.default)],
    |route| vec![usize::from(!route.greedy())],
    |route| vec![route.segments.iter().filter(|segment| is_literal(segment)).count()],
    |route| vec![route.segments.len()],
    // Of two with as many literals, the one whose literals come first.
    |route| route.segments.iter().map(|segment| usize::from(is_literal(segment))).collect(),
    |route| vec![usize::from(route.method != "ANY")],
];

struct Parsed<'k> {
    key: &'k str,
    method: &'k str,
    default: bool,
    segments: Vec<&'k str>,
}

impl Parsed<'_> {
    fn greedy(&self) -> bool {
        self.segments.last().is_some_and(|last| last.ends_with("+}"))
    }

    fn matches(&self, method: &str, path: &[String]) -> bool {
        self.default || (self.method == "ANY" || self.method == method) && fits(&self.segments, path)
    }
}

fn is_literal(segment: &str) -> bool {
    !segment.starts_with('{')
}

fn fits(segments: &[&str], path: &[String]) -> bool {
    match (segments, path) {
        ([], []) => true,
        ([greedy], [_, ..]) if greedy.ends_with("+}") => true,
        ([segment, segments @ ..], [part, path @ ..]) => {
            let alike = if is_literal(segment) { segment == part } else { !part.is_empty() };
            alike && fits(segments, path)
        }
        _ => false,
    }
}

/// The route that answers, by elimination.
fn model<'k>(keys: &'k [String], method: &str, path: &[String]) -> Option<&'k str> {
    let parse = |key: &'k String| {
        let (own, path) = key.split_once(' ').unwrap_or(("ANY", ""));
        let segments = if path.is_empty() { Vec::new() } else { path[1..].split('/').collect() };
        Parsed { key, method: own, default: path.is_empty(), segments }
    };
    let mut left: Vec<Parsed<'k>> = keys.iter().map(parse).filter(|route| route.matches(method, path)).collect();
    for step in STEPS {
        let best = left.iter().map(step).max();
        left.retain(|route| Some(step(route)) == best);
    }
    assert!(left.len() <= 1, "{method} {path:?} is answered by more than one of {keys:?}");
    left.first().map(|route| route.key)
}
