//! What lies in the folder after invocations that went well, failed, or were given up by their callers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::*;
use crate::functions::{Functions, Handler, Invocation, label, mount};
use crate::template::{Given, Template};

const TEMPLATE: &str = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Echo: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/echo/}}
";

struct Folded {
    _folder: tempfile::TempDir,
    path: PathBuf,
    said: Arc<Mutex<Vec<String>>>,
}

impl Folded {
    fn new() -> Folded {
        let folder = tempfile::tempdir().unwrap();
        Folded { path: folder.path().join("a/b"), _folder: folder, said: Arc::default() }
    }

    fn start(&self, secrets: bool) -> Recorder {
        let said = Arc::clone(&self.said);
        let say = Box::new(move |sentence: &str| said.lock().unwrap().push(sentence.to_owned()));
        let clock = Clock::system();
        Recorder::start(Record { folder: self.path.clone(), secrets, say }, &clock).unwrap()
    }

    /// What the files' names end with, after time and number, and their texts.
    fn files(&self) -> Vec<(String, String)> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(&self.path).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().split_once('-').unwrap().1.to_owned();
        paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap_or_default())).collect()
    }
}

fn functions(recorder: &Recorder, handler: Handler) -> Functions {
    let template = Template::parse(TEMPLATE, &Given::defaults("shop")).unwrap();
    let handlers = BTreeMap::from([("echo".to_owned(), handler)]);
    Functions::new(&template, handlers, &Clock::system()).unwrap().recorded(&template, recorder)
}

fn echo() -> Handler {
    mount(service_fn(|event: LambdaEvent<Value>| async move {
        assert!(event.payload["panic"] != true, "boom");
        match event.payload["fail"].as_str() {
            Some(why) => Err(Diagnostic { error_type: "Broken".into(), error_message: why.into() }),
            None => Ok(event.payload),
        }
    }))
}

async fn invoke(functions: &Functions, event: &str) -> Result<Bytes, Failure> {
    let invocation = Invocation { request_id: "id-1".to_owned(), trace_id: None };
    functions.by_id("Echo").unwrap().invoke(Bytes::copy_from_slice(event.as_bytes()), invocation).await
}

#[tokio::test]
async fn an_invocation_leaves_its_event_and_what_became_of_it() {
    let folded = Folded::new();
    let recorder = folded.start(false);
    let functions = functions(&recorder, echo());
    let (sent, shown) =
        ("{ \"z\":1.0, \"password\":\"hunter22\", \"a\":1e2 }", "{ \"z\":1.0, \"password\":\"***\", \"a\":1e2 }");
    assert!(invoke(&functions, sent).await.is_ok());
    assert!(invoke(&functions, r#"{"fail":"Bearer hunter22","token":"hunter22"}"#).await.is_err());
    assert!(invoke(&functions, r#"{"panic":true}"#).await.is_err());
    recorder.flush().await;

    let files = folded.files();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "000001-echo.answer.json",
        "000001-echo.event.json",
        "000002-echo.error.json",
        "000002-echo.event.json",
        "000003-echo.error.json",
        "000003-echo.event.json",
    ];
    assert_eq!(names, expected);
    assert_eq!(files[1].1, shown, "number texts, order and spaces stay");
    let answer: Value = serde_json::from_str(&files[0].1).unwrap();
    assert_eq!(answer, json!({"z": 1.0, "password": "***", "a": 100.0}));
    assert_eq!(files[2].1, r#"{"errorType":"Broken","errorMessage":"Bearer ***"}"#);
    assert!(files[4].1.contains("boom"), "{}", files[4].1);
    assert_eq!(*folded.said.lock().unwrap(), Vec::<String>::new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folded.path), 0o700);
        for entry in std::fs::read_dir(&folded.path).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }
}

#[tokio::test]
async fn secrets_stay_when_they_are_wanted() {
    let folded = Folded::new();
    let recorder = folded.start(true);
    let sent = r#"{"password":"hunter22","headers":{"authorization":"Bearer hunter22"}}"#;
    invoke(&functions(&recorder, echo()), sent).await.unwrap();
    recorder.flush().await;
    let files = folded.files();
    assert_eq!(files[1].1, sent);
    assert!(files[0].1.contains("Bearer hunter22"));
}

#[tokio::test]
async fn what_becomes_of_an_invocation_is_recorded_when_nobody_waits_for_it() {
    let folded = Folded::new();
    let recorder = folded.start(false);
    let (begun, go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let waits = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&done));
    let handler = Handler::new(move |_, _| {
        let (begun, go, done) = waits.clone();
        Box::pin(async move {
            begun.notify_one();
            go.notified().await;
            done.notify_one();
            Ok(b"1".to_vec())
        })
    });
    let functions = Arc::new(functions(&recorder, handler));
    let caller = {
        let functions = Arc::clone(&functions);
        tokio::spawn(async move { invoke(&functions, "{}").await })
    };
    begun.notified().await;
    recorder.flush().await;
    assert_eq!(folded.files().len(), 1, "the event is there before there is an answer");
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.notify_one();
    done.notified().await;
    while folded.files().len() < 2 {
        tokio::task::yield_now().await;
        recorder.flush().await;
    }
    assert_eq!(folded.files()[0], ("000001-echo.answer.json".to_owned(), "1".to_owned()));
}

#[test]
fn a_name_that_is_taken_is_passed_over_and_no_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let time = Timestamp::from_millis(1_744_668_856_123);
    let mut first = Folder::open(folder.path().to_owned()).unwrap();
    let name = first.event(time, "echo", b"1").unwrap();
    assert!(name.ends_with("20250414T221416.123Z-000001-echo"), "{}", name.display());
    let aim = folder.path().join("aim");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&aim, folder.path().join("20250414T221416.123Z-000002-echo.event.json")).unwrap();
    let mut again = Folder::open(folder.path().to_owned()).unwrap();
    let other = again.event(time, "echo", b"2").unwrap();
    assert!(other > name, "{}", other.display());
    assert_eq!(std::fs::read(with(&name, ".event.json")).unwrap(), b"1");
    assert!(!aim.exists());
    // A clock that is put back does not put later invocations before earlier ones.
    let later = again.event(Timestamp::from_millis(0), "echo", b"3").unwrap();
    assert!(later > other, "{}", later.display());
    assert_eq!(files::recorded(&with(&later, ".event.json")), None);
    files::outcome(&later, &Ok(b"4".to_vec())).unwrap();
    assert_eq!(files::recorded(&with(&later, ".event.json")), Some(Ok(b"4".to_vec())));
    assert!(files::outcome(&later, &Ok(b"5".to_vec())).is_err(), "nothing is written over");
}

fn with(name: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", name.display()))
}

#[test]
fn a_file_says_whose_event_it_is() {
    let of = |name: &'static str| files::function_of(Path::new(name));
    assert_eq!(of("rec/20250414T221416.123Z-000001-my-fn.event.json"), Some("my-fn"));
    assert_eq!(of("event.json"), None);
    assert_eq!(of("20250414T221416.123Z-000001-my-fn.answer.json"), None);
}

#[test]
fn a_function_is_called_by_its_binary_where_that_is_a_name_of_its_own() {
    let template = Template::parse(
        "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Own: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/own/}}
  One: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/same/}}
  Two: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/same/}}
  Odd: {Type: AWS::Serverless::Function, Properties: {CodeUri: 'target/lambda/..'}}
",
        &Given::defaults("shop"),
    )
    .unwrap();
    let labels: Vec<&str> = template.functions.iter().map(|function| label(&template, function)).collect();
    assert_eq!(labels, ["own", "One", "Two", "Odd"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let record = Record { folder: path, secrets: false, say: Box::new(|_| {}) };
        let error = Recorder::start(record, &Clock::system()).err().unwrap().to_string();
        assert!(error.ends_with("name a folder that can be written to."), "{error}");
    }
}

#[tokio::test]
async fn a_folder_that_goes_away_is_said_once_and_fails_no_request() {
    let folded = Folded::new();
    let recorder = folded.start(false);
    let functions = functions(&recorder, echo());
    std::fs::remove_dir_all(&folded.path).unwrap();
    for _ in 0..3 {
        assert!(invoke(&functions, "{}").await.is_ok());
    }
    recorder.flush().await;
    let said = folded.said.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Not every invocation is recorded: "), "{}", said[0]);
}

#[tokio::test]
async fn whoever_invokes_waits_while_there_is_no_room() {
    let folded = Folded::new();
    let recorder = folded.start(false);
    let held = recorder.room(usize::MAX).await;
    let recording = recorder.of("echo");
    let event = Bytes::from_static(b"{}");
    let mut waits = Box::pin(recording.event(&event));
    assert!(futures_util::poll!(&mut waits).is_pending());
    drop(held);
    waits.await;
    recorder.flush().await;
    assert_eq!(folded.files().len(), 1);
}
