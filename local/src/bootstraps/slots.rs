//! Which invocation gets which process: the one that was used last, so that what is not needed stays idle; or room for
//! another one, up to the limit; or a place in the queue.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::pool::Pool;
use super::process::Process;
use super::program::Stamp;

/// How long to wait for a process that has answered to ask for its next invocation, which it does at once unless it has
/// something left to do.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Where another one may be started.
    pub settling: Duration,
    /// Where no other one may be.
    pub at_the_limit: Duration,
}

impl Default for Patience {
    /// Another one does not start sooner on a busy machine; and nobody is refused only because a process was not given its
    /// turn.
    fn default() -> Self {
        Patience { settling: Duration::from_millis(100), at_the_limit: Duration::from_secs(1) }
    }
}

/// What an invocation would do.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Wait for a process that has answered.
    pub patient: bool,
    /// Wait where others are refused.
    pub queues: bool,
}

/// Who has what.
#[derive(Default)]
pub struct State {
    idle: Vec<Lease>,
    processes: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// What an invocation runs in.
pub enum Slot {
    /// One that is ready.
    Process(Lease),
    /// A process that it starts.
    Room(Place),
}

/// One of the processes that there may be. Dropping it lets another one be.
pub struct Place(Option<Arc<Pool>>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            let place = Place(Some(Arc::clone(&pool)));
            pool.give(Slot::Room(place));
        }
    }
}

/// A process that is ready and nobody else's. Dropping it ends the process.
pub struct Lease(Option<Arc<Process>>);

impl Lease {
    /// Of this process.
    pub fn new(process: Arc<Process>) -> Lease {
        Lease(Some(process))
    }

    /// The process.
    pub fn process(&self) -> Option<&Arc<Process>> {
        self.0.as_ref()
    }

    /// Whether it runs this version.
    pub fn is(&self, stamp: Stamp) -> bool {
        self.0.as_ref().is_some_and(|process| process.stamp == stamp)
    }

    /// The process asks for more by itself.
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(process) = self.0.take() {
            process.end();
        }
    }
}

/// What there is for an invocation at this moment.
pub enum Found {
    /// A slot.
    Slot(Slot),
    /// One that somebody else has.
    Wait(oneshot::Receiver<Slot>),
    /// One that somebody else has, but hardly for so long.
    Settling(oneshot::Receiver<Slot>, Duration),
    /// None, and none to wait for.
    Nothing,
}

impl Pool {
    /// A process of this version, or room for one.
    pub fn find(self: &Arc<Self>, stamp: Stamp, Wish { patient, queues }: Wish) -> Found {
        // Dropped when the lock is no longer held.
        let mut outdated = Vec::new();
        let mut state = self.lock();
        while let Some(lease) = state.idle.pop() {
            if lease.is(stamp) {
                drop(state);
                return Found::Slot(Slot::Process(lease));
            }
            outdated.push(lease);
        }
        if !outdated.is_empty() {
            drop(state);
            drop(outdated);
            state = self.lock();
        }
        state.waiting.retain(|waiting| !waiting.is_closed());
        let (slot, wait) = oneshot::channel();
        let is_full = state.processes >= self.declared.limit;
        if patient && self.settling.load(Ordering::Acquire) > state.waiting.len() {
            state.waiting.push_back(slot);
            let Patience { settling, at_the_limit } = self.common.patience;
            Found::Settling(wait, if is_full { at_the_limit } else { settling })
        } else if !is_full {
            state.processes += 1;
            Found::Slot(Slot::Room(Place(Some(Arc::clone(self)))))
        } else if self.declared.limit == 0 || self.declared.is_reserved && !queues {
            Found::Nothing
        } else {
            state.waiting.push_back(slot);
            Found::Wait(wait)
        }
    }

    /// A process has answered, and will ask for more.
    pub fn settles(&self) {
        self.settling.fetch_add(1, Ordering::Release);
    }

    /// It has asked for more, or has ended instead.
    pub fn settled(self: &Arc<Self>, lease: Option<Lease>) {
        self.settling.fetch_sub(1, Ordering::Release);
        if let Some(lease) = lease {
            self.give(Slot::Process(lease));
        }
    }

    /// Gives a slot to whoever waits longest, or keeps it.
    fn give(self: &Arc<Self>, mut slot: Slot) {
        loop {
            let waiting = {
                let mut state = self.lock();
                let Some(waiting) = state.waiting.pop_front() else {
                    match slot {
                        Slot::Process(lease) => state.idle.push(lease),
                        Slot::Room(mut place) => {
                            place.0 = None;
                            state.processes -= 1;
                        }
                    }
                    return;
                };
                waiting
            };
            // Who no longer waits gives it back.
            match waiting.send(slot) {
                Ok(()) => return,
                Err(back) => slot = back,
            }
        }
    }

    /// A process has ended: it is not among the idle ones any more.
    pub fn forget(&self, process: &Arc<Process>) {
        let gone = {
            let mut state = self.lock();
            let at =
                state.idle.iter().position(|lease| lease.0.as_ref().is_some_and(|idle| Arc::ptr_eq(idle, process)));
            at.map(|at| state.idle.remove(at))
        };
        drop(gone);
        drop(process.leave());
    }

    /// Lets go of every process and of all who wait.
    pub fn empty(&self) {
        let (idle, waiting) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.waiting))
        };
        drop((idle, waiting));
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
