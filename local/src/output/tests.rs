//! What the terminal gets.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;
use crate::gateway::an_access_line;
use crate::template::{Given, Template};

const WENT_WELL: &str =
    r#"{"level":"INFO","request.id":"a=","function":"users","route":"POST /login","status":200,"duration_ms":1}"#;

#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a shop writes in this format, whose API has this access log.
fn written(format: LogFormat, access_log: &str) -> Vec<String> {
    let template = format!("Resources: {{Api: {{Type: AWS::Serverless::HttpApi, Properties: {{{access_log}}}}}}}");
    let template = Template::parse(&template, &Given::defaults("shop")).unwrap();
    let terminal = Terminal::default();
    let output = Output::to(terminal.clone(), format).unwrap();
    let log = output.access_log(&template.api);
    output.log(WENT_WELL);
    log.write(an_access_line());
    log.write(AccessLine { status: 500, failure: Some("it \"fell\" over".to_owned()), ..an_access_line() });
    output.say("The end.");
    output.flush();
    let text = String::from_utf8(terminal.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn text_is_one_line_for_each_request() {
    let lines = written(LogFormat::Text, "");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains(" 201 POST   /orders "), "{lines:#?}");
    assert!(lines[1].ends_with(r#"failure="it \"fell\" over""#), "{lines:#?}");
    assert_eq!(lines[2], "The end.");
}

#[test]
fn json_is_an_object_on_every_line() {
    for (access_log, id) in [
        ("", "/requestId"),
        (r#"AccessLogSettings: {Format: '{"id":"$context.requestId"}'}"#, "/id"),
        ("AccessLogSettings: {Format: $context.requestId}", "/access"),
    ] {
        let lines = written(LogFormat::Json, access_log);
        let read = |line: &String| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let lines: Vec<Value> = lines.iter().map(read).collect();
        assert!(lines.iter().all(Value::is_object) && lines.len() == 5, "{lines:#?}");
        assert_eq!(lines[0]["function"], "users");
        assert!(lines[1].pointer(id).and_then(Value::as_str).is_some_and(|id| id.len() == 16), "{lines:#?}");
        assert_eq!((&lines[3]["level"], &lines[3]["error.cause"]), (&json!("ERROR"), &json!("it \"fell\" over")));
        assert_eq!(lines[4]["message"], "The end.");
    }
}

#[test]
fn only_an_invocation_that_went_well_repeats_a_request() {
    assert!(repeats_a_request(WENT_WELL));
    for line in [
        r#"{"level":"ERROR","request.id":"a=","function":"users","status":500,"error.code":"internal"}"#,
        r#"{"level":"WARN","request.id":"a=","function":"users","event":"password-reset","user.id":"usr_1"}"#,
        r#"{"level":"INFO","request.id":"a","function":"checkout","half_way_seconds":0}"#,
        "thread 'main' panicked",
        "",
    ] {
        assert!(!repeats_a_request(line), "{line}");
    }
}
