//! The Invoke API on a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use shared::clock::Clock;

use super::*;
use crate::functions::{Failure, Handler, mount};
use crate::template::{Given, Template};

const TEMPLATE: &str = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Echo: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/echo/}}
";

async fn start() -> Running {
    let echo = |event: LambdaEvent<Value>| async move {
        if event.payload["fail"] == true {
            return Err(Diagnostic { error_type: "Broken".into(), error_message: "no".into() });
        }
        Ok(json!({"got": event.payload, "id": event.context.request_id}))
    };
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    let handlers = BTreeMap::from([("echo".to_owned(), mount(service_fn(echo)))]);
    let functions = Functions::new(&template, handlers, &Clock::system()).unwrap();
    serve(Arc::new(functions), TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap()
}

async fn post(address: SocketAddr, name: &str, kind: &str, body: &'static str) -> (u16, HeaderMap, Value) {
    let request = Request::post(format!("http://{address}/2015-03-31/functions/{name}/invocations"));
    let request =
        request.header("x-amz-invocation-type", kind).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_function_is_found_by_name_and_by_arn() {
    let running = start().await;
    for name in [
        "shop-Echo",
        "Echo",
        "echo",
        "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Ashop-Echo",
        "shop-Echo%3Alive",
    ] {
        let (status, headers, body) = post(running.address(), name, "RequestResponse", r#"{"a":1}"#).await;
        assert_eq!((status, &body["got"]), (200, &json!({"a": 1})), "{name}");
        assert_eq!(headers["x-amzn-requestid"], body["id"].as_str().unwrap());
        assert!(!headers.contains_key("x-amz-function-error"));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_failure_of_the_function_is_an_answer() {
    let running = start().await;
    let (status, headers, body) = post(running.address(), "shop-Echo", "RequestResponse", r#"{"fail":true}"#).await;
    assert_eq!(status, 200);
    assert_eq!(headers["x-amz-function-error"], "Unhandled");
    assert_eq!(body, json!({"errorType": "Broken", "errorMessage": "no"}));
}

#[tokio::test]
async fn errors_of_the_api_have_a_type_and_a_message() {
    let running = start().await;
    let (status, headers, body) = post(running.address(), "nobody", "RequestResponse", "{}").await;
    assert_eq!((status, headers["x-amzn-errortype"].as_bytes()), (404, &b"ResourceNotFoundException"[..]));
    assert_eq!(body, json!({"Type": "User", "Message": "Function not found: nobody"}));
    let (status, headers, _) = post(running.address(), "shop-Echo", "RequestResponse", "{").await;
    assert_eq!((status, headers["x-amzn-errortype"].as_bytes()), (400, &b"InvalidRequestContentException"[..]));
}

#[tokio::test]
async fn events_and_dry_runs_answer_at_once() {
    let running = start().await;
    assert_eq!(post(running.address(), "shop-Echo", "Event", "{}").await.0, 202);
    assert_eq!(post(running.address(), "shop-Echo", "DryRun", "{}").await.0, 204);
    assert_eq!(post(running.address(), "shop-Echo", "Never", "{}").await.0, 400);
}

#[tokio::test]
async fn a_function_without_room_refuses_who_waits_and_takes_an_event_later() {
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
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    let functions = Functions::each(&template, |_| full.clone(), &Clock::system());
    let running = serve(Arc::new(functions), TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let (status, headers, body) = post(running.address(), "shop-Echo", "RequestResponse", "{}").await;
    assert_eq!((status, headers["x-amzn-errortype"].as_bytes()), (429, &b"TooManyRequestsException"[..]));
    let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
    assert_eq!(body, json!({"Type": "User", "Reason": reason, "Message": "Rate Exceeded."}));
    assert_eq!(post(running.address(), "shop-Echo", "Event", r#"{"a":1}"#).await.0, 202);
    assert_eq!(served.recv().await.unwrap(), r#"{"a":1}"#);
}
