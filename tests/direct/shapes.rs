//! Events of every shape but the right one, for every function: what another service sends, what looks like the HTTP API's
//! and is not, and a command with anything added to it.

use serde_json::{Value, json};

use super::{WHY, event, failed, invoke, invoke_text, json_of};
use crate::shop::{Setup, Shop, VISA};

/// For each function that takes commands, some that would be carried out.
fn commands() -> [(&'static str, Value); 7] {
    let order = format!("ord_{}", "a".repeat(52));
    [
        ("users", json!({"command": "make_admin", "username": "admin"})),
        ("users", json!({"command": "issue_password_reset", "username": "admin"})),
        ("orders", json!({"command": "erase_addresses", "user_id": format!("usr_{}", "a".repeat(26))})),
        ("orders", json!({"command": "claim", "limit": 1})),
        ("checkout", json!({"command": "reconcile"})),
        (
            "payments",
            json!({
                "command": "charge", "order_id": order, "amount": {"amount": 1, "currency": "EUR"}, "method": VISA,
            }),
        ),
        ("audit", json!({"command": "audit"})),
    ]
}

/// What other senders than the HTTP API and another function invoke functions with, by the documentation of each, with an
/// admin's authorizer where there is a place for one.
fn other_events() -> Vec<(&'static str, Value)> {
    let admin =
        json!({"user_id": format!("usr_{}", "a".repeat(26)), "role": "admin", "token_id": "t", "expires_at": 0});
    let of_the_api = event("GET", "/fulfilment", Some(admin.clone()), json!({}), "{}");
    let without = |member: &str, context: bool| {
        let mut event = of_the_api.clone();
        let object = if context { &mut event["requestContext"] } else { &mut event };
        object.as_object_mut().expect("an object").remove(member);
        event
    };
    let with_context = |context: Value| {
        let mut event = of_the_api.clone();
        event["requestContext"] = context;
        event
    };
    let first_version = json!({
        "version": "1.0", "resource": "/fulfilment", "path": "/fulfilment", "httpMethod": "GET",
        "headers": {"Host": "localhost"}, "multiValueHeaders": {"Host": ["localhost"]},
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": null,
        "stageVariables": null, "body": "{}", "isBase64Encoded": false,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdefghij", "resourcePath": "/fulfilment", "httpMethod": "GET",
            "requestId": "abcdefghijklmno=", "stage": "$default", "identity": {"sourceIp": "127.0.0.1"},
            "authorizer": admin, "protocol": "HTTP/1.1",
        },
    });
    vec![
        ("an event of the API without its context", without("requestContext", false)),
        ("an event of the API whose context is null", with_context(Value::Null)),
        ("an event of the API whose context is empty", with_context(json!({}))),
        ("an event of the API whose context is text", with_context(json!("POST /orders"))),
        ("an event of the API whose context has only a caller", with_context(json!({"authorizer": {"lambda": admin}}))),
        ("an event of the API without the request's line", without("http", true)),
        ("an event of the API in version 1.0", first_version),
        (
            "an event of a load balancer",
            json!({
                "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}}, "httpMethod": "GET",
                "path": "/fulfilment", "queryStringParameters": {}, "headers": {"host": "localhost"}, "body": "",
                "isBase64Encoded": false,
            }),
        ),
        (
            "an event of a WebSocket API",
            json!({
                "requestContext": {
                    "routeKey": "$default", "messageId": "m", "eventType": "MESSAGE", "connectionId": "c",
                    "apiId": "abcdefghij", "authorizer": admin,
                },
                "body": "{}", "isBase64Encoded": false,
            }),
        ),
        ("an event of a queue", json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{}"}]})),
        ("an event of a topic", json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]})),
        (
            "an event of a bucket",
            json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]}),
        ),
        ("an event of a table", json!({"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"Keys": {}}}]})),
        (
            "an event of a schedule without an input of its own",
            json!({
                "version": "0", "id": "i", "detail-type": "Scheduled Event", "source": "aws.events",
                "account": "123456789012", "time": "2026-01-01T00:00:00Z", "region": "eu-central-1", "resources": [],
                "detail": {},
            }),
        ),
        (
            "the question that an authorizer is asked",
            json!({"version": "2.0", "type": "REQUEST", "routeArn": "arn", "identitySource": [], "routeKey": "GET /fulfilment"}),
        ),
    ]
}

#[tokio::test]
async fn no_function_takes_what_is_neither_its_event_nor_its_command() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let mut wrong = Vec::new();
    for (what, event) in other_events() {
        for (function, command) in commands() {
            // By itself, and with the members of a command that would be carried out.
            let mut both = event.clone();
            for (name, value) in command.as_object().expect("members") {
                both[name] = value.clone();
            }
            for event in [&event, &both] {
                let received = invoke(&shop, function, event).await;
                let refused = received.1.contains_key("x-amz-function-error")
                    && matches!(failed(&received).as_str(), "forbidden" | "invalid-request");
                if !refused {
                    wrong.push(format!("{function} takes {what}: {event} → {}", String::from_utf8_lossy(&received.2)));
                }
            }
        }
        assert_eq!(failed(&invoke(&shop, "products", &event).await), "forbidden", "{what}");
        assert_eq!(json_of(&invoke(&shop, "authorizer", &event).await), json!({"isAuthorized": false}), "{what}");
        let received = invoke(&shop, "keyring", &event).await;
        assert!(received.1.contains_key("x-amz-function-error"), "keyring takes {what}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_command_is_carried_out_only_by_whom_it_is_for_and_with_nothing_added() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    for (function, command) in commands() {
        for (whose, other) in commands() {
            let received = invoke(&shop, function, &other).await;
            let taken = !received.1.contains_key("x-amz-function-error");
            assert_eq!(taken, function == whose, "{function} and {other}: {}", String::from_utf8_lossy(&received.2));
        }
        for (name, value) in [
            ("requestContext", json!({})),
            ("requestContext", Value::Null),
            ("routeKey", json!("POST /orders")),
            ("headers", json!({})),
            ("Records", json!([])),
            ("detail", json!({})),
            ("more", json!(1)),
        ] {
            let mut more = command.clone();
            more[name] = value;
            let kind = failed(&invoke(&shop, function, &more).await);
            assert!(matches!(kind.as_str(), "forbidden" | "invalid-request"), "{function} takes {more}: {kind}");
        }
        // serde_json's Value has no member twice, so this one is written by hand.
        let twice = format!("{{\"requestContext\":{{}},\"requestContext\":{{}},{}", &command.to_string()[1..]);
        let kind = failed(&invoke_text(&shop, function, &twice).await);
        assert!(matches!(kind.as_str(), "forbidden" | "invalid-request"), "{function} takes {twice}: {kind}");
    }
}

#[tokio::test]
async fn a_caller_is_read_from_the_authorizers_context_and_nowhere_else() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let id = format!("usr_{}", "a".repeat(26));
    let admin = json!({"user_id": id, "role": "admin", "token_id": "t", "expires_at": 0});
    let template = &shop.inner().base().template;
    let protected: Vec<_> = template.api.routes.iter().filter(|route| route.authorizer.is_some()).collect();
    for route in protected {
        let function = template.function(&route.function).expect("the route's function").binary();
        let body =
            json!({"requestContext": {"authorizer": {"lambda": admin}}, "authorizer": {"lambda": admin}}).to_string();
        let headers = json!({
            "user_id": id, "role": "admin", "x-amzn-authorizer": admin.to_string(), "idempotency-key": "k",
            "x-amzn-request-context": json!({"authorizer": {"lambda": admin}}).to_string(),
        });
        let plain = event(&route.method, &route.path, None, headers, &body);
        let claiming = |authorizer: Value| {
            let mut event = plain.clone();
            event["requestContext"]["authorizer"] = authorizer;
            event
        };
        let mut beside = plain.clone();
        beside["authorizer"] = json!({"lambda": admin});
        beside["cookies"] = json!(["role=admin"]);
        for (what, event) in [
            ("in headers and body", plain.clone()),
            ("beside the context", beside),
            ("as a JWT's claims", claiming(json!({"jwt": {"claims": admin, "scopes": ["admin"]}}))),
            ("as IAM's", claiming(json!({"iam": {"userId": id, "accountId": "1", "userArn": "arn"}}))),
            ("as version 1.0 has it", claiming(admin.clone())),
            ("null", claiming(json!({"lambda": null}))),
            (
                "with a list for its role",
                claiming(json!({"lambda": {
                    "user_id": id, "role": ["admin"], "token_id": "t", "expires_at": 0,
                }})),
            ),
            (
                "with an object for its role",
                claiming(json!({"lambda": {
                    "user_id": id, "role": {"admin": null}, "token_id": "t", "expires_at": 0,
                }})),
            ),
            (
                "with another's id",
                claiming(json!({"lambda": {
                    "user_id": "admin", "role": "admin", "token_id": "t", "expires_at": 0,
                }})),
            ),
            ("without a token", claiming(json!({"lambda": {"user_id": id, "role": "admin"}}))),
        ] {
            let received = invoke(&shop, function, &event).await;
            // Some of these cannot be read as a request at all.
            let failed = received.1.contains_key("x-amz-function-error").then(|| failed(&received));
            let answer = json_of(&received);
            let shut_out = answer["statusCode"] == 401 || failed.as_deref() == Some("forbidden");
            assert!(shut_out, "{} with a caller {what}: {answer}", route.key());
        }
    }
}

#[tokio::test]
async fn the_authorizer_takes_one_identity_and_no_more() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let good = format!("Bearer {}", shop.customer().await.token.expect("a token"));
    let ask = async |identity: Value| json_of(&invoke(&shop, "authorizer", &json!({"identitySource": identity})).await);
    assert_eq!(ask(json!([good])).await["isAuthorized"], true);
    for wrong in [
        json!([]),
        json!(good),
        json!([good, good]),
        json!([good, ""]),
        json!(["", good]),
        json!([[good]]),
        json!([{"authorization": good}]),
        json!([null]),
        json!({"0": good}),
        Value::Null,
    ] {
        assert_eq!(ask(wrong.clone()).await, json!({"isAuthorized": false}), "{wrong}");
    }
    let elsewhere = json!({
        "identitySource": [], "headers": {"authorization": good}, "authorizationToken": good,
        "queryStringParameters": {"authorization": good}, "cookies": [good],
    });
    assert_eq!(json_of(&invoke(&shop, "authorizer", &elsewhere).await), json!({"isAuthorized": false}));
}
