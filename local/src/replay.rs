//! Sends a recorded event to its function again, and compares the answer with the recorded one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::Error;
use crate::base;
use crate::functions::{Failure, Functions, Invocation, MAX_EVENT, label};
use crate::gateway::invocation_id;
use crate::keys::Keys;
use crate::record::files;
use crate::record::mask::{MASK, Masks};
use crate::shop::{Options, Shop};
use crate::template::{Function, Template};

/// What came of it.
pub struct Replayed {
    /// What the function answered now.
    pub outcome: Result<Bytes, Failure>,
    /// Whether there are masks in the event.
    pub is_masked: bool,
    /// How that compares with what was recorded beside the event, if anything was.
    pub comparison: Option<Comparison>,
}

/// How an answer compares with a recorded one.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// They are the same, or differ only in what was masked.
    Same,
    /// They differ first at this place, a JSON Pointer; it is empty where one is a failure and the other is none.
    Differs(String),
}

/// Sends the event in this file (`-` is standard input) to this function, or to the one in the file's name. The functions
/// are those that a shop with these options would have, whose gateway is at any free port and whose schedules do not run.
///
/// # Errors
/// The file cannot be read, the template has no such function, or what the function needs does not start.
pub async fn replay(options: Options, file: &Path, function: Option<&str>) -> Result<Replayed, Error> {
    let event = read(file)?;
    let name = function.or_else(|| files::function_of(file)).ok_or_else(|| {
        Error::new(format!("{} does not say whose event it is: name the function with --function.", file.display()))
    })?;
    let outcome = match &options.functions {
        Some(remote) => {
            // Whoever runs the functions has keys and a database.
            let template = base::template(&options, &Keys::generate()?)?;
            let functions = remote.functions(&template, &options.clock);
            invoke(&functions, &template, name, event.clone()).await?
        }
        None => {
            let options = Options { port: 0, edge: false, schedules: false, access: None, record: None, ..options };
            let shop = Shop::start(options).await?;
            let outcome = invoke(shop.functions(), &shop.base().template, name, event.clone()).await;
            shop.stop().await;
            outcome?
        }
    };
    let comparison = files::recorded(file).map(|recorded| compare(&recorded, &outcome));
    Ok(Replayed { outcome, is_masked: is_masked(&event), comparison })
}

fn read(file: &Path) -> Result<Bytes, Error> {
    let shown = file.display();
    let input: io::Result<Box<dyn Read>> = match file.to_str() {
        Some("-") => Ok(Box::new(io::stdin())),
        _ => File::open(file).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut event = Vec::new();
    let most = MAX_EVENT as u64 + 1;
    input
        .and_then(|input| input.take(most).read_to_end(&mut event))
        .map_err(|error| Error::new(format!("the event in {shown} cannot be read ({error}): name the file of one.")))?;
    if event.len() > MAX_EVENT {
        return Err(Error::new(format!("{shown} is larger than an event may be: Lambda takes 6 MB.")));
    }
    serde_json::from_slice::<Value>(&event)
        .map_err(|error| Error::new(format!("{shown} holds no event, because it is no JSON: {error}.")))?;
    Ok(event.into())
}

async fn invoke(
    functions: &Functions,
    template: &Template,
    name: &str,
    event: Bytes,
) -> Result<Result<Bytes, Failure>, Error> {
    let function =
        find(template, name).and_then(|declared| functions.by_id(&declared.logical_id)).ok_or_else(|| {
            let all: Vec<&str> = template.functions.iter().map(|function| label(template, function)).collect();
            Error::new(format!("the template has no function {name}: name one of {}.", all.join(", ")))
        })?;
    let invocation = Invocation { request_id: invocation_id(), trace_id: None };
    Ok(Arc::clone(function).invoke(event, invocation).await)
}

/// The function that has this name in files, in the template, or once deployed.
fn find<'t>(template: &'t Template, name: &str) -> Option<&'t Function> {
    let is_it =
        |function: &&Function| [label(template, function), &function.logical_id, &function.name].contains(&name);
    template.functions.iter().find(is_it)
}

/// Whether a mask is in the event, or in its body.
fn is_masked(event: &[u8]) -> bool {
    let holds = |bytes: &[u8]| bytes.windows(MASK.len()).any(|part| part == MASK.as_bytes());
    let body = serde_json::from_slice::<Value>(event).ok().and_then(|event| event["body"].as_str().map(str::to_owned));
    holds(event) || body.and_then(|body| BASE64_STANDARD.decode(body).ok()).is_some_and(|body| holds(&body))
}

fn compare(recorded: &Result<Vec<u8>, Vec<u8>>, now: &Result<Bytes, Failure>) -> Comparison {
    let (recorded, now, has_id) = match (recorded, now) {
        (Ok(recorded), Ok(now)) => (recorded, now.to_vec(), false),
        (Err(recorded), Err(now)) => (recorded, serde_json::to_vec(now).unwrap_or_default(), true),
        _ => return Comparison::Differs(String::new()),
    };
    if *recorded == now {
        return Comparison::Same;
    }
    let parsed = |json: &[u8]| {
        let json = serde_json::from_slice(json).ok();
        if has_id { json.map(without_id) } else { json }
    };
    match (parsed(recorded), parsed(&now)) {
        (Some(recorded), Some(now)) if recorded == now => Comparison::Same,
        (Some(recorded), _) => {
            // The record may have masks where this answer has none.
            let masked = parsed(&Masks::default().mask(&now)).unwrap_or_default();
            difference(&recorded, &masked, "").map_or(Comparison::Same, Comparison::Differs)
        }
        (None, _) => Comparison::Differs("/".to_owned()),
    }
}

/// A failure without the id of its invocation, which is another one every time.
fn without_id(mut failure: Value) -> Value {
    if let Some(Value::String(message)) = failure.get_mut("errorMessage") {
        let rest = message.strip_prefix("RequestId: ").and_then(|rest| rest.split_once(' '));
        if let Some(rest) = rest.map(|(_, rest)| rest.to_owned()) {
            *message = rest;
        }
    }
    failure
}

/// The first place where these differ.
fn difference(one: &Value, other: &Value, here: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let there = format!("{here}/{name}");
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => difference(one, other, &there),
                    _ => Some(there),
                }
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut items = one.iter().zip(other).enumerate();
            items.find_map(|(at, (one, other))| difference(one, other, &format!("{here}/{at}")))
        }
        _ => (one != other).then(|| if here.is_empty() { "/".to_owned() } else { here.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
