//! A function's processes: as many as there are invocations at once, up to a limit.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lambda_runtime::Context;
use shared::clock::Clock;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::watch;
use tokio::time::timeout;

use super::child;
use super::keeper::Keeper;
use super::news::{News, Speaker};
use super::process::{Answered, Handout};
use super::program::{Places, Program, Stamp};
use super::slots::{Found, Lease, Patience, Place, Slot, State, Wish};
use crate::functions::Failure;

/// How long a process may take from its start to its first request for an invocation; after that Lambda starts it once
/// more, within the function's own time.
const INIT: Duration = Duration::from_secs(10);
/// How many processes a function may have whose concurrency nobody reserved: a limit of this machine.
pub const PROCESSES: usize = 10;

/// A function, as its processes are told of it.
pub struct Declared {
    /// Where its program may be.
    pub places: Places,
    /// Its processes' variables, but for those that each has for itself.
    pub environment: Vec<(String, String)>,
    /// How long one invocation may run.
    pub timeout: Duration,
    /// How many processes there may be.
    pub limit: usize,
    /// Whether Lambda refuses more; else they wait.
    pub is_reserved: bool,
}

/// What all functions share.
pub struct Common {
    /// Ends processes if this one cannot.
    pub keeper: Keeper,
    /// Where copies of programs lie.
    pub copies: PathBuf,
    /// Becomes true when all shall end. Whoever starts a process and watches over it listens to it until that has ended.
    pub stop: watch::Sender<bool>,
    /// How long to wait for processes that have answered.
    pub patience: Patience,
}

/// A function's processes.
pub struct Pool {
    /// Whose they are.
    pub declared: Declared,
    /// By which name their lines go.
    pub speaker: Speaker,
    /// What they share with those of other functions.
    pub common: Arc<Common>,
    /// Who has them.
    pub state: Mutex<State>,
    /// How many have answered and not yet asked for more.
    pub settling: AtomicUsize,
    program: tokio::sync::Mutex<Option<Arc<Program>>>,
    invocations: AtomicU64,
    cold_starts: AtomicU64,
}

impl Pool {
    /// Of a function, none yet.
    pub fn new(declared: Declared, speaker: Speaker, common: Arc<Common>) -> Pool {
        Pool {
            declared,
            speaker,
            common,
            state: Mutex::default(),
            settling: AtomicUsize::new(0),
            program: tokio::sync::Mutex::default(),
            invocations: AtomicU64::new(0),
            cold_starts: AtomicU64::new(0),
        }
    }

    /// Invokes the function. Where Lambda refuses more, one that `queues` waits nevertheless.
    pub async fn invoke(self: &Arc<Self>, event: Bytes, context: Context, queues: bool) -> Result<Bytes, Failure> {
        let limit = self.declared.timeout;
        let id = context.request_id.clone();
        let mut handout = Handout {
            id: context.request_id,
            deadline_ms: 0,
            arn: context.invoked_function_arn,
            trace_id: context.xray_trace_id,
            event,
        };
        let (lease, answer) = loop {
            let lease = self.lease(&id, queues).await.inspect_err(|failure| {
                // As Lambda counts: also what could not start, but not what was refused.
                if !failure.is_throttled && !self.is_stopping() {
                    self.count();
                }
            })?;
            let Some(process) = lease.process() else { continue };
            // Processes live by the clock on the wall.
            handout.deadline_ms = Clock::system().now().plus(limit).as_millis();
            match process.hand_out(handout) {
                Ok(answer) => {
                    self.count();
                    break (lease, answer);
                }
                // It ended while it was idle.
                Err(back) => handout = back,
            }
        };
        let began = Instant::now();
        let Answered { outcome, settled } = match within(limit, answer).await {
            Some(answered) => answered.map_err(|_| stopping(&id))?,
            None => return Err(Failure::timed_out(&id, limit)),
        };
        // What it still does counts for this invocation.
        let (left, speaker) = (limit.saturating_sub(began.elapsed()), self.speaker.clone());
        tokio::spawn(async move {
            match within(left, settled).await {
                Some(_) => lease.release(),
                None => speaker.say(News::Said("it was still at work after its answer, and was ended")),
            }
        });
        outcome.map_err(|ending| ending.failure(&id))
    }

    fn count(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    async fn lease(self: &Arc<Self>, id: &str, queues: bool) -> Result<Lease, Failure> {
        let mut wish = Wish { patient: true, queues };
        loop {
            let mut version = self.version().await?;
            if self.is_stopping() {
                return Err(stopping(id));
            }
            let slot = match self.find(version.1, wish) {
                Found::Slot(slot) => slot,
                Found::Nothing => return Err(Failure::throttled()),
                Found::Wait(slot) => {
                    let slot = slot.await.map_err(|_| stopping(id))?;
                    self.after_waiting(&mut version);
                    slot
                }
                Found::Settling(slot, patience) => {
                    let Some(slot) = within(patience, slot).await else {
                        wish.patient = false;
                        continue;
                    };
                    self.after_waiting(&mut version);
                    slot.map_err(|_| stopping(id))?
                }
            };
            // Who waited may have waited until the stop.
            if self.is_stopping() {
                return Err(stopping(id));
            }
            let (file, stamp) = version;
            let place = match slot {
                Slot::Process(lease) if lease.is(stamp) => return Ok(lease),
                // Built anew meanwhile: whoever has its turn keeps it.
                Slot::Process(lease) => lease.process().and_then(|process| process.leave()),
                Slot::Room(place) => Some(place),
            };
            if let Some(place) = place {
                let program = self.program(&file, stamp).await?;
                if !program.is_there() {
                    self.declared.places.find().map_err(cannot_start)?;
                }
                return self.start(place, &program, id).await;
            }
        }
    }

    /// The version that there is now; or, while one is being built and there is none, the last one.
    async fn version(&self) -> Result<(Cow<'_, Path>, Stamp), Failure> {
        match self.declared.places.find() {
            Ok(version) => Ok(version),
            Err(not_found) => match &*self.program.lock().await {
                Some(program) => Ok((Cow::Owned(program.root.join("bootstrap")), program.stamp)),
                None => Err(cannot_start(not_found)),
            },
        }
    }

    /// Whoever waited takes the version that there is now. While one is being built there may be none.
    fn after_waiting<'a>(&'a self, version: &mut (Cow<'a, Path>, Stamp)) {
        if let Ok(now) = self.declared.places.find() {
            *version = now;
        }
    }

    fn is_stopping(&self) -> bool {
        *self.common.stop.borrow()
    }

    /// The program, prepared once for each version.
    async fn program(&self, file: &Path, stamp: Stamp) -> Result<Arc<Program>, Failure> {
        let mut program = self.program.lock().await;
        match &*program {
            Some(program) if program.stamp == stamp && !program.is_lost() => Ok(Arc::clone(program)),
            _ => {
                let new = Program::prepare(file, &self.common.copies).await.map_err(|error| {
                    cannot_start(format!("{} cannot be run ({error}): build it again.", file.display()))
                })?;
                Ok(Arc::clone(program.insert(Arc::new(new))))
            }
        }
    }

    async fn start(self: &Arc<Self>, place: Place, program: &Arc<Program>, id: &str) -> Result<Lease, Failure> {
        // Whoever ends all waits for those who listen: either this is told of the stop, or it is waited for.
        let stop = self.common.stop.subscribe();
        if *stop.borrow() {
            return Err(stopping(id));
        }
        let number = self.cold_starts.fetch_add(1, Ordering::Relaxed) + 1;
        for limit in [INIT, self.declared.timeout] {
            let began = Instant::now();
            let (process, ready) = child::start(self, program).await.map_err(cannot_start)?;
            // Dropping it ends the process.
            let lease = Lease::new(Arc::clone(&process));
            match within(limit, ready).await {
                Some(Ok(Ok(()))) => {
                    self.speaker.say(News::ColdStart { number, took: began.elapsed() });
                    process.take_place(place);
                    return Ok(lease);
                }
                Some(Ok(Err(ending))) => return Err(ending.failure(id)),
                Some(Err(_)) => return Err(stopping(id)),
                None => self.speaker.say(News::Said(&format!(
                    "it has not asked for an invocation after {} s, and was ended",
                    limit.as_secs()
                ))),
            }
        }
        Err(Failure::timed_out(id, self.declared.timeout))
    }

    /// Says how often it was invoked, and lets go of all processes, which have ended.
    pub fn close(&self) {
        self.empty();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        if count(&self.invocations) > 0 {
            let (invocations, cold_starts) = (count(&self.invocations), count(&self.cold_starts));
            self.speaker.say(News::Total { invocations, cold_starts });
        }
    }
}

/// What is sent within this time, if anything is. Later nothing can be sent any more, and whoever tries learns that.
async fn within<T>(limit: Duration, mut sent: Receiver<T>) -> Option<Result<T, RecvError>> {
    match timeout(limit, &mut sent).await {
        Ok(sent) => Some(sent),
        Err(_) => {
            sent.close();
            sent.try_recv().ok().map(Ok)
        }
    }
}

fn cannot_start(why: impl ToString) -> Failure {
    Failure::new("Runtime.InvalidEntrypoint", why.to_string())
}

fn stopping(id: &str) -> Failure {
    Failure::new("Runtime.ExitError", format!("RequestId: {id} Error: the gateway is ending"))
}
