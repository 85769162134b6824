//! What is masked, what is not, and that nothing else changes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::*;

mod properties;

const JWT: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfYSJ9.c2lnbmF0dXJl";

fn masked(json: &Value) -> Value {
    serde_json::from_slice(&Masks::default().mask(json.to_string().as_bytes())).unwrap()
}

fn text(text: &str) -> Value {
    masked(&json!({ "note": text }))["note"].clone()
}

fn body(body: &str) -> Value {
    masked(&json!({ "body": body, "isBase64Encoded": false }))["body"].clone()
}

#[test]
fn headers_keep_the_scheme_and_the_cookies_names() {
    let event = json!({
        "cookies": ["sid=abc; x", "theme=dark"],
        "headers": {
            "authorization": "Bearer abc", "proxy-authorization": "basic dTpw", "X-Api-Key": "abc", "x-origin-secret": "abc",
            "set-cookie": "sid=abc; Path=/; HttpOnly", "x-csrf-token": "abc", "stripe-signature": "t=1,v1=abc",
            "accept": "*/*", "content-length": "12", "x-password": "correct horse",
        },
        "multiValueHeaders": {"Authorization": ["opaque"]},
    });
    let expected = json!({
        "cookies": ["sid=***;***", "theme=***"],
        "headers": {
            "authorization": "Bearer ***", "proxy-authorization": "basic ***", "X-Api-Key": "***", "x-origin-secret": "***",
            "set-cookie": "sid=***; Path=***;***", "x-csrf-token": "***", "stripe-signature": "***",
            "accept": "*/*", "content-length": "12", "x-password": "***",
        },
        "multiValueHeaders": {"Authorization": ["***"]},
    });
    assert_eq!(masked(&event), expected);
}

#[test]
fn what_is_named_after_a_cookie_may_be_no_cookie() {
    let secret = "gAAAAABl-3x_Yk5kQ==";
    let event = json!({
        "headers": {"x-session-cookie": secret, "note": format!("it was {secret}.")},
        "body": json!({"session_cookie": secret, "cookie": secret}).to_string(),
    });
    let expected = json!({
        "headers": {"x-session-cookie": "***", "note": "it was ***."},
        "body": json!({"session_cookie": "***", "cookie": "***"}).to_string(),
    });
    assert_eq!(masked(&event), expected);
    let event = json!({"cookies": ["opaque-secret"], "note": "it was opaque-secret."});
    assert_eq!(masked(&event), json!({"cookies": ["***"], "note": "it was ***."}));
    let event = json!({"set-cookie": "sid=abcdef; HttpOnly; SameSite=Strict", "note": "abcdef is HttpOnly and Strict"});
    let expected = json!({"set-cookie": "sid=***;***; SameSite=***", "note": "*** is HttpOnly and Strict"});
    assert_eq!(masked(&event), expected);
    let event =
        json!({"cookies": ["session=; Max-Age=0"], "cookie": "session=", "note": "a;session=abcdef", "x": "session=1"});
    let expected = json!({"cookies": ["session=; Max-Age=***"], "cookie": "***", "note": "***", "x": "***"});
    assert_eq!(masked(&event), expected);
}

#[test]
fn queries_paths_and_identities_are_masked_where_they_are_named() {
    let event = json!({
        "type": "REQUEST",
        "identitySource": ["Bearer abcdef", "GET /reset/{token}", "identity of mine"],
        "routeKey": "GET /reset/{token}",
        "rawPath": "/reset/opaque-value",
        "rawQueryString": "limit=2&api_key=a%20b&q=a+b&Token=x&next=ZmZm&whose=identity+of+mine",
        "queryStringParameters": {"limit": "2", "api_key": "a b", "q": "a b", "Token": "x", "next": "ZmZm", "whose": "identity of mine"},
        "pathParameters": {"token": "opaque-value"},
        "requestContext": {
            "authorizer": {"lambda": {"user_id": "usr_a", "token_id": "tok_a", "session_token": "abc", "expires_at": 1}},
            "http": {"path": "/reset/opaque-value"}, "timeEpoch": 1_744_668_856_000_i64,
        },
    });
    let expected = json!({
        "type": "REQUEST",
        "identitySource": ["Bearer ***", "***", "***"],
        "routeKey": "GET /reset/{token}",
        "rawPath": "/reset/***",
        "rawQueryString": "limit=2&api_key=***&q=a+b&Token=***&next=ZmZm&whose=***",
        "queryStringParameters": {"limit": "2", "api_key": "***", "q": "a b", "Token": "***", "next": "ZmZm", "whose": "***"},
        "pathParameters": {"token": "***"},
        "requestContext": {
            "authorizer": {"lambda": {"user_id": "usr_a", "token_id": "tok_a", "session_token": "***", "expires_at": 1}},
            "http": {"path": "/reset/***"}, "timeEpoch": 1_744_668_856_000_i64,
        },
    });
    assert_eq!(masked(&event), expected);
}

#[test]
fn a_body_of_json_keeps_everything_but_its_secrets() {
    let sent = r#"{ "username":"ada", "new_password" : "x y", "pin":{"Pass-Word":{"a":["b",1,true,null]}}, "price":1.50e1,"token_type":"Bearer"}"#;
    let kept = r#"{ "username":"ada", "new_password" : "***", "pin":{"Pass-Word":{"a":["***","***",true,null]}}, "price":1.50e1,"token_type":"Bearer"}"#;
    assert_eq!(body(sent), kept);
    let event = json!({"body": BASE64_STANDARD.encode(sent), "isBase64Encoded": true});
    assert_eq!(masked(&event)["body"], BASE64_STANDARD.encode(kept));
    // A command carries bytes as base64 without saying so, and an event inside another is text.
    assert_eq!(masked(&json!({"body": BASE64_STANDARD.encode(sent)}))["body"], BASE64_STANDARD.encode(kept));
    assert_eq!(text(&json!({"body": sent}).to_string()), json!({"body": kept}).to_string());
}

#[test]
fn a_body_that_is_a_form_keeps_everything_but_its_secrets() {
    let (sent, kept) =
        ("user=ada&pass%77ord=a%26b&remember=1&client_secret=", "user=ada&pass%77ord=***&remember=1&client_secret=");
    assert_eq!(body(sent), kept);
    let event = json!({"body": BASE64_STANDARD.encode(sent), "isBase64Encoded": true});
    assert_eq!(masked(&event)["body"], BASE64_STANDARD.encode(kept));
    assert_eq!(body("payload=%7B%22token%22%3A%22abc%22%7D"), "payload=%7B%22token%22%3A%22***%22%7D");
}

#[test]
fn what_only_looks_like_a_form_keeps_no_secret() {
    assert_eq!(body("Server=db;User=sa;Password=hunter2"), "Server=***");
    assert_eq!(body("id=1,password=hunter2&a=b"), "id=***&a=b");
    let event =
        json!({"rawQueryString": "filter=a;token=xyz&b", "queryStringParameters": {"filter": "a;token=xyz", "b": ""}});
    let expected = json!({"rawQueryString": "filter=***&b", "queryStringParameters": {"filter": "***", "b": ""}});
    assert_eq!(masked(&event), expected);
    let (query, kept) = (r#"mutation{login(password:"hunter2")}"#, r#"{"query":"***","variables":{}}"#);
    assert_eq!(body(&json!({"query": query, "variables": {}}).to_string()), kept);
}

#[test]
fn short_names_are_a_secrets_where_they_are_the_whole_name() {
    let event = json!({
        "headers": {"x-auth": "abc", "X-Session-Id": "abc", "x-passenger": "ada", "x-author": "ada"},
        "queryStringParameters": {"session": "abc", "PHPSESSID": "abc", "sessions": "3", "opinion": "good"},
        "body": "{\"userPwd\":\"abc\",\"pass\":\"abc\",\"otp\":\"123\",\"pin\":1234,\"spin\":1234,\"compass\":\"n\"}",
    });
    let expected = json!({
        "headers": {"x-auth": "***", "X-Session-Id": "***", "x-passenger": "ada", "x-author": "ada"},
        "queryStringParameters": {"session": "***", "PHPSESSID": "***", "sessions": "3", "opinion": "good"},
        "body": "{\"userPwd\":\"***\",\"pass\":\"***\",\"otp\":\"***\",\"pin\":\"***\",\"spin\":1234,\"compass\":\"n\"}",
    });
    assert_eq!(masked(&event), expected);
    assert_eq!(body("<pin>1234</pin>"), "***");
    assert_eq!(body("let us spin and pass"), "let us spin and pass");
}

#[test]
fn a_body_that_cannot_be_read_goes_whole_if_it_names_a_secret() {
    for unread in [
        "{\"password\": \"hunter2",
        "<password>hunter2</password>",
        "--b\r\nContent-Disposition: form-data; name=\"cvc\"\r\n\r\n123\r\n--b--",
        "my password is hunter2, a=b",
        "<a>b=c</a><password>hunter2</password>",
    ] {
        assert_eq!(body(unread), "***", "{unread}");
    }
    let bytes =
        |bytes: &[u8]| masked(&json!({"body": BASE64_STANDARD.encode(bytes), "isBase64Encoded": true}))["body"].clone();
    assert_eq!(bytes(b"\xff\xfe PASSWORD \0"), BASE64_STANDARD.encode("***"));
    assert_eq!(bytes(format!("\u{0}{JWT}").as_bytes()), BASE64_STANDARD.encode("\u{0}***"));
    assert_eq!(bytes(b"\xff\xd8 image cvc"), BASE64_STANDARD.encode(b"\xff\xd8 image cvc"));
    let gzip = json!({"headers": {"Content-Encoding": "gzip"}, "body": BASE64_STANDARD.encode("any"), "isBase64Encoded": true});
    assert_eq!(masked(&gzip)["body"], BASE64_STANDARD.encode("***"));
    assert_eq!(body("only text"), "only text");
}

#[test]
fn tokens_are_known_by_their_looks() {
    assert_eq!(text(JWT), "***");
    assert_eq!(text(&format!("got x={JWT}, sorry")), "got x=***, sorry");
    assert_eq!(text("sent BEARER  abcdefgh01.-_~+/= twice"), "sent BEARER  *** twice");
    assert_eq!(
        text("https://a.example/cb?code=1&access_token=abc#id_token=def&x=1"),
        "https://a.example/cb?code=1&access_token=***#id_token=***&x=1"
    );
    assert_eq!(text("4242 4242 4242 4242"), "***");
    assert_eq!(text("Take 4242 4242 4242 4242 12/27, not 3782-822463-10005."), "Take *** 12/27, not ***.");
    assert_eq!(text("/cards/4242424242424242"), "/cards/***");
    assert_eq!(body("<number>4242424242424242</number>"), "<number>***</number>");
    assert_eq!(masked(&json!({"number": 4_242_424_242_424_242_i64}))["number"], "***");
    for innocent in [
        "Bearer",
        "Bearer realm=\"x\", error_description=\"gone\"",
        "the bearer of news",
        "e.y.J",
        "1.2.3",
        "eyJhbGciOiJFUzI1NiJ9.only",
        "4242424242424243",
        "take 4242 4242 4242 4243",
        "0.4242424242424242",
        "42424242424242420000000000000000",
        "a4242424242424242",
        "4242424242424242b",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 .",
        "2025-04-14 22:14:16",
        "1744668856000",
        "/a?b=c#d",
        "https://a.example/?q=%zz",
        "e",
        "W",
        "{",
        "",
    ] {
        assert_eq!(text(innocent), innocent);
    }
}

#[test]
fn an_answer_does_not_repeat_what_the_event_kept_secret() {
    let mut masks = Masks::default();
    let event = json!({"body": "{\"password\":\"hunter22\",\"token\":\"hunter22-longer\"}", "headers": {"x-api-key": "k3y \"quoted\""}});
    masks.mask(event.to_string().as_bytes());
    let answer = json!({"errorMessage": "no: hunter22-longer, hunter22", "body": "{\"echo\":\"k3y \\\"quoted\\\"\"}"});
    let answer: Value = serde_json::from_slice(&masks.mask(answer.to_string().as_bytes())).unwrap();
    assert_eq!(answer, json!({"errorMessage": "no: ***, ***", "body": "{\"echo\":\"***\"}"}));
}

#[test]
fn what_is_hostile_is_masked_or_kept_but_never_in_the_way() {
    assert_eq!(Masks::default().mask(b"no JSON"), b"\"***\"");
    assert_eq!(Masks::default().mask(b"\xff"), b"\"***\"");
    assert_eq!(Masks::default().mask(br#"{"a":"\ud800"}"#), br#"{"a":"***"}"#);
    assert_eq!(Masks::default().mask(br#"{"a":{"\ud800":1},"b":1}"#), br#"{"a":"***","b":1}"#);
    assert_eq!(Masks::default().mask(br#"{"password":"a","password":"b"}"#), br#"{"password":"***","password":"***"}"#);
    assert_eq!(masked(&json!({"password=hunter2": 1, "a": 2})), json!({"***": "***", "a": 2}));
    assert_eq!(masked(&json!({JWT: "x", "password": "y"})), json!({"***": "x", "password": "***"}));
    let deep = format!("{}\"x\"{}", "[".repeat(100_000), "]".repeat(100_000));
    let shown = Masks::default().mask(deep.as_bytes());
    assert!(shown.len() < 200 && shown.ends_with(b"]"), "{}", shown.len());
    let many: String = (0..20_000).map(|at| format!("\"token{at}\":\"secret-{at}\",")).collect();
    let shown = Masks::default().mask(format!("{{{many}\"a\":1}}").as_bytes());
    assert!(!String::from_utf8(shown).unwrap().contains("secret"));
    for many in ["token=;", "token: a ", "(token : a", "token = ,", "token", "====", " : ", "\"'", "(\n"] {
        let text = many.repeat(1_000_000 / many.len());
        assert_eq!(masked(&json!({"note": text}))["note"], text);
    }
    // Looking at all others for each of them would take minutes.
    let bodies = format!("{{{}\"a\":\"Bearer hunter22\"}}", "\"body\":\"x\",".repeat(100_000));
    let shown = Masks::default().mask(bodies.as_bytes());
    assert!(shown.ends_with(b"\"a\":\"Bearer ***\"}") && shown.len() == bodies.len() - 5, "{}", shown.len());
}
