//! The gateway alone, to measure what it costs: a function that says hello behind an API that has a route with an
//! authorizer, CORS and throttles, with its access log on standard output or, with `quiet`, none.
//! `.ci/bench-gateway` puts a load on it.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;

use bytes::Bytes;
use local::functions::{Functions, Handler};
use local::gateway::{Gateway, Settings};
use local::output::{LogFormat, Output};
use local::server::Limits;
use local::signals::Signals;
use local::template::{Given, Template};
use shared::clock::Clock;
use tokio::net::TcpListener;

// As in the shop's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A function that always answers this.
fn always(answer: &'static str) -> Handler {
    Handler::new(move |_: Bytes, _| Box::pin(async move { Ok(answer.as_bytes().to_vec()) }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    let template =
        Template::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello.yaml"), &Given::defaults("hello"))?;
    let hello = r#"{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{\"hello\":\"world\"}"}"#;
    let handlers = BTreeMap::from([
        ("guard".to_owned(), always(r#"{"isAuthorized":true,"context":{"user":"anna"}}"#)),
        ("hello".to_owned(), always(hello)),
    ]);
    let functions = Functions::new(&template, handlers, &Clock::system())?;
    let output = Output::stdout(LogFormat::Text)?;
    let access_log = match std::env::args().nth(1).as_deref() {
        Some("quiet") => None,
        _ => Some(output.access_log(&template.api)),
    };
    let settings = Settings { access_log, connections: Limits::of_this_process(), ..Settings::default() };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 3998)).await?;
    let running = Gateway::new(&template, &functions, settings).serve(listener)?;
    signals.next().await;
    running.stop().await;
    output.flush();
    Ok(())
}
