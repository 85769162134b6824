//! What a process asks of its Runtime API, and what it is answered.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let refused = |status: &str, kind: &str| (status.to_owned(), kind.to_owned());
    for path in ["invocation/id-0/response", "invocation/id-0/error"] {
        assert_eq!(running.asked("POST", path).await, refused("400", "InvalidRequestID"), "{path}");
    }
    assert_eq!(running.asked("POST", "init/error").await, refused("403", "InvalidStateTransition"));
    assert_eq!(running.asked("GET", "invocation/next").await, refused("403", "InvalidStateTransition"));
    assert_eq!(running.asked("GET", "invocation/id-1/response").await, refused("404", "NotFound"));
    // The first answer is the answer; that of the runtime comes too late, and the process goes on.
    let event = json!({"do": "request", "method": "POST", "path": "invocation/{id}/response", "body": "\"early\""});
    let process = running.process().await;
    assert_eq!(running.call(event).await.unwrap(), "early");
    assert_eq!(running.process().await, process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_gets_no_invocation() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    for header in ["sec-fetch-site: cross-site", "origin: https://evil.example", "host: evil.example"] {
        let answer = running.asked_with(&format!("{header}\r\n"), "GET", "invocation/next").await;
        assert_eq!(answer, ("403".to_owned(), "AccessDenied".to_owned()), "{header}");
    }
    // Runtimes that ask by `fetch` of Node.js send this.
    let answer = running.asked_with("sec-fetch-mode: cors\r\n", "POST", "invocation/id-0/response").await;
    assert_eq!(answer, ("400".to_owned(), "InvalidRequestID".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_it_says_itself_or_else_its_header() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let failing = async |headers: &str, body: &str| {
        let path = "invocation/{id}/error";
        running
            .call(json!({"do": "request", "method": "POST", "path": path, "headers": headers, "body": body}))
            .await
            .unwrap_err()
    };
    let header = "lambda-runtime-function-error-type: Runtime.Odd\r\n";
    let said = failing(header, r#"{"errorType":"Odd","errorMessage":"said","stackTrace":[]}"#).await;
    assert_eq!(said, Failure::new("Odd", "said"));
    assert_eq!(failing(header, "not JSON").await, Failure::new("Runtime.Odd", "not JSON"));
    assert_eq!(failing("", "{}").await, Failure::new("Function.Unknown", "{}"));
    // Go's runtime says it once more in a header.
    let cause = format!("lambda-runtime-function-xray-error-cause: {}\r\n", "x".repeat(1024 * 1024));
    let message = "x".repeat(40_000);
    let body = json!({"errorType": "Long", "errorMessage": message}).to_string();
    assert_eq!(failing(&cause, &body).await, Failure::new("Long", message));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_a_failure_and_the_process_goes_on() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let process = running.process().await;
    let failure = running.call(json!({"do": "large", "bytes": 7_000_000})).await.unwrap_err();
    assert_eq!(failure, Failure::too_large());
    assert_eq!(running.process().await, process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_none() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    for what in ["response", "error"] {
        assert_eq!(running.call(json!({"do": "break", "what": what})).await.unwrap(), "whole", "{what}");
    }
}
