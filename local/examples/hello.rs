//! The gateway alone, to measure what it costs: a function that says hello behind an API that has a route with an
//! authorizer, CORS and throttles, with its access log on standard output or, with `quiet`, none.
//! `.ci/bench-gateway` puts a load on it.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::Ipv4Addr;

use bytes::Bytes;
use local::functions::{Functions, Handler};
use local::gateway::{AccessLog, Gateway, Settings};
use local::output::Output;
use local::server::Limits;
use local::signals::Signals;
use local::template::{Given, Template};
use shared::clock::Clock;
use tokio::net::TcpListener;

// As in the shop's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TEMPLATE: &str = r"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: [https://shop.example]
        AllowMethods: [GET]
        AllowHeaders: [authorization]
      Auth:
        Authorizers:
          Token:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: '2.0'
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: {Headers: [Authorization]}
      DefaultRouteSettings: {ThrottlingRateLimit: 1000000, ThrottlingBurstLimit: 1000000}
  Guard:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: target/lambda/guard/}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/hello/
      Events:
        Hello: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: '/hello/{name}'}}
        Guarded: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: '/guarded/{name}', Auth: {Authorizer: Token}}}
";

/// A function that always answers this.
fn always(answer: &'static str) -> Handler {
    Handler::new(move |_: Bytes, _| Box::pin(async move { Ok(answer.as_bytes().to_vec()) }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    let template = Template::parse(TEMPLATE, &Given::defaults("hello"))?;
    let hello = r#"{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{\"hello\":\"world\"}"}"#;
    let handlers = BTreeMap::from([
        ("guard".to_owned(), always(r#"{"isAuthorized":true,"context":{"user":"anna"}}"#)),
        ("hello".to_owned(), always(hello)),
    ]);
    let functions = Functions::new(&template, handlers, &Clock::system())?;
    let output = Output::stdout()?;
    let access_log = match std::env::args().nth(1).as_deref() {
        Some("quiet") => None,
        _ => {
            let output = output.clone();
            Some(AccessLog::to_sink(move |line| output.access(line)))
        }
    };
    let settings = Settings { access_log, connections: Limits::of_this_process(), ..Settings::default() };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 3998)).await?;
    let running = Gateway::new(&template, &functions, settings).serve(listener)?;
    signals.next().await;
    running.stop().await;
    output.flush();
    Ok(())
}
