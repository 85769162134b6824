//! The event's rules, and that AWS's own types read it.

use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

fn api() -> HttpApi {
    HttpApi {
        logical_id: "Api".to_owned(),
        api_id: "a1b2c3d4e5".to_owned(),
        stage: "$default".to_owned(),
        region: "eu-central-1".to_owned(),
        account_id: "123456789012".to_owned(),
        routes: Vec::new(),
        unserved: Vec::new(),
        authorizers: BTreeMap::new(),
        cors: None,
        stage_variables: std::collections::BTreeMap::new(),
        access_log_format: None,
    }
}

/// The event of a request to the route `POST /pets/{id}`, and the authorizer's event for it.
fn events(uri: &str, headers: &[(&str, &str)], body: &'static str, context: Option<&str>) -> (Value, Value) {
    let mut request = http::Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let time = Timestamp::from_millis(1_744_668_856_123);
    let routed = Routed {
        api: &api(),
        ids: &Ids::new(time),
        time,
        source_ip: "203.0.113.7",
        head: &head,
        body: &Bytes::from_static(body.as_bytes()),
        raw_path: "/pets/a b",
        segments: &["pets".into(), "a b".into()],
        route_key: "POST /pets/{id}",
        path_parameters: vec![("id", "a b".into())],
    };
    let caller = context.map(|context| RawValue::from_string(context.to_owned()).unwrap().into()).map(Caller::Lambda);
    let event = routed.event(caller.as_ref()).unwrap();
    let asked = routed.authorizer_event(&["Bearer x".into()], &routed.route_arn()).unwrap();
    serde_json::from_slice::<ApiGatewayV2httpRequest>(&event).expect("AWS's type reads the event");
    serde_json::from_slice::<ApiGatewayV2CustomAuthorizerV2Request>(&asked).expect("AWS's type reads the question");
    (serde_json::from_slice(&event).unwrap(), serde_json::from_slice(&asked).unwrap())
}

fn event(uri: &str, headers: &[(&str, &str)], body: &'static str) -> Value {
    events(uri, headers, body, None).0
}

#[test]
fn what_is_empty_is_absent_and_never_null() {
    let event = event("/pets/a%20b", &[("host", "localhost")], "");
    let keys: Vec<&String> = event.as_object().unwrap().keys().collect();
    let mut expected = [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "isBase64Encoded",
        "pathParameters",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected, "{event}");
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["headers"]["content-length"], "0");
    assert!(!event.to_string().contains("null"), "{event}");
}

#[test]
fn the_request_context_is_complete() {
    let event = event("/pets/a%20b", &[("user-agent", "curl/8")], "");
    let context = &event["requestContext"];
    assert_eq!(event["routeKey"], "POST /pets/{id}");
    assert_eq!(event["pathParameters"], json!({"id": "a b"}));
    assert_eq!(context["time"], "14/Apr/2025:22:14:16 +0000");
    assert_eq!(context["timeEpoch"], 1_744_668_856_123_i64);
    assert_eq!(context["domainName"], "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com");
    assert_eq!(context["domainPrefix"], "a1b2c3d4e5");
    assert_eq!(context["stage"], "$default");
    assert_eq!(
        context["http"],
        json!({"method": "POST", "path": "/pets/a b", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "curl/8"})
    );
    assert!(context.get("authorizer").is_none());
}

#[test]
fn headers_are_lower_case_joined_and_completed() {
    let headers = [
        ("Host", "localhost:3000"),
        ("X-Twice", "a, b"),
        ("x-twice", "c"),
        ("Connection", "keep-alive"),
        ("TE", "trailers"),
        ("X-Forwarded-For", "198.51.100.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Amzn-Trace-Id", "Root=forged"),
        ("Cookie", "a=1; b=\"2\" ;c"),
        ("Cookie", "d=4"),
    ];
    let event = event("/pets/a", &headers, "");
    let headers = &event["headers"];
    assert_eq!(headers["host"], "localhost:3000");
    assert_eq!(headers["x-twice"], "a, b,c");
    assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 203.0.113.7");
    assert_eq!(headers["x-forwarded-port"], "443");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert!(headers["x-amzn-trace-id"].as_str().unwrap().starts_with("Root=1-67fd88b8-"));
    assert_eq!(event["cookies"], json!(["a=1", "b=\"2\"", "c", "d=4"]));
    for gone in ["connection", "te", "cookie"] {
        assert!(headers.get(gone).is_none(), "{gone}");
    }
}

#[test]
fn the_query_is_kept_raw_and_decoded() {
    let query = "a=1&b=x+y&a=2&c=%2B&empty=&flag&f[x]=%C3%A4";
    let event = event(&format!("/pets/a?{query}"), &[], "");
    assert_eq!(event["rawQueryString"], query);
    assert_eq!(
        event["queryStringParameters"],
        json!({"a": "1,2", "b": "x y", "c": "+", "empty": "", "flag": "", "f[x]": "ä"})
    );
}

#[test]
fn a_body_is_text_only_for_the_known_media_types() {
    for (media_type, encoded) in [
        ("application/json", false),
        ("Application/JSON; charset=utf-8", false),
        ("text/csv", false),
        ("application/xml", false),
        ("application/javascript", false),
        ("application/x-www-form-urlencoded", true),
        ("application/problem+json", true),
        ("text", true),
    ] {
        let event = event("/pets/a", &[("content-type", media_type)], "{\"ä\":1}");
        assert_eq!(event["isBase64Encoded"], encoded, "{media_type}");
        assert_eq!(event["body"], if encoded { "eyLDpCI6MX0=" } else { "{\"ä\":1}" }, "{media_type}");
        assert_eq!(event["headers"]["content-length"], "8");
    }
    assert_eq!(event("/pets/a", &[], "x")["isBase64Encoded"], true, "no content type at all");
}

#[test]
fn the_authorizers_context_keeps_its_types() {
    let (event, _) = events("/pets/a", &[], "", Some(r#"{"user_id":"usr_1","n":1,"yes":true}"#));
    assert_eq!(event["requestContext"]["authorizer"], json!({"lambda": {"user_id": "usr_1", "n": 1, "yes": true}}));
}

#[test]
fn an_authorizer_is_asked_without_the_body() {
    let (_, asked) = events("/pets/a%20b?x=1", &[("content-type", "application/json")], "{}", None);
    assert_eq!(asked["type"], "REQUEST");
    assert_eq!(asked["routeArn"], "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/$default/POST/pets/a b");
    assert_eq!(asked["identitySource"], json!(["Bearer x"]));
    assert_eq!(asked["queryStringParameters"], json!({"x": "1"}));
    assert!(asked.get("body").is_none() && asked.get("isBase64Encoded").is_none(), "{asked}");
}
