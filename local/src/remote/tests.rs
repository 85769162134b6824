//! An endpoint's answers, and which of them are failures.

use http::Response;
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::net::TcpListener;

use super::*;
use crate::functions::Invocation;
use crate::server::{self, Running};
use crate::template::Given;

const TEMPLATE: &str = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  EchoFunction: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/echo/}}
";

/// What an endpoint answers.
type Says = fn() -> Response<&'static str>;

/// An endpoint that knows one function by `name` and answers every call of it with `answer`.
async fn endpoint(name: &'static str, answer: Says) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    server::serve(listener, move |request, _| async move {
        let known = request.uri().path() == format!("/2015-03-31/functions/{name}/invocations");
        let event = request.into_body().collect().await.unwrap().to_bytes();
        let answer = if known { answer() } else { status(404, r#"{"title":"Missing function"}"#) };
        // What is not said otherwise is an echo.
        answer.map(|body| Full::new(if body.is_empty() { event } else { Bytes::from(body) }))
    })
    .unwrap()
}

fn status(status: u16, body: &'static str) -> Response<&'static str> {
    Response::builder().status(status).body(body).unwrap()
}

fn template() -> Template {
    Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap()
}

async fn call(url: &str) -> Result<Value, Failure> {
    let remote = Arc::new(Remote::new(url).unwrap());
    let functions = remote.functions(&template(), &Clock::system());
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    let function = functions.by_id("EchoFunction").unwrap();
    let answer = function.invoke(Bytes::from_static(br#"{"a":1}"#), invocation).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

#[tokio::test]
async fn a_function_is_found_by_each_of_its_names() {
    for name in ["echo", "EchoFunction", "shop-EchoFunction"] {
        let endpoint = endpoint(name, || status(200, "")).await;
        // A slash at the end of the URL changes nothing.
        assert_eq!(call(&format!("http://{}/", endpoint.address())).await, Ok(json!({"a": 1})), "{name}");
        endpoint.stop().await;
    }
}

#[tokio::test]
async fn each_way_of_reporting_a_failure_is_one() {
    let cases: [(Says, &str); 6] = [
        (|| unhandled(r#"{"errorType":"Broken","errorMessage":"no"}"#), "Broken: no"),
        (|| unhandled(r#"{"errorMessage":"no"}"#), r#"Unhandled: {"errorMessage":"no"}"#),
        (|| status(500, r#"{"errorType":"Broken","errorMessage":"no"}"#), "Broken: no"),
        (|| status(500, r#"{"title":"Oh"}"#), r#"Elsewhere: URL answered 500 for echo: {"title":"Oh"}"#),
        (|| status(501, r#"{"Message":"no"}"#), r#"Elsewhere: URL answered 501 for echo: {"Message":"no"}"#),
        (|| status(502, " bad\n"), "Elsewhere: URL answered 502 for echo: bad"),
    ];
    for (answer, expected) in cases {
        let endpoint = endpoint("echo", answer).await;
        let url = format!("http://{}", endpoint.address());
        let failure = call(&url).await.unwrap_err();
        assert_eq!(failure.to_string().replace(&url, "URL"), expected);
        endpoint.stop().await;
    }
}

fn unhandled(body: &'static str) -> Response<&'static str> {
    Response::builder().header("x-amz-function-error", "Unhandled").body(body).unwrap()
}

#[tokio::test]
async fn an_endpoint_without_the_function_or_without_anybody_says_what_to_start() {
    let endpoint = endpoint("another", || status(200, "")).await;
    let url = format!("http://{}", endpoint.address());
    let failure = call(&url).await.unwrap_err().to_string();
    assert_eq!(
        failure.replace(&url, "URL"),
        "Elsewhere: URL knows no function echo or EchoFunction or shop-EchoFunction: start `cargo lambda watch` or \
         `sam local start-lambda` there, in this project."
    );
    assert_eq!(woken(&url).await, [failure.trim_start_matches("Elsewhere: ")]);

    let failure = call("http://127.0.0.1:1").await.unwrap_err().to_string();
    assert!(failure.starts_with("Elsewhere: no functions answer at http://127.0.0.1:1 ("), "{failure}");
    assert!(failure.ends_with("): start `cargo lambda watch` or `sam local start-lambda` there."), "{failure}");
    endpoint.stop().await;
}

#[tokio::test]
async fn waking_waits_for_whoever_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let remote = Remote::new(&format!("http://{address}")).unwrap();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let waking =
        tokio::spawn(async move { remote.wake(&template(), |line| said.send(line.to_owned()).unwrap()).await });
    assert!(heard.recv().await.unwrap().starts_with("no functions answer at http://127.0.0.1:"));
    let listener = TcpListener::bind(address).await.unwrap();
    let (asked, mut asking) = tokio::sync::mpsc::unbounded_channel();
    let endpoint = server::serve(listener, move |request, _| {
        asked.send(request.headers()["x-amz-invocation-type"].clone()).unwrap();
        async { Response::new(Full::default()) }
    })
    .unwrap();
    assert_eq!(asking.recv().await.unwrap(), "DryRun");
    assert_eq!(heard.recv().await.unwrap(), format!("The functions at http://{address} have answered."));
    waking.await.unwrap();
    endpoint.stop().await;
}

#[tokio::test]
async fn waking_says_where_it_woke_nothing() {
    // Lambda's answer to a dry run, and that of `sam local`.
    let answers: [Says; 2] =
        [|| status(204, ""), || status(501, r#"{"Type":"LocalService","Message":"not supported"}"#)];
    for answer in answers {
        let endpoint = endpoint("echo", answer).await;
        let url = format!("http://{}", endpoint.address());
        assert_eq!(
            woken(&url).await,
            [format!("The functions at {url} can be reached; each starts when it is first called.")]
        );
        endpoint.stop().await;
    }
}

/// What waking the functions at `url` says.
async fn woken(url: &str) -> Vec<String> {
    let said = std::sync::Mutex::new(Vec::new());
    Remote::new(url).unwrap().wake(&template(), |line| said.lock().unwrap().push(line.to_owned())).await;
    said.into_inner().unwrap()
}

#[test]
fn only_plain_http_is_spoken() {
    for wrong in ["https://localhost:9000", "localhost:9000", "http://", "", "http://localhost:9000?x"] {
        let error = Remote::new(wrong).err().unwrap().to_string();
        assert!(error.ends_with("write it as http://localhost:9000, without TLS."), "{error}");
    }
}
