//! What a request's line says, as text and in a format.

use serde_json::{Value, json};

use super::super::ids::Ids;
use super::*;
use crate::template::{AccessFormat, HttpApi};

/// An order that was placed.
pub fn line() -> AccessLine {
    let time = Timestamp::from_millis(1_744_668_856_123);
    AccessLine {
        time,
        request_id: Ids::new(time).request,
        source_ip: [203, 0, 113, 7].into(),
        method: Method::POST,
        path: "/orders".to_owned(),
        route_key: Some("POST /orders".into()),
        status: 201,
        length: 745,
        latency: Duration::from_micros(12_345),
        function: Some(Asked {
            invocation: "6f0a".to_owned(),
            latency: Duration::from_micros(11_900),
            status: Some(201),
            in_time: true,
        }),
        authorizer: Verdict::Allowed,
        authorizer_latency: Some(Duration::from_micros(410)),
        throttled: false,
        cached: false,
        is_own: false,
        failure: None,
        user_agent: None,
        context: None,
    }
}

/// A request that got no further than the gateway.
fn stopped(status: u16, authorizer: Verdict) -> AccessLine {
    AccessLine { status, function: None, authorizer, authorizer_latency: None, is_own: true, ..line() }
}

#[test]
fn a_line_says_what_happened() {
    let line = line();
    let id = line.request_id;
    let columns = format!("22:14:16.123 201 POST   {:<33}    12.34 ms  function    11.90  gateway  0.03", "/orders");
    assert_eq!(line.to_string(), format!("{columns}  authorizer  0.41 allowed  id={id}"));
}

#[test]
fn a_path_stands_beside_a_route_that_has_another() {
    let shown = |key: &str, path: &str| {
        let line = AccessLine { route_key: Some(key.into()), path: path.to_owned(), ..line() };
        let line = line.to_string();
        let (before, after) = (line.split(" ms").next().unwrap(), line.split("  id=").nth(1).unwrap());
        format!("{} |{}", before[24..57].trim_end(), &after[16..])
    };
    assert_eq!(shown("POST /orders", "/orders"), "/orders |");
    assert_eq!(
        shown("POST /orders/{id}/cancel", "/orders/ord_1/cancel"),
        "/orders/{id}/cancel |  /orders/ord_1/cancel"
    );
    assert_eq!(shown("ANY /x", "/x"), "ANY /x |  /x");
    assert_eq!(shown("$default", "/x"), "$default |  /x");
    assert_eq!(shown("POST /orders", "/prod/orders"), "/orders |  /prod/orders");
}

#[test]
fn what_stopped_a_request_is_in_its_line() {
    for (line, said) in [
        (
            stopped(401, Verdict::Unidentified),
            "function        -  gateway 12.34  authorizer not asked: unidentified  id=",
        ),
        (AccessLine { throttled: true, ..stopped(429, Verdict::NotAsked) }, "gateway 12.34  throttled  id="),
        (
            AccessLine { authorizer_latency: Some(Duration::from_millis(2)), ..stopped(403, Verdict::Refused) },
            "gateway 10.34  authorizer  2.00 refused  id=",
        ),
        (AccessLine { route_key: None, ..stopped(404, Verdict::NotAsked) }, "gateway 12.34  no route  id="),
        (AccessLine { route_key: None, cached: true, ..stopped(200, Verdict::NotAsked) }, "gateway 12.34  cached  id="),
    ] {
        assert!(line.to_string().contains(said), "{line}");
    }
    let failed = AccessLine { failure: Some("it\nfell over".to_owned()), ..stopped(500, Verdict::Failed) };
    assert!(failed.to_string().ends_with("=  failure=\"it\\nfell over\""), "{failed}");
}

#[test]
fn a_hostile_path_is_one_short_line_that_does_nothing_to_a_terminal() {
    let hostile = AccessLine { path: format!("/\u{1b}[2J\n{}", "ä".repeat(9_000)), route_key: None, ..line() };
    let text = hostile.to_string();
    assert!(text.contains(" /\\u{1b}[2J\\nä") && text.contains("ä… "), "{text}");
    assert!(text.chars().all(|character| !character.is_control()) && text.chars().count() < 400, "{text}");
}

fn formatter(format: Option<&str>) -> Formatter {
    Formatter::new(&HttpApi {
        logical_id: "Api".to_owned(),
        api_id: "a1b2c3d4e5".to_owned(),
        stage: "prod".to_owned(),
        region: "eu-central-1".to_owned(),
        account_id: "123456789012".to_owned(),
        routes: Vec::new(),
        unserved: Vec::new(),
        authorizers: std::collections::BTreeMap::new(),
        stage_variables: std::collections::BTreeMap::new(),
        cors: None,
        access_log_format: format.map(|format| AccessFormat::parse(format).unwrap()),
    })
}

/// What a variable is in a line.
fn value(variable: &str, line: &AccessLine) -> String {
    let text = formatter(Some(&format!("$context.requestId|$context.{variable}"))).line(line);
    text.split_once('|').unwrap().1.to_owned()
}

#[test]
fn every_variable_says_what_aws_says() {
    let known = line();
    for (variable, said) in [
        ("accountId", "123456789012"),
        ("apiId", "a1b2c3d4e5"),
        ("domainName", "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"),
        ("domainPrefix", "a1b2c3d4e5"),
        ("httpMethod", "POST"),
        ("identity.sourceIp", "203.0.113.7"),
        ("integrationLatency", "11"),
        ("integration.latency", "11"),
        ("integrationStatus", "200"),
        ("integration.integrationStatus", "200"),
        ("integration.status", "201"),
        ("awsEndpointRequestId", "6f0a"),
        ("integration.requestId", "6f0a"),
        ("path", "/orders"),
        ("protocol", "HTTP/1.1"),
        ("extendedRequestId", known.request_id.as_str()),
        ("requestTime", "14/Apr/2025:22:14:16 +0000"),
        ("requestTimeEpoch", "1744668856123"),
        ("responseLatency", "12"),
        ("responseLength", "745"),
        ("routeKey", "POST /orders"),
        ("stage", "prod"),
        ("status", "201"),
    ] {
        assert_eq!(value(variable, &known), said, "{variable}");
    }
    let unknown = ["error.message", "error.messageString", "authorizer.error", "integration.error", "dataProcessed"];
    let in_aws = ["identity.userArn", "identity.clientCert.subjectDN", "awsEndpointRequestId2", "error.responseType"];
    for variable in unknown.into_iter().chain(in_aws).chain(["identity.userAgent", "authorizer.user"]) {
        assert_eq!(value(variable, &known), "-", "{variable}");
    }
}

#[test]
fn what_failed_is_said_where_it_failed() {
    let lost = AccessLine { route_key: None, ..stopped(404, Verdict::NotAsked) };
    assert_eq!(value("error.message", &lost), "Not Found");
    assert_eq!(value("error.messageString", &lost), "\"Not Found\"");
    for variable in ["routeKey", "integrationLatency", "integrationStatus", "integration.status"] {
        assert_eq!(value(variable, &lost), "-", "{variable}");
    }
    let refused = AccessLine { failure: Some("it is tired".to_owned()), ..stopped(500, Verdict::Failed) };
    assert_eq!(
        (value("authorizer.error", &refused), value("integration.error", &refused)),
        ("it is tired".into(), "-".into())
    );
    let function = Asked { status: None, in_time: false, ..line().function.unwrap() };
    let failed = AccessLine {
        failure: Some("it is late".to_owned()),
        function: Some(function),
        ..stopped(503, Verdict::Allowed)
    };
    assert_eq!(value("integrationErrorMessage", &failed), "it is late");
    assert_eq!((value("authorizer.error", &failed), value("integrationStatus", &failed)), ("-".into(), "-".into()));
}

#[test]
fn what_an_authorizer_found_out_is_there_only_where_it_is_wanted() {
    let context = r#"{"key":"value","n":1,"yes":true,"nothing":null,"claims":{"sub":"anna","aud":["a"]}}"#;
    let line = AccessLine { context: Some(RawValue::from_string(context.to_owned()).unwrap().into()), ..line() };
    for (name, said) in [
        ("key", "value"),
        ("n", "1"),
        ("yes", "true"),
        ("nothing", "-"),
        ("claims", "-"),
        ("claims.sub", "anna"),
        ("claims.aud", "-"),
    ] {
        assert_eq!(value(&format!("authorizer.{name}"), &line), said, "{name}");
    }
    let wanted = |format: &str| formatter(Some(&format!("$context.requestId {format}"))).wanted();
    assert_eq!(wanted("$context.status $context.authorizer.error"), Wanted::default());
    assert_eq!(wanted("$context.authorizer.claims.sub"), Wanted { context: true, user_agent: false });
    assert_eq!(wanted("$context.identity.userAgent"), Wanted { context: false, user_agent: true });
    assert_eq!(formatter(None).wanted(), Wanted::default());
}

#[test]
fn a_json_line_stays_one_whatever_a_request_says() {
    let format = concat!(
        r#"{"id":"$context.requestId","status":$context.status,"agent":"$context.identity.userAgent","#,
        r#""bare":$context.identity.userAgent,"error":$context.error.messageString,"none":$context.integrationStatus}"#
    );
    for agent in ["\"},\n{\"id\": \"\\", "\u{1b}\r\n\u{0}", "{}", "null", "[1]", "\\", "1e999999", "ä\u{2028}"] {
        let line = AccessLine { user_agent: Some(agent.to_owned()), ..stopped(404, Verdict::NotAsked) };
        let text = formatter(Some(format)).json(&line);
        let read: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((&read["agent"], &read["bare"]), (&json!(agent), &json!(agent)), "{text}");
        assert_eq!(read["status"], 404);
        assert_eq!((&read["error"], &read["none"]), (&json!("Not Found"), &json!("-")), "{text}");
        assert!(!text.contains('\n'), "{text}");
        let plain = formatter(Some("$context.requestId $context.identity.userAgent"));
        assert!(plain.line(&line).chars().all(|character| !character.is_control()), "{}", plain.line(&line));
        let read: Value = serde_json::from_str(&plain.json(&line)).unwrap();
        assert_eq!(read["access"], plain.line(&line), "a format that is no JSON is a text in it");
    }
}

#[test]
fn without_a_format_a_line_is_what_the_console_proposes() {
    let line = line();
    let read: Value = serde_json::from_str(&formatter(None).json(&line)).unwrap();
    assert_eq!((&read["routeKey"], &read["status"]), (&json!("POST /orders"), &json!("201")));
    let cached = AccessLine { cached: true, route_key: None, function: None, ..line };
    for format in [None, Some("$context.requestId")] {
        let read: Value = serde_json::from_str(&formatter(format).json(&cached)).unwrap();
        assert_eq!((&read["cached"], &read["path"]), (&json!(true), &json!("/orders")));
    }
}
