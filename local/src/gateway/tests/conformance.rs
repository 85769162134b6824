//! Runs every case of `local/conformance`: a real gateway on a socket, the request as raw bytes, and what the function
//! saw and the client got compared with what the case's source says. The format is in the README there.

mod compare;
mod exchange;
mod format;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::functions::{Failure, Handler, Reply};
use crate::template::Given;
use format::{Behaviour, Case, Grade};

/// Events that functions were given, with the functions' names.
type Seen = Arc<Mutex<Vec<(&'static str, Value)>>>;

fn handler(name: &'static str, behaviour: &Behaviour, seen: &Seen) -> Handler {
    let (behaviour, seen) = (behaviour.clone(), Arc::clone(seen));
    Handler::new(move |event, _| -> Reply {
        seen.lock().unwrap().push((name, serde_json::from_slice(&event).unwrap()));
        let behaviour = behaviour.clone();
        Box::pin(async move {
            match behaviour {
                Behaviour::Answers(answer) => Ok(serde_json::to_vec(&answer).unwrap()),
                Behaviour::Writes(text) => Ok(text.into_bytes()),
                Behaviour::AnswersWithBytes(length) => {
                    Ok(serde_json::to_vec(&json!({"statusCode": 200, "body": "x".repeat(length)})).unwrap())
                }
                Behaviour::Fails(message) => Err(Failure::new("Runtime.Error", message)),
                Behaviour::Panics => panic!("this panic belongs to the case"),
                Behaviour::Hangs => std::future::pending().await,
            }
        })
    })
}

impl Case {
    async fn run(&self) -> Result<Vec<String>, String> {
        self.source.check()?;
        if self.description.split_whitespace().count() < 4 {
            return Err("description: a sentence, please".to_owned());
        }
        let template = Template::parse(&self.api.template(), &Given::defaults("shop"));
        let template = match (template, &self.expected.refused) {
            (Ok(template), None) => template,
            (Err(fault), Some(expected)) if compare::fits(expected, &fault.message) => return Ok(Vec::new()),
            (Err(fault), _) => return Err(format!("api: {}", fault.message)),
            (Ok(_), Some(_)) => return Err("refused: the template is taken".to_owned()),
        };
        let seen = Seen::default();
        let handlers = BTreeMap::from([
            ("main".to_owned(), handler("main", &self.function, &seen)),
            ("authorizer".to_owned(), handler("authorizer", &self.authorizer, &seen)),
        ]);
        let clock = Clock::adjustable();
        let functions = Functions::new(&template, handlers, &clock).unwrap();
        let settings = Settings { clock, source_ip: Some([203, 0, 113, 7].into()), ..Settings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Gateway::new(&template, &functions, settings).serve(listener).unwrap();
        for request in &self.before {
            request.send(running.address()).await;
        }
        seen.lock().unwrap().clear();
        let answered = self.request.send(running.address()).await;
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        Ok(self.expected.compare(&answered, &seen))
    }
}

/// Every file below the folder but its README, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("conformance/README.md") => {}
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn every_case_of_conformance_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let (mut failures, mut grades) = (String::new(), BTreeMap::<Grade, usize>::new());
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        assert!(
            file.extension().is_some_and(|extension| extension == "json") && name.matches('/').count() == 1,
            "local/conformance/{name} is not read: cases are <area>/<case>.json"
        );
        let differences = match serde_json::from_slice::<Case>(&std::fs::read(&file).unwrap()) {
            Ok(case) => {
                *grades.entry(case.source.grade).or_default() += 1;
                case.run().await.unwrap_or_else(|wrong| vec![wrong])
            }
            Err(error) => vec![format!("cannot be read: {error}")],
        };
        for difference in differences {
            writeln!(failures, "local/conformance/{name}: {difference}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}\n{grades:?}");
    let count: usize = grades.values().sum();
    assert!(count >= 60, "only {count} cases were found: {grades:?}");
}
