//! One process of a function: where it is in its life, which the Runtime API moves on. What does not fit where it is, is
//! refused as Lambda refuses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::pool::Pool;
use super::program::Stamp;
use super::slots::{Lease, Place};
use crate::functions::Failure;

/// An invocation, for the process that does it.
#[derive(Debug)]
pub struct Handout {
    /// Its id.
    pub id: String,
    /// When it must have ended, in milliseconds since 1970.
    pub deadline_ms: i64,
    /// What was invoked.
    pub arn: String,
    /// The value of `X-Amzn-Trace-Id`.
    pub trace_id: Option<String>,
    /// The event.
    pub event: Bytes,
}

/// How an invocation, or a process, ended when it did not end well.
#[derive(Debug)]
pub enum Ending {
    /// As the function said.
    Said(Failure),
    /// With the process; this is what Lambda says about it.
    Exit(String),
}

impl Ending {
    /// What the caller is told of it.
    pub fn failure(self, id: &str) -> Failure {
        match self {
            Ending::Said(failure) => failure,
            Ending::Exit(how) => Failure::new("Runtime.ExitError", format!("RequestId: {id} Error: {how}")),
        }
    }
}

/// What an invocation gave.
pub struct Answered {
    /// The answer.
    pub outcome: Result<Bytes, Ending>,
    /// Ends when the process is ready for the next invocation, or is no more.
    pub settled: oneshot::Receiver<()>,
}

/// What a process asks for that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The id is not that of an invocation under way.
    UnknownId,
    /// It is not the time for it.
    WrongState,
}

/// Whoever waits for a process to be ready.
pub type Ready = oneshot::Receiver<Result<(), Ending>>;

enum Phase {
    Starting(oneshot::Sender<Result<(), Ending>>),
    Waiting(oneshot::Sender<Handout>),
    Busy {
        id: String,
        answer: oneshot::Sender<Answered>,
    },
    /// It has answered, and has not asked for the next one. The receiver learns when it does.
    Answered(oneshot::Sender<()>),
    Over,
}

/// A process.
pub struct Process {
    /// The version of its program.
    pub stamp: Stamp,
    pool: Weak<Pool>,
    phase: Mutex<Phase>,
    place: Mutex<Option<Place>>,
    end: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// One that is about to start.
    pub fn new(stamp: Stamp, pool: &Arc<Pool>) -> (Arc<Process>, Ready) {
        let (ready, wait) = oneshot::channel();
        let phase = Mutex::new(Phase::Starting(ready));
        let (pool, place) = (Arc::downgrade(pool), Mutex::default());
        (Arc::new(Process { stamp, pool, phase, place, end: Notify::new() }), wait)
    }

    /// Counts among the function's processes from now on.
    pub fn take_place(&self, place: Place) {
        *lock(&self.place) = Some(place);
    }

    /// Counts no more, and ends.
    pub fn end(&self) {
        drop(self.leave());
        self.end.notify_one();
    }

    /// Counts no more.
    pub fn leave(&self) -> Option<Place> {
        lock(&self.place).take()
    }

    /// Waits until it shall end.
    pub async fn told_to_end(&self) {
        self.end.notified().await;
    }

    /// It asks for its next invocation. One that has asked before and hears nothing asks again on another connection: the
    /// last one counts. Whom nobody waits for any more is about to be ended, and has nothing to ask for.
    pub fn next(self: &Arc<Self>) -> Result<oneshot::Receiver<Handout>, Misfit> {
        let (handout, wait) = oneshot::channel();
        let mut phase = lock(&self.phase);
        let (is_awaited, has_answered) = match std::mem::replace(&mut *phase, Phase::Over) {
            // Whoever started it is the first to use it.
            Phase::Starting(ready) => (ready.send(Ok(())).is_ok(), false),
            Phase::Answered(settled) => (settled.send(()).is_ok(), true),
            Phase::Waiting(_) => (true, false),
            Phase::Over => (false, false),
            busy @ Phase::Busy { .. } => {
                *phase = busy;
                (false, false)
            }
        };
        if is_awaited {
            *phase = Phase::Waiting(handout);
        }
        drop(phase);
        if has_answered && let Some(pool) = self.pool.upgrade() {
            pool.settled(is_awaited.then(|| Lease::new(Arc::clone(self))));
        }
        if is_awaited { Ok(wait) } else { Err(Misfit::WrongState) }
    }

    /// Gives it an invocation; the invocation comes back if it cannot take it.
    pub fn hand_out(&self, handout: Handout) -> Result<oneshot::Receiver<Answered>, Handout> {
        let mut phase = lock(&self.phase);
        let (answer, wait) = oneshot::channel();
        match std::mem::replace(&mut *phase, Phase::Over) {
            Phase::Waiting(next) => {
                let id = handout.id.clone();
                next.send(handout)?;
                *phase = Phase::Busy { id, answer };
                Ok(wait)
            }
            other => {
                *phase = other;
                Err(handout)
            }
        }
    }

    /// It has answered the invocation `id`, or has failed in it. If nobody waits any more, that comes too late.
    pub fn answer(&self, id: &str, outcome: Result<Bytes, Ending>) -> Result<(), Misfit> {
        let mut phase = lock(&self.phase);
        match std::mem::replace(&mut *phase, Phase::Over) {
            Phase::Busy { id: current, answer } if current == id => {
                let (settled, wait) = oneshot::channel();
                let pool = self.pool.upgrade();
                // Who has the answer may call again at once.
                if let Some(pool) = &pool {
                    pool.settles();
                }
                if answer.send(Answered { outcome, settled: wait }).is_ok() {
                    *phase = Phase::Answered(settled);
                    return Ok(());
                }
                if let Some(pool) = &pool {
                    pool.settled(None);
                }
                Err(Misfit::UnknownId)
            }
            other => {
                let is_starting = matches!(other, Phase::Starting(_));
                *phase = other;
                Err(if is_starting { Misfit::WrongState } else { Misfit::UnknownId })
            }
        }
    }

    /// It says that it cannot start.
    pub fn fail_to_start(&self, failure: Failure) -> Result<(), Misfit> {
        let mut phase = lock(&self.phase);
        if !matches!(*phase, Phase::Starting(_)) {
            return Err(Misfit::WrongState);
        }
        let before = std::mem::replace(&mut *phase, Phase::Over);
        drop(phase);
        if let Phase::Starting(ready) = before {
            let _ = ready.send(Err(Ending::Said(failure)));
        }
        Ok(())
    }

    /// It has ended. If it was doing nothing, it is given to nobody any more. Gives whether it was.
    pub fn over_if_idle(&self) -> bool {
        let mut phase = lock(&self.phase);
        if !matches!(*phase, Phase::Waiting(_) | Phase::Answered(_)) {
            return false;
        }
        let before = std::mem::replace(&mut *phase, Phase::Over);
        drop(phase);
        self.was_idle(&before)
    }

    /// It has ended, in this way. Gives whether it was doing nothing.
    pub fn over(&self, how: &str) -> bool {
        let before = std::mem::replace(&mut *lock(&self.phase), Phase::Over);
        let is_idle = self.was_idle(&before);
        let (_, settled) = oneshot::channel();
        let exit = Ending::Exit(how.to_owned());
        match before {
            Phase::Starting(ready) => drop(ready.send(Err(exit))),
            Phase::Busy { answer, .. } => drop(answer.send(Answered { outcome: Err(exit), settled })),
            Phase::Waiting(_) | Phase::Answered(_) | Phase::Over => {}
        }
        is_idle
    }

    fn was_idle(&self, before: &Phase) -> bool {
        if matches!(before, Phase::Answered(_))
            && let Some(pool) = self.pool.upgrade()
        {
            pool.settled(None);
        }
        matches!(before, Phase::Waiting(_) | Phase::Answered(_))
    }
}
