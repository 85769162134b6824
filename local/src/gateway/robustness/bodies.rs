//! Bodies and answers at their limits, and bodies that are none.

use super::*;
use crate::functions::MAX_EVENT;

const MEGABYTES_10: usize = 10 * 1024 * 1024;

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn chunked(path: &str, sizes: &[usize]) -> String {
    let chunks: String = sizes.iter().map(|size| format!("{size:x}\r\n{}\r\n", "x".repeat(*size))).collect();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
}

#[tokio::test]
async fn a_body_ends_at_ten_megabytes() {
    let stage = Stage::start().await;
    // Read to its end it has no route, or makes too large an event; a byte more, and it is not read to its end.
    for (path, status) in [("/none", 404), ("/do/x", 413)] {
        let mut client = stage.sent(post(path, &"x".repeat(MEGABYTES_10))).await;
        assert_eq!(client.answer().await.status, status);
        client.send("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200, "the connection goes on");
    }
    let mut client =
        stage.sent(format!("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", MEGABYTES_10 + 1)).await;
    // It is answered at once.
    assert_eq!(client.answer().await.parts(), (413, TOO_LARGE));
    stage.is_well().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_ends_at_ten_megabytes() {
    let stage = Stage::start().await;
    let mut client = stage.sent(format!("{}0\r\n\r\n", chunked("/none", &[MEGABYTES_10]))).await;
    assert_eq!(client.answer().await.status, 404);
    // Nothing comes after the byte too many: the answer does not wait for an end.
    let mut client = stage.sent(chunked("/none", &[MEGABYTES_10, 1])).await;
    assert_eq!(client.answer().await.parts(), (413, TOO_LARGE));
    stage.is_well().await;
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_learns_that_it_was_too_much() {
    let stage = Stage::start().await;
    let sizes = [MEGABYTES_10, MEGABYTES_10, 3];
    for request in [post("/do/x", &"x".repeat(25_000_000)), format!("{}0\r\n\r\n", chunked("/do/x", &sizes))] {
        let mut client = stage.sent(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.parts(), (413, TOO_LARGE));
        assert!(answer.head.contains("\r\nconnection: close\r\n"), "{}", answer.head);
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(stage.done(), 0);
    stage.is_well().await;
}

#[tokio::test]
async fn an_event_ends_at_six_megabytes() {
    let stage = Stage::start().await;
    let mut client = stage.sent(post("/do/length", &"x".repeat(1_000_000))).await;
    let event: usize = client.answer().await.body.parse().unwrap();
    let room = 1_000_000 + MAX_EVENT - event;
    client.send(post("/do/length", &"x".repeat(room))).await;
    assert_eq!(client.answer().await.parts(), (200, MAX_EVENT.to_string().as_str()));
    client.send(post("/do/length", &"x".repeat(room + 1))).await;
    assert_eq!(client.answer().await.parts(), (413, TOO_LARGE));
    assert_eq!(stage.done(), 2);
    stage.is_well().await;
}

#[tokio::test]
async fn an_answer_ends_at_six_megabytes_and_a_hundred_bytes() {
    let stage = Stage::start().await;
    let mut client = stage.sent(format!("GET /do/{MAX_ANSWER} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.len()), (200, MAX_ANSWER - r#"{"body":"","statusCode":200}"#.len()));
    client.send(format!("GET /do/{} HTTP/1.1\r\nHost: a\r\n\r\n", MAX_ANSWER + 1)).await;
    assert_eq!(client.answer().await.parts(), (500, FAILED));
    stage.is_well().await;
}

#[tokio::test]
async fn chunks_are_joined_and_trailers_dropped() {
    let stage = Stage::start().await;
    let mut client = stage.sent(format!("{}0\r\nX-Trailer: x\r\n\r\n", chunked("/do/length", &[1, 16, 256]))).await;
    let joined: usize = client.answer().await.body.parse().unwrap();
    let whole = format!("POST /do/length HTTP/1.1\r\nHost: a\r\nContent-Length: 273\r\n\r\n{}", "x".repeat(273));
    client.send(whole).await;
    assert_eq!(client.answer().await.body, joined.to_string());
    stage.is_well().await;
}

#[tokio::test]
async fn a_chunk_that_is_none_is_refused() {
    let stage = Stage::start().await;
    for chunk in [
        "x\r\n",
        "-1\r\n",
        " \r\n",
        "4 4\r\nbody\r\n0\r\n\r\n",
        "4\nbody\n0\n\n",
        "5\r\nbody\r\n0\r\n\r\n",
        "3\r\nbody\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let request = format!("POST /do/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        let mut client = stage.sent(&request).await;
        client.0.shutdown().await.unwrap();
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with(BAD_REQUEST), "{chunk:?}: {answer}");
    }
    assert_eq!(stage.done(), 0);
    stage.is_well().await;
}

#[tokio::test]
async fn bodies_share_a_memory_that_each_gives_back() {
    let (body_timeout, body_memory) = (Duration::from_millis(100), 64 * 1024);
    let stage = Stage::with(Settings { body_timeout, body_memory, ..Settings::default() }).await;
    let late = r#"{"message":"Request Timeout"}"#;
    assert_eq!(stage.sent(post("/do/x", &"x".repeat(200_000))).await.answer().await.parts(), (408, late));
    stage.is_well().await;
    let stage = Stage::with(Settings { body_memory, ..Settings::default() }).await;
    for _ in 0..10 {
        assert_eq!(stage.sent(post("/do/x", &"x".repeat(30_000))).await.answer().await.status, 200);
    }
}
