//! Schedules, at a pace that no template can have.

use std::collections::BTreeMap;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::sync::mpsc;

use super::*;
use crate::functions::mount;
use crate::template::Given;

const TEMPLATE: &str = "Resources:
  Api: {Type: AWS::Serverless::HttpApi, Properties: {StageName: $default}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      Events:
        Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), Input: '{\"command\":\"work\"}'}}
        Nightly: {Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 3 * * ? *), Input: '{\"command\":\"audit\"}'}}
";
const PACE: Duration = Duration::from_millis(5);

/// The schedules of the template at that pace, and what its function is sent; it fails each time, or never ends.
fn running(hangs: bool) -> (Schedules, mpsc::UnboundedReceiver<(Value, String)>) {
    let mut template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    for schedule in &mut template.functions[0].schedules {
        assert!(schedule.every.is_none_or(|every| every == Duration::from_secs(60)));
        schedule.every = schedule.every.map(|_| PACE);
    }
    let (sent, received) = mpsc::unbounded_channel();
    let function = mount(service_fn(move |event: LambdaEvent<Value>| {
        // A test that is over has heard enough.
        let _ = sent.send((event.payload, event.context.request_id));
        async move { if hangs { std::future::pending().await } else { Err::<Value, _>("it fails") } }
    }));
    let functions = Functions::new(&template, BTreeMap::from([("fn".to_owned(), function)]), &Clock::system()).unwrap();
    (Schedules::run(&template, &Arc::new(functions)), received)
}

#[tokio::test]
async fn a_function_gets_its_input_once_an_interval_whatever_became_of_the_last() {
    let began = Instant::now();
    let (schedules, mut received) = running(false);
    let mut ids = Vec::new();
    for number in 1..=3 {
        let (input, id) = received.recv().await.unwrap();
        assert_eq!(input, json!({"command": "work"}));
        assert!(began.elapsed() >= PACE * number, "number {number} comes too early");
        assert!(!ids.contains(&id), "each is an invocation of its own");
        ids.push(id);
    }
    schedules.stop().await;
}

#[tokio::test]
async fn schedules_that_were_stopped_invoke_nothing() {
    let (schedules, mut received) = running(false);
    received.recv().await.unwrap();
    schedules.stop().await;
    // The function is gone with the last who could invoke it.
    while received.recv().await.is_some() {}
}

#[tokio::test]
async fn one_that_does_not_end_keeps_no_other_from_its_time() {
    let (schedules, mut received) = running(true);
    for _ in 1..=3 {
        received.recv().await.unwrap();
    }
    schedules.stop().await;
}
