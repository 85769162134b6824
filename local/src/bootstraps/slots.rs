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
    /// Wait where others are refused, and behind all for whom somebody waits, as events do.
    pub queues: bool,
}

/// Who has what.
#[derive(Default)]
pub struct State {
    idle: Vec<Lease>,
    processes: usize,
    /// Those for whom somebody waits.
    waiting: VecDeque<oneshot::Sender<Slot>>,
    /// Those for whom nobody does, which take what is left: however many there are, they shut nobody out.
    later: VecDeque<oneshot::Sender<Slot>>,
}

impl State {
    /// How many come before an invocation that joins the queue now.
    fn before(&mut self, queues: bool) -> usize {
        self.waiting.retain(|waiting| !waiting.is_closed());
        if queues {
            self.later.retain(|waiting| !waiting.is_closed());
        }
        self.waiting.len() + if queues { self.later.len() } else { 0 }
    }

    fn join(&mut self, queues: bool) -> oneshot::Receiver<Slot> {
        let (slot, wait) = oneshot::channel();
        if queues { &mut self.later } else { &mut self.waiting }.push_back(slot);
        wait
    }
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
        let before = state.before(queues);
        let left = self.declared.limit.saturating_sub(state.processes);
        let is_full = left == 0;
        // An event leaves room for those before it who may need it yet.
        let is_kept = queues && !is_full && left <= state.waiting.len();
        if is_full && self.declared.limit > 0 && (queues || !self.declared.is_reserved) {
            Found::Wait(state.join(queues))
        } else if patient && self.settling.load(Ordering::Acquire) > before || is_kept {
            let Patience { settling, at_the_limit } = self.common.patience;
            Found::Settling(state.join(queues), if is_full { at_the_limit } else { settling })
        } else if is_full {
            Found::Nothing
        } else {
            state.processes += 1;
            Found::Slot(Slot::Room(Place(Some(Arc::clone(self)))))
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

    /// Gives a slot to whoever is first in the queue, or keeps it.
    fn give(self: &Arc<Self>, mut slot: Slot) {
        loop {
            let waiting = {
                let mut state = self.lock();
                let Some(waiting) = state.waiting.pop_front().or_else(|| state.later.pop_front()) else {
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
        let gone = {
            let mut state = self.lock();
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.waiting), std::mem::take(&mut state.later))
        };
        drop(gone);
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.later.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
