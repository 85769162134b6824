//! What is on standard output after a replay.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::Cli;
use crate::output::LogFormat;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder with a template, its function's program, which is the example `bootstrap`, and an event.
fn folder(event: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let template = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: hello/, Handler: hello, Runtime: provided.al2023}}
";
    std::fs::write(folder.path().join("template.yaml"), template).unwrap();
    std::fs::write(folder.path().join("event.json"), event).unwrap();
    std::fs::create_dir(folder.path().join("hello")).unwrap();
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().and_then(Path::parent).unwrap().join("examples/bootstrap");
    std::os::unix::fs::symlink(example, folder.path().join("hello/bootstrap")).unwrap();
    folder
}

/// Replays the event in this folder with these flags, and gives what is written on standard output.
async fn replayed(folder: &Path, flags: &[&str]) -> (Result<(), Error>, String) {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (event, template, programs) = (at("event.json"), at("template.yaml"), at(""));
    let replay = ["replay", &event, "--function", "Hello", "--template", &template, "--bootstraps", &programs];
    let arguments = ["portico"].iter().chain(flags).chain(&replay);
    let written = Written::default();
    let output = Output::to(written.clone(), LogFormat::Text).unwrap();
    let flags = Cli::parse_from(arguments).shop;
    let options =
        flags.options(&output, BTreeMap::new(), |_| Err(Error::new("there is no database to reach."))).unwrap();
    let result = super::replay(options, &output, Path::new(&event), Some("Hello")).await;
    output.flush();
    let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (result, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_answer_is_on_standard_output_whatever_the_function_writes() {
    let folder = folder(r#"{"do":"say","line":"hello from the function"}"#);
    let (result, written) = replayed(folder.path(), &[]).await;
    assert_eq!((result.map_err(|error| error.to_string()), written.as_str()), (Ok(()), "null\n"));
}

#[tokio::test]
async fn nothing_is_recorded_again() {
    let folder = folder("{}");
    let record = folder.path().join("record");
    let (result, written) = replayed(folder.path(), &["--record", record.to_str().unwrap()]).await;
    assert_eq!(result.unwrap_err().to_string(), "replay records nothing: leave --record out.");
    assert!(written.is_empty() && !record.exists(), "{written}");
}

#[test]
fn real_credentials_are_warned_of_where_the_function_is_a_process() {
    let output = Output::to(Written::default(), LogFormat::Text).unwrap();
    let warned = |flags: &[&str]| {
        let arguments = ["portico", "replay", "event.json", "--template", "template.yaml"].iter().chain(flags);
        let options = Cli::parse_from(arguments).shop.options(&output, BTreeMap::new(), |url| Ok(Access::local(url)));
        warning(&options.unwrap()).is_some()
    };
    let aws = "https://dynamodb.eu-central-1.amazonaws.com";
    assert!(warned(&["--bootstraps", "b", "--dynamodb", aws]));
    assert!(!warned(&["--bootstraps", "b", "--dynamodb", "http://localhost:8000"]));
    assert!(!warned(&["--bootstraps", "b"]));
    assert!(!warned(&["--dynamodb", aws]));
}
