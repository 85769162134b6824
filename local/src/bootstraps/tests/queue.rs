//! Whose turn it is where all processes are at work.

use std::io::Write;

use super::*;

impl Running {
    /// Puts an event into the queue that says this line.
    async fn queue(&self, line: &str) {
        let (function, before) = (self.hello(), self.bootstraps.waiting());
        let event = Bytes::from(json!({"do": "say", "line": line}).to_string());
        let later = Invocation { request_id: "id-2".to_owned(), trace_id: None };
        tokio::spawn(async move { function.invoke_later(event, later).await });
        until("it does not wait", || self.bootstraps.waiting() == before + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_built_again_runs_for_those_who_wait_and_they_keep_their_turn() {
    let directory = built(&[]);
    let program = build(directory.path());
    let running = run(directory.path(), ", ReservedConcurrentExecutions: 1");
    let (busy, go) = running.busy().await;
    for line in ["first", "second", "third"] {
        running.queue(line).await;
    }
    fs::OpenOptions::new().append(true).open(&program).unwrap().write_all(b"\n").unwrap();
    drop(go);
    busy.await.unwrap().unwrap();
    until("not all is said", || running.heard().len() == 5).await;
    assert_eq!(running.heard()[1..], ["hello: cold start 2", "hello: first", "hello: second", "hello: third"]);
    // Whoever comes now finds the process that they had, so that it is of the new version.
    running.process().await;
    let heard = Arc::clone(&running.heard);
    running.bootstraps.stop().await;
    assert_eq!(heard.lock().unwrap().last().unwrap(), "hello: 5 invocations, 2 cold starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_behind_all_for_whom_somebody_waits() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let mut all = Vec::new();
    for _ in 0..PROCESSES {
        all.push(running.busy().await);
    }
    for line in ["first event", "second event"] {
        running.queue(line).await;
    }
    let function = running.hello();
    let call = tokio::spawn(async move { invoke(&function, json!({"do": "say", "line": "call"})).await });
    until("it does not wait", || running.bootstraps.waiting() == 3).await;
    let (first, go) = all.remove(0);
    drop(go);
    first.await.unwrap().unwrap();
    call.await.unwrap().unwrap();
    until("not all is said", || running.heard().len() == PROCESSES + 3).await;
    assert_eq!(running.heard()[PROCESSES..], ["hello: call", "hello: first event", "hello: second event"]);
}
