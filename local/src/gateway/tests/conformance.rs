//! Runs every case of `local/conformance`: a real gateway on a socket, the request as raw bytes, and what the function
//! saw and the client got compared with what the case's source says. The format is in the README there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::functions::{Failure, Handler, Reply};
use crate::gateway::unverified;
use crate::template::Given;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    description: String,
    source: Source,
    api: Api,
    #[serde(default)]
    before: Vec<Request>,
    request: Request,
    #[serde(default)]
    function: Behaviour,
    #[serde(default)]
    authorizer: Behaviour,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    grade: Grade,
    url: Option<String>,
    repository: Option<String>,
    path: Option<String>,
    constant: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Recorded,
    Documented,
    Code,
    Claimed,
    Unverified,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Api {
    routes: Vec<Route>,
    #[serde(default)]
    properties: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Route {
    Key(String),
    With(RouteWith),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteWith {
    key: String,
    properties: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    /// So many bytes of `x`.
    body_length: Option<usize>,
    /// A header `x-padding` of so many bytes.
    padding: Option<usize>,
}

/// What a function does with an event.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    Answers(Value),
    /// Text that need not be JSON.
    Writes(String),
    /// An answer whose body has so many bytes.
    AnswersWithBytes(usize),
    Fails(String),
    Panics,
    Hangs,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::Answers(json!({"statusCode": 200, "body": "ok"}))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Whether the function is called at all.
    called: Option<bool>,
    event: Option<Value>,
    #[serde(default)]
    absent_in_event: Vec<String>,
    authorizer_event: Option<Value>,
    #[serde(default)]
    absent_in_authorizer_event: Vec<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    absent_headers: Vec<String>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Events that functions were given, with the functions' names.
type Seen = Arc<Mutex<Vec<(&'static str, Value)>>>;

fn handler(name: &'static str, behaviour: &Behaviour, seen: &Seen) -> Handler {
    let (behaviour, seen) = (behaviour.clone(), Arc::clone(seen));
    Handler::new(move |event, _| -> Reply {
        seen.lock().unwrap().push((name, serde_json::from_slice(&event).unwrap()));
        let behaviour = behaviour.clone();
        Box::pin(async move {
            match behaviour {
                Behaviour::Answers(answer) => Ok(serde_json::to_vec(&answer).unwrap()),
                Behaviour::Writes(text) => Ok(text.into_bytes()),
                Behaviour::AnswersWithBytes(length) => {
                    Ok(serde_json::to_vec(&json!({"statusCode": 200, "body": "x".repeat(length)})).unwrap())
                }
                Behaviour::Fails(message) => {
                    Err(Failure { error_type: "Runtime.Error".to_owned(), error_message: message })
                }
                Behaviour::Panics => panic!("this panic belongs to the case"),
                Behaviour::Hangs => std::future::pending().await,
            }
        })
    })
}

impl Api {
    /// The template: one API, one function behind every route, and one that an authorizer of it may name.
    fn template(&self) -> String {
        let mut events = serde_json::Map::new();
        for (at, route) in self.routes.iter().enumerate() {
            let (key, mut properties) = match route {
                Route::Key(key) => (key, serde_json::Map::new()),
                Route::With(RouteWith { key, properties }) => (key, properties.clone()),
            };
            properties.insert("ApiId".to_owned(), json!({"Ref": "Api"}));
            if let Some((method, path)) = key.split_once(' ') {
                properties.insert("Method".to_owned(), json!(method));
                properties.insert("Path".to_owned(), json!(path));
            }
            events.insert(format!("Route{at}"), json!({"Type": "HttpApi", "Properties": properties}));
        }
        let function = |uri: &str, events: Value| json!({"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": uri, "Timeout": 30, "Events": events}});
        json!({"Resources": {
            "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": self.properties},
            "Main": function("target/lambda/main/", Value::Object(events)),
            "Authorizer": function("target/lambda/authorizer/", json!({})),
        }})
        .to_string()
    }
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let body = match (&self.body, &self.body_base64, self.body_length) {
            (Some(text), None, None) => Some(text.clone().into_bytes()),
            (None, Some(encoded), None) => Some(STANDARD.decode(encoded).unwrap()),
            (None, None, Some(length)) => Some(vec![b'x'; length]),
            (None, None, None) => None,
            _ => panic!("a request has one body at most"),
        };
        let has = |name: &str| self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(length) = self.padding {
            write!(head, "X-Padding: {}\r\n", "x".repeat(length)).unwrap();
        }
        if !has("host") {
            head.push_str("Host: a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com\r\n");
        }
        if let Some(body) = &body
            && !has("content-length")
            && !has("transfer-encoding")
        {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("Connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(body.unwrap_or_default());
        bytes
    }

    async fn send(&self, address: std::net::SocketAddr) -> Answered {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let request = self.bytes();
        // A server may refuse a large body before it has read it all; what it says is to be read all the same.
        let writing = tokio::spawn(async move {
            let _ = writer.write_all(&request).await;
            writer
        });
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes).await;
        drop(writing.await.unwrap());
        Answered::parse(&bytes)
    }
}

struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answered {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the answer has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let line = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self { status, headers: lines.filter_map(line).collect(), body: bytes[end + 4..].to_vec() }
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Whether a text is the expected one, or fits it where that begins with `~`.
fn fits(expected: &str, got: &str) -> bool {
    match expected.strip_prefix('~') {
        Some(pattern) => Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(got),
        None => expected == got,
    }
}

/// The objects of an event of which a case may name a part. Any other must be as the case has it and no more.
fn is_partial(path: &str) -> bool {
    matches!(path, "" | "headers" | "requestContext" | "requestContext.http")
}

fn compare(path: &str, expected: &Value, got: &Value, differences: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            for (key, expected) in expected {
                match got.get(key) {
                    Some(got) => compare(&below(key), expected, got, differences),
                    None => differences.push(format!("{} is not there, expected {expected}", below(key))),
                }
            }
            for key in got.keys().filter(|key| !is_partial(path) && !expected.contains_key(*key)) {
                differences.push(format!("{} is not expected", below(key)));
            }
        }
        (Value::String(expected), Value::String(got)) if fits(expected, got) => {}
        _ if expected == got => {}
        _ => differences.push(format!("{path} is {got}, expected {expected}")),
    }
}

fn compare_event(
    what: &str,
    expected: Option<&Value>,
    absent: &[String],
    got: Option<&Value>,
    differences: &mut Vec<String>,
) {
    if expected.is_none() && absent.is_empty() {
        return;
    }
    let Some(got) = got else { return differences.push(format!("{what}: nobody was given one")) };
    let mut own = Vec::new();
    if let Some(expected) = expected {
        compare("", expected, got, &mut own);
    }
    for path in absent {
        let pointer = format!("/{}", path.replace('.', "/"));
        if let Some(value) = got.pointer(&pointer) {
            own.push(format!("{path} is {value}, expected to be absent"));
        }
    }
    differences.extend(own.into_iter().map(|difference| format!("{what}: {difference}")));
}

impl Source {
    fn check(&self) -> Result<(), String> {
        let constants = unverified::tests::constants();
        match (self.grade, &self.constant, &self.url, (&self.repository, &self.path)) {
            (Grade::Unverified, Some(name), None, (None, None)) => {
                let known = constants.iter().any(|(constant, _)| constant == name);
                known.then_some(()).ok_or_else(|| format!("source: there is no constant {name} in unverified.rs"))
            }
            (Grade::Unverified, ..) => Err("source: what is unverified names its constant and nothing else".to_owned()),
            (_, None, Some(url), (None, None)) if url.starts_with("https://") => Ok(()),
            (_, None, None, (Some(repository), Some(path))) if repository.contains('/') && !path.is_empty() => Ok(()),
            _ => Err("source: an https:// url, or a repository and a path, is missing".to_owned()),
        }
    }
}

impl Case {
    async fn run(&self) -> Result<Vec<String>, String> {
        self.source.check()?;
        if self.description.split_whitespace().count() < 4 {
            return Err("description: a sentence, please".to_owned());
        }
        let template = Template::parse(&self.api.template(), &Given::defaults("shop"))
            .map_err(|fault| format!("api: {}", fault.message))?;
        let seen = Seen::default();
        let handlers = BTreeMap::from([
            ("main".to_owned(), handler("main", &self.function, &seen)),
            ("authorizer".to_owned(), handler("authorizer", &self.authorizer, &seen)),
        ]);
        let clock = Clock::adjustable();
        let functions = Functions::new(&template, handlers, &clock).unwrap();
        let settings = Settings { clock, source_ip: Some([203, 0, 113, 7].into()), ..Settings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Gateway::new(&template, &functions, settings).serve(listener).unwrap();
        for request in &self.before {
            request.send(running.address()).await;
        }
        seen.lock().unwrap().clear();
        let answered = self.request.send(running.address()).await;
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        Ok(self.expected.compare(&answered, &seen))
    }
}

impl Expected {
    fn compare(&self, answered: &Answered, seen: &[(&'static str, Value)]) -> Vec<String> {
        let mut differences = Vec::new();
        let given = |name: &str| seen.iter().find(|(own, _)| *own == name).map(|(_, event)| event);
        let main = given("main");
        if let Some(called) = self.called
            && called != main.is_some()
        {
            differences.push(format!("called is {}, expected {called}", main.is_some()));
        }
        compare_event("event", self.event.as_ref(), &self.absent_in_event, main, &mut differences);
        let (asked, absent) = (self.authorizer_event.as_ref(), &self.absent_in_authorizer_event);
        compare_event("authorizer_event", asked, absent, given("authorizer"), &mut differences);
        if let Some(status) = self.status
            && status != answered.status
        {
            differences.push(format!("status is {}, expected {status}", answered.status));
        }
        for (name, expected) in &self.headers {
            let expected = match expected {
                OneOrMany::One(value) => std::slice::from_ref(value),
                OneOrMany::Many(values) => values,
            };
            let got = answered.all(name);
            if got.len() != expected.len() || !got.iter().zip(expected).all(|(got, expected)| fits(expected, got)) {
                differences.push(format!("headers: {name} is {got:?}, expected {expected:?}"));
            }
        }
        for name in &self.absent_headers {
            let got = answered.all(name);
            if !got.is_empty() {
                differences.push(format!("absent_headers: {name} is {got:?}"));
            }
        }
        let body = match (&self.body, &self.body_base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => Some(STANDARD.decode(encoded).unwrap()),
            (None, None) => None,
        };
        if let Some(expected) = body
            && expected != answered.body
        {
            let (got, expected) = (String::from_utf8_lossy(&answered.body), String::from_utf8_lossy(&expected));
            differences.push(format!("body is {got:?}, expected {expected:?}"));
        }
        differences
    }
}

/// Every file below the folder but its README, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("conformance/README.md") => {}
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn every_case_of_conformance_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let (mut failures, mut grades) = (String::new(), BTreeMap::<Grade, usize>::new());
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        assert!(
            file.extension().is_some_and(|extension| extension == "json") && name.matches('/').count() == 1,
            "local/conformance/{name} is not read: cases are <area>/<case>.json"
        );
        let differences = match serde_json::from_slice::<Case>(&std::fs::read(&file).unwrap()) {
            Ok(case) => {
                *grades.entry(case.source.grade).or_default() += 1;
                case.run().await.unwrap_or_else(|wrong| vec![wrong])
            }
            Err(error) => vec![format!("cannot be read: {error}")],
        };
        for difference in differences {
            writeln!(failures, "local/conformance/{name}: {difference}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}\n{grades:?}");
    let count: usize = grades.values().sum();
    assert!(count >= 60, "only {count} cases were found: {grades:?}");
}
