//! A bound to the bytes that wait for the terminal.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How many bytes there may be, and how many are left.
pub struct Room {
    all: usize,
    left: Mutex<usize>,
    freed: Condvar,
}

impl Room {
    /// For so many bytes.
    pub fn of(all: usize) -> Room {
        Room { all, left: Mutex::new(all), freed: Condvar::new() }
    }

    /// Takes so many if they are left. What is larger than the whole room takes all of it.
    pub fn take(&self, bytes: usize) -> bool {
        if bytes == 0 {
            return true;
        }
        let mut left = self.lock();
        let wanted = bytes.min(self.all);
        let is_left = *left >= wanted;
        if is_left {
            *left -= wanted;
        }
        is_left
    }

    /// Waits until so many are left, and takes them.
    pub fn wait_for(&self, bytes: usize) {
        let wanted = bytes.min(self.all);
        let left = self.freed.wait_while(self.lock(), |left| *left < wanted);
        *left.unwrap_or_else(PoisonError::into_inner) -= wanted;
    }

    /// Gives so many back.
    pub fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            *self.lock() += bytes.min(self.all);
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
