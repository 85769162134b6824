//! What rules say of calls, and what becomes of those.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::database::Access;
use crate::server;

const BODY: &str = r#"{"TransactItems": [{}, {}, {}], "id": "ord_a"}"#;

fn call(kind: &str) -> Call<'static> {
    Call { wire: Wire::Database, kind: kind.to_owned(), body: BODY }
}

#[test]
fn a_rate_is_a_decimal_from_0_to_1() {
    for (text, millionths, shown) in [
        ("0", 0, "0"),
        ("0.05", 50_000, "0.05"),
        ("0.000001", 1, "0.000001"),
        ("1", 1_000_000, "1"),
        ("1.0", 1_000_000, "1"),
    ] {
        let rate: Rate = text.parse().unwrap();
        assert_eq!((rate, rate.to_string().as_str()), (Rate(millionths), shown));
    }
    assert_eq!("0.2".parse(), Ok(Rate::percent(20)));
    for wrong in ["", ".", "1.", ".5", "1.000001", "2", "-1", "5%", "0.0000001", "0,05", "99999999999"] {
        assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
    }
}

#[test]
fn a_plan_strikes_the_calls_that_it_is_about() {
    let chaos = Chaos::none();
    assert!(chaos.is_none());
    let once = chaos.plan(Rule::new(Fault::Dropped).on(Wire::Database, "PutItem").about("ord_a").nth(2));
    let other = chaos.plan(Rule::new(Fault::Hang).on(Wire::Database, "PutItem").about("ord_b"));
    let later = chaos.plan(Rule::new(Fault::Late).on(Wire::Database, "PutItem").nth(3));
    let always = chaos.plan(Rule::new(Fault::Failed).on(Wire::Database, "GetItem").some(2, 2));
    let met = |kind: &str| chaos.strike(&call(kind)).map(|strike| strike.fault);
    assert_eq!([met("PutItem"), met("PutItem"), met("PutItem")], [None, Some(Fault::Dropped), Some(Fault::Late)]);
    let failed = Some(Fault::Failed);
    assert_eq!([(); 4].map(|()| met("GetItem")), [None, failed, failed, None]);
    assert!(chaos.strike(&Call { wire: Wire::Lambda, ..call("PutItem") }).is_none());
    assert_eq!([once.met(), other.met(), later.met(), always.met()], [1, 0, 1, 2]);
    assert_eq!(chaos.struck()[&(Wire::Database, Fault::Failed)], 2);
    chaos.end();
    assert_eq!(met("GetItem"), None);
}

#[test]
fn an_equal_seed_chooses_equally_and_about_as_often_as_it_should() {
    let faults = |seed| {
        let chaos = Chaos::by_chance(Rate::percent(5), seed);
        (0..10_000).map(|_| chaos.strike(&call("PutItem")).map(|strike| strike.fault)).collect::<Vec<_>>()
    };
    let first = faults(7);
    assert_eq!(first, faults(7));
    assert_ne!(first, faults(8));
    let struck = first.iter().flatten().count();
    assert!((400..600).contains(&struck), "{struck} of 10000");
    for fault in call("PutItem").risks() {
        assert!(first.contains(&Some(*fault)), "never {fault:?}");
    }
}

#[test]
fn a_cancelled_transaction_has_a_reason_for_each_item() {
    for (operation, fault) in [
        ("TransactWriteItems", Fault::Conflict),
        ("TransactWriteItems", Fault::Throttled),
        ("TransactGetItems", Fault::Conflict),
        ("TransactGetItems", Fault::Throttled),
    ] {
        assert!(call(operation).risks().contains(&fault), "{operation} {fault:?}");
        let answer = call(operation).error(fault).unwrap();
        let text = format!("{:?}", answer.body());
        assert_eq!(answer.status(), 400);
        assert!(text.contains("#TransactionCanceledException"), "{text}");
        assert_eq!(text.matches(r#"{\"Code\":\"None\"}"#).count(), 2, "{text}");
    }
}

#[test]
fn every_fault_that_is_an_answer_has_one() {
    let kinds = ["TransactWriteItems", "TransactGetItems", "PutItem", "GetItem"].map(call);
    let invocation = Call { wire: Wire::Lambda, kind: "charge".to_owned(), body: "{}" };
    for call in kinds.iter().chain([&invocation]) {
        for fault in call.risks() {
            let closes = matches!(fault, Fault::Dropped | Fault::ReplyLost | Fault::Late);
            assert_eq!(call.error(*fault).is_none(), closes, "{} {fault:?}", call.kind);
        }
    }
}

#[tokio::test]
async fn a_late_call_waits_for_its_release() {
    let chaos = Chaos::none();
    let planned = chaos.plan(Rule::new(Fault::Late));
    let strike = chaos.strike(&call("PutItem")).unwrap();
    let (arrived, mut arrives) = tokio::sync::oneshot::channel::<Value>();
    let arrival = strike.arrival;
    strike.rule.keep(tokio::spawn(async move {
        arrival.wait().await;
        let _ = arrived.send(Value::Null);
    }));
    tokio::task::yield_now().await;
    assert!(arrives.try_recv().is_err());
    planned.release().await;
    assert!(arrives.try_recv().is_ok());
}

#[tokio::test]
async fn a_call_is_done_or_not_and_answered_or_not() {
    let done = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&done);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = server::serve(listener, move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Response::new(Full::new(Bytes::from_static(b"done"))) }
    });
    let receiver = receiver.unwrap();
    let chaos = Chaos::none();
    let url = format!("http://{}", receiver.address());
    let wires = Wires::lay(&chaos, &url, &Access::local(&url)).await.unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let send = async || {
        let request = Request::post(&wires.access.url).header("x-amz-target", "DynamoDB_20120810.PutItem");
        let answer = client.request(request.body(Full::new(Bytes::from_static(b"{}"))).unwrap()).await;
        answer.ok().map(|answer| answer.status())
    };

    assert_eq!((send().await, done.load(Ordering::Relaxed)), (Some(StatusCode::OK), 1));
    for (fault, status, calls) in [
        (Fault::Dropped, None, 1),
        (Fault::ReplyLost, None, 2),
        (Fault::Throttled, Some(400), 2),
        (Fault::Conflict, Some(400), 2),
        (Fault::Failed, Some(500), 2),
        (Fault::FailedAfter, Some(500), 3),
        (Fault::Late, None, 3),
    ] {
        let planned = chaos.plan(Rule::new(fault).on(Wire::Database, "PutItem"));
        assert_eq!((send().await.map(|status| status.as_u16()), planned.met()), (status, 1), "{fault:?}");
        assert_eq!(done.load(Ordering::Relaxed), calls, "{fault:?}");
        planned.release().await;
        chaos.end();
    }
    assert_eq!(done.load(Ordering::Relaxed), 4, "the late one");
    wires.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn a_database_elsewhere_gets_no_proxy() {
    let aws = Access::local("https://dynamodb.eu-central-1.amazonaws.com");
    let error = Wires::lay(&Chaos::none(), "http://localhost:9000", &aws).await.err().unwrap().to_string();
    assert!(error.ends_with("amazonaws.com: leave out --chaos."), "{error}");
}
