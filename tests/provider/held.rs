//! A call that the provider keeps waiting until the test says so, for what goes on beside it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Provider;
use super::books::Call;

/// When a held call is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// At once; its answer is what waits.
    Before,
    /// Once it is released.
    After,
}

/// A call that is to be held.
#[derive(Clone)]
pub struct Held {
    pub call: Call,
    pub done: Done,
    reached: Arc<Notify>,
    released: Arc<Notify>,
}

impl Held {
    /// Waits until the call has come.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets the call go on.
    pub fn release(&self) {
        self.released.notify_one();
    }

    /// What the call itself does.
    pub async fn wait(&self) {
        self.reached.notify_one();
        self.released.notified().await;
    }
}

impl Provider {
    /// Holds the next such call.
    pub fn hold(&self, call: Call, done: Done) -> Held {
        let held = Held { call, done, reached: Arc::default(), released: Arc::default() };
        self.books().held = Some(held.clone());
        held
    }
}
