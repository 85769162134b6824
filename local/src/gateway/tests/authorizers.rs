//! Authorizers at the gateway: policies, kept answers and their well-known trap, identity sources, JWTs.

use super::*;

/// An API whose authorizer `A` is declared by `authorizer` and whose function answers `GET /a` (scope `read`, where it
/// verifies JWTs) and `GET /b`.
fn template(authorizer: &str, stage: &str, scopes: &str) -> String {
    format!(
        "Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: {stage}
      StageVariables: {{color: blue}}
      Auth: {{DefaultAuthorizer: A, Authorizers: {{A: {{{authorizer}}}}}}}
  Guard: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: target/lambda/guard/}}}}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/main/
      Events:
        A: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: /a{scopes}}}}}
        B: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: /b}}}}
"
    )
}

/// The properties of a Lambda authorizer whose answers are simple or not, with more of `Identity`.
fn lambda(simple: bool, identity: &str) -> String {
    format!(
        "FunctionArn: !GetAtt Guard.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: {simple}, \
         EnableFunctionDefaultPermissions: true, Identity: {{{identity}}}"
    )
}

/// A gateway whose authorizer is asked `asked` times so far, and gives the answer that `guard` makes of its event.
pub(super) struct Guarded {
    pub(super) running: Running,
    clock: Clock,
    asked: Arc<AtomicUsize>,
    pub(super) lines: Arc<Mutex<Vec<AccessLine>>>,
}

impl Guarded {
    pub(super) async fn start(source: &str, jwks: &[(&str, Jwks)], guard: fn(&Value) -> Value) -> Self {
        let template = Template::parse(source, &Given::defaults("shop")).unwrap();
        let (asked, clock) = (Arc::new(AtomicUsize::new(0)), Clock::adjustable());
        let counter = Arc::clone(&asked);
        let guard = move |event: LambdaEvent<Value>| {
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = guard(&event.payload);
            async move { if answer.is_null() { Err("broken") } else { Ok::<_, &str>(answer) } }
        };
        let main = |event: LambdaEvent<Value>| async move { Ok::<_, lambda_runtime::Error>(event.payload) };
        let handlers = BTreeMap::from([
            ("guard".to_owned(), mount(service_fn(guard))),
            ("main".to_owned(), mount(service_fn(main))),
        ]);
        let functions = Functions::new(&template, handlers, &clock).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let settings = Settings {
            clock: clock.clone(),
            jwks: jwks.iter().map(|(issuer, jwks)| ((*issuer).to_owned(), jwks.clone())).collect(),
            access_log: Some(AccessLog::to_sink(move |line| sink.lock().unwrap().push(line))),
            ..Settings::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { running: Gateway::new(&template, &functions, settings).serve(listener).unwrap(), clock, asked, lines }
    }

    /// The status, the head and the event that the function got, or the API's own body.
    pub(super) async fn get(&self, path: &str, headers: &str) -> (u16, String, Value) {
        let mut client = Client::connect(self.running.address()).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
        let Answered { status, head, body } = client.answer().await;
        (status, head, serde_json::from_str(&body).unwrap())
    }

    pub(super) async fn status(&self, path: &str, headers: &str) -> u16 {
        self.get(path, headers).await.0
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A policy for exactly the call that it is asked about, or against it where the caller is bad.
fn policy(event: &Value) -> Value {
    let effect = if event["identitySource"][0] == "bad" { "Deny" } else { "Allow" };
    let statement = json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["routeArn"]});
    json!({
        "principalId": "anna",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"user": "anna", "level": 3, "deep": {"a": [1, null]}},
    })
}

/// Yes for everybody but the bad, with the event as context.
fn simple(event: &Value) -> Value {
    json!({"isAuthorized": event["identitySource"][0] != "bad", "context": {"event": event}})
}

#[tokio::test]
async fn a_policy_decides_and_its_context_reaches_the_function() {
    let source = template(&lambda(false, "Headers: [X-Who]"), "$default", "");
    let guarded = Guarded::start(&source, &[], policy).await;
    let (status, _, event) = guarded.get("/a", "x-who: good\r\n").await;
    assert_eq!(status, 200);
    let expected = json!({"lambda": {"user": "anna", "level": 3, "deep": {"a": [1, null]}}});
    assert_eq!(event["requestContext"]["authorizer"], expected);
    let (status, head, body) = guarded.get("/a", "x-who: bad\r\n").await;
    assert_eq!((status, body), (403, json!({"message": "Forbidden"})));
    assert!(!head.contains("www-authenticate"), "{head}");
}

#[tokio::test]
async fn a_kept_policy_is_looked_up_for_each_route() {
    let source = template(&lambda(false, "Headers: [X-Who], ReauthorizeEvery: 60"), "$default", "");
    let guarded = Guarded::start(&source, &[], policy).await;
    assert_eq!(guarded.status("/a", "x-who: good\r\n").await, 200);
    assert_eq!(guarded.status("/b", "x-who: good\r\n").await, 403, "the policy names the first route alone");
    assert_eq!(guarded.status("/a", "x-who: good\r\n").await, 200);
    assert_eq!(guarded.asked(), 1);
    assert_eq!(guarded.status("/b", "x-who: other\r\n").await, 200, "another caller has another policy");
    guarded.clock.advance(Duration::from_secs(60));
    assert_eq!(guarded.status("/b", "x-who: good\r\n").await, 200, "the time is over");
    assert_eq!(guarded.asked(), 3);
}

#[tokio::test]
async fn a_kept_yes_is_a_yes_for_every_route_unless_the_route_identifies() {
    let trap = template(&lambda(true, "Headers: [X-Who], ReauthorizeEvery: 3600"), "$default", "");
    let guarded = Guarded::start(&trap, &[], simple).await;
    for path in ["/a", "/b", "/a"] {
        let (status, _, event) = guarded.get(path, "x-who: good\r\n").await;
        assert_eq!(status, 200);
        let asked = &event["requestContext"]["authorizer"]["lambda"]["event"]["routeKey"];
        assert_eq!(asked, "GET /a", "the context is what was said of the first");
    }
    assert_eq!(guarded.status("/b", "x-who: bad\r\n").await, 403);
    assert_eq!(guarded.status("/a", "x-who: bad\r\n").await, 403, "a no is kept too");
    assert_eq!(guarded.asked(), 2);

    let apart =
        template(&lambda(true, "Headers: [X-Who], Context: [routeKey], ReauthorizeEvery: 3600"), "$default", "");
    let guarded = Guarded::start(&apart, &[], simple).await;
    for path in ["/a", "/b", "/a", "/b"] {
        assert_eq!(guarded.status(path, "x-who: good\r\n").await, 200);
    }
    assert_eq!(guarded.asked(), 2);
}

#[tokio::test]
async fn failures_are_never_kept() {
    let source = template(&lambda(true, "Headers: [X-Who], ReauthorizeEvery: 3600"), "$default", "");
    for guard in [|_: &Value| Value::Null, |_: &Value| json!({"isAuthorized": "false"}), policy] {
        let guarded = Guarded::start(&source, &[], guard).await;
        for asked in [1, 2] {
            let (status, _, body) = guarded.get("/a", "x-who: good\r\n").await;
            assert_eq!((status, body), (500, json!({"message": "Internal Server Error"})));
            assert_eq!(guarded.asked(), asked);
        }
        assert_eq!(guarded.lines.lock().unwrap()[0].authorizer, Verdict::Failed);
    }
}

#[tokio::test]
async fn every_kind_of_identity_source_must_be_there() {
    let identity = "Headers: [X-Who, Authorization], QueryStrings: [key], StageVariables: [color], \
                    Context: [identity.sourceIp, httpMethod]";
    let guarded = Guarded::start(&template(&lambda(true, identity), "$default", ""), &[], simple).await;
    let (status, _, event) = guarded.get("/a?key=k%201&key=2", "X-WHO: me\r\nAuthorization: you\r\n").await;
    assert_eq!(status, 200);
    assert_eq!(event["stageVariables"], json!({"color": "blue"}));
    let asked = &event["requestContext"]["authorizer"]["lambda"]["event"];
    assert_eq!(asked["identitySource"], json!(["me", "you", "k 1,2", "blue", "127.0.0.1", "GET"]));
    assert_eq!((&asked["type"], asked.get("body")), (&json!("REQUEST"), None));
    for (path, headers) in [
        ("/a", "x-who: me\r\nauthorization: you\r\n"),
        ("/a?key=", "x-who: me\r\nauthorization: you\r\n"),
        ("/a?key=1", "x-who: me\r\n"),
        ("/a?key=1", "x-who:\r\nauthorization: you\r\n"),
    ] {
        assert_eq!(guarded.status(path, headers).await, 401, "{path} {headers}");
    }
    assert_eq!(guarded.asked(), 1);
    let lacking = lambda(true, "StageVariables: [size]");
    let guarded = Guarded::start(&template(&lacking, "$default", ""), &[], simple).await;
    assert_eq!(guarded.status("/a", "").await, 401);
}

#[tokio::test]
async fn a_named_stage_stands_once_in_the_arn() {
    let guarded = Guarded::start(&template(&lambda(true, ""), "prod", ""), &[], simple).await;
    let (status, _, event) = guarded.get("/prod/a", "").await;
    assert_eq!((status, &event["rawPath"]), (200, &json!("/prod/a")));
    let asked = &event["requestContext"]["authorizer"]["lambda"]["event"];
    let arn = asked["routeArn"].as_str().unwrap();
    assert!(arn.ends_with("/prod/GET/a") && arn.matches("prod").count() == 1, "{arn}");
    assert_eq!(asked.get("identitySource"), None, "without sources there is none");
}

#[tokio::test]
async fn a_policy_speaks_of_the_route_that_is_taken() {
    let denies = |_: &Value| {
        let statement = |effect: &str, resource: &str| json!({"Action": "*", "Effect": effect, "Resource": resource});
        let statements = [statement("Allow", "*"), statement("Deny", "*/GET/a")];
        json!({"principalId": "anna", "policyDocument": {"Version": "2012-10-17", "Statement": statements}})
    };
    for (stage, prefix) in [("$default", ""), ("prod", "/prod")] {
        let guarded = Guarded::start(&template(&lambda(false, ""), stage, ""), &[], denies).await;
        for slashes in ["", "/", "//"] {
            assert_eq!(guarded.status(&format!("{slashes}{prefix}/a"), "").await, 403, "{slashes}{prefix}/a");
            assert_eq!(guarded.status(&format!("{slashes}{prefix}/b"), "").await, 200, "{slashes}{prefix}/b");
        }
        assert_eq!(guarded.status(&format!("{prefix}/%61"), "").await, 403);
    }
}

const JWT: &str = "JwtConfiguration: {issuer: 'https://id.example', audience: [shop]}, AuthorizationScopes: [read]";

#[tokio::test]
async fn a_jwt_is_verified_by_the_api_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (jwks, sign) = crate::gateway::authorize::signer(&directory);
    let guarded = Guarded::start(
        &template(JWT, "$default", ", Auth: {AuthorizationScopes: [write, admin]}"),
        &[("https://id.example", jwks)],
        simple,
    )
    .await;
    let now = guarded.clock.now().as_secs();
    let token = |scope: &str, exp: i64| {
        sign(&json!({"iss": "https://id.example", "aud": ["shop"], "exp": exp, "scope": scope, "n": 1, "b": true}))
    };
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");

    let (status, _, event) = guarded.get("/b", &bearer(&token("read more", now + 60))).await;
    assert_eq!(status, 200);
    let authorizer = &event["requestContext"]["authorizer"]["jwt"];
    assert_eq!(authorizer["scopes"], json!(["read", "more"]));
    let claims = &authorizer["claims"];
    assert_eq!((&claims["aud"], &claims["n"], &claims["b"]), (&json!("[shop]"), &json!("1"), &json!("true")));

    for (path, headers, expected, challenge) in [
        ("/b", String::new(), 401, "Bearer"),
        ("/b", bearer("x"), 401, "Bearer scope=\"\" error=\"invalid_token\""),
        ("/b", bearer(&token("read", now)), 401, "error_description=\"the token has expired\""),
        ("/b", bearer(&token("write", now + 60)), 403, "Bearer scope=\"read\" error=\"insufficient_scope\""),
        // A route's own scopes stand in for the authorizer's.
        ("/a", bearer(&token("read", now + 60)), 403, "scope=\"write admin\""),
    ] {
        let (status, head, body) = guarded.get(path, &headers).await;
        assert_eq!(status, expected, "{path} {body}");
        assert!(head.contains(&format!("www-authenticate: {}", "bearer")), "{head}");
        assert!(head.contains(&challenge.to_ascii_lowercase()), "{challenge} is not in {head}");
        let message = if expected == 401 { "Unauthorized" } else { "Forbidden" };
        assert_eq!(body, json!({"message": message}));
    }
    assert_eq!(guarded.status("/a", &bearer(&token("admin", now + 60))).await, 200);
    assert_eq!(guarded.status("/b", &format!("authorization: {}\r\n", token("read", now + 60))).await, 200);
    assert_eq!(guarded.asked(), 0);
    let why = guarded.lines.lock().unwrap()[3].failure.clone();
    assert_eq!(why.as_deref(), Some("the token has expired"), "the operator is told");
}
