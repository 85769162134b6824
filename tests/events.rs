//! What the local gateway sends to functions and authorizers, read by the types that AWS's own Rust crate has for it.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest};
use http::Method;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use local::functions::{Functions, Handler, mount};
use local::gateway::{Gateway, Settings};
use serde_json::{Value, json};
use shared::clock::Clock;
use url::Url;

use crate::client::Client;
use crate::front_door::{example, template};
use crate::transport::Transport;

#[tokio::test]
async fn every_event_is_one_that_aws_lambda_events_can_read() {
    let template = template();
    let mut handlers: BTreeMap<String, Handler> = BTreeMap::new();
    for function in &template.functions {
        handlers.insert(function.binary().to_owned(), mount(service_fn(echo)));
    }
    handlers.insert("authorizer".to_owned(), mount(service_fn(authorize)));
    let functions = Functions::new(&template, handlers, &Clock::system()).unwrap_or_else(|error| panic!("{error}"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let settings = Settings { throttle: false, ..Settings::default() };
    let gateway = Gateway::new(&template, &functions, settings).serve(listener).expect("a gateway");
    let base = Url::parse(&format!("http://{}", gateway.address())).expect("an address");
    let client = Client { http: Transport::new(), base, token: Some("any".to_owned()), log: None };

    for route in &template.api.routes {
        let method: Method = route.method.parse().expect("a method");
        let call = client.call(method, &example(route)).query("q", "a+b ä").text("{\"some\":\"body\"}");
        let answer = call.header("cookie", "a=1; b=2").await.is(200);
        let answer = answer
            .has("/version", "2.0")
            .has("/routeKey", route.key())
            .has("/body", "{\"some\":\"body\"}")
            .has("/queryStringParameters/q", "a+b ä")
            .has("/cookies", json!(["a=1", "b=2"]))
            .has("/isBase64Encoded", false);
        let answer = answer.has("/requestContext/routeKey", route.key());
        let id = answer.request_id();
        let answer = answer.has("/requestContext/requestId", id);
        let context = answer.json().pointer("/requestContext/authorizer/lambda/role").cloned();
        let expected = route.authorizer.as_ref().map(|_| json!("customer"));
        answer.check(context == expected, "the authorizer's context goes with protected routes, and only with them");
    }
    gateway.stop().await;
}

/// Answers with the event, as the crate's type has it, and with the headers of every function's answer.
async fn echo(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<Value, Error> {
    let headers = json!({
        "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff",
    });
    Ok(json!({"statusCode": 200, "headers": headers, "body": serde_json::to_string(&event.payload)?}))
}

/// Lets everybody in whose event the crate's type can read.
async fn authorize(event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>) -> Result<Value, Error> {
    let sources = event.payload.identity_source.unwrap_or_default();
    Ok(json!({"isAuthorized": sources == ["Bearer any"], "context": {"role": "customer"}}))
}
