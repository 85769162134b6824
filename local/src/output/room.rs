//! A bound to what waits for the terminal, in lines or in bytes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How much there may be, and how much is left.
pub struct Room {
    all: usize,
    left: Mutex<usize>,
    freed: Condvar,
}

impl Room {
    /// For so much.
    pub fn of(all: usize) -> Room {
        Room { all, left: Mutex::new(all), freed: Condvar::new() }
    }

    /// Takes so much if it is left. What is larger than the whole room takes all of it.
    pub fn take(&self, much: usize) -> bool {
        if much == 0 {
            return true;
        }
        let mut left = self.lock();
        let wanted = much.min(self.all);
        let is_left = *left >= wanted;
        if is_left {
            *left -= wanted;
        }
        is_left
    }

    /// Waits until so much is left, and takes it.
    pub fn wait_for(&self, much: usize) {
        let wanted = much.min(self.all);
        let left = self.freed.wait_while(self.lock(), |left| *left < wanted);
        *left.unwrap_or_else(PoisonError::into_inner) -= wanted;
    }

    /// Gives so much back.
    pub fn give_back(&self, much: usize) {
        if much > 0 {
            *self.lock() += much.min(self.all);
            self.freed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what may wait, where that must keep no other task from running.
pub fn waiting(wait: impl FnOnce()) {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}
