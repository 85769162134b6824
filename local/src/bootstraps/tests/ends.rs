//! How processes end: by themselves, by their time, with the gateway.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::shop::{self, Options, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_start_fails_its_call_as_lambda_has_it() {
    let directory = built(&["hello"]);
    let says_so = run(directory.path(), ", Environment: {Variables: {START: fail}}");
    let failure = says_so.call(json!({"do": "echo"})).await.unwrap_err();
    assert_eq!(failure, Failure::new("Hello.NoConfig", "it has no configuration"));
    let exits = run(directory.path(), ", Environment: {Variables: {START: exit}}");
    let failure = exits.call(json!({"do": "echo"})).await.unwrap_err();
    let message = "RequestId: id-1 Error: Runtime exited with error: exit status 7";
    assert_eq!(failure, Failure::new("Runtime.ExitError", message));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_there_is_a_fresh_process_and_after_an_error_the_same() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let first = running.process().await;
    let failure = running.call(json!({"do": "fail"})).await.unwrap_err();
    assert_eq!(failure.error_message, "it does not work");
    assert_eq!(running.process().await, first);
    for (event, how) in [("exit", "exit status 3"), ("abort", "signal: aborted")] {
        let failure = running.call(json!({"do": event})).await.unwrap_err();
        assert_eq!(failure.error_type, "Runtime.ExitError");
        let message = failure.error_message;
        assert!(message.starts_with(&format!("RequestId: id-1 Error: Runtime exited with error: {how}")), "{message}");
        assert_ne!(running.process().await, first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_ended_with_its_process() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), ", Timeout: 1");
    let first = running.process().await;
    let failure = running.call(json!({"do": "listen"})).await.unwrap_err();
    let message = "RequestId: id-1 Error: Task timed out after 1.00 seconds";
    assert_eq!(failure, Failure::new("Sandbox.Timedout", message));
    let heard = running.heard();
    let port = heard.iter().find_map(|line| line.strip_prefix("hello: listening at ")).unwrap().parse::<u16>().unwrap();
    until("it still listens", || !listens(port)).await;
    assert_ne!(running.process().await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_while_it_is_idle_is_missed_by_nobody() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let first = running.process().await;
    let process = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let how = "hello: a process ended while it had nothing to do (Runtime exited with error: signal: killed)";
    until("nobody heard of it", || running.heard().iter().any(|line| line == how)).await;
    assert_ne!(running.process().await, first);
}

/// On one thread, so that nobody calls between the process's end and that its watcher knows of it.
#[tokio::test]
async fn a_process_that_has_ended_is_given_to_nobody_while_its_last_lines_are_read() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let first = running.process().await;
    // What is left behind holds its output open.
    running.call(json!({"do": "leave"})).await.unwrap();
    let process = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    until("it has not ended", || rustix::process::test_kill_process(process).is_err()).await;
    assert_ne!(running.process().await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_is_at_work_and_what_is_idle() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let function = running.hello();
    let call = tokio::spawn(async move { invoke(&function, json!({"do": "listen"})).await });
    running.process().await;
    let mut port = None;
    until("it does not listen", || {
        port = running.heard().iter().find_map(|line| line.strip_prefix("hello: listening at ")?.parse::<u16>().ok());
        port.is_some()
    })
    .await;
    running.bootstraps.stop().await;
    assert_eq!(call.await.unwrap().unwrap_err().error_type, "Runtime.ExitError");
    assert!(!listens(port.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_no_process_starts_for_those_who_waited() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let (mut busy, mut waiting) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        busy.push(running.busy().await);
    }
    for _ in 0..PROCESSES {
        let function = running.hello();
        waiting.push(tokio::spawn(async move { invoke(&function, json!({"do": "echo"})).await }));
    }
    until("they do not wait", || running.bootstraps.waiting() == PROCESSES).await;
    let heard = Arc::clone(&running.heard);
    running.bootstraps.stop().await;
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap_err().error_message, "RequestId: id-1 Error: the gateway is ending");
    }
    for (call, _go) in busy {
        assert_eq!(call.await.unwrap().unwrap_err().error_type, "Runtime.ExitError");
    }
    let total = format!("hello: {PROCESSES} invocations, {PROCESSES} cold starts");
    assert_eq!(*heard.lock().unwrap().last().unwrap(), total);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_invoked_a_function_directly_has_the_answer_before_processes_end() {
    let directory = built(&["hello"]);
    let file = directory.path().join("template.yaml");
    fs::write(&file, template("")).unwrap();
    let sink: Sink = Arc::new(|_, _| {});
    let built = Built { directory: directory.path().to_owned(), inherited: BTreeMap::new(), sink };
    let options = Options { template: file, bootstraps: Some(built), ..shop::tests::options(0) };
    let shop = Shop::start(options).await.unwrap();
    let (port, listener) = (shop.lambda_address().port(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let mut invocation = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let event = json!({"do": "meet", "port": listener.local_addr().unwrap().port()}).to_string();
    let head = "POST /2015-03-31/functions/Hello/invocations HTTP/1.1\r\nhost: localhost\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{event}", event.len());
    invocation.write_all(request.as_bytes()).await.unwrap();
    let go = listener.accept().await.unwrap();
    let stop = tokio::spawn(shop.stop());
    until("the Invoke API does not end", || !listens(port)).await;
    drop(go);
    let mut answer = String::new();
    invocation.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("x-amz-function-error"), "{answer}");
    stop.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_behind_is_read_no_longer_than_it() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    running.call(json!({"do": "leave"})).await.unwrap();
    let mut port = None;
    until("nothing is left behind", || {
        port = running.heard().iter().find_map(|line| line.strip_prefix("hello: listening at ")?.parse::<u16>().ok());
        port.is_some()
    })
    .await;
    assert!(listens(port.unwrap()));
    running.call(json!({"do": "exit"})).await.unwrap_err();
    until("somebody still reads what it writes", || !listens(port.unwrap())).await;
}

/// Runs in a process of its own, which [`processes_end_with_a_gateway_that_is_killed`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is run by another test"]
async fn a_gateway_that_will_be_killed() {
    let Some(directory) = std::env::var_os("BUILT") else { return };
    let running = run(Path::new(&directory), "");
    let function = running.hello();
    let call = tokio::spawn(async move { invoke(&function, json!({"do": "listen"})).await });
    until("it does not listen", || running.heard().len() > 1).await;
    for line in running.heard() {
        writeln!(std::io::stdout(), "{line}").unwrap();
    }
    call.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_end_with_a_gateway_that_is_killed() {
    let directory = built(&["hello"]);
    let mut gateway = Command::new(std::env::current_exe().unwrap())
        .args(["bootstraps::tests::ends::a_gateway_that_will_be_killed", "--exact", "--ignored", "--nocapture"])
        .env("BUILT", directory.path())
        .env("TMPDIR", directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines().map(Result::unwrap);
    let port = lines.find_map(|line| line.strip_prefix("hello: listening at ")?.parse::<u16>().ok()).unwrap();
    let copies = || {
        fs::read_dir(directory.path())
            .unwrap()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("portico-"))
    };
    assert!(copies());
    assert!(listens(port));
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    until("it still listens", || !listens(port)).await;
    until("its copies are still there", || !copies()).await;
}
