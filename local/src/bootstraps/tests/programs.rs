//! Where programs come from, and what becomes of them.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_built_again_runs_at_the_next_call() {
    let directory = built(&[]);
    let running = run(directory.path(), "");
    let missing = running.bootstraps.missing();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(missing[0].starts_with("Hello has no program here: build it"), "{missing:?}");
    let failure = running.call(json!({"do": "echo"})).await.unwrap_err();
    assert_eq!(failure.error_message, missing[0]);

    let program = build(directory.path());
    let first = running.process().await;
    assert_eq!(running.process().await, first);
    // It can be written to while it runs.
    let mut file = fs::OpenOptions::new().append(true).open(&program).unwrap();
    file.write_all(b"\n").unwrap();
    drop(file);
    let second = running.process().await;
    assert_ne!(second, first);
    assert_eq!(running.process().await, second);
    let heard = Arc::clone(&running.heard);
    running.bootstraps.stop().await;
    assert!(heard.lock().unwrap().contains(&"hello: 5 invocations, 2 cold starts".to_owned()), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_where_it_is_and_what_cannot_run_says_why() {
    let directory = built(&[]);
    let program = directory.path().join("hello/bootstrap");
    fs::create_dir(directory.path().join("hello")).unwrap();
    fs::write(&program, format!("#!/bin/sh\necho \"$0\"\nexec '{}'\n", example().display())).unwrap();
    let running = run(directory.path(), "");
    let failure = running.call(json!({"do": "echo"})).await.unwrap_err();
    assert!(failure.error_message.contains("Permission denied"), "{failure}");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    running.process().await;
    let line = format!("hello: {}", program.display());
    until("it does not say where it is", || running.heard().contains(&line)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_program_is_built_again_the_last_one_runs() {
    let directory = built(&[]);
    let program = build(directory.path());
    let running = run(directory.path(), "");
    let first = running.process().await;
    fs::remove_dir_all(directory.path().join("hello")).unwrap();
    let (busy, go) = running.busy().await;
    // Another process would have no directory to run in.
    let failure = running.call(json!({"do": "echo"})).await.unwrap_err();
    assert_eq!(failure.error_message, running.bootstraps.missing()[0]);
    fs::create_dir(directory.path().join("hello")).unwrap();
    let second = running.process().await;
    assert_ne!(second, first);
    drop(go);
    assert_eq!(busy.await.unwrap().unwrap(), json!(first));
    fs::copy(example(), &program).unwrap();
    let third = running.process().await;
    assert!(third != first && third != second, "{third}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_taken_away_is_made_again() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let echo = running.call(json!({"do": "echo"})).await.unwrap();
    fs::remove_file(echo["program"].as_str().unwrap()).unwrap();
    let (busy, go) = running.busy().await;
    running.process().await;
    drop(go);
    busy.await.unwrap().unwrap();
}

/// The example, whose loader has another name than any on this machine.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_its_loader_says_that_it_needs_one() {
    let directory = built(&[]);
    let mut bytes = fs::read(example()).unwrap();
    let at = bytes.windows(4).position(|window| window == b"/ld-").unwrap();
    bytes[at..at + 4].copy_from_slice(b"/no-");
    fs::create_dir(directory.path().join("hello")).unwrap();
    let program = directory.path().join("hello/bootstrap");
    fs::write(&program, bytes).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let running = run(directory.path(), "");
    let failure = running.call(json!({"do": "echo"})).await.unwrap_err();
    assert!(failure.error_message.contains("it needs a loader"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_a_program_lies_beside_its_copy_which_is_its_owners() {
    let directory = built(&["hello"]);
    fs::create_dir(directory.path().join("hello/lib")).unwrap();
    fs::write(directory.path().join("hello/lib/libhello.so"), "a library").unwrap();
    let running = run(directory.path(), "");
    assert_eq!(running.call(json!({"do": "beside", "file": "lib/libhello.so"})).await.unwrap(), "a library");
    let program = running.call(json!({"do": "echo"})).await.unwrap()["program"].as_str().map(PathBuf::from).unwrap();
    let copies = program.parent().and_then(Path::parent).unwrap();
    assert_eq!(fs::metadata(copies).unwrap().permissions().mode() & 0o777, 0o700);
    running.bootstraps.stop().await;
    assert!(!copies.exists());
    assert!(directory.path().join("hello/lib/libhello.so").exists());

    let own = run(directory.path(), ", Environment: {Variables: {LD_LIBRARY_PATH: /var/task/libraries}}");
    let echo = own.call(json!({"do": "echo"})).await.unwrap();
    assert_eq!(echo["environment"]["LD_LIBRARY_PATH"], "/var/task/libraries");
}
