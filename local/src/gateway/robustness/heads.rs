//! Heads that are strange, wrong, too long, or meant to be read in two ways.

use super::*;

/// The server's own refusal of what is not HTTP: the API's own has a body.
const MALFORMED: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n";

#[tokio::test]
async fn what_is_not_http_is_refused_and_the_connection_closed() {
    let stage = Stage::start().await;
    for request in [
        "\r\n\r\n\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
        "GET\r\n\r\n",
        "GET /do/x\r\n\r\n",
        "GET  /do/x  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /do/x HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET /do/x HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET /do/x y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET do/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T /do/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /do/x HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /do/x HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n",
        "GET /do/x HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n",
        "GET /do/x HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        // A value on two lines (RFC 9112, section 5.2), as a value and as a length.
        "GET /do/x HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 1\r\n\r\nx",
        // Bodies that could end in two places (RFC 9112, section 6.3).
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\nxy",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nx",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nx",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST /do/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /do/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        // What follows on the connection is not answered either.
        let answer = stage.said_to(format!("{request}GET /do/y HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(answer.starts_with(MALFORMED), "{request:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{request:?}: {answer:?}");
        assert!(answer.ends_with("\r\n\r\n"), "{request:?}: {answer:?}");
    }
    assert_eq!(stage.done(), 0);
    stage.is_well().await;
}

#[tokio::test]
async fn http_2_without_tls_is_not_spoken() {
    let stage = Stage::start().await;
    let answer = stage.said_to("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    // An offer to go over to it is not taken up.
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    let mut client = stage.sent(format!("GET /do/x HTTP/1.1\r\nHost: a\r\n{offer}\r\n")).await;
    assert_eq!(client.answer().await.parts(), (200, "/do/x?"));
    assert_eq!(stage.done(), 1);
    stage.is_well().await;
}

#[tokio::test]
async fn a_length_and_chunks_at_once_smuggle_nothing() {
    let stage = Stage::start().await;
    let (length, chunks) = ("Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n");
    for headers in [format!("{length}{chunks}"), format!("{chunks}{length}")] {
        let hidden = "GET /do/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = stage.said_to(format!("POST /do/x HTTP/1.1\r\nHost: a\r\n{headers}\r\n0\r\n\r\n{hidden}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("/do/x?"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "the chunks count, and nothing comes after: {answer}");
    }
    assert_eq!(stage.done(), 2);
    // The same length twice says nothing new.
    let mut client =
        stage.sent("POST /do/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx").await;
    assert_eq!(client.answer().await.status, 200);
    stage.is_well().await;
}

#[tokio::test]
async fn a_host_is_needed_once_and_whole() {
    let stage = Stage::start().await;
    for (version, headers) in [
        ("1.1", ""),
        ("1.0", ""),
        ("1.1", "Host:\r\n"),
        ("1.1", "Host: a\r\nHost: a\r\n"),
        ("1.1", "Host: a\r\nHost: b\r\n"),
        ("1.1", "Host: a, b\r\n"),
        ("1.1", "Host: a/b\r\n"),
        ("1.1", "Host: me@a\r\n"),
        ("1.1", "Host: a:b\r\n"),
        ("1.1", "Host: a:70000\r\n"),
        ("1.1", "Host: \u{e4}\r\n"),
    ] {
        let answer = stage.said_to(format!("GET /do/x HTTP/{version}\r\n{headers}Connection: close\r\n\r\n")).await;
        assert!(answer.contains(" 400 Bad Request\r\n") && answer.ends_with(BAD_REQUEST), "{headers}: {answer}");
    }
    assert_eq!(stage.done(), 0);
    stage.is_well().await;
}

#[tokio::test]
async fn a_target_is_a_path_or_a_url_and_nothing_else() {
    let stage = Stage::start().await;
    for (line, status, body) in [
        ("GET http://b.example/do/x?1", 200, "/do/x?1"),
        ("GET https://a:1/do/x", 200, "/do/x?"),
        ("GET http://a", 404, r#"{"message":"Not Found"}"#),
        ("OPTIONS *", 400, BAD_REQUEST),
        ("GET *", 400, BAD_REQUEST),
        ("CONNECT a:443", 400, BAD_REQUEST),
        ("GET a:443", 400, BAD_REQUEST),
        ("TRACE /do/x", 200, "/do/x?"),
        ("get /do/x", 200, "/do/x?"),
    ] {
        let mut client = stage.sent(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.parts(), (status, body), "{line}");
        stage.is_well().await;
    }
}

#[tokio::test]
async fn a_strange_query_is_the_functions_affair() {
    let stage = Stage::start().await;
    for query in
        ["", "?", "??", "=", "&", "&&=&", "a", "a=%", "a=%zz", "a=%f", "%00=%ff", "a[]=1&a[b]=2", "/../..", "a=b=c"]
    {
        let mut client = stage.sent(format!("GET /do/x?{query} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.parts(), (200, format!("/do/x?{query}").as_str()));
    }
    stage.is_well().await;
}

#[tokio::test]
async fn a_head_ends_at_its_limit_of_bytes() {
    let stage = Stage::start().await;
    let padded = |total: usize| {
        let head = "GET /do/x HTTP/1.1\r\nHost: a\r\nX-Long: \r\n";
        head.replace("X-Long: ", &format!("X-Long: {}", "x".repeat(total - head.len()))) + "\r\n"
    };
    let mut client = stage.sent(padded(10_240)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(padded(10_241)).await;
    assert_eq!(client.answer().await.parts(), (431, HEAD_TOO_LARGE));
    // A query counts as well.
    client.send(format!("GET /do/x?{} HTTP/1.1\r\nHost: a\r\n\r\n", "q".repeat(10_240))).await;
    assert_eq!(client.answer().await.parts(), (431, HEAD_TOO_LARGE));
    client.send("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200, "the connection goes on");
    stage.is_well().await;
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_before_it_is_read() {
    let stage = Stage::start().await;
    let lines = |count: usize| {
        let lines: String = (0..count).map(|n| format!("X-{n}: x\r\n")).collect();
        format!("GET /do/x HTTP/1.1\r\nHost: a\r\n{lines}")
    };
    let mut client = stage.sent(format!("{}\r\n", lines(99))).await;
    assert_eq!(client.answer().await.status, 200);
    for flood in [
        format!("{}\r\n", lines(100)),
        // These never end.
        lines(10_000),
        format!("GET /do/x HTTP/1.1\r\nX: {}", "x".repeat(100_000)),
        format!("GET /{}", "x".repeat(100_000)),
    ] {
        let mut client = stage.connect().await;
        // The server may close before everything is sent.
        let _ = client.0.write_all(flood.as_bytes()).await;
        let answer = client.rest().await;
        // Closing on what was not read can take the answer with it.
        let refused = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n";
        assert!(answer.is_empty() || answer.starts_with(refused), "{answer}");
    }
    assert_eq!(stage.done(), 1);
    stage.is_well().await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_is_told_to_go_on() {
    let stage = Stage::start().await;
    let head = "POST /do/length HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    let mut client = stage.sent(format!("{head}Content-Length: 4\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("body").await;
    assert_eq!(client.answer().await.status, 200);
    // Not so one whose body is too large, or who is refused for another reason.
    for (head, refused) in [
        (format!("{head}Content-Length: 10485761\r\n\r\n"), (413, TOO_LARGE)),
        ("POST /do/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n".to_owned(), (400, BAD_REQUEST)),
    ] {
        let mut client = stage.sent(head).await;
        assert_eq!(client.answer().await.parts(), refused);
        assert_eq!(client.rest().await, "");
    }
    stage.is_well().await;
}
