//! How a function's answer is read.

use http_body_util::BodyExt;

use super::*;

async fn read_text(payload: &str) -> Result<(u16, HeaderMap, String), Malformed> {
    let answer = read(&Bytes::from(payload.to_owned()))?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn a_structured_answer_is_taken_apart() {
    let payload = r#"{"statusCode":201,"headers":{"Content-Type":"application/json","X-N":5,"X-T":true,"x-null":null},"multiValueHeaders":{"x-no":["1"]},"cookies":[],"body":"{\"a\":\"ä\"}","isBase64Encoded":false}"#;
    let (status, headers, body) = read_text(payload).await.unwrap();
    assert_eq!((status, body.as_str()), (201, "{\"a\":\"ä\"}"));
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-n"], "5");
    assert_eq!(headers["x-t"], "true");
    assert!(!headers.contains_key("x-null") && !headers.contains_key("x-no"));
}

#[tokio::test]
async fn without_a_content_type_it_is_text() {
    let (status, headers, body) = read_text(r#"{"statusCode":204}"#).await.unwrap();
    assert_eq!((status, body.as_str()), (204, ""));
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn without_a_status_code_the_payload_is_the_body() {
    for (payload, expected) in [
        (r#"{"a": 1}"#, r#"{"a": 1}"#),
        ("[1, 2]", "[1, 2]"),
        ("null", "null"),
        ("5", "5"),
        (r#""a\"b""#, "a\"b"),
        (r#"{"headers": 5}"#, r#"{"headers": 5}"#),
        // An array is no structured answer, whatever is in it.
        (r#"[200,{},[],"x",false]"#, r#"[200,{},[],"x",false]"#),
        // JSON or not.
        (r#"{"statusCode":200"#, r#"{"statusCode":200"#),
        ("Hello", "Hello"),
        (r#""half"#, r#""half"#),
        ("", ""),
    ] {
        let (status, headers, body) = read_text(payload).await.unwrap();
        assert_eq!((status, body.as_str()), (200, expected));
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_malformed_answer_is_refused() {
    for payload in [
        r#"{"statusCode":0}"#,
        r#"{"statusCode":100}"#,
        r#"{"statusCode":200,"statusCode":200}"#,
        r#"{"statusCode":600}"#,
        r#"{"statusCode":200.5}"#,
        r#"{"statusCode":"ok"}"#,
        r#"{"statusCode":200,"headers":[]}"#,
        r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
        r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
        r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
        r#"{"statusCode":200,"cookies":"a=1"}"#,
        r#"{"statusCode":200,"body":{}}"#,
        r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
        r#"{"statusCode":null}"#,
        r#"{"statusCode":-200}"#,
        r#"{"statusCode":"200.5"}"#,
    ] {
        assert!(read_text(payload).await.is_err(), "{payload}");
    }
}

#[tokio::test]
async fn base64_is_decoded_and_the_apis_own_headers_are_dropped() {
    let payload = r#"{"statusCode":200,"headers":{"content-length":"99","Connection":"close","date":"never","transfer-encoding":"chunked","upgrade":"h2c","etag":"\"x\""},"body":"aGk=","isBase64Encoded":true}"#;
    let (_, headers, body) = read_text(payload).await.unwrap();
    assert_eq!(body, "hi");
    assert_eq!(headers["etag"], "\"x\"");
    assert_eq!(headers.len(), 2, "{headers:?}");
}

#[tokio::test]
async fn cookies_come_before_the_set_cookie_header() {
    let payload = r#"{"statusCode":200,"headers":{"set-cookie":"c=3"},"cookies":["a=1","b=2; HttpOnly"]}"#;
    let (_, headers, _) = read_text(payload).await.unwrap();
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2; HttpOnly", "c=3"]);
}

#[test]
fn the_apis_own_answers_are_a_message() {
    assert_eq!(message(StatusCode::TOO_MANY_REQUESTS).headers()["content-type"], "application/json");
    assert_eq!(message(StatusCode::FORBIDDEN).status(), 403);
}
