//! The signals that end the shop.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// What ends the shop: Ctrl-C, and what `kill` and a container's stop send.
pub struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system has no place for it.
    #[cfg(unix)]
    pub fn listen() -> Result<Signals, Error> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::new(format!("signals cannot be listened to: {error}.")));
        Ok(Signals { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Listens as soon as the next one is waited for.
    #[cfg(not(unix))]
    pub fn listen() -> Result<Signals, Error> {
        Ok(Signals {})
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_before_it_is_waited_for_is_not_lost() {
        for name in ["INT", "TERM"] {
            let mut signals = Signals::listen().unwrap();
            let kill = format!("kill -{name} {}", std::process::id());
            assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            signals.next().await;
        }
    }
}
