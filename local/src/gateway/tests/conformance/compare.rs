//! What was to come, against what came.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde_json::Value;

use super::exchange::Answered;
use super::format::{Expected, OneOrMany};

/// Whether a text is the expected one, or fits it where that begins with `~`.
pub fn fits(expected: &str, got: &str) -> bool {
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
        (Value::String(pattern), Value::Number(got)) if pattern.starts_with('~') && fits(pattern, &got.to_string()) => {
        }
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

impl Expected {
    /// Every difference, each with the field that it is in.
    pub fn compare(&self, answered: &Answered, seen: &[(&'static str, Value)]) -> Vec<String> {
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
