//! Mounting: answers, failures, panics and time-outs as Lambda would report them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lambda_http::{Body, Request, Response};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::*;
use crate::functions::{Reply, mount, mount_http};
use crate::record::{Record, Recorder};

fn function(handler: Handler, timeout: Duration) -> Function {
    let (name, arn) = ("shop-Fn".to_owned(), "arn:aws:lambda:eu-central-1:123456789012:function:shop-Fn".to_owned());
    let (binary, clock) = (String::new(), Clock::system());
    let again = Duration::from_millis(1);
    Function { name, binary, arn, timeout, is_off: false, handler, clock, recording: None, again }
}

async fn call(handler: Handler, event: &Value) -> Result<Value, Failure> {
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: Some("Root=1-2-3".to_owned()) };
    let answer = function(handler, Duration::from_secs(1)).invoke(event.to_string().into(), invocation).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

#[tokio::test]
async fn a_runtime_function_gets_its_payload_and_context() {
    let echo = |event: LambdaEvent<Value>| async move {
        let context = event.context;
        assert!(context.deadline > 1_700_000_000_000, "milliseconds");
        Ok::<_, lambda_runtime::Error>(json!({
            "payload": event.payload, "id": context.request_id, "arn": context.invoked_function_arn, "trace": context.xray_trace_id,
        }))
    };
    let answer = call(mount(service_fn(echo)), &json!({"a": 1})).await.unwrap();
    assert_eq!(answer["payload"], json!({"a": 1}));
    assert_eq!(answer["id"], "id-1");
    assert_eq!(answer["trace"], "Root=1-2-3");
    assert_eq!(answer["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:shop-Fn");
}

#[tokio::test]
async fn an_http_function_answers_a_direct_event_with_its_body() {
    let hello = |request: Request| async move {
        Ok::<_, lambda_http::Error>(Response::new(Body::from(format!(
            "{{\"got\":{}}}",
            std::str::from_utf8(request.body()).unwrap()
        ))))
    };
    assert_eq!(call(mount_http(service_fn(hello)), &json!({"b": 2})).await, Ok(json!({"got": {"b": 2}})));
}

#[tokio::test]
async fn an_error_and_a_panic_are_failures() {
    let fails = |_: LambdaEvent<Value>| async {
        Err::<Value, _>(Diagnostic { error_type: "Broken".into(), error_message: "no".into() })
    };
    let failure = call(mount(service_fn(fails)), &json!({})).await.unwrap_err();
    assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), ("Broken", "no"));

    let panics = |event: LambdaEvent<Value>| async move {
        assert!(event.payload.is_null(), "boom");
        Ok::<_, lambda_runtime::Error>(())
    };
    let failure = call(mount(service_fn(panics)), &json!({})).await.unwrap_err();
    assert_eq!(failure.error_message, "Lambda panicked: boom");
}

#[tokio::test]
async fn the_templates_timeout_ends_an_invocation() {
    let hangs = |_: LambdaEvent<Value>| std::future::pending::<Result<Value, lambda_runtime::Error>>();
    let function = function(mount(service_fn(hangs)), Duration::from_millis(5));
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    let failure = function.invoke(Bytes::from_static(b"{}"), invocation).await.unwrap_err();
    assert_eq!(failure.error_type, "Sandbox.Timedout");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_handler() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = Arc::new(tokio::sync::Mutex::new(Some(released)));
    let (finished, mut finish) = tokio::sync::mpsc::channel::<()>(1);
    let slow = move |_: LambdaEvent<Value>| {
        let (released, finished) = (Arc::clone(&released), finished.clone());
        async move {
            if let Some(released) = released.lock().await.take() {
                let _ = released.await;
            }
            DONE.store(true, Ordering::SeqCst);
            let _ = finished.send(()).await;
            Ok::<_, lambda_runtime::Error>(())
        }
    };
    let function = function(mount(service_fn(slow)), Duration::from_secs(5));
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    let call = function.invoke(Bytes::from_static(b"{}"), invocation);
    assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    release.send(()).unwrap();
    finish.recv().await.unwrap();
    assert!(DONE.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_event_without_room_is_tried_again_until_there_is_some_and_recorded_once() {
    let (calls, mut served) = tokio::sync::mpsc::unbounded_channel();
    let times = Arc::new(AtomicUsize::new(0));
    // The third call finds room.
    let full = Handler::new(move |event, _| {
        let (time, calls) = (times.fetch_add(1, Ordering::SeqCst), calls.clone());
        Box::pin(async move {
            if time < 2 {
                return Err(Failure::throttled());
            }
            calls.send(event).unwrap();
            Ok(b"{}".to_vec())
        })
    });
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    let folder = tempfile::tempdir().unwrap();
    let record = Record { folder: folder.path().to_owned(), secrets: false, say: Box::new(|_| {}) };
    let recorder = Recorder::start(record, &Clock::system()).unwrap();
    let function = function(full, Duration::from_secs(5)).recorded(recorder.of("full"));
    function.invoke_later(Bytes::from_static(b"{\"a\":1}"), invocation).await;
    assert_eq!(served.recv().await.unwrap(), r#"{"a":1}"#);
    recorder.flush().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "one event and its answer");
}

#[tokio::test]
async fn an_invocation_without_a_trace_has_a_new_one() {
    let trace = |event: LambdaEvent<Value>| async move { Ok::<_, lambda_runtime::Error>(event.context.xray_trace_id) };
    let function = function(mount(service_fn(trace)), Duration::from_secs(5));
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    let of = async || function.invoke(Bytes::from_static(b"{}"), invocation.clone()).await.unwrap();
    let first = of().await;
    let text = std::str::from_utf8(&first).unwrap();
    assert!(text.starts_with("\"Root=1-") && text.ends_with(";Sampled=0\""), "{text}");
    assert_ne!(first, of().await);
}

#[tokio::test]
async fn what_waits_in_a_handlers_queue_has_longer_than_any_function_runs() {
    let deadline = |_: Bytes, context: Context| -> Reply {
        Box::pin(async move { Ok(context.deadline.to_string().into_bytes()) })
    };
    let left = async |handler: Handler| {
        let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
        let now = Clock::system().now().as_millis();
        let answer = function(handler, Duration::from_secs(5)).invoke(Bytes::from_static(b"{}"), invocation).await;
        let deadline: i64 = std::str::from_utf8(&answer.unwrap()).unwrap().parse().unwrap();
        Duration::from_millis(u64::try_from(deadline - now).unwrap())
    };
    assert!(left(Handler::keeping_time(deadline)).await < 2 * LONGEST);
    assert!(left(Handler::keeping_time(deadline).queueing(deadline)).await >= 2 * LONGEST);
}
