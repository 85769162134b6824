//! Clients that are slow, deaf, half gone or gone.

use super::*;

fn limits(change: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings.connections);
    settings
}

const SOON: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let stage = Stage::with(limits(|limits| limits.head = SOON)).await;
    assert_eq!(stage.said_to("GET /do/x HTTP/1.1\r\nHost: a\r\nX-Slow: ").await, "");
    assert_eq!(stage.said_to("").await, "", "nor does one that never begins stay");
    stage.is_well().await;
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_time() {
    let stage = Stage::with(limits(|limits| limits.head = SOON)).await;
    let mut client = stage.sent("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.parts(), (200, "/do/x?"));
    assert_eq!(client.rest().await, "");
    stage.is_well().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_408() {
    let stage = Stage::with(Settings { body_timeout: SOON, ..Settings::default() }).await;
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = stage.sent(format!("POST /do/x HTTP/1.1\r\nHost: a\r\n{framing}")).await;
        let answer = client.answer().await;
        assert_eq!(answer.parts(), (408, r#"{"message":"Request Timeout"}"#));
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(stage.done(), 0);
    stage.is_well().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_connection() {
    // There is one place: another client gets it once the first one has lost it.
    let stage = Stage::with(limits(|limits| (limits.write, limits.connections) = (SOON, 1))).await;
    // Two answers of six million bytes fill every buffer between the two.
    let request = "GET /do/6000000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let deaf = stage.sent(request).await;
    stage.is_well().await;
    assert!(deaf.rest().await.len() < 12_000_000);
}

#[tokio::test]
async fn a_client_that_closes_its_side_gets_its_answer() {
    let stage = Stage::start().await;
    let mut client = stage.sent("GET /do/wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    stage.function_waits().await;
    stage.go_on();
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nwaited"), "{answer}");
    stage.is_well().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_neither_its_function_nor_its_line() {
    let stage = Stage::start().await;
    for (path, token) in [("/do/wait", ""), ("/shut/x", "Authorization: wait\r\n")] {
        let before = stage.done();
        let client = stage.sent(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{token}\r\n")).await;
        stage.function_waits().await;
        client.0.set_zero_linger().unwrap();
        drop(client);
        stage.is_well().await;
        assert_eq!((stage.done(), stage.line().await.status), (before + 1, 200), "the other one");
        stage.go_on();
        let line = stage.line().await;
        assert_eq!((line.status, stage.done()), (200, before + 2), "{line}");
        assert!(line.function.is_some());
    }
}

#[tokio::test]
async fn a_client_that_leaves_amid_its_body_calls_no_function() {
    let stage = Stage::start().await;
    let mut client = stage.sent("POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    client.0.shutdown().await.unwrap();
    let answer = client.rest().await;
    assert!(answer.is_empty() || answer.ends_with(BAD_REQUEST), "{answer}");
    assert_eq!((stage.line().await.status, stage.done()), (400, 0));
    stage.is_well().await;
}
