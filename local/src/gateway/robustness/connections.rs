//! Many connections, and many requests on one.

use super::*;

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let stage = Stage::start().await;
    let asked: String = (0..50).map(|n| format!("GET /do/x?{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let mut client = stage.sent(asked).await;
    for n in 0..50 {
        assert_eq!(client.answer().await.parts(), (200, format!("/do/x?{n}").as_str()));
    }
    // What comes after a body is the next request, and a refused one among them ends nothing.
    let posts = "POST /do/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET GET /none HTTP/1.1\r\nHost: a\r\n\r\n\
                 POST /do/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    client.send(posts).await;
    let statuses = [client.answer().await.status, client.answer().await.status, client.answer().await.status];
    assert_eq!(statuses, [200, 404, 200]);
    stage.is_well().await;
}

#[tokio::test]
async fn a_thousand_idle_connections_are_in_nobodys_way() {
    Limits::of_this_process();
    let stage = Stage::start().await;
    let mut idle = Vec::new();
    for n in 0..1000 {
        let mut client = stage.connect().await;
        match n % 3 {
            0 => {}
            1 => client.send("GET /do/x HTTP/1.1\r\nHost").await,
            _ => {
                client.send("GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
                assert_eq!(client.answer().await.status, 200);
            }
        }
        idle.push(client);
    }
    stage.is_well().await;
    // And each of them still gets its answer.
    for (n, client) in idle.iter_mut().enumerate() {
        client.send(if n % 3 == 1 { ": a\r\n\r\n" } else { "GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n" }).await;
        assert_eq!(client.answer().await.parts(), (200, "/do/x?"));
    }
}

#[tokio::test]
async fn one_connection_too_many_waits_for_a_place() {
    let mut settings = Settings::default();
    settings.connections.connections = 2;
    let stage = Stage::with(settings).await;
    let request = "GET /do/x HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut first, mut second) = (stage.sent(request).await, stage.sent(request).await);
    assert_eq!((first.answer().await.status, second.answer().await.status), (200, 200));
    let mut third = stage.sent(request).await;
    // The others are served meanwhile, and it is not.
    first.send(request).await;
    assert_eq!(first.answer().await.status, 200);
    for _ in 0..3 {
        assert_eq!(stage.line().await.status, 200);
    }
    assert!(stage.lines.lock().unwrap().try_recv().is_err());
    drop(second);
    assert_eq!(third.answer().await.parts(), (200, "/do/x?"));
    drop(first);
    stage.is_well().await;
}

#[tokio::test]
async fn a_connection_stays_or_ends_as_the_client_wants() {
    let stage = Stage::start().await;
    for (version, header, stays) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive, Close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        let request = format!("GET /do/x HTTP/{version}\r\nHost: a\r\n{header}\r\n");
        let mut client = stage.sent(&request).await;
        let answer = client.answer().await;
        assert_eq!(answer.parts(), (200, "/do/x?"), "{version} {header}");
        if stays {
            client.send(&request).await;
            assert_eq!(client.answer().await.parts(), (200, "/do/x?"), "{version} {header}");
        } else {
            assert_eq!(client.rest().await, "", "{version} {header}");
        }
    }
    stage.is_well().await;
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_body() {
    let stage = Stage::start().await;
    for (path, status, length) in [("/do/x", 200, 6), ("/none", 404, 23), ("/do/panic", 500, FAILED.len())] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = stage.said_to(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!("\r\ncontent-length: {length}\r\n")), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
    stage.is_well().await;
}
