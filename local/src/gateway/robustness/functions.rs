//! Functions and authorizers that panic, or never return.

use super::*;

#[tokio::test]
async fn a_panic_is_a_500_for_its_request_alone() {
    let stage = Stage::start().await;
    let mut client = stage.connect().await;
    for path in ["/do/panic", "/do/early", "/do/panic"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.parts(), (500, FAILED), "{path}");
        let failure = stage.line().await.failure.unwrap();
        assert!(failure.starts_with("Runtime.ExitError: Lambda panicked: "), "{failure}");
        client.send("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200, "the connection goes on");
        assert_eq!(stage.line().await.failure, None);
    }
    stage.is_well().await;
}

#[tokio::test]
async fn a_function_that_does_not_return_in_time_goes_on_alone() {
    let stage = Stage::start().await;
    let mut client = stage.sent("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.parts(), (503, r#"{"message":"Service Unavailable"}"#));
    client.send("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200, "the connection goes on");
    stage.function_waits().await;
    assert_eq!(stage.done(), 1);
    stage.go_on();
    while stage.done() < 2 {
        tokio::task::yield_now().await;
    }
    stage.is_well().await;
}

#[tokio::test]
async fn an_authorizer_that_fails_or_never_returns_is_a_500() {
    let settings = Settings { authorizer_timeout: Duration::from_millis(50), ..Settings::default() };
    let stage = Stage::with(settings).await;
    for (token, failure) in [("hang", "the authorizer gave no answer in time"), ("panic", "Runtime.ExitError: ")] {
        let request = format!("GET /shut/x HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\n\r\n");
        let mut client = stage.sent(request).await;
        assert_eq!(client.answer().await.parts(), (500, FAILED), "{token}");
        let line = stage.line().await;
        assert_eq!(line.authorizer, Verdict::Failed);
        assert!(line.failure.unwrap().starts_with(failure));
        client.send("GET /shut/x HTTP/1.1\r\nHost: a\r\nAuthorization: good\r\n\r\n").await;
        assert_eq!(client.answer().await.parts(), (200, "/shut/x?"), "the connection goes on");
        assert_eq!(stage.line().await.authorizer, Verdict::Allowed);
    }
    assert_eq!(stage.done(), 2);
    stage.is_well().await;
}
