//! Functions as processes: the very binaries that would be deployed, each under a Lambda Runtime API of its own. One
//! process does one invocation at a time, as in Lambda; whatever has a `bootstrap` that runs on this machine can be one,
//! in any language.

use std::collections::BTreeMap;
use std::path::PathBuf;

#[cfg(unix)]
mod child;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod lines;
mod news;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod runtime_api;
#[cfg(unix)]
mod slots;

#[cfg(not(unix))]
pub use elsewhere::Bootstraps;
pub use news::{Millis, News, Sink, Speaker};
#[cfg(unix)]
pub use running::Bootstraps;

/// Variables of this process that the functions' have too: interpreters are found by one, and the other is where Lambda's
/// `/tmp` is on this machine.
pub const INHERITED: [&str; 2] = ["PATH", "TMPDIR"];

/// What to run.
#[derive(Clone)]
pub struct Built {
    /// Where the programs are.
    pub directory: PathBuf,
    /// The values of [`INHERITED`].
    pub inherited: BTreeMap<String, String>,
    /// Who hears what there is to say about the functions.
    pub sink: Sink,
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
