//! A function for the tests of `bootstraps`, which does what its event says: `{"do": "echo"}` and so on. What it does as
//! it starts is in its variable `START`. It is built with the tests, and run as a function's program.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

fn variable(key: &str) -> String {
    std::env::var(key).unwrap_or_default()
}

/// Sends this to the Runtime API, past the runtime, and gives all that comes back.
fn request(method: &str, path: &str, headers: &str, body: &str) -> Result<String, Error> {
    let host = variable("AWS_LAMBDA_RUNTIME_API");
    let mut stream = TcpStream::connect(&host)?;
    let length = body.len();
    write!(
        stream,
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Says this on standard output.
fn say(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    let text = |key: &str| payload[key].as_str().unwrap_or_default().replace("{id}", &context.request_id);
    match text("do").as_str() {
        "echo" => Ok(json!({
            "event": payload,
            "id": context.request_id,
            "deadline": context.deadline,
            "arn": context.invoked_function_arn,
            "trace": context.xray_trace_id,
            "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
            "directory": std::env::current_dir()?,
            "process": std::process::id(),
            "program": std::env::current_exe()?,
        })),
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "fail" => Err("it does not work".into()),
        // Begins an answer, and breaks off.
        "break" => {
            let host = variable("AWS_LAMBDA_RUNTIME_API");
            let mut stream = TcpStream::connect(&host)?;
            let path = format!("/2018-06-01/runtime/invocation/{}/{}", context.request_id, text("what"));
            write!(stream, "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1000\r\n\r\n\"part")?;
            stream.shutdown(Shutdown::Write)?;
            stream.read_to_end(&mut Vec::new())?;
            Ok("whole".into())
        }
        // What a file says that lies beside the program.
        "beside" => {
            let program = std::env::current_exe()?;
            let beside = program.parent().unwrap_or(&program).join(text("file"));
            Ok(std::fs::read_to_string(beside)?.into())
        }
        // Leaves a process behind, in a group of its own.
        #[cfg(unix)]
        "leave" => {
            use std::os::unix::process::CommandExt;
            let mut stays = std::process::Command::new(std::env::current_exe()?);
            stays.env("START", "stay").process_group(0).spawn()?;
            Ok(Value::Null)
        }
        // Waits until somebody connects to this port.
        "meet" => {
            let port = u16::try_from(payload["port"].as_u64().unwrap_or_default())?;
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.read_to_end(&mut Vec::new())?;
            Ok(json!(std::process::id()))
        }
        "listen" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            say(&format!("listening at {}", listener.local_addr()?.port()))?;
            std::future::pending().await
        }
        "say" => say(&text("line")).map(|()| Value::Null),
        "large" => Ok("x".repeat(usize::try_from(payload["bytes"].as_u64().unwrap_or_default())?).into()),
        "request" => Ok(request(&text("method"), &text("path"), &text("headers"), &text("body"))?.into()),
        other => Err(format!("there is nothing called {other}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match variable("START").as_str() {
        "fail" => {
            request(
                "POST",
                "init/error",
                "",
                r#"{"errorType":"Hello.NoConfig","errorMessage":"it has no configuration"}"#,
            )?;
            std::thread::sleep(Duration::from_secs(600));
        }
        "exit" => std::process::exit(7),
        // Writes for as long as somebody reads, and no longer than a test may take.
        "stay" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let line = format!("listening at {}", listener.local_addr()?.port());
            listener.set_nonblocking(true)?;
            for _ in 0..3_000 {
                while listener.accept().is_ok() {}
                say(&line)?;
                std::thread::sleep(Duration::from_millis(10));
            }
            return Ok(());
        }
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}
