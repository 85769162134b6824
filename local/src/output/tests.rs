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

/// What a terminal shows of news of the function `hello`.
fn heard(format: LogFormat, all: &[News<'_>]) -> Vec<String> {
    let terminal = Terminal::default();
    let output = Output::to(terminal.clone(), format).unwrap();
    let speaker = Speaker { name: "hello".into(), width: 7, sink: Arc::new(|_, _| {}) };
    for news in all {
        output.news(&speaker, *news);
    }
    output.flush();
    let text = String::from_utf8(terminal.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

const NEWS: [News<'_>; 6] = [
    News::Line(WENT_WELL),
    News::Line("\u{1b}[2Jred\ttape\u{9b}"),
    News::Line(r#"{"level":"WARN"}"#),
    News::ColdStart { number: 2, took: Duration::from_micros(12_345) },
    News::Said("it ended"),
    News::Total { invocations: 5, cold_starts: 2 },
];

#[test]
fn a_functions_lines_have_its_name_and_do_nothing_to_a_terminal() {
    assert_eq!(
        heard(LogFormat::Text, &NEWS),
        [
            r"hello   | \u{1b}[2Jred	tape\u{9b}",
            r#"hello   | {"level":"WARN"}"#,
            "hello   | cold start 2: 12.3 ms",
            "hello   | it ended",
            "hello   | invocations: 5, cold starts: 2",
        ]
    );
}

#[test]
fn a_functions_lines_are_objects_as_they_are_or_in_one() {
    let lines: Vec<Value> =
        heard(LogFormat::Json, &NEWS).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            serde_json::from_str(WENT_WELL).unwrap(),
            json!({"function": "hello", "message": "\u{1b}[2Jred\ttape\u{9b}"}),
            json!({"level": "WARN"}),
            json!({"level": "INFO", "function": "hello", "cold_start": 2, "init_ms": 12.3}),
            json!({"level": "WARN", "function": "hello", "message": "it ended"}),
            json!({"level": "INFO", "function": "hello", "invocations": 5, "cold_starts": 2}),
        ]
    );
}

#[test]
fn only_an_invocation_that_went_well_repeats_a_request() {
    assert!(repeats_a_request(WENT_WELL));
    for line in [
        r#"{"level":"ERROR","request.id":"a=","function":"users","status":500,"error.code":"internal"}"#,
        r#"{"level":"WARN","request.id":"a=","function":"users","event":"password-reset","user.id":"usr_1"}"#,
        r#"{"level":"INFO","request.id":"a","function":"checkout","half_way_seconds":0}"#,
        r#"{"level":"INFO","status":"shipped","message":"order 7"}"#,
        r#"{"level":"INFO","status":200,"function":"hello","message":"done"}"#,
        r#"{"level":"INFO","status":"ok","function":"hello","request.id":"a"}"#,
        "thread 'main' panicked",
        "",
    ] {
        assert!(!repeats_a_request(line), "{line}");
    }
}

#[test]
fn long_lines_wait_in_a_room_of_their_own_and_give_it_back() {
    // Longer than what the output gathers, so that the terminal must take of the first before it is written.
    let long = "x".repeat(1 << 16);
    let terminal = Terminal::default();
    let output = Output::within(WAITING, 3 * long.len(), terminal.clone(), LogFormat::Text).unwrap();
    let speaker = Speaker { name: "hello".into(), width: 5, sink: Arc::new(|_, _| {}) };
    // A terminal that takes nothing.
    let takes_nothing = terminal.0.lock().unwrap();
    for _ in 0..3 {
        output.news(&speaker, News::Line(&long));
    }
    assert!(!output.room.take(LONG + 1), "there is room for a fourth");
    // Short ones and others' do not need it.
    output.news(&speaker, News::Line("short"));
    output.say("The end.");
    drop(takes_nothing);
    output.flush();
    assert!(output.room.take(3 * long.len()), "room is lost");
    assert_eq!(terminal.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 5);
}

#[test]
fn processes_lines_leave_half_of_the_places_to_the_gateway() {
    let terminal = Terminal::default();
    let output = Output::within(6, ROOM, terminal.clone(), LogFormat::Text).unwrap();
    let speaker = Speaker { name: "hello".into(), width: 5, sink: Arc::new(|_, _| {}) };
    let takes_nothing = terminal.0.lock().unwrap();
    // Longer than what the output gathers: it stays with this one.
    output.line(&"x".repeat(1 << 16));
    for _ in 0..3 {
        output.news(&speaker, News::Line("short"));
    }
    assert!(!output.places.take(1), "there is a place for a fourth");
    // These wait for nobody, or the test would not end.
    output.say("The beginning.");
    output.say("The end.");
    drop(takes_nothing);
    output.flush();
    assert!(output.places.take(3), "places are lost");
    assert_eq!(terminal.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_waits_for_a_terminal_keeps_no_other_task_from_running() {
    let terminal = Terminal::default();
    let output = Output::within(WAITING, 1, terminal.clone(), LogFormat::Text).unwrap();
    assert!(output.room.take(1));
    let logs = output.clone();
    let log = tokio::spawn(async move {
        let speaker = Speaker { name: "hello".into(), width: 5, sink: Arc::new(|_, _| {}) };
        logs.news(&speaker, News::Line(&"x".repeat(LONG + 1)));
    });
    // There is one worker, which the line would have for itself.
    tokio::spawn(async {}).await.unwrap();
    output.room.give_back(1);
    log.await.unwrap();
}
