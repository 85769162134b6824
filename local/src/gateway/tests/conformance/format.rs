//! A case as its file has it. What the keys mean is in `local/conformance/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::unverified;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub description: String,
    pub source: Source,
    pub api: Api,
    #[serde(default)]
    pub before: Vec<Request>,
    pub request: Request,
    #[serde(default)]
    pub function: Behaviour,
    #[serde(default)]
    pub authorizer: Behaviour,
    pub expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub grade: Grade,
    pub url: Option<String>,
    pub repository: Option<String>,
    pub path: Option<String>,
    pub constant: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Recorded,
    Documented,
    Code,
    Claimed,
    Unverified,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub routes: Vec<Route>,
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum Route {
    Key(String),
    With(RouteWith),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteWith {
    pub key: String,
    properties: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    pub target: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub body_base64: Option<String>,
    /// So many bytes of `x`.
    pub body_length: Option<usize>,
    /// A header `x-padding` of so many bytes.
    pub padding: Option<usize>,
}

/// What a function does with an event.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
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
pub struct Expected {
    /// Why the template is refused; nothing is sent then.
    pub refused: Option<String>,
    /// Whether the function is called at all.
    pub called: Option<bool>,
    pub event: Option<Value>,
    #[serde(default)]
    pub absent_in_event: Vec<String>,
    pub authorizer_event: Option<Value>,
    #[serde(default)]
    pub absent_in_authorizer_event: Vec<String>,
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub absent_headers: Vec<String>,
    pub body: Option<String>,
    pub body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Source {
    /// Whether it is complete.
    pub fn check(&self) -> Result<(), String> {
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

impl Api {
    /// The template: one API, one function behind every route, and one that an authorizer of it may name.
    pub fn template(&self) -> String {
        let mut events = Map::new();
        for (at, route) in self.routes.iter().enumerate() {
            let (key, mut properties) = match route {
                Route::Key(key) => (key, Map::new()),
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
