//! The functions: each call takes an event's bytes and gives an answer's bytes, in process through the very code that a
//! function's `main` hands to the Lambda runtime, or elsewhere (see [`crate::remote`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use shared::clock::Clock;

use crate::record::Recorder;
use crate::template::{self, Template};

mod failure;
mod function;
mod handler;

pub use failure::Failure;
pub use function::{Function, Invocation};
pub use handler::{Handler, Reply, mount, mount_http};

/// The most bytes that a synchronous invocation may be given (6 MB).
pub const MAX_EVENT: usize = 6 * 1024 * 1024;
/// The most bytes that it may answer with; Lambda grants a hundred more than for the event.
pub const MAX_ANSWER: usize = MAX_EVENT + 100;

/// By what a function is called where people read it, and in the names of files: its binary, or, where that is no name or
/// several have it, its logical id.
pub fn label<'t>(template: &'t Template, function: &'t template::Function) -> &'t str {
    let binary = function.binary();
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let is_name = (1..=100).contains(&binary.len()) && binary.chars().all(is_of_name);
    let bearers = template.functions.iter().filter(|other| other.binary() == binary).count();
    if is_name && bearers == 1 { binary } else { &function.logical_id }
}

/// Every function of a template.
pub struct Functions {
    by_id: BTreeMap<String, Arc<Function>>,
}

/// A function of the template whose code is not here.
#[derive(Debug, Clone)]
pub struct NotMounted {
    function: Box<template::Function>,
}

impl NotMounted {
    /// This function.
    pub fn of(function: &template::Function) -> NotMounted {
        NotMounted { function: Box::new(function.clone()) }
    }
}

impl fmt::Display for NotMounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template::Function { logical_id, code_uri, line, .. } = self.function.as_ref();
        write!(
            f,
            "the template's function {logical_id} (line {line}, CodeUri {code_uri}) has no handler in this program: run its \
             own binary with --bootstraps DIR, or mount its crate in local/src/mounted.rs if it is the shop's."
        )
    }
}

impl std::error::Error for NotMounted {}

impl From<NotMounted> for crate::Error {
    fn from(error: NotMounted) -> crate::Error {
        crate::Error::new(error.to_string())
    }
}

impl Functions {
    /// Joins the template's functions with their code, which is found by the last segment of `CodeUri`.
    pub fn new(
        template: &Template,
        mut handlers: BTreeMap<String, Handler>,
        clock: &Clock,
    ) -> Result<Self, NotMounted> {
        let mut by_id = BTreeMap::new();
        for function in &template.functions {
            let handler = handlers.remove(function.binary()).ok_or_else(|| NotMounted::of(function))?;
            by_id.insert(function.logical_id.clone(), Arc::new(Function::new(function, handler, clock)));
        }
        Ok(Self { by_id })
    }

    /// The template's functions, each with the handler that is made for it.
    pub fn each(template: &Template, mut handler: impl FnMut(&template::Function) -> Handler, clock: &Clock) -> Self {
        let function = |function: &template::Function| {
            (function.logical_id.clone(), Arc::new(Function::new(function, handler(function), clock)))
        };
        Self { by_id: template.functions.iter().map(function).collect() }
    }

    /// The same functions, whose invocations are recorded.
    pub fn recorded(self, template: &Template, recorder: &Recorder) -> Self {
        let mut by_id = self.by_id;
        for declared in &template.functions {
            if let Some(function) = by_id.get_mut(&declared.logical_id) {
                *function = Arc::new(function.recorded(recorder.of(label(template, declared))));
            }
        }
        Self { by_id }
    }

    /// The function with this logical id.
    pub fn by_id(&self, logical_id: &str) -> Option<&Arc<Function>> {
        self.by_id.get(logical_id)
    }

    /// The function that Lambda's Invoke API means by a name, an ARN or a part of one, with or without a version.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Function>> {
        let name = name.split_once(":function:").map_or(name, |(_, rest)| rest);
        let name = name.split(':').next().unwrap_or(name);
        let deployed = self.by_id.values().find(|function| function.name == name);
        // Other tools know a function by its logical id or its binary.
        deployed.or_else(|| self.by_id.get(name)).or_else(|| {
            let mut those = self.by_id.values().filter(|function| function.binary == name);
            those.next().filter(|_| those.next().is_none())
        })
    }
}
