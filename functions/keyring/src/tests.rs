//! The function between a KMS and a CloudFormation on loopback ports.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use p256::SecretKey;
use p256::pkcs8::EncodePublicKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// Serves `answer` to every request (method, body), and gives the address.
async fn serve(answer: impl Fn(&str, Value) -> (u16, Value) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    let method = request.method().to_string();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let (status, body) = answer(&method, serde_json::from_slice(&body).unwrap());
                    let response = http::Response::builder().status(status);
                    let response = response.body(Full::new(Bytes::from(body.to_string()))).unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    format!("http://{address}")
}

fn public_der(byte: u8) -> Vec<u8> {
    let key = SecretKey::from_slice(&[byte; 32]).unwrap().public_key();
    key.to_public_key_der().unwrap().as_bytes().to_vec()
}

/// A KMS that knows the keys `key-1` and `key-2`, and `odd`, which is none. The first requests for `late` and all for
/// `closed` it refuses.
async fn kms() -> String {
    let refusals = AtomicUsize::new(0);
    serve(move |_, body| {
        let denied = || (400, json!({"__type": "AccessDeniedException", "message": "not authorized"}));
        let der = match body["KeyId"].as_str() {
            Some("key-1") => public_der(1),
            Some("key-2") => public_der(2),
            Some("odd") => vec![0x30, 0],
            Some("late") if refusals.fetch_add(1, Ordering::Relaxed) < 3 => return denied(),
            Some("late") => public_der(3),
            Some("closed") => return denied(),
            _ => return (400, json!({"__type": "NotFoundException", "message": "no such key"})),
        };
        let encoded = BASE64_STANDARD.encode(&der);
        (200, json!({"KeyId": body["KeyId"], "PublicKey": encoded, "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}))
    })
    .await
}

fn app(kms: &str) -> Arc<App> {
    let variable = |key: &str| match key {
        "AWS_ENDPOINT_URL_KMS" => Some(kms.to_owned()),
        "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
        _ => None,
    };
    let mut config = Config::read(variable).unwrap();
    config.log = Log::to(|_| {});
    config.pause = Duration::from_millis(1);
    Arc::new(App::new(config))
}

fn request(kind: &str, url: &str, keys: &[&str]) -> LambdaEvent<Request> {
    let mut request = json!({
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop/1",
        "RequestId": "unique",
        "ResourceType": "Custom::Keyring",
        "LogicalResourceId": "Keyring",
        "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "60", "SigningKeys": keys},
    });
    if kind != "Create" {
        request["PhysicalResourceId"] = json!("earlier");
    }
    LambdaEvent::new(serde_json::from_value(request).unwrap(), lambda_runtime::Context::default())
}

/// What CloudFormation is told when it asks for this.
async fn told(kind: &str, keys: &[&str]) -> Value {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let cloudformation = serve(move |method, body| {
        assert_eq!(method, "PUT");
        heard.lock().unwrap().push(body);
        (200, Value::Null)
    })
    .await;
    app(&kms().await).handle(request(kind, &format!("{cloudformation}/answer?signed=yes"), keys)).await.unwrap();
    let mut told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "one answer");
    told.remove(0)
}

#[tokio::test]
async fn the_public_keys_become_an_attribute() {
    let answer = told("Create", &["key-1", "key-2"]).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(answer["PhysicalResourceId"], "keyring");
    for (member, expected) in [("RequestId", "unique"), ("LogicalResourceId", "Keyring")] {
        assert_eq!(answer[member], expected);
    }
    let jwks: Jwks = answer["Data"]["Jwks"].as_str().unwrap().parse().unwrap();
    let expected = [1, 2].map(|byte| {
        let key = SecretKey::from_slice(&[byte; 32]).unwrap().public_key();
        Jwk::es256(format!("key-{byte}"), EncodedPoint::from(key).as_bytes()).unwrap()
    });
    assert_eq!(jwks.keys, expected);
    // CloudFormation takes 4,096 bytes, and Lambda as much of variables in all.
    assert!(answer.to_string().len() < 2000);
}

#[tokio::test]
async fn an_update_keeps_the_name_and_a_deletion_reads_nothing() {
    let answer = told("Update", &["key-2"]).await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("earlier")));
    let answer = told("Delete", &["gone"]).await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("earlier")));
    assert_eq!(answer.get("Data"), None);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_fails_the_deployment_at_once() {
    for (keys, why) in [
        (vec!["key-1", "gone"], "NotFoundException"),
        (vec!["odd", "key-1"], "odd is no key on P-256"),
        (vec!["closed"], "AccessDeniedException"),
        (vec![], "names no key"),
    ] {
        let answer = told("Create", &keys).await;
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        assert!(answer["Reason"].as_str().is_some_and(|reason| reason.contains(why)), "{answer}");
    }
}

#[tokio::test]
async fn a_right_that_has_not_arrived_yet_is_waited_for() {
    let answer = told("Update", &["key-1", "late"]).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let jwks: Jwks = answer["Data"]["Jwks"].as_str().unwrap().parse().unwrap();
    assert_eq!(jwks.keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["key-1", "late"]);
}

#[tokio::test]
async fn properties_of_another_version_are_answered_too() {
    let told = |kind: &'static str| async move {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        let cloudformation = serve(move |_, body| {
            told.lock().unwrap().push(body);
            (200, Value::Null)
        })
        .await;
        let mut request = request(kind, &cloudformation, &[]).payload;
        request.resource_properties = json!({"Keys": "key-1"});
        let event = LambdaEvent::new(request, lambda_runtime::Context::default());
        app(&kms().await).handle(event).await.unwrap();
        let answer = heard.lock().unwrap().remove(0);
        answer["Status"].clone()
    };
    assert_eq!((told("Delete").await, told("Update").await), (json!("SUCCESS"), json!("FAILED")));
}

#[tokio::test]
async fn an_answer_that_does_not_arrive_is_an_error_so_that_lambda_asks_again() {
    let refusing = serve(|_, _| (403, Value::Null)).await;
    let app = app(&kms().await);
    for url in [refusing.as_str(), "http://127.0.0.1:1/", "no url"] {
        assert!(Arc::clone(&app).handle(request("Create", url, &["key-1"])).await.is_err(), "{url}");
    }
}
