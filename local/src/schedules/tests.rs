//! Schedules, at a pace that no template can have.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// The schedules of the template at that pace, and what its function is sent; it fails each time.
fn running() -> (Schedules, mpsc::UnboundedReceiver<(Value, String)>) {
    running_with(|| async { Err("it fails") })
}

/// The same, with a function that does this.
fn running_with<F>(
    does: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> (Schedules, mpsc::UnboundedReceiver<(Value, String)>)
where
    F: Future<Output = Result<Value, &'static str>> + Send + 'static,
{
    let mut template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    for schedule in &mut template.functions[0].schedules {
        assert!(schedule.every.is_none_or(|every| every == Duration::from_secs(60)));
        schedule.every = schedule.every.map(|_| PACE);
    }
    let (sent, received) = mpsc::unbounded_channel();
    let function = mount(service_fn(move |event: LambdaEvent<Value>| {
        // A test that is over has heard enough.
        let _ = sent.send((event.payload, event.context.request_id));
        does()
    }));
    let functions = Functions::new(&template, BTreeMap::from([("fn".to_owned(), function)]), &Clock::system()).unwrap();
    (Schedules::run(&template, &Arc::new(functions), &Clock::system()), received)
}

#[tokio::test]
async fn a_function_gets_its_input_once_an_interval_whatever_became_of_the_last() {
    let began = Instant::now();
    let (schedules, mut received) = running();
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

#[test]
fn without_an_input_the_event_is_the_one_that_aws_makes() {
    let now = Timestamp::from_millis(1_744_668_856_789);
    for (by, source, detail) in
        [(Scheduler::Rule, "aws.events", json!({})), (Scheduler::Schedule, "aws.scheduler", json!("{}"))]
    {
        let schedule = Schedule { every: Some(PACE), by, arn: "arn:aws:x".to_owned(), input: None };
        let sent = event(&schedule, now);
        let mut read: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(read["id"].take().as_str().map(str::len), Some(36));
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": source,
            "account": "123456789012",
            "time": "2025-04-14T22:14:16Z",
            "region": "eu-central-1",
            "resources": ["arn:aws:x"],
            "detail": detail,
        });
        assert_eq!(read, expected);
        let given = Schedule { input: Some("[1]".to_owned()), ..schedule };
        assert_eq!(event(&given, now), "[1]");
    }
}

#[tokio::test]
async fn schedules_that_were_stopped_invoke_nothing() {
    let (schedules, mut received) = running();
    received.recv().await.unwrap();
    schedules.stop().await;
    // The function is gone with the last who could invoke it.
    while received.recv().await.is_some() {}
}

/// Counts for as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn one_that_does_not_end_keeps_no_other_from_its_time() {
    let (under_way, mut at_once) = mpsc::unbounded_channel();
    let count = Arc::new(AtomicUsize::new(0));
    let (schedules, _received) = running_with(move || {
        let _ = under_way.send(count.fetch_add(1, Ordering::SeqCst) + 1);
        let counted = Counted(Arc::clone(&count));
        async move {
            let _counted = counted;
            std::future::pending().await
        }
    });
    for number in 1..=3 {
        assert_eq!(at_once.recv().await, Some(number));
    }
    schedules.stop().await;
}
