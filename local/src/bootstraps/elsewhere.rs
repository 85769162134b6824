//! Functions as processes, on a system that has no process groups to end them by: there are none.

use std::path::Path;

use shared::clock::Clock;

use super::Built;
use crate::Error;
use crate::environment::Environment;
use crate::functions::Functions;

/// The functions' processes, of which there are none here.
pub enum Bootstraps {}

impl Bootstraps {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: &Built, _: &Environment<'_>, _: &Clock) -> Result<(Bootstraps, Functions), Error> {
        Err(Error::new("--bootstraps runs programs on Linux and macOS only: leave it out, or use --functions."))
    }

    /// Where the programs are.
    pub fn directory(&self) -> &Path {
        match *self {}
    }

    /// A sentence for each function that has no program yet.
    pub fn missing(&self) -> Vec<String> {
        match *self {}
    }

    /// Ends all processes.
    pub async fn stop(self) {
        match self {}
    }
}
