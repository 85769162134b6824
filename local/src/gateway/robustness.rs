//! What clients and functions may do to the gateway, over a real socket: whatever it is, it gets the right answer, and
//! others get theirs.

mod bodies;
mod clients;
mod connections;
mod functions;
mod heads;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};

use super::client::Client;
use super::*;
use crate::functions::{Handler, MAX_ANSWER};
use crate::template::Given;

const TEMPLATE: &str = r"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Token:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: '2.0'
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: {Headers: [Authorization]}
  Guard:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: target/lambda/guard/}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/main/
      Events:
        Open: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: '/do/{what+}'}}
        Shut: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: '/shut/{what+}', Auth: {Authorizer: Token}}}
        Hang: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /hang, TimeoutInMillis: 50}}
";

const BAD_REQUEST: &str = r#"{"message":"Bad Request"}"#;
const TOO_LARGE: &str = r#"{"message":"Request Entity Too Large"}"#;
const HEAD_TOO_LARGE: &str = r#"{"message":"Request Header Fields Too Large"}"#;
const FAILED: &str = r#"{"message":"Internal Server Error"}"#;

/// What a test and its functions tell each other.
struct Signals {
    /// Has a place for each function that waits.
    waiting: Semaphore,
    /// Lets one of them go on for each place.
    go: Semaphore,
    /// How many calls of the function have ended.
    done: AtomicUsize,
}

impl Signals {
    async fn wait(&self) {
        self.waiting.add_permits(1);
        self.go.acquire().await.unwrap().forget();
    }
}

/// A function that does what the last segment of the path says.
async fn main(event: Bytes, signals: Arc<Signals>) -> Value {
    let length = event.len();
    let event: Value = serde_json::from_slice(&event).unwrap();
    let path = event["rawPath"].as_str().unwrap();
    let answer = match path.rsplit('/').next().unwrap() {
        "wait" => {
            signals.wait().await;
            json!("waited")
        }
        "hang" if path.starts_with("/do") => std::future::pending().await,
        "hang" => {
            signals.wait().await;
            json!("late")
        }
        "panic" => panic!("the function's own"),
        "length" => json!(length.to_string()),
        // The answer's JSON has so many bytes.
        size if size.parse::<usize>().is_ok() => {
            let (size, frame) = (size.parse::<usize>().unwrap(), json!({"statusCode": 200, "body": ""}).to_string());
            json!("x".repeat(size - frame.len()))
        }
        _ => json!(format!("{path}?{}", event["rawQueryString"].as_str().unwrap())),
    };
    signals.done.fetch_add(1, Ordering::SeqCst);
    json!({"statusCode": 200, "body": answer})
}

async fn guard(event: Bytes, signals: Arc<Signals>) -> Value {
    let event: Value = serde_json::from_slice(&event).unwrap();
    match event["identitySource"][0].as_str().unwrap() {
        "wait" => signals.wait().await,
        "hang" => std::future::pending().await,
        "panic" => panic!("the authorizer's own"),
        _ => {}
    }
    json!({"isAuthorized": true})
}

/// A gateway with these functions.
struct Stage {
    running: Running,
    signals: Arc<Signals>,
    lines: Mutex<mpsc::UnboundedReceiver<AccessLine>>,
}

impl Stage {
    async fn start() -> Stage {
        Stage::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Stage {
        let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
        let signals =
            Arc::new(Signals { waiting: Semaphore::new(0), go: Semaphore::new(0), done: AtomicUsize::new(0) });
        let (for_main, for_guard) = (Arc::clone(&signals), Arc::clone(&signals));
        let main = Handler::new(move |event, _| {
            let signals = Arc::clone(&for_main);
            // This one panics before there is a future.
            assert!(!event.windows(7).any(|part| part == b"/early\""), "too early");
            Box::pin(async move { Ok(main(event, signals).await.to_string().into_bytes()) })
        });
        let guard = Handler::new(move |event, _| {
            let signals = Arc::clone(&for_guard);
            Box::pin(async move { Ok(guard(event, signals).await.to_string().into_bytes()) })
        });
        let handlers = BTreeMap::from([("guard".to_owned(), guard), ("main".to_owned(), main)]);
        let functions = Functions::new(&template, handlers, &Clock::system()).unwrap();
        let (sink, lines) = mpsc::unbounded_channel();
        let access_log = Some(AccessLog::to_sink(move |line| drop(sink.send(line))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::new(&template, &functions, Settings { access_log, ..settings });
        Stage { running: gateway.serve(listener).unwrap(), signals, lines: Mutex::new(lines) }
    }

    async fn connect(&self) -> Client {
        Client::connect(self.running.address()).await
    }

    /// A new connection on which this has been sent.
    async fn sent(&self, request: impl AsRef<[u8]>) -> Client {
        let mut client = self.connect().await;
        client.send(request).await;
        client
    }

    /// What the server says to this, until it closes the connection.
    async fn said_to(&self, request: impl AsRef<[u8]>) -> String {
        self.sent(request).await.rest().await
    }

    /// An ordinary request on a fresh connection is answered.
    async fn is_well(&self) {
        let answer = self.said_to("GET /do/well HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n/do/well?"), "{answer}");
    }

    /// The next line of the log.
    #[expect(clippy::await_holding_lock, reason = "one test, one waiter")]
    async fn line(&self) -> AccessLine {
        self.lines.lock().unwrap().recv().await.unwrap()
    }

    /// Waits until a function waits.
    async fn function_waits(&self) {
        self.signals.waiting.acquire().await.unwrap().forget();
    }

    /// Lets a waiting function go on.
    fn go_on(&self) {
        self.signals.go.add_permits(1);
    }

    fn done(&self) -> usize {
        self.signals.done.load(Ordering::SeqCst)
    }
}
