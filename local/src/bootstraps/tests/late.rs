//! What a process says when nobody waits for it any more: it is about to be ended, and nobody else may get it.

use tokio::sync::oneshot::Receiver;

use super::*;
use crate::bootstraps::pool::Pool;
use crate::bootstraps::process::{Answered, Handout, Misfit, Process, Ready};
use crate::bootstraps::slots::{Found, Slot, Wish};

/// A process that is none of the system's, so that it says things when the test has it say them.
fn process(pool: &Arc<Pool>) -> (Arc<Process>, Ready) {
    Process::new(pool.declared.places.find().unwrap().1, pool)
}

/// One that is at work on the invocation `id-1`, and what waits for its answer.
fn at_work(pool: &Arc<Pool>) -> (Arc<Process>, Receiver<Answered>) {
    let (process, _ready) = process(pool);
    let _next = process.next().unwrap();
    let handout =
        Handout { id: "id-1".to_owned(), deadline_ms: 0, arn: String::new(), trace_id: None, event: Bytes::new() };
    let answer = process.hand_out(handout).unwrap();
    (process, answer)
}

/// Whether a call would start a process, and not wait for this one or get it.
fn is_left_alone(pool: &Arc<Pool>, process: &Process) -> bool {
    matches!(pool.find(process.stamp, Wish { patient: true, queues: false }), Found::Slot(Slot::Room(_)))
}

#[tokio::test]
async fn an_answer_after_the_time_is_refused() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let pool = running.bootstraps.pool();
    let (process, answer) = at_work(pool);
    drop(answer);
    assert_eq!(process.answer("id-1", Ok(Bytes::new())), Err(Misfit::UnknownId));
    assert_eq!(process.next().err(), Some(Misfit::WrongState));
    assert!(is_left_alone(pool, &process));
}

#[tokio::test]
async fn who_worked_on_after_its_answer_for_too_long_gets_no_more() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let pool = running.bootstraps.pool();
    let (process, answer) = at_work(pool);
    process.answer("id-1", Ok(Bytes::new())).unwrap();
    drop(answer.await.unwrap().settled);
    assert_eq!(process.next().err(), Some(Misfit::WrongState));
    assert!(is_left_alone(pool, &process));
}

#[tokio::test]
async fn who_started_too_late_gets_nothing() {
    let directory = built(&["hello"]);
    let running = run(directory.path(), "");
    let (process, ready) = process(running.bootstraps.pool());
    drop(ready);
    assert_eq!(process.next().err(), Some(Misfit::WrongState));
}
