//! The functions: each call takes an event's bytes and gives an answer's bytes, in process through the very code that a
//! function's `main` hands to the Lambda runtime, or elsewhere (see [`crate::remote`]).

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, IntoResponse, Request};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Service};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::clock::Clock;
use shared::telemetry::panic_message;

use crate::record::{Recorder, Recording};
use crate::template::{self, Template};

/// The most bytes that a synchronous invocation may be given (6 MB).
pub const MAX_EVENT: usize = 6 * 1024 * 1024;
/// The most bytes that it may answer with; Lambda grants a hundred more than for the event.
pub const MAX_ANSWER: usize = MAX_EVENT + 100;
/// Lambda lets no function run longer.
const LONGEST: Duration = Duration::from_secs(900);
/// How long an event waits that the function has no place for.
const QUEUED: Duration = Duration::from_secs(6 * 60 * 60);
/// After how long it is tried again, first and at most.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a failed invocation leaves behind; this is the JSON that Lambda's Invoke API answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// A name for the kind of failure.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
    /// Whether the function was not run at all, because as many as may were running (Lambda's own 429).
    #[serde(skip)]
    pub is_throttled: bool,
}

impl Failure {
    /// Of this kind.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Failure {
        Failure { error_type: error_type.into(), error_message: error_message.into(), is_throttled: false }
    }

    /// As many invocations were running as the function has reserved.
    pub fn throttled() -> Failure {
        Failure { is_throttled: true, ..Failure::new("TooManyRequestsException", "Rate Exceeded.") }
    }

    /// The answer is larger than an answer may be.
    pub fn too_large() -> Failure {
        let message = format!("Response payload size exceeded maximum allowed payload size ({MAX_ANSWER} bytes).");
        Failure::new("Function.ResponseSizeTooLarge", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::new(diagnostic.error_type, diagnostic.error_message)
    }
}

/// A handler's answer to come.
pub type Reply = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send>>;

/// A function's code, ready to be called.
#[derive(Clone)]
pub struct Handler {
    call: Arc<dyn Fn(Bytes, Context) -> Reply + Send + Sync>,
    keeps_time: bool,
}

impl Handler {
    /// A handler that does this with each event, for as long as the template's `Timeout` lets it.
    pub fn new(call: impl Fn(Bytes, Context) -> Reply + Send + Sync + 'static) -> Handler {
        Handler { call: Arc::new(call), keeps_time: false }
    }

    /// A handler that itself ends what takes too long.
    pub fn keeping_time(call: impl Fn(Bytes, Context) -> Reply + Send + Sync + 'static) -> Handler {
        Handler { call: Arc::new(call), keeps_time: true }
    }
}

/// Mounts what `main` gives to `lambda_runtime::run`.
pub fn mount<S, Event, Answer>(service: S) -> Handler
where
    S: Service<LambdaEvent<Event>, Response = Answer> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Diagnostic>,
    Event: DeserializeOwned + Send + 'static,
    Answer: Serialize + Send,
{
    Handler::new(move |event, context| {
        let mut service = service.clone();
        Box::pin(async move {
            let payload = serde_json::from_slice(&event).map_err(|error| malformed(&error))?;
            std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| Failure::from(error.into()))?;
            let answer = service.call(LambdaEvent::new(payload, context)).await;
            let answer = answer.map_err(|error| Failure::from(error.into()))?;
            serde_json::to_vec(&answer).map_err(|error| malformed(&error))
        })
    })
}

/// Mounts what `main` gives to `lambda_http::run`.
pub fn mount_http<S, R>(service: S) -> Handler
where
    S: Service<Request, Response = R> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Diagnostic>,
    R: IntoResponse + Send + Sync + 'static,
{
    mount::<_, LambdaRequest, _>(Adapter::from(service))
}

fn malformed(error: &serde_json::Error) -> Failure {
    Failure::new("Runtime.MarshalError", error.to_string())
}

/// What an invocation is told about itself.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of this invocation.
    pub request_id: String,
    /// The value of `X-Amzn-Trace-Id`.
    pub trace_id: Option<String>,
}

/// A function of the template with its code.
#[derive(Clone)]
pub struct Function {
    /// Its deployed name.
    pub name: String,
    binary: String,
    arn: String,
    timeout: Duration,
    is_off: bool,
    handler: Handler,
    clock: Clock,
    recording: Option<Recording>,
}

impl Function {
    fn new(declared: &template::Function, handler: Handler, clock: &Clock) -> Function {
        Function {
            name: declared.name.clone(),
            binary: declared.binary().to_owned(),
            arn: declared.arn.clone(),
            timeout: declared.timeout,
            is_off: declared.reserved_concurrency == Some(0),
            handler,
            clock: clock.clone(),
            recording: None,
        }
    }

    /// Runs the handler, and records it where that is wanted.
    pub async fn invoke(&self, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        let Some(recording) = self.recording.clone() else { return self.run(event, invocation).await };
        let function = self.clone();
        // In a task of its own too: what becomes of it is recorded also when the caller has gone away.
        let recorded = async move {
            let id = recording.event(&event).await;
            let outcome = function.run(event, invocation).await;
            recording.outcome(id, &outcome).await;
            outcome
        };
        tokio::spawn(recorded).await.unwrap_or_else(|stopped| Err(Failure::new("Runtime.ExitError", cause(stopped))))
    }

    /// Runs the handler for somebody who does not wait for an answer. Where Lambda would refuse one who does, because as
    /// many invocations are running as the function has reserved, this one is tried again, as Lambda does it for six hours.
    pub async fn invoke_later(&self, event: Bytes, invocation: Invocation) {
        let (began, mut pause) = (Instant::now(), AGAIN);
        while let Err(Failure { is_throttled: true, .. }) = self.invoke(event.clone(), invocation.clone()).await {
            if self.is_off || began.elapsed() > QUEUED {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Runs the handler, in a task of its own: a caller that goes away does not stop it half way, as it does not in
    /// Lambda. After the template's `Timeout` it is stopped, and whatever panics is a failure of this call alone.
    async fn run(&self, event: Bytes, invocation: Invocation) -> Result<Bytes, Failure> {
        // Beyond the longest time of all a handler that keeps time has lost it.
        let limit = if self.handler.keeps_time { LONGEST } else { self.timeout };
        let deadline = self.clock.now().plus(limit).as_millis();
        let Invocation { request_id, trace_id } = invocation;
        let late = format!("RequestId: {request_id} Error: Task timed out after {}.00 seconds", limit.as_secs());
        let mut context = Context::default();
        context.request_id = request_id;
        context.deadline = u64::try_from(deadline).unwrap_or_default();
        context.invoked_function_arn.clone_from(&self.arn);
        context.xray_trace_id = trace_id;
        let handler = self.handler.clone();
        let reply = async move { tokio::time::timeout(limit, (handler.call)(event, context)).await };
        match tokio::spawn(reply).await {
            Ok(Ok(Ok(answer))) if answer.len() > MAX_ANSWER => Err(Failure::too_large()),
            Ok(Ok(Ok(answer))) => Ok(answer.into()),
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(_)) => Err(Failure::new("Sandbox.Timedout", late)),
            Err(stopped) => Err(Failure::new("Runtime.ExitError", cause(stopped))),
        }
    }
}

fn cause(stopped: tokio::task::JoinError) -> String {
    let Ok(panic) = stopped.try_into_panic() else { return "the invocation was cancelled".to_owned() };
    format!("Lambda panicked: {}", panic_message(&*panic).unwrap_or_default())
}

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

impl fmt::Display for NotMounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template::Function { logical_id, code_uri, line, .. } = self.function.as_ref();
        let binary = self.function.binary();
        write!(
            f,
            "the template's function {logical_id} (line {line}, CodeUri {code_uri}) has no handler `{binary}` in local: \
             mount the crate {binary} in local/src/mounted.rs, or correct the CodeUri."
        )
    }
}

impl std::error::Error for NotMounted {}

impl Functions {
    /// Joins the template's functions with their code, which is found by the last segment of `CodeUri`.
    pub fn new(
        template: &Template,
        mut handlers: BTreeMap<String, Handler>,
        clock: &Clock,
    ) -> Result<Self, NotMounted> {
        let mut by_id = BTreeMap::new();
        for function in &template.functions {
            let handler = handlers
                .remove(function.binary())
                .ok_or_else(|| NotMounted { function: Box::new(function.clone()) })?;
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
                let recording = Some(recorder.of(label(template, declared)));
                *function = Arc::new(Function { recording, ..Function::clone(function) });
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

#[cfg(test)]
mod tests;
