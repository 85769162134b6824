//! A function's code: what a function's `main` hands to the Lambda runtime, mounted in process, or whatever else answers its
//! events.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, IntoResponse, Request};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Failure;

/// A handler's answer to come.
pub type Reply = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send>>;

/// Does something with an event.
pub type Call = Arc<dyn Fn(Bytes, Context) -> Reply + Send + Sync>;

/// A function's code, ready to be called.
#[derive(Clone)]
pub struct Handler {
    /// What it does with an event.
    pub call: Call,
    /// What it does with an event whose answer nobody waits for, where that is something else.
    pub later: Option<Call>,
    /// Whether it itself ends what takes too long.
    pub keeps_time: bool,
}

impl Handler {
    /// A handler that does this with each event, for as long as the template's `Timeout` lets it.
    pub fn new(call: impl Fn(Bytes, Context) -> Reply + Send + Sync + 'static) -> Handler {
        Handler { call: Arc::new(call), later: None, keeps_time: false }
    }

    /// A handler that itself ends what takes too long.
    pub fn keeping_time(call: impl Fn(Bytes, Context) -> Reply + Send + Sync + 'static) -> Handler {
        Handler { call: Arc::new(call), later: None, keeps_time: true }
    }

    /// The same, but an event whose answer nobody waits for is given to this, which refuses none for want of room.
    pub fn queueing(self, later: impl Fn(Bytes, Context) -> Reply + Send + Sync + 'static) -> Handler {
        Handler { later: Some(Arc::new(later)), ..self }
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
