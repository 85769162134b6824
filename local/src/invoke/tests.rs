//! The Invoke API on a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use shared::clock::Clock;

use super::*;
use crate::functions::{Handler, mount};
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

/// The template's function with this handler.
fn each(handler: &Handler) -> Arc<Functions> {
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    Arc::new(Functions::each(&template, |_| handler.clone(), &Clock::system()))
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
async fn a_function_without_room_refuses_who_waits() {
    let full = Handler::new(|_, _| Box::pin(async { Err(Failure::throttled()) }));
    let running = serve(each(&full), TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let (status, headers, body) = post(running.address(), "shop-Echo", "RequestResponse", "{}").await;
    assert_eq!((status, headers["x-amzn-errortype"].as_bytes()), (429, &b"TooManyRequestsException"[..]));
    let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
    assert_eq!(body, json!({"Type": "User", "Reason": reason, "Message": "Rate Exceeded."}));
}

#[tokio::test]
async fn events_that_nobody_waits_for_have_limits_of_their_own() {
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let (go, wait) = tokio::sync::watch::channel(false);
    let waits = Handler::new(move |_, _| {
        let (started, mut wait) = (started.clone(), wait.clone());
        Box::pin(async move {
            started.send(()).unwrap();
            wait.wait_for(|go| *go).await.unwrap();
            Ok(b"{}".to_vec())
        })
    });
    // Room for two small ones.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = serve_within(2 * EACH, each(&waits), listener).unwrap();
    for _ in 0..2 {
        assert_eq!(post(running.address(), "shop-Echo", "Event", "{}").await.0, 202);
        starts.recv().await.unwrap();
    }
    let (status, _, body) = post(running.address(), "shop-Echo", "Event", "{}").await;
    assert_eq!((status, &body["Reason"]), (429, &json!("CallerRateLimitExceeded")));
    go.send(true).unwrap();
    // One that somebody waits for may be larger.
    let large: &'static str = format!("\"{}\"", "x".repeat(MAX_LATER)).leak();
    assert_eq!(post(running.address(), "shop-Echo", "RequestResponse", large).await.0, 200);
    let (status, headers, body) = post(running.address(), "shop-Echo", "Event", large).await;
    assert_eq!((status, headers["x-amzn-errortype"].as_bytes()), (413, &b"RequestTooLargeException"[..]));
    let message = "Request must be smaller than 1048576 bytes for the InvokeFunction operation";
    assert_eq!(body["Message"], message);
}

#[tokio::test]
async fn a_web_page_is_not_answered() {
    let running = start().await;
    let answered = async |headers: &[(&str, &str)]| {
        let mut request = Request::post(format!("http://{}/2015-03-31/functions/echo/invocations", running.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        client.request(request.body(Full::new(Bytes::from_static(b"{}"))).unwrap()).await.unwrap().status().as_u16()
    };
    for host in [
        "localhost:9001",
        "LOCALHOST",
        "127.0.0.1",
        "[::1]:9001",
        "172.17.0.1:9001",
        "host.docker.internal:1",
        "portico:9001",
    ] {
        assert_eq!(answered(&[("host", host)]).await, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:9001", "127.0.0.1.evil.example", "a b"] {
        assert_eq!(answered(&[("host", host)]).await, 403, "{host}");
    }
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        assert_eq!(answered(&[("origin", origin)]).await, 403, "{origin}");
    }
    assert_eq!(answered(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(answered(&[("sec-fetch-mode", "cors")]).await, 200);
}
