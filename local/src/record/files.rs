//! A folder of recorded invocations: `<time>-<number>-<function>.event.json`, and `.answer.json` or `.error.json` beside
//! it. Names in alphabetical order are invocations in their order.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shared::clock::Timestamp;

use crate::keys::open_private;

const EVENT: &str = ".event.json";
/// As many names that are taken are passed over.
const TAKEN: u64 = 1_000;

/// A folder that can be written to.
pub struct Folder {
    path: PathBuf,
    /// The number of the last invocation, and its time.
    last: (u64, Timestamp),
}

impl Folder {
    /// The folder at `path`, which is made, for its owner alone, if it is not there.
    pub fn open(path: PathBuf) -> io::Result<Folder> {
        make(&path)?;
        let trial = path.join(format!(".{}", std::process::id()));
        open_private(&trial)?;
        std::fs::remove_file(&trial)?;
        Ok(Folder { path, last: (0, Timestamp::from_millis(0)) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an event, and gives what the names of its files begin with.
    pub fn event(&mut self, time: Timestamp, function: &str, event: &[u8]) -> io::Result<PathBuf> {
        // Invocations that begin at once, or before the clock was put back, keep their order.
        let time = self.last.1.max(time);
        let first = self.last.0 + 1;
        for number in first..first + TAKEN {
            self.last = (number, time);
            let compact = time.to_string().replace(['-', ':'], "");
            let name = self.path.join(format!("{compact}-{number:06}-{function}"));
            match write(&with_ending(&name, EVENT), event) {
                // An earlier run, or another one, was there at the same moment.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written.map(|()| name),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many names are taken"))
    }
}

/// Writes what became of an event, beside it.
pub fn outcome(name: &Path, outcome: &Result<Vec<u8>, Vec<u8>>) -> io::Result<()> {
    match outcome {
        Ok(answer) => write(&with_ending(name, ".answer.json"), answer),
        Err(failure) => write(&with_ending(name, ".error.json"), failure),
    }
}

/// What is recorded beside this event: the answer, or the failure.
pub fn recorded(event: &Path) -> Option<Result<Vec<u8>, Vec<u8>>> {
    let name = event.to_str()?.strip_suffix(EVENT).map(PathBuf::from)?;
    let read = |ending| std::fs::read(with_ending(&name, ending)).ok();
    read(".answer.json").map(Ok).or_else(|| read(".error.json").map(Err))
}

/// The function in the name of an event's file.
pub fn function_of(event: &Path) -> Option<&str> {
    event.file_name()?.to_str()?.strip_suffix(EVENT)?.splitn(3, '-').nth(2)
}

/// Makes the file, which is not there yet, whole or not at all.
fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    open_private(path)?.write_all(contents).inspect_err(|_| {
        // Half a file is no JSON. If it cannot be removed either, the error says enough.
        let _ = std::fs::remove_file(path);
    })
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}
