//! The gateway on a socket: routing, authorizer, throttles, limits, time-outs and a clean stop.

mod authorizers;
mod conformance;
mod unserved;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use lambda_http::{Body, RequestExt, Response};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Answered, Client};
use super::*;
use crate::functions::{Failure, Handler, mount, mount_http};
use crate::template::{self, Given};

const TEMPLATE: &str = r"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: [https://shop.example, http://localhost:5173]
        AllowMethods: [GET, POST]
        AllowHeaders: [authorization, content-type]
        ExposeHeaders: [etag]
        MaxAge: 60
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: '2.0'
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: {Headers: [Authorization]}
      RouteSettings:
        GET /slow: {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2}
  Guard:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: target/lambda/guard/}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/main/
      Timeout: 1
      Events:
        Open: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: '/open/{id}', Auth: {Authorizer: NONE}}}
        Slow: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /slow, Auth: {Authorizer: NONE}}}
        Hang: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /hang, Auth: {Authorizer: NONE}, TimeoutInMillis: 50}}
        Fail: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /fail, Auth: {Authorizer: NONE}}}
        Shut: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /shut}}
";

struct Stage {
    running: Running,
    clock: Clock,
    asked: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<AccessLine>>>,
}

fn handlers(asked: &Arc<AtomicUsize>) -> BTreeMap<String, Handler> {
    let asked = Arc::clone(asked);
    let guard = move |event: LambdaEvent<Value>| {
        asked.fetch_add(1, Ordering::SeqCst);
        async move {
            Ok::<_, lambda_runtime::Error>(match event.payload["identitySource"][0].as_str() {
                Some("good") => json!({"isAuthorized": true, "context": {"user": "anna", "level": 3}}),
                Some("odd") => json!({"isAuthorized": "true"}),
                _ => json!({"isAuthorized": false}),
            })
        }
    };
    let main = |request: lambda_http::Request| async move {
        let context = serde_json::to_value(request.request_context()).unwrap();
        match request.raw_http_path() {
            "/hang" => std::future::pending().await,
            "/fail" => Err(lambda_http::Error::from("secret detail")),
            path => {
                // What a function says about CORS does not get through.
                let foreign = ("access-control-allow-origin", "https://foreign.example");
                let seen = json!({
                    "path": path, "context": context, "body": std::str::from_utf8(request.body()).unwrap_or("?"),
                    "query": request.uri().query(), "header": request.headers().get("x-odd").map(|value| format!("{value:?}")),
                });
                Ok(Response::builder()
                    .header(foreign.0, foreign.1)
                    .header("content-type", "application/json")
                    .body(Body::from(seen.to_string()))?)
            }
        }
    };
    BTreeMap::from([("guard".to_owned(), mount(service_fn(guard))), ("main".to_owned(), mount_http(service_fn(main)))])
}

impl Stage {
    async fn start() -> Self {
        let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
        let (asked, clock) = (Arc::new(AtomicUsize::new(0)), Clock::adjustable());
        let functions = Functions::new(&template, handlers(&asked), &clock).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let access_log = AccessLog::to_sink(move |line| sink.lock().unwrap().push(line));
        let settings = Settings {
            clock: clock.clone(),
            throttle: true,
            source_ip: Some([203, 0, 113, 7].into()),
            access_log: Some(access_log.with(Wanted { user_agent: true, context: true })),
            ..Settings::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Gateway::new(&template, &functions, settings).serve(listener).unwrap();
        Self { running, clock, asked, lines }
    }

    /// Sends bytes and reads the answer: status, head in lower case, body.
    async fn raw(&self, request: &[u8]) -> (u16, String, String) {
        let mut client = Client::connect(self.running.address()).await;
        client.send(request).await;
        let Answered { status, head, body } = client.answer().await;
        (status, head, body)
    }

    async fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes()).await
    }
}

#[tokio::test]
async fn an_answer_carries_the_requests_id_and_date() {
    let stage = Stage::start().await;
    let (status, head, body) = stage.get("/open/a%20b?x=1", "").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["path"]), (200, &json!("/open/a b")));
    let id = body["context"]["requestId"].as_str().unwrap();
    assert!(head.contains(&format!("apigw-requestid: {}", id.to_ascii_lowercase())), "{head}");
    assert!(head.contains("\r\ndate: "), "{head}");
    assert_eq!(body["context"]["http"]["sourceIp"], "203.0.113.7");
    assert_eq!(body["context"]["routeKey"], "ANY /open/{id}");
    let line = stage.lines.lock().unwrap()[0].clone();
    assert_eq!((line.request_id.as_str(), line.status, line.path.as_str()), (id, 200, "/open/a%20b"));
    let function = line.function.unwrap();
    assert_eq!((function.status, function.in_time), (Some(200), true));
    assert!(line.authorizer_latency.is_none() && !line.is_own && line.length > 100);
}

#[tokio::test]
async fn no_route_is_404_for_every_method() {
    let stage = Stage::start().await;
    for request in ["GET /", "POST /slow", "HEAD /slow", "GET /slow/", "OPTIONS /shut"] {
        let (method, path) = request.split_once(' ').unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(stage.running.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 404"), "{text}");
        assert!(method == "HEAD" || text.ends_with(r#"{"message":"Not Found"}"#), "{text}");
    }
}

#[tokio::test]
async fn a_protected_route_asks_the_authorizer() {
    let stage = Stage::start().await;
    for (headers, status, message, asked) in [
        ("", 401, "Unauthorized", 0),
        ("Authorization:\r\n", 401, "Unauthorized", 0),
        ("Authorization: bad\r\n", 403, "Forbidden", 1),
        ("Authorization: odd\r\n", 500, "Internal Server Error", 2),
    ] {
        let (got, head, body) = stage.get("/shut", headers).await;
        assert_eq!((got, body), (status, format!("{{\"message\":\"{message}\"}}")), "{headers}");
        assert!(head.contains("content-type: application/json") && head.contains("apigw-requestid: "), "{head}");
        assert_eq!(stage.asked.load(Ordering::SeqCst), asked, "{headers}");
    }
    let (status, _, body) = stage.get("/shut", "authorization: good\r\n").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(body["context"]["authorizer"]["lambda"], json!({"user": "anna", "level": 3}));
    let verdicts: Vec<Verdict> = stage.lines.lock().unwrap().iter().map(|line| line.authorizer).collect();
    assert_eq!(
        verdicts,
        [Verdict::Unidentified, Verdict::Unidentified, Verdict::Refused, Verdict::Failed, Verdict::Allowed]
    );
    let lines = stage.lines.lock().unwrap();
    let asked: Vec<bool> = lines.iter().map(|line| line.authorizer_latency.is_some()).collect();
    assert_eq!(asked, [false, false, true, true, true]);
    let context = lines.last().unwrap().context.as_ref().map(|context| context.get());
    assert_eq!(context, Some(r#"{"level":3,"user":"anna"}"#));
}

#[tokio::test]
async fn a_preflight_is_answered_where_no_route_takes_it() {
    let stage = Stage::start().await;
    let asks = |path: &str, headers: &str| format!("OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let (method, good) = ("access-control-request-method: POST\r\n", "origin: https://shop.example\r\n");
    for path in ["/shut", "/slow", "/nowhere"] {
        let (status, head, body) = stage.raw(asks(path, &format!("{good}{method}")).as_bytes()).await;
        assert_eq!((status, body.as_str()), (204, ""), "{path}");
        for line in [
            "access-control-allow-origin: https://shop.example",
            "access-control-allow-methods: get,post",
            "access-control-allow-headers: authorization,content-type",
            "access-control-max-age: 60",
        ] {
            assert!(head.contains(&format!("\r\n{line}")), "{line} is not in {head}");
        }
        assert!(!head.contains("credentials"), "{head}");
    }
    for foreign in ["https://shop.example.evil", "https://evil.example", "http://shop.example", "null"] {
        let (_, head, _) = stage.raw(asks("/shut", &format!("origin: {foreign}\r\n{method}")).as_bytes()).await;
        assert!(!head.contains("access-control"), "{foreign}: {head}");
    }
    // Without its two headers an OPTIONS is a request like any other, and a route that takes it comes first.
    assert_eq!(stage.raw(asks("/shut", good).as_bytes()).await.0, 404);
    assert_eq!(stage.raw(asks("/shut", method).as_bytes()).await.0, 404);
    let (status, _, body) = stage.raw(asks("/open/1", &format!("{good}{method}")).as_bytes()).await;
    assert!(status == 200 && body.contains("/open/1"), "{status} {body}");
    assert_eq!(stage.asked.load(Ordering::SeqCst), 0, "no authorizer is asked");
}

#[tokio::test]
async fn an_answer_names_the_origin_that_may_read_it_and_no_other() {
    let stage = Stage::start().await;
    let good = "origin: http://localhost:5173\r\n";
    for (path, headers, expected) in [
        ("/open/1", "", 200),
        ("/shut", "", 401),
        ("/shut", "authorization: bad\r\n", 403),
        ("/nowhere", "", 404),
        ("/fail", "", 500),
        ("/hang", "", 503),
        ("/slow", "", 200),
        ("/slow", "", 200),
        ("/slow", "", 429),
    ] {
        let (status, head, _) = stage.get(path, &format!("{good}{headers}")).await;
        assert_eq!(status, expected, "{path}");
        assert!(head.contains("\r\naccess-control-allow-origin: http://localhost:5173"), "{path}: {head}");
        assert!(head.contains("\r\naccess-control-expose-headers: etag"), "{path}: {head}");
        assert!(!head.contains("access-control-allow-methods"), "{path}: {head}");
    }
    for headers in ["origin: https://foreign.example\r\n", "origin: https://shop.example:443\r\n", ""] {
        for path in ["/open/1", "/shut", "/fail"] {
            let (_, head, _) = stage.get(path, headers).await;
            assert!(!head.contains("access-control"), "{path} {headers}: {head}");
        }
    }
}

#[tokio::test]
async fn a_throttle_refuses_until_time_passes() {
    let stage = Stage::start().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(stage.get("/slow", "").await.0);
    }
    assert_eq!(statuses, [200, 200, 429]);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.get("/slow", "").await.0, 200);
    let (status, _, body) = stage.get("/slow", "").await;
    assert_eq!((status, body.as_str()), (429, r#"{"message":"Too Many Requests"}"#));
    assert!(stage.lines.lock().unwrap().last().unwrap().throttled);
}

#[tokio::test]
async fn failures_and_time_outs_tell_the_client_nothing() {
    let stage = Stage::start().await;
    let (status, _, body) = stage.get("/fail", "").await;
    assert_eq!((status, body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
    let failure = stage.lines.lock().unwrap().last().unwrap().failure.clone();
    assert!(failure.is_some_and(|failure| failure.contains("secret detail")));
    let (status, _, body) = stage.get("/hang", "").await;
    assert_eq!((status, body.as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    let line = stage.lines.lock().unwrap().last().unwrap().clone();
    assert!(line.function.is_some_and(|function| !function.in_time && function.status.is_none()) && line.is_own);
}

#[tokio::test]
async fn a_function_without_room_is_unavailable() {
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    let full = |_: &template::Function| Handler::new(|_, _| Box::pin(async { Err(Failure::throttled()) }));
    let functions = Functions::each(&template, full, &Clock::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Gateway::new(&template, &functions, Settings::default()).serve(listener).unwrap();
    let mut client = Client::connect(running.address()).await;
    client.send("GET /open/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    // An authorizer that cannot be asked is one that fails.
    client.send("GET /shut HTTP/1.1\r\nHost: a\r\nAuthorization: good\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 500);
}

#[tokio::test]
async fn what_lambda_http_would_panic_over_never_gets_there() {
    let stage = Stage::start().await;
    for host in ["a b", "localhost:99999", "", "xn--a"] {
        let (status, _, body) = stage.raw(format!("GET /open/1 HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        assert_eq!((status, body.as_str()), (400, r#"{"message":"Bad Request"}"#), "{host}");
    }
    for (target, allowed) in [
        ("/open/1?a={b}|c^`\\'", true),
        ("/open/1?a=[b]&c=%ff", true),
        ("/open/1%3Fx=1", true),
        ("/open/a%23b%00", true),
        ("/open/{x}|", true),
        ("/open/%2e%2e", true),
        ("/open/1?a=\u{e4}", false),
        ("/open/1?a=\"b\"<c>", false),
        ("/open/%ff", false),
    ] {
        let (status, _, body) = stage.get(target, "x-odd: \u{e4}\u{80}\r\n").await;
        assert_eq!(status, if allowed { 200 } else { 400 }, "{target} {body}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let stage = Stage::start().await;
    let (status, _, body) = stage.get("/open/1", &format!("x-long: {}\r\n", "x".repeat(10_240))).await;
    assert_eq!((status, body.as_str()), (431, r#"{"message":"Request Header Fields Too Large"}"#));
    let head = "POST /open/1 HTTP/1.1\r\nHost: a\r\n";
    let (status, _, body) = stage.raw(format!("{head}Content-Length: 10485761\r\n\r\n").as_bytes()).await;
    assert_eq!((status, body.as_str()), (413, r#"{"message":"Request Entity Too Large"}"#));
    // Five million bytes pass as text and not as base64.
    let body = "x".repeat(5_000_000);
    let text = format!("{head}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(stage.raw(text.as_bytes()).await.0, 200);
    let binary = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(stage.raw(binary.as_bytes()).await.0, 413);
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_accepts_nothing_more() {
    let stage = Stage::start().await;
    let address = stage.running.address();
    let mut idle = Client::connect(address).await;
    idle.send("GET /open/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = Client::connect(address).await;
    busy.send("POST /open/1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nab").await;
    // The server has read this head once the idle connection has had another answer.
    idle.send("GET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    tokio::task::yield_now().await;
    let stop = tokio::spawn(stage.running.stop());
    let mut rest = Vec::new();
    idle.0.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "the idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    busy.send("cd").await;
    let Answered { status, head, body } = busy.answer().await;
    assert_eq!(status, 200);
    assert!(body.contains("abcd"), "{body}");
    assert!(head.contains("connection: close"), "{head}");
    stop.await.unwrap();
}
