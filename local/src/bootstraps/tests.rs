//! Real processes, of the example `bootstrap`, which does what an event says.

mod ends;
mod late;
mod programs;
mod queue;
mod runtime_api;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use shared::clock::Clock;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::pool::PROCESSES;
use super::slots::Patience;
use super::*;
use crate::database::Access;
use crate::environment::Environment;
use crate::functions::{Failure, Function, Functions, Invocation};
use crate::keys::Keys;
use crate::template::{Given, Template};

/// Some functions and their processes.
struct Running {
    functions: Arc<Functions>,
    bootstraps: Bootstraps,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What cargo built of the example.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().and_then(Path::parent).unwrap().join("examples/bootstrap");
    assert!(example.exists(), "build it by `cargo build -p local --example bootstrap`, as `cargo test -p local` does");
    example
}

/// A directory with the example as the program of these.
fn built(names: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        fs::create_dir(directory.path().join(name)).unwrap();
        std::os::unix::fs::symlink(example(), directory.path().join(name).join("bootstrap")).unwrap();
    }
    directory
}

/// Puts a copy of the example there as the program of `hello`, one that a test may build again: the program.
fn build(directory: &Path) -> PathBuf {
    let program = directory.join("hello/bootstrap");
    fs::create_dir(directory.join("hello")).unwrap();
    fs::copy(example(), &program).unwrap();
    program
}

/// A template with the function `Hello`, which has these properties.
fn template(properties: &str) -> String {
    format!(
        "Resources:
  Api: {{Type: AWS::Serverless::HttpApi}}
  Hello:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: built/hello/, Handler: hello.main, Runtime: provided.al2023{properties}}}"
    )
}

/// Longer than any machine is busy: which process a call gets is then no matter of time.
const PATIENCE: Patience = Patience { settling: Duration::from_secs(60), at_the_limit: Duration::from_secs(60) };

/// The function `Hello` with these properties, as the programs in a directory.
fn run(directory: &Path, properties: &str) -> Running {
    let template = Template::parse(&template(properties), &Given::defaults("shop")).unwrap();
    let (heard, variables) = (Arc::<Mutex<Vec<String>>>::default(), BTreeMap::new());
    let to = Arc::clone(&heard);
    let sink: Sink = Arc::new(move |speaker, news| {
        let line = match news {
            News::Line(line) => line.to_owned(),
            News::ColdStart { number, .. } => format!("cold start {number}"),
            News::Said(what) => what.to_owned(),
            News::Total { invocations, cold_starts } => format!("{invocations} invocations, {cold_starts} cold starts"),
        };
        to.lock().unwrap().push(format!("{}: {line}", speaker.name));
    });
    let built = Built { directory: directory.to_owned(), inherited: BTreeMap::new(), sink };
    let (keys, database) = (Keys::generate().unwrap(), Access::local("http://localhost:8000"));
    let lambda = "http://localhost:9000";
    let environment =
        Environment { template: &template, keys: &keys, database: &database, lambda, variables: &variables };
    let (bootstraps, functions) = Bootstraps::with(PATIENCE, &built, &environment, &Clock::system()).unwrap();
    Running { functions: Arc::new(functions), bootstraps, heard }
}

async fn invoke(function: &Function, event: Value) -> Result<Value, Failure> {
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: Some("Root=1-a".to_owned()) };
    let answer = function.invoke(Bytes::from(event.to_string()), invocation).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

impl Running {
    fn hello(&self) -> Arc<Function> {
        Arc::clone(self.functions.by_id("Hello").unwrap())
    }

    async fn call(&self, event: Value) -> Result<Value, Failure> {
        invoke(&self.hello(), event).await
    }

    async fn process(&self) -> u64 {
        self.call(json!({"do": "echo"})).await.unwrap()["process"].as_u64().unwrap()
    }

    /// What the Runtime API answers a process in an invocation: the status, and the error's type.
    async fn asked(&self, method: &str, path: &str) -> (String, String) {
        self.asked_with("", method, path).await
    }

    /// The same, with these headers.
    async fn asked_with(&self, headers: &str, method: &str, path: &str) -> (String, String) {
        let event = json!({"do": "request", "method": method, "path": path, "headers": headers, "body": "{}"});
        let answer = self.call(event).await.unwrap();
        let (head, body) = answer.as_str().unwrap().split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        (status, body["errorType"].as_str().unwrap_or_default().to_owned())
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// A call under way whose process is met, and with that is known to be at work, and the stream that lets it go on.
    async fn busy(&self) -> (tokio::task::JoinHandle<Result<Value, Failure>>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let event = json!({"do": "meet", "port": listener.local_addr().unwrap().port()});
        let function = self.hello();
        let mut call = tokio::spawn(async move { invoke(&function, event).await });
        let stream = tokio::select! {
            met = listener.accept() => met.unwrap().0,
            ended = &mut call => panic!("{ended:?}"),
        };
        (call, stream)
    }
}

/// Whether a process listens at this port of the example's choice.
fn listens(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits for what the system tells nobody.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_told_what_lambda_tells_it() {
    let directory = built(&["hello"]);
    let running =
        run(directory.path(), ", Timeout: 20, MemorySize: 512, Environment: {Variables: {GREETING: hi, EMPTY: ''}}");
    let before = u64::try_from(Clock::system().now().as_millis()).unwrap();
    let echo = running.call(json!({"do": "echo", "name": "Änna"})).await.unwrap();
    let after = u64::try_from(Clock::system().now().as_millis()).unwrap();
    assert_eq!(echo["event"]["name"], "Änna");
    assert_eq!(echo["id"], "id-1");
    assert_eq!(echo["trace"], "Root=1-a");
    assert_eq!(echo["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:shop-Hello");
    let deadline = echo["deadline"].as_u64().unwrap();
    assert!((before + 20_000..=after + 20_000).contains(&deadline), "{deadline}");
    let root = directory.path().canonicalize().unwrap().join("hello");
    assert_eq!(Path::new(echo["directory"].as_str().unwrap()), root);
    let mut environment: BTreeMap<String, String> = serde_json::from_value(echo["environment"].clone()).unwrap();
    let stream = environment.remove("AWS_LAMBDA_LOG_STREAM_NAME").unwrap();
    assert!(stream.contains("/[$LATEST]"), "{stream}");
    let api = environment.remove("AWS_LAMBDA_RUNTIME_API").unwrap();
    assert!(api.starts_with("127.0.0.1:"), "{api}");
    for key in ["LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"] {
        assert_eq!(Path::new(&environment.remove(key).unwrap()).canonicalize().unwrap(), root);
    }
    let libraries = environment.remove("LD_LIBRARY_PATH").unwrap();
    let libraries: Vec<_> =
        std::env::split_paths(&libraries).map(|path| path.strip_prefix(directory.path()).unwrap().to_owned()).collect();
    assert_eq!(libraries, [Path::new("hello"), Path::new("hello/lib")]);
    let given: Vec<String> = environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        given,
        [
            "AWS_ACCESS_KEY_ID=local",
            "AWS_DEFAULT_REGION=eu-central-1",
            "AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000",
            "AWS_ENDPOINT_URL_LAMBDA=http://localhost:9000",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
            "AWS_LAMBDA_FUNCTION_NAME=shop-Hello",
            "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/shop-Hello",
            "AWS_REGION=eu-central-1",
            "AWS_SECRET_ACCESS_KEY=local",
            "EMPTY=",
            "GREETING=hi",
            "LANG=en_US.UTF-8",
            "TZ=:UTC",
            "_HANDLER=hello.main",
            // The runtime's own doing.
            "_X_AMZN_TRACE_ID=Root=1-a",
        ]
    );
    running.bootstraps.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_at_once_has_a_process_and_the_next_ones_use_them_again() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let (first, go) = running.busy().await;
    let (second, on) = running.busy().await;
    drop((go, on));
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_ne!(first, second);
    for _ in 0..20 {
        let process = json!(running.process().await);
        assert!(process == first || process == second, "{process}");
    }
    let heard = Arc::clone(&running.heard);
    running.bootstraps.stop().await;
    assert_eq!(
        *heard.lock().unwrap(),
        ["hello: cold start 1", "hello: cold start 2", "hello: 22 invocations, 2 cold starts"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_concurrency_refuses_more_and_without_it_more_wait() {
    let directory = built(&["hello"]);
    let reserved = run(directory.path(), ", ReservedConcurrentExecutions: 1");
    let (busy, go) = reserved.busy().await;
    assert_eq!(reserved.call(json!({"do": "echo"})).await, Err(Failure::throttled()));
    drop(go);
    busy.await.unwrap().unwrap();
    reserved.process().await;

    let none = run(directory.path(), ", ReservedConcurrentExecutions: 0");
    assert_eq!(none.call(json!({"do": "echo"})).await, Err(Failure::throttled()));

    let open = run(directory.path(), "");
    let mut all = Vec::new();
    for _ in 0..PROCESSES {
        all.push(open.busy().await);
    }
    let function = open.hello();
    let waiting = tokio::spawn(async move { invoke(&function, json!({"do": "echo"})).await });
    let (first, go) = all.remove(0);
    drop(go);
    assert_eq!(first.await.unwrap().unwrap(), waiting.await.unwrap().unwrap()["process"]);
    assert_eq!(open.heard().len(), PROCESSES, "a cold start each: {:?}", open.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_where_others_are_refused_and_only_what_ran_is_counted() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), ", ReservedConcurrentExecutions: 1");
    let (busy, go) = running.busy().await;
    let function = running.hello();
    let later = Invocation { request_id: "id-2".to_owned(), trace_id: None };
    let say = Bytes::from_static(br#"{"do": "say", "line": "at last"}"#);
    let event = tokio::spawn(async move { function.invoke_later(say, later).await });
    until("it does not wait", || running.bootstraps.waiting() == 1).await;
    assert_eq!(running.call(json!({"do": "echo"})).await, Err(Failure::throttled()));
    drop(go);
    busy.await.unwrap().unwrap();
    event.await.unwrap();
    until("it has not run", || running.heard().contains(&"hello: at last".to_owned())).await;
    let heard = Arc::clone(&running.heard);
    running.bootstraps.stop().await;
    assert_eq!(heard.lock().unwrap().last().unwrap(), "hello: 2 invocations, 1 cold starts");

    let none = run(directory.path(), ", ReservedConcurrentExecutions: 0");
    let later = Invocation { request_id: "id-3".to_owned(), trace_id: None };
    none.hello().invoke_later(Bytes::from_static(b"{}"), later).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_writes_is_heard_with_its_functions_name() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    running.call(json!({"do": "say", "line": "good morning"})).await.unwrap();
    until("it is not heard", || running.heard().contains(&"hello: good morning".to_owned())).await;
}
